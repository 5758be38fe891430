//! What Application Auto Scaling and CloudWatch keep of a service, merged into it.
//!
//! A resource is about `service/CLUSTER/NAME`; an alarm is about the policies that it triggers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Attachment, Attachments};
use crate::convert::input::{DefinitionInput, Detected, RelatedKind, RelatedResource, SCALING_MEMBER};
use crate::convert::model::entry::Provenance;
use crate::ecs::decode::hint::did_you_mean_name;
use crate::ecs::{Pointer, Severity, arn};
use crate::k8s::kinds::RootKind;
use crate::report::Finding;

/// Puts all resources into their services.
pub(super) fn merge(found: &mut [(Provenance, Detected)], attachments: &mut Attachments) {
    let mut of_services: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..found.len() {
        let Detected::Related(resource) = &found[index].1 else { continue };
        if matches!(
            resource.kind,
            RelatedKind::MetricAlarm | RelatedKind::CompositeAlarm | RelatedKind::ClusterCapacity
        ) {
            continue;
        }
        match owner(found, resource) {
            Ok(service) => of_services.entry(service).or_default().push(index),
            Err(path) => drop(attachments.insert(index, path)),
        }
    }
    for (service, resources) in of_services {
        let scaling = assemble(found, service, &resources, attachments);
        if let (Some(scaling), Detected::Definition(item)) = (scaling, &mut found[service].1)
            && let Some(spec) = item.spec.as_object_mut()
        {
            spec.insert(SCALING_MEMBER.to_owned(), Value::Object(scaling));
            item.origin.put_in(&Pointer::root().key(SCALING_MEMBER));
        }
    }
    let policies = policies(found);
    for (index, (_, detected)) in found.iter_mut().enumerate() {
        let Detected::Related(resource) = detected else { continue };
        resource.warnings = match resource.kind {
            RelatedKind::MetricAlarm => {
                let triggers = attachments.contains_key(&index);
                attachments.entry(index).or_insert(Attachment::Unrelated);
                let of_others = if triggers { Vec::new() } else { of_other_states(resource, &policies) };
                unknown(resource, &policies).chain(of_others).collect()
            }
            RelatedKind::CompositeAlarm => {
                let mut meant = STATES.into_iter().flat_map(|state| resource.policies(state));
                let is_given = meant.any(|(_, meant)| policies.contains_key(&meant.service));
                attachments.insert(index, if is_given { Attachment::NotEvaluated } else { Attachment::Unrelated });
                Vec::new()
            }
            _ => continue,
        };
    }
}

/// The names of policies by cluster and name of their services.
type Policies = BTreeMap<(String, String), BTreeSet<String>>;

/// The policies of each service among the inputs.
fn policies(found: &[(Provenance, Detected)]) -> Policies {
    let mut policies = Policies::new();
    for (_, detected) in found {
        let Detected::Definition(item) = detected else { continue };
        if item.kind != RootKind::Service {
            continue;
        }
        let (cluster, name) = names(item);
        let own = item.spec.pointer("/autoScaling/policies").and_then(Value::as_array).into_iter().flatten();
        let own = own.filter_map(|policy| policy.get("policyName")?.as_str().map(str::to_owned));
        policies.entry((cluster.to_owned(), name.to_owned())).or_default().extend(own);
    }
    for (_, detected) in found {
        let Detected::Related(resource) = detected else { continue };
        if resource.kind == RelatedKind::ScalingPolicy
            && let Some(of_service) = resource.service().and_then(|service| policies.get_mut(&service))
        {
            of_service.insert(resource.name.clone());
        }
    }
    policies
}

/// What the members that list an alarm's actions are called, that of the state `ALARM` first.
const STATES: [&str; 3] = ["AlarmActions", "OKActions", "InsufficientDataActions"];

/// Policies that an alarm is to trigger, of services that have none of that name.
fn unknown(alarm: &RelatedResource, policies: &Policies) -> impl Iterator<Item = Finding> {
    alarm.policies(STATES[0]).filter_map(|(path, meant)| {
        let known = policies.get(&meant.service).filter(|known| !known.contains(&meant.policy))?;
        let hint = did_you_mean_name(&meant.policy, known.iter().map(String::as_str));
        let message = format!("the service {} has no policy `{}`{hint}", meant.service.1, meant.policy);
        Some(doubt(&path, "no-such-policy", message))
    })
}

/// Policies that an alarm is to trigger in another state.
fn of_other_states(alarm: &RelatedResource, policies: &Policies) -> Vec<Finding> {
    let meant = STATES.into_iter().skip(1).flat_map(|state| alarm.policies(state));
    let known = meant.filter(|(_, meant)| policies.get(&meant.service).is_some_and(|it| it.contains(&meant.policy)));
    let told = known.map(|(path, meant)| {
        let (policy, service) = (meant.policy, meant.service.1);
        let message =
            format!("only AlarmActions are carried out: this triggers no policy `{policy}` of the service {service}");
        doubt(&path, "action-of-other-state", message)
    });
    told.collect()
}

