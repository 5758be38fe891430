//! The shapes in which definitions come.

use serde_json::{Map, Value, json};

use super::foreign::{self, DEPLOYED};
use super::problem::{Problem, describe};
use super::{Item, Kind, Recognised, Share, scaling};
use crate::api;
use crate::convert::origin::Origin;
use crate::ecs::Pointer;

type Object = Map<String, Value>;

/// What in a value, at a place of its document, is a definition.
pub(super) fn find(value: &Value, at: &Pointer, found: bool) -> Vec<Recognised> {
    match value {
        Value::Object(object) => in_object(object, value, at, found),
        Value::Array(items) if is_containers(items) => vec![containers(value, at)],
        Value::Array(items) if !items.is_empty() => in_list(items, at, found),
        Value::Array(_) => vec![not_ecs(at, "this is an empty list", found)],
        other => vec![not_ecs(at, &describe(other), found)],
    }
}

fn in_list(items: &[Value], at: &Pointer, found: bool) -> Vec<Recognised> {
    items.iter().enumerate().flat_map(|(position, item)| find(item, &at.index(position), found)).collect()
}

fn in_object(object: &Object, value: &Value, at: &Pointer, found: bool) -> Vec<Recognised> {
    if object.contains_key("apiVersion") && object.contains_key("kind") {
        return resource(object, at, found);
    }
    if let Some(all) = wrapped(object, at, found).or_else(|| scaling::find(object, at)) {
        return all;
    }
    if let Some(problem) = foreign_members(object, at) {
        return vec![Recognised::Other(problem)];
    }
    let one = match kind_of(object) {
        Some(Kind::Service) if is_update(object) => update(object, at),
        Some(Kind::Service) => service(object, at),
        Some(Kind::Cluster) if is_put(object) => put(object, at),
        Some(kind) => definition(kind, value.clone(), Origin::at(at), at),
        None if is_container(value) => container(value, at),
        None => not_understood(object, value, at, found),
    };
    vec![one]
}

fn definition(kind: Kind, spec: Value, origin: Origin, cover: &Pointer) -> Recognised {
    let share = Share::at(cover);
    Recognised::Definition(Box::new(Item { kind, spec, origin, resource: None, completes: false, share }))
}

fn not_ecs(at: &Pointer, what: &str, found: bool) -> Recognised {
    Recognised::Other(Problem::not_ecs(at, what, found))
}

/// The kind of a definition by members that no other kind has.
fn kind_of(object: &Object) -> Option<Kind> {
    let has = |name: &str| object.contains_key(name);
    let text = |name: &str| object.get(name).is_some_and(Value::is_string);
    if has("containerDefinitions") || has("family") || has("taskDefinitionArn") {
        Some(Kind::TaskDefinition)
    } else if is_run_task(object) {
        None
    } else if has("serviceName")
        || has("serviceArn")
        || text("taskDefinition")
        || text("service")
        || is_unnamed_service(object)
    {
        Some(Kind::Service)
    } else if has("clusterName") || has("clusterArn") || has("defaultCapacityProviderStrategy") {
        Some(Kind::Cluster)
    } else if has("autoScalingGroupProvider") || has("managedInstancesProvider") || has("capacityProviderArn") {
        Some(Kind::CapacityProvider)
    } else {
        None
    }
}

/// Deployment tools keep the names of service and task definition elsewhere.
fn is_unnamed_service(object: &Object) -> bool {
    let own = ["desiredCount", "deploymentConfiguration", "networkConfiguration", "launchType", "schedulingStrategy"];
    own.iter().filter(|name| object.contains_key(**name)).count() > 1
}

fn is_run_task(object: &Object) -> bool {
    let own = ["overrides", "count", "startedBy", "containerInstances", "referenceId"];
    object.contains_key("taskDefinition")
        && !object.contains_key("serviceName")
        && own.iter().any(|name| object.contains_key(*name))
}

/// The input of `UpdateService` calls the service's name `service`.
fn is_update(object: &Object) -> bool {
    object.get("service").is_some_and(Value::is_string) && !object.contains_key("serviceName")
}

fn update(object: &Object, at: &Pointer) -> Recognised {
    let mut spec = object.clone();
    if let Some(service) = spec.remove("service") {
        let name = service.as_str().map(crate::ecs::arn::short_name).unwrap_or_default().to_owned();
        spec.insert("serviceName".to_owned(), name.into());
    }
    // It asks for something to happen once, which is no part of what a service is.
    spec.remove("forceNewDeployment");
    let origin = Origin::at(at).with(&Pointer::root().key("serviceName"), &at.key("service"));
    definition(Kind::Service, Value::Object(spec), origin, at)
}

