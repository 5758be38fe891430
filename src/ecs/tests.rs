//! Tests of all shapes: spelling, round trips, schemas and `Debug` output.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

/// Asserts that a shape serializes to the JSON it was read from, and returns it.
fn round_trip<T: Serialize + DeserializeOwned>(value: &Value) -> T {
    let shape: T = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&shape).unwrap(), value);
    shape
}

#[test]
fn absent_members_stay_absent() {
    round_trip::<TaskDefinition>(&json!({}));
    round_trip::<Service>(&json!({}));
    round_trip::<Cluster>(&json!({}));
    round_trip::<Volume>(&json!({"host": {}}));
}

#[test]
fn members_with_odd_names_are_spelled_as_aws_does() {
    round_trip::<TaskDefinition>(&json!({
        "ephemeralStorage": {"sizeInGiB": 30},
        "volumes": [
            {"s3filesVolumeConfiguration": {"fileSystemArn": "a"}},
            {"efsVolumeConfiguration": {"fileSystemId": "a"}},
            {"fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "a", "rootDirectory": "b",
                "authorizationConfig": {"credentialsParameter": "c", "domain": "d"}}},
        ],
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "WINDOWS_SERVER_20H2_CORE"},
        "containerDefinitions": [{
            "readonlyRootFilesystem": true,
            "extraHosts": [{"hostname": "a", "ipAddress": "b"}],
            "resourceRequirements": [{"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 1}}}],
            "linuxParameters": {"tmpfs": [{"containerPath": "/a", "size": 1}], "maxSwap": 1},
        }],
    }));
    round_trip::<Service>(&json!({
        "enableECSManagedTags": true,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [], "assignPublicIp": "ENABLED"}},
        "volumeConfigurations": [{"name": "a", "managedEBSVolume": {"roleArn": "b", "sizeInGiB": 1, "kmsKeyId": "c"}}],
        "vpcLatticeConfigurations": [{"roleArn": "a", "targetGroupArn": "b", "portName": "c"}],
    }));
    let logs =
        json!({"s3BucketName": "a", "s3EncryptionEnabled": true, "s3KeyPrefix": "b", "cloudWatchLogGroupName": "c"});
    round_trip::<Cluster>(&json!({"configuration": {"executeCommandConfiguration": {"logConfiguration": logs}}}));
}

#[test]
fn output_of_describe_is_read() {
    let task = round_trip::<TaskDefinition>(&json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3",
        "containerDefinitions": [{"name": "app", "image": "nginx", "cpu": 0, "essential": true}],
        "family": "web", "revision": 3, "status": "ACTIVE",
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
        "compatibilities": ["EXTERNAL", "EC2"],
        "registeredAt": "2026-01-01T00:00:00+00:00", "registeredBy": "arn:aws:iam::123456789012:root",
    }));
    assert_eq!(task.revision, Some(3));
    let events = json!([{"id": "a", "createdAt": "2026-01-01T00:00:00+00:00", "message": "steady"}]);
    round_trip::<Service>(&json!({"serviceArn": "a", "runningCount": 2, "deployments": [], "events": events}));
    round_trip::<Cluster>(&json!({"clusterArn": "a", "statistics": [], "runningTasksCount": 2}));
}

#[test]
fn empty_strings_without_a_meaning_are_absent() {
    let value = json!({"cpu": "", "memory": "", "taskRoleArn": "", "executionRoleArn": ""});
    assert_eq!(serde_json::from_value::<TaskDefinition>(value).unwrap(), TaskDefinition::default());
    let pair: KeyValuePair = serde_json::from_value(json!({"name": "A", "value": ""})).unwrap();
    assert_eq!(pair.value.as_deref(), Some(""));
}

#[test]
fn debug_output_contains_no_values_that_may_be_secret() {
    let secret = "hunter2";
    let options = json!({"splunk-token": secret});
    let task: TaskDefinition = serde_json::from_value(json!({
        "containerDefinitions": [{
            "name": "app",
            "environment": [{"name": "PASSWORD", "value": secret}],
            "dockerLabels": {"label": secret},
            "logConfiguration": {"logDriver": "splunk", "options": options},
            "firelensConfiguration": {"type": "fluentbit", "options": options},
        }],
        "proxyConfiguration": {"containerName": "app", "properties": [{"name": "KEY", "value": secret}]},
        "volumes": [{"dockerVolumeConfiguration": {"driverOpts": options, "labels": {"label": secret}}}],
    }))
    .unwrap();
    let service: Service = serde_json::from_value(json!({
        "deploymentConfiguration": {"lifecycleHooks": [{"hookDetails": {"key": secret}}]},
        "serviceConnectConfiguration": {"enabled": true, "logConfiguration": {"logDriver": "splunk", "options": options}},
    }))
    .unwrap();
    let shown = format!("{task:?} {service:?} {task:#?} {:?}", task.container_definitions[0].environment[0]);
    assert!(!shown.contains(secret), "{shown}");
    for name in ["PASSWORD", "splunk-token", "label", "KEY"] {
        assert!(shown.contains(name), "{name} in {shown}");
    }
}

/// Returns every schema inside a schema, with its path.
fn schemas<T: JsonSchema>() -> Vec<(String, Value)> {
    let settings = schemars::generate::SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let root = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut all = Vec::new();
    collect(&root, String::new(), &mut all);
    all
}

fn collect(schema: &Value, at: String, all: &mut Vec<(String, Value)>) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        collect(member, format!("{at}.{name}"), all);
    }
    if schema["items"].is_object() {
        collect(&schema["items"], format!("{at}[]"), all);
    }
    all.push((at, schema.clone()));
}

fn all_schemas() -> Vec<(String, Value)> {
    [schemas::<TaskDefinition>(), schemas::<Service>(), schemas::<Cluster>()].concat()
}

#[test]
fn every_member_is_described_in_at_most_two_lines() {
    for (at, schema) in all_schemas().into_iter().filter(|(at, _)| !at.is_empty() && !at.ends_with("[]")) {
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty() && description.len() <= 240, "{at}: {description}");
    }
}

#[test]
fn schemas_are_valid_in_custom_resources() {
    for (at, schema) in all_schemas() {
        for keyword in ["$ref", "default", "not"] {
            assert!(schema.get(keyword).is_none(), "{at} has {keyword}");
        }
        let format = schema["format"].as_str();
        assert!(matches!(format, None | Some("int32" | "double")), "{at} has the format {format:?}");
        let pattern = schema["pattern"].as_str();
        assert!(pattern.is_none_or(|pattern| pattern.starts_with('^') && pattern.ends_with('$')), "{at}");
        assert!(pattern.is_none_or(|pattern| regex::Regex::new(pattern).is_ok()), "{at}");
    }
}

#[test]
fn choices_are_spelled_in_schemas_as_on_the_wire() {
    for mode in NetworkMode::ALL {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        assert_eq!(mode.to_string(), mode.as_str());
    }
    let all = schemas::<TaskDefinition>();
    let schema = all.iter().find(|(at, _)| at == ".networkMode").unwrap().1.to_string();
    assert!(NetworkMode::ALL.iter().all(|mode| schema.contains(&format!("\"{mode}\""))), "{schema}");
}
