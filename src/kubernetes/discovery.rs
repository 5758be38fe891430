//! Discovers the APIs of the server and the rights of the operator. Both are checked before a watch starts, so that a
//! missing one is reported by name instead of as failures of watches.

use std::borrow::Cow;
use std::fmt::{self, Debug};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, PostParams};
use kube::{Client, Error, Resource};
use serde::de::DeserializeOwned;

/// Maximum number of objects in a page of a list.
const PAGE: u32 = 500;

/// Maximum number of concurrent access reviews.
const CONCURRENCY: usize = 8;

/// A custom resource definition that the server does not serve in the required version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCrd {
    /// Its name, `plural.group`.
    pub name: String,
    /// The required version.
    pub version: String,
    /// The versions that the server serves; empty if the definition is absent or not yet established.
    pub served: Vec<String>,
}

impl fmt::Display for MissingCrd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, served } = self;
        if served.is_empty() {
            write!(f, "custom resource definition {name} is not established")
        } else {
            write!(
                f,
                "custom resource definition {name} has no version {version}; the server has {}",
                served.join(", ")
            )
        }
    }
}

/// Returns the required definitions (`plural.group`, version) that the server does not serve. Uses the discovery API,
/// which needs no rights and lists established and served versions only.
///
/// # Errors
/// When the server does not respond.
pub async fn missing_crds(client: &Client, required: &[(String, &str)]) -> kube::Result<Vec<MissingCrd>> {
    let groups = client.list_api_groups().await?.groups;
    let mut missing = Vec::new();
    for (name, version) in required {
        let (plural, group) = name.split_once('.').unwrap_or((name.as_str(), ""));
        let versions = groups.iter().filter(|listed| listed.name == group).flat_map(|listed| &listed.versions);
        let served = serving(client, plural, group, versions.map(|listed| listed.version.as_str())).await?;
        if !served.iter().any(|served| served == version) {
            missing.push(MissingCrd { name: name.clone(), version: (*version).to_owned(), served });
        }
    }
    Ok(missing)
}

/// True if the server serves this kind. `group` is empty for the core group.
///
/// # Errors
/// When the server does not respond.
pub async fn serves(client: &Client, group: &str, version: &str, plural: &str) -> kube::Result<bool> {
    let resources = if group.is_empty() {
        client.list_core_api_resources(version).await
    } else {
        client.list_api_group_resources(&format!("{group}/{version}")).await
    };
    match resources {
        Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == plural)),
        // For an unknown group the response is plain text without a reason.
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// True if an object of this name exists, of a cluster-scoped kind.
///
/// # Errors
/// When the server does not respond.
pub async fn exists(client: &Client, resource: &ApiResource, name: &str) -> kube::Result<bool> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    Ok(api.get_opt(name).await?.is_some())
}

/// Returns all objects of a kind, or those that match a label selector.
///
/// # Errors
/// When the server does not respond.
pub async fn list<K>(client: &Client, selector: &str) -> kube::Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let mut parameters = ListParams::default().labels(selector).limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let page = api.list(&parameters).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

/// Returns the versions in which the server serves this kind.
async fn serving(
    client: &Client,
    plural: &str,
    group: &str,
    versions: impl Iterator<Item = &str>,
) -> kube::Result<Vec<String>> {
    let mut served = Vec::new();
    for version in versions {
        if serves(client, group, version, plural).await? {
            served.push(version.to_owned());
        }
    }
    Ok(served)
}

/// Rights that the operator requires on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural, with a subresource if there is one: `deployments`, `pods/eviction`.
    pub resource: Cow<'a, str>,
    /// `get`, `list`, `watch`, `create`, `patch`, `delete`.
    pub verbs: &'a [&'a str],
}

impl<'a> Rule<'a> {
    /// Returns the rights on a resource.
    #[must_use]
    pub const fn new(group: &'a str, resource: &'a str, verbs: &'a [&'a str]) -> Self {
        Self { group, resource: Cow::Borrowed(resource), verbs }
    }
}

