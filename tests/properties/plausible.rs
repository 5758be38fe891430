//! Definitions that ECS would accept: they are generated from the schema, and contradictions are corrected.
//!
//! Values without a rule on ECS stay as generated. One definition in ten is not corrected at all.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::schema::{self, SENTINEL};
use crate::{queries, scaling};

type Object = Map<String, Value>;

/// Returns a task definition of the given family.
pub fn task_definition(family: &str, rng: &mut Rng) -> Value {
    let mut task = schema::task_definition(rng);
    task.insert("family".to_owned(), family.into());
    if rng.u32(..10) > 0 {
        Task { rng }.correct(&mut task);
        correct_nodes(task.get_mut("kubernetes"), rng);
    }
    Value::Object(task)
}

/// Replaces node labels and tolerations by valid ones.
fn correct_nodes(block: Option<&mut Value>, rng: &mut Rng) {
    let Some(block) = block.and_then(Value::as_object_mut) else { return };
    if let Some(labels) = block.get_mut("nodeSelector").and_then(Value::as_object_mut) {
        *labels = Object::from_iter([("example.com/pool".to_owned(), ["general", "a.b_c", ""][rng.usize(..3)].into())]);
    }
    for toleration in objects(block, "tolerations") {
        let choices = [json!({"operator": "Exists"}), json!({"key": "spot", "value": "yes", "effect": "NoSchedule"})];
        *toleration = choices[rng.usize(..2)].as_object().cloned().unwrap_or_default();
    }
    let providers = block.get_mut("capacityProviders").and_then(Value::as_object_mut);
    for (_, nodes) in providers.into_iter().flatten() {
        correct_nodes(Some(nodes), rng);
    }
}

/// Returns a service that runs the task definition.
pub fn service(name: &str, task_definition: &str, rng: &mut Rng) -> Value {
    let mut service = schema::service(rng);
    service.insert("serviceName".to_owned(), name.into());
    service.insert("taskDefinition".to_owned(), task_definition.into());
    if rng.u32(..10) > 0 {
        correct_service(&mut service, rng);
    }
    Value::Object(service)
}

/// Makes most services refer to ports of their task definition.
pub fn match_ports(service: &mut Value, task: &Value, rng: &mut Rng) {
    let Some(service) = service.as_object_mut().filter(|_| rng.u32(..10) > 0) else { return };
    if task.get("networkMode").and_then(Value::as_str) != Some("awsvpc") {
        service.remove("networkConfiguration");
    }
    let containers = task.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let ports = containers.flat_map(|container| {
        let mappings = container.get("portMappings").and_then(Value::as_array).into_iter().flatten();
        mappings.map(move |mapping| (container.get("name").cloned(), mapping))
    });
    let ports: Vec<_> = ports
        .filter_map(|(name, mapping)| Some((name?, mapping.get("containerPort")?, mapping.get("name")?)))
        .collect();
    let Some((container, number, name)) = rng.choice(&ports) else {
        return without(service, &["loadBalancers", "serviceRegistries", "serviceConnectConfiguration", "kubernetes"]);
    };
    let mut kubernetes = service.remove("kubernetes").unwrap_or_default();
    let empty = &mut Map::new();
    let kubernetes_members = kubernetes.as_object_mut().unwrap_or(empty);
    let named = [&mut *service, kubernetes_members].into_iter().flat_map(|holder| objects(holder, "loadBalancers"));
    for balancer in named {
        balancer.insert("containerName".to_owned(), container.clone());
        balancer.insert("containerPort".to_owned(), (*number).clone());
    }
    for registry in objects(service, "serviceRegistries") {
        registry.insert("containerName".to_owned(), container.clone());
        registry.insert("containerPort".to_owned(), (*number).clone());
    }
    let connect = service.get_mut("serviceConnectConfiguration").and_then(Value::as_object_mut);
    let connect = connect.into_iter().flat_map(|connect| objects(connect, "services"));
    connect.for_each(|port| drop(port.insert("portName".to_owned(), (*name).clone())));
    for list in ["vpcLatticeConfigurations", "gatewayConnectors"] {
        objects(service, list).for_each(|port| drop(port.insert("portName".to_owned(), (*name).clone())));
    }
    for (mapped, list) in [("loadBalancers", "loadBalancers"), ("serviceRegistries", "serviceRegistries")] {
        let count = service.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        if let Some(items) = kubernetes_members.get_mut(mapped).and_then(Value::as_array_mut) {
            items.truncate(count.min(1));
        }
    }
    for mapping in objects(kubernetes_members, "loadBalancers") {
        mapping.remove("targetGroupArn");
        let ways = ["targetGroupBinding", "httpRoute", "grpcRoute", "tcpRoute", "ingress", "loadBalancer"];
        let kept = ways[rng.usize(..ways.len())];
        mapping.retain(|name, _| name == kept || !ways.contains(&name.as_str()));
        if let Some(way) = mapping.get_mut(kept).and_then(Value::as_object_mut).filter(|way| has(way, "paths")) {
            way.insert("paths".to_owned(), json!(["/a"]));
        }
    }
    for mapping in objects(kubernetes_members, "serviceRegistries") {
        mapping.remove("registryArn");
        mapping.insert("name".to_owned(), ["jobs", "front0"][rng.usize(..2)].into());
    }
    if kubernetes.is_object() {
        service.insert("kubernetes".to_owned(), kubernetes);
    }
}

