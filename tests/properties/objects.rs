//! Rules of the API server for plain manifests beyond their schemas.

use std::collections::BTreeSet;

use ecs_operator::convert::Manifest;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Container, PersistentVolume, PersistentVolumeClaim, PodSpec, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use serde_json::Value;

use crate::check::Outcome;

/// Checks every manifest by the rules of its kind.
pub fn are_valid(manifests: &[Manifest]) -> Outcome {
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
            kind => Err(format!("plain manifests contain no {kind}")),
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
    let pod = pod.ok_or("it has no Pod template")?;
    let containers: Vec<&Container> = pod.init_containers.iter().flatten().chain(&pod.containers).collect();
    if pod.containers.is_empty() {
        return Err("it has no container".to_owned());
    }
    distinct("container names", containers.iter().map(|container| container.name.as_str()))?;
    distinct("volume names", pod.volumes.iter().flatten().map(|volume| volume.name.as_str()))?;
    containers.iter().try_for_each(|each| container(each, &pod))
}

fn container(container: &Container, pod: &PodSpec) -> Outcome {
    distinct("environment variables", container.env.iter().flatten().map(|variable| variable.name.as_str()))?;
    distinct("mount paths", container.volume_mounts.iter().flatten().map(|mount| mount.mount_path.as_str()))?;
    let ports = container.ports.iter().flatten();
    distinct("ports", ports.clone().map(|port| (port.container_port, port.protocol.clone())))?;
    distinct("port names", ports.filter_map(|port| port.name.as_deref()))?;
    let volumes: BTreeSet<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    let mut mounts = container.volume_mounts.iter().flatten();
    if let Some(mount) = mounts.find(|mount| !volumes.contains(mount.name.as_str())) {
        return Err(format!("the volume {} does not exist", mount.name));
    }
    for probe in [&container.startup_probe, &container.liveness_probe].into_iter().flatten() {
        let positive = [probe.period_seconds, probe.timeout_seconds, probe.failure_threshold];
        if positive.iter().flatten().any(|number| *number < 1) || probe.initial_delay_seconds.is_some_and(|d| d < 0) {
            return Err("a probe has an invalid time".to_owned());
        }
    }
    Ok(())
}

fn service(yaml: &str) -> Outcome {
    let service: Service = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = service.spec.unwrap_or_default();
    if !spec.selector.unwrap_or_default().contains_key("ecs-operator.dev/service") {
        return Err("it selects Pods of other services".to_owned());
    }
    let ports = spec.ports.unwrap_or_default();
    if ports.is_empty() && spec.cluster_ip.as_deref() != Some("None") {
        return Err("it has no port".to_owned());
    }
    distinct("port names", ports.iter().map(|port| port.name.clone()))?;
    match ports.iter().find(|port| !(1..=65_535).contains(&port.port)) {
        Some(port) => Err(format!("{} is not a port", port.port)),
        None => Ok(()),
    }
}

fn external_secret(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let data = object.pointer("/spec/data").and_then(Value::as_array).filter(|data| !data.is_empty());
    distinct("keys", data.ok_or("it has no data")?.iter().map(|entry| entry["secretKey"].as_str()))?;
    if object.pointer("/spec/target/name") != object.pointer("/metadata/name") {
        return Err("its Secret has another name".to_owned());
    }
    Ok(())
}

fn volume(yaml: &str) -> Outcome {
    let volume: PersistentVolume = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = volume.spec.ok_or("it has no spec")?;
    match spec.csi {
        Some(source) if source.volume_handle.split(':').count() <= 3 && volume.metadata.namespace.is_none() => Ok(()),
        _ => Err("it is not a volume of a CSI driver".to_owned()),
    }
}

/// A policy selects the Pods of one service. It denies traffic in both directions, unless it stands for security groups.
fn network_policy(yaml: &str) -> Outcome {
    let policy: NetworkPolicy = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = policy.spec.ok_or("it has no spec")?;
    let is_for_security_groups = policy.metadata.name.is_some_and(|name| name.ends_with("-security-groups"));
    let both = spec.policy_types.unwrap_or_default() == ["Ingress", "Egress"];
    let is_closed = both && spec.ingress.is_none() && spec.egress.is_none();
    if !is_closed && !is_for_security_groups {
        return Err("it does not deny all traffic".to_owned());
    }
    let selected = spec.pod_selector.and_then(|selector| selector.match_labels).unwrap_or_default();
    if selected.contains_key("ecs-operator.dev/service") {
        Ok(())
    } else {
        Err("it selects Pods of other services".to_owned())
    }
}

/// A budget selects the Pods of one service and allows at least one eviction.
fn budget(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let selected = object.pointer("/spec/selector/matchLabels/ecs-operator.dev~1service").is_some();
    match object.pointer("/spec/maxUnavailable").and_then(Value::as_i64) {
        Some(1..) if selected => Ok(()),
        _ => Err("it allows no eviction, or selects Pods of other services".to_owned()),
    }
}

fn autoscaler(yaml: &str) -> Outcome {
    let object: HorizontalPodAutoscaler = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = object.spec;
    let limits = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let scales = spec.scale_target_ref.kind == "Deployment" && spec.metrics.is_some_and(|metrics| !metrics.is_empty());
    if scales && 1 <= limits.0 && limits.0 <= limits.1 {
        Ok(())
    } else {
        Err("it has no target, no metrics or invalid limits".to_owned())
    }
}

fn scaled_object(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let spec = &object["spec"];
    let triggers = spec["triggers"].as_array().map_or(0, Vec::len);
    let limits = (spec["minReplicaCount"].as_i64(), spec["maxReplicaCount"].as_i64());
    match limits {
        (Some(0..), Some(1..)) if triggers > 0 && limits.0 <= limits.1 => Ok(()),
        _ => Err("it has no triggers or invalid limits".to_owned()),
    }
}

fn ingress(yaml: &str) -> Outcome {
    let ingress: Ingress = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let rules = ingress.spec.and_then(|spec| spec.rules).unwrap_or_default();
    if rules.is_empty() { Err("it has no rules".to_owned()) } else { Ok(()) }
}

fn target_group_binding(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let port = object.pointer("/spec/serviceRef/port").and_then(Value::as_i64);
    match (object.pointer("/spec/targetGroupARN"), port) {
        (Some(_), Some(1..=65_535)) => Ok(()),
        _ => Err("it has no target group or no port".to_owned()),
    }
}

fn route(yaml: &str) -> Outcome {
    let object: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let parents = object.pointer("/spec/parentRefs").and_then(Value::as_array).map_or(0, Vec::len);
    let port = object.pointer("/spec/rules/0/backendRefs/0/port").and_then(Value::as_i64);
    if parents > 0 && port.is_some() { Ok(()) } else { Err("it has no parents or no backend port".to_owned()) }
}

fn volume_claim(yaml: &str) -> Outcome {
    let claim: PersistentVolumeClaim = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let named = claim.spec.is_some_and(|spec| spec.volume_name.is_some());
    if named { Ok(()) } else { Err("it does not name its volume".to_owned()) }
}

fn distinct<T: Ord>(what: &str, items: impl Iterator<Item = T>) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut items = items;
    if items.all(|item| seen.insert(item)) { Ok(()) } else { Err(format!("two {what} are the same")) }
}
