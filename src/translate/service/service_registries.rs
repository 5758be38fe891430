//! `serviceRegistries` → a headless core Service with the name that callers use.
//!
//! The ARN of a Cloud Map service does not contain its name, which `kubernetes.serviceRegistries` defines instead. DNS answers
//! with the addresses of healthy tasks, as A records of Cloud Map do, and with SRV records for the names of ports.

use k8s_openapi::api::core::v1::{Service as CoreService, ServiceSpec as CoreServiceSpec};

use crate::api::{ServiceRegistryMapping, ServiceSpec};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::service::ServiceRegistry;
use crate::translate::conversions::some_list;
use crate::translate::service::{dns_advice, service_port};
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder};

fn mappings(spec: &ServiceSpec) -> &[ServiceRegistryMapping] {
    spec.kubernetes.as_ref().map_or(&[], |kubernetes| &kubernetes.service_registries)
}

/// Returns the mapping of a registry, if any.
fn mapping<'a>(spec: &'a ServiceSpec, registry: &ServiceRegistry) -> Option<&'a ServiceRegistryMapping> {
    mappings(spec).iter().find(|mapping| belongs(mapping, registry))
}

fn belongs(mapping: &ServiceRegistryMapping, registry: &ServiceRegistry) -> bool {
    mapping.registry_arn.is_none() || mapping.registry_arn == registry.registry_arn
}

/// Renders the headless Services. A mapping with the name of the service's core Service is omitted if that has ports.
pub(crate) fn render(task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Vec<CoreService> {
    let Some(spec) = task.service else { return Vec::new() };
    let named = spec.ecs.service_registries.iter().filter_map(|registry| Some((registry, mapping(spec, registry)?)));
    let task_ports = service_port::task_ports(task);
    let is_core_service = |name: &str| name == context.identity.service && !task_ports.is_empty();
    named
        .filter(|(_, mapping)| !is_core_service(&mapping.name))
        .map(|(registry, mapping)| {
            let mut ports = task_ports.clone();
            if let Some(number) = registry.port.or(registry.container_port).filter(|port| *port > 0) {
                let container = registry.container_name.as_deref();
                service_port::add(&mut ports, service_port::container_port(task.definition, container, number));
            }
            CoreService {
                metadata: context.metadata(mapping.name.as_str()),
                spec: Some(CoreServiceSpec {
                    cluster_ip: Some("None".to_owned()),
                    type_: Some("ClusterIP".to_owned()),
                    selector: Some(context.identity.selector()),
                    ports: some_list(ports),
                    ..CoreServiceSpec::default()
                }),
                status: None,
            }
        })
        .collect()
}

/// Returns the names of registries, with their paths.
pub(crate) fn names(spec: &ServiceSpec) -> Vec<(Pointer, String)> {
    let at = Pointer::root().key("kubernetes").key("serviceRegistries");
    let all = mappings(spec).iter().enumerate();
    all.map(|(index, mapping)| (at.index(index).key("name"), mapping.name.clone())).collect()
}

/// Returns findings about `kubernetes.serviceRegistries`.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("serviceRegistries");
    let registries = &spec.ecs.service_registries;
    mappings(spec)
        .iter()
        .enumerate()
        .filter(|(_, mapping)| !registries.iter().any(|registry| belongs(mapping, registry)))
        .map(|(index, _)| {
            let message = "no entry of serviceRegistries has this ARN, so the mapping has no effect";
            Finding::error(at.index(index), "unmatched-registry", message)
        })
        .collect()
}

/// Records verdicts on `serviceRegistries`.
pub(crate) fn record(spec: &ServiceSpec, service: &str, recorder: &mut VerdictRecorder) {
    for (index, registry) in spec.ecs.service_registries.iter().enumerate() {
        let path = Pointer::root().key("serviceRegistries").index(index);
        let Some(mapping) = mapping(spec, registry) else {
            let message = "the ARN does not contain the name that callers use: set name and namespace in kubernetes.serviceRegistries. \
                           Until then callers use the name of the service's core Service";
            recorder.unsupported(path, Code::RegistryNameUnknown, message);
            continue;
        };
        let name = mapping.name.as_str();
        let advice = dns_advice::advice(name, mapping.namespace.as_deref());
        let at = Pointer::root().key("kubernetes").key("serviceRegistries");
        recorder.exact(at, format!("Service/{name}#/spec"));
        let (target, message) = if name == service {
            let message = format!(
                "DNS answers with the address of the core Service, which forwards connections to healthy tasks; Cloud Map answers with the \
                 addresses of up to eight tasks. {advice}"
            );
            (format!("Service/{name}#/spec/selector"), message)
        } else {
            let message = format!(
                "DNS answers with the addresses of all healthy tasks, and with none if no task is healthy; Cloud Map answers with up to \
                 eight, and with all tasks if none is healthy. {advice}"
            );
            (format!("Service/{name}#/spec/clusterIP"), message)
        };
        recorder.approximate(path.key("registryArn"), Code::RegistryByDns, target, message);
        let target = format!("Service/{name}#/spec/selector");
        let message = format!(
            "SRV records exist for the name of the port, _tcp-PORT._tcp.{name}, and not for {name}: configure callers accordingly"
        );
        let fields = [
            ("port", registry.port.is_some()),
            ("containerPort", registry.container_port.is_some()),
            ("containerName", registry.container_name.is_some()),
        ];
        for (field, _) in fields.into_iter().filter(|(_, is_set)| *is_set) {
            recorder.approximate(path.key(field), Code::SrvByPortName, target.clone(), message.clone());
        }
    }
}
