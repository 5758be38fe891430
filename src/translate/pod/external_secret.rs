//! `secrets`, `secretOptions` and `repositoryCredentials` → `ExternalSecret`s that fill the task's `Secret`s.
//!
//! The External Secrets Operator reads Secrets Manager and the Parameter Store through secret stores with a region and
//! credentials. On ECS these are the task's region and its execution role. On Kubernetes `kubernetes.secretStores` names the
//! stores, or an option of the operator names them for all task definitions.
//!
//! An `ExternalSecret` replaces the whole content of its `Secret`, so it is created only if stores for all values of the
//! `Secret` are configured.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{SecretStore, SecretStores};
use crate::ecs::common::Secret;
use crate::ecs::secret_reference::SecretReference;
use crate::ecs::task_definition::ContainerDefinition;
use crate::k8s::UntypedObject;
use crate::translate::container::image_registry;
use crate::translate::container::secret_source::{self, Origin, Reference, remote};
use crate::translate::pod::depends_on;
use crate::translate::{Mode, RenderContext, metadata};

/// `ExternalSecret` that fills one `Secret`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalSecret {
    /// Name of the object and of the `Secret`.
    pub name: String,
    /// Keys of the `Secret` or, with registries, of its template.
    data: BTreeMap<String, Remote>,
    /// Registries that the `Secret` has credentials for. Empty if the keys contain the values themselves.
    registries: Vec<String>,
}

/// Value in AWS and the secret store that reads it.
#[derive(Clone, Debug, PartialEq)]
struct Remote {
    reference: Reference,
    store: SecretStore,
}

fn store(origin: Origin, stores: &SecretStores) -> Option<&SecretStore> {
    match origin {
        Origin::SecretsManager => stores.secrets_manager.as_ref(),
        Origin::ParameterStore => stores.parameter_store.as_ref(),
    }
}

/// Describes the requirement of a `Secret` with an `ExternalSecret`.
pub(crate) fn requirement(name: &str) -> String {
    format!(
        "the External Secrets Operator has filled the Secret {name} from the ExternalSecret of that name, which is created \
         with it; its secret store needs the permissions that the execution role has on ECS"
    )
}

/// True if an `ExternalSecret` fills the `Secret` of the container.
pub(crate) fn fills_container(task: &RenderContext<'_>, container: &ContainerDefinition) -> bool {
    stores(task).is_some_and(|stores| for_container(task, container, stores).is_some())
}

/// True if an `ExternalSecret` creates the pull secret of the container.
pub(crate) fn fills_registry(task: &RenderContext<'_>, container: &ContainerDefinition) -> bool {
    stores(task).is_some_and(|stores| for_registry(task, container, stores).is_some())
}

fn stores<'a>(task: &RenderContext<'a>) -> Option<&'a SecretStores> {
    task.kubernetes.and_then(|kubernetes| kubernetes.secret_stores.as_ref())
}

/// Returns an `ExternalSecret` for each `Secret` of the task whose secret stores the `kubernetes` block names.
#[must_use]
pub fn render(task: &RenderContext<'_>) -> Vec<ExternalSecret> {
    let Some(stores) = stores(task) else { return Vec::new() };
    let slots = depends_on::layout(task);
    let containers = || slots.iter().map(|slot| slot.definition);
    let values = containers().filter_map(|container| for_container(task, container, stores));
    let has_pull_secrets = task.kubernetes.is_some_and(|kubernetes| !kubernetes.image_pull_secrets.is_empty());
    let users = if has_pull_secrets { Vec::new() } else { image_registry::first_users(containers()) };
    let pull_secrets = users.into_iter().filter_map(|container| for_registry(task, container, stores));
    merge(values.chain(pull_secrets))
}

/// Returns the values that `kubernetes.secrets` does not map: of variables, then of log options.
fn unmapped<'a>(task: &RenderContext<'a>, container: &'a ContainerDefinition) -> impl Iterator<Item = &'a Secret> {
    let options = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
    let mappings = task.kubernetes.into_iter().flat_map(|kubernetes| &kubernetes.secrets);
    let mapped: BTreeSet<&str> = mappings.map(|mapping| mapping.value_from.as_str()).collect();
    container.secrets.iter().chain(options).filter(move |secret| !mapped.contains(secret.value_from.as_str()))
}

fn for_container(
    task: &RenderContext<'_>,
    container: &ContainerDefinition,
    stores: &SecretStores,
) -> Option<ExternalSecret> {
    let mut data = BTreeMap::new();
    for secret in unmapped(task, container) {
        let reference = remote(&secret.value_from)?;
        let store = store(reference.origin, stores)?.clone();
        if is_key(&secret.name) {
            data.entry(secret.name.clone()).or_insert(Remote { reference, store });
        }
    }
    let name = secret_source::container_object_name(task.name, container);
    (!data.is_empty()).then_some(ExternalSecret { name, data, registries: Vec::new() })
}

