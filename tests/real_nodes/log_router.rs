//! Configuration of a log router, and access to the log files of its Pod only.
//!
//! A shell replaces Fluent Bit: it reads the configuration and follows the files that it names.

use anyhow::Result;
use devcluster::{Image, Seen, wait_for};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::PostParams;
use serde_json::json;

use crate::container_lifecycle::{exec, run};
use crate::support::PATIENCE;
use crate::{IMAGE, bench};

/// Image with a configuration of Fluent Bit and another file in the same folder.
const ROUTER: &str = "example.test/fluent-bit:stand-in";
const CONFIGURATION: &str = "/fluent-bit/etc/fluent-bit.conf";

/// Prints the lines that are not blank, a section head, a key with a value, or an included file.
const INVALID_LINES: &str = r"awk '
    /^$/ { next }
    /^\[(INPUT|FILTER|OUTPUT)\]$/ { section = 1; next }
    /^@INCLUDE \/[^ ]+$/ { section = 0; next }
    /^    [A-Za-z_.]+ [^ ]/ && section { next }
    { print }' /fluent-bit/etc/fluent-bit.conf";

/// Prints the values of a key, with variables replaced as Fluent Bit does.
fn values(key: &str) -> String {
    format!(r#"eval "echo \"$(awk '$1 == "{key}" {{ $1 = ""; print substr($0, 2) }}' {CONFIGURATION})\"""#)
}

#[tokio::test]
async fn a_log_router_gets_its_configuration_and_the_output_of_its_task() -> Result<()> {
    let Some(bench) = bench("firelens").await? else { return Ok(()) };
    let mut image = Image::stand_in(ROUTER);
    image.env = vec!["PATH=/bin".to_owned()];
    let image =
        image.file(CONFIGURATION, 0o644, "of the image").file("/fluent-bit/etc/parsers.conf", 0o644, "of the image");
    bench.cluster.load_image(&image).await?;
    let secret = json!({"metadata": {"name": "app-app"}, "stringData": {"token": "s3cret"}});
    bench.api::<Secret>().create(&PostParams::default(), &serde_json::from_value(secret)?).await?;
    let operator = bench.operator().await?;
    let idle = "trap 'exit 0' TERM; while :; do sleep 1; done";
    let definition = |message: &str| {
        json!({"networkMode": "awsvpc", "executionRoleArn": "agent", "containerDefinitions": [
            {
                "name": "app", "image": IMAGE, "memory": 32,
                "command": ["sh", "-c", format!("echo {message}; echo a fault >&2; {idle}")],
                "logConfiguration": {
                    "logDriver": "awsfirelens",
                    "options": {"Name": "http", "Header": "X-Key cl3ar", "uri": "/logs"},
                    "secretOptions": [{"name": "token", "valueFrom": "/token"}],
                },
            },
            {"name": "other", "image": IMAGE, "memory": 32, "command": ["sh", "-c", idle]},
            {
                "name": "router", "image": ROUTER, "memory": 32, "command": ["sh", "-c", idle],
                "firelensConfiguration": {"type": "fluentbit",
                    "options": {"config-file-type": "file", "config-file-value": "/extra.conf"}},
            },
        ]})
    };
    let pod = run(&bench, "app", definition("hello")).await?;
    let see = |script: &str| exec(&bench, &pod, "router", script);

    assert_eq!(see(INVALID_LINES)?, "");
    assert_eq!(see(&values("Name"))?.lines().filter(|name| *name == "tail").count(), 1);
    assert_eq!(see(&format!("grep '^@INCLUDE' {CONFIGURATION}"))?, "@INCLUDE /extra.conf");
    assert_eq!(see("cat /fluent-bit/etc/parsers.conf")?, "of the image", "other files of the folder are kept");
    assert_eq!(
        see(&format!("echo x >> {CONFIGURATION} || echo refused; touch /var/log/firelens/x || echo refused"))?,
        "refused\nrefused"
    );

    assert_eq!(see(&values("Tag"))?, format!("firelens-healthcheck\napp-firelens-{pod}"));
    let records = see(&values("Record"))?;
    assert_eq!(
        records.lines().collect::<Vec<_>>(),
        ["ecs_cluster default".to_owned(), format!("ecs_task_arn {pod}"), "ecs_task_definition app:1".to_owned()]
    );
    assert_eq!(see(&values("token"))?, "s3cret");
    assert_eq!(see(&values("Header"))?, "X-Key cl3ar");
    let annotations = bench.api::<Pod>().get(&pod).await?.metadata.annotations;
    let annotations = serde_json::to_string(&annotations)?;
    assert!(annotations.contains("${token_0}"), "{annotations}");
    assert!(!annotations.contains("s3cret") && !annotations.contains("cl3ar"), "{annotations}");

    // Fields of a line: time, stream, tag (F if complete), text. Both streams are in one file, in no particular order.
    let lines = format!("cat $({}) | cut -d' ' -f2- | sort", values("Path"));
    exec(&bench, &pod, "app", "echo later > /proc/1/fd/1")?;
    wait_for("the container's output at the router", PATIENCE, async || {
        let output = see(&lines)?;
        let all = output == "stderr F a fault\nstdout F hello\nstdout F later";
        Ok(if all { Seen::Done(()) } else { Seen::not_yet(output) })
    })
    .await?;
    assert_eq!(see(&format!("touch $(dirname $({}))/x && echo written", values("DB")))?, "written");

    let secret = json!({"metadata": {"name": "second-app"}, "stringData": {"token": "s3cret"}});
    bench.api::<Secret>().create(&PostParams::default(), &serde_json::from_value(secret)?).await?;
    let second = run(&bench, "second", definition("goodbye")).await?;
    assert_eq!(exec(&bench, &second, "router", &format!("{lines} | grep stdout"))?, "stdout F goodbye");
    assert_eq!(see("cd /var/log/firelens && echo *")?, "app other router", "this Pod's folders");
    assert_eq!(see("grep -rl goodbye /var/log/firelens || echo none")?, "none");
    operator.stop().await
}
