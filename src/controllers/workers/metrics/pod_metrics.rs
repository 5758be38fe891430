//! Resource usage of tasks, from the metrics API.

use std::collections::HashMap;

use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;

use super::float;
use crate::controllers::resources;
use crate::controllers::state::context::Context;
use crate::controllers::state::pods;
use crate::controllers::wiring::watches::WatchDeps;
use crate::ecs::placement::Amounts;
use crate::ecs::scaling::{Sample, Utilization};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::k8s::quantity::{self, NANOS};
use crate::reconcile::MeasurementError;

/// CPU and memory usage of each Pod of a namespace, in billionths of a unit, by the name of the Pod.
pub(crate) type Usage = HashMap<String, [f64; 2]>;

/// Returns the usage of the tasks of a namespace.
pub(crate) async fn usage(deps: &WatchDeps, namespace: &str) -> Result<Usage, MeasurementError> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(deps.clients.write.clone(), namespace, &resources::pod_metrics());
    let selected = ListParams::default().labels(&pods::selector());
    let list = api.list(&selected).await.map_err(|error| match &error {
        kube::Error::Api(status) if status.is_not_found() => MeasurementError::NoApi,
        kube::Error::Api(status) if status.is_forbidden() => MeasurementError::Forbidden,
        error => {
            tracing::debug!(namespace, %error, "cannot list the metrics of Pods");
            MeasurementError::Unavailable
        }
    })?;
    Ok(list.items.iter().map(|metrics| (metrics.name_any(), total_usage(&metrics.data))).collect())
}

/// Sums the usage of all containers of a Pod.
fn total_usage(metrics: &Value) -> [f64; 2] {
    let containers = metrics.get("containers").and_then(Value::as_array).into_iter().flatten();
    containers.fold([0.0, 0.0], |sum, container| {
        let usage = |resource: &str| {
            let amount = container.pointer(&format!("/usage/{resource}")).and_then(Value::as_str);
            amount.and_then(quantity::nanos).map_or(0.0, float)
        };
        [sum[0] + usage("cpu"), sum[1] + usage("memory")]
    })
}

/// Returns the utilization of the measured running tasks of a service.
pub(crate) fn utilization(
    context: &Context,
    namespace: &str,
    name: &str,
    usage: &Usage,
) -> (Sample, Option<MeasurementError>) {
    let tasks = context.pods.by_index(&pods::by_service(namespace, name));
    let running = || tasks.iter().filter(|pod| pod.task.is_active() && pod.task.running);
    let measured: Vec<_> =
        running().filter_map(|pod| Some((usage.get(&pod.task.name)?, billionths(pod.task.reserved)))).collect();
    let utilization = |resource: usize| {
        Utilization::from_tasks(measured.iter().map(|(used, reserved)| (used[resource], reserved[resource])))
    };
    let sample = Sample { cpu: utilization(0), memory: utilization(1), ..Sample::default() };
    let is_unmeasured = running().next().is_some() && sample == Sample::default();
    (sample, is_unmeasured.then_some(MeasurementError::NoValues))
}

/// Returns vCPUs and bytes in billionths, the unit of metrics.
fn billionths(reserved: Amounts) -> [f64; 2] {
    let cpu = i128::from(reserved.cpu) * NANOS / i128::from(UNITS_PER_VCPU);
    [float(cpu), float(i128::from(reserved.memory) * (1 << 20) * NANOS)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usage_of_containers_is_summed_without_overflow() {
        let containers = |usage: &[Value]| {
            let containers: Vec<Value> = usage.iter().map(|usage| json!({"usage": usage})).collect();
            total_usage(&json!({"containers": containers})).map(|used| format!("{used:.0}"))
        };
        let both = containers(&[json!({"cpu": "250m", "memory": "1Ki"}), json!({"cpu": "1", "memory": "much"})]);
        assert_eq!(both, ["1250000000", "1024000000000"]);
        let huge = json!({"cpu": "150000000000000000000000000000"});
        assert_eq!(containers(&[huge.clone(), huge])[0].len(), "300000000000000000000000000000000000000".len());
        assert_eq!(containers(&[]), ["0", "0"]);
    }
}
