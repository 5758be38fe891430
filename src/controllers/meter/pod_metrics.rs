//! What the metrics API says that tasks use.

use std::collections::HashMap;

use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;

use super::float;
use crate::controllers::context::Context;
use crate::controllers::start::Wiring;
use crate::controllers::{fan_out, kinds, pods};
use crate::ecs::placement::Amounts;
use crate::ecs::scaling::{Sample, Utilization};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::k8s::quantity::{self, NANOS};
use crate::reconcile::MeasurementError;

/// What each Pod of a namespace uses of processors and memory, in billionths of a unit, by its name.
pub(super) type Used = HashMap<String, [f64; 2]>;

/// What the metrics API says of the tasks of a namespace.
pub(super) async fn used(wiring: &Wiring, namespace: &str) -> Result<Used, MeasurementError> {
    let api: Api<DynamicObject> = Api::namespaced_with(wiring.clients.write.clone(), namespace, &kinds::pod_metrics());
    let selected = ListParams::default().labels(&fan_out::pod_selector());
    let list = api.list(&selected).await.map_err(|error| match &error {
        kube::Error::Api(status) if status.is_not_found() => MeasurementError::NoApi,
        kube::Error::Api(status) if status.is_forbidden() => MeasurementError::Forbidden,
        error => {
            tracing::debug!(namespace, %error, "no metrics of Pods");
            MeasurementError::Unavailable
        }
    })?;
    Ok(list.items.iter().map(|metrics| (metrics.name_any(), of_containers(&metrics.data))).collect())
}

/// What all containers of a Pod use together.
fn of_containers(metrics: &Value) -> [f64; 2] {
    let containers = metrics.get("containers").and_then(Value::as_array).into_iter().flatten();
    containers.fold([0.0, 0.0], |sum, container| {
        let usage = |resource: &str| {
            let told = container.pointer(&format!("/usage/{resource}")).and_then(Value::as_str);
            told.and_then(quantity::nanos).map_or(0.0, float)
        };
        [sum[0] + usage("cpu"), sum[1] + usage("memory")]
    })
}

/// The utilization of the running tasks of a service that are measured.
pub(super) fn utilization(
    context: &Context,
    namespace: &str,
    name: &str,
    used: &Used,
) -> (Sample, Option<MeasurementError>) {
    let tasks = context.pods.by_index(&pods::by_service(namespace, name));
    let running = || tasks.iter().filter(|pod| pod.task.is_active() && pod.task.running);
    let measured: Vec<_> =
        running().filter_map(|pod| Some((used.get(&pod.task.name)?, billionths(pod.task.reserved)))).collect();
    let of = |resource: usize| {
        Utilization::of_tasks(measured.iter().map(|(used, reserved)| (used[resource], reserved[resource])))
    };
    let sample = Sample { cpu: of(0), memory: of(1), ..Sample::default() };
    let is_blind = running().next().is_some() && sample == Sample::default();
    (sample, is_blind.then_some(MeasurementError::NoValues))
}

/// Processors and bytes, as metrics are told.
fn billionths(reserved: Amounts) -> [f64; 2] {
    let cpu = i128::from(reserved.cpu) * NANOS / i128::from(UNITS_PER_VCPU);
    [float(cpu), float(i128::from(reserved.memory) * (1 << 20) * NANOS)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_containers_use_adds_up_whatever_they_say() {
        let containers = |usage: &[Value]| {
            let containers: Vec<Value> = usage.iter().map(|usage| json!({"usage": usage})).collect();
            of_containers(&json!({"containers": containers})).map(|used| format!("{used:.0}"))
        };
        let both = containers(&[json!({"cpu": "250m", "memory": "1Ki"}), json!({"cpu": "1", "memory": "much"})]);
        assert_eq!(both, ["1250000000", "1024000000000"]);
        let huge = json!({"cpu": "150000000000000000000000000000"});
        assert_eq!(containers(&[huge.clone(), huge])[0].len(), "300000000000000000000000000000000000000".len());
        assert_eq!(containers(&[]), ["0", "0"]);
    }
}