/// Returns a cluster of the given name.
pub fn cluster(name: &str, rng: &mut Rng) -> Value {
    let mut cluster = schema::cluster(rng);
    cluster.insert("clusterName".to_owned(), name.into());
    if rng.u32(..10) > 0 {
        correct_providers(&mut cluster, "defaultCapacityProviderStrategy");
        distinct(&mut cluster, "tags", "key");
        correct_nodes(cluster.get_mut("kubernetes"), rng);
    }
    Value::Object(cluster)
}

/// The objects in the list `name`.
fn objects<'a>(object: &'a mut Object, name: &str) -> impl Iterator<Item = &'a mut Object> {
    let items = object.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn has(object: &Object, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

fn is(object: &Object, name: &str, text: &str) -> bool {
    object.get(name).and_then(Value::as_str) == Some(text)
}

fn without(object: &mut Object, names: &[&str]) {
    for name in names {
        object.remove(*name);
    }
}

/// Gives each object in a list a different name.
fn distinct(object: &mut Object, list: &str, name: &str) {
    for (number, item) in objects(object, list).enumerate() {
        item.insert(name.to_owned(), format!("name-{number}").into());
    }
}

struct Task<'a> {
    rng: &'a mut Rng,
}

impl Task<'_> {
    fn correct(&mut self, task: &mut Object) {
        let mode = ["bridge", "awsvpc", "host", "none", "fargate", "fargate"][self.rng.usize(..6)];
        let fargate = mode == "fargate";
        let compatible = if fargate { json!(["FARGATE"]) } else { json!(["EC2"]) };
        task.insert("networkMode".to_owned(), if fargate { "awsvpc" } else { mode }.into());
        task.insert("requiresCompatibilities".to_owned(), compatible);
        if mode == "bridge" && self.rng.bool() {
            without(task, &["networkMode", "requiresCompatibilities"]);
        }
        self.volumes(task, fargate);
        let volumes = objects(task, "volumes").filter_map(|volume| volume.get("name")?.as_str().map(str::to_owned));
        let volumes: Vec<String> = volumes.collect();
        self.containers(task, mode, &volumes);
        self.size(task, fargate);
        let first = task.get("containerDefinitions").and_then(|list| list.pointer("/0/name")).cloned();
        if let Some(proxy) = task.get_mut("proxyConfiguration").and_then(Value::as_object_mut) {
            proxy.insert("containerName".to_owned(), first.unwrap_or_default());
            let names = ["AppPorts", "EgressIgnoredIPs", "ProxyEgressPort", "ProxyIngressPort", "IgnoredUID"];
            let choices = names.map(|name| json!({"name": name, "value": "1337"}));
            proxy.insert("properties".to_owned(), choices.to_vec().into());
        }
        if !["awsvpc", "fargate"].contains(&mode) {
            without(task, &["proxyConfiguration"]);
        }
        for constraint in objects(task, "placementConstraints") {
            constraint.insert("expression".to_owned(), queries::expression(self.rng).into());
        }
        distinct(task, "tags", "key");
        if fargate {
            without(task, &["ipcMode", "placementConstraints"]);
            if is(task, "pidMode", "host") {
                task.insert("pidMode".to_owned(), "task".into());
            }
            without(task, &["runtimePlatform"]);
        }
    }

    /// Sets CPU and memory of the task to enough for its containers.
    fn size(&mut self, task: &mut Object, fargate: bool) {
        let sizes = [("256", "512"), (".25 vCPU", "1 GB"), ("1024", "2048"), ("4 vCPU", "30GB")];
        let (cpu, memory) = sizes[self.rng.usize(..4)];
        if fargate || self.rng.bool() {
            task.insert("cpu".to_owned(), cpu.into());
            task.insert("memory".to_owned(), memory.into());
        } else {
            without(task, &["cpu", "memory"]);
            for container in objects(task, "containerDefinitions") {
                container.insert("memory".to_owned(), 32.into());
            }
        }
        for container in objects(task, "containerDefinitions") {
            if has(container, "cpu") {
                container.insert("cpu".to_owned(), [0, 1, 10, 32][self.rng.usize(..4)].into());
            }
            if has(container, "memory") {
                container.insert("memory".to_owned(), [32, 64][self.rng.usize(..2)].into());
            }
            if has(container, "memoryReservation") {
                container.insert("memoryReservation".to_owned(), 16.into());
            }
        }
    }

    fn volumes(&mut self, task: &mut Object, fargate: bool) {
        let mut at_launch = false;
        for (number, volume) in objects(task, "volumes").enumerate() {
            volume.insert("name".to_owned(), format!("{}{number}", ["data", "Data_"][self.rng.usize(..2)]).into());
            let mut sources: Vec<String> = volume.keys().filter(|name| *name != "name").cloned().collect();
            sources.retain(|name| volume[name] != Value::Bool(false));
            if fargate {
                sources.retain(|name| !name.starts_with("docker") && !name.starts_with("fsx"));
            }
            sources.retain(|name| name != "configuredAtLaunch" || !at_launch);
            let kept = self.rng.choice(&sources).cloned();
            at_launch |= kept.as_deref() == Some("configuredAtLaunch");
            volume.retain(|name, _| name == "name" || Some(name) == kept.as_ref());
            if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut) {
                efs.insert("transitEncryption".to_owned(), "ENABLED".into());
                efs.remove("rootDirectory");
            }
            if let Some(host) = volume.get_mut("host").and_then(Value::as_object_mut).filter(|_| fargate) {
                host.clear();
            }
        }
    }

    fn containers(&mut self, task: &mut Object, mode: &str, volumes: &[String]) {
        let mut before: Vec<Object> = Vec::new();
        let mut ports = 1;
        let mut router = false;
        // The task agent needs the commands of all containers.
        let known = self.rng.bool();
        let count = task.get("containerDefinitions").and_then(Value::as_array).map_or(0, Vec::len);
        for (number, container) in objects(task, "containerDefinitions").enumerate() {
            container.insert("name".to_owned(), format!("{}{number}", ["app", "App_"][self.rng.usize(..2)]).into());
            let image = ["nginx", "nginx:1", "host:5000/a/b", "a@sha256:0"][self.rng.usize(..4)];
            container.insert("image".to_owned(), image.into());
            if known {
                container.insert("entryPoint".to_owned(), json!(["/bin/run", "$(x) $$"]));
            }
            if number + 1 == count {
                container.insert("essential".to_owned(), true.into());
            }
            self.health(container);
            self.environment(container);
            self.depend(container, &before, mode == "bridge");
            self.mounts(container, volumes);
            self.ports(container, mode, &mut ports);
            self.logs(container, &mut router);
            self.limits(container, mode);
            before.push(container.clone());
        }
        if router && let Some(last) = objects(task, "containerDefinitions").last() {
            let options = json!({"Name": "http", "@type": "http", "apikey": SENTINEL, "uri": format!("a\n{SENTINEL}")});
            last.insert("logConfiguration".to_owned(), json!({"logDriver": "awsfirelens", "options": options}));
        }
    }

    fn health(&mut self, container: &mut Object) {
        let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) else { return };
        let secret = format!("{SENTINEL}{}", self.rng.u32(..1_000_000));
        let command = match self.rng.u32(..4) {
            0 => json!(["CMD", "/check", secret]),
            1 => json!(["NONE"]),
            _ => json!(["CMD-SHELL", format!("curl -u {secret} localhost || exit 1")]),
        };
        check.insert("command".to_owned(), command);
    }

    fn environment(&mut self, container: &mut Object) {
        let names = ["A", "PASSWORD", "b.c", "D E"];
        for pair in objects(container, "environment") {
            pair.insert("name".to_owned(), names[self.rng.usize(..4)].into());
        }
        distinct(container, "secrets", "name");
        for file in objects(container, "environmentFiles") {
            file.insert("value".to_owned(), "arn:aws:s3:::bucket/app.env".into());
        }
    }

    /// Makes containers depend on earlier ones only, so that there are no cycles.
    fn depend(&mut self, container: &mut Object, before: &[Object], links: bool) {
        let lists = ["dependsOn", "links", "volumesFrom"];
        if before.is_empty() || (!links && self.rng.u32(..3) == 0) {
            return without(container, &lists);
        }
        for dependency in objects(container, "dependsOn") {
            let other = &before[self.rng.usize(..before.len())];
            let mut conditions = vec!["START"];
            if has(other, "healthCheck") {
                conditions.push("HEALTHY");
            }
            if other.get("essential") == Some(&false.into()) {
                conditions.extend(["COMPLETE", "SUCCESS"]);
            }
            dependency.insert("containerName".to_owned(), other["name"].clone());
            dependency.insert("condition".to_owned(), conditions[self.rng.usize(..conditions.len())].into());
        }
        let other = before[self.rng.usize(..before.len())]["name"].as_str().unwrap_or_default();
        for from in objects(container, "volumesFrom") {
            from.insert("sourceContainer".to_owned(), other.into());
        }
        if links && has(container, "links") {
            container.insert("links".to_owned(), json!([format!("{other}:alias")]));
        } else {
            container.remove("links");
        }
    }

    fn mounts(&mut self, container: &mut Object, volumes: &[String]) {
        if volumes.is_empty() {
            return without(container, &["mountPoints"]);
        }
        for (number, mount) in objects(container, "mountPoints").enumerate() {
            mount.insert("sourceVolume".to_owned(), volumes[self.rng.usize(..volumes.len())].clone().into());
            mount.insert("containerPath".to_owned(), format!("/mnt/{number}").into());
        }
    }

    fn ports(&mut self, container: &mut Object, mode: &str, next: &mut i32) {
        if mode == "none" {
            return without(container, &["portMappings"]);
        }
        for mapping in objects(container, "portMappings") {
            let port = if mode == "bridge" && self.rng.u32(..3) == 0 { 80 } else { *next };
            *next += 1;
            if mode != "host" && self.rng.u32(..6) == 0 {
                without(mapping, &["containerPort", "hostPort"]);
                mapping.insert("containerPortRange".to_owned(), "8000-8010".into());
                continue;
            }
            mapping.remove("containerPortRange");
            mapping.insert("name".to_owned(), format!("port-{next}").into());
            mapping.insert("containerPort".to_owned(), port.into());
            if has(mapping, "hostPort") {
                mapping.insert("hostPort".to_owned(), if mode == "bridge" { *next + 8000 } else { port }.into());
                if mode == "bridge" && self.rng.bool() {
                    mapping.insert("hostPort".to_owned(), 0.into());
                }
            }
        }
    }

    fn logs(&mut self, container: &mut Object, router: &mut bool) {
        if *router {
            container.remove("firelensConfiguration");
        }
        *router |= has(container, "firelensConfiguration");
        let Some(logs) = container.get_mut("logConfiguration").and_then(Value::as_object_mut) else { return };
        logs.insert("logDriver".to_owned(), ["awslogs", "splunk"][self.rng.usize(..2)].into());
        let secret = |name: &str| (name.to_owned(), Value::from(format!("{SENTINEL}-{name}")));
        let options = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix", "splunk-token"].map(secret);
        logs.insert("options".to_owned(), Value::Object(options.into_iter().collect()));
    }

    fn limits(&mut self, container: &mut Object, mode: &str) {
        if matches!(mode, "awsvpc" | "fargate") {
            without(container, &["hostname", "extraHosts"]);
        }
        if mode != "fargate" {
            return;
        }
        without(container, &["disableNetworking", "dnsSearchDomains", "dnsServers", "dockerSecurityOptions"]);
        without(container, &["privileged", "resourceRequirements"]);
        for timeout in ["startTimeout", "stopTimeout"] {
            if has(container, timeout) {
                container.insert(timeout.to_owned(), self.rng.i32(..120).max(0).into());
            }
        }
        if let Some(linux) = container.get_mut("linuxParameters").and_then(Value::as_object_mut) {
            without(linux, &["devices", "maxSwap", "sharedMemorySize", "swappiness"]);
            if let Some(capabilities) = linux.get_mut("capabilities").and_then(Value::as_object_mut) {
                capabilities.insert("add".to_owned(), json!(["SYS_PTRACE"]));
            }
        }
    }
}

