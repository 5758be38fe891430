//! Objects that the benchmark writes: the custom resources, and their children as the operator wrote them before.

use anyhow::{Context as _, Result, ensure};
use ecs_operator::api;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::Service as CoreService;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

/// Field manager of the operator.
const OPERATOR: &str = "ecs-operator";

/// Returns the kinds of children of a service in this benchmark.
pub fn child_kinds() -> [ApiResource; 3] {
    [
        ApiResource::erase::<ControllerRevision>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<CoreService>(&()),
    ]
}

/// Returns the name of service `n` and of its objects. The length is fixed, so that all rounds write the same number of bytes.
pub fn name(n: u32) -> String {
    format!("bench-{n:05}")
}

/// Applies the custom resources of one service, the task definition first.
pub async fn write_roots(
    client: &Client,
    namespace: &str,
    name: &str,
    desired_count: u32,
) -> Result<[DynamicObject; 2]> {
    let definition = json!({
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": format!("example.test/{name}:1"), "essential": true,
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "STAGE", "value": "bench"}],
        }],
    });
    let service =
        json!({"taskDefinition": name, "desiredCount": desired_count, "kubernetes": {"healthyAfterSeconds": 0}});
    let definition = write_root::<api::TaskDefinition>(client, namespace, name, definition).await?;
    let service = write_root::<api::Service>(client, namespace, name, service).await?;
    Ok([definition, service])
}

async fn write_root<K: kube::Resource<DynamicType = ()>>(
    client: &Client,
    namespace: &str,
    name: &str,
    spec: Value,
) -> Result<DynamicObject> {
    let resource = ApiResource::erase::<K>(&());
    let object = json!({
        "apiVersion": resource.api_version, "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    });
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    Ok(api.patch(name, &PatchParams::apply("bench").force(), &Patch::Apply(&object)).await?)
}

/// Children of one service as text, to be rewritten for other services.
pub struct Children {
    texts: Vec<(ApiResource, String)>,
    origin: Origin,
}

/// Values of the original service, which are replaced for other services.
struct Origin {
    namespace: String,
    name: String,
    owners: [String; 2],
}

impl Children {
    /// Reads the children that an operator wrote for a service, with exactly the fields that it wrote.
    pub async fn read(client: &Client, namespace: &str, name: &str) -> Result<Self> {
        let mut texts = Vec::new();
        for resource in child_kinds() {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            let list = api
                .list(&kube::api::ListParams::default().labels(&format!("app.kubernetes.io/managed-by={OPERATOR}")))
                .await?;
            let mut objects = list.items.into_iter();
            let child = objects
                .find(|object| object.metadata.owner_references.iter().flatten().any(|owner| owner.name == name))
                .with_context(|| format!("{name} has no {}", resource.kind))?;
            texts.push((resource.clone(), written(&child, &resource)?.to_string()));
        }
        let owners = [
            uid::<api::TaskDefinition>(client, namespace, name).await?,
            uid::<api::Service>(client, namespace, name).await?,
        ];
        Ok(Self { texts, origin: Origin { namespace: namespace.to_owned(), name: name.to_owned(), owners } })
    }

    /// Writes the children of the service `name` as the operator does: creates the revision and applies the others.
    pub async fn write(&self, client: &Client, namespace: &str, name: &str, roots: &[DynamicObject; 2]) -> Result<()> {
        for (resource, text) in &self.texts {
            let mut text = text.replace(&self.origin.name, name).replace(&self.origin.namespace, namespace);
            for (uid, root) in self.origin.owners.iter().zip(roots) {
                text = text.replace(uid, root.metadata.uid.as_deref().unwrap_or_default());
            }
            let object: Value = serde_json::from_str(&text)?;
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
            if resource.kind == "ControllerRevision" {
                let params = PostParams { field_manager: Some(OPERATOR.to_owned()), ..PostParams::default() };
                api.create(&params, &serde_json::from_value(object)?).await?;
            } else {
                let child = object["metadata"]["name"].as_str().context("a child without a name")?;
                api.patch(child, &PatchParams::apply(OPERATOR), &Patch::Apply(&object)).await?;
            }
        }
        Ok(())
    }
}

async fn uid<K: kube::Resource<DynamicType = ()>>(client: &Client, namespace: &str, name: &str) -> Result<String> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<K>(&()));
    api.get(name).await?.metadata.uid.context("an object without a uid")
}

/// Returns the object with only the fields that the operator wrote, by its managed fields.
fn written(object: &DynamicObject, resource: &ApiResource) -> Result<Value> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let mut managed = entries.filter(|e| e.manager.as_deref() == Some(OPERATOR) && e.subresource.is_none());
    let fields =
        managed.next().and_then(|e| e.fields_v1.as_ref()).context("the operator wrote no field of its child")?;
    ensure!(managed.next().is_none(), "the operator has several entries in the managed fields of its child");
    let mut written = keep(&serde_json::to_value(object)?, &fields.0);
    written["apiVersion"] = resource.api_version.clone().into();
    written["kind"] = resource.kind.clone().into();
    written["metadata"]["name"] = object.metadata.name.clone().into();
    written["metadata"]["namespace"] = object.metadata.namespace.clone().into();
    Ok(written)
}

/// Returns the part of a value in a set of fields (`FieldsV1`). A set without members contains the whole value.
fn keep(value: &Value, fields: &Value) -> Value {
    let members = fields.as_object().into_iter().flatten().filter(|(name, _)| *name != ".");
    let members: Vec<(&str, &Value)> = members.map(|(name, inner)| (name.as_str(), inner)).collect();
    match value {
        _ if members.is_empty() => value.clone(),
        Value::Object(map) => Value::Object(keep_members(map, &members)),
        Value::Array(list) => list.iter().filter_map(|element| keep_element(element, &members)).collect(),
        other => other.clone(),
    }
}

fn keep_members(map: &Map<String, Value>, members: &[(&str, &Value)]) -> Map<String, Value> {
    let named = members.iter().filter_map(|(name, inner)| Some((name.strip_prefix("f:")?, inner)));
    named.filter_map(|(name, inner)| Some((name.to_owned(), keep(map.get(name)?, inner)))).collect()
}

fn keep_element(element: &Value, members: &[(&str, &Value)]) -> Option<Value> {
    members.iter().find_map(|(name, inner)| {
        let (selector, text) = name.split_once(':')?;
        let selected: Value = serde_json::from_str(text).ok()?;
        match (selector, &selected) {
            ("k", Value::Object(keys)) if keys.iter().all(|(key, value)| element.get(key) == Some(value)) => {
                let mut part = keep(element, inner);
                part.as_object_mut()?.extend(keys.clone());
                Some(part)
            }
            ("v", selected) if selected == element => Some(element.clone()),
            _ => None,
        }
    })
}
