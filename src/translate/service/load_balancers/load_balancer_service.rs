//! `kubernetes.loadBalancers[].loadBalancer` → a core Service of type LoadBalancer.

use k8s_openapi::api::core::v1::{Service as CoreService, ServiceSpec as CoreServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{ExternalTrafficPolicy, LoadBalancerService};
use crate::translate::conversions::some_list;
use crate::translate::service::load_balancers::LoadBalancerEntry;
use crate::translate::service::service_port;
use crate::translate::{ObjectContext, RenderContext};

pub(super) fn render(
    task: &RenderContext<'_>,
    entry: &LoadBalancerEntry<'_>,
    settings: &LoadBalancerService,
    mut metadata: ObjectMeta,
    context: &ObjectContext<'_>,
) -> CoreService {
    metadata.annotations.get_or_insert_default().extend(settings.annotations.clone());
    metadata.annotations = metadata.annotations.filter(|annotations| !annotations.is_empty());
    let mut port =
        service_port::container_port(task.definition, entry.balancer.container_name.as_deref(), entry.port());
    port.port = settings.port.unwrap_or(port.port);
    let policy = settings.external_traffic_policy.map(|policy| match policy {
        ExternalTrafficPolicy::Cluster => "Cluster".to_owned(),
        ExternalTrafficPolicy::Local => "Local".to_owned(),
    });
    CoreService {
        metadata,
        spec: Some(CoreServiceSpec {
            type_: Some("LoadBalancer".to_owned()),
            load_balancer_class: settings.class.clone(),
            load_balancer_source_ranges: some_list(settings.source_ranges.clone()),
            external_traffic_policy: policy,
            selector: Some(context.identity.selector()),
            ports: Some(vec![port]),
            ..CoreServiceSpec::default()
        }),
        status: None,
    }
}
