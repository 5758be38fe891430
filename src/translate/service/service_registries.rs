//! `serviceRegistries` → a headless core Service under the name that callers use.
//!
//! The ARN of a Cloud Map service does not say its name, so `kubernetes.serviceRegistries` does. Addresses of healthy tasks
//! are answered, as by Cloud Map's A records; ports are found as SRV records by the names of the Service's ports.

use k8s_openapi::api::core::v1::{Service as CoreService, ServiceSpec as CoreServiceSpec};

use crate::api::{ServiceRegistryMapping, ServiceSpec};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::service::ServiceRegistry;
use crate::translate::conversions::some_list;
use crate::translate::service::dns_advice;
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder, service};

fn mappings(spec: &ServiceSpec) -> &[ServiceRegistryMapping] {
    spec.kubernetes.as_ref().map_or(&[], |kubernetes| &kubernetes.service_registries)
}

/// What a registry is called, where that is said.
fn mapping<'a>(spec: &'a ServiceSpec, registry: &ServiceRegistry) -> Option<&'a ServiceRegistryMapping> {
    mappings(spec).iter().find(|mapping| belongs(mapping, registry))
}

fn belongs(mapping: &ServiceRegistryMapping, registry: &ServiceRegistry) -> bool {
    mapping.registry_arn.is_none() || mapping.registry_arn == registry.registry_arn
}

/// The headless Services. A name that is the service's own is that of its core Service, which stays as it is.
pub(crate) fn render(task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Vec<CoreService> {
    let Some(spec) = task.service else { return Vec::new() };
    let named = spec.ecs.service_registries.iter().filter_map(|registry| Some((registry, mapping(spec, registry)?)));
    let own = |name: &str| name == place.identity.service && !service::service_ports(task).is_empty();
    named
        .filter(|(_, mapping)| !own(&mapping.name))
        .map(|(registry, mapping)| {
            let mut ports = service::service_ports(task);
            let number = registry.port.or(registry.container_port).filter(|port| *port > 0);
            if let Some(number) = number {
                service::add(
                    &mut ports,
                    service::service_port(task.definition, registry.container_name.as_deref(), number),
                );
            }
            CoreService {
                metadata: place.metadata(mapping.name.as_str()),
                spec: Some(CoreServiceSpec {
                    cluster_ip: Some("None".to_owned()),
                    type_: Some("ClusterIP".to_owned()),
                    selector: Some(place.identity.selector()),
                    ports: some_list(ports),
                    ..CoreServiceSpec::default()
                }),
                status: None,
            }
        })
        .collect()
}

/// The names of registries, with their places.
pub(crate) fn names(spec: &ServiceSpec) -> Vec<(Pointer, String)> {
    let at = Pointer::root().key("kubernetes").key("serviceRegistries");
    let all = mappings(spec).iter().enumerate();
    all.map(|(index, mapping)| (at.index(index).key("name"), mapping.name.clone())).collect()
}

/// Findings about `kubernetes.serviceRegistries`.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("serviceRegistries");
    let registries = &spec.ecs.service_registries;
    let unmatched = |mapping: &ServiceRegistryMapping| !registries.iter().any(|registry| belongs(mapping, registry));
    let found = mappings(spec).iter().enumerate().filter(|(_, mapping)| unmatched(mapping));
    found
        .map(|(index, _)| {
            let message = "no entry of serviceRegistries has this ARN, so nothing gets the name";
            Finding::error(at.index(index), "unmatched-registry", message)
        })
        .collect()
}

/// Claims `serviceRegistries`.
pub(crate) fn claim(spec: &ServiceSpec, service: &str, recorder: &mut VerdictRecorder) {
    for (index, registry) in spec.ecs.service_registries.iter().enumerate() {
        let path = Pointer::root().key("serviceRegistries").index(index);
        let Some(mapping) = mapping(spec, registry) else {
            let message = "the ARN does not say the name that callers use: give it in kubernetes.serviceRegistries, as name and \
                           namespace. Until then tasks are found by the name of the service's own core Service";
            recorder.unsupported(path, Code::RegistryNameUnknown, message);
            continue;
        };
        let name = mapping.name.as_str();
        let place = dns_advice::of(name, mapping.namespace.as_deref());
        let at = Pointer::root().key("kubernetes").key("serviceRegistries");
        recorder.exact(at, format!("Service/{name}#/spec"));
        let (target, message) = if name == service {
            let message = format!(
                "the core Service answers with its one address, behind which connections go to healthy tasks; Cloud Map answers with \
                 those of up to eight tasks. {place}"
            );
            (format!("Service/{name}#/spec/selector"), message)
        } else {
            let message = format!(
                "a headless Service answers with the addresses of all healthy tasks, and of none when none is healthy; Cloud Map \
                 answers with up to eight, and with all of them when none is healthy. {place}"
            );
            (format!("Service/{name}#/spec/clusterIP"), message)
        };
        recorder.approximate(path.key("registryArn"), Code::RegistryByDns, target, message);
        let target = format!("Service/{name}#/spec/selector");
        let message = format!(
            "SRV records of the port are those of its name: _tcp-PORT._tcp.{name}; what asks for the SRV records of the name itself \
             has to be told"
        );
        let given = [
            ("port", registry.port.is_some()),
            ("containerPort", registry.container_port.is_some()),
            ("containerName", registry.container_name.is_some()),
        ];
        for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            recorder.approximate(path.key(field), Code::SrvByPortName, target.clone(), message.clone());
        }
    }
}
