//! The core Service for the ports of a service's tasks.

use k8s_openapi::api::core::v1::{Service as CoreService, ServiceSpec as CoreServiceSpec};

use crate::translate::conversions::some_list;
use crate::translate::service::{load_balancers, service_connect_configuration, service_port};
use crate::translate::{ObjectContext, RenderContext};

/// Renders the core Service for the ports of the task and the Service Connect aliases of the same name; `None` without ports.
#[must_use]
pub fn render(task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Option<CoreService> {
    let mut ports = service_port::task_ports(task);
    for alias in
        service_connect_configuration::aliases(task).iter().filter(|alias| alias.service == context.identity.service)
    {
        alias.add_to(&mut ports);
    }
    let r#type = if load_balancers::needs_node_ports(task) { "NodePort" } else { "ClusterIP" };
    (!ports.is_empty()).then(|| CoreService {
        metadata: context.metadata(context.identity.service),
        spec: Some(CoreServiceSpec {
            type_: Some(r#type.to_owned()),
            selector: Some(context.identity.selector()),
            ports: some_list(ports),
            ..CoreServiceSpec::default()
        }),
        status: None,
    })
}
