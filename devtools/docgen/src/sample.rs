//! Sample definitions with every field of a schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Number of samples. Every choice of an enumeration appears, because the longest one is shorter.
const SAMPLES: usize = 64;

/// Returns definitions of `T` with every field. Together they contain every choice of each enumeration.
pub fn samples<T: JsonSchema>() -> impl Iterator<Item = Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    (0..SAMPLES).map(move |number| sample(schema.as_value(), number))
}

/// Sets valid sizes, and names that must differ: the container depends on another one, and its secret is not its variable.
pub fn make_plausible(definition: &mut Value) {
    for (size, plausible) in [("cpu", "256"), ("memory", "512")] {
        definition[size] = plausible.into();
    }
    // Values of every kind that matters, besides those of the schema.
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
        ("/taskRoleArn", "arn:aws:iam::123456789012:role/web"),
        ("/containerDefinitions/0/dependsOn/0/containerName", "sidecar"),
        ("/containerDefinitions/0/secrets/0/name", "SECRET"),
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

/// Sets placement constraints of each kind that is translated differently; one requires tasks of `group`.
pub fn constrain(definition: &mut Value, group: &str) {
    let with = format!("task:group == {group}");
    let expressions = [
        "attribute:ecs.os-type == linux",
        "attribute:NAME == VALUE",
        "attribute:ecs.instance-type =~ PATTERN.*",
        "not(task:group == service:OTHER)",
        &with,
    ];
    let constraint = |text| json!({"type": "memberOf", "expression": text});
    definition["placementConstraints"] = expressions.map(constraint).to_vec().into();
}

/// The sources of a volume exclude each other, and so do the settings of a Docker volume: each gets a volume of its own.
pub fn part_volumes(definition: &mut Value) {
    let Some(volumes) = definition.get_mut("volumes").and_then(Value::as_array_mut) else { return };
    let mut parted = vec![json!({"name": "docker", "dockerVolumeConfiguration": {"driver": "local"}})];
    for volume in volumes.iter().filter_map(Value::as_object) {
        for (source, settings) in volume.iter().filter(|(name, _)| *name != "name") {
            let mut alone = vec![settings.clone()];
            if let Some(members) = settings.as_object().filter(|_| source == "dockerVolumeConfiguration") {
                alone.extend(members.iter().map(|(name, value)| json!({name: value})));
            }
            parted.extend(alone.into_iter().map(|settings| json!({"name": source, source: settings})));
        }
    }
    *volumes = parted;
}

/// Sets valid names, and deployment percentages that allow a rolling update.
pub fn make_service_plausible(service: &mut Value, number: usize) {
    service["capacityProviderStrategy"] = strategies(number);
    service["placementStrategy"] = json!([{"type": "spread", "field": "attribute:NAME"},
        {"type": "binpack", "field": "memory"}, {"type": "binpack", "field": "cpu"}, {"type": "random"}]);
    for (place, plausible) in [
        ("/deploymentConfiguration/maximumPercent", json!(200)),
        ("/networkConfiguration/awsvpcConfiguration/securityGroups", json!(["sg-0123", "not an id"])),
        ("/serviceConnectConfiguration/namespace", json!("internal")),
        ("/serviceConnectConfiguration/services/0/portName", json!("http")),
        ("/serviceConnectConfiguration/services/0/discoveryName", json!("web")),
        ("/serviceConnectConfiguration/services/0/clientAliases/0/dnsName", json!("web.prod.internal")),
        ("/kubernetes/loadBalancers/0/deregistrationDelaySeconds", json!(15)),
        ("/kubernetes/serviceRegistries/0/name", json!("jobs")),
        ("/kubernetes/serviceRegistries/0/namespace", json!("prod.internal")),
    ] {
        if let Some(value) = service.pointer_mut(place) {
            *value = plausible;
        }
    }
    part_scaling(service);
}

/// Ways to scale exclude each other, and so do metrics: each gets a policy of its own. Actions have times that can be read.
fn part_scaling(service: &mut Value) {
    const TRACKING: &str = "targetTrackingScalingPolicyConfiguration";
    const STEP: &str = "stepScalingPolicyConfiguration";
    const PREDICTIVE: &str = "predictiveScalingPolicyConfiguration";
    let Some(policy) = service.pointer("/autoScaling/policies/0").cloned() else { return };
    let only = |kind: &str, configuration: &str| {
        let others = [TRACKING, STEP, PREDICTIVE].into_iter().filter(|other| *other != configuration);
        let alone = others.fold(policy.clone(), |policy, other| without(&policy, "", other));
        with(&alone, "/policyType", kind.into())
    };
    let tracking = only("TargetTrackingScaling", TRACKING);
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
    let step = only("StepScaling", STEP);
    policies.extend([watching(&step, &service["serviceName"]), step, only("PredictiveScaling", PREDICTIVE)]);
    // The `kubernetes` block gives the first one a metric.
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
    let timed = plausible.into_iter().fold(action, |action, (at, time)| with(&action, &format!("/{at}"), time.into()));
    let counted = without(&with(&timed, "/schedule", "rate(1 hour)".into()), "", "startTime");
    service["autoScaling"]["scheduledActions"] = json!([timed, counted]);
}

/// The policy with an alarm on what the tasks of the service use.
fn watching(policy: &Value, service: &Value) -> Value {
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

/// Strategies of each kind: Fargate's providers and others, one and several.
fn strategies(number: usize) -> Value {
    let item = |name: &str, weight: i32| json!({"capacityProvider": name, "weight": weight, "base": 1 - weight});
    match number % 4 {
        0 => json!([item("spot", 1)]),
        1 => json!([item("FARGATE_SPOT", 1)]),
        2 => json!([item("FARGATE", 1), item("FARGATE_SPOT", 1)]),
        _ => json!([item("spot", 1), item("gpu", 0)]),
    }
}

/// Lets settings be on or off, and the default strategy one of each kind.
pub fn make_cluster_plausible(cluster: &mut Value, number: usize) {
    cluster["defaultCapacityProviderStrategy"] = strategies(number);
    if let Some(value) = cluster.pointer_mut("/settings/0/value") {
        *value = ["disabled", "enabled"][number % 2].into();
    }
}

/// The kinds of capacity exclude each other; each is judged with nodes of its own and without.
pub fn part_capacity(provider: &Value, number: usize) -> Vec<Value> {
    let scaling = "/autoScalingGroupProvider";
    let statuses = ["ENABLED", "DISABLED"];
    let mut varied = with(provider, &format!("{scaling}/managedScaling/status"), statuses[number % 2].into());
    for member in ["managedTerminationProtection", "managedDraining"] {
        varied = with(&varied, &format!("{scaling}/{member}"), statuses[number / 2 % 2].into());
    }
    let bare = without(&varied, "", "kubernetes");
    vec![without(&varied, "", "managedInstancesProvider"), without(&bare, "", "managedInstancesProvider"), bare]
}

/// What excludes each other, and decides about other fields: a service is judged without a `kubernetes` block with either kind of
/// load balancer, and with one of the variations, whichever `number` picks.
pub fn part_ways(service: &Value, number: usize) -> Vec<Value> {
    let group = without(service, "/loadBalancers/0", "loadBalancerName");
    let classic = without(service, "/loadBalancers/0", "targetGroupArn");
    let mut variations = ways(&group);
    variations.extend(ways(&classic));
    let connect = "/serviceConnectConfiguration/services/0";
    variations.push(with(&group, &format!("{connect}/clientAliases/0/dnsName"), "web".into()));
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
    let picked = variations.swap_remove(number % variations.len());
    vec![without(&group, "", "kubernetes"), without(&classic, "", "kubernetes"), picked]
}

/// The service with each single way to bring traffic.
fn ways(service: &Value) -> Vec<Value> {
    const MAPPING: &str = "/kubernetes/loadBalancers/0";
    let Some(mapping) = service.pointer(MAPPING).and_then(Value::as_object) else { return Vec::new() };
    let ways = mapping.iter().filter(|(_, value)| value.is_object());
    let only = |(way, settings): (&String, &Value)| {
        let mut alone = mapping.clone();
        alone.retain(|name, value| name != "targetGroupArn" && !value.is_object());
        alone.insert(way.clone(), settings.clone());
        with(service, MAPPING, Value::Object(alone))
    };
    ways.map(only).collect()
}

fn without(service: &Value, place: &str, member: &str) -> Value {
    let mut less = service.clone();
    less.pointer_mut(place).and_then(Value::as_object_mut).map(|members| members.remove(member));
    less
}

fn with(service: &Value, place: &str, value: Value) -> Value {
    let mut other = service.clone();
    if let Some(old) = other.pointer_mut(place) {
        *old = value;
    }
    other
}

/// A value with everything the schema knows; `number` picks among choices.
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
