//! The task metadata endpoint of ECS, for tasks that the task agent runs ([`task_agent::metadata`]).
//!
//! `ECS_CONTAINER_METADATA_URI_V4` and `ECS_CONTAINER_METADATA_URI` contain the loopback address of the Pod and a port that no
//! container maps. In host mode all tasks of a node share its ports, so there is no endpoint and no variable.
//!
//! Many programs parse ARNs, so the task has an ARN in the format of ECS: with the uid of the Pod as its id, and with the account
//! and the region from other ARNs of the definition, or placeholders.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};
use task_agent::metadata::{ContainerMetadata, Limits, Metadata, pod};

use crate::api::labels;
use crate::ecs::arn::{self, Arn};
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, NetworkMode};
use crate::ecs::units;
use crate::k8s::names;
use crate::translate::RenderContext;
use crate::translate::container::port_mappings;
use crate::translate::context::Membership;

/// Preferred port of the endpoint. The ECS agent uses it on instances, beside 51678 for introspection. ECS reserves both, so
/// tasks from ECS do not listen on them.
const PORT: u16 = 51_679;
/// Lowest unprivileged port.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// Variables with the address of the endpoint, and its version.
const VARIABLES: [(&str, &str); 2] = [("ECS_CONTAINER_METADATA_URI", "v3"), ("ECS_CONTAINER_METADATA_URI_V4", "v4")];

/// Account of the ARN if the definition names none.
const NO_ACCOUNT: &str = "000000000000";
/// Region of the ARN if the definition names none.
const NO_REGION: &str = "kubernetes";

/// Variables with fields of the Pod, from the downward API.
const FIELDS: [(&str, &str); 4] = [
    (pod::NAME, "metadata.name"),
    (pod::NAMESPACE, "metadata.namespace"),
    (pod::UID, "metadata.uid"),
    (pod::ADDRESSES, "status.podIPs"),
];
/// Variables with labels of the Pod, from the downward API. Since Kubernetes 1.35 the API server sets the label of the zone.
const LABELS: [(&str, &str); 2] = [(pod::REVISION, labels::REVISION), (pod::ZONE, "topology.kubernetes.io/zone")];

/// Returns the variables with the address of the endpoint, except those that the definition sets.
pub(crate) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    let Some(port) = port(task) else { return Vec::new() };
    let name = container.name();
    VARIABLES
        .iter()
        .filter(|(variable, _)| !container.sets_variable(variable))
        .map(|(variable, version)| {
            let value = Some(format!("http://127.0.0.1:{port}/{version}/{name}"));
            EnvVar { name: (*variable).to_owned(), value, value_from: None }
        })
        .collect()
}

/// Returns the variables of the init container that describe the Pod, or `None` without an endpoint.
pub(crate) fn pod_variables(task: &RenderContext<'_>) -> Option<Vec<EnvVar>> {
    port(task)?;
    let fields = FIELDS.map(|(name, path)| field_variable(name, path.to_owned()));
    let labels = LABELS.map(|(name, label)| field_variable(name, format!("metadata.labels['{label}']")));
    Some(fields.into_iter().chain(labels).collect())
}

fn field_variable(name: &str, field_path: String) -> EnvVar {
    let field_ref = Some(ObjectFieldSelector { api_version: None, field_path });
    let value_from = Some(EnvVarSource { field_ref, ..EnvVarSource::default() });
    EnvVar { name: name.to_owned(), value: None, value_from }
}

/// Returns the metadata of the definition for the endpoint, or `None` without an endpoint.
///
/// It does not contain the revision, which the agent gets from a label of the Pod by the downward API.
pub(crate) fn plan(task: &RenderContext<'_>, membership: &Membership<'_>) -> Option<Metadata> {
    let definition = task.definition;
    let tags =
        task.task_tags().iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
    Some(Metadata {
        port: port(task)?,
        arn: arn_prefix(task, membership.cluster),
        cluster: arn::cluster_name(Some(membership.cluster)).to_owned(),
        family: definition.family.as_deref().unwrap_or(task.name).to_owned(),
        service: membership.service.map(str::to_owned),
        launch_type: launch_type(task, membership),
        network_mode: network_mode(task).to_string(),
        limits: Limits {
            cpu: definition.cpu.as_deref().and_then(|text| units::cpu_units(text).ok()),
            memory: definition.memory.as_deref().and_then(|text| units::memory_mib(text).ok()),
        },
        tags: tags.collect(),
        containers: definition.container_definitions.iter().map(container).collect(),
    })
}

