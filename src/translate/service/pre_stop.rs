//! `preStop` hook: the delay between the removal of a task from traffic and SIGTERM.
//!
//! ECS deregisters a task, waits for the deregistration delay of its target groups, and then sends SIGTERM. Kubernetes does
//! both at once. So each container sleeps for the delay in a `preStop` hook, which the termination grace period includes.
//! Native sidecars need no hook: the kubelet signals them only after the containers have exited.
//!
//! The delay is an attribute of the target group, which the definition does not contain.

use k8s_openapi::api::core::v1::{Lifecycle, LifecycleHandler, SleepAction};

use crate::api::ServiceSpec;
use crate::translate::RenderContext;
use crate::translate::context::ContainerSlot;
use crate::translate::service::load_balancers;

/// Default delay for load balancers, in seconds: enough for usual requests to finish, and less than the default of 300 of a
/// target group, which most tasks do not need.
const LOAD_BALANCER_SECONDS: i64 = 15;

/// Delay for callers in the cluster, in seconds: DNS answers are cached for 5 seconds, and the rules of every node need to be
/// updated.
const CLUSTER_SECONDS: i64 = 5;

/// Returns the seconds that the tasks of a service serve requests after they were asked to stop.
pub(crate) fn service_seconds(spec: &ServiceSpec) -> i64 {
    let entries = load_balancers::entries(spec);
    let load_balancers = entries.iter().map(|entry| entry.delay().map_or(LOAD_BALANCER_SECONDS, i64::from)).max();
    let connect = spec.ecs.service_connect_configuration.as_ref();
    let has_aliases = connect.is_some_and(|connect| connect.enabled && !connect.services.is_empty());
    let has_names = has_aliases || !spec.ecs.service_registries.is_empty();
    load_balancers.unwrap_or(0).max(if has_names { CLUSTER_SECONDS } else { 0 })
}

/// Returns the seconds that a task serves requests after it was asked to stop; 0 without a service.
pub(crate) fn seconds(task: &RenderContext<'_>) -> i64 {
    task.service.map_or(0, service_seconds)
}

/// Renders the `preStop` hook of a container.
pub(crate) fn lifecycle(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Option<Lifecycle> {
    let seconds = seconds(task);
    let sleep = LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() };
    (seconds > 0 && slot.kind.is_main()).then(|| Lifecycle { pre_stop: Some(sleep), ..Lifecycle::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seconds(service: Value) -> i64 {
        service_seconds(&serde_json::from_value(service).unwrap())
    }

    #[test]
    fn the_longest_delay_applies() {
        let balancers = json!([{"targetGroupArn": "arn:a", "containerName": "web", "containerPort": 80},
            {"targetGroupArn": "arn:b", "containerName": "web", "containerPort": 81}]);
        let delays = |first: Value, second: Value| {
            json!({"loadBalancers": balancers, "kubernetes": {"loadBalancers": [
                {"containerName": "web", "containerPort": 80, "deregistrationDelaySeconds": first},
                {"containerName": "web", "containerPort": 81, "deregistrationDelaySeconds": second}]}})
        };
        assert_eq!(seconds(json!({})), 0);
        assert_eq!(seconds(json!({"loadBalancers": balancers})), 15);
        assert_eq!(seconds(delays(json!(0), json!(0))), 0);
        assert_eq!(seconds(delays(json!(3), json!(90))), 90);
        assert_eq!(seconds(delays(json!(3), Value::Null)), 15);
        assert_eq!(seconds(json!({"serviceRegistries": [{"registryArn": "arn:r"}]})), 5);
        let connect = |enabled: bool, services: Value| json!({"serviceConnectConfiguration": {"enabled": enabled, "services": services}});
        assert_eq!(seconds(connect(true, json!([{"portName": "http"}]))), 5);
        assert_eq!(seconds(connect(false, json!([{"portName": "http"}]))), 0);
        assert_eq!(seconds(connect(true, json!([]))), 0);
    }
}
