//! `loadBalancers` → an object that sends traffic to a container port, selected by `kubernetes.loadBalancers` of the service.
//!
//! By default the target group remains and the tasks become its targets, so that the load balancer and its address survive the
//! migration. The other objects replace the target group.

mod ingress;
mod load_balancer_service;
mod routes;
mod target_group_binding;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{
    GrpcRoute, HttpRoute, Ingress, LoadBalancerMapping, LoadBalancerService, ServiceSpec, TargetGroupBinding, TcpRoute,
};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::service::LoadBalancer;
use crate::k8s::fingerprint;
use crate::translate::conversions::some_list;
use crate::translate::service::companion::Companion;
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder, target};

/// Replacement of a load balancer.
#[derive(Clone, Copy)]
enum Replacement<'a> {
    /// The target group itself, with optional settings.
    Binding(&'a str, Option<&'a TargetGroupBinding>),
    Http(&'a HttpRoute),
    Grpc(&'a GrpcRoute),
    Tcp(&'a TcpRoute),
    Ingress(&'a Ingress),
    Service(&'a LoadBalancerService),
    /// No replacement: a Classic Load Balancer without a mapping.
    None,
}

/// LoadBalancerEntry of `loadBalancers` with its mapping in the `kubernetes` block.
pub(crate) struct LoadBalancerEntry<'a> {
    index: usize,
    balancer: &'a LoadBalancer,
    /// The mapping and its index in the list.
    mapping: Option<(usize, &'a LoadBalancerMapping)>,
}

/// Returns the load balancers of a service with their mappings.
pub(crate) fn entries(spec: &ServiceSpec) -> Vec<LoadBalancerEntry<'_>> {
    let mappings = spec.kubernetes.iter().flat_map(|kubernetes| &kubernetes.load_balancers).enumerate();
    let entries = spec.ecs.load_balancers.iter().enumerate().map(|(index, balancer)| {
        // A mapping with a target group takes precedence over one for all target groups of the port.
        let matching = mappings.clone().filter(|(_, mapping)| belongs(mapping, balancer));
        LoadBalancerEntry { index, balancer, mapping: matching.min_by_key(|(_, it)| it.target_group_arn.is_none()) }
    });
    entries.collect()
}

fn belongs(mapping: &LoadBalancerMapping, balancer: &LoadBalancer) -> bool {
    balancer.container_name.as_deref() == Some(&mapping.container_name)
        && balancer.container_port == Some(mapping.container_port)
        && (mapping.target_group_arn.is_none() || mapping.target_group_arn == balancer.target_group_arn)
}

impl<'a> LoadBalancerEntry<'a> {
    /// Returns the configured delay between deregistration and SIGTERM, in seconds.
    pub(crate) fn delay(&self) -> Option<i32> {
        self.mapping?.1.deregistration_delay_seconds
    }

    /// Returns the resulting object, for reports.
    fn object(&self, service: &str) -> Option<String> {
        let kind = match self.replacement() {
            Replacement::Binding(..) => "TargetGroupBinding",
            Replacement::Http(_) => "HTTPRoute",
            Replacement::Grpc(_) => "GRPCRoute",
            Replacement::Tcp(_) => "TCPRoute",
            Replacement::Ingress(_) => "Ingress",
            Replacement::Service(_) => "Service",
            Replacement::None => return None,
        };
        Some(format!("{kind}/{}#", self.name(service)))
    }

    /// Returns a suffix that is unique among the objects of the service: the port, or a hash of port and target group if the
    /// mapping names the target group.
    fn suffix(&self) -> String {
        let port = self.port();
        match self.mapping.and_then(|(_, mapping)| mapping.target_group_arn.as_deref()) {
            Some(group) => fingerprint::short_hash(&format!("{group} {port}")),
            None => port.to_string(),
        }
    }

    fn port(&self) -> i32 {
        self.balancer.container_port.unwrap_or_default()
    }

    fn replacement(&self) -> Replacement<'a> {
        let configured = self.mapping.and_then(|(_, mapping)| replacements(mapping).into_iter().next());
        let group = self.balancer.target_group_arn.as_deref().filter(|arn| !arn.is_empty());
        match (configured.map(|(_, replacement)| replacement), group) {
            (Some(Replacement::Binding(_, settings)), Some(group)) => Replacement::Binding(group, settings),
            (None, Some(group)) => Replacement::Binding(group, None),
            (Some(Replacement::Binding(..)) | None, None) => Replacement::None,
            (Some(replacement), _) => replacement,
        }
    }

    /// Returns the name of the object. The name of a binding contains the target group, which is immutable.
    fn name(&self, service: &str) -> String {
        let port = self.port();
        match self.replacement() {
            Replacement::Binding(group, _) => {
                let container = self.balancer.container_name.as_deref().unwrap_or_default();
                format!("{service}-{}", fingerprint::short_hash(&format!("{group} {container} {port}")))
            }
            Replacement::Service(_) => format!("{service}-{}-lb", self.suffix()),
            _ => format!("{service}-{}", self.suffix()),
        }
    }
}

/// Returns the replacements of a mapping by field. A valid mapping has at most one.
fn replacements(mapping: &LoadBalancerMapping) -> Vec<(&'static str, Replacement<'_>)> {
    let all = [
        mapping.target_group_binding.as_ref().map(|it| ("targetGroupBinding", Replacement::Binding("", Some(it)))),
        mapping.http_route.as_ref().map(|it| ("httpRoute", Replacement::Http(it))),
        mapping.grpc_route.as_ref().map(|it| ("grpcRoute", Replacement::Grpc(it))),
        mapping.tcp_route.as_ref().map(|it| ("tcpRoute", Replacement::Tcp(it))),
        mapping.ingress.as_ref().map(|it| ("ingress", Replacement::Ingress(it))),
        mapping.load_balancer.as_ref().map(|it| ("loadBalancer", Replacement::Service(it))),
    ];
    all.into_iter().flatten().collect()
}

/// True if a target group has nodes as targets, which receive traffic at a node port.
pub(crate) fn needs_node_ports(task: &RenderContext<'_>) -> bool {
    let entries = task.service.map(entries).unwrap_or_default();
    entries.iter().any(|entry| {
        matches!(entry.replacement(), Replacement::Binding(_, settings) if target_group_binding::targets_nodes(task, settings))
    })
}

/// True if a target group remains.
pub(crate) fn has_target_group_binding(task: &RenderContext<'_>) -> bool {
    let entries = task.service.map(entries).unwrap_or_default();
    entries.iter().any(|entry| matches!(entry.replacement(), Replacement::Binding(..)))
}

/// Renders the replacements of the load balancers of a service.
pub(crate) fn render(task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Vec<Companion> {
    let Some(spec) = task.service else { return Vec::new() };
    let service = context.identity.service;
    // Two target groups of one port share the object of a common mapping.
    let mut objects = BTreeSet::new();
    let entries = entries(spec).into_iter().filter(|entry| objects.insert(entry.object(service)));
    let rendered = entries.filter_map(|entry| {
        let metadata = context.metadata(entry.name(service));
        let port = entry.port();
        Some(match entry.replacement() {
            Replacement::Binding(group, settings) => Companion::TargetGroupBinding(target_group_binding::render(
                task, &entry, group, settings, metadata, service,
            )),
            Replacement::Http(route) => Companion::HttpRoute(routes::http(route, port, metadata, service)),
            Replacement::Grpc(route) => Companion::GrpcRoute(routes::grpc(route, port, metadata, service)),
            Replacement::Tcp(route) => Companion::TcpRoute(routes::tcp(route, port, metadata, service)),
            Replacement::Ingress(ingress) => Companion::Ingress(ingress::render(ingress, port, metadata, service)),
            Replacement::Service(settings) => Companion::CoreService(Box::new(load_balancer_service::render(
                task, &entry, settings, metadata, context,
            ))),
            Replacement::None => return None,
        })
    });
    rendered.collect()
}

/// Returns a list of strings; `None` if it is empty.
fn strings(list: &[String]) -> Option<Value> {
    some_list(list.to_vec()).map(Value::from)
}

/// Returns findings about `kubernetes.loadBalancers`.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let mappings = spec.kubernetes.iter().flat_map(|kubernetes| &kubernetes.load_balancers).enumerate();
    let at = Pointer::root().key("kubernetes").key("loadBalancers");
    let mut findings = Vec::new();
    let mut keys = BTreeSet::new();
    for (index, mapping) in mappings {
        let at = at.index(index);
        if !spec.ecs.load_balancers.iter().any(|balancer| belongs(mapping, balancer)) {
            let message = format!(
                "no entry of loadBalancers has the container `{}`, the port {} and the target group, if set",
                mapping.container_name, mapping.container_port
            );
            findings.push(Finding::error(at.clone(), "unmatched-load-balancer", message));
        }
        if !keys.insert((&mapping.container_name, mapping.container_port, &mapping.target_group_arn)) {
            let message = "an earlier entry has the same container, port and target group";
            findings.push(Finding::error(at.clone(), "repeated-load-balancer", message));
        }
        let replacements = replacements(mapping);
        if let [(first, _), (second, _), ..] = replacements.as_slice() {
            let message = format!("only one of {first} and {second} is allowed");
            findings.push(Finding::error(at.key(*second), "second-way", message));
        }
        let is_classic = |balancer: &LoadBalancer| belongs(mapping, balancer) && balancer.target_group_arn.is_none();
        if mapping.target_group_binding.is_some() && spec.ecs.load_balancers.iter().any(is_classic) {
            let message = "a Classic Load Balancer has no target group: use httpRoute, grpcRoute, tcpRoute, ingress or loadBalancer";
            findings.push(Finding::error(at.key("targetGroupBinding"), "no-target-group", message));
        }
        for (field, _) in &replacements {
            findings.extend(path_findings(mapping, field, &at.key(*field)));
        }
    }
    findings
}

fn path_findings(mapping: &LoadBalancerMapping, field: &str, at: &Pointer) -> Vec<Finding> {
    let paths = match field {
        "httpRoute" => mapping.http_route.as_ref().map(|route| &route.paths),
        "ingress" => mapping.ingress.as_ref().map(|ingress| &ingress.paths),
        _ => None,
    };
    let invalid = paths.into_iter().flatten().enumerate().filter(|(_, path)| !path.starts_with('/'));
    let findings = invalid.map(|(index, _)| {
        Finding::error(at.key("paths").index(index), "path-without-slash", "a path must begin with a slash")
    });
    findings.collect()
}

/// Records verdicts on `loadBalancers`; `delay` is the number of seconds between deregistration and SIGTERM.
pub(crate) fn record(spec: &ServiceSpec, service: &str, delay: i64, recorder: &mut VerdictRecorder) {
    for entry in entries(spec) {
        let path = Pointer::root().key("loadBalancers").index(entry.index);
        for field in ["containerName", "containerPort"] {
            recorder.exact(path.key(field), format!("Service/{service}#/spec/ports"));
        }
        let object = entry.object(service);
        if let (Some((index, mapping)), Some(object)) = (entry.mapping, &object) {
            let path = Pointer::root().key("kubernetes").key("loadBalancers").index(index);
            recorder.exact(path.clone(), format!("{object}/spec"));
            if mapping.deregistration_delay_seconds.is_some() {
                let target = target::workload(&spec.ecs, service, "/spec/template/spec/containers");
                recorder.exact(path.key("deregistrationDelaySeconds"), target);
            }
        }
        let balancer = entry.balancer;
        let fields = [
            ("targetGroupArn", balancer.target_group_arn.is_some()),
            ("loadBalancerName", balancer.load_balancer_name.is_some()),
        ];
        for (field, _) in fields.into_iter().filter(|(_, is_set)| *is_set) {
            record_replacement(&entry, object.as_deref(), &delay_message(delay), path.key(field), recorder);
        }
        let Some(advanced) = &entry.balancer.advanced_configuration else { continue };
        let path = path.key("advancedConfiguration");
        let message = "traffic does not shift between two target groups: a rolling update replaces the tasks in one; the other and the \
                       listener rules do not change";
        recorder.unsupported(path.clone(), Code::TrafficNotShifted, message);
        if advanced.role_arn.is_some() {
            let message = "the component that registers the tasks uses its own role";
            recorder.ignored(path.key("roleArn"), Code::DriverRoleUsed, message);
        }
    }
}

fn delay_message(delay: i64) -> String {
    format!(
        "A task that stops is deregistered at once and its containers get SIGTERM {delay} s later \
         (kubernetes.loadBalancers[].deregistrationDelaySeconds): set the deregistration delay of the target group to the same value. A \
         task that fails the checks of the load balancer gets no traffic but is not replaced, as ECS does: add a healthCheck to its \
         container"
    )
}

fn record_replacement(
    entry: &LoadBalancerEntry<'_>,
    object: Option<&str>,
    delay_message: &str,
    path: Pointer,
    recorder: &mut VerdictRecorder,
) {
    let Some(object) = object else {
        let message = "tasks cannot be registered with an existing Classic Load Balancer: set a replacement in kubernetes.loadBalancers \
                       (httpRoute, grpcRoute, tcpRoute, ingress or loadBalancer). Until then the core Service of the service has the port";
        return recorder.unsupported(path, Code::ClassicLoadBalancer, message);
    };
    let settings = "configure checks, certificates and rules there";
    let (code, field, message) = match entry.replacement() {
        Replacement::Binding(..) | Replacement::None => (
            Code::TargetGroupBindingNeeded,
            "targetGroupARN",
            "a TargetGroupBinding registers the tasks with the target group once the AWS Load Balancer Controller is installed; without \
             it set httpRoute, grpcRoute, tcpRoute, ingress or loadBalancer in kubernetes.loadBalancers. Allow traffic from the load \
             balancer to the container port. Label the namespace elbv2.k8s.aws/pod-readiness-gate-inject=enabled, so that a \
             deployment waits until new tasks are healthy in the target group, as on ECS"
                .to_owned(),
        ),
        Replacement::Http(_) | Replacement::Grpc(_) | Replacement::Tcp(_) => (
            Code::GatewayApiNeeded,
            "rules",
            format!("a route sends traffic to the tasks once a controller of the Gateway API serves its Gateway; {settings}"),
        ),
        Replacement::Ingress(_) => (
            Code::IngressControllerNeeded,
            "rules",
            format!("an Ingress sends traffic to the tasks once an ingress controller serves its class; {settings}"),
        ),
        Replacement::Service(_) => (
            Code::LoadBalancerMade,
            "type",
            format!(
                "a Service of type LoadBalancer sends traffic to the tasks, at a new address, once the cluster has a load balancer \
                 controller; {settings}"
            ),
        ),
    };
    recorder.needs_addon(path, code, format!("{object}/spec/{field}"), format!("{message}. {delay_message}"));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::translate::examine;

    fn codes(service: &Value) -> Vec<(String, &'static str)> {
        let findings = examine::service(service.clone()).findings;
        findings.iter().map(|finding| (finding.path.to_string(), finding.code)).collect()
    }

    fn with(mappings: &Value) -> Value {
        let balancer = |group: &str| json!({"targetGroupArn": group, "containerName": "web", "containerPort": 80});
        json!({"taskDefinition": "web", "loadBalancers": [balancer("arn:inside"), balancer("arn:outside")],
            "kubernetes": {"loadBalancers": mappings}})
    }

    #[test]
    fn a_mapping_matches_an_entry_and_has_one_replacement() {
        let mapping = |more: Value| {
            let mut mapping = json!({"containerName": "web", "containerPort": 80});
            mapping.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            mapping
        };
        let valid = json!([mapping(json!({"ingress": {}})), mapping(json!({"targetGroupArn": "arn:inside"}))]);
        assert_eq!(codes(&with(&valid)), []);
        let invalid = json!([
            mapping(json!({"containerPort": 81})),
            mapping(json!({"targetGroupArn": "arn:other"})),
            mapping(json!({"ingress": {"paths": ["a"]}, "loadBalancer": {}})),
            mapping(json!({})),
        ]);
        let expected = [
            ("/kubernetes/loadBalancers/0", "unmatched-load-balancer"),
            ("/kubernetes/loadBalancers/1", "unmatched-load-balancer"),
            ("/kubernetes/loadBalancers/2/ingress/paths/0", "path-without-slash"),
            ("/kubernetes/loadBalancers/2/loadBalancer", "second-way"),
            ("/kubernetes/loadBalancers/3", "repeated-load-balancer"),
        ];
        assert_eq!(codes(&with(&invalid)), expected.map(|(path, code)| (path.to_owned(), code)));
    }

    #[test]
    fn target_groups_of_one_port_share_an_object_unless_each_has_a_mapping() {
        let route = |host: &str| json!({"parentRefs": [{"name": "public"}], "hostnames": [host]});
        let mapping = |group: Value, host: &str| json!({"containerName": "web", "containerPort": 80, "targetGroupArn": group, "httpRoute": route(host)});
        let objects = |mappings: Value| {
            let spec = examine::service(with(&mappings)).spec.unwrap();
            super::entries(&spec).iter().filter_map(|entry| entry.object("web")).collect::<Vec<_>>()
        };
        let shared = objects(json!([mapping(Value::Null, "a")]));
        assert_eq!(shared, ["HTTPRoute/web-80#", "HTTPRoute/web-80#"]);
        let separate = objects(json!([mapping(json!("arn:inside"), "a"), mapping(json!("arn:outside"), "b")]));
        assert_ne!(separate[0], separate[1]);
    }

    #[test]
    fn the_mapping_of_a_target_group_takes_precedence() {
        let spec = examine::service(with(&json!([
            {"containerName": "web", "containerPort": 80, "deregistrationDelaySeconds": 1},
            {"containerName": "web", "containerPort": 80, "deregistrationDelaySeconds": 2, "targetGroupArn": "arn:outside"},
        ])));
        let delays: Vec<_> =
            super::entries(spec.spec.as_ref().unwrap()).iter().map(super::LoadBalancerEntry::delay).collect();
        assert_eq!(delays, [Some(1), Some(2)]);
    }
}
