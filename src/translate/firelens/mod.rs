//! `firelensConfiguration` and the log driver `awsfirelens`: a log router in the task.
//!
//! ECS writes the router's configuration, mounts it at the path that the router's image reads, starts the router first and stops
//! it last, sends the output of its users to it, and sets its address in their environment for applications that use the Fluent
//! protocol. The translation differs in the way of the output, because container runtimes of Kubernetes do not send it to another
//! container: the router reads the log files of its own Pod on the node.
//!
//! The configuration is an annotation of the Pod, mounted by a downward API volume. It needs no other object and does not change
//! while the Pod exists.

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

/// Address of a router. The containers of a Pod share one address, as those of a task in `awsvpc` mode do.
const ADDRESS: [(&str, &str); 2] = [("FLUENT_HOST", "127.0.0.1"), ("FLUENT_PORT", "24224")];

/// True if the router listens for applications. As on ECS it does not in the modes `host` and `none`.
fn listens(task: &RenderContext<'_>) -> bool {
    !matches!(task.definition.network_mode, Some(NetworkMode::Host | NetworkMode::None))
}

/// Returns the variables of a user with the router's address, except those that the definition sets.
pub(super) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    if !container.uses_log_router() || !listens(task) {
        return Vec::new();
    }
    ADDRESS
        .iter()
        .filter(|(name, _)| !container.sets_variable(name))
        .map(|(name, value)| EnvVar { name: (*name).to_owned(), value: Some((*value).to_owned()), value_from: None })
        .collect()
}

/// Returns the annotation of the Pod with the router's configuration, if the task has a router.
pub(super) fn annotation(task: &RenderContext<'_>, labels: &BTreeMap<String, String>) -> Option<(String, String)> {
    let router = Router::new(task)?;
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

    fn names(network_mode: Option<NetworkMode>, driver: LogDriver, variable: &str) -> Vec<String> {
        let definition = TaskDefinition { network_mode, ..TaskDefinition::default() };
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "", &profile);
        let container = ContainerDefinition {
            log_configuration: Some(LogConfiguration { log_driver: driver, ..LogConfiguration::default() }),
            environment: vec![KeyValuePair { name: Some(variable.to_owned()), value: None }],
            ..ContainerDefinition::default()
        };
        variables(&task, &container).into_iter().map(|variable| variable.name).collect()
    }

    #[test]
    fn the_router_is_a_sidecar_that_starts_first() {
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
