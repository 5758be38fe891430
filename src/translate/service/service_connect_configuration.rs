//! `serviceConnectConfiguration` → core Services with the names that callers use.
//!
//! There is no proxy: a name resolves to the address of a Service, which forwards each connection to a healthy task. Retries,
//! outlier detection and request limits need a service mesh.

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
use crate::translate::service::{dns_advice, service_port};
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder, target};

/// Default request timeout of Service Connect, in seconds.
const REQUEST_TIMEOUT: i32 = 15;

/// Name that callers use for a Service Connect service.
struct Name<'a> {
    index: usize,
    definition: &'a ServiceConnectService,
    /// First label of the name; `None` if it is not valid as the name of a Service.
    service: Option<String>,
    /// Part after the first dot.
    domain: Option<&'a str>,
    /// Port of the alias, if any.
    port: Option<i32>,
}

/// Name of a service with its port and the port of the task.
pub(crate) struct Alias<'a> {
    /// Name of the core Service.
    pub(crate) service: String,
    port: i32,
    target: i32,
    mapping: &'a PortMapping,
    definition: &'a ServiceConnectService,
    index: usize,
}

fn names(service: &ecs::Service) -> Vec<Name<'_>> {
    let Some(connect) = service.service_connect_configuration.as_ref().filter(|connect| connect.enabled) else {
        return Vec::new();
    };
    connect.services.iter().enumerate().map(|(index, definition)| name(connect, index, definition)).collect()
}

/// Returns the name of the alias, or `<discoveryName>.<namespace>`.
fn name<'a>(connect: &'a ServiceConnectConfiguration, index: usize, definition: &'a ServiceConnectService) -> Name<'a> {
    let alias = definition.client_aliases.first();
    let discovery = definition.discovery_name.as_deref().unwrap_or(&definition.port_name);
    let (first, domain) = match alias.and_then(|alias| alias.dns_name.as_deref()).filter(|name| !name.is_empty()) {
        Some(name) => name.split_once('.').map_or((name, None), |(first, domain)| (first, Some(domain))),
        None => (discovery, connect.namespace.as_deref().map(namespace_name)),
    };
    let first = first.to_ascii_lowercase();
    let is_valid = names::is_label(&first) && first.starts_with(|c: char| c.is_ascii_lowercase());
    let port = alias.map(|alias| alias.port).filter(|port| *port > 0);
    Name { index, definition, service: is_valid.then_some(first), domain, port }
}

/// Returns the name of a namespace; empty for an ARN, which contains an id instead.
fn namespace_name(namespace: &str) -> &str {
    if namespace.starts_with("arn:") { "" } else { namespace }
}

/// Returns the aliases of a service whose port mappings exist in the task.
pub(crate) fn aliases<'a>(task: &RenderContext<'a>) -> Vec<Alias<'a>> {
    let Some(spec) = task.service else { return Vec::new() };
    let mappings = || task.definition.container_definitions.iter().flat_map(|container| &container.port_mappings);
    let aliases = names(&spec.ecs).into_iter().filter_map(|name| {
        let Name { index, definition, .. } = name;
        let mapping = mappings().find(|mapping| mapping.name.as_ref() == Some(&definition.port_name))?;
        let (target, _) = port_mappings::bounds(mapping)?;
        let port = name.port.unwrap_or(target);
        Some(Alias { service: name.service?, port, target, mapping, definition, index })
    });
    aliases.collect()
}

impl Alias<'_> {
    fn port(&self) -> ServicePort {
        let port = service_port::mapping_port(self.port, Some(self.mapping));
        ServicePort { target_port: Some(IntOrString::Int(self.target)), ..port }
    }

    /// Adds the port, or replaces a port with the same number and protocol.
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

