//! Choice of one of several instances.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::instance::Instance;
use super::request::Request;
use super::reservation::Amounts;
use crate::ecs::decode::hint::{did_you_mean, shortened};
use crate::ecs::query;
use crate::ecs::service::{PlacementStrategy, PlacementStrategyType};

/// Steps of a strategy.
pub const MAX_STRATEGIES: usize = 5;

/// The attribute that says an instance's availability zone.
pub const ZONE: &str = "ecs.availability-zone";

/// A step of a strategy. A later one chooses among those that are equal to the steps before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Chance decides.
    Random,
    /// Prefers the fewest tasks of the group.
    Spread(SpreadField),
    /// Prefers the smallest remaining amount.
    Binpack(BinpackField),
}

/// Field that tasks are spread over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpreadField {
    /// Instances: `instanceId`, or `host`, which is the same.
    Instance,
    /// The values of the attribute of this name.
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

/// Reason for refusing a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStrategy {
    /// There is no such kind.
    #[error("`{0}` is not a strategy: write random, spread=FIELD or binpack=FIELD")]
    Unknown(String),
    /// `spread` says nothing to spread over.
    #[error("spread needs a field: host, instanceId or attribute:…")]
    SpreadOverNothing,
    /// `spread` says something else than instances or an attribute.
    #[error("spread cannot be over `{}`: write host, instanceId or attribute:NAME{}", shortened(.0), meant_to_spread(.0))]
    SpreadField(String),
    /// `spread` says an attribute that no instance can have.
    #[error("`{}` is not the name of an attribute: it has 1 to 128 letters, digits and any of - _ . / \\", shortened(.0))]
    Attribute(String),
    /// `binpack` says nothing to fill up with.
    #[error("binpack needs a field: cpu or memory")]
    BinpackOfNothing,
    /// `binpack` says something else.
    #[error("binpack knows cpu and memory only{}", did_you_mean(.0, ["cpu", "memory"].into_iter()))]
    BinpackField(String),
    /// `random` has a field.
    #[error("random takes no field: leave `={0}` out")]
    FieldOfRandom(String),
}

impl Strategy {
    /// Returns the strategy of a service without one: spread over zones, then over instances.
    #[must_use]
    pub fn of_service_by_default() -> Vec<Self> {
        vec![Self::Spread(SpreadField::Attribute(ZONE.to_owned())), Self::Spread(SpreadField::Instance)]
    }

    /// A step as a service or RunTask has it; without a type it is `random`, whose field says nothing.
    ///
    /// # Errors
    /// Fails if the field is missing or invalid for the type.
    pub fn of(step: &PlacementStrategy) -> Result<Self, InvalidStrategy> {
        let field = step.field.as_deref().unwrap_or_default();
        match (step.r#type, field) {
            (Some(PlacementStrategyType::Random) | None, _) => Ok(Self::Random),
            (Some(PlacementStrategyType::Spread), "") => Err(InvalidStrategy::SpreadOverNothing),
            (Some(PlacementStrategyType::Spread), "host" | "instanceId") => Ok(Self::Spread(SpreadField::Instance)),
            (Some(PlacementStrategyType::Spread), field) => {
                let name = field.strip_prefix("attribute:").filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| InvalidStrategy::SpreadField(field.to_owned()))?.to_owned();
                if !query::is_attribute(&name) {
                    return Err(InvalidStrategy::Attribute(name));
                }
                Ok(Self::Spread(SpreadField::Attribute(name)))
            }
            (Some(PlacementStrategyType::Binpack), "") => Err(InvalidStrategy::BinpackOfNothing),
            (Some(PlacementStrategyType::Binpack), field) if field.eq_ignore_ascii_case("cpu") => {
                Ok(Self::Binpack(BinpackField::Cpu))
            }
            (Some(PlacementStrategyType::Binpack), field) if field.eq_ignore_ascii_case("memory") => {
                Ok(Self::Binpack(BinpackField::Memory))
            }
            (Some(PlacementStrategyType::Binpack), field) => Err(InvalidStrategy::BinpackField(field.to_owned())),
        }
    }

    /// The attribute that it asks about.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        match self {
            Self::Spread(SpreadField::Attribute(name)) => Some(name),
            _ => None,
        }
    }
}

/// Returns a hint for an unknown spread field, which most often is an attribute without its prefix.
fn meant_to_spread(field: &str) -> String {
    let instance = did_you_mean(field, ["host", "instanceId"].into_iter());
    let name = if query::BUILT_IN.contains(&field) { field } else { ZONE };
    let zone =
        ["az", "zone", "availabilityzone", "availability-zone"].iter().any(|zone| field.eq_ignore_ascii_case(zone));
    if zone || name == field { format!(", did you mean `attribute:{name}`?") } else { instance }
}

/// Reads `random`, `spread=FIELD` and `binpack=FIELD`.
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
            field => Self::of(&PlacementStrategy { r#type: Some(kind), field: field.map(str::to_owned) }),
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
    pub(super) fn of(self, amounts: Amounts) -> i64 {
        match self {
            Self::Cpu => amounts.cpu,
            Self::Memory => amounts.memory,
        }
    }
}

/// Those of the instances that no step prefers another one to.
pub(super) fn narrow_to_place(mut at: Vec<usize>, instances: &[Instance], request: &Request) -> Vec<usize> {
    for step in &request.strategies {
        match step {
            Strategy::Random => break,
            Strategy::Spread(field) => {
                let tasks = instances.iter().map(|instance| instance.tasks_of(&request.group));
                let crowd = Crowd::new(field, instances, tasks);
                at = least(at, |at| crowd.around(at));
            }
            Strategy::Binpack(field) => at = least(at, |at| field.of(instances[at].free)),
        }
    }
    at
}

/// Number of tasks around each instance: on the instance, or on all with the same value of an attribute.
pub(super) struct Crowd(Vec<usize>);

impl Crowd {
    /// The crowds that tasks are in, of which there are as many on each of the instances.
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

    /// Tasks around the instance at this position.
    pub(super) fn around(&self, at: usize) -> usize {
        self.0.get(at).copied().unwrap_or(0)
    }
}

/// Those with the smallest key.
pub(super) fn least<K: Ord>(mut from: Vec<usize>, key: impl Fn(usize) -> K) -> Vec<usize> {
    if let Some(least) = from.iter().map(|item| key(*item)).min() {
        from.retain(|item| key(*item) == least);
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_by_an_unknown_field_is_told() {
        let cases = [
            ("spread=zone", "did you mean `attribute:ecs.availability-zone`?"),
            ("spread=ecs.availability-zone", "did you mean `attribute:ecs.availability-zone`?"),
            ("spread=ecs.instance-type", "did you mean `attribute:ecs.instance-type`?"),
            ("spread=instanceid", "did you mean `instanceId`?"),
            ("spread=rack", "`rack`: write host, instanceId or attribute:NAME"),
            ("spread=attribute:a b", "`a b` is not the name of an attribute"),
            ("binpack=mem", "cpu and memory only"),
            ("binpack=memry", "did you mean `memory`?"),
        ];
        for (text, words) in cases {
            let told = text.parse::<Strategy>().unwrap_err().to_string();
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
