//! Generates the reference pages about fields, verdicts and operations.
//!
//! The verdicts come from translating sample definitions that contain every field of the AWS API.

mod operations;
mod pages;
mod sample;

use ecs_operator::translate::Mode;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde_json::Value;

pub use operations::{OPERATIONS, Replacement};
pub use pages::{Page, pages, summary};

use ecs_operator::api::{CapacityProviderSpec, ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use ecs_operator::ecs::fields::{self, InputField};
use ecs_operator::translate::{Code, FieldVerdict, RenderProfile, Verdict, examine};

/// Name of the object in the targets.
const NAME: &str = "web";

/// Task groups of placement constraints: another group, and the group of the service itself.
const GROUPS: [&str; 2] = ["GROUP", "service:web"];

/// The verdicts on the fields of a kind of definition.
pub struct Coverage {
    /// The kind of the custom resource.
    pub kind: &'static str,
    /// The AWS operations whose input has the same shape.
    pub operations: &'static [&'static str],
    /// The fields of these operations, in the order of the API reference, by their paths in the definition.
    pub inputs: Vec<InputField>,
    /// The fields that contain values.
    pub fields: Vec<Covered>,
    /// Fields of the shape that are not an input of these operations: fields of descriptions, and the `kubernetes` block.
    pub others: BTreeMap<String, BTreeSet<Outcome>>,
}

/// A field and all its verdicts.
pub struct Covered {
    /// The field.
    pub field: InputField,
    /// One entry for each verdict and code that the field may have, depending on its value and other fields; the best first.
    pub outcomes: BTreeSet<Outcome>,
}

/// A verdict on a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// The verdict.
    pub verdict: std::cmp::Reverse<Verdict>,
    /// The code of the difference.
    pub code: Option<Code>,
    /// The fields of Kubernetes objects that it sets: `Deployment /spec/replicas`.
    pub targets: BTreeSet<String>,
    /// How it differs and what to do.
    pub messages: BTreeSet<String>,
}

/// Returns the verdicts on the fields of every kind of definition.
#[must_use]
pub fn coverage() -> Vec<Coverage> {
    let task_definition = |_, mut input: Value| {
        sample::make_plausible(&mut input);
        sample::part_volumes(&mut input);
        // The `kubernetes` block decides about other fields: each definition is judged with it and without it.
        let mut bare = input.clone();
        bare.as_object_mut().map(|members| members.remove("kubernetes"));
        sample::constrain(&mut input, GROUPS[0]);
        sample::constrain(&mut bare, GROUPS[1]);
        let verdicts = |input| {
            let examined = examine::task_definition(input);
            examine::task_definition_verdicts(&examined, NAME, &RenderProfile::current(RenderProfile::NEWEST_MINOR))
        };
        [input, bare].into_iter().flat_map(verdicts).collect()
    };
    let service = |number, mut input: Value| {
        sample::make_service_plausible(&mut input, number);
        let verdicts = |input: Value| -> Vec<_> {
            let of_group = |group| {
                let mut input = input.clone();
                sample::constrain(&mut input, group);
                examine::service_verdicts(
                    &examine::service(input),
                    NAME,
                    &RenderProfile::current(RenderProfile::NEWEST_MINOR),
                    Mode::Operator,
                )
            };
            GROUPS.into_iter().flat_map(of_group).collect()
        };
        sample::part_ways(&input, number).into_iter().flat_map(verdicts).collect()
    };
    let cluster = |number, mut input: Value| {
        sample::make_cluster_plausible(&mut input, number);
        examine::cluster_verdicts(&examine::cluster(input), NAME, Mode::Operator)
    };
    let capacity_provider = |number, input: Value| {
        let verdicts = |input| examine::capacity_provider_verdicts(&examine::capacity_provider(input), NAME);
        sample::part_capacity(&input, number).into_iter().flat_map(verdicts).collect()
    };
    vec![
        survey_kind::<TaskDefinitionSpec>("TaskDefinition", &["ecs:RegisterTaskDefinition"], &[], task_definition),
        survey_kind::<ServiceSpec>("Service", &SERVICE_OPERATIONS, &fields::of_scaling(), service),
        survey_kind::<ClusterSpec>("Cluster", &["ecs:CreateCluster"], &[], cluster),
        survey_kind::<CapacityProviderSpec>(
            "CapacityProvider",
            &["ecs:CreateCapacityProvider"],
            &[],
            capacity_provider,
        ),
    ]
}