fn container(definition: &ContainerDefinition) -> ContainerMetadata {
    ContainerMetadata {
        pod_name: names::container_name(definition.name()),
        image: definition.image.clone().unwrap_or_default(),
        labels: definition.docker_labels.clone(),
        limits: Limits { cpu: definition.cpu.map(i64::from), memory: definition.memory.map(i64::from) },
        log_driver: definition.log_configuration.as_ref().map(|logs| logs.log_driver.to_string()),
    }
}

/// Returns the port of the endpoint, or `None` in host mode or if the definition maps every port.
fn port(task: &RenderContext<'_>) -> Option<u16> {
    if task.definition.network_mode == Some(NetworkMode::Host) {
        return None;
    }
    let mappings = task.definition.container_definitions.iter().flat_map(|c| &c.port_mappings);
    let ranges: Vec<(i32, i32)> = mappings.filter_map(port_mappings::bounds).collect();
    let is_mapped = |port: u16| ranges.iter().any(|(first, last)| (*first..=*last).contains(&i32::from(port)));
    (PORT..=u16::MAX).chain(FIRST_UNPRIVILEGED..PORT).find(|port| !is_mapped(*port))
}

/// Returns the launch type of the service or, without one, the only compatibility that the definition requires.
fn launch_type(task: &RenderContext<'_>, membership: &Membership<'_>) -> Option<String> {
    let only = match task.definition.requires_compatibilities.as_slice() {
        [only] => Some(only.to_string()),
        _ => None,
    };
    membership.launch_type.map(|launch_type| launch_type.to_string()).or(only)
}

/// Returns the network mode. The default is `bridge`, on Fargate `awsvpc`.
fn network_mode(task: &RenderContext<'_>) -> NetworkMode {
    let is_fargate = task.definition.requires_compatibilities.contains(&Compatibility::Fargate);
    task.definition.network_mode.unwrap_or(if is_fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge })
}

/// Returns the prefix of the ARNs of the task and its containers: `arn:PARTITION:ecs:REGION:ACCOUNT`.
fn arn_prefix(task: &RenderContext<'_>, cluster: &str) -> String {
    let arns = arns(task, cluster);
    let account = arns.iter().map(|arn| arn.account.as_str()).find(|account| is_account(account));
    let regions = arns.iter().map(|arn| arn.region.as_str());
    let containers = &task.definition.container_definitions;
    let region = regions.chain(containers.iter().flat_map(regions_of)).find(|region| is_region(region));
    let partition = arns.first().map_or("aws", |arn| arn.partition.as_str());
    format!("arn:{partition}:ecs:{}:{}", region.unwrap_or(NO_REGION), account.unwrap_or(NO_ACCOUNT))
}

/// Returns the ARNs in the definition and of its cluster.
fn arns(task: &RenderContext<'_>, cluster: &str) -> Vec<Arn> {
    let definition = task.definition;
    let roles = [definition.task_role_arn.as_deref(), definition.execution_role_arn.as_deref()];
    let named = [Some(cluster)].into_iter().chain(roles).flatten().filter_map(|text| text.parse().ok());
    named.chain(definition.container_definitions.iter().flat_map(container_arns)).collect()
}

fn container_arns(container: &ContainerDefinition) -> impl Iterator<Item = Arn> {
    let logs = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
    let secrets = container.secrets.iter().chain(logs).filter_map(|secret| secret.value_from.parse().ok());
    let registry = container.repository_credentials.as_ref().and_then(|c| c.credentials_parameter.parse().ok());
    secrets.chain(registry)
}

