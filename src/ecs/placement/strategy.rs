//! Placement strategies, which choose one of several instances.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::instance::Instance;
use super::request::Request;
use super::reservation::Amounts;
use crate::ecs::decode::hint::{did_you_mean, shortened};
use crate::ecs::query;
use crate::ecs::service::{PlacementStrategy, PlacementStrategyType};

/// Maximum steps of a strategy.
pub const MAX_STRATEGIES: usize = 5;

/// Attribute with the availability zone of an instance.
pub const ZONE: &str = "ecs.availability-zone";

/// Step of a strategy. It chooses among the instances that are equally good in all previous steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Chooses randomly.
    Random,
    /// Prefers the fewest tasks of the group.
    Spread(SpreadField),
    /// Prefers the smallest remaining amount.
    Binpack(BinpackField),
}

/// Field that tasks are spread over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpreadField {
    /// Instances: `instanceId` or `host`, which are synonyms.
    Instance,
    /// Values of the attribute with this name.
    Attribute(String),
}

/// Resource that binpack fills instances with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinpackField {
    /// CPU units.
    Cpu,
    /// Memory.
    Memory,
}

/// Error in a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStrategy {
    /// The type is unknown.
    #[error("`{0}` is not a strategy: write random, spread=FIELD or binpack=FIELD")]
    Unknown(String),
    /// `spread` has no field.
    #[error("spread needs a field: host, instanceId or attribute:NAME")]
    SpreadWithoutField,
    /// The field of `spread` is neither an instance nor an attribute.
    #[error("spread does not support the field `{}`: write host, instanceId or attribute:NAME{}", shortened(.0), spread_hint(.0))]
    SpreadField(String),
    /// The name of the attribute of `spread` is invalid.
    #[error("`{}` is not the name of an attribute: it has 1 to 128 letters, digits and any of - _ . / \\", shortened(.0))]
    Attribute(String),
    /// `binpack` has no field.
    #[error("binpack needs a field: cpu or memory")]
    BinpackWithoutField,
    /// The field of `binpack` is unknown.
    #[error("binpack supports only the fields cpu and memory{}", did_you_mean(.0, ["cpu", "memory"].into_iter()))]
    BinpackField(String),
    /// `random` has a field.
    #[error("random takes no field: remove `={0}`")]
    FieldOfRandom(String),
}

impl Strategy {
    /// Returns the strategy of a service without one: spread over zones, then over instances.
    #[must_use]
    pub fn service_default() -> Vec<Self> {
        vec![Self::Spread(SpreadField::Attribute(ZONE.to_owned())), Self::Spread(SpreadField::Instance)]
    }

    /// Returns the attribute that the step uses.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        match self {
            Self::Spread(SpreadField::Attribute(name)) => Some(name),
            _ => None,
        }
    }
}

/// Converts a step of a service or of RunTask. The default type is `random`, whose field is ignored.
impl TryFrom<&PlacementStrategy> for Strategy {
    type Error = InvalidStrategy;

    fn try_from(step: &PlacementStrategy) -> Result<Self, InvalidStrategy> {
        let field = step.field.as_deref().unwrap_or_default();
        match (step.r#type, field) {
            (Some(PlacementStrategyType::Random) | None, _) => Ok(Self::Random),
            (Some(PlacementStrategyType::Spread), "") => Err(InvalidStrategy::SpreadWithoutField),
            (Some(PlacementStrategyType::Spread), "host" | "instanceId") => Ok(Self::Spread(SpreadField::Instance)),
            (Some(PlacementStrategyType::Spread), field) => {
                let name = field.strip_prefix("attribute:").filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| InvalidStrategy::SpreadField(field.to_owned()))?.to_owned();
                if !query::is_attribute(&name) {
                    return Err(InvalidStrategy::Attribute(name));
                }
                Ok(Self::Spread(SpreadField::Attribute(name)))
            }
            (Some(PlacementStrategyType::Binpack), "") => Err(InvalidStrategy::BinpackWithoutField),
            (Some(PlacementStrategyType::Binpack), field) if field.eq_ignore_ascii_case("cpu") => {
                Ok(Self::Binpack(BinpackField::Cpu))
            }
            (Some(PlacementStrategyType::Binpack), field) if field.eq_ignore_ascii_case("memory") => {
                Ok(Self::Binpack(BinpackField::Memory))
            }
            (Some(PlacementStrategyType::Binpack), field) => Err(InvalidStrategy::BinpackField(field.to_owned())),
        }
    }
}

