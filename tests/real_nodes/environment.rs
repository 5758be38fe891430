//! Precedence of several values of a variable, and the variables of the log router.

use anyhow::{Context as _, Result};
use devcluster::{Image, Seen, wait_for};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{ListParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::support::{Bench, PATIENCE};
use crate::{IMAGE, bench};

/// Image that sets variables.
const WITH_VARIABLES: &str = "example.test/with-variables:1";

async fn create<K>(bench: &Bench, object: Value) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + DeserializeOwned + serde::Serialize,
    K: Clone + std::fmt::Debug,
    K::DynamicType: Default,
{
    bench.api::<K>().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

/// Waits until a container has a configuration error; returns its message.
async fn config_error(bench: &Bench) -> Result<String> {
    let selector = ListParams::default().labels("ecs-operator.dev/service=app");
    wait_for("a container that waits for its configuration", PATIENCE, async || {
        let pods = bench.api::<Pod>().list(&selector).await?.items;
        let statuses = pods.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
        let mut waiting = statuses.filter_map(|status| status.state?.waiting);
        let error = waiting.find(|waiting| waiting.reason.as_deref() == Some("CreateContainerConfigError"));
        Ok(error.map_or_else(|| Seen::not_yet("none"), |waiting| Seen::Done(waiting.message.unwrap_or_default())))
    })
    .await
}

/// Returns the output of a container of the service's running task. An earlier task may have been replaced because it waited too
/// long for its configuration.
async fn output(bench: &Bench, container: &str) -> Result<String> {
    let selector = ListParams::default().labels("ecs-operator.dev/service=app");
    let pods = bench.api::<Pod>().list(&selector).await?.items;
    let runs = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
    };
    let running = pods.into_iter().find(runs).and_then(|pod| pod.metadata.name).context("a running task")?;
    bench.cluster.kubectl(["logs", "-n", &bench.namespace, &running, "-c", container])
}

#[tokio::test]
async fn secrets_override_variables_which_override_files_which_override_the_image() -> Result<()> {
    let Some(bench) = bench("values").await? else { return Ok(()) };
    let variables = ["IN_IMAGE", "IN_LAST_FILE", "IN_FIRST_FILE", "IN_ENVIRONMENT", "IN_SECRET"];
    let mut image = Image::stand_in(WITH_VARIABLES);
    image.env = variables.iter().map(|name| format!("{name}=image")).chain(["PATH=/bin".to_owned()]).collect();
    bench.cluster.load_image(&image).await?;
    let file = |name: &str, names: &[&str]| {
        let data: Map<String, Value> =
            names.iter().map(|variable| ((*variable).to_owned(), format!("{name} $(PATH)").into())).collect();
        json!({"metadata": {"name": name}, "data": data})
    };
    let secret = |name: &str, key: &str, value: &str| json!({"metadata": {"name": name}, "stringData": {key: value}});
    create::<ConfigMap>(&bench, file("first", &["IN_FIRST_FILE", "IN_ENVIRONMENT", "IN_SECRET"])).await?;
    create::<Secret>(&bench, secret("database", "password", "secret $(PATH)")).await?;
    create::<Secret>(&bench, secret("app-app", "UNMAPPED", "unmapped")).await?;
    let operator = bench.operator().await?;
    let password = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf:password::";
    let definition = json!({
        "networkMode": "awsvpc", "executionRoleArn": "agent",
        "kubernetes": {
            "secrets": [{"valueFrom": password, "secretName": "database", "key": "password"}],
            "environmentFiles": [{"value": "arn:aws:s3:::settings/first.env", "configMapName": "first"}],
        },
        "containerDefinitions": [{
            "name": "app", "image": WITH_VARIABLES, "memory": 32,
            "command": ["sh", "-c", "env | sort; trap 'exit 0' TERM; while :; do sleep 1; done"],
            "environment": [{"name": "IN_ENVIRONMENT", "value": "environment $(PATH) $$5"}],
            "secrets": [
                {"name": "IN_SECRET", "valueFrom": password},
                {"name": "UNMAPPED", "valueFrom": "/prod/unmapped"},
            ],
            "environmentFiles": [
                {"value": "arn:aws:s3:::settings/first.env", "type": "s3"},
                {"value": "arn:aws:s3:::settings/last.env", "type": "s3"},
            ],
        }],
    });
    bench.apply("TaskDefinition", "app", definition).await?;
    bench.service("app", "app", 1).await?;
    let missing = config_error(&bench).await?;
    assert!(missing.contains("app-last"), "{missing}");
    let all = ["IN_LAST_FILE", "IN_FIRST_FILE", "IN_ENVIRONMENT", "IN_SECRET"];
    create::<ConfigMap>(&bench, file("app-last", &all)).await?;
    bench.stable("app", "app:1").await?;
    let output = output(&bench, "app").await?;
    let variables: Vec<&str> =
        output.lines().filter(|line| line.starts_with("IN_") || line.starts_with("UNMAPPED")).collect();
    let expected = [
        "IN_ENVIRONMENT=environment $(PATH) $$5",
        "IN_FIRST_FILE=first $(PATH)",
        "IN_IMAGE=image",
        "IN_LAST_FILE=app-last $(PATH)",
        "IN_SECRET=secret $(PATH)",
        "UNMAPPED=unmapped",
    ];
    assert_eq!(variables, expected);
    operator.stop().await
}

#[tokio::test]
async fn the_variables_of_the_log_router_lead_to_it() -> Result<()> {
    let Some(bench) = bench("router").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    // Sends repeatedly, because nc accepts one connection at a time and may lose another.
    let send = "echo a record | nc -w 1 \"$FLUENT_HOST\" \"$FLUENT_PORT\"; sleep 1";
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [
        {
            "name": "app", "image": IMAGE, "memory": 32,
            "command": ["sh", "-c", format!("trap 'exit 0' TERM; while :; do {send}; done")],
            "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "null"}},
        },
        {
            "name": "router", "image": IMAGE, "memory": 32,
            "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do nc -l -p 24224 & wait $!; done"],
            "firelensConfiguration": {"type": "fluentbit"},
        },
    ]});
    bench.apply("TaskDefinition", "app", definition).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    wait_for("a record at the router", PATIENCE, async || {
        let output = output(&bench, "router").await?;
        Ok(if output.contains("a record") { Seen::Done(()) } else { Seen::not_yet(output) })
    })
    .await?;
    operator.stop().await
}