/// Returns the regions that a container names outside ARNs: the region of its logs, and the region of its image's registry,
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com`. That registry often belongs to another account.
fn regions_of(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let logs = container.log_configuration.as_ref().and_then(|logs| logs.options.get("awslogs-region"));
    let host = container.image.as_deref().and_then(|image| image.split('/').next()).unwrap_or_default();
    let registry = host.split_once(".dkr.ecr.").and_then(|(_, rest)| rest.split_once(".amazonaws.com"));
    logs.map(String::as_str).into_iter().chain(registry.map(|(region, _)| region))
}

/// True for an account number, false for a placeholder or an empty account.
fn is_account(text: &str) -> bool {
    text.len() == NO_ACCOUNT.len() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ecs::TaskDefinition;
    use crate::ecs::common::LaunchType;
    use crate::translate::ObjectContext;
    use crate::translate::RenderProfile;
    use crate::translate::VerdictRecorder;
    use crate::translate::metadata::Identity;
    use crate::translate::service::workload;

    fn with<T>(definition: Value, compute: impl Fn(&RenderContext<'_>) -> T) -> T {
        let definition: TaskDefinition = serde_json::from_value(definition).unwrap();
        compute(&RenderContext::alone(&definition, "web", &RenderProfile::current(36)))
    }

    fn definition(containers: &Value) -> Value {
        json!({"containerDefinitions": containers})
    }

    fn prefix(definition: Value, cluster: &str) -> String {
        with(definition, |task| arn_prefix(task, cluster))
    }

    #[test]
    fn the_port_is_one_that_no_container_maps() {
        let port = |mappings: Value| with(definition(&json!([{"portMappings": mappings}])), port);
        assert_eq!(port(json!([{"containerPort": 8080}])), Some(51_679));
        assert_eq!(port(json!([{"containerPort": 51_679}])), Some(51_680));
        assert_eq!(port(json!([{"containerPortRange": "50000-51700"}, {"containerPort": 51_701}])), Some(51_702));
        assert_eq!(port(json!([{"containerPortRange": "51000-65535"}])), Some(1024));
        assert_eq!(port(json!([{"containerPortRange": "1-65535"}])), None);
    }

    #[test]
    fn there_is_no_endpoint_in_host_mode() {
        let definition = json!({"networkMode": "host", "containerDefinitions": [{"name": "app"}]});
        let membership = Membership { namespace: None, cluster: "default", service: None, launch_type: None };
        with(definition, |task| {
            assert!(variables(task, &task.definition.container_definitions[0]).is_empty());
            assert_eq!((pod_variables(task), plan(task, &membership)), (None, None));
        });
    }

    #[test]
    fn variables_of_the_definition_are_not_overridden() {
        let container = json!([{"name": "App_1", "environment": [{"name": "ECS_CONTAINER_METADATA_URI", "value": "x"}]},
            {"name": "b", "secrets": [{"name": "ECS_CONTAINER_METADATA_URI_V4", "valueFrom": "x"}]}]);
        with(definition(&container), |task| {
            let pairs = task.definition.container_definitions.iter().map(|container| {
                let variables = variables(task, container);
                variables.into_iter().map(|variable| (variable.name, variable.value.unwrap())).collect::<Vec<_>>()
            });
            let v4 = ("ECS_CONTAINER_METADATA_URI_V4".to_owned(), "http://127.0.0.1:51679/v4/App_1".to_owned());
            let v3 = ("ECS_CONTAINER_METADATA_URI".to_owned(), "http://127.0.0.1:51679/v3/b".to_owned());
            assert_eq!(pairs.collect::<Vec<_>>(), [[v4], [v3]]);
        });
    }

    #[test]
    fn arns_have_the_account_and_the_region_that_the_definition_names() {
        let role = "arn:aws:iam::123456789012:role/web";
        assert_eq!(prefix(json!({}), "default"), "arn:aws:ecs:kubernetes:000000000000");
        assert_eq!(prefix(json!({"taskRoleArn": role}), "default"), "arn:aws:ecs:kubernetes:123456789012");
        let cluster = "arn:aws-cn:ecs:cn-north-1:210987654321:cluster/shop";
        assert_eq!(prefix(json!({"executionRoleArn": role}), cluster), "arn:aws-cn:ecs:cn-north-1:210987654321");
        let image = json!([{"image": "999999999999.dkr.ecr.eu-west-1.amazonaws.com/web:1"}]);
        assert_eq!(prefix(definition(&image), "default"), "arn:aws:ecs:eu-west-1:000000000000");
        let logs = json!([{"image": "web", "logConfiguration":
            {"logDriver": "awslogs", "options": {"awslogs-region": "eu-west-2"}}}]);
        assert_eq!(prefix(definition(&logs), "default"), "arn:aws:ecs:eu-west-2:000000000000");
        let secret =
            json!([{"secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:eu-west-3:123456789012:parameter/a"}]}]);
        assert_eq!(prefix(definition(&secret), "default"), "arn:aws:ecs:eu-west-3:123456789012");
        let placeholder = "arn:aws:iam::${ACCOUNT}:role/web";
        assert_eq!(prefix(json!({"taskRoleArn": placeholder}), "default"), "arn:aws:ecs:kubernetes:000000000000");
    }

    #[test]
    fn the_metadata_has_the_names_and_units_of_ecs() {
        let definition = json!({
            "family": "Web_App", "cpu": ".5 vCPU", "memory": "1 GB", "requiresCompatibilities": ["FARGATE"],
            "tags": [{"key": "team", "value": "shop"}, {"key": "empty"}],
            "containerDefinitions": [{"name": "App", "image": "web:1", "cpu": 256, "memory": 512,
                "dockerLabels": {"a": "b"}, "logConfiguration": {"logDriver": "awslogs"}}],
        });
        let metadata = |launch_type| {
            let membership = Membership { namespace: None, cluster: "shop", service: Some("Front"), launch_type };
            with(definition.clone(), |task| plan(task, &membership)).unwrap()
        };
        assert_eq!(metadata(Some(LaunchType::Ec2)).launch_type.as_deref(), Some("EC2"));
        let metadata = metadata(None);
        assert_eq!(metadata.launch_type.as_deref(), Some("FARGATE"));
        assert_eq!((metadata.family.as_str(), metadata.network_mode.as_str()), ("Web_App", "awsvpc"));
        assert_eq!(metadata.limits, Limits { cpu: Some(512), memory: Some(1024) });
        assert_eq!(metadata.tags.len(), 2);
        let container = &metadata.containers[0];
        assert_eq!(container.pod_name, names::container_name("App"));
        assert_eq!(container.limits, Limits { cpu: Some(256), memory: Some(512) });
        assert_eq!((container.log_driver.as_deref(), container.labels.len()), (Some("awslogs"), 1));
    }

    #[test]
    fn a_new_revision_of_the_same_definition_does_not_change_the_pod_spec() {
        let profile = RenderProfile::current(36).with_task_agent(Some("agent"));
        let container = |name: &str| json!({"name": name, "image": "web", "entryPoint": ["/web"]});
        let definition: TaskDefinition =
            serde_json::from_value(definition(&json!([container("a"), container("b")]))).unwrap();
        let task = RenderContext::alone(&definition, "web", &profile);
        let identity = Identity { service: "web", task_definition: "web", cluster: "default" };
        let pods = [1, 2].map(|revision| {
            let context = ObjectContext { revision: Some(revision), ..ObjectContext::alone(identity, "web") };
            let mut recorder = VerdictRecorder::new();
            workload::template(&crate::ecs::Service::default(), &task, &context, &mut recorder).spec.unwrap()
        });
        assert_eq!(pods[0], pods[1]);
        assert!(pods[0].init_containers.iter().flatten().any(|container| container.env.is_some()));
    }
}