/// Renders the core Services for aliases with other names than the service.
pub(crate) fn render(task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Vec<CoreService> {
    let mut services: BTreeMap<String, Vec<ServicePort>> = BTreeMap::new();
    for alias in aliases(task).iter().filter(|alias| alias.service != context.identity.service) {
        alias.add_to(services.entry(alias.service.clone()).or_default());
    }
    services
        .into_iter()
        .map(|(name, ports)| CoreService {
            metadata: context.metadata(name),
            spec: Some(CoreServiceSpec {
                type_: Some("ClusterIP".to_owned()),
                selector: Some(context.identity.selector()),
                ports: Some(ports),
                ..CoreServiceSpec::default()
            }),
            status: None,
        })
        .collect()
}

fn has_mesh(spec: &ServiceSpec) -> bool {
    let connect = spec.kubernetes.as_ref().and_then(|kubernetes| kubernetes.service_connect.as_ref());
    connect.and_then(|connect| connect.mesh_routes) == Some(true)
}

/// Returns the request timeout in seconds; 0 for no limit.
fn request_timeout(definition: &ServiceConnectService) -> Option<i32> {
    definition.timeout.as_ref().and_then(|timeout| timeout.per_request_timeout_seconds)
}

/// Renders the routes of a service mesh, one for each alias with HTTP.
pub(crate) fn routes(task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Vec<UntypedObject> {
    if !task.service.is_some_and(has_mesh) {
        return Vec::new();
    }
    let aliases = aliases(task).into_iter();
    let routed = aliases.filter(|alias| alias.is_http() || request_timeout(alias.definition).is_some());
    routed.map(|alias| route(&alias, context)).collect()
}

fn route(alias: &Alias<'_>, context: &ObjectContext<'_>) -> UntypedObject {
    let seconds = request_timeout(alias.definition).unwrap_or(REQUEST_TIMEOUT);
    let (name, port) = (alias.service.as_str(), alias.port);
    let spec = json!({
        "parentRefs": [{"group": "", "kind": "Service", "name": name, "port": port}],
        "rules": [{
            "backendRefs": [{"name": name, "port": port}],
            "timeouts": {"request": duration(seconds)},
        }],
    });
    UntypedObject::from_spec(context.metadata(route_name(name, alias.index)), spec)
}

/// Formats a duration for the Gateway API, in which a number has at most five digits.
fn duration(seconds: i32) -> String {
    let (hours, rest) = (seconds / 3600, seconds % 3600);
    if seconds <= 99_999 {
        format!("{seconds}s")
    } else {
        format!("{}h{}m{}s", hours.min(99_999), rest / 60, rest % 60)
    }
}

/// Returns the name of a route. It contains the index in the list, as an alias may have several ports.
fn route_name(alias: &str, index: usize) -> String {
    format!("{}-connect-{index}", crate::k8s::names::object_name(alias))
}

/// Returns the names of core Services for aliases, with their paths.
pub(crate) fn service_names(service: &ecs::Service) -> Vec<(Pointer, String)> {
    let at = Pointer::root().key("serviceConnectConfiguration").key("services");
    names(service).into_iter().filter_map(|name| Some((at.index(name.index), name.service?))).collect()
}

/// Returns findings about aliases that need a port of the service's core Service that a load balancer uses.
pub(crate) fn port_conflicts(task: &RenderContext<'_>, service: &str) -> Vec<Finding> {
    let balancers = task.service.into_iter().flat_map(|spec| &spec.ecs.load_balancers);
    let used: Vec<i32> = balancers.filter_map(|balancer| balancer.container_port).collect();
    let remapped = aliases(task).into_iter().filter(|alias| alias.service == service && alias.target != alias.port);
    remapped
        .filter(|alias| used.contains(&alias.port))
        .map(|alias| {
            let message = format!(
                "{service} is also the name of the service's core Service, whose port {} belongs to a load balancer: give the alias another \
                 name or port",
                alias.port
            );
            let at = Pointer::root().key("serviceConnectConfiguration").key("services");
            Finding::error(at, "alias-port-taken", message)
        })
        .collect()
}

/// Records verdicts on `serviceConnectConfiguration`.
pub(crate) fn record(spec: &ServiceSpec, service: &str, recorder: &mut VerdictRecorder) {
    let Some(connect) = &spec.ecs.service_connect_configuration else { return };
    let at = Pointer::root().key("serviceConnectConfiguration");
    let workload = |field: &str| target::workload(&spec.ecs, service, field);
    if !connect.enabled {
        return recorder.exact(at, workload("/spec/template/spec"));
    }
    let message = "there is no proxy: names resolve to Services as soon as these exist, and each connection goes to a healthy task. \
                   Install a service mesh for retries, outlier detection, the request timeout of 15 s and balancing of requests on \
                   one connection (HTTP/2, gRPC)";
    recorder.approximate(at.key("enabled"), Code::ServiceConnectByDns, workload("/spec/template/spec"), message);
    if connect.namespace.is_some() {
        let message = "names resolve in the Kubernetes namespace of the service: create services that call each other in the same \
                       namespace";
        recorder.approximate(at.key("namespace"), Code::ServiceConnectByDns, workload("/metadata"), message);
    }
    let proxy_settings = [
        ("logConfiguration", connect.log_configuration.is_some()),
        ("accessLogConfiguration", connect.access_log_configuration.is_some()),
        ("containerConfigurations", !connect.container_configurations.is_empty()),
    ];
    for (field, _) in proxy_settings.into_iter().filter(|(_, is_set)| *is_set) {
        let message = "there is no proxy to configure: configure the proxies of a service mesh instead";
        recorder.unsupported(at.key(field), Code::NoServiceConnectProxy, message);
    }
    for name in names(&spec.ecs) {
        record_name(&name, has_mesh(spec), &at.key("services").index(name.index), recorder);
    }
}

fn record_name(name: &Name<'_>, has_mesh: bool, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(service) = &name.service else {
        let message = "the part before the first dot is not valid as the name of a Service (a letter, then at most 62 of a-z, 0-9 and \
                       hyphens), so the name does not resolve: add a clientAlias with a valid dnsName";
        return recorder.unsupported(at.clone(), Code::NameNotValid, message);
    };
    let target = format!("Service/{service}#/spec/ports");
    let alias = at.key("clientAliases").index(0);
    recorder.exact(at.key("portName"), target.clone());
    recorder.exact(alias.key("port"), target);
    record_dns_name(name, service, at, &alias, recorder);
    if name.definition.client_aliases.first().is_some_and(|alias| alias.test_traffic_rules.is_some()) {
        let message = "traffic does not shift in steps, so there is no test traffic";
        recorder.unsupported(alias.key("testTrafficRules"), Code::TrafficNotShifted, message);
    }
    record_timeouts(name, service, has_mesh, &at.key("timeout"), recorder);
    if name.definition.ingress_port_override.is_some() {
        let message = "there is no proxy: callers connect to the container port";
        recorder.unsupported(at.key("ingressPortOverride"), Code::NoServiceConnectProxy, message);
    }
    if name.definition.tls.is_some() {
        let message = "there is no proxy to encrypt traffic between tasks: use the mTLS of a service mesh";
        recorder.unsupported(at.key("tls"), Code::NoServiceConnectProxy, message);
    }
}

/// Records the verdict on the field that determines the name.
fn record_dns_name(name: &Name<'_>, service: &str, at: &Pointer, alias: &Pointer, recorder: &mut VerdictRecorder) {
    let target = format!("Service/{service}#/metadata/name");
    let dns_name = name.definition.client_aliases.first().and_then(|alias| alias.dns_name.as_deref());
    recorder.exact(at.key("discoveryName"), target.clone());
    let path = match (dns_name, name.definition.discovery_name.is_some()) {
        (Some(_), _) => alias.key("dnsName"),
        (None, true) => at.key("discoveryName"),
        (None, false) => at.key("portName"),
    };
    if dns_name == Some(service) {
        recorder.exact(path, target);
    } else {
        recorder.approximate(path, Code::DnsSuffixIsNamespace, target, dns_advice::advice(service, name.domain));
    }
}

fn record_timeouts(name: &Name<'_>, service: &str, has_mesh: bool, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(timeout) = &name.definition.timeout else { return };
    if timeout.idle_timeout_seconds.is_some() {
        let message = "there is no proxy to close idle connections: use the policies of a service mesh";
        recorder.unsupported(at.key("idleTimeoutSeconds"), Code::NoServiceConnectProxy, message);
    }
    let path = at.key("perRequestTimeoutSeconds");
    match (timeout.per_request_timeout_seconds, has_mesh) {
        (None, _) => {}
        (Some(_), true) => {
            let message =
                "an HTTPRoute for the Service limits requests, once a service mesh that supports GAMMA is installed";
            let target = format!("HTTPRoute/{}#/spec/rules", route_name(service, name.index));
            recorder.needs_addon(path, Code::ServiceMeshNeeded, target, message);
        }
        (Some(_), false) => {
            let message = "the duration of requests is not limited: with a service mesh that supports GAMMA, set \
                           kubernetes.serviceConnect.meshRoutes to true";
            recorder.unsupported(path, Code::NoServiceConnectProxy, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn services_and_domains(connect: &Value) -> Vec<(Option<String>, Option<String>)> {
        let service: ecs::Service = serde_json::from_value(json!({"serviceConnectConfiguration": connect})).unwrap();
        names(&service).into_iter().map(|name| (name.service, name.domain.map(str::to_owned))).collect()
    }

    #[test]
    fn durations_are_in_the_format_of_the_gateway_api() {
        for (seconds, text) in [(0, "0s"), (30, "30s"), (100_000, "27h46m40s"), (i32::MAX, "99999h14m7s")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn the_name_is_the_alias_or_the_discovery_name_in_the_namespace() {
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
            assert_eq!(
                services_and_domains(&connect),
                [(name.map(str::to_owned), domain.map(str::to_owned))],
                "{service}"
            );
        }
        assert_eq!(services_and_domains(&json!({"enabled": false, "services": [{"portName": "http"}]})), []);
    }
}
