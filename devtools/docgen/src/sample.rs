//! Sample definitions with every field of a schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Number of samples. Every choice of an enumeration appears, because the longest one is shorter.
const SAMPLES: usize = 64;

/// Name of the definition and of its object.
pub const NAME: &str = "sample-name";

/// Sample values that messages contain, and the placeholders that replace them on the pages.
const PLACEHOLDERS: [(&str, &str); 18] = [
    ("arn:aws:iam::123456789012:role/sample", "<taskRoleArn>"),
    (NAME, "<name>"),
    ("sample-alias", "<alias>"),
    ("sample-capacity-provider", "<provider>"),
    ("sample-container", "<container>"),
    ("sample-credential-spec", "<credentialSpec>"),
    ("sample.domain", "<domain>"),
    ("sample-file", "<file>"),
    ("sample-option", "<option>"),
    ("sample-other-provider", "<provider>"),
    ("sample-registry", "<registry>"),
    ("sample-runtime-class", "<runtimeClassName>"),
    ("sg-0123", "<securityGroup>"),
    ("sample-service-account", "<serviceAccountName>"),
    ("sample-storage-class", "<storageClassName>"),
    ("sample-tag", "<tag>"),
    ("sample-variable", "<variable>"),
    ("sample-volume", "<volume>"),
];

/// Replaces the sample values in a message by placeholders.
pub fn with_placeholders(message: &str) -> String {
    PLACEHOLDERS.iter().fold(message.to_owned(), |message, (value, placeholder)| message.replace(value, placeholder))
}

/// Returns definitions of `T` with every field. Together they contain every choice of each enumeration.
pub fn samples<T: JsonSchema>() -> impl Iterator<Item = Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    (0..SAMPLES).map(move |number| sample(schema.as_value(), number))
}

/// Sets valid sizes and names: the container depends on another one, and its secret has another name than its variable.
pub fn make_plausible(definition: &mut Value) {
    for (size, plausible) in [("cpu", "256"), ("memory", "512")] {
        definition[size] = plausible.into();
    }
    // Values that are translated differently, besides those of the schema.
    for (list, more) in [
        ("dnsServers", json!(["192.0.2.53"])),
        (
            "dockerSecurityOptions",
            json!(["no-new-privileges", "apparmor:unconfined", "apparmor:custom", "label:disable"]),
        ),
        ("extraHosts", json!([{"hostname": "ledger", "ipAddress": "192.0.2.7"}])),
        ("portMappings", json!([{"containerPortRange": "9000-9001"}, {"containerPortRange": "10000-20000"}])),
        ("resourceRequirements", json!([{"type": "GPU", "value": "2"}, {"type": "GPU", "value": "ALL"}])),
        (
            "systemControls",
            json!([{"namespace": "net.ipv4.tcp_fin_timeout", "value": "9"}, {"namespace": "net.core.somaxconn", "value": "9"}]),
        ),
    ] {
        let items = definition.pointer_mut(&format!("/containerDefinitions/0/{list}")).and_then(Value::as_array_mut);
        if let Some(items) = items {
            items.extend(more.as_array().cloned().unwrap_or_default());
        }
    }
    for (path, plausible) in [
        ("/taskRoleArn", "arn:aws:iam::123456789012:role/sample"),
        ("/containerDefinitions/0/name", "sample-container"),
        ("/containerDefinitions/0/logConfiguration/secretOptions/0/name", "sample-option"),
        ("/containerDefinitions/0/credentialSpecs/0", "credentialspec:sample-credential-spec.json"),
        ("/containerDefinitions/0/environmentFiles/0/value", "arn:aws:s3:::bucket/sample-file.env"),
        ("/kubernetes/environmentFiles/0/value", "arn:aws:s3:::bucket/sample-file.env"),
        ("/tags/0/key", "sample-tag"),
        ("/kubernetes/serviceAccountName", "sample-service-account"),
        ("/kubernetes/runtimeClassName", "sample-runtime-class"),
        ("/containerDefinitions/0/dependsOn/0/containerName", "sidecar"),
        ("/containerDefinitions/0/secrets/0/name", "sample-variable"),
        ("/containerDefinitions/0/links/0", "sidecar"),
        ("/containerDefinitions/0/volumesFrom/0/sourceContainer", "sidecar"),
        ("/containerDefinitions/0/linuxParameters/tmpfs/0/containerPath", "/run"),
    ] {
        if let Some(value) = definition.pointer_mut(path) {
            *value = plausible.into();
        }
    }
    if let Some(containers) = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
        containers.push(json!({"name": "sidecar", "image": "1", "memory": 4}));
    }
}