fn correct_providers(object: &mut Object, list: &str) {
    for (number, item) in objects(object, list).enumerate() {
        item.insert("capacityProvider".to_owned(), format!("provider-{number}").into());
        item.insert("weight".to_owned(), 1.into());
        item.insert("base".to_owned(), 0.into());
    }
}

fn correct_service(service: &mut Object, rng: &mut Rng) {
    let daemon = rng.u32(..12) == 0;
    service.insert("schedulingStrategy".to_owned(), if daemon { "DAEMON" } else { "REPLICA" }.into());
    if has(service, "launchType") {
        service.remove("capacityProviderStrategy");
        service.insert("launchType".to_owned(), ["EC2", "EXTERNAL"][rng.usize(..2)].into());
    }
    correct_providers(service, "capacityProviderStrategy");
    if let Some(configuration) = service.get_mut("deploymentConfiguration").and_then(Value::as_object_mut) {
        if has(configuration, "minimumHealthyPercent") {
            configuration.insert("minimumHealthyPercent".to_owned(), [0, 50, 100][rng.usize(..3)].into());
        }
        if has(configuration, "maximumPercent") {
            configuration.insert("maximumPercent".to_owned(), [100, 150, 200][rng.usize(..3)].into());
        }
    }
    if daemon {
        without(service, &["placementStrategy", "volumeConfigurations", "deploymentController"]);
        service.remove("deploymentConfiguration");
    }
    without(service, &["availabilityZoneRebalancing"]);
    scaling::correct(service, daemon, rng);
    for balancer in objects(service, "loadBalancers") {
        balancer.remove("loadBalancerName");
        balancer.insert("targetGroupArn".to_owned(), "arn:aws:elasticloadbalancing:r:1:targetgroup/a/b".into());
        balancer.insert("containerName".to_owned(), "app0".into());
        balancer.insert("containerPort".to_owned(), 80.into());
    }
    for list in ["serviceRegistries", "volumeConfigurations"] {
        if let Some(items) = service.get_mut(list).and_then(Value::as_array_mut) {
            items.truncate(1);
        }
    }
    for registry in objects(service, "serviceRegistries") {
        registry.remove("port");
    }
    for volume in objects(service, "volumeConfigurations") {
        if let Some(ebs) = volume.get_mut("managedEBSVolume").and_then(Value::as_object_mut) {
            ebs.insert("sizeInGiB".to_owned(), 10.into());
        }
    }
    for constraint in objects(service, "placementConstraints") {
        constraint.remove("expression");
        if !is(constraint, "type", "distinctInstance") {
            constraint.insert("expression".to_owned(), queries::expression(rng).into());
        }
    }
    for step in objects(service, "placementStrategy") {
        let field = if is(step, "type", "binpack") { "cpu" } else { "attribute:ecs.availability-zone" };
        step.insert("field".to_owned(), field.into());
    }
    let network = service.get_mut("networkConfiguration").and_then(|network| network.get_mut("awsvpcConfiguration"));
    if let Some(network) = network.and_then(Value::as_object_mut) {
        network.insert("subnets".to_owned(), json!(["subnet-1"]));
    }
    distinct(service, "tags", "key");
}