fn doubt(path: &Pointer, code: &'static str, message: String) -> Finding {
    Finding { path: path.to_string(), severity: Severity::Warning, code, message }
}

/// The service that a resource is about.
fn owner(found: &[(Provenance, Detected)], resource: &RelatedResource) -> Result<usize, Attachment> {
    let Some((cluster, name)) = resource.service() else {
        let message =
            "this is not about the count of an ECS service: its resource is service/CLUSTER/NAME of the namespace ecs";
        return Err(Attachment::Rejected("not-a-service", message.to_owned()));
    };
    let is_meant =
        |item: &DefinitionInput| item.kind == RootKind::Service && names(item) == (cluster.as_str(), name.as_str());
    let services = found.iter().enumerate().filter_map(|(index, (_, detected))| match detected {
        Detected::Definition(item) if is_meant(item) => Some((index, item)),
        _ => None,
    });
    match services.collect::<Vec<_>>().as_slice() {
        [(index, item)] if item.spec.get(SCALING_MEMBER).is_none_or(Value::is_null) => Ok(*index),
        [_] => Err(Attachment::Rejected(
            "scaling-given-twice",
            format!("the service {name:?} has `{SCALING_MEMBER}` already"),
        )),
        [] => {
            let message = format!(
                "the service {name:?} of the cluster {cluster:?} is not among the inputs: convert it together with this"
            );
            Err(Attachment::Rejected("service-not-given", message))
        }
        _ => Err(Attachment::Rejected(
            "service-not-given",
            format!("several services are {name:?} of the cluster {cluster:?}"),
        )),
    }
}

/// Cluster and name of a service, as AWS has them.
fn names(item: &DefinitionInput) -> (&str, &str) {
    let text = |member: &str| item.spec.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    let cluster = arn::cluster_of_service(text("cluster"), text("clusterArn"));
    let of_object = || item.resource.as_ref()?.get("name")?.as_str();
    let name = text("serviceName").or_else(|| text("serviceArn").map(arn::short_name)).or_else(of_object);
    (cluster, name.unwrap_or_default())
}

/// What a service has of its resources; none without its scalable target.
fn assemble(
    found: &[(Provenance, Detected)],
    service: usize,
    resources: &[usize],
    attachments: &mut Attachments,
) -> Option<Map<String, Value>> {
    let resource = |index: &usize| match &found[*index].1 {
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
                "the scalable target of the service is not among the inputs: `aws application-autoscaling \
              describe-scalable-targets --service-namespace ecs` prints it",
            )
        } else {
            ("scaling-given-twice", "the scalable target of the service is given more than once")
        };
        let nowhere = |(index, _): &(usize, &RelatedResource)| (*index, Attachment::Rejected(code, message.to_owned()));
        attachments.extend(resources.iter().map(nowhere));
        return None;
    };
    let mut scaling = target.value.as_object().cloned().unwrap_or_default();
    attachments.insert(*target_index, Attachment::at(service, root.clone()));
    let mut policies = Vec::new();
    for (position, (index, policy)) in of_kind(RelatedKind::ScalingPolicy).enumerate() {
        let at = root.key("policies").index(position);
        attachments.insert(*index, Attachment::at(service, at.clone()));
        policies.push(with_alarms(found, service, policy, &at, attachments));
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

/// A policy with the alarms among the inputs that trigger it. One that it names already is completed.
fn with_alarms(
    found: &[(Provenance, Detected)],
    service: usize,
    policy: &RelatedResource,
    at: &Pointer,
    attachments: &mut Attachments,
) -> Value {
    let mut alarms = policy.value.get("alarms").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, (_, detected)) in found.iter().enumerate() {
        let Detected::Related(alarm) = detected else { continue };
        if alarm.kind != RelatedKind::MetricAlarm || !alarm.triggers(policy) {
            continue;
        }
        let named = alarms.iter().position(|known| known.get("alarmName").and_then(Value::as_str) == Some(&alarm.name));
        let position = named.unwrap_or(alarms.len());
        match (alarms.get_mut(position).and_then(Value::as_object_mut), alarm.value.as_object()) {
            (Some(known), Some(parent)) => known.extend(parent.clone()),
            _ => alarms.push(alarm.value.clone()),
        }
        let path = at.key("alarms").index(position);
        match attachments.entry(index).or_insert_with(|| Attachment::Parents(BTreeMap::new())) {
            Attachment::Parents(parents) => parents.entry(service).or_default().push(path),
            other => *other = Attachment::at(service, path),
        }
    }
    let mut parent = policy.value.clone();
    if let Some(members) = parent.as_object_mut().filter(|_| !alarms.is_empty()) {
        members.insert("alarms".to_owned(), alarms.into());
    }
    parent
}
