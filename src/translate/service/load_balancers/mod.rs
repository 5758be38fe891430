//! `loadBalancers` → what brings traffic to a container port, as the service's `kubernetes.loadBalancers` chooses.
//!
//! Without a choice the target group stays what it is and gets the tasks as targets, so that its load balancer, and the
//! address that clients know, outlive the move. The other ways leave the target group behind.

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

/// What takes the place of a load balancer.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// The target group itself, with these settings if there are some.
    Binding(&'a str, Option<&'a TargetGroupBinding>),
    Http(&'a HttpRoute),
    Grpc(&'a GrpcRoute),
    Tcp(&'a TcpRoute),
    Ingress(&'a Ingress),
    Service(&'a LoadBalancerService),
    /// Nothing: it is a Classic Load Balancer and no other way is chosen.
    Nothing,
}

/// An entry of `loadBalancers` with what the `kubernetes` block says of it.
pub(crate) struct Entry<'a> {
    index: usize,
    balancer: &'a LoadBalancer,
    /// The mapping and its place in the list.
    mapping: Option<(usize, &'a LoadBalancerMapping)>,
}

/// The entries of a service.
pub(crate) fn entries(spec: &ServiceSpec) -> Vec<Entry<'_>> {
    let mappings = spec.kubernetes.iter().flat_map(|kubernetes| &kubernetes.load_balancers).enumerate();
    let of = |(index, balancer)| {
        // One that names the target group is meant before one that means all of this port.
        let mut belonging: Vec<_> = mappings.clone().filter(|(_, mapping)| belongs(mapping, balancer)).collect();
        belonging.sort_by_key(|(_, mapping)| mapping.target_group_arn.is_none());
        Entry { index, balancer, mapping: belonging.first().copied() }
    };
    spec.ecs.load_balancers.iter().enumerate().map(of).collect()
}

fn belongs(mapping: &LoadBalancerMapping, balancer: &LoadBalancer) -> bool {
    balancer.container_name.as_deref() == Some(&mapping.container_name)
        && balancer.container_port == Some(mapping.container_port)
        && (mapping.target_group_arn.is_none() || mapping.target_group_arn == balancer.target_group_arn)
}

impl<'a> Entry<'a> {
    /// Seconds that the mapping gives between leaving the load balancer and SIGTERM.
    pub(crate) fn delay(&self) -> Option<i32> {
        self.mapping?.1.deregistration_delay_seconds
    }

    /// The object that it becomes, for reports.
    fn object(&self, service: &str) -> Option<String> {
        let kind = match self.way() {
            Way::Binding(..) => "TargetGroupBinding",
            Way::Http(_) => "HTTPRoute",
            Way::Grpc(_) => "GRPCRoute",
            Way::Tcp(_) => "TCPRoute",
            Way::Ingress(_) => "Ingress",
            Way::Service(_) => "Service",
            Way::Nothing => return None,
        };
        Some(format!("{kind}/{}#", self.name(service)))
    }

    /// What tells the object from others of the service: the port, or what stands for the port and the target group that alone
    /// is meant.
    fn own_part(&self) -> String {
        let port = self.port().to_string();
        let group = self.mapping.and_then(|(_, mapping)| mapping.target_group_arn.as_deref());
        group.map_or_else(|| port.clone(), |group| fingerprint::short_hash(&format!("{group} {port}")))
    }

    fn port(&self) -> i32 {
        self.balancer.container_port.unwrap_or_default()
    }

    fn way(&self) -> Way<'a> {
        let chosen = self.mapping.and_then(|(_, mapping)| ways(mapping).into_iter().next().map(|(_, way)| way));
        let group = self.balancer.target_group_arn.as_deref().filter(|arn| !arn.is_empty());
        match (chosen, group) {
            (Some(Way::Binding(_, settings)), Some(group)) => Way::Binding(group, settings),
            (None, Some(group)) => Way::Binding(group, None),
            (Some(Way::Binding(..)) | None, None) => Way::Nothing,
            (Some(way), _) => way,
        }
    }

    /// The name of the object; the target group is part of that of a binding, which cannot get another one.
    fn name(&self, service: &str) -> String {
        let port = self.port();
        match self.way() {
            Way::Binding(group, _) => {
                let container = self.balancer.container_name.as_deref().unwrap_or_default();
                format!("{service}-{}", fingerprint::short_hash(&format!("{group} {container} {port}")))
            }
            Way::Service(_) => format!("{service}-{}-lb", self.own_part()),
            _ => format!("{service}-{}", self.own_part()),
        }
    }
}

/// The ways that a mapping chooses, of which one at most is right.
fn ways(mapping: &LoadBalancerMapping) -> Vec<(&'static str, Way<'_>)> {
    let all = [
        mapping.target_group_binding.as_ref().map(|it| ("targetGroupBinding", Way::Binding("", Some(it)))),
        mapping.http_route.as_ref().map(|it| ("httpRoute", Way::Http(it))),
        mapping.grpc_route.as_ref().map(|it| ("grpcRoute", Way::Grpc(it))),
        mapping.tcp_route.as_ref().map(|it| ("tcpRoute", Way::Tcp(it))),
        mapping.ingress.as_ref().map(|it| ("ingress", Way::Ingress(it))),
        mapping.load_balancer.as_ref().map(|it| ("loadBalancer", Way::Service(it))),
    ];
    all.into_iter().flatten().collect()
}

/// Whether some target group has nodes as targets, which need a port of their own.
pub(crate) fn needs_node_ports(task: &RenderContext<'_>) -> bool {
    let entries = task.service.map(entries).unwrap_or_default();
    entries.iter().any(
        |entry| matches!(entry.way(), Way::Binding(_, settings) if target_group_binding::is_of_nodes(task, settings)),
    )
}

/// What the load balancers of a service become.
pub(crate) fn render(task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Vec<Companion> {
    let Some(spec) = task.service else { return Vec::new() };
    let service = place.identity.service;
    let mut named = BTreeSet::new();
    let of = |entry: &Entry<'_>| {
        let metadata = place.metadata(entry.name(service));
        let rendered = match entry.way() {
            Way::Binding(group, settings) => Companion::TargetGroupBinding(target_group_binding::render(
                task, entry, group, settings, metadata, service,
            )),
            Way::Http(route) => Companion::HttpRoute(routes::http(route, entry.port(), metadata, service)),
            Way::Grpc(route) => Companion::GrpcRoute(routes::grpc(route, entry.port(), metadata, service)),
            Way::Tcp(route) => Companion::TcpRoute(routes::tcp(route, entry.port(), metadata, service)),
            Way::Ingress(given) => Companion::Ingress(ingress::render(given, entry.port(), metadata, service)),
            Way::Service(given) => {
                Companion::CoreService(Box::new(load_balancer_service::render(task, entry, given, metadata, place)))
            }
            Way::Nothing => return None,
        };
        // Two target groups of one port that share a way share its object.
        named.insert(entry.object(service)).then_some(rendered)
    };
    entries(spec).iter().filter_map(of).collect()
}

/// A list of texts, or nothing in the place of an empty one.
fn texts(given: &[String]) -> Option<Value> {
    some_list(given.to_vec()).map(Value::from)
}

/// Findings about `kubernetes.loadBalancers`.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let mappings = spec.kubernetes.iter().flat_map(|kubernetes| &kubernetes.load_balancers).enumerate();
    let at = Pointer::root().key("kubernetes").key("loadBalancers");
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, mapping) in mappings {
        let at = at.index(index);
        if !spec.ecs.load_balancers.iter().any(|balancer| belongs(mapping, balancer)) {
            let message = format!(
                "no entry of loadBalancers has the container `{}`, the port {} and, if it is given, this target group",
                mapping.container_name, mapping.container_port
            );
            found.push(Finding::error(at.clone(), "unmatched-load-balancer", message));
        }
        if !seen.insert((&mapping.container_name, mapping.container_port, &mapping.target_group_arn)) {
            let message = "an earlier entry is about the same container, port and target group";
            found.push(Finding::error(at.clone(), "repeated-load-balancer", message));
        }
        let chosen = ways(mapping);
        if let [(first, _), (second, _), ..] = chosen.as_slice() {
            let message = format!("traffic comes by one way: give {first} or {second}, not both");
            found.push(Finding::error(at.key(*second), "second-way", message));
        }
        let classic = |balancer: &LoadBalancer| belongs(mapping, balancer) && balancer.target_group_arn.is_none();
        if mapping.target_group_binding.is_some() && spec.ecs.load_balancers.iter().any(classic) {
            let message = "a Classic Load Balancer has no target group: choose another way";
            found.push(Finding::error(at.key("targetGroupBinding"), "no-target-group", message));
        }
        for (way, _) in &chosen {
            found.extend(paths(mapping, way, &at.key(*way)));
        }
    }
    found
}

