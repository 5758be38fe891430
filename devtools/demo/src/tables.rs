//! Tables that the demo prints at its end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;

use crate::stage::Stage;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(118);
    table
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

/// The services with the nodes of their tasks.
pub async fn services(stage: &Stage, services: &[Value]) -> Result<Table> {
    let mut nodes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pod in stage.pods().list(&ListParams::default()).await? {
        let service = pod.labels().get("ecs-operator.dev/service").cloned().unwrap_or_default();
        let node = pod.spec.and_then(|s| s.node_name).unwrap_or_else(|| "no node".to_owned());
        nodes.entry(service).or_default().insert(node);
    }
    let mut table = table(&["Service", "Task definition", "Desired", "Running", "Deployment", "Nodes"]);
    for service in services {
        let name = text(service, "/metadata/name");
        let on: Vec<String> = nodes.get(&name).into_iter().flatten().cloned().collect();
        table.add_row([
            name,
            text(service, "/status/taskDefinition"),
            text(service, "/status/desiredCount"),
            text(service, "/status/runningCount"),
            text(service, "/status/deployments/0/rolloutState"),
            on.join(", "),
        ]);
    }
    Ok(table)
}

/// The differences of all definitions, one row for each verdict and code.
pub async fn differences(stage: &Stage) -> Result<Table> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (kind, plural) in [("TaskDefinition", "taskdefinitions"), ("Service", "services"), ("Cluster", "clusters")] {
        for object in stage.custom_resources(kind, plural).list(&ListParams::default()).await? {
            let name = object.name_any();
            let differences = object.data.pointer("/status/differences").and_then(Value::as_array).cloned();
            for difference in differences.unwrap_or_default() {
                let key = (text(&difference, "/verdict"), text(&difference, "/code"));
                let row = rows.entry(key).or_default();
                row.message = text(&difference, "/message");
                row.fields.insert(field(&text(&difference, "/path")));
                row.places.insert(format!("{kind} {name}"));
            }
        }
    }
    let mut table = table(&["Verdict and code", "Field", "In", "Difference"]);
    for ((verdict, code), row) in rows {
        table.add_row([format!("{verdict}\n{code}"), lines(row.fields), lines(row.places), row.message]);
    }
    Ok(table)
}

/// A row of the table of differences.
#[derive(Default)]
struct Row {
    message: String,
    fields: BTreeSet<String>,
    places: BTreeSet<String>,
}

fn lines(items: BTreeSet<String>) -> String {
    items.into_iter().collect::<Vec<_>>().join("\n")
}

/// The field of the definition or of a container that contains the pointer.
fn field(pointer: &str) -> String {
    let mut names = pointer.split('/').filter(|step| !step.is_empty() && step.parse::<usize>().is_err());
    let outer = names.next().unwrap_or_default();
    let inner = names.next().filter(|_| outer == "containerDefinitions");
    inner.unwrap_or(outer).to_owned()
}
