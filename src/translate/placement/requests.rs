//! Resource requests and host ports of a Pod.
//!
//! Requests are counted as by the scheduler (Kubernetes, "Sidecar containers: Resource sharing within containers",
//! "Pod-level resources"): an amount of the whole Pod takes precedence over those of its containers. Otherwise the amounts of
//! containers and sidecars are added; each init container runs beside the sidecars before it, and the maximum at any time
//! counts. The overhead of the Pod is added.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::placement::HostPort;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::TransportProtocol;
use crate::k8s::quantity;

/// Value that is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}, {path}: `{text}` is not a quantity")]
pub struct InvalidQuantity {
    /// Kind and name of the object.
    pub object: String,
    /// JSON pointer of the value.
    pub path: String,
    /// The value.
    pub text: String,
}

/// Returns the request of a Pod for a resource, in billionths.
pub(super) fn pod_request(pod: &PodSpec, resource: &str) -> Result<i128, InvalidQuantity> {
    let root = Pointer::root().key("spec");
    let overhead = pod.overhead.as_ref().and_then(|overhead| overhead.get(resource));
    let overhead = overhead.map_or(Ok(0), |amount| read(amount, &root.key("overhead").key(resource)))?;
    let of_pod = request_or_limit(pod.resources.as_ref(), resource, &root)?;
    let amount = of_pod.map_or_else(|| container_requests(pod, resource, &root), Ok)?;
    Ok(amount.saturating_add(overhead))
}

fn container_requests(pod: &PodSpec, resource: &str, root: &Pointer) -> Result<i128, InvalidQuantity> {
    let amount = |container: &Container, list: &str, position: usize| {
        let at = root.key(list).index(position);
        Ok(request_or_limit(container.resources.as_ref(), resource, &at)?.unwrap_or(0))
    };
    let (mut sidecars, mut peak) = (0_i128, 0_i128);
    for (position, container) in pod.init_containers.iter().flatten().enumerate() {
        let request = amount(container, "initContainers", position)?;
        peak = peak.max(sidecars.saturating_add(request));
        if is_sidecar(container) {
            sidecars = sidecars.saturating_add(request);
        }
    }
    let mut sum = sidecars;
    for (position, container) in pod.containers.iter().enumerate() {
        sum = sum.saturating_add(amount(container, "containers", position)?);
    }
    Ok(sum.max(peak))
}

/// Returns the request, or the limit, which is the default of the request.
fn request_or_limit(
    resources: Option<&ResourceRequirements>,
    resource: &str,
    at: &Pointer,
) -> Result<Option<i128>, InvalidQuantity> {
    let Some(resources) = resources else { return Ok(None) };
    let amount = |list: &Option<BTreeMap<String, Quantity>>, name: &str| {
        let amount = list.as_ref().and_then(|amounts| amounts.get(resource));
        amount.map(|amount| read(amount, &at.key("resources").key(name).key(resource))).transpose()
    };
    Ok(amount(&resources.requests, "requests")?.or(amount(&resources.limits, "limits")?))
}

/// Parses a quantity, in billionths.
pub(super) fn read(amount: &Quantity, at: &Pointer) -> Result<i128, InvalidQuantity> {
    quantity::nanos(&amount.0).ok_or_else(|| InvalidQuantity {
        object: String::new(),
        path: at.to_string(),
        text: amount.0.clone(),
    })
}

/// True if an init container is a sidecar, which keeps running.
fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// Returns the host ports of a Pod.
pub(super) fn ports(pod: &PodSpec) -> BTreeSet<HostPort> {
    let sidecars = pod.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let on_host = pod.host_network.unwrap_or(false);
    let ports = pod.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let taken = ports.filter_map(|port| {
        let number = port.host_port.or(on_host.then_some(port.container_port)).filter(|number| *number != 0)?;
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => TransportProtocol::Udp,
            Some("TCP") | None => TransportProtocol::Tcp,
            // ECS tasks have no ports of other protocols.
            Some(_) => return None,
        };
        Some(HostPort { number, protocol })
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn cpu(spec: Value) -> i128 {
        let pod: PodSpec = serde_json::from_value(spec).unwrap();
        pod_request(&pod, "cpu").unwrap() / 1_000_000
    }

    fn container(cpu: &str) -> Value {
        json!({"name": "a", "resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"name": "a", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn the_maximum_request_at_any_time_counts() {
        let nothing = json!({"name": "a"});
        let limited = json!({"name": "a", "resources": {"limits": {"cpu": "300m"}}});
        let cases = [
            (json!({"containers": [container("100m"), container("0.2"), nothing]}), 300),
            (json!({"containers": [limited]}), 300),
            (json!({"containers": [container("100m")], "initContainers": [container("500m"), container("400m")]}), 500),
            (json!({"containers": [container("400m")], "initContainers": [sidecar("200m"), container("500m")]}), 700),
            (json!({"containers": [container("600m")], "initContainers": [sidecar("200m"), container("500m")]}), 800),
            (json!({"containers": [container("100m")], "initContainers": [container("500m"), sidecar("200m")]}), 500),
            (json!({"containers": [container("2")], "resources": {"requests": {"cpu": "1"}}}), 1000),
            (json!({"containers": [container("2")], "resources": {"limits": {"cpu": "1"}}}), 1000),
            (json!({"containers": [container("2")], "resources": {"requests": {"memory": "1Gi"}}}), 2000),
            (json!({"containers": [container("1")], "overhead": {"cpu": "250m"}}), 1250),
            (json!({"containers": []}), 0),
        ];
        for (spec, expected) in cases {
            assert_eq!(cpu(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn init_containers_that_exit_have_no_host_ports() {
        let pod: PodSpec = serde_json::from_value(json!({
            "containers": [{"name": "a", "ports": [
                {"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}]}],
            "initContainers": [
                {"name": "b", "restartPolicy": "Always", "ports": [{"containerPort": 90, "hostPort": 90}]},
                {"name": "c", "ports": [{"containerPort": 91, "hostPort": 91}]}],
        }))
        .unwrap();
        let numbers = |pod: &PodSpec| ports(pod).into_iter().map(|port| port.number).collect::<Vec<_>>();
        assert_eq!(numbers(&pod), [53, 90, 8080]);
        let on_host = PodSpec { host_network: Some(true), ..pod };
        assert_eq!(numbers(&on_host), [53, 81, 90, 8080]);
    }

    #[test]
    fn an_invalid_quantity_is_reported_with_its_path() {
        let pod: PodSpec = serde_json::from_value(json!({"containers": [container("1"), container("much")]})).unwrap();
        let error = pod_request(&pod, "cpu").unwrap_err();
        assert_eq!(error.path, "/spec/containers/1/resources/requests/cpu");
        assert_eq!(error.text, "much");
    }
}