/// Sets placement constraints, one for each kind of translation. One of them requires tasks of `group`.
pub fn constrain(definition: &mut Value, group: &str) {
    let same_group = format!("task:group == {group}");
    let expressions = [
        "attribute:ecs.os-type == linux",
        "attribute:NAME == VALUE",
        "attribute:ecs.instance-type =~ PATTERN.*",
        "not(task:group == service:OTHER)",
        &same_group,
    ];
    definition["placementConstraints"] =
        expressions.map(|expression| json!({"type": "memberOf", "expression": expression})).to_vec().into();
}

/// Replaces each volume by one volume for each of its sources, and for each setting of a Docker volume, because these exclude
/// each other.
pub fn separate_volumes(definition: &mut Value) {
    let Some(volumes) = definition.get_mut("volumes").and_then(Value::as_array_mut) else { return };
    let mut separate = vec![json!({"name": "docker", "dockerVolumeConfiguration": {"driver": "local"}})];
    for volume in volumes.iter().filter_map(Value::as_object) {
        for (source, settings) in volume.iter().filter(|(name, _)| *name != "name") {
            let mut variants = vec![settings.clone()];
            if let Some(members) = settings.as_object().filter(|_| source == "dockerVolumeConfiguration") {
                variants.extend(members.iter().map(|(name, value)| json!({name: value})));
            }
            separate.extend(variants.into_iter().map(|settings| json!({"name": "sample-volume", source: settings})));
        }
    }
    *volumes = separate;
}

/// Sets valid names, and deployment percentages that allow a rolling update.
pub fn make_service_plausible(service: &mut Value, number: usize) {
    service["capacityProviderStrategy"] = strategy(number);
    service["placementStrategy"] = json!([{"type": "spread", "field": "attribute:NAME"},
        {"type": "binpack", "field": "memory"}, {"type": "binpack", "field": "cpu"}, {"type": "random"}]);
    for (path, plausible) in [
        ("/deploymentConfiguration/maximumPercent", json!(200)),
        ("/networkConfiguration/awsvpcConfiguration/securityGroups", json!(["sg-0123", "not an id"])),
        ("/serviceConnectConfiguration/namespace", json!("internal")),
        ("/serviceConnectConfiguration/services/0/portName", json!("http")),
        ("/serviceConnectConfiguration/services/0/discoveryName", json!("sample-alias")),
        ("/serviceConnectConfiguration/services/0/clientAliases/0/dnsName", json!("sample-alias.sample.domain")),
        ("/kubernetes/loadBalancers/0/deregistrationDelaySeconds", json!(15)),
        ("/kubernetes/serviceRegistries/0/name", json!("sample-registry")),
        ("/kubernetes/serviceRegistries/0/namespace", json!("sample.domain")),
        ("/kubernetes/storageClassName", json!("sample-storage-class")),
        ("/tags/0/key", json!("sample-tag")),
    ] {
        if let Some(value) = service.pointer_mut(path) {
            *value = plausible;
        }
    }
    separate_policies(service);
}

