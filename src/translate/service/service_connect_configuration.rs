//! `serviceConnectConfiguration` → core Services under the names that callers use.
//!
//! There is no proxy: a name leads to the address of a Service, behind which each connection goes to some healthy task.
//! Retries, outlier detection and limits on requests are those of a service mesh, where the cluster has one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service as CoreService, ServicePort, ServiceSpec as CoreServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use crate::api::ServiceSpec;
use crate::ecs::finding::Finding;
use crate::ecs::service::{ServiceConnectConfiguration, ServiceConnectService};
use crate::ecs::task_definition::{ApplicationProtocol, PortMapping};
use crate::ecs::{self, Pointer};
use crate::k8s::{UntypedObject, names};
use crate::translate::container::port_mappings;
use crate::translate::service::dns_advice;
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder, service, target};

/// Seconds that the proxy of Service Connect gives a request where the service gives none.
const REQUEST_TIMEOUT: i32 = 15;

/// The name of a port that others call.
struct Name<'a> {
    index: usize,
    given: &'a ServiceConnectService,
    /// The first part of the name; none when no Service can have it.
    service: Option<String>,
    /// What comes after the first dot.
    domain: Option<&'a str>,
    /// The port that callers use, where there is an alias.
    port: Option<i32>,
}

/// A name of the service with the port of the task behind it.
pub(crate) struct Alias<'a> {
    /// The core Service of that name.
    pub(crate) service: String,
    port: i32,
    target: i32,
    mapping: &'a PortMapping,
    given: &'a ServiceConnectService,
    index: usize,
}

fn names(service: &ecs::Service) -> Vec<Name<'_>> {
    let Some(connect) = service.service_connect_configuration.as_ref().filter(|connect| connect.enabled) else {
        return Vec::new();
    };
    connect.services.iter().enumerate().map(|(index, given)| name(connect, index, given)).collect()
}

/// The name of the alias, or `<discoveryName>.<namespace>`.
fn name<'a>(connect: &'a ServiceConnectConfiguration, index: usize, given: &'a ServiceConnectService) -> Name<'a> {
    let alias = given.client_aliases.first();
    let discovery = given.discovery_name.as_deref().unwrap_or(&given.port_name);
    let (first, domain) = match alias.and_then(|alias| alias.dns_name.as_deref()).filter(|name| !name.is_empty()) {
        Some(name) => name.split_once('.').map_or((name, None), |(first, domain)| (first, Some(domain))),
        None => (discovery, connect.namespace.as_deref().map(namespace_name)),
    };
    let first = first.to_ascii_lowercase();
    let fits = names::is_label(&first) && first.starts_with(|c: char| c.is_ascii_lowercase());
    let port = alias.map(|alias| alias.port).filter(|port| *port > 0);
    Name { index, given, service: fits.then_some(first), domain, port }
}

/// A namespace is given by its name or by its ARN, which says an id.
fn namespace_name(given: &str) -> &str {
    if given.starts_with("arn:") { "" } else { given }
}

/// The names of a service whose ports the task has.
pub(crate) fn aliases<'a>(task: &RenderContext<'a>) -> Vec<Alias<'a>> {
    let Some(spec) = task.service else { return Vec::new() };
    let mappings = || task.definition.container_definitions.iter().flat_map(|container| &container.port_mappings);
    let of = |name: Name<'a>| {
        let mapping = mappings().find(|mapping| mapping.name.as_ref() == Some(&name.given.port_name))?;
        let (target, _) = port_mappings::bounds(mapping)?;
        let port = name.port.unwrap_or(target);
        Some(Alias { service: name.service?, port, target, mapping, given: name.given, index: name.index })
    };
    names(&spec.ecs).into_iter().filter_map(of).collect()
}

impl Alias<'_> {
    fn port(&self) -> ServicePort {
        let named = service::of_mapping(self.port, Some(self.mapping));
        ServicePort { target_port: Some(IntOrString::Int(self.target)), ..named }
    }

    /// Adds the port; one of the same number that leads elsewhere gives way.
    pub(crate) fn add_to(&self, ports: &mut Vec<ServicePort>) {
        let port = self.port();
        match ports.iter_mut().find(|other| other.port == port.port && other.protocol == port.protocol) {
            Some(other) => *other = port,
            None => ports.push(port),
        }
    }

    fn is_http(&self) -> bool {
        matches!(self.mapping.app_protocol, Some(ApplicationProtocol::Http | ApplicationProtocol::Http2))
    }
}