/// The input of `PutClusterCapacityProviders` calls the cluster's name `cluster`.
fn is_put(object: &Object) -> bool {
    object.get("cluster").is_some_and(Value::is_string) && !object.contains_key("clusterName")
}

fn put(object: &Object, at: &Pointer) -> Recognised {
    let mut spec = object.clone();
    if let Some(cluster) = spec.remove("cluster") {
        let name = cluster.as_str().map(crate::ecs::arn::short_name).unwrap_or_default().to_owned();
        spec.insert("clusterName".to_owned(), name.into());
    }
    let origin = Origin::at(at).with(&Pointer::root().key("clusterName"), &at.key("cluster"));
    let mut recognised = definition(Kind::Cluster, Value::Object(spec), origin, at);
    if let Recognised::Definition(item) = &mut recognised {
        item.completes = true;
    }
    recognised
}

/// What `describe-services` prints has some settings of the service in its primary deployment alone.
fn service(object: &Object, at: &Pointer) -> Recognised {
    const OF_DEPLOYMENT: [&str; 3] =
        ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];
    let mut spec = object.clone();
    let mut origin = Origin::at(at);
    let deployments = spec.get_mut("deployments").and_then(Value::as_array_mut);
    let is_primary = |deployment: &Value| deployment.get("status").and_then(Value::as_str) == Some("PRIMARY");
    let primary = deployments.and_then(|all| all.iter_mut().enumerate().find(|(_, deployment)| is_primary(deployment)));
    let Some((position, Value::Object(primary))) = primary else {
        return definition(Kind::Service, Value::Object(spec), origin, at);
    };
    let mut moved = Object::new();
    for name in OF_DEPLOYMENT.into_iter().filter(|name| !object.contains_key(*name)) {
        let Some(value) = primary.remove(name) else { continue };
        moved.insert(name.to_owned(), value);
        let place = at.key("deployments").index(position).key(name);
        origin = origin.with(&Pointer::root().key(name), &place);
    }
    spec.extend(moved);
    definition(Kind::Service, Value::Object(spec), origin, at)
}

/// What the describe commands print, and lists of definitions by name.
fn wrapped(object: &Object, at: &Pointer, found: bool) -> Option<Vec<Recognised>> {
    if let Some(Value::Object(inner)) = object.get("taskDefinition") {
        return Some(vec![described_task_definition(inner, object, at)]);
    }
    for name in ["service", "cluster", "capacityProvider"] {
        if let Some(inner @ Value::Object(_)) = object.get(name) {
            return Some(find(inner, &at.key(name), found));
        }
    }
    for name in ["taskDefinitions", "services", "clusters", "capacityProviders"] {
        let Some(Value::Array(items)) = object.get(name) else { continue };
        let mut all =
            if items.iter().any(Value::is_object) { in_list(items, &at.key(name), found) } else { Vec::new() };
        all.extend(failures(object, name.trim_end_matches('s'), at));
        if !all.is_empty() {
            return Some(all);
        }
    }
    None
}

/// What AWS says of those it was asked for and did not describe.
fn failures(object: &Object, kind: &str, at: &Pointer) -> Vec<Recognised> {
    let failures = object.get("failures").and_then(Value::as_array).into_iter().flatten().enumerate();
    let told = failures.filter_map(|(position, failure)| {
        let text = |name: &str| failure.get(name).and_then(Value::as_str);
        let (arn, reason) = (text("arn")?, text("reason")?);
        let place = at.key("failures").index(position);
        Some(Recognised::Other(Problem::not_described(&place, kind, crate::ecs::arn::short_name(arn), reason)))
    });
    told.collect()
}

/// `describe-task-definition --include TAGS` prints the tags beside the definition; to register, they belong inside.
fn described_task_definition(inner: &Object, outer: &Object, at: &Pointer) -> Recognised {
    let mut spec = inner.clone();
    let mut origin = Origin::at(&at.key("taskDefinition"));
    if let Some(tags) = outer.get("tags").filter(|_| !inner.contains_key("tags")) {
        spec.insert("tags".to_owned(), tags.clone());
        origin = origin.with(&Pointer::root().key("tags"), &at.key("tags"));
    }
    definition(Kind::TaskDefinition, Value::Object(spec), origin, at)
}

fn is_containers(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(is_container)
}

fn is_container(value: &Value) -> bool {
    let Value::Object(object) = value else { return false };
    let others = ["name", "cpu", "memory", "memoryReservation", "essential", "portMappings", "environment", "command"];
    let image = object.get("image").is_some_and(Value::is_string);
    image && kind_of(object).is_none() && others.iter().any(|name| object.contains_key(*name))
}

