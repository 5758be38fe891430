//! Detects definitions by the members of an object, in each form in which AWS, its tools and people write them.

use serde_json::{Map, Value, json};

use super::detected::{DefinitionInput, Detected};
use super::origin::Origin;
use super::problem::{EXPORT_FROM_AWS, Problem, describe};
use super::report_scope::ReportScope;
use super::{auto_scaling, foreign};
use crate::ecs::{Pointer, arn};
use crate::k8s::kinds::{self, RootKind};

type Object = Map<String, Value>;

/// Returns the definitions in a value, which has this path in its document.
pub(super) fn detect(value: &Value, path: &Pointer, from_folder: bool) -> Vec<Detected> {
    match value {
        Value::Object(object) => in_object(object, value, path, from_folder),
        Value::Array(items) if is_containers(items) => vec![containers(value, path)],
        Value::Array(items) if !items.is_empty() => in_list(items, path, from_folder),
        Value::Array(_) => vec![not_ecs(path, "this is an empty list", from_folder)],
        other => vec![not_ecs(path, &describe(other), from_folder)],
    }
}

fn in_list(items: &[Value], path: &Pointer, from_folder: bool) -> Vec<Detected> {
    items.iter().enumerate().flat_map(|(position, item)| detect(item, &path.index(position), from_folder)).collect()
}

fn in_object(object: &Object, value: &Value, path: &Pointer, from_folder: bool) -> Vec<Detected> {
    if object.contains_key("apiVersion") && object.contains_key("kind") {
        return resource(object, path, from_folder);
    }
    if let Some(all) = wrapped(object, path, from_folder).or_else(|| auto_scaling::detect(object, path)) {
        return all;
    }
    if let Some(problem) = foreign_members(object, path) {
        return vec![Detected::Other(problem)];
    }
    let one = match detect_kind(object) {
        Some(RootKind::Service) if is_update(object) => update(object, path),
        Some(RootKind::Service) => service(object, path),
        Some(RootKind::Cluster) if is_put(object) => put(object, path),
        Some(kind) => definition(kind, value.clone(), Origin::at(path), path),
        None if is_container(value) => container(value, path),
        None => not_understood(object, value, path, from_folder),
    };
    vec![one]
}

fn definition(kind: RootKind, spec: Value, origin: Origin, span: &Pointer) -> Detected {
    let scope = ReportScope::new(span);
    Detected::Definition(Box::new(DefinitionInput { kind, spec, origin, resource: None, is_supplement: false, scope }))
}

fn not_ecs(path: &Pointer, what: &str, from_folder: bool) -> Detected {
    Detected::Other(Problem::not_ecs(path, what, from_folder))
}

/// Returns the kind of a definition by members that no other kind has.
fn detect_kind(object: &Object) -> Option<RootKind> {
    let has = |name: &str| object.contains_key(name);
    let text = |name: &str| object.get(name).is_some_and(Value::is_string);
    if has("containerDefinitions") || has("family") || has("taskDefinitionArn") {
        Some(RootKind::TaskDefinition)
    } else if is_run_task(object) {
        None
    } else if has("serviceName")
        || has("serviceArn")
        || text("taskDefinition")
        || text("service")
        || is_unnamed_service(object)
    {
        Some(RootKind::Service)
    } else if has("clusterName") || has("clusterArn") || has("defaultCapacityProviderStrategy") {
        Some(RootKind::Cluster)
    } else if has("autoScalingGroupProvider") || has("managedInstancesProvider") || has("capacityProviderArn") {
        Some(RootKind::CapacityProvider)
    } else {
        None
    }
}

/// True if an object is a service without a name: deployment tools store the names of service and task definition
/// elsewhere.
fn is_unnamed_service(object: &Object) -> bool {
    let members =
        ["desiredCount", "deploymentConfiguration", "networkConfiguration", "launchType", "schedulingStrategy"];
    members.iter().filter(|name| object.contains_key(**name)).count() > 1
}

fn is_run_task(object: &Object) -> bool {
    let members = ["overrides", "count", "startedBy", "containerInstances", "referenceId"];
    object.contains_key("taskDefinition")
        && !object.contains_key("serviceName")
        && members.iter().any(|name| object.contains_key(*name))
}

/// True if an object is the input of `UpdateService`, which names the service in `service`.
fn is_update(object: &Object) -> bool {
    object.get("service").is_some_and(Value::is_string) && !object.contains_key("serviceName")
}

fn update(object: &Object, path: &Pointer) -> Detected {
    let mut spec = object.clone();
    if let Some(service) = spec.remove("service") {
        let name = service.as_str().map(arn::short_name).unwrap_or_default().to_owned();
        spec.insert("serviceName".to_owned(), name.into());
    }
    // It requests a single deployment and is not part of the service.
    spec.remove("forceNewDeployment");
    let origin = Origin::at(path).with(&Pointer::root().key("serviceName"), &path.key("service"));
    definition(RootKind::Service, Value::Object(spec), origin, path)
}

