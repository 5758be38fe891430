//! The objects that are written: the custom resources, and their children as an operator has once made them.

use anyhow::{Context as _, Result, ensure};
use ecs_operator::api;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::Service as CoreService;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

/// The field manager of the operator.
const OPERATOR: &str = "ecs-operator";

/// The kinds of children a service of this benchmark has.
pub fn child_kinds() -> [ApiResource; 3] {
    [
        ApiResource::erase::<ControllerRevision>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<CoreService>(&()),
    ]
}

/// The name of service number `n` and of all its objects. It has a fixed length, so that all rounds write as many bytes.
pub fn name(n: u32) -> String {
    format!("bench-{n:05}")
}

/// Writes the custom resources of one service, as a person's kubectl would: definition first.
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

/// The children of one service as text, to be rewritten for others.
pub struct Children {
    texts: Vec<(ApiResource, String)>,
    origin: Origin,
}

/// What tells the objects of one service from those of another.
struct Origin {
    namespace: String,
    name: String,
    owners: [String; 2],
}

impl Children {
    /// Reads the children an operator has made for a service: exactly the fields it wrote.
    pub async fn of(client: &Client, namespace: &str, name: &str) -> Result<Self> {
        let mut texts = Vec::new();
        for resource in child_kinds() {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            let list = api
                .list(&kube::api::ListParams::default().labels(&format!("app.kubernetes.io/managed-by={OPERATOR}")))
                .await?;
            let owned =
                |object: &DynamicObject| object.metadata.owner_references.iter().flatten().any(|o| o.name == name);
            let found =
                list.items.into_iter().find(owned).with_context(|| format!("{name} has no {}", resource.kind))?;
            texts.push((resource.clone(), written(&found, &resource)?.to_string()));
        }
        let owners = [
            uid::<api::TaskDefinition>(client, namespace, name).await?,
            uid::<api::Service>(client, namespace, name).await?,
        ];
        Ok(Self { texts, origin: Origin { namespace: namespace.to_owned(), name: name.to_owned(), owners } })
    }

    /// Writes the children of the service `name`, as the operator does: the revision created, the others applied.
    pub async fn write(&self, client: &Client, namespace: &str, name: &str, roots: &[DynamicObject; 2]) -> Result<()> {
        for (resource, text) in &self.texts {
            let mut text = text.replace(&self.origin.name, name).replace(&self.origin.namespace, namespace);
            for (former, root) in self.origin.owners.iter().zip(roots) {
                text = text.replace(former, root.metadata.uid.as_deref().unwrap_or_default());
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

/// The object with those fields alone that the operator wrote, as its managed fields tell.
fn written(object: &DynamicObject, resource: &ApiResource) -> Result<Value> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let mut ours = entries.filter(|e| e.manager.as_deref() == Some(OPERATOR) && e.subresource.is_none());
    let fields = ours.next().and_then(|e| e.fields_v1.as_ref()).context("the operator wrote no field of its child")?;
    ensure!(ours.next().is_none(), "the operator wrote its child in more ways than one");
    let mut kept = keep(&serde_json::to_value(object)?, &fields.0);
    kept["apiVersion"] = resource.api_version.clone().into();
    kept["kind"] = resource.kind.clone().into();
    kept["metadata"]["name"] = object.metadata.name.clone().into();
    kept["metadata"]["namespace"] = object.metadata.namespace.clone().into();
    Ok(kept)
}

/// The part of a value that a set of fields (`FieldsV1`) names; a set without members names all of it.
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
        let (way, text) = name.split_once(':')?;
        let wanted: Value = serde_json::from_str(text).ok()?;
        match (way, &wanted) {
            ("k", Value::Object(keys)) if keys.iter().all(|(key, value)| element.get(key) == Some(value)) => {
                let mut kept = keep(element, inner);
                kept.as_object_mut()?.extend(keys.clone());
                Some(kept)
            }
            ("v", wanted) if wanted == element => Some(element.clone()),
            _ => None,
        }
    })
}
