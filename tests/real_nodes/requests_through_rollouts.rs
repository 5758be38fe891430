//! Clients lose no request during rollouts.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use devcluster::{Image, Seen, wait_for};
use k8s_openapi::api::core::v1::Service as CoreService;
use serde_json::json;

use crate::support::PATIENCE;
use crate::{IMAGE, bench};

/// Number of rollouts of the server.
const ROLLOUTS: i64 = 10;
/// Image of the server.
const SERVER: &str = "example.test/asked:1";

/// Sends requests without a pause; records the time of each failure and the number of responses.
const CLIENT: &str = r#"trap 'exit 0' TERM
answered=0
while :; do
    if wget -q -O /dev/null "http://$SERVER:8080/"; then
        answered=$((answered + 1))
        echo $answered > "/log/$HOSTNAME.answered"
    else
        date +%T >> "/log/$HOSTNAME.failed"
    fi
done & wait $!"#;

/// Returns the sum of the counts in the files with this extension.
fn sum(folder: &Path, ending: &str, count: impl Fn(&str) -> u64) -> Result<u64> {
    let files = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let matching = files.filter(|path| path.extension().is_some_and(|extension| extension == ending));
    Ok(matching.filter_map(|path| fs::read_to_string(path).ok()).map(|text| count(&text)).sum())
}

fn answered(folder: &Path) -> Result<u64> {
    // A file is empty for a moment while it is overwritten.
    sum(folder, "answered", |text| text.trim().parse().unwrap_or(0))
}

#[tokio::test]
async fn no_request_is_lost_through_ten_rollouts() -> Result<()> {
    let Some(bench) = bench("asked").await? else { return Ok(()) };
    bench.cluster.load_image(&Image::http_server(SERVER, 8080)).await?;
    let operator = bench.operator().await?;
    let folder = Path::new("/tmp").join(&bench.namespace);
    let server = |revision: i64| {
        json!({"networkMode": "awsvpc", "containerDefinitions": [{
            "name": "web", "image": SERVER, "memory": 32, "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "REVISION", "value": revision.to_string()}],
            "entryPoint": ["sh", "-c"], "command": ["trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait $!"],
            "healthCheck": {"command": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/"], "interval": 5},
        }]})
    };
    bench.apply("TaskDefinition", "server", server(1)).await?;
    let group = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/0123456789abcdef";
    let service = json!({"taskDefinition": "server", "desiredCount": 3,
        "loadBalancers": [{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
        "kubernetes": {"loadBalancers": [{"containerName": "web", "containerPort": 8080, "deregistrationDelaySeconds": 5}]}});
    bench.apply("Service", "server", service).await?;
    bench.stable("server", "server:1").await?;
    let address = bench.api::<CoreService>().get("server").await?.spec.and_then(|spec| spec.cluster_ip);
    let client = json!({"networkMode": "awsvpc", "volumes": [{"name": "log", "host": {"sourcePath": folder}}],
        "containerDefinitions": [{"name": "client", "image": IMAGE, "memory": 32, "entryPoint": ["sh", "-c"], "command": [CLIENT],
            "environment": [{"name": "SERVER", "value": address.context("an address")?}],
            "mountPoints": [{"sourceVolume": "log", "containerPath": "/log"}]}]});
    bench.apply("TaskDefinition", "client", client).await?;
    bench.service("client", "client", 2).await?;
    bench.stable("client", "client:1").await?;
    for revision in 2..=ROLLOUTS + 1 {
        let before = answered(&folder)?;
        wait_for("responses before the rollout", PATIENCE, async || {
            let now = answered(&folder)?;
            Ok(if now > before { Seen::Done(()) } else { Seen::not_yet(now) })
        })
        .await?;
        bench.apply("TaskDefinition", "server", server(revision)).await?;
        bench.stable("server", &format!("server:{revision}")).await?;
    }
    let failed = sum(&folder, "failed", |text| text.lines().count() as u64)?;
    let answered = answered(&folder)?;
    println!("{answered} requests through {ROLLOUTS} rollouts, {failed} lost");
    ensure!(answered > 1_000, "only {answered} requests were answered");
    ensure!(failed == 0, "{failed} of {} requests were lost", answered + failed);
    // The clients write to the folder until they are deleted.
    bench.service("client", "client", 0).await?;
    bench
        .until("Service", "client", "no client", |object| (object.pointer("/status/runningCount")? == 0).then_some(()))
        .await?;
    operator.stop().await?;
    fs::remove_dir_all(&folder).context("the folder")
}