/// True if an object is the input of `PutClusterCapacityProviders`, which names the cluster in `cluster`.
fn is_put(object: &Object) -> bool {
    object.get("cluster").is_some_and(Value::is_string) && !object.contains_key("clusterName")
}

fn put(object: &Object, path: &Pointer) -> Detected {
    let mut spec = object.clone();
    if let Some(cluster) = spec.remove("cluster") {
        let name = cluster.as_str().map(arn::short_name).unwrap_or_default().to_owned();
        spec.insert("clusterName".to_owned(), name.into());
    }
    let origin = Origin::at(path).with(&Pointer::root().key("clusterName"), &path.key("cluster"));
    let mut detected = definition(RootKind::Cluster, Value::Object(spec), origin, path);
    if let Detected::Definition(item) = &mut detected {
        item.is_supplement = true;
    }
    detected
}

/// Returns a service. `describe-services` prints some of its settings only in the primary deployment.
fn service(object: &Object, path: &Pointer) -> Detected {
    const DEPLOYMENT_MEMBERS: [&str; 3] =
        ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];
    let mut spec = object.clone();
    let mut origin = Origin::at(path);
    let deployments = spec.get_mut("deployments").and_then(Value::as_array_mut);
    let is_primary = |deployment: &Value| deployment.get("status").and_then(Value::as_str) == Some("PRIMARY");
    let primary = deployments.and_then(|all| all.iter_mut().enumerate().find(|(_, deployment)| is_primary(deployment)));
    let Some((position, Value::Object(primary))) = primary else {
        return definition(RootKind::Service, Value::Object(spec), origin, path);
    };
    let mut moved = Object::new();
    for name in DEPLOYMENT_MEMBERS.into_iter().filter(|name| !object.contains_key(*name)) {
        let Some(value) = primary.remove(name) else { continue };
        moved.insert(name.to_owned(), value);
        let at = path.key("deployments").index(position).key(name);
        origin = origin.with(&Pointer::root().key(name), &at);
    }
    spec.extend(moved);
    definition(RootKind::Service, Value::Object(spec), origin, path)
}

/// Returns the definitions in the output of a describe command.
fn wrapped(object: &Object, path: &Pointer, from_folder: bool) -> Option<Vec<Detected>> {
    if let Some(Value::Object(inner)) = object.get("taskDefinition") {
        return Some(vec![described_task_definition(inner, object, path)]);
    }
    for name in ["service", "cluster", "capacityProvider"] {
        if let Some(inner @ Value::Object(_)) = object.get(name) {
            return Some(detect(inner, &path.key(name), from_folder));
        }
    }
    for name in ["taskDefinitions", "services", "clusters", "capacityProviders"] {
        let Some(Value::Array(items)) = object.get(name) else { continue };
        let mut all =
            if items.iter().any(Value::is_object) { in_list(items, &path.key(name), from_folder) } else { Vec::new() };
        all.extend(failures(object, name.trim_end_matches('s'), path));
        if !all.is_empty() {
            return Some(all);
        }
    }
    None
}

/// Returns the failures in the output of a describe command.
fn failures(object: &Object, kind: &str, path: &Pointer) -> Vec<Detected> {
    let failures = object.get("failures").and_then(Value::as_array).into_iter().flatten().enumerate();
    let problems = failures.filter_map(|(position, failure)| {
        let text = |name: &str| failure.get(name).and_then(Value::as_str);
        let (arn, reason) = (text("arn")?, text("reason")?);
        let at = path.key("failures").index(position);
        Some(Detected::Other(Problem::not_described(&at, kind, arn::short_name(arn), reason)))
    });
    problems.collect()
}

/// `describe-task-definition --include TAGS` prints the tags beside the definition; to register, they belong inside.
fn described_task_definition(inner: &Object, outer: &Object, path: &Pointer) -> Detected {
    let mut spec = inner.clone();
    let mut origin = Origin::at(&path.key("taskDefinition"));
    if let Some(tags) = outer.get("tags").filter(|_| !inner.contains_key("tags")) {
        spec.insert("tags".to_owned(), tags.clone());
        origin = origin.with(&Pointer::root().key("tags"), &path.key("tags"));
    }
    definition(RootKind::TaskDefinition, Value::Object(spec), origin, path)
}

fn is_containers(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(is_container)
}

fn is_container(value: &Value) -> bool {
    let Value::Object(object) = value else { return false };
    let others = ["name", "cpu", "memory", "memoryReservation", "essential", "portMappings", "environment", "command"];
    let image = object.get("image").is_some_and(Value::is_string);
    image && detect_kind(object).is_none() && others.iter().any(|name| object.contains_key(*name))
}