/// True if a `Secret` can have the key.
fn is_key(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

fn for_registry(
    task: &RenderContext<'_>,
    container: &ContainerDefinition,
    stores: &SecretStores,
) -> Option<ExternalSecret> {
    let secret = &container.repository_credentials.as_ref()?.credentials_parameter;
    // ECS accepts an ARN or the name of a secret here.
    let key = match SecretReference::parse(secret).ok()? {
        SecretReference::Secret(secret) => secret.arn.to_string(),
        SecretReference::NamedParameter => secret.clone(),
        SecretReference::Parameter(_) => return None,
    };
    let store = stores.secrets_manager.as_ref()?;
    let registries: Vec<String> =
        image_registry::servers(task.definition, container).into_iter().map(str::to_owned).collect();
    // The template engine would interpret braces in an address.
    if registries.iter().any(|server| server.contains(['{', '}'])) {
        return None;
    }
    let data = ["username", "password"].map(|name| {
        let property = Some(name.to_owned());
        let reference = Reference { origin: Origin::SecretsManager, key: key.clone(), property, version: None };
        (name.to_owned(), Remote { reference, store: store.clone() })
    });
    let name = image_registry::secret_name(task.name, container);
    Some(ExternalSecret { name, data: data.into(), registries })
}

/// Merges those with the same name. The result has the keys of all of them, each with the value of the last one.
#[must_use]
pub fn merge(all: impl IntoIterator<Item = ExternalSecret>) -> Vec<ExternalSecret> {
    let mut merged: BTreeMap<String, ExternalSecret> = BTreeMap::new();
    for later in all {
        match merged.get_mut(&later.name) {
            Some(earlier) if earlier.registries.is_empty() && later.registries.is_empty() => {
                earlier.data.extend(later.data);
            }
            _ => drop(merged.insert(later.name.clone(), later)),
        }
    }
    merged.into_values().collect()
}

impl ExternalSecret {
    /// Returns the object, without an owner.
    #[must_use]
    pub fn object(&self, task_definition: &str, namespace: Option<&str>, mode: Mode) -> UntypedObject {
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: namespace.map(str::to_owned),
            labels: Some(metadata::task_definition_labels(task_definition, mode.manager())),
            ..ObjectMeta::default()
        };
        UntypedObject::from_spec(metadata, self.spec())
    }

    fn spec(&self) -> Value {
        let mut target = json!({"name": self.name, "creationPolicy": "Owner"});
        if !self.registries.is_empty() {
            target["template"] = pull_secret(&self.registries);
        }
        let default_store = self.data.values().next().map(|remote| &remote.store);
        let data: Vec<Value> = self.data.iter().map(|(key, remote)| remote.entry(key, default_store)).collect();
        json!({"secretStoreRef": default_store.map(reference), "target": target, "data": data})
    }
}

impl Remote {
    /// Returns an entry of `data`. It names the store if it is not the default store of the object.
    fn entry(&self, key: &str, default_store: Option<&SecretStore>) -> Value {
        let mut remote = json!({"key": self.reference.key});
        for (name, value) in [("property", &self.reference.property), ("version", &self.reference.version)] {
            if let Some(value) = value {
                remote[name] = value.clone().into();
            }
        }
        let mut entry = json!({"secretKey": key, "remoteRef": remote});
        if default_store != Some(&self.store) {
            entry["sourceRef"] = json!({"storeRef": reference(&self.store)});
        }
        entry
    }
}

fn reference(store: &SecretStore) -> Value {
    json!({"name": store.name, "kind": store.kind.unwrap_or_default()})
}