/// A right that the operator lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRight {
    /// The missing verb.
    pub verb: String,
    /// The plural, with its subresource.
    pub resource: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The namespace; absent for all namespaces.
    pub namespace: Option<String>,
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, group, .. } = self;
        write!(f, "verb {verb:?} on resource {resource:?} in API group {group:?} in ")?;
        match &self.namespace {
            Some(namespace) => write!(f, "namespace {namespace:?}"),
            None => f.write_str("all namespaces"),
        }
    }
}

/// Returns the rights in `rules` that the operator lacks, in `namespace` or in all namespaces.
///
/// # Errors
/// When the server does not respond.
pub async fn missing_rights(
    client: &Client,
    namespace: Option<&str>,
    rules: &[Rule<'_>],
) -> kube::Result<Vec<MissingRight>> {
    let rights = rules.iter().flat_map(|rule| rule.verbs.iter().map(move |verb| right(rule, verb, namespace)));
    stream::iter(rights.map(|right| lacks(client.clone(), right)).collect::<Vec<_>>())
        .buffered(CONCURRENCY)
        .try_filter_map(|lacking| async move { Ok(lacking) })
        .try_collect()
        .await
}

fn right(rule: &Rule<'_>, verb: &str, namespace: Option<&str>) -> MissingRight {
    MissingRight {
        verb: verb.to_owned(),
        resource: rule.resource.clone().into_owned(),
        group: rule.group.to_owned(),
        namespace: namespace.map(str::to_owned),
    }
}

async fn lacks(client: Client, right: MissingRight) -> kube::Result<Option<MissingRight>> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
    let reviewed = reviews.create(&PostParams::default(), &review(&right)).await?;
    let allowed = reviewed.status.is_some_and(|status| status.allowed);
    Ok((!allowed).then_some(right))
}

fn review(right: &MissingRight) -> SelfSubjectAccessReview {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource.as_str(), None),
    };
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(right.group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(right.verb.clone()),
                namespace: right.namespace.clone(),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVICT: Rule<'_> = Rule::new("", "pods/eviction", &["create"]);

    #[test]
    fn the_message_about_a_missing_right_contains_the_rule() {
        let watch = Rule::new("apps", "deployments", &["watch"]);
        assert_eq!(
            right(&watch, "watch", Some("x")).to_string(),
            r#"verb "watch" on resource "deployments" in API group "apps" in namespace "x""#
        );
        assert_eq!(
            right(&EVICT, "create", None).to_string(),
            r#"verb "create" on resource "pods/eviction" in API group "" in all namespaces"#
        );
    }

    #[test]
    fn an_access_review_has_the_subresource_in_a_field_of_its_own() {
        let attributes = review(&right(&EVICT, "create", None)).spec.resource_attributes.expect("set");
        assert_eq!(attributes.resource.as_deref(), Some("pods"));
        assert_eq!(attributes.subresource.as_deref(), Some("eviction"));
    }

    #[tokio::test]
    async fn an_unknown_group_is_not_an_error() {
        let plain = || async { (axum::http::StatusCode::NOT_FOUND, "404 page not found\n") };
        let routes = axum::Router::new().fallback(plain);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("free");
        let url = format!("http://{}", listener.local_addr().expect("known")).parse().expect("a URL");
        tokio::spawn(async { axum::serve(listener, routes).await });
        let clients = super::super::client::build(kube::Config::new(url)).expect("clients");
        let served = serves(&clients.write, "external-secrets.io", "v1", "externalsecrets").await;
        assert!(matches!(served, Ok(false)), "{served:?}");
    }

    #[test]
    fn the_message_of_a_missing_definition_lists_the_served_versions() {
        let mut missing =
            MissingCrd { name: "services.ecs-operator.dev".into(), version: "v1alpha1".into(), served: Vec::new() };
        assert_eq!(missing.to_string(), "custom resource definition services.ecs-operator.dev is not established");
        missing.served.push("v1".into());
        assert!(missing.to_string().ends_with("has no version v1alpha1; the server has v1"));
    }
}
