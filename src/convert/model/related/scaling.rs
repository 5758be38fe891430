//! Merges resources of Application Auto Scaling and CloudWatch into their services.
//!
//! A resource names its service as `service/CLUSTER/NAME`. An alarm belongs to the policies that it triggers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Attachment, Attachments};
use crate::convert::input::{DefinitionInput, Detected, RelatedKind, RelatedResource, SCALING_MEMBER};
use crate::convert::model::entry::Provenance;
use crate::ecs::decode::hint::did_you_mean_name;
use crate::ecs::{Pointer, Severity, arn};
use crate::k8s::kinds::RootKind;
use crate::report::Finding;

/// Merges all resources into their services.
pub(super) fn merge(inputs: &mut [(Provenance, Detected)], attachments: &mut Attachments) {
    let mut by_service: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..inputs.len() {
        let Detected::Related(resource) = &inputs[index].1 else { continue };
        if matches!(
            resource.kind,
            RelatedKind::MetricAlarm | RelatedKind::CompositeAlarm | RelatedKind::ClusterCapacity
        ) {
            continue;
        }
        match owner(inputs, resource) {
            Ok(service) => by_service.entry(service).or_default().push(index),
            Err(attachment) => drop(attachments.insert(index, attachment)),
        }
    }
    for (service, resources) in by_service {
        let scaling = assemble(inputs, service, &resources, attachments);
        if let (Some(scaling), Detected::Definition(item)) = (scaling, &mut inputs[service].1)
            && let Some(spec) = item.spec.as_object_mut()
        {
            spec.insert(SCALING_MEMBER.to_owned(), Value::Object(scaling));
            item.origin.add_made(&Pointer::root().key(SCALING_MEMBER));
        }
    }
    let policies = policies(inputs);
    for (index, (_, detected)) in inputs.iter_mut().enumerate() {
        let Detected::Related(resource) = detected else { continue };
        resource.warnings = match resource.kind {
            RelatedKind::MetricAlarm => {
                let is_attached = attachments.contains_key(&index);
                attachments.entry(index).or_insert(Attachment::Unrelated);
                let other_states = if is_attached { Vec::new() } else { actions_of_other_states(resource, &policies) };
                unknown_policies(resource, &policies).chain(other_states).collect()
            }
            RelatedKind::CompositeAlarm => {
                let mut named = STATES.into_iter().flat_map(|state| resource.policies(state));
                let has_service = named.any(|(_, policy)| policies.contains_key(&policy.service));
                attachments.insert(index, if has_service { Attachment::NotEvaluated } else { Attachment::Unrelated });
                Vec::new()
            }
            _ => continue,
        };
    }
}

/// The names of policies by cluster and name of their services.
type Policies = BTreeMap<(String, String), BTreeSet<String>>;

/// Returns the policies of each service among the inputs.
fn policies(inputs: &[(Provenance, Detected)]) -> Policies {
    let mut policies = Policies::new();
    for (_, detected) in inputs {
        let Detected::Definition(item) = detected else { continue };
        if item.kind != RootKind::Service {
            continue;
        }
        let (cluster, name) = names(item);
        let listed = item.spec.pointer("/autoScaling/policies").and_then(Value::as_array).into_iter().flatten();
        let listed = listed.filter_map(|policy| policy.get("policyName")?.as_str().map(str::to_owned));
        policies.entry((cluster.to_owned(), name.to_owned())).or_default().extend(listed);
    }
    for (_, detected) in inputs {
        let Detected::Related(resource) = detected else { continue };
        if resource.kind == RelatedKind::ScalingPolicy
            && let Some(names) = resource.service().and_then(|service| policies.get_mut(&service))
        {
            names.insert(resource.name.clone());
        }
    }
    policies
}

/// Members that list an alarm's actions in a state; that of the state `ALARM` is the first.
const STATES: [&str; 3] = ["AlarmActions", "OKActions", "InsufficientDataActions"];

/// Warns about actions that name a policy which their service does not have.
fn unknown_policies(alarm: &RelatedResource, policies: &Policies) -> impl Iterator<Item = Finding> {
    alarm.policies(STATES[0]).filter_map(|(path, named)| {
        let names = policies.get(&named.service).filter(|names| !names.contains(&named.policy))?;
        let hint = did_you_mean_name(&named.policy, names.iter().map(String::as_str));
        let message = format!("the service {} has no policy `{}`{hint}", named.service.1, named.policy);
        Some(warning(&path, "no-such-policy", message))
    })
}

/// Warns about actions that name a policy in a state other than `ALARM`.
fn actions_of_other_states(alarm: &RelatedResource, policies: &Policies) -> Vec<Finding> {
    let named = STATES.into_iter().skip(1).flat_map(|state| alarm.policies(state));
    let existing = named.filter(|(_, named)| policies.get(&named.service).is_some_and(|it| it.contains(&named.policy)));
    let findings = existing.map(|(path, named)| {
        let (policy, service) = (named.policy, named.service.1);
        let message = format!(
            "only AlarmActions are supported: this action does not trigger the policy `{policy}` of the service {service}"
        );
        warning(&path, "action-of-other-state", message)
    });
    findings.collect()
}

fn warning(path: &Pointer, code: &'static str, message: String) -> Finding {
    Finding { path: path.to_string(), severity: Severity::Warning, code, message }
}

