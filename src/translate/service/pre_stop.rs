//! The time between a task's leaving what sends it traffic and the signal to its containers.
//!
//! ECS deregisters a task, waits out the deregistration delay of its target groups, and signals its containers then.
//! Kubernetes does both at once. So each container first sleeps for the delay before it is signalled, and the Pod has as much
//! more time to stop. Native sidecars need no such sleep: the kubelet signals them only after the containers have ended.
//!
//! The delay is an attribute of the target group, which the definition does not say.

use k8s_openapi::api::core::v1::{Lifecycle, LifecycleHandler, SleepAction};

use crate::api::ServiceSpec;
use crate::translate::RenderContext;
use crate::translate::context::ContainerSlot;
use crate::translate::service::load_balancers;

/// Seconds for a load balancer, where none are given: less than the 300 of a new target group, which most of them wait in vain,
/// and enough for the end of usual requests.
const OF_LOAD_BALANCER: i64 = 15;

/// Seconds until callers within the cluster know that a task is gone: its addresses are in the rules of every node and in
/// answers of DNS, which are cached for 5 seconds.
const OF_NAMES: i64 = 5;

/// Seconds that the tasks of a service go on serving after they were told to stop.
pub(crate) fn of_service(spec: &ServiceSpec) -> i64 {
    let entries = load_balancers::entries(spec);
    let balanced = entries.iter().map(|entry| entry.delay().map_or(OF_LOAD_BALANCER, i64::from)).max();
    let connect = spec.ecs.service_connect_configuration.as_ref();
    let is_called = connect.is_some_and(|connect| connect.enabled && !connect.services.is_empty());
    let is_found = is_called || !spec.ecs.service_registries.is_empty();
    balanced.unwrap_or(0).max(if is_found { OF_NAMES } else { 0 })
}

/// The same of a task's service, where it has one.
pub(crate) fn seconds(task: &RenderContext<'_>) -> i64 {
    task.service.map_or(0, of_service)
}

/// What a container does before it is signalled.
pub(crate) fn lifecycle(task: &RenderContext<'_>, placed: &ContainerSlot<'_>) -> Option<Lifecycle> {
    let seconds = seconds(task);
    let sleep = LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() };
    (seconds > 0 && placed.kind.is_main()).then(|| Lifecycle { pre_stop: Some(sleep), ..Lifecycle::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seconds(service: Value) -> i64 {
        of_service(&serde_json::from_value(service).unwrap())
    }

    #[test]
    fn the_longest_delay_counts_and_only_who_is_called_waits() {
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