fn survey_kind<T: JsonSchema>(
    kind: &'static str,
    operations: &'static [&'static str],
    placed: &[InputField],
    verdicts: impl Fn(usize, Value) -> Vec<FieldVerdict>,
) -> Coverage {
    let mut seen = survey::<T>(verdicts);
    let own = fields::of(operations)
        .into_iter()
        .filter(|field| placed.iter().all(|other| other.operation != field.operation));
    let inputs: Vec<InputField> = own.chain(placed.iter().copied()).collect();
    let given = inputs.iter().copied().filter(|field| !field.is_group());
    let fields: Vec<Covered> = given.map(|field| Covered { outcomes: outcomes(&seen, field.path), field }).collect();
    let known: BTreeSet<&str> = inputs.iter().map(|field| field.path).collect();
    seen.retain(|path, _| !known.contains(path.as_str()));
    Coverage { kind, operations, inputs, fields, others: seen }
}

/// Returns the verdicts on a field, or on the free-form JSON that contains it.
fn outcomes(seen: &BTreeMap<String, BTreeSet<Outcome>>, path: &str) -> BTreeSet<Outcome> {
    let above =
        std::iter::successors(Some(path), |path| path.rsplit_once('.').map(|(above, _)| above.trim_end_matches("[]")));
    above.into_iter().find_map(|path| seen.get(path)).cloned().unwrap_or_default()
}

/// The AWS operations whose inputs a Service contains.
const SERVICE_OPERATIONS: [&str; 5] = [
    "ecs:CreateService",
    "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:PutScalingPolicy",
    "cloudwatch:PutMetricAlarm",
    "application-autoscaling:PutScheduledAction",
];

/// Returns the verdicts by field, one for each pair of verdict and code.
fn survey<T: JsonSchema>(verdicts: impl Fn(usize, Value) -> Vec<FieldVerdict>) -> BTreeMap<String, BTreeSet<Outcome>> {
    let mut seen: BTreeMap<String, BTreeMap<_, Outcome>> = BTreeMap::new();
    let samples = sample::samples::<T>().enumerate();
    for verdict in samples.flat_map(|(number, sample)| verdicts(number, sample)) {
        let outcomes = seen.entry(value_field(&verdict.path.field())).or_default();
        let key = (std::cmp::Reverse(verdict.verdict), verdict.code);
        let outcome = outcomes.entry(key).or_insert_with(|| Outcome {
            verdict: key.0,
            code: key.1,
            targets: BTreeSet::new(),
            messages: BTreeSet::new(),
        });
        outcome.targets.extend(verdict.target.as_deref().map(normalized_target));
        outcome.messages.extend(verdict.message);
    }
    seen.into_iter().map(|(field, outcomes)| (field, outcomes.into_values().collect())).collect()
}

/// Returns the field whose value contains this item or member: `command` for `command[]`, `options` for `options.*`.
fn value_field(field: &str) -> String {
    field.trim_end_matches("[]").trim_end_matches(".*").to_owned()
}

/// `Deployment/web#/spec/initContainers/1/image` → `Deployment /spec/containers/*/image`
fn normalized_target(target: &str) -> String {
    let (object, pointer) = target.split_once('#').unwrap_or((target, ""));
    let kind = object.split('/').next().unwrap_or_default();
    let target = format!("{kind} {pointer}").replace("/initContainers/", "/containers/");
    let star =
        |step: &str| if step.bytes().all(|byte| byte.is_ascii_digit()) { "*".to_owned() } else { step.to_owned() };
    target.split('/').map(star).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_members_belong_to_their_field() {
        assert_eq!(value_field("a[].command[]"), "a[].command");
        assert_eq!(value_field("a.options.*"), "a.options");
        assert_eq!(
            normalized_target("Deployment/web#/spec/initContainers/1/image"),
            "Deployment /spec/containers/*/image"
        );
    }

    #[test]
    fn each_source_of_a_volume_has_its_own_verdict() {
        let coverage = coverage();
        let outcomes = |path: &str| {
            let covered = coverage[0].fields.iter().find(|covered| covered.field.path == path).expect("a field");
            covered.outcomes.iter().map(|outcome| outcome.verdict.0).collect::<BTreeSet<_>>()
        };
        assert_eq!(outcomes("volumes[].host.sourcePath"), BTreeSet::from([Verdict::Exact]));
        let driver = outcomes("volumes[].dockerVolumeConfiguration.driver");
        assert!(driver.is_superset(&BTreeSet::from([Verdict::Exact, Verdict::NeedsAddon])), "{driver:?}");
        let windows = outcomes("volumes[].fsxWindowsFileServerVolumeConfiguration.rootDirectory");
        assert!(!windows.contains(&Verdict::Unsupported), "{windows:?}");
    }
}