fn containers(list: &Value, at: &Pointer) -> Recognised {
    let part = Pointer::root().key("containerDefinitions");
    let spec = json!({ "containerDefinitions": list });
    definition(Kind::TaskDefinition, spec, Origin::made().with(&part, at), at)
}

fn container(container: &Value, at: &Pointer) -> Recognised {
    let part = Pointer::root().key("containerDefinitions").index(0);
    let spec = json!({ "containerDefinitions": [container] });
    definition(Kind::TaskDefinition, spec, Origin::made().with(&part, at), at)
}

/// A Kubernetes object: one of ours, a list that may hold some, or another.
fn resource(object: &Object, at: &Pointer, found: bool) -> Vec<Recognised> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if let (true, Some(Value::Array(items))) = (kind.ends_with("List"), object.get("items")) {
        if items.is_empty() {
            return vec![not_ecs(at, "this is an empty list", found)];
        }
        return in_list(items, &at.key("items"), found);
    }
    let (group, version) = api_version.split_once('/').unwrap_or_default();
    if group != api::GROUP {
        let what = format!("this is a Kubernetes {kind} ({api_version}), no ECS definition");
        return vec![not_ecs(at, &what, found)];
    }
    vec![own_resource(object, at, version, kind).unwrap_or_else(Recognised::Other)]
}

fn own_resource(object: &Object, at: &Pointer, version: &str, name: &str) -> Result<Recognised, Problem> {
    let invalid = |place: &Pointer, message: String| Err(Problem::invalid_resource(place, message));
    if version != api::VERSION {
        let message = format!("this program knows version {} of {}, not {version:?}", api::VERSION, api::GROUP);
        return invalid(at, message);
    }
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
        let known = Kind::ALL.map(Kind::name).join(", ");
        return invalid(at, format!("{name:?} is no kind that this version converts; they are {known}"));
    };
    let Some(spec @ Value::Object(_)) = object.get("spec") else {
        return invalid(at, format!("the {name} has no `spec`"));
    };
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    if !metadata.get("name").is_some_and(Value::is_string) {
        return invalid(at, format!("the {name} has no `metadata.name`"));
    }
    let mut recognised = definition(kind, spec.clone(), Origin::at(&at.key("spec")), at);
    if let Recognised::Definition(item) = &mut recognised {
        item.resource = Some(metadata);
    }
    Ok(recognised)
}

/// The members of definitions in languages that name them differently.
fn foreign_members(object: &Object, at: &Pointer) -> Option<Problem> {
    let any = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    if any(&["containerDefinitions", "serviceName", "serviceArn", "taskDefinitionArn"]) {
        None
    } else if any(&["ContainerDefinitions", "TaskDefinition", "ServiceName"]) {
        Some(Problem::not_read(at, "the members begin with a capital letter, as in CloudFormation"))
    } else if any(&["container_definitions", "desired_count", "resource", "planned_values", "terraform_version"]) {
        Some(Problem::not_read(at, "the members are named as in Terraform"))
    } else {
        foreign::template(object, at)
    }
}

/// Says of what is near to a definition what it is.
fn not_understood(object: &Object, value: &Value, at: &Pointer, found: bool) -> Recognised {
    let has = |name: &str| object.contains_key(name);
    let deployed = |what: &str| Problem::not_ecs_but(at, what, DEPLOYED, found);
    let problem = if is_run_task(object) {
        Problem::not_yet(at, "this is the input of RunTask or StartTask")
    } else if has("taskDefinitionArns") || has("serviceArns") || has("clusterArns") {
        let what = "this is a list of ARNs";
        Problem::not_ecs_but(at, what, "the describe commands print the definitions themselves", found)
    } else if has("tasks") || has("taskArns") {
        deployed("this tells of tasks that ran, not of a definition")
    } else if object.get("services").is_some_and(Value::is_object) {
        deployed("this is a Docker Compose file")
    } else if has("task_definition") && (has("run_params") || has("version")) {
        deployed("these are parameters of the ECS CLI for a Docker Compose file")
    } else if is_copilot(object) {
        deployed("this is a manifest of AWS Copilot")
    } else if has("imageUri") {
        deployed("this is an image definition of CodePipeline")
    } else {
        Problem::not_ecs(at, &describe(value), found)
    };
    Recognised::Other(problem)
}

fn is_copilot(object: &Object) -> bool {
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    object.contains_key("name") && [" Service", " Job", " Site"].iter().any(|ending| kind.ends_with(ending))
}
