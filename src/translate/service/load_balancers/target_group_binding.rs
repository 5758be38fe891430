//! A `TargetGroupBinding` of the AWS Load Balancer Controller: the tasks become targets of a target group that is there.
//!
//! By itself the controller takes a target group for its own and deregisters whatever else is in it. While a service moves,
//! ECS still has its tasks there, so the binding says that it is shared, unless told otherwise.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{TargetGroupBinding, TargetType};
use crate::ecs::task_definition::{Compatibility, NetworkMode};
use crate::k8s::UntypedObject;
use crate::translate::RenderContext;
use crate::translate::service::load_balancers::Entry;

/// Whether the target group has nodes as targets. ECS wants addresses for tasks in `awsvpc` mode and instances for all others.
pub(super) fn is_of_nodes(task: &RenderContext<'_>, settings: Option<&TargetGroupBinding>) -> bool {
    target_type(task, settings) == TargetType::Instance
}

fn target_type(task: &RenderContext<'_>, settings: Option<&TargetGroupBinding>) -> TargetType {
    let is_fargate = task.definition.requires_compatibilities.contains(&Compatibility::Fargate);
    let has_address = task.definition.network_mode.map_or(is_fargate, |mode| mode == NetworkMode::Awsvpc);
    let by_mode = if has_address { TargetType::Ip } else { TargetType::Instance };
    settings.and_then(|settings| settings.target_type).unwrap_or(by_mode)
}

pub(super) fn render(
    task: &RenderContext<'_>,
    entry: &Entry<'_>,
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

/// Lets the groups in. To nodes traffic comes at a port that nobody knows beforehand, which no port in a rule means.
fn networking(groups: &[String], task: &RenderContext<'_>, entry: &Entry<'_>, settings: &TargetGroupBinding) -> Value {
    let from: Vec<Value> = groups.iter().map(|group| json!({"securityGroup": {"groupID": group}})).collect();
    let mut rule = json!({"from": from});
    if !is_of_nodes(task, Some(settings)) {
        rule["ports"] = json!([{"port": entry.port(), "protocol": "TCP"}]);
    }
    json!({"ingress": [rule]})
}