fn paths(mapping: &LoadBalancerMapping, way: &str, at: &Pointer) -> Vec<Finding> {
    let paths = match way {
        "httpRoute" => mapping.http_route.as_ref().map(|route| &route.paths),
        "ingress" => mapping.ingress.as_ref().map(|ingress| &ingress.paths),
        _ => None,
    };
    let wrong = paths.into_iter().flatten().enumerate().filter(|(_, path)| !path.starts_with('/'));
    let told = wrong.map(|(index, _)| {
        Finding::error(at.key("paths").index(index), "path-without-slash", "a path begins with a slash")
    });
    told.collect()
}

/// Claims `loadBalancers`; `delay` is the number of seconds from leaving the load balancer to SIGTERM.
pub(crate) fn claim(spec: &ServiceSpec, service: &str, delay: i64, recorder: &mut VerdictRecorder) {
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
        let given = [
            ("targetGroupArn", balancer.target_group_arn.is_some()),
            ("loadBalancerName", balancer.load_balancer_name.is_some()),
        ];
        for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            claim_way(&entry, object.as_deref(), &drained(delay), path.key(field), recorder);
        }
        let Some(advanced) = &entry.balancer.advanced_configuration else { continue };
        let path = path.key("advancedConfiguration");
        let message = "traffic is not shifted between two target groups: a rolling update replaces the tasks in one, and the other \
                       and the listener rules stay as they are";
        recorder.unsupported(path.clone(), Code::TrafficNotShifted, message);
        if advanced.role_arn.is_some() {
            let message = "what registers the tasks acts with a role of its own";
            recorder.ignored(path.key("roleArn"), Code::DriverRoleUsed, message);
        }
    }
}

