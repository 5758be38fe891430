//! `firelensConfiguration` and the log driver `awsfirelens`: a log router in the task.
//!
//! ECS writes the router's configuration, mounts it where the router's image reads it, starts the router first and stops
//! it last, leads the output of its users to it, and tells them its address, for applications that send by the fluent
//! protocol themselves. All of it is the same here but the way of the output: no container runtime of Kubernetes leads it
//! to another container. It is in files of the node, whence the router reads that of its own Pod and of no other.
//!
//! The configuration is an annotation of the Pod, mounted by a downward API volume: it takes no object of its own, and
//! stays the same for as long as the Pod lives.

pub mod field_verdicts;
pub mod fluent_bit;
pub mod fluentd;
#[cfg(test)]
pub mod grammar;
pub mod options;
pub mod router;
pub mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;

use crate::translate::RenderContext;

pub(super) use field_verdicts::{record_router as record, record_users};
pub(super) use router::variables as router_variables;
pub(super) use volumes::volumes;

use crate::translate::firelens::router::Router;

use crate::api::annotations::FIRELENS;
use crate::ecs::task_definition::{ContainerDefinition, FirelensConfigurationType, NetworkMode};

/// Where a router listens: the containers of a Pod share one address, as those of a task do in `awsvpc` mode.
const ADDRESS: [(&str, &str); 2] = [("FLUENT_HOST", "127.0.0.1"), ("FLUENT_PORT", "24224")];

/// Whether the router listens for applications. As on ECS it does not in the modes `host` and `none`.
fn listens(task: &RenderContext<'_>) -> bool {
    !matches!(task.definition.network_mode, Some(NetworkMode::Host | NetworkMode::None))
}

/// The router's address, for its users, unless the definition gives another.
pub(super) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    if !container.uses_log_router() || !listens(task) {
        return Vec::new();
    }
    let given = container.environment.iter().filter_map(|pair| pair.name.as_deref());
    let given: Vec<&str> = given.chain(container.secrets.iter().map(|secret| secret.name.as_str())).collect();
    ADDRESS
        .iter()
        .filter(|(name, _)| !given.contains(name))
        .map(|(name, value)| EnvVar { name: (*name).to_owned(), value: Some((*value).to_owned()), value_from: None })
        .collect()
}

/// The annotation of the Pod that has the router's configuration, if the task has a router.
pub(super) fn annotation(task: &RenderContext<'_>, labels: &BTreeMap<String, String>) -> Option<(String, String)> {
    let router = Router::of(task)?;
    Some((FIRELENS.to_owned(), configuration(&router, task, labels)))
}

/// Renders the configuration file of a router. The labels of the Pod name the task definition and the cluster.
fn configuration(router: &Router<'_>, task: &RenderContext<'_>, labels: &BTreeMap<String, String>) -> String {
    let metadata = router.adds_metadata().then(|| router::metadata(task, labels));
    match router.firelens.r#type {
        FirelensConfigurationType::Fluentbit => fluent_bit::configuration(router, metadata.as_ref()),
        FirelensConfigurationType::Fluentd => fluentd::configuration(router, metadata.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::TaskDefinition;
    use crate::ecs::task_definition::LogDriver;
    use crate::ecs::task_definition::{
        ContainerCondition, ContainerDependency, FirelensConfiguration, KeyValuePair, LogConfiguration,
    };
    use crate::translate::RenderProfile;
    use crate::translate::context::ContainerKind;
    use crate::translate::pod::depends_on;

    fn names(network_mode: Option<NetworkMode>, driver: LogDriver, given: &str) -> Vec<String> {
        let definition = TaskDefinition { network_mode, ..TaskDefinition::default() };
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "", &profile);
        let container = ContainerDefinition {
            log_configuration: Some(LogConfiguration { log_driver: driver, ..LogConfiguration::default() }),
            environment: vec![KeyValuePair { name: Some(given.to_owned()), value: None }],
            ..ContainerDefinition::default()
        };
        variables(&task, &container).into_iter().map(|variable| variable.name).collect()
    }

    #[test]
    fn the_router_starts_before_all_and_runs_beside_them() {
        let container =
            |name: &str| ContainerDefinition { name: Some(name.to_owned()), ..ContainerDefinition::default() };
        let mut proxy = container("proxy");
        proxy.links = vec!["cache".to_owned()];
        let router = ContainerDefinition {
            firelens_configuration: Some(FirelensConfiguration::default()),
            ..container("router")
        };
        let containers = [proxy, container("cache"), router];
        let slots = depends_on::unsupervised(&containers, "", "");
        let kinds: Vec<_> = slots.iter().map(|slot| (slot.name(), slot.kind)).collect();
        assert_eq!(
            kinds,
            [("router", ContainerKind::Sidecar), ("cache", ContainerKind::Sidecar), ("proxy", ContainerKind::Main)]
        );
    }

    #[test]
    fn a_router_that_no_container_can_wait_for_is_a_main_container() {
        let router = |depends_on: Vec<ContainerDependency>| ContainerDefinition {
            name: Some("router".to_owned()),
            firelens_configuration: Some(FirelensConfiguration::default()),
            depends_on,
            ..ContainerDefinition::default()
        };
        let kinds = |containers: &[ContainerDefinition]| -> Vec<ContainerKind> {
            depends_on::unsupervised(containers, "", "").iter().map(|slot| slot.kind).collect()
        };
        assert_eq!(kinds(&[router(Vec::new())]), [ContainerKind::Main]);
        let proxy = ContainerDefinition { name: Some("proxy".to_owned()), ..ContainerDefinition::default() };
        let after = ContainerDependency { container_name: "proxy".to_owned(), condition: ContainerCondition::Start };
        assert_eq!(kinds(&[router(vec![after]), proxy]), [ContainerKind::Sidecar, ContainerKind::Main]);
    }

    #[test]
    fn only_users_of_the_router_get_its_address() {
        assert_eq!(names(None, LogDriver::Awsfirelens, "A"), ["FLUENT_HOST", "FLUENT_PORT"]);
        assert_eq!(names(None, LogDriver::Awsfirelens, "FLUENT_HOST"), ["FLUENT_PORT"]);
        assert!(names(Some(NetworkMode::Host), LogDriver::Awsfirelens, "A").is_empty());
        assert!(names(Some(NetworkMode::None), LogDriver::Awsfirelens, "A").is_empty());
        assert!(names(None, LogDriver::Fluentd, "A").is_empty());
    }
}
