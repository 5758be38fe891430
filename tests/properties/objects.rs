//! What the API server asks of plain manifests beyond their shapes.

use std::collections::BTreeSet;

use ecs_operator::convert::Manifest;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Container, PersistentVolume, PersistentVolumeClaim, PodSpec, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use serde_json::Value;

use crate::check::Outcome;

/// Every manifest is an object of its kind, in whose lists everything has a name of its own.
pub fn are_sound(manifests: &[Manifest]) -> Outcome {
    manifests.iter().try_for_each(|manifest| {
        let checked = match manifest.kind {
            "Deployment" => deployment(&manifest.yaml),
            "DaemonSet" => daemon_set(&manifest.yaml),
            "Service" => service(&manifest.yaml),
            "ExternalSecret" => external_secret(&manifest.yaml),
            "NetworkPolicy" => network_policy(&manifest.yaml),
            "PodDisruptionBudget" => budget(&manifest.yaml),
            "Ingress" => ingress(&manifest.yaml),
            "TargetGroupBinding" => target_group_binding(&manifest.yaml),
            "HTTPRoute" | "GRPCRoute" | "TCPRoute" => route(&manifest.yaml),
            "SecurityGroupPolicy" => Ok(()),
            "HorizontalPodAutoscaler" => autoscaler(&manifest.yaml),
            "ScaledObject" => scaled_object(&manifest.yaml),
            "PersistentVolume" => volume(&manifest.yaml),
            "PersistentVolumeClaim" => volume_claim(&manifest.yaml),
            kind => Err(format!("{kind} is no kind of plain manifests")),
        };
        checked.map_err(|error| format!("{}/{}: {error}\n{}", manifest.kind, manifest.name, manifest.yaml))
    })
}

fn deployment(yaml: &str) -> Outcome {
    let deployment: Deployment = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    pod(deployment.spec.and_then(|spec| spec.template.spec))
}

fn daemon_set(yaml: &str) -> Outcome {
    let daemon_set: DaemonSet = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    pod(daemon_set.spec.and_then(|spec| spec.template.spec))
}

fn pod(pod: Option<PodSpec>) -> Outcome {
    let pod = pod.ok_or("there is no Pod")?;
    let containers: Vec<&Container> = pod.init_containers.iter().flatten().chain(&pod.containers).collect();
    if pod.containers.is_empty() {
        return Err("there is no container".to_owned());
    }
    distinct("containers", containers.iter().map(|container| container.name.as_str()))?;
    distinct("volumes", pod.volumes.iter().flatten().map(|volume| volume.name.as_str()))?;
    containers.iter().try_for_each(|each| container(each, &pod))
}

fn container(container: &Container, pod: &PodSpec) -> Outcome {
    distinct("variables", container.env.iter().flatten().map(|variable| variable.name.as_str()))?;
    distinct("mounts", container.volume_mounts.iter().flatten().map(|mount| mount.mount_path.as_str()))?;
    let ports = container.ports.iter().flatten();
    distinct("ports", ports.clone().map(|port| (port.container_port, port.protocol.clone())))?;
    distinct("names of ports", ports.filter_map(|port| port.name.as_deref()))?;
    let volumes: BTreeSet<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    let mut mounts = container.volume_mounts.iter().flatten();
    if let Some(mount) = mounts.find(|mount| !volumes.contains(mount.name.as_str())) {
        return Err(format!("there is no volume {}", mount.name));
    }
    for probe in [&container.startup_probe, &container.liveness_probe].into_iter().flatten() {
        let positive = [probe.period_seconds, probe.timeout_seconds, probe.failure_threshold];
        if positive.iter().flatten().any(|number| *number < 1) || probe.initial_delay_seconds.is_some_and(|d| d < 0) {
            return Err("a probe has a time that cannot be".to_owned());
        }
    }
    Ok(())
}

fn service(yaml: &str) -> Outcome {
    let service: Service = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = service.spec.unwrap_or_default();
    if !spec.selector.unwrap_or_default().contains_key("ecs-operator.dev/service") {
        return Err("it selects others too".to_owned());
    }
    let ports = spec.ports.unwrap_or_default();
    if ports.is_empty() && spec.cluster_ip.as_deref() != Some("None") {
        return Err("there is no port".to_owned());
    }
    distinct("names of ports", ports.iter().map(|port| port.name.clone()))?;
    match ports.iter().find(|port| !(1..=65_535).contains(&port.port)) {
        Some(port) => Err(format!("{} is no port", port.port)),
        None => Ok(()),
    }
}

