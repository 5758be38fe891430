//! A complete task: a web server, a log router for its output, and a sidecar that reads the task metadata.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use devcluster::{Image, Seen, wait_for};
use serde_json::{Value, json};

use crate::IMAGE;
use crate::container_lifecycle::{exec, run};
use crate::support::PATIENCE;
use crate::task_agent::{agent_bench, task_agent};

/// Replaces Fluent Bit: follows the files in its generated configuration, and writes the text of each line to the `Path` of the
/// output.
const ROUTER: &str = r#"
value() { awk -v key="$1" '$1 == key { $1 = ""; print substr($0, 2); exit }' /fluent-bit/etc/fluent-bit.conf; }
files=$(eval "echo $(value Path)")
until ls $files >/dev/null 2>&1; do sleep 1; done
trap 'exit 0' TERM
tail -n +1 -F $files | while read -r time stream whole text; do echo "$text" >> /out/delivered; done & wait $!
"#;

#[tokio::test]
async fn a_web_server_a_log_router_and_a_metadata_reader_work_together() -> Result<()> {
    let Some(bench) = agent_bench("web").await? else { return Ok(()) };
    let web = "example.test/web:1";
    bench.cluster.load_image(&Image::http_server(web, 8080)).await?;
    let operator = bench.operator_with(task_agent).await?;
    let folder = Path::new("/tmp").join(&bench.namespace);
    let out = json!([{"sourceVolume": "out", "containerPath": "/out"}]);
    let side = "trap 'exit 0' TERM; until wget -q -O /out/task.json $ECS_CONTAINER_METADATA_URI_V4/task; do sleep 1; done; \
                while :; do sleep 1 & wait $!; done";
    let definition = json!({
        "networkMode": "awsvpc", "cpu": "256", "memory": "256",
        "volumes": [{"name": "out", "host": {"sourcePath": folder}}],
        "containerDefinitions": [
            {
                "name": "web", "image": web, "memory": 32, "portMappings": [{"containerPort": 8080}],
                "entryPoint": ["sh", "-c"],
                "command": ["trap 'exit 0' TERM; httpd -f -vv -p 8080 -h /www & wait $!"],
                "healthCheck": {"command": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/"], "interval": 5},
                "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "file", "Path": "/out"}},
                "dependsOn": [{"containerName": "router", "condition": "START"}],
            },
            {
                "name": "router", "image": IMAGE, "memory": 32, "entryPoint": ["sh", "-c"], "command": [ROUTER],
                "firelensConfiguration": {"type": "fluentbit"}, "mountPoints": out,
            },
            {
                "name": "side", "image": IMAGE, "memory": 32, "essential": false, "entryPoint": ["sh", "-c"],
                "command": [side], "mountPoints": out,
                "dependsOn": [{"containerName": "web", "condition": "HEALTHY"}],
            },
        ],
    });
    let pod = run(&bench, "web", definition).await?;
    let task: Value = serde_json::from_str(&fs::read_to_string(folder.join("task.json"))?).context("the metadata")?;
    assert_eq!((&task["Family"], &task["Containers"][0]["Name"]), (&json!("web"), &json!("web")), "{task}");
    assert_eq!(exec(&bench, &pod, "side", "wget -q -O - http://localhost:8080/")?, "ok");
    wait_for("the server's log line about the request at the router's destination", PATIENCE, async || {
        let delivered = fs::read_to_string(folder.join("delivered")).unwrap_or_default();
        Ok(if delivered.contains("url:/") { Seen::Done(()) } else { Seen::not_yet(delivered) })
    })
    .await?;
    fs::remove_dir_all(folder)?;
    operator.stop().await
}