/// Replaces the scaling policy by one for each kind of policy and of metric, because these exclude each other. Scheduled actions
/// get valid times.
fn separate_policies(service: &mut Value) {
    const TRACKING: &str = "targetTrackingScalingPolicyConfiguration";
    const STEP: &str = "stepScalingPolicyConfiguration";
    const PREDICTIVE: &str = "predictiveScalingPolicyConfiguration";
    let Some(policy) = service.pointer("/autoScaling/policies/0").cloned() else { return };
    let [tracking, step, predictive] = [
        ("TargetTrackingScaling", [STEP, PREDICTIVE]),
        ("StepScaling", [TRACKING, PREDICTIVE]),
        ("PredictiveScaling", [TRACKING, STEP]),
    ]
    .map(|(policy_type, others)| {
        let policy = others.iter().fold(policy.clone(), |policy, other| without(&policy, "", other));
        with(&policy, "/policyType", policy_type.into())
    });
    let mut predefined = without(&tracking, &format!("/{TRACKING}"), "customizedMetricSpecification");
    let specification = format!("/{TRACKING}/predefinedMetricSpecification");
    if predefined.pointer(&format!("{specification}/predefinedMetricType")) != Some(&"ALBRequestCountPerTarget".into())
    {
        predefined = without(&predefined, &specification, "resourceLabel");
    }
    let mut fractional = predefined.clone();
    fractional[TRACKING]["targetValue"] = 62.5.into();
    let customized = without(&tracking, &format!("/{TRACKING}"), "predefinedMetricSpecification");
    let single = with(&customized, &format!("/{TRACKING}/customizedMetricSpecification/metrics"), json!([]));
    let mut metric = customized.clone();
    metric[TRACKING]["customizedMetricSpecification"]["metrics"][0]["returnData"] = true.into();
    let math = metric.clone();
    let query = format!("/{TRACKING}/customizedMetricSpecification/metrics/0");
    let metric = without(&metric, &query, "expression");
    let mut policies = vec![predefined, fractional, single, metric, math];
    policies.extend([with_service_alarm(&step, &service["serviceName"]), step, predictive]);
    // The metric of the `kubernetes` block is for the first policy.
    for (number, policy) in policies.iter_mut().enumerate().skip(1) {
        policy["policyName"] = format!("policy {number}").into();
    }
    service["autoScaling"]["policies"] = policies.into();
    service["autoScaling"]["maxCapacity"] = 9.into();
    let Some(action) = service.pointer("/autoScaling/scheduledActions/0").cloned() else { return };
    let plausible = [
        ("schedule", "cron(0 8 ? * MON *)"),
        ("timezone", "UTC"),
        ("startTime", "2030-01-01T00:00:00Z"),
        ("endTime", "2031-01-01T00:00:00Z"),
    ];
    let cron = plausible.into_iter().fold(action, |action, (at, time)| with(&action, &format!("/{at}"), time.into()));
    let rate = without(&with(&cron, "/schedule", "rate(1 hour)".into()), "", "startTime");
    service["autoScaling"]["scheduledActions"] = json!([cron, rate]);
}

/// Returns the policy with an alarm on the CPU utilization of the service.
fn with_service_alarm(policy: &Value, service: &Value) -> Value {
    let mut policy = policy.clone();
    let Some(alarm) = policy.pointer_mut("/alarms/0") else { return policy };
    for (member, plausible) in [
        ("metricName", json!("CPUUtilization")),
        ("namespace", json!("AWS/ECS")),
        ("dimensions", json!([{"name": "ServiceName", "value": service}])),
        ("statistic", json!("Average")),
        ("period", json!(10)),
        ("comparisonOperator", json!("GreaterThanThreshold")),
        ("metrics", json!([])),
    ] {
        alarm[member] = plausible;
    }
    if let Some(members) = alarm.as_object_mut() {
        members.retain(|member, _| member != "extendedStatistic" && member != "thresholdMetricId");
    }
    policy
}

/// Returns a capacity provider strategy: one or several providers, of Fargate or others.
fn strategy(number: usize) -> Value {
    let providers: &[(&str, i32)] = match number % 4 {
        0 => &[("sample-capacity-provider", 1)],
        1 => &[("FARGATE_SPOT", 1)],
        2 => &[("FARGATE", 1), ("FARGATE_SPOT", 1)],
        _ => &[("sample-capacity-provider", 1), ("sample-other-provider", 0)],
    };
    let items = providers.iter().map(|(name, weight)| (name, weight, 1 - weight));
    items.map(|(name, weight, base)| json!({"capacityProvider": name, "weight": weight, "base": base})).collect()
}

/// Sets a default strategy, and settings to on or off, by the number of the sample.
pub fn make_cluster_plausible(cluster: &mut Value, number: usize) {
    cluster["defaultCapacityProviderStrategy"] = strategy(number);
    if let Some(value) = cluster.pointer_mut("/settings/0/value") {
        *value = ["disabled", "enabled"][number % 2].into();
    }
}

/// Returns a provider of each kind, because these exclude each other: with a node selector of its own and without.
pub fn capacity_provider_variants(provider: &Value, number: usize) -> Vec<Value> {
    let provider = &with(provider, "/name", "sample-capacity-provider".into());
    let scaling = "/autoScalingGroupProvider";
    let statuses = ["ENABLED", "DISABLED"];
    let mut varied = with(provider, &format!("{scaling}/managedScaling/status"), statuses[number % 2].into());
    for member in ["managedTerminationProtection", "managedDraining"] {
        varied = with(&varied, &format!("{scaling}/{member}"), statuses[number / 2 % 2].into());
    }
    let bare = without(&varied, "", "kubernetes");
    vec![without(&varied, "", "managedInstancesProvider"), without(&bare, "", "managedInstancesProvider"), bare]
}

