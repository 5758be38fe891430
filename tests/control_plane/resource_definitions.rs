//! Custom resource definitions in the API server.

use anyhow::Result;
use serde_json::json;

use crate::bench;

#[tokio::test]
async fn kubectl_explain_describes_fields() -> Result<()> {
    let bench = bench("explain").await?;
    let explained = bench.cluster.kubectl(["explain", "ecstd.spec.containerDefinitions.healthCheck"])?;
    assert!(explained.contains("Seconds between two checks"), "{explained}");
    let version = "--api-version=ecs-operator.dev/v1alpha1";
    let explained = bench.cluster.kubectl(["explain", "services.spec.deploymentConfiguration", version])?;
    assert!(explained.contains("minimumHealthyPercent"), "{explained}");
    Ok(())
}

#[tokio::test]
async fn invalid_values_are_refused_with_their_path() -> Result<()> {
    let bench = bench("refused").await?;
    let cases = [
        (
            json!({"containerDefinitions": [{"name": "a", "image": "b", "portMappings": [{"containerPort": 70000}]}]}),
            "containerPort",
        ),
        (json!({"containerDefinitions": [{"name": "a", "image": "b", "memory": "much"}]}), "memory"),
        (json!({"networkMode": "tunnel", "containerDefinitions": [{"name": "a", "image": "b"}]}), "networkMode"),
        (json!({"family": "a"}), "containerDefinitions"),
    ];
    for (spec, field) in cases {
        let error = bench.apply("TaskDefinition", "bad", spec).await.expect_err(field).to_string();
        assert!(error.contains(field), "{field}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn rules_across_fields_are_checked_on_admission() -> Result<()> {
    let bench = bench("rules").await?;
    let container =
        |name: &str, essential: bool| json!({"name": name, "image": "b", "memory": 4, "essential": essential});
    let strategy = json!([{"capacityProvider": "FARGATE", "weight": 1}]);
    let cases = [
        ("TaskDefinition", json!({"containerDefinitions": [container("a", false)]}), "must be essential"),
        (
            "TaskDefinition",
            json!({"containerDefinitions": [container("a", true), container("a", true)]}),
            "must be unique",
        ),
        (
            "Service",
            json!({"taskDefinition": "a", "launchType": "EC2", "capacityProviderStrategy": strategy}),
            "mutually exclusive",
        ),
    ];
    for (kind, spec, words) in cases {
        let error = bench.apply(kind, "bad", spec).await.expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let definition = |family: &str| json!({"family": family, "containerDefinitions": [container("a", true)]});
    bench.apply("TaskDefinition", "a", definition("a")).await?;
    let error = bench.apply("TaskDefinition", "a", definition("b")).await.expect_err("a change of family").to_string();
    assert!(error.contains("the family is immutable"), "{error}");
    bench.apply("Service", "a", json!({"taskDefinition": "a", "cluster": "one"})).await?;
    let moved = bench.apply("Service", "a", json!({"taskDefinition": "a", "cluster": "two"})).await;
    assert!(moved.expect_err("a move").to_string().contains("the cluster is immutable"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_is_kept_and_reported() -> Result<()> {
    let bench = bench("unknown").await?;
    let operator = bench.operator().await?;
    let container =
        json!({"name": "app", "image": "example.test/app:1", "memory": 16, "helthCheck": {"command": ["x"]}});
    bench.apply("TaskDefinition", "app", json!({"containerDefinitions": [container]})).await?;
    let object = bench.condition("TaskDefinition", "app", "Translated", "False").await?;
    assert_eq!(object.pointer("/spec/containerDefinitions/0/helthCheck/command/0"), Some(&json!("x")));
    let differences = object.pointer("/status/differences").and_then(|d| d.as_array()).cloned().unwrap_or_default();
    let reported = differences.iter().find(|d| d["code"] == "unknown-field");
    assert_eq!(reported.map(|d| &d["path"]), Some(&json!("/containerDefinitions/0/helthCheck/command/0")));
    operator.stop().await
}

#[tokio::test]
async fn the_output_of_describe_task_definition_is_accepted() -> Result<()> {
    let bench = bench("pasted").await?;
    let operator = bench.operator().await?;
    let described = json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/app:7",
        "containerDefinitions": [{
            "name": "app", "image": "example.test/app:1", "cpu": 10, "memory": 64, "portMappings": [], "essential": true,
            "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": []
        }],
        "family": "app", "revision": 7, "volumes": [], "status": "ACTIVE", "placementConstraints": [],
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.17"}],
        "compatibilities": ["EXTERNAL", "EC2"], "registeredAt": "2026-03-01T10:00:00.123000+01:00",
        "registeredBy": "arn:aws:iam::123456789012:user/someone"
    });
    bench.apply("TaskDefinition", "app", described).await?;
    bench.condition("TaskDefinition", "app", "Accepted", "True").await?;
    operator.stop().await
}
