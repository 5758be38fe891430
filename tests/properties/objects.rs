//! What the API server asks of a Deployment and a Service beyond their shapes.

use std::collections::BTreeSet;

use ecs_operator::convert::Manifest;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, Service};

use crate::check::Outcome;

/// Every manifest is an object of its kind, in whose lists everything has a name of its own.
pub fn are_sound(manifests: &[Manifest]) -> Outcome {
    manifests.iter().try_for_each(|manifest| {
        let checked = match manifest.kind {
            "Deployment" => deployment(&manifest.yaml),
            "Service" => service(&manifest.yaml),
            kind => Err(format!("{kind} is no kind of plain manifests")),
        };
        checked.map_err(|error| format!("{}/{}: {error}\n{}", manifest.kind, manifest.name, manifest.yaml))
    })
}

fn deployment(yaml: &str) -> Outcome {
    let deployment: Deployment = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let pod = deployment.spec.and_then(|spec| spec.template.spec).ok_or("there is no Pod")?;
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
    let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
    if ports.is_empty() {
        return Err("there is no port".to_owned());
    }
    distinct("names of ports", ports.iter().map(|port| port.name.clone()))?;
    match ports.iter().find(|port| !(1..=65_535).contains(&port.port)) {
        Some(port) => Err(format!("{} is no port", port.port)),
        None => Ok(()),
    }
}

fn distinct<T: Ord>(what: &str, items: impl Iterator<Item = T>) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut items = items;
    if items.all(|item| seen.insert(item)) { Ok(()) } else { Err(format!("two of the {what} are the same")) }
}