/// The core Services of the names that are not the service's own.
pub(crate) fn render(task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Vec<CoreService> {
    let mut services: BTreeMap<String, Vec<ServicePort>> = BTreeMap::new();
    for alias in aliases(task).iter().filter(|alias| alias.service != place.identity.service) {
        alias.add_to(services.entry(alias.service.clone()).or_default());
    }
    services
        .into_iter()
        .map(|(name, ports)| CoreService {
            metadata: place.metadata(name),
            spec: Some(CoreServiceSpec {
                type_: Some("ClusterIP".to_owned()),
                selector: Some(place.identity.selector()),
                ports: Some(ports),
                ..CoreServiceSpec::default()
            }),
            status: None,
        })
        .collect()
}

fn has_mesh(spec: &ServiceSpec) -> bool {
    let given = spec.kubernetes.as_ref().and_then(|kubernetes| kubernetes.service_connect.as_ref());
    given.and_then(|given| given.mesh_routes) == Some(true)
}

/// Seconds of a request; 0 for no limit.
fn request_timeout(given: &ServiceConnectService) -> Option<i32> {
    given.timeout.as_ref().and_then(|timeout| timeout.per_request_timeout_seconds)
}

/// The routes of a mesh, one for each name with HTTP behind it.
pub(crate) fn routes(task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Vec<UntypedObject> {
    if !task.service.is_some_and(has_mesh) {
        return Vec::new();
    }
    let of = |alias: &Alias<'_>| {
        let seconds = request_timeout(alias.given);
        (alias.is_http() || seconds.is_some()).then(|| {
            let seconds = seconds.unwrap_or(REQUEST_TIMEOUT);
            let (name, port) = (alias.service.as_str(), alias.port);
            let spec = json!({
                "parentRefs": [{"group": "", "kind": "Service", "name": name, "port": port}],
                "rules": [{
                    "backendRefs": [{"name": name, "port": port}],
                    "timeouts": {"request": duration(seconds)},
                }],
            });
            UntypedObject::from_spec(place.metadata(route_name(name, alias.index)), spec)
        })
    };
    aliases(task).iter().filter_map(of).collect()
}

/// The form of the Gateway API, in which a number has five digits at most.
fn duration(seconds: i32) -> String {
    let (hours, rest) = (seconds / 3600, seconds % 3600);
    if seconds <= 99_999 {
        format!("{seconds}s")
    } else {
        format!("{}h{}m{}s", hours.min(99_999), rest / 60, rest % 60)
    }
}

/// One name may have several ports, so the place in the list is part of it.
fn route_name(alias: &str, index: usize) -> String {
    format!("{}-connect-{index}", crate::k8s::names::object_name(alias))
}

/// The names of a service, with their places.
pub(crate) fn claimed(service: &ecs::Service) -> Vec<(Pointer, String)> {
    let at = Pointer::root().key("serviceConnectConfiguration").key("services");
    names(service).into_iter().filter_map(|name| Some((at.index(name.index), name.service?))).collect()
}

/// What cannot be so because a load balancer wants the same port of the service's own core Service.
pub(crate) fn clashes(task: &RenderContext<'_>, service: &str) -> Vec<Finding> {
    let balancers = task.service.into_iter().flat_map(|spec| &spec.ecs.load_balancers);
    let taken: Vec<i32> = balancers.filter_map(|balancer| balancer.container_port).collect();
    let known = aliases(task);
    let clash = known.iter().filter(|alias| alias.service == service && alias.target != alias.port);
    clash
        .filter(|alias| taken.contains(&alias.port))
        .map(|alias| {
            let message = format!(
                "the name {service} is that of the service's own core Service, whose port {} belongs to a load balancer: give the alias \
                 another name or port",
                alias.port
            );
            let at = Pointer::root().key("serviceConnectConfiguration").key("services");
            Finding::error(at, "alias-port-taken", message)
        })
        .collect()
}

/// Claims `serviceConnectConfiguration`.
pub(crate) fn claim(spec: &ServiceSpec, service: &str, recorder: &mut VerdictRecorder) {
    let Some(connect) = &spec.ecs.service_connect_configuration else { return };
    let at = Pointer::root().key("serviceConnectConfiguration");
    let workload = |field: &str| target::workload(&spec.ecs, service, field);
    if !connect.enabled {
        return recorder.exact(at, workload("/spec/template/spec"));
    }
    let message = "there is no proxy: names resolve to Services, which the cluster's DNS tells of as soon as they are there, and each \
                   connection goes to some healthy task. Retries, outlier detection, the timeout of 15 s for a request and \
                   balancing of requests over one connection (HTTP/2, gRPC) take a service mesh";
    recorder.approximate(at.key("enabled"), Code::ServiceConnectByDns, workload("/spec/template/spec"), message);
    if connect.namespace.is_some() {
        let message = "names are those of the Kubernetes namespace that the service is in: give services that call each other the same \
                       one";
        recorder.approximate(at.key("namespace"), Code::ServiceConnectByDns, workload("/metadata"), message);
    }
    let given = [
        ("logConfiguration", connect.log_configuration.is_some()),
        ("accessLogConfiguration", connect.access_log_configuration.is_some()),
        ("containerConfigurations", !connect.container_configurations.is_empty()),
    ];
    for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        let message = "there is no proxy that would log: a service mesh has logs of its own";
        recorder.unsupported(at.key(field), Code::NoServiceConnectProxy, message);
    }
    for name in names(&spec.ecs) {
        claim_name(&name, has_mesh(spec), &at.key("services").index(name.index), recorder);
    }
}