fn external_secret(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let data = object.pointer("/spec/data").and_then(Value::as_array).filter(|data| !data.is_empty());
    distinct("keys", data.ok_or("there is no value")?.iter().map(|entry| entry["secretKey"].as_str()))?;
    if object.pointer("/spec/target/name") != object.pointer("/metadata/name") {
        return Err("it fills a Secret of another name".to_owned());
    }
    Ok(())
}

fn volume(yaml: &str) -> Outcome {
    let volume: PersistentVolume = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = volume.spec.ok_or("there is no spec")?;
    match spec.csi {
        Some(source) if source.volume_handle.split(':').count() <= 3 && volume.metadata.namespace.is_none() => Ok(()),
        _ => Err("it is no volume of a CSI driver".to_owned()),
    }
}

/// It closes both ways, unless it is about security groups, and never for all Pods of the namespace, which no labels would mean.
fn network_policy(yaml: &str) -> Outcome {
    let policy: NetworkPolicy = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = policy.spec.ok_or("no spec")?;
    let of_groups = policy.metadata.name.is_some_and(|name| name.ends_with("-security-groups"));
    let both = spec.policy_types.unwrap_or_default() == ["Ingress", "Egress"];
    let is_closed = both && spec.ingress.is_none() && spec.egress.is_none();
    if !is_closed && !of_groups {
        return Err("the network is not closed".to_owned());
    }
    let selected = spec.pod_selector.and_then(|selector| selector.match_labels).unwrap_or_default();
    if selected.contains_key("ecs-operator.dev/service") { Ok(()) } else { Err("it selects others too".to_owned()) }
}

/// It keeps some tasks and lets some go.
fn budget(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let selected = object.pointer("/spec/selector/matchLabels/ecs-operator.dev~1service").is_some();
    match object.pointer("/spec/maxUnavailable").and_then(Value::as_i64) {
        Some(1..) if selected => Ok(()),
        _ => Err("no task could ever be evicted, or others' are meant".to_owned()),
    }
}

fn autoscaler(yaml: &str) -> Outcome {
    let object: HorizontalPodAutoscaler = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = object.spec;
    let limits = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let scales = spec.scale_target_ref.kind == "Deployment" && spec.metrics.is_some_and(|metrics| !metrics.is_empty());
    if scales && 1 <= limits.0 && limits.0 <= limits.1 { Ok(()) } else { Err("it scales nothing".to_owned()) }
}

fn scaled_object(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = &object["spec"];
    let triggers = spec["triggers"].as_array().map_or(0, Vec::len);
    let limits = (spec["minReplicaCount"].as_i64(), spec["maxReplicaCount"].as_i64());
    match limits {
        (Some(0..), Some(1..)) if triggers > 0 && limits.0 <= limits.1 => Ok(()),
        _ => Err("it scales nothing".to_owned()),
    }
}

fn ingress(yaml: &str) -> Outcome {
    let ingress: Ingress = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let rules = ingress.spec.and_then(|spec| spec.rules).unwrap_or_default();
    if rules.is_empty() { Err("it leads nowhere".to_owned()) } else { Ok(()) }
}

fn target_group_binding(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let port = object.pointer("/spec/serviceRef/port").and_then(Value::as_i64);
    match (object.pointer("/spec/targetGroupARN"), port) {
        (Some(_), Some(1..=65_535)) => Ok(()),
        _ => Err("it binds nothing".to_owned()),
    }
}

fn route(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let parents = object.pointer("/spec/parentRefs").and_then(Value::as_array).map_or(0, Vec::len);
    let port = object.pointer("/spec/rules/0/backendRefs/0/port").and_then(Value::as_i64);
    if parents > 0 && port.is_some() { Ok(()) } else { Err("it leads from nowhere, or nowhere".to_owned()) }
}

fn volume_claim(yaml: &str) -> Outcome {
    let claim: PersistentVolumeClaim = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let named = claim.spec.is_some_and(|spec| spec.volume_name.is_some());
    if named { Ok(()) } else { Err("it names no volume".to_owned()) }
}

fn distinct<T: Ord>(what: &str, items: impl Iterator<Item = T>) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut items = items;
    if items.all(|item| seen.insert(item)) { Ok(()) } else { Err(format!("two of the {what} are the same")) }
}