/// Returns a hint for an unknown spread field, which most often is an attribute without its prefix.
fn spread_hint(field: &str) -> String {
    let instance = did_you_mean(field, ["host", "instanceId"].into_iter());
    let name = if query::BUILT_IN.contains(&field) { field } else { ZONE };
    let zone =
        ["az", "zone", "availabilityzone", "availability-zone"].iter().any(|zone| field.eq_ignore_ascii_case(zone));
    if zone || name == field { format!(", did you mean `attribute:{name}`?") } else { instance }
}

/// Parses `random`, `spread=FIELD` and `binpack=FIELD`.
impl FromStr for Strategy {
    type Err = InvalidStrategy;

    fn from_str(text: &str) -> Result<Self, InvalidStrategy> {
        let (name, field) = text.split_once('=').map_or((text, None), |(name, field)| (name, Some(field.trim())));
        let kind = PlacementStrategyType::ALL.iter().find(|kind| kind.as_str() == name.trim());
        let kind = *kind.ok_or_else(|| InvalidStrategy::Unknown(name.to_owned()))?;
        match field {
            Some(field) if kind == PlacementStrategyType::Random => {
                Err(InvalidStrategy::FieldOfRandom(field.to_owned()))
            }
            field => Self::try_from(&PlacementStrategy { r#type: Some(kind), field: field.map(str::to_owned) }),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("random"),
            Self::Spread(SpreadField::Instance) => f.write_str("spread=instanceId"),
            Self::Spread(SpreadField::Attribute(name)) => write!(f, "spread=attribute:{name}"),
            Self::Binpack(BinpackField::Cpu) => f.write_str("binpack=cpu"),
            Self::Binpack(BinpackField::Memory) => f.write_str("binpack=memory"),
        }
    }
}

impl BinpackField {
    pub(super) fn amount(self, amounts: Amounts) -> i64 {
        match self {
            Self::Cpu => amounts.cpu,
            Self::Memory => amounts.memory,
        }
    }
}

/// Returns the instances that are best in all steps of the strategy.
pub(super) fn best_to_place(mut at: Vec<usize>, instances: &[Instance], request: &Request) -> Vec<usize> {
    for step in &request.strategies {
        match step {
            Strategy::Random => break,
            Strategy::Spread(field) => {
                let tasks = instances.iter().map(|instance| instance.tasks_of(&request.group));
                let counts = TaskCounts::new(field, instances, tasks);
                at = with_smallest(at, |at| counts.at(at));
            }
            Strategy::Binpack(field) => at = with_smallest(at, |at| field.amount(instances[at].free)),
        }
    }
    at
}

/// Number of tasks for each instance: those on the instance, or on all instances with the same value of an attribute.
pub(super) struct TaskCounts(Vec<usize>);

impl TaskCounts {
    /// Returns the counts for a field from the number of tasks on each instance.
    pub(super) fn new(field: &SpreadField, instances: &[Instance], tasks: impl Iterator<Item = usize>) -> Self {
        match field {
            SpreadField::Instance => Self(tasks.collect()),
            SpreadField::Attribute(name) => {
                let values: Vec<Option<&str>> = instances.iter().map(|instance| instance.attribute(name)).collect();
                let mut sums: BTreeMap<Option<&str>, usize> = BTreeMap::new();
                values.iter().zip(tasks).for_each(|(value, tasks)| *sums.entry(*value).or_default() += tasks);
                Self(values.iter().map(|value| sums.get(value).copied().unwrap_or(0)).collect())
            }
        }
    }

    /// Returns the number of tasks for the instance at this position.
    pub(super) fn at(&self, at: usize) -> usize {
        self.0.get(at).copied().unwrap_or(0)
    }
}

/// Returns the positions with the smallest key.
pub(super) fn with_smallest<K: Ord>(mut positions: Vec<usize>, key: impl Fn(usize) -> K) -> Vec<usize> {
    if let Some(smallest) = positions.iter().map(|position| key(*position)).min() {
        positions.retain(|position| key(*position) == smallest);
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_reported_with_a_hint() {
        let cases = [
            ("spread=zone", "did you mean `attribute:ecs.availability-zone`?"),
            ("spread=ecs.availability-zone", "did you mean `attribute:ecs.availability-zone`?"),
            ("spread=ecs.instance-type", "did you mean `attribute:ecs.instance-type`?"),
            ("spread=instanceid", "did you mean `instanceId`?"),
            ("spread=rack", "`rack`: write host, instanceId or attribute:NAME"),
            ("spread=attribute:a b", "`a b` is not the name of an attribute"),
            ("binpack=mem", "only the fields cpu and memory"),
            ("binpack=memry", "did you mean `memory`?"),
        ];
        for (text, words) in cases {
            let error = text.parse::<Strategy>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
