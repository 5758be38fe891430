//! Generates the reference pages: fields, verdicts, operations, and the pages of `docs/reference`.
//!
//! The verdicts come from translating sample definitions that contain every field of the AWS API.

mod operations;
mod pages;
mod reference;
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde_json::Value;

pub use operations::{OPERATIONS, Replacement};
pub use pages::{Page, pages, summary};
pub use reference::chart_values::schema as chart_values_schema;
use sample::NAME;

use ecs_operator::api::{CapacityProviderSpec, ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use ecs_operator::ecs::fields::{self, InputField};
use ecs_operator::translate::{Code, FieldVerdict, Mode, RenderProfile, Verdict, examine};

/// Task groups of placement constraints: another group, and the group of the service itself.
const GROUPS: [&str; 2] = ["GROUP", "service:sample-name"];

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
    vec![
        survey_kind::<TaskDefinitionSpec>(
            "TaskDefinition",
            &["ecs:RegisterTaskDefinition"],
            &[],
            task_definition_verdicts,
        ),
        survey_kind::<ServiceSpec>("Service", &SERVICE_OPERATIONS, &fields::auto_scaling(), service_verdicts),
        survey_kind::<ClusterSpec>("Cluster", &["ecs:CreateCluster"], &[], cluster_verdicts),
        survey_kind::<CapacityProviderSpec>(
            "CapacityProvider",
            &["ecs:CreateCapacityProvider"],
            &[],
            |number, input| capacity_provider_verdicts(number, &input),
        ),
    ]
}

/// Translates a sample with and without the `kubernetes` block, because the block decides about other fields.
fn task_definition_verdicts(_: usize, mut input: Value) -> Vec<FieldVerdict> {
    sample::make_plausible(&mut input);
    sample::separate_volumes(&mut input);
    let mut without_block = input.clone();
    without_block.as_object_mut().map(|members| members.remove("kubernetes"));
    sample::constrain(&mut input, GROUPS[0]);
    sample::constrain(&mut without_block, GROUPS[1]);
    let profile = RenderProfile::current(RenderProfile::NEWEST_MINOR);
    [input, without_block]
        .into_iter()
        .flat_map(|input| examine::task_definition_verdicts(&examine::task_definition(input), NAME, &profile))
        .collect()
}

fn service_verdicts(number: usize, mut input: Value) -> Vec<FieldVerdict> {
    sample::make_service_plausible(&mut input, number);
    let profile = RenderProfile::current(RenderProfile::NEWEST_MINOR);
    let mut verdicts = Vec::new();
    for mut input in sample::service_variants(&input, number) {
        for group in GROUPS {
            sample::constrain(&mut input, group);
            let examined = examine::service(input.clone());
            verdicts.extend(examine::service_verdicts(&examined, NAME, &profile, Mode::Operator));
        }
    }
    verdicts
}

fn cluster_verdicts(number: usize, mut input: Value) -> Vec<FieldVerdict> {
    sample::make_cluster_plausible(&mut input, number);
    examine::cluster_verdicts(&examine::cluster(input), NAME, Mode::Operator)
}

fn capacity_provider_verdicts(number: usize, input: &Value) -> Vec<FieldVerdict> {
    sample::capacity_provider_variants(input, number)
        .into_iter()
        .flat_map(|input| examine::capacity_provider_verdicts(&examine::capacity_provider(input), NAME))
        .collect()
}

fn survey_kind<T: JsonSchema>(
    kind: &'static str,
    operations: &'static [&'static str],
    nested: &[InputField],
    verdicts: impl Fn(usize, Value) -> Vec<FieldVerdict>,
) -> Coverage {
    let mut surveyed = survey::<T>(verdicts);
    // `nested` replaces the fields of its operations: they are below a field of the definition.
    let mut inputs = fields::for_operations(operations);
    inputs.retain(|field| nested.iter().all(|other| other.operation != field.operation));
    inputs.extend(nested);
    let with_values = inputs.iter().copied().filter(|field| !field.is_group());
    let fields: Vec<Covered> =
        with_values.map(|field| Covered { outcomes: outcomes(&surveyed, field.path), field }).collect();
    surveyed.retain(|path, _| inputs.iter().all(|field| field.path != path));
    Coverage { kind, operations, inputs, fields, others: surveyed }
}

/// Returns the verdicts on a field, or on the free-form JSON that contains it.
fn outcomes(surveyed: &BTreeMap<String, BTreeSet<Outcome>>, path: &str) -> BTreeSet<Outcome> {
    let mut paths = std::iter::successors(Some(path), |path| {
        path.rsplit_once('.').map(|(parent, _)| parent.trim_end_matches("[]"))
    });
    paths.find_map(|path| surveyed.get(path)).cloned().unwrap_or_default()
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
    let mut surveyed: BTreeMap<String, BTreeMap<_, Outcome>> = BTreeMap::new();
    let samples = sample::samples::<T>().enumerate();
    for verdict in samples.flat_map(|(number, sample)| verdicts(number, sample)) {
        let outcomes = surveyed.entry(value_field(&verdict.path.field())).or_default();
        let key = (std::cmp::Reverse(verdict.verdict), verdict.code);
        let outcome = outcomes.entry(key).or_insert_with(|| Outcome {
            verdict: key.0,
            code: key.1,
            targets: BTreeSet::new(),
            messages: BTreeSet::new(),
        });
        outcome.targets.extend(verdict.target.as_deref().map(normalized_target));
        outcome.messages.extend(verdict.message.as_deref().map(sample::with_placeholders));
    }
    surveyed.into_iter().map(|(field, outcomes)| (field, outcomes.into_values().collect())).collect()
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
    let steps = target.split('/').map(|step| if step.bytes().all(|byte| byte.is_ascii_digit()) { "*" } else { step });
    steps.collect::<Vec<_>>().join("/")
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
