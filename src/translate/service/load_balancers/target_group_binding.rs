//! `targetGroupArn` → a `TargetGroupBinding` of the AWS Load Balancer Controller, which registers the tasks with the existing
//! target group.
//!
//! By default the controller deregisters all other targets of the target group. During a migration ECS has tasks registered
//! there, so `multiClusterTargetGroup` is true unless configured otherwise.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{TargetGroupBinding, TargetType};
use crate::ecs::task_definition::{Compatibility, NetworkMode};
use crate::k8s::UntypedObject;
use crate::translate::RenderContext;
use crate::translate::service::load_balancers::LoadBalancerEntry;

/// True if the target group has nodes as targets. ECS requires the target type `ip` for the network mode `awsvpc` and
/// `instance` for all others.
pub(super) fn targets_nodes(task: &RenderContext<'_>, settings: Option<&TargetGroupBinding>) -> bool {
    target_type(task, settings) == TargetType::Instance
}

fn target_type(task: &RenderContext<'_>, settings: Option<&TargetGroupBinding>) -> TargetType {
    let is_fargate = task.definition.requires_compatibilities.contains(&Compatibility::Fargate);
    let is_awsvpc = task.definition.network_mode.map_or(is_fargate, |mode| mode == NetworkMode::Awsvpc);
    let default = if is_awsvpc { TargetType::Ip } else { TargetType::Instance };
    settings.and_then(|settings| settings.target_type).unwrap_or(default)
}

pub(super) fn render(
    task: &RenderContext<'_>,
    entry: &LoadBalancerEntry<'_>,
    group: &str,
    settings: Option<&TargetGroupBinding>,
    metadata: ObjectMeta,
    service: &str,
) -> UntypedObject {
    let mut spec = json!({
        "targetGroupARN": group,
        "targetType": target_type(task, settings),
        "serviceRef": {"name": service, "port": entry.port()},
    });
    if settings.and_then(|settings| settings.multi_cluster_target_group).unwrap_or(true) {
        spec["multiClusterTargetGroup"] = true.into();
    }
    if let Some(settings) = settings {
        if let Some(vpc) = &settings.vpc_id {
            spec["vpcID"] = vpc.as_str().into();
        }
        if !settings.security_groups.is_empty() {
            spec["networking"] = networking(&settings.security_groups, task, entry, settings);
        }
    }
    UntypedObject::from_spec(metadata, spec)
}

/// Allows traffic from the security groups. For nodes the rule has no port, as node ports are allocated later.
fn networking(
    groups: &[String],
    task: &RenderContext<'_>,
    entry: &LoadBalancerEntry<'_>,
    settings: &TargetGroupBinding,
) -> Value {
    let peers: Vec<Value> = groups.iter().map(|group| json!({"securityGroup": {"groupID": group}})).collect();
    let mut rule = json!({"from": peers});
    if !targets_nodes(task, Some(settings)) {
        rule["ports"] = json!([{"port": entry.port(), "protocol": "TCP"}]);
    }
    json!({"ingress": [rule]})
}
