//! What Application Auto Scaling and CloudWatch keep of a service, merged into it.
//!
//! A part is about `service/CLUSTER/NAME`; an alarm is about the policies that it triggers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Belonging, Place};
use crate::convert::Provenance;
use crate::convert::recognise::{Item, Kind, Part, PartKind, Recognised};
use crate::ecs::decode::hint::did_you_mean_name;
use crate::ecs::{Pointer, Severity, arn};
use crate::report::Finding;

/// The member of a Service that holds all parts.
pub(super) const MEMBER: &str = "autoScaling";

/// Puts all parts into their services.
pub(super) fn merge(found: &mut [(Provenance, Recognised)], belonging: &mut Belonging) {
    let mut of_services: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..found.len() {
        let Recognised::Part(part) = &found[index].1 else { continue };
        if matches!(part.kind, PartKind::MetricAlarm | PartKind::CompositeAlarm | PartKind::ClusterCapacity) {
            continue;
        }
        match owner(found, part) {
            Ok(service) => of_services.entry(service).or_default().push(index),
            Err(place) => drop(belonging.insert(index, place)),
        }
    }
    for (service, parts) in of_services {
        let scaling = assemble(found, service, &parts, belonging);
        if let (Some(scaling), Recognised::Definition(item)) = (scaling, &mut found[service].1)
            && let Some(spec) = item.spec.as_object_mut()
        {
            spec.insert(MEMBER.to_owned(), Value::Object(scaling));
            item.origin.put_in(&Pointer::root().key(MEMBER));
        }
    }
    let policies = policies(found);
    for (index, (_, recognised)) in found.iter_mut().enumerate() {
        let Recognised::Part(part) = recognised else { continue };
        part.doubts = match part.kind {
            PartKind::MetricAlarm => {
                let triggers = belonging.contains_key(&index);
                belonging.entry(index).or_insert(Place::Elsewhere);
                let of_others = if triggers { Vec::new() } else { of_other_states(part, &policies) };
                unknown(part, &policies).chain(of_others).collect()
            }
            PartKind::CompositeAlarm => {
                let mut meant = STATES.into_iter().flat_map(|state| part.policies(state));
                let is_given = meant.any(|(_, meant)| policies.contains_key(&meant.service));
                belonging.insert(index, if is_given { Place::NotEvaluated } else { Place::Elsewhere });
                Vec::new()
            }
            _ => continue,
        };
    }
}

/// The names of policies by cluster and name of their services.
type Policies = BTreeMap<(String, String), BTreeSet<String>>;

/// The policies of each service among the inputs.
fn policies(found: &[(Provenance, Recognised)]) -> Policies {
    let mut policies = Policies::new();
    for (_, recognised) in found {
        let Recognised::Definition(item) = recognised else { continue };
        if item.kind != Kind::Service {
            continue;
        }
        let (cluster, name) = names(item);
        let own = item.spec.pointer("/autoScaling/policies").and_then(Value::as_array).into_iter().flatten();
        let own = own.filter_map(|policy| policy.get("policyName")?.as_str().map(str::to_owned));
        policies.entry((cluster.to_owned(), name.to_owned())).or_default().extend(own);
    }
    for (_, recognised) in found {
        let Recognised::Part(part) = recognised else { continue };
        if part.kind == PartKind::ScalingPolicy
            && let Some(of_service) = part.service().and_then(|service| policies.get_mut(&service))
        {
            of_service.insert(part.name.clone());
        }
    }
    policies
}

/// What the members that list an alarm's actions are called, that of the state `ALARM` first.
const STATES: [&str; 3] = ["AlarmActions", "OKActions", "InsufficientDataActions"];

/// Policies that an alarm is to trigger, of services that have none of that name.
fn unknown(alarm: &Part, policies: &Policies) -> impl Iterator<Item = Finding> {
    alarm.policies(STATES[0]).filter_map(|(place, meant)| {
        let known = policies.get(&meant.service).filter(|known| !known.contains(&meant.policy))?;
        let hint = did_you_mean_name(&meant.policy, known.iter().map(String::as_str));
        let message = format!("the service {} has no policy `{}`{hint}", meant.service.1, meant.policy);
        Some(doubt(&place, "no-such-policy", message))
    })
}

/// Policies that an alarm is to trigger in another state.
fn of_other_states(alarm: &Part, policies: &Policies) -> Vec<Finding> {
    let meant = STATES.into_iter().skip(1).flat_map(|state| alarm.policies(state));
    let known = meant.filter(|(_, meant)| policies.get(&meant.service).is_some_and(|it| it.contains(&meant.policy)));
    let told = known.map(|(place, meant)| {
        let (policy, service) = (meant.policy, meant.service.1);
        let message =
            format!("only AlarmActions are carried out: this triggers no policy `{policy}` of the service {service}");
        doubt(&place, "action-of-other-state", message)
    });
    told.collect()
}