/// Returns the template of a pull secret, with the content that `kubectl create secret docker-registry` creates.
fn pull_secret(registries: &[String]) -> Value {
    let credentials = r#"{"username":{{ .username | toJson }},"password":{{ .password | toJson }},"auth":{{ printf "%s:%s" .username .password | b64enc | toJson }}}"#;
    let auths: Vec<String> =
        registries.iter().map(|server| format!("{}:{credentials}", Value::from(server.as_str()))).collect();
    json!({
        "type": "kubernetes.io/dockerconfigjson",
        "engineVersion": "v2",
        "data": {".dockerconfigjson": format!(r#"{{"auths":{{{}}}}}"#, auths.join(","))},
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::TaskDefinitionSpec;
    use crate::translate::RenderProfile;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf";

    fn rendered(kubernetes: &Value, container: &Value) -> Vec<ExternalSecret> {
        let mut container = container.clone();
        container["name"] = "app".into();
        let spec = json!({"kubernetes": kubernetes, "containerDefinitions": [container]});
        let spec: TaskDefinitionSpec = serde_json::from_value(spec).unwrap();
        let kubernetes = spec.kubernetes.as_ref();
        render(&RenderContext { kubernetes, ..RenderContext::alone(&spec.ecs, "web", &RenderProfile::current(36)) })
    }

    fn both() -> Value {
        json!({"secretStores": {"secretsManager": {"name": "sm"}, "parameterStore": {"name": "ps", "kind": "SecretStore"}}})
    }

    fn secrets() -> Value {
        json!({
            "secrets": [
                {"name": "PASSWORD", "valueFrom": format!("{ARN}:password::9d4c")},
                {"name": "HOST", "valueFrom": "arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db"},
                {"name": "NAME", "valueFrom": "/prod/name"},
            ],
            "logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": ARN}]},
        })
    }

    #[test]
    fn a_container_has_one_secret_with_all_its_values() {
        let rendered = rendered(&both(), &secrets());
        assert_eq!(rendered.len(), 1);
        assert_eq!(
            rendered[0].spec(),
            json!({
                "secretStoreRef": {"name": "ps", "kind": "SecretStore"},
                "target": {"name": "web-app", "creationPolicy": "Owner"},
                "data": [
                    {"secretKey": "HOST", "remoteRef": {"key": "/prod/db"}},
                    {"secretKey": "NAME", "remoteRef": {"key": "/prod/name"}},
                    {"secretKey": "PASSWORD",
                     "remoteRef": {"key": ARN, "property": "password", "version": "uuid/9d4c"},
                     "sourceRef": {"storeRef": {"name": "sm", "kind": "ClusterSecretStore"}}},
                    {"secretKey": "splunk-token", "remoteRef": {"key": ARN},
                     "sourceRef": {"storeRef": {"name": "sm", "kind": "ClusterSecretStore"}}},
                ],
            })
        );
    }

    #[test]
    fn a_secret_is_never_filled_in_part() {
        let one = json!({"secretStores": {"secretsManager": {"name": "sm"}}});
        assert_eq!(rendered(&one, &secrets()), []);
        assert_eq!(rendered(&json!({}), &secrets()), []);
        // Mapped values are not read from the Secret.
        let mapping = |from: &str| json!({"valueFrom": from, "secretName": "s", "key": "k"});
        let mut mapped = one;
        mapped["secrets"] =
            json!([mapping("arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db"), mapping("/prod/name")]);
        let rendered = rendered(&mapped, &secrets());
        assert_eq!(rendered[0].data.keys().collect::<Vec<_>>(), ["PASSWORD", "splunk-token"]);
    }

    #[test]
    fn credentials_become_a_pull_secret() {
        let container = json!({
            "image": "registry.example.test/app:1",
            "repositoryCredentials": {"credentialsParameter": ARN},
        });
        let pull_secrets = rendered(&both(), &container);
        assert_eq!(pull_secrets.len(), 1);
        assert_eq!(pull_secrets[0].name, "web-app-registry");
        let spec = pull_secrets[0].spec();
        assert_eq!(spec.pointer("/target/template/type"), Some(&json!("kubernetes.io/dockerconfigjson")));
        let template = spec.pointer("/target/template/data/.dockerconfigjson").and_then(Value::as_str).unwrap();
        let filled = template
            .replace("{{ .username | toJson }}", "\"u\"")
            .replace("{{ .password | toJson }}", "\"p\"")
            .replace(r#"{{ printf "%s:%s" .username .password | b64enc | toJson }}"#, "\"dTpw\"");
        let filled: Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(filled.pointer("/auths/registry.example.test/auth"), Some(&json!("dTpw")));
        let mut with_pull_secret = both();
        with_pull_secret["imagePullSecrets"] = json!([{"name": "mine"}]);
        assert_eq!(rendered(&with_pull_secret, &container), []);
    }

    #[test]
    fn merged_definitions_have_all_keys_with_the_last_values() {
        let old = rendered(
            &both(),
            &json!({"secrets": [{"name": "A", "valueFrom": "/a"}, {"name": "B", "valueFrom": "/b"}]}),
        );
        let new = rendered(&both(), &json!({"secrets": [{"name": "B", "valueFrom": "/new"}]}));
        let merged = merge(old.into_iter().chain(new));
        let keys: Vec<_> = merged[0].data.iter().map(|(key, r)| (key.as_str(), r.reference.key.as_str())).collect();
        assert_eq!(keys, [("A", "/a"), ("B", "/new")]);
    }
}