/// Returns the service without a `kubernetes` block, with either kind of load balancer, and with one of the settings that exclude
/// each other or decide about other fields; `number` selects it.
pub fn service_variants(service: &Value, number: usize) -> Vec<Value> {
    let group = without(service, "/loadBalancers/0", "loadBalancerName");
    let classic = without(service, "/loadBalancers/0", "targetGroupArn");
    let mut variations = traffic_variants(&group);
    variations.extend(traffic_variants(&classic));
    let connect = "/serviceConnectConfiguration/services/0";
    variations.push(with(&group, &format!("{connect}/clientAliases/0/dnsName"), "sample-alias".into()));
    let nameless = without(&group, &format!("{connect}/clientAliases/0"), "dnsName");
    variations.push(without(&nameless, connect, "discoveryName"));
    variations.push(with(&nameless, &format!("{connect}/discoveryName"), "My_Web".into()));
    variations.push(nameless);
    let several = with(&group, "/autoScaling/minCapacity", 1.into());
    let regional = with(&several, "/kubernetes/autoScaling/awsRegion", "eu-west-1".into());
    variations.push(with(&regional, "/kubernetes/autoScaling/metrics", json!([])));
    let mut resources = without(&several, "", "kubernetes");
    if let Some(policies) = resources.pointer_mut("/autoScaling/policies").and_then(Value::as_array_mut) {
        policies.truncate(2);
    }
    variations.push(with(&resources, "/autoScaling/minCapacity", 0.into()));
    variations.push(resources);
    for (minimum, desired) in [(0, 3), (100, 3), (100, 1)] {
        let share = with(&group, "/deploymentConfiguration/minimumHealthyPercent", minimum.into());
        let count = with(&share, "/desiredCount", desired.into());
        variations.push(with(&count, "/healthCheckGracePeriodSeconds", (30 * (desired - 1)).into()));
    }
    let selected = variations.swap_remove(number % variations.len());
    vec![without(&group, "", "kubernetes"), without(&classic, "", "kubernetes"), selected]
}

/// Returns the service once for each replacement of a load balancer: a route, an Ingress, and so on.
fn traffic_variants(service: &Value) -> Vec<Value> {
    const MAPPING: &str = "/kubernetes/loadBalancers/0";
    let Some(mapping) = service.pointer(MAPPING).and_then(Value::as_object) else { return Vec::new() };
    let replacements = mapping.iter().filter(|(_, value)| value.is_object());
    replacements
        .map(|(replacement, settings)| {
            let mut mapping = mapping.clone();
            mapping.retain(|name, value| name != "targetGroupArn" && !value.is_object());
            mapping.insert(replacement.clone(), settings.clone());
            with(service, MAPPING, Value::Object(mapping))
        })
        .collect()
}

fn without(definition: &Value, path: &str, member: &str) -> Value {
    let mut changed = definition.clone();
    changed.pointer_mut(path).and_then(Value::as_object_mut).map(|members| members.remove(member));
    changed
}

fn with(definition: &Value, path: &str, value: Value) -> Value {
    let mut changed = definition.clone();
    if let Some(old) = changed.pointer_mut(path) {
        *old = value;
    }
    changed
}

/// Returns a value with every member of the schema; `number` selects among choices.
fn sample(schema: &Value, number: usize) -> Value {
    let Some(schema) = schema.as_object() else { return Value::from("1") };
    if let Some(choices) = choices(schema) {
        return choices.get(number % choices.len().max(1)).cloned().unwrap_or_default();
    }
    if let Some(inner) = schema.get("anyOf").and_then(Value::as_array).and_then(|schemas| schemas.first()) {
        return sample(inner, number);
    }
    match kind(schema) {
        Some("object") => Value::Object(members(schema, number)),
        Some("array") => Value::Array(schema.get("items").map(|items| sample(items, number)).into_iter().collect()),
        Some("boolean") => Value::Bool(number.is_multiple_of(2)),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        _ => Value::from(if number.is_multiple_of(2) { "1" } else { "x" }),
    }
}

fn kind(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    }
}

fn choices(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter(|value| !value.is_null()).cloned().collect());
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value.clone()]);
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let lists: Vec<Vec<Value>> = variants.iter().filter_map(|variant| choices(variant.as_object()?)).collect();
    Some(lists.concat())
}

fn members(schema: &Map<String, Value>, number: usize) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut members: Map<String, Value> =
        properties.map(|(name, schema)| (name.clone(), sample(schema, number))).collect();
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        members.insert("*".to_owned(), sample(others, number));
    }
    members
}
