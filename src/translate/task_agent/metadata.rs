//! ECS's task metadata endpoint, for tasks that the task agent runs ([`task_agent::metadata`]).
//!
//! `ECS_CONTAINER_METADATA_URI_V4` and `ECS_CONTAINER_METADATA_URI` lead to the loopback of the Pod, on a port that no
//! container of the definition maps. In host mode that would be the node's own port, of which there is one for all tasks, so
//! there is neither endpoint nor variable.
//!
//! There are no ARNs here, and many programs take them apart. So the task has one of ECS's form, with the uid of the Pod for
//! its id, and with the account and the region that other ARNs of the definition name, or what takes their place.

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

/// The port of the endpoint: where the ECS agent has it on an instance, next to its introspection at 51678. ECS keeps both
/// from tasks, so nothing that comes from there listens on them.
const PORT: u16 = 51_679;
/// The first port that takes no rights to listen on.
const FIRST_FREE: u16 = 1024;

/// The variables, and the version of the endpoint that each leads to.
const VARIABLES: [(&str, &str); 2] = [("ECS_CONTAINER_METADATA_URI", "v3"), ("ECS_CONTAINER_METADATA_URI_V4", "v4")];

/// In the place of an account and of a region that the definition does not name.
const NO_ACCOUNT: &str = "000000000000";
const NO_REGION: &str = "kubernetes";

/// What is told of the Pod by the downward API.
const FACTS: [(&str, &str); 4] = [
    (pod::NAME, "metadata.name"),
    (pod::NAMESPACE, "metadata.namespace"),
    (pod::UID, "metadata.uid"),
    (pod::ADDRESSES, "status.podIPs"),
];
/// Labels of the Pod that are told likewise. The zone is one since Kubernetes 1.35, by the admission of the node's topology.
const LABELS: [(&str, &str); 2] = [(pod::REVISION, labels::REVISION), (pod::ZONE, "topology.kubernetes.io/zone")];

/// The variables that lead a container to the endpoint, unless the definition gives it others.
pub(crate) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    let Some(port) = port(task) else { return Vec::new() };
    let given = container.environment.iter().filter_map(|pair| pair.name.as_deref());
    let given: Vec<&str> = given.chain(container.secrets.iter().map(|secret| secret.name.as_str())).collect();
    let name = container.name();
    VARIABLES
        .iter()
        .filter(|(variable, _)| !given.contains(variable))
        .map(|(variable, version)| {
            let value = Some(format!("http://127.0.0.1:{port}/{version}/{name}"));
            EnvVar { name: (*variable).to_owned(), value, value_from: None }
        })
        .collect()
}

/// The variables by which the init container knows the Pod.
pub(crate) fn facts(task: &RenderContext<'_>) -> Option<Vec<EnvVar>> {
    port(task)?;
    let plain = FACTS.map(|(name, path)| (name, path.to_owned()));
    let labels = LABELS.map(|(name, label)| (name, format!("metadata.labels['{label}']")));
    let fact = |(name, field_path): (&str, String)| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { api_version: None, field_path }),
            ..EnvVarSource::default()
        }),
    };
    Some(plain.into_iter().chain(labels).map(fact).collect())
}

/// What the endpoint tells of the definition; none where there is no endpoint.
///
/// The revision is no part of it: it is a label of the Pod, which the agent is told by the downward API.
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

/// The port of the endpoint; none in host mode, or where the definition maps every port.
fn port(task: &RenderContext<'_>) -> Option<u16> {
    if task.definition.network_mode == Some(NetworkMode::Host) {
        return None;
    }
    let mappings = task.definition.container_definitions.iter().flat_map(|c| &c.port_mappings);
    let taken: Vec<(i32, i32)> = mappings.filter_map(port_mappings::bounds).collect();
    let is_taken = |port: u16| taken.iter().any(|(first, last)| (*first..=*last).contains(&i32::from(port)));
    (PORT..=u16::MAX).chain(FIRST_FREE..PORT).find(|port| !is_taken(*port))
}

/// What the service asks for, or else the only one that the definition is made for.
fn launch_type(task: &RenderContext<'_>, membership: &Membership<'_>) -> Option<String> {
    let only = match task.definition.requires_compatibilities.as_slice() {
        [only] => Some(only.to_string()),
        _ => None,
    };
    membership.launch_type.map(|given| given.to_string()).or(only)
}

