//! Waits for the services to become stable.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;

use crate::stage::Stage;

const INTERVAL: Duration = Duration::from_millis(300);

/// Prints a line for each change until every service is stable, and returns the services.
pub async fn until_stable(stage: &mut Stage, patience: Duration) -> Result<Vec<Value>> {
    println!("\n== waiting for the services to become stable");
    let started = Instant::now();
    let mut shown = BTreeMap::new();
    loop {
        stage.check_operator()?;
        let mut services = Vec::new();
        for object in stage.custom_resources("Service", "services").list(&ListParams::default()).await? {
            let name = object.name_any();
            let service = serde_json::to_value(object)?;
            let line = line(&name, &service);
            if shown.get(&name) != Some(&line) {
                println!("{:>6.1} s  {line}", started.elapsed().as_secs_f64());
                shown.insert(name, line);
            }
            services.push(service);
        }
        if !services.is_empty() && services.iter().all(is_stable) {
            return Ok(services);
        }
        if started.elapsed() > patience {
            let waiting: Vec<_> = services.iter().filter(|s| !is_stable(s)).filter_map(name).collect();
            bail!("after {} s these services are not stable: {}", patience.as_secs(), waiting.join(", "));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn name(service: &Value) -> Option<String> {
    Some(service.pointer("/metadata/name")?.as_str()?.to_owned())
}

fn condition<'a>(service: &'a Value, kind: &str) -> Option<&'a Value> {
    service.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

/// True if the service is stable and its deployment is completed.
fn is_stable(service: &Value) -> bool {
    let stable = condition(service, "Stable").is_some_and(|c| c["status"] == "True");
    stable && service.pointer("/status/deployments/0/rolloutState").is_some_and(|s| s == "COMPLETED")
}

fn line(name: &str, service: &Value) -> String {
    let Some(status) = service.get("status").filter(|s| s.get("conditions").is_some()) else {
        return format!("{name:<12} not processed by the operator yet");
    };
    let refused = condition(service, "Accepted").filter(|c| c["status"] == "False");
    if let Some(reason) = refused.and_then(|c| c["message"].as_str()) {
        return format!("{name:<12} {reason}");
    }
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let rollout = status.pointer("/deployments/0/rolloutState").and_then(Value::as_str).unwrap_or("-");
    let stable = if is_stable(service) { ", stable" } else { "" };
    format!(
        "{name:<12} {} of {} running, {} pending, {rollout}{stable}",
        number("runningCount"),
        number("desiredCount"),
        number("pendingCount")
    )
}