fn doubt(place: &Pointer, code: &'static str, message: String) -> Finding {
    Finding { path: place.to_string(), severity: Severity::Warning, code, message }
}

/// The service that a part is about.
fn owner(found: &[(Provenance, Recognised)], part: &Part) -> Result<usize, Place> {
    let Some((cluster, name)) = part.service() else {
        let message =
            "this is not about the count of an ECS service: its resource is service/CLUSTER/NAME of the namespace ecs";
        return Err(Place::Nowhere("not-a-service", message.to_owned()));
    };
    let is_meant = |item: &Item| item.kind == Kind::Service && names(item) == (cluster.as_str(), name.as_str());
    let services = found.iter().enumerate().filter_map(|(index, (_, recognised))| match recognised {
        Recognised::Definition(item) if is_meant(item) => Some((index, item)),
        _ => None,
    });
    match services.collect::<Vec<_>>().as_slice() {
        [(index, item)] if item.spec.get(MEMBER).is_none_or(Value::is_null) => Ok(*index),
        [_] => Err(Place::Nowhere("scaling-given-twice", format!("the service {name:?} has `{MEMBER}` already"))),
        [] => {
            let message = format!(
                "the service {name:?} of the cluster {cluster:?} is not among the inputs: convert it together with this"
            );
            Err(Place::Nowhere("service-not-given", message))
        }
        _ => Err(Place::Nowhere(
            "service-not-given",
            format!("several services are {name:?} of the cluster {cluster:?}"),
        )),
    }
}

/// Cluster and name of a service, as AWS has them.
fn names(item: &Item) -> (&str, &str) {
    let text = |member: &str| item.spec.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    let cluster = arn::cluster_of_service(text("cluster"), text("clusterArn"));
    let of_object = || item.resource.as_ref()?.get("name")?.as_str();
    let name = text("serviceName").or_else(|| text("serviceArn").map(arn::short_name)).or_else(of_object);
    (cluster, name.unwrap_or_default())
}

/// What a service has of its parts; none without its scalable target.
fn assemble(
    found: &[(Provenance, Recognised)],
    service: usize,
    parts: &[usize],
    belonging: &mut Belonging,
) -> Option<Map<String, Value>> {
    let part = |index: &usize| match &found[*index].1 {
        Recognised::Part(part) => Some((*index, part.as_ref())),
        _ => None,
    };
    let parts: Vec<(usize, &Part)> = parts.iter().filter_map(part).collect();
    let of_kind = |kind: PartKind| parts.iter().filter(move |(_, part)| part.kind == kind);
    let root = Pointer::root().key(MEMBER);
    let targets: Vec<_> = of_kind(PartKind::ScalableTarget).collect();
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
        let nowhere = |(index, _): &(usize, &Part)| (*index, Place::Nowhere(code, message.to_owned()));
        belonging.extend(parts.iter().map(nowhere));
        return None;
    };
    let mut scaling = target.value.as_object().cloned().unwrap_or_default();
    belonging.insert(*target_index, Place::at(service, root.clone()));
    let mut policies = Vec::new();
    for (position, (index, policy)) in of_kind(PartKind::ScalingPolicy).enumerate() {
        let at = root.key("policies").index(position);
        belonging.insert(*index, Place::at(service, at.clone()));
        policies.push(with_alarms(found, service, policy, &at, belonging));
    }
    let actions: Vec<Value> = of_kind(PartKind::ScheduledAction).map(|(_, action)| action.value.clone()).collect();
    for (position, (index, _)) in of_kind(PartKind::ScheduledAction).enumerate() {
        belonging.insert(*index, Place::at(service, root.key("scheduledActions").index(position)));
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
    found: &[(Provenance, Recognised)],
    service: usize,
    policy: &Part,
    at: &Pointer,
    belonging: &mut Belonging,
) -> Value {
    let mut alarms = policy.value.get("alarms").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, (_, recognised)) in found.iter().enumerate() {
        let Recognised::Part(alarm) = recognised else { continue };
        if alarm.kind != PartKind::MetricAlarm || !alarm.triggers(policy) {
            continue;
        }
        let named = alarms.iter().position(|known| known.get("alarmName").and_then(Value::as_str) == Some(&alarm.name));
        let position = named.unwrap_or(alarms.len());
        match (alarms.get_mut(position).and_then(Value::as_object_mut), alarm.value.as_object()) {
            (Some(known), Some(whole)) => known.extend(whole.clone()),
            _ => alarms.push(alarm.value.clone()),
        }
        let place = at.key("alarms").index(position);
        match belonging.entry(index).or_insert_with(|| Place::In(BTreeMap::new())) {
            Place::In(wholes) => wholes.entry(service).or_default().push(place),
            other => *other = Place::at(service, place),
        }
    }
    let mut whole = policy.value.clone();
    if let Some(members) = whole.as_object_mut().filter(|_| !alarms.is_empty()) {
        members.insert("alarms".to_owned(), alarms.into());
    }
    whole
}