/// Without one ECS takes `bridge`, and on Fargate there is only `awsvpc`.
fn network_mode(task: &RenderContext<'_>) -> NetworkMode {
    let is_fargate = task.definition.requires_compatibilities.contains(&Compatibility::Fargate);
    task.definition.network_mode.unwrap_or(if is_fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge })
}

/// How the ARNs of the task and its containers begin: `arn:PARTITION:ecs:REGION:ACCOUNT`.
fn arn_prefix(task: &RenderContext<'_>, cluster: &str) -> String {
    let arns = arns(task, cluster);
    let account = arns.iter().map(|arn| arn.account.as_str()).find(|account| is_account(account));
    let regions = arns.iter().map(|arn| arn.region.as_str());
    let containers = &task.definition.container_definitions;
    let region = regions.chain(containers.iter().flat_map(regions_of)).find(|region| is_region(region));
    let partition = arns.first().map_or("aws", |arn| arn.partition.as_str());
    format!("arn:{partition}:ecs:{}:{}", region.unwrap_or(NO_REGION), account.unwrap_or(NO_ACCOUNT))
}

/// The ARNs of what the task belongs to and uses. Those that AWS only prints in descriptions are no part of a definition.
fn arns(task: &RenderContext<'_>, cluster: &str) -> Vec<Arn> {
    let definition = task.definition;
    let roles = [definition.task_role_arn.as_deref(), definition.execution_role_arn.as_deref()];
    let of_container = |container: &ContainerDefinition| {
        let logs = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
        let secrets: Vec<Arn> =
            container.secrets.iter().chain(logs).filter_map(|secret| secret.value_from.parse().ok()).collect();
        let registry = container.repository_credentials.as_ref().and_then(|c| c.credentials_parameter.parse().ok());
        secrets.into_iter().chain(registry)
    };
    let named = [Some(cluster)].into_iter().chain(roles).flatten().filter_map(|text| text.parse().ok());
    named.chain(definition.container_definitions.iter().flat_map(of_container)).collect()
}

