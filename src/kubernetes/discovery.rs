//! What the server has and what the operator may do: asked before anything is watched, so that a missing piece is named
//! instead of showing up as watches that fail for ever.

use std::fmt::{self, Debug};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, PostParams};
use kube::{Client, Error, Resource};
use serde::de::DeserializeOwned;

/// Objects of a list in one answer.
const PAGE: u32 = 500;

/// Access reviews asked at once.
const AT_ONCE: usize = 8;

/// A custom resource definition that is not there as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCrd {
    /// Its name, `plural.group`.
    pub name: String,
    /// The version wanted.
    pub version: String,
    /// The versions the server has instead; empty when the definition is absent or not yet established.
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

/// The wanted definitions (`plural.group`, version) that the server does not serve. It asks by discovery,
/// which needs no rights and shows established and served versions only.
///
/// # Errors
/// When the server does not answer.
pub async fn missing_crds(client: &Client, wanted: &[(&str, &str)]) -> kube::Result<Vec<MissingCrd>> {
    let groups = client.list_api_groups().await?.groups;
    let mut missing = Vec::new();
    for (name, version) in wanted {
        let (plural, group) = name.split_once('.').unwrap_or((name, ""));
        let found = groups.iter().find(|found| found.name == group);
        let versions = found.into_iter().flat_map(|found| &found.versions).map(|found| found.version.as_str());
        let served = serving(client, plural, group, versions).await?;
        if !served.iter().any(|served| served == version) {
            missing.push(MissingCrd { name: (*name).to_owned(), version: (*version).to_owned(), served });
        }
    }
    Ok(missing)
}

/// Whether the server serves this kind; `group` is empty for the core group.
///
/// # Errors
/// When the server does not answer.
pub async fn serves(client: &Client, group: &str, version: &str, plural: &str) -> kube::Result<bool> {
    let resources = if group.is_empty() {
        client.list_core_api_resources(version).await
    } else {
        client.list_api_group_resources(&format!("{group}/{version}")).await
    };
    match resources {
        Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == plural)),
        // Of a group that it does not have the server says so in plain text, without a reason.
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is an object of this name, of a kind whose objects are in no namespace.
///
/// # Errors
/// When the server does not answer.
pub async fn exists(client: &Client, resource: &ApiResource, name: &str) -> kube::Result<bool> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    Ok(api.get_opt(name).await?.is_some())
}

/// All objects of a kind, or those that a label selector chooses.
///
/// # Errors
/// When the server does not answer.
pub async fn list<K>(client: &Client, selector: &str) -> kube::Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let mut parameters = ListParams::default().labels(selector).limit(PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&parameters).await?;
        found.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(found),
        }
    }
}

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

/// Rights the operator needs on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural, with its subresource if one is meant: `deployments`, `pods/eviction`.
    pub resource: &'a str,
    /// Such as `get`, `list`, `watch`, `create`, `patch`, `delete`.
    pub verbs: &'a [&'a str],
}

/// A right the operator lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRight {
    /// What it may not do.
    pub verb: String,
    /// The plural, with its subresource.
    pub resource: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// Absent when asked for all namespaces.
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

/// The rights in `rules` that the operator lacks, in `namespace` or in all namespaces.
///
/// # Errors
/// When the server does not answer.
pub async fn missing_rights(
    client: &Client,
    namespace: Option<&str>,
    rules: &[Rule<'_>],
) -> kube::Result<Vec<MissingRight>> {
    let wanted = rules.iter().flat_map(|rule| rule.verbs.iter().map(move |verb| right(rule, verb, namespace)));
    stream::iter(wanted.map(|right| lacks(client.clone(), right)).collect::<Vec<_>>())
        .buffered(AT_ONCE)
        .try_filter_map(|lacking| async move { Ok(lacking) })
        .try_collect()
        .await
}

fn right(rule: &Rule<'_>, verb: &str, namespace: Option<&str>) -> MissingRight {
    MissingRight {
        verb: verb.to_owned(),
        resource: rule.resource.to_owned(),
        group: rule.group.to_owned(),
        namespace: namespace.map(str::to_owned),
    }
}

async fn lacks(client: Client, right: MissingRight) -> kube::Result<Option<MissingRight>> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
    let answer = reviews.create(&PostParams::default(), &review(&right)).await?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
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

    const EVICT: Rule<'_> = Rule { group: "", resource: "pods/eviction", verbs: &["create"] };

    #[test]
    fn a_missing_right_names_the_exact_rule() {
        let watch = Rule { group: "apps", resource: "deployments", verbs: &["watch"] };
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
    fn subresources_are_asked_for_as_such() {
        let attributes = review(&right(&EVICT, "create", None)).spec.resource_attributes.expect("set");
        assert_eq!(attributes.resource.as_deref(), Some("pods"));
        assert_eq!(attributes.subresource.as_deref(), Some("eviction"));
    }

    #[tokio::test]
    async fn a_group_that_the_server_does_not_have_is_an_answer() {
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
    fn a_missing_definition_says_what_there_is() {
        let mut missing =
            MissingCrd { name: "services.ecs-operator.dev".into(), version: "v1alpha1".into(), served: Vec::new() };
        assert_eq!(missing.to_string(), "custom resource definition services.ecs-operator.dev is not established");
        missing.served.push("v1".into());
        assert!(missing.to_string().ends_with("has no version v1alpha1; the server has v1"));
    }
}