fn containers(list: &Value, path: &Pointer) -> Detected {
    let part = Pointer::root().key("containerDefinitions");
    let spec = json!({ "containerDefinitions": list });
    definition(RootKind::TaskDefinition, spec, Origin::made().with(&part, path), path)
}

fn container(container: &Value, path: &Pointer) -> Detected {
    let part = Pointer::root().key("containerDefinitions").index(0);
    let spec = json!({ "containerDefinitions": [container] });
    definition(RootKind::TaskDefinition, spec, Origin::made().with(&part, path), path)
}

/// Returns what a Kubernetes object contains: a custom resource, the items of a list, or a foreign object.
fn resource(object: &Object, path: &Pointer, from_folder: bool) -> Vec<Detected> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if let (true, Some(Value::Array(items))) = (kind.ends_with("List"), object.get("items")) {
        if items.is_empty() {
            return vec![not_ecs(path, "this is an empty list", from_folder)];
        }
        return in_list(items, &path.key("items"), from_folder);
    }
    let (group, version) = api_version.split_once('/').unwrap_or_default();
    if group != kinds::GROUP {
        let what = format!("this is a Kubernetes {kind} ({api_version}), not an ECS definition");
        return vec![not_ecs(path, &what, from_folder)];
    }
    vec![own_resource(object, path, version, kind).unwrap_or_else(Detected::Other)]
}

fn own_resource(object: &Object, path: &Pointer, version: &str, name: &str) -> Result<Detected, Problem> {
    let invalid = |at: &Pointer, message: String| Err(Problem::invalid_resource(at, message));
    if version != kinds::VERSION {
        let message = format!("this program reads version {} of {}, not {version:?}", kinds::VERSION, kinds::GROUP);
        return invalid(path, message);
    }
    let Some(kind) = RootKind::from_name(name) else {
        let kinds = RootKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        return invalid(path, format!("this version does not convert the kind {name:?}; it converts {kinds}"));
    };
    let Some(spec @ Value::Object(_)) = object.get("spec") else {
        return invalid(path, format!("the {name} has no `spec`"));
    };
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    if !metadata.get("name").is_some_and(Value::is_string) {
        return invalid(path, format!("the {name} has no `metadata.name`"));
    }
    let mut detected = definition(kind, spec.clone(), Origin::at(&path.key("spec")), path);
    if let Detected::Definition(item) = &mut detected {
        item.resource = Some(metadata);
    }
    Ok(detected)
}

/// Recognizes definitions of other languages by their names of members.
fn foreign_members(object: &Object, path: &Pointer) -> Option<Problem> {
    let any = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    if any(&["containerDefinitions", "serviceName", "serviceArn", "taskDefinitionArn"]) {
        None
    } else if any(&["ContainerDefinitions", "TaskDefinition", "ServiceName"]) {
        Some(Problem::unsupported_language(path, "the members begin with a capital letter, as in CloudFormation"))
    } else if any(&["container_definitions", "desired_count", "resource", "planned_values", "terraform_version"]) {
        Some(Problem::unsupported_language(path, "the members are named as in Terraform"))
    } else {
        foreign::template(object, path)
    }
}

/// Describes an object that is not a definition but close to one.
fn not_understood(object: &Object, value: &Value, path: &Pointer, from_folder: bool) -> Detected {
    let has = |name: &str| object.contains_key(name);
    let deployed = |what: &str| Problem::not_ecs_with_advice(path, what, EXPORT_FROM_AWS, from_folder);
    let problem = if is_run_task(object) {
        Problem::not_supported_yet(path, "this is the input of RunTask or StartTask")
    } else if has("taskDefinitionArns") || has("serviceArns") || has("clusterArns") {
        let what = "this is a list of ARNs";
        Problem::not_ecs_with_advice(path, what, "the describe commands print the definitions themselves", from_folder)
    } else if has("tasks") || has("taskArns") {
        deployed("this describes tasks that ran, not a definition")
    } else if object.get("services").is_some_and(Value::is_object) {
        deployed("this is a Docker Compose file")
    } else if has("task_definition") && (has("run_params") || has("version")) {
        deployed("these are parameters of the ECS CLI for a Docker Compose file")
    } else if is_copilot(object) {
        deployed("this is a manifest of AWS Copilot")
    } else if has("imageUri") {
        deployed("this is an image definition of CodePipeline")
    } else {
        Problem::not_ecs(path, &describe(value), from_folder)
    };
    Detected::Other(problem)
}

fn is_copilot(object: &Object) -> bool {
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    object.contains_key("name") && [" Service", " Job", " Site"].iter().any(|ending| kind.ends_with(ending))
}