/// The regions that a container names otherwise than by an ARN: of its logs, and of its image's registry,
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com`. That registry is often another account's.
fn regions_of(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let logs = container.log_configuration.as_ref().and_then(|logs| logs.options.get("awslogs-region"));
    let host = container.image.as_deref().and_then(|image| image.split('/').next()).unwrap_or_default();
    let registry = host.split_once(".dkr.ecr.").and_then(|(_, rest)| rest.split_once(".amazonaws.com"));
    logs.map(String::as_str).into_iter().chain(registry.map(|(region, _)| region))
}

/// Neither a template's placeholder nor what has no account.
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
    use crate::translate::Mode;
    use crate::translate::ObjectContext;
    use crate::translate::RenderProfile;
    use crate::translate::VerdictRecorder;
    use crate::translate::metadata::Identity;
    use crate::translate::service::workload;

    fn with<T>(definition: Value, look: impl Fn(&RenderContext<'_>) -> T) -> T {
        let definition: TaskDefinition = serde_json::from_value(definition).unwrap();
        look(&RenderContext::alone(&definition, "web", &RenderProfile::current(36)))
    }

    fn of(containers: &Value) -> Value {
        json!({"containerDefinitions": containers})
    }

    fn prefix(definition: Value, cluster: &str) -> String {
        with(definition, |task| arn_prefix(task, cluster))
    }

    #[test]
    fn the_port_is_one_that_no_container_maps() {
        let port = |mappings: Value| with(of(&json!([{"portMappings": mappings}])), port);
        assert_eq!(port(json!([{"containerPort": 8080}])), Some(51_679));
        assert_eq!(port(json!([{"containerPort": 51_679}])), Some(51_680));
        assert_eq!(port(json!([{"containerPortRange": "50000-51700"}, {"containerPort": 51_701}])), Some(51_702));
        assert_eq!(port(json!([{"containerPortRange": "51000-65535"}])), Some(1024));
        assert_eq!(port(json!([{"containerPortRange": "1-65535"}])), None);
    }

    #[test]
    fn there_is_no_endpoint_on_the_network_of_the_node() {
        let definition = json!({"networkMode": "host", "containerDefinitions": [{"name": "app"}]});
        let membership = Membership { namespace: None, cluster: "default", service: None, launch_type: None };
        with(definition, |task| {
            assert!(variables(task, &task.definition.container_definitions[0]).is_empty());
            assert_eq!((facts(task), plan(task, &membership)), (None, None));
        });
    }

    #[test]
    fn what_the_definition_sets_itself_stays() {
        let container = json!([{"name": "App_1", "environment": [{"name": "ECS_CONTAINER_METADATA_URI", "value": "x"}]},
            {"name": "b", "secrets": [{"name": "ECS_CONTAINER_METADATA_URI_V4", "valueFrom": "x"}]}]);
        with(of(&container), |task| {
            let of = |index: usize| {
                let found = variables(task, &task.definition.container_definitions[index]);
                found.into_iter().map(|variable| (variable.name, variable.value.unwrap())).collect::<Vec<_>>()
            };
            let v4 = ("ECS_CONTAINER_METADATA_URI_V4".to_owned(), "http://127.0.0.1:51679/v4/App_1".to_owned());
            assert_eq!(of(0), [v4]);
            let v3 = ("ECS_CONTAINER_METADATA_URI".to_owned(), "http://127.0.0.1:51679/v3/b".to_owned());
            assert_eq!(of(1), [v3]);
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
        assert_eq!(prefix(of(&image), "default"), "arn:aws:ecs:eu-west-1:000000000000");
        let logs = json!([{"image": "web", "logConfiguration":
            {"logDriver": "awslogs", "options": {"awslogs-region": "eu-west-2"}}}]);
        assert_eq!(prefix(of(&logs), "default"), "arn:aws:ecs:eu-west-2:000000000000");
        let secret =
            json!([{"secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:eu-west-3:123456789012:parameter/a"}]}]);
        assert_eq!(prefix(of(&secret), "default"), "arn:aws:ecs:eu-west-3:123456789012");
        let placeholder = "arn:aws:iam::${ACCOUNT}:role/web";
        assert_eq!(prefix(json!({"taskRoleArn": placeholder}), "default"), "arn:aws:ecs:kubernetes:000000000000");
    }

    #[test]
    fn what_the_definition_says_is_told_in_ecs_words() {
        let definition = json!({
            "family": "Web_App", "cpu": ".5 vCPU", "memory": "1 GB", "requiresCompatibilities": ["FARGATE"],
            "tags": [{"key": "team", "value": "shop"}, {"key": "empty"}],
            "containerDefinitions": [{"name": "App", "image": "web:1", "cpu": 256, "memory": 512,
                "dockerLabels": {"a": "b"}, "logConfiguration": {"logDriver": "awslogs"}}],
        });
        let of = |launch_type| {
            let membership = Membership { namespace: None, cluster: "shop", service: Some("Front"), launch_type };
            with(definition.clone(), |task| plan(task, &membership)).unwrap()
        };
        let metadata = of(None);
        assert_eq!(metadata.launch_type.as_deref(), Some("FARGATE"));
        assert_eq!(of(Some(LaunchType::Ec2)).launch_type.as_deref(), Some("EC2"));
        assert_eq!((metadata.family.as_str(), metadata.network_mode.as_str()), ("Web_App", "awsvpc"));
        assert_eq!(metadata.limits, Limits { cpu: Some(512), memory: Some(1024) });
        assert_eq!(metadata.tags.len(), 2);
        let container = &metadata.containers[0];
        assert_eq!(container.pod_name, names::container_name("App"));
        assert_eq!(container.limits, Limits { cpu: Some(256), memory: Some(512) });
        assert_eq!((container.log_driver.as_deref(), container.labels.len()), (Some("awslogs"), 1));
    }

    #[test]
    fn a_new_revision_of_the_same_definition_changes_nothing_but_the_label() {
        let profile = RenderProfile::current(36).with_task_agent(Some("agent"));
        let container = |name: &str| json!({"name": name, "image": "web", "entryPoint": ["/web"]});
        let definition: TaskDefinition = serde_json::from_value(of(&json!([container("a"), container("b")]))).unwrap();
        let task = RenderContext::alone(&definition, "web", &profile);
        let identity = Identity { service: "web", task_definition: "web", cluster: "default" };
        let pods = [1, 2].map(|revision| {
            let place = ObjectContext {
                namespace: None,
                identity,
                task_definition: "web",
                revision: Some(revision),
                tags: &[],
                mode: Mode::Operator,
            };
            let mut recorder = VerdictRecorder::new();
            workload::template(&crate::ecs::Service::default(), &task, &place, &mut recorder).spec.unwrap()
        });
        assert_eq!(pods[0], pods[1]);
        assert!(pods[0].init_containers.iter().flatten().any(|container| container.env.is_some()));
    }
}