fn claim_name(name: &Name<'_>, has_mesh: bool, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(service) = &name.service else {
        let message = "the first part of the name is none that a Service can have (a letter, then at most 62 of a-z, 0-9 and hyphens), so \
                       nobody finds the tasks by it: give a clientAlias with a dnsName that is";
        return recorder.unsupported(at.clone(), Code::NameNotValid, message);
    };
    let target = format!("Service/{service}#/spec/ports");
    let alias = at.key("clientAliases").index(0);
    recorder.exact(at.key("portName"), target.clone());
    recorder.exact(alias.key("port"), target);
    claim_dns_name(name, service, at, &alias, recorder);
    if name.given.client_aliases.first().is_some_and(|alias| alias.test_traffic_rules.is_some()) {
        let message = "there are no steps in which traffic is shifted, so none is for testing";
        recorder.unsupported(alias.key("testTrafficRules"), Code::TrafficNotShifted, message);
    }
    claim_timeouts(name, service, has_mesh, &at.key("timeout"), recorder);
    if name.given.ingress_port_override.is_some() {
        let message = "no proxy listens: callers come to the container port";
        recorder.unsupported(at.key("ingressPortOverride"), Code::NoServiceConnectProxy, message);
    }
    if name.given.tls.is_some() {
        let message = "traffic between tasks is not encrypted by a proxy: a service mesh does so with certificates of its own (mTLS)";
        recorder.unsupported(at.key("tls"), Code::NoServiceConnectProxy, message);
    }
}

/// The name that callers use, which by default comes of others.
fn claim_dns_name(name: &Name<'_>, service: &str, at: &Pointer, alias: &Pointer, recorder: &mut VerdictRecorder) {
    let target = format!("Service/{service}#/metadata/name");
    let given = name.given.client_aliases.first().and_then(|alias| alias.dns_name.as_deref());
    recorder.exact(at.key("discoveryName"), target.clone());
    let path = match (given, name.given.discovery_name.is_some()) {
        (Some(_), _) => alias.key("dnsName"),
        (None, true) => at.key("discoveryName"),
        (None, false) => at.key("portName"),
    };
    if given == Some(service) {
        recorder.exact(path, target);
    } else {
        recorder.approximate(path, Code::DnsSuffixIsNamespace, target, dns_advice::of(service, name.domain));
    }
}

fn claim_timeouts(name: &Name<'_>, service: &str, has_mesh: bool, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(timeout) = &name.given.timeout else { return };
    if timeout.idle_timeout_seconds.is_some() {
        let message = "no proxy closes idle connections: a service mesh has policies of its own for that";
        recorder.unsupported(at.key("idleTimeoutSeconds"), Code::NoServiceConnectProxy, message);
    }
    let path = at.key("perRequestTimeoutSeconds");
    match (timeout.per_request_timeout_seconds, has_mesh) {
        (None, _) => {}
        (Some(_), true) => {
            let message = "an HTTPRoute for the Service limits requests, once a service mesh takes such routes (GAMMA)";
            let target = format!("HTTPRoute/{}#/spec/rules", route_name(service, name.index));
            recorder.needs_addon(path, Code::ServiceMeshNeeded, target, message);
        }
        (Some(_), false) => {
            let message = "nothing limits the time of a request. Where a service mesh takes HTTPRoutes for Services (GAMMA), set \
                           kubernetes.serviceConnect.meshRoutes to true";
            recorder.unsupported(path, Code::NoServiceConnectProxy, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn found(connect: &Value) -> Vec<(Option<String>, Option<String>)> {
        let service: ecs::Service = serde_json::from_value(json!({"serviceConnectConfiguration": connect})).unwrap();
        names(&service).into_iter().map(|name| (name.service, name.domain.map(str::to_owned))).collect()
    }

    #[test]
    fn times_have_the_form_of_the_gateway_api() {
        for (seconds, text) in [(0, "0s"), (30, "30s"), (100_000, "27h46m40s"), (i32::MAX, "99999h14m7s")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn the_name_is_that_of_the_alias_or_of_discovery_and_namespace() {
        let cases = [
            (json!({"portName": "http"}), Some("http"), Some("internal")),
            (json!({"portName": "http", "discoveryName": "web"}), Some("web"), Some("internal")),
            (json!({"portName": "http", "clientAliases": [{"port": 80}]}), Some("http"), Some("internal")),
            (json!({"portName": "http", "clientAliases": [{"port": 80, "dnsName": "Web"}]}), Some("web"), None),
            (json!({"portName": "http", "clientAliases": [{"port": 80, "dnsName": "a.b.c"}]}), Some("a"), Some("b.c")),
            (json!({"portName": "http", "clientAliases": [{"port": 80, "dnsName": "1st"}]}), None, None),
            (json!({"portName": "my_port"}), None, Some("internal")),
        ];
        for (service, name, domain) in cases {
            let connect = json!({"enabled": true, "namespace": "internal", "services": [service]});
            assert_eq!(found(&connect), [(name.map(str::to_owned), domain.map(str::to_owned))], "{service}");
        }
        assert_eq!(found(&json!({"enabled": false, "services": [{"portName": "http"}]})), []);
    }
}