/// Returns the index of the service that a resource scales.
fn owner(inputs: &[(Provenance, Detected)], resource: &RelatedResource) -> Result<usize, Attachment> {
    let Some((cluster, name)) = resource.service() else {
        let message = "this does not scale an ECS service: expected the ServiceNamespace ecs and a ResourceId service/CLUSTER/NAME";
        return Err(Attachment::Rejected("not-a-service", message.to_owned()));
    };
    let is_owner =
        |item: &DefinitionInput| item.kind == RootKind::Service && names(item) == (cluster.as_str(), name.as_str());
    let services = inputs.iter().enumerate().filter_map(|(index, (_, detected))| match detected {
        Detected::Definition(item) if is_owner(item) => Some((index, item)),
        _ => None,
    });
    match services.collect::<Vec<_>>().as_slice() {
        [(index, item)] if item.spec.get(SCALING_MEMBER).is_none_or(Value::is_null) => Ok(*index),
        [_] => Err(Attachment::Rejected(
            "scaling-given-twice",
            format!("the service {name:?} already contains `{SCALING_MEMBER}`"),
        )),
        [] => {
            let message = format!(
                "the service {name:?} of the cluster {cluster:?} is not among the inputs: convert it together with this"
            );
            Err(Attachment::Rejected("service-not-given", message))
        }
        _ => Err(Attachment::Rejected(
            "service-not-given",
            format!("several services of the cluster {cluster:?} are named {name:?}"),
        )),
    }
}

/// Returns cluster and name of a service in AWS.
fn names(item: &DefinitionInput) -> (&str, &str) {
    let text = |member: &str| item.spec.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    let cluster = arn::cluster_of_service(text("cluster"), text("clusterArn"));
    let object_name = || item.resource.as_ref()?.get("name")?.as_str();
    let name = text("serviceName").or_else(|| text("serviceArn").map(arn::short_name)).or_else(object_name);
    (cluster, name.unwrap_or_default())
}

/// Returns `autoScaling` of a service, assembled from its resources; none without a scalable target.
fn assemble(
    inputs: &[(Provenance, Detected)],
    service: usize,
    resources: &[usize],
    attachments: &mut Attachments,
) -> Option<Map<String, Value>> {
    let resource = |index: &usize| match &inputs[*index].1 {
        Detected::Related(resource) => Some((*index, resource.as_ref())),
        _ => None,
    };
    let resources: Vec<(usize, &RelatedResource)> = resources.iter().filter_map(resource).collect();
    let of_kind = |kind: RelatedKind| resources.iter().filter(move |(_, resource)| resource.kind == kind);
    let root = Pointer::root().key(SCALING_MEMBER);
    let targets: Vec<_> = of_kind(RelatedKind::ScalableTarget).collect();
    let [(target_index, target)] = targets.as_slice() else {
        let (code, message) = if targets.is_empty() {
            (
                "no-scalable-target",
                "the scalable target of the service is not among the inputs: add the output of `aws \
                 application-autoscaling describe-scalable-targets --service-namespace ecs`",
            )
        } else {
            ("scaling-given-twice", "the inputs contain more than one scalable target of the service")
        };
        let rejected =
            |(index, _): &(usize, &RelatedResource)| (*index, Attachment::Rejected(code, message.to_owned()));
        attachments.extend(resources.iter().map(rejected));
        return None;
    };
    let mut scaling = target.value.as_object().cloned().unwrap_or_default();
    attachments.insert(*target_index, Attachment::at(service, root.clone()));
    let mut policies = Vec::new();
    for (position, (index, policy)) in of_kind(RelatedKind::ScalingPolicy).enumerate() {
        let at = root.key("policies").index(position);
        attachments.insert(*index, Attachment::at(service, at.clone()));
        policies.push(with_alarms(inputs, service, policy, &at, attachments));
    }
    let actions: Vec<Value> = of_kind(RelatedKind::ScheduledAction).map(|(_, action)| action.value.clone()).collect();
    for (position, (index, _)) in of_kind(RelatedKind::ScheduledAction).enumerate() {
        attachments.insert(*index, Attachment::at(service, root.key("scheduledActions").index(position)));
    }
    for (member, list) in [("policies", policies), ("scheduledActions", actions)] {
        if !list.is_empty() {
            scaling.insert(member.to_owned(), list.into());
        }
    }
    Some(scaling)
}

/// Returns a policy with the alarms among the inputs that trigger it. Alarms that the policy lists by name are completed.
fn with_alarms(
    inputs: &[(Provenance, Detected)],
    service: usize,
    policy: &RelatedResource,
    at: &Pointer,
    attachments: &mut Attachments,
) -> Value {
    let mut alarms = policy.value.get("alarms").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, (_, detected)) in inputs.iter().enumerate() {
        let Detected::Related(alarm) = detected else { continue };
        if alarm.kind != RelatedKind::MetricAlarm || !alarm.triggers(policy) {
            continue;
        }
        let listed =
            alarms.iter().position(|listed| listed.get("alarmName").and_then(Value::as_str) == Some(&alarm.name));
        let position = listed.unwrap_or(alarms.len());
        match (alarms.get_mut(position).and_then(Value::as_object_mut), alarm.value.as_object()) {
            (Some(listed), Some(complete)) => listed.extend(complete.clone()),
            _ => alarms.push(alarm.value.clone()),
        }
        let path = at.key("alarms").index(position);
        match attachments.entry(index).or_insert_with(|| Attachment::Parents(BTreeMap::new())) {
            Attachment::Parents(parents) => parents.entry(service).or_default().push(path),
            other => *other = Attachment::at(service, path),
        }
    }
    let mut policy = policy.value.clone();
    if let Some(members) = policy.as_object_mut().filter(|_| !alarms.is_empty()) {
        members.insert("alarms".to_owned(), alarms.into());
    }
    policy
}