fn drained(delay: i64) -> String {
    format!(
        "A task that is to stop is taken out at once and its containers get SIGTERM {delay} s later \
         (kubernetes.loadBalancers[].deregistrationDelaySeconds): let the deregistration delay of the target group be the same. A \
         task that the load balancer finds unhealthy gets no traffic and stays, while ECS replaces it: give its container a healthCheck"
    )
}

fn claim_way(entry: &Entry<'_>, object: Option<&str>, drained: &str, path: Pointer, recorder: &mut VerdictRecorder) {
    let Some(object) = object else {
        let message = "nothing registers Pods with an existing Classic Load Balancer: choose what is to take its place in \
                       kubernetes.loadBalancers (httpRoute, ingress, loadBalancer …). Until then the Service of the same name has the \
                       port";
        return recorder.unsupported(path, Code::ClassicLoadBalancer, message);
    };
    let left = "what the listeners and the target group say of checks, certificates and rules is to be said there";
    let (code, field, message) = match entry.way() {
        Way::Binding(..) | Way::Nothing => (
            Code::TargetGroupBindingNeeded,
            "targetGroupARN",
            "a TargetGroupBinding registers the tasks with the target group once the AWS Load Balancer Controller is in the cluster; \
             without it choose httpRoute, grpcRoute, tcpRoute, ingress or loadBalancer in kubernetes.loadBalancers. The load \
             balancer has to be let in to the container port. Label the namespace \
             elbv2.k8s.aws/pod-readiness-gate-inject=enabled, so that a deployment waits until new tasks are healthy there, as on \
             ECS"
                .to_owned(),
        ),
        Way::Http(_) | Way::Grpc(_) | Way::Tcp(_) => (
            Code::GatewayApiNeeded,
            "rules",
            format!("a route leads to the tasks instead, once a controller of the Gateway API serves its Gateway; {left}"),
        ),
        Way::Ingress(_) => (
            Code::IngressControllerNeeded,
            "rules",
            format!("an Ingress leads to the tasks instead, once an ingress controller serves its class; {left}"),
        ),
        Way::Service(_) => (
            Code::LoadBalancerMade,
            "type",
            format!(
                "a Service of the type LoadBalancer leads to the tasks instead, at a new address, once something in the cluster makes \
                 load balancers; {left}"
            ),
        ),
    };
    recorder.needs_addon(path, code, format!("{object}/spec/{field}"), format!("{message}. {drained}"));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::translate::examine;

    fn codes(service: &Value) -> Vec<(String, &'static str)> {
        let found = examine::service(service.clone()).findings;
        found.iter().map(|finding| (finding.path.to_string(), finding.code)).collect()
    }

    fn with(mappings: &Value) -> Value {
        let balancer = |group: &str| json!({"targetGroupArn": group, "containerName": "web", "containerPort": 80});
        json!({"taskDefinition": "web", "loadBalancers": [balancer("arn:inside"), balancer("arn:outside")],
            "kubernetes": {"loadBalancers": mappings}})
    }

    #[test]
    fn a_mapping_belongs_to_an_entry_and_chooses_one_way() {
        let mapping = |more: Value| {
            let mut mapping = json!({"containerName": "web", "containerPort": 80});
            mapping.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            mapping
        };
        let fine = json!([mapping(json!({"ingress": {}})), mapping(json!({"targetGroupArn": "arn:inside"}))]);
        assert_eq!(codes(&with(&fine)), []);
        let wrong = json!([
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
        assert_eq!(codes(&with(&wrong)), expected.map(|(path, code)| (path.to_owned(), code)));
    }

    #[test]
    fn target_groups_of_one_port_share_an_object_unless_each_has_a_way_of_its_own() {
        let route = |host: &str| json!({"parentRefs": [{"name": "public"}], "hostnames": [host]});
        let mapping = |group: Value, host: &str| json!({"containerName": "web", "containerPort": 80, "targetGroupArn": group, "httpRoute": route(host)});
        let objects = |mappings: Value| {
            let spec = examine::service(with(&mappings)).spec.unwrap();
            super::entries(&spec).iter().filter_map(|entry| entry.object("web")).collect::<Vec<_>>()
        };
        let shared = objects(json!([mapping(Value::Null, "a")]));
        assert_eq!(shared, ["HTTPRoute/web-80#", "HTTPRoute/web-80#"]);
        let own = objects(json!([mapping(json!("arn:inside"), "a"), mapping(json!("arn:outside"), "b")]));
        assert_ne!(own[0], own[1]);
    }

    #[test]
    fn the_mapping_of_a_target_group_goes_before_that_of_its_port() {
        let spec = examine::service(with(&json!([
            {"containerName": "web", "containerPort": 80, "deregistrationDelaySeconds": 1},
            {"containerName": "web", "containerPort": 80, "deregistrationDelaySeconds": 2, "targetGroupArn": "arn:outside"},
        ])));
        let delays: Vec<_> = super::entries(spec.spec.as_ref().unwrap()).iter().map(super::Entry::delay).collect();
        assert_eq!(delays, [Some(1), Some(2)]);
    }
}
