//! Verdicts on definitions whose objects are plain manifests.

use crate::convert::model::Definition;
use crate::convert::output::service_reference;
use crate::ecs::{self, Pointer, TaskDefinitionRef};
use crate::translate::{Code, FieldVerdict, Mode, RenderProfile, Verdict, target};

/// Sets the verdicts on a service. `revision` is the number of the task definition among the inputs.
pub(super) fn service(
    definition: &mut Definition,
    revision: Option<i64>,
    reference: &TaskDefinitionRef,
    profile: &RenderProfile,
) {
    definition.verdicts = definition.field_verdicts(profile, Mode::Manifests);
    let Some(requested) = reference.revision.filter(|requested| revision != Some(*requested)) else { return };
    let other = revision.map_or_else(|| "has no revision".to_owned(), |number| format!("is revision {number}"));
    let message = format!(
        "the service references revision {requested}, but the task definition among the inputs {other} and is used instead"
    );
    let default = ecs::Service::default();
    let service = definition.service().map_or(&default, |spec| &spec.ecs);
    let target = target::pod_template(service, &definition.name);
    service_reference::unpin(definition, target, message);
}

/// Sets the verdicts on a task definition, which are those of its first service.
pub(super) fn task_definition(definition: &mut Definition, verdicts: Vec<FieldVerdict>) {
    if definition.verdicts.is_empty() {
        definition.verdicts = verdicts;
    }
}

/// Sets the verdicts on a task definition without objects, because its services were refused.
pub(super) fn task_definition_of_refused(definition: &mut Definition, service: &str, profile: &RenderProfile) {
    if definition.verdicts.is_empty() {
        definition.verdicts = definition.field_verdicts(profile, Mode::Manifests);
        definition.verdicts.iter_mut().for_each(|verdict| verdict.target = None);
        let message = format!("the task definition was not converted, because its service {service:?} has errors");
        definition.warning(&Pointer::root(), "service-refused", message);
    }
}

/// Sets the verdicts on a cluster. Plain manifests contain its name as a label of its services.
pub(super) fn cluster(definition: &mut Definition, profile: &RenderProfile) {
    let message =
        "plain manifests contain no object for a cluster; the objects of its services have its name as a label";
    without_object(definition, profile, "no-cluster-object", message, is_cluster_field_of_services);
}

/// True if a cluster field takes effect in the objects of services: in their NetworkPolicies and Pods.
fn is_cluster_field_of_services(verdict: &FieldVerdict) -> bool {
    let (root, kubernetes) = (Pointer::root(), Pointer::root().key("kubernetes"));
    let members = ["securityGroups", "securityGroupPolicies", "nodeSelector", "tolerations", "capacityProviders"];
    let strategy = root.key("defaultCapacityProviderStrategy");
    let mut fields = members.into_iter().map(|member| kubernetes.key(member)).chain([strategy]);
    fields.any(|field| field.is_prefix_of(&verdict.path))
}

/// Sets the verdicts on a capacity provider. Plain manifests contain its labels in the Pods of services that name it.
pub(super) fn capacity_provider(definition: &mut Definition, profile: &RenderProfile) {
    let message =
        "plain manifests contain no object for a capacity provider; the Pods of services that use it select its nodes";
    let code = "no-capacity-provider-object";
    without_object(definition, profile, code, message, is_provider_field_of_services);
}

/// True if a field of a capacity provider takes effect in the Pods of services.
fn is_provider_field_of_services(verdict: &FieldVerdict) -> bool {
    let differs = verdict.verdict != Verdict::Exact && verdict.code != Some(Code::TagsStoredOnly);
    differs || Pointer::root().key("kubernetes").is_prefix_of(&verdict.path)
}

/// Sets the verdicts on a definition without an object. Fields that take effect in the objects of services have
/// no target, all others are ignored.
fn without_object(
    definition: &mut Definition,
    profile: &RenderProfile,
    code: &'static str,
    message: &str,
    is_field_of_services: fn(&FieldVerdict) -> bool,
) {
    let mut verdicts = definition.field_verdicts(profile, Mode::Manifests);
    for verdict in &mut verdicts {
        if is_field_of_services(verdict) {
            verdict.target = None;
        } else if verdict.target.is_some() {
            definition.override_verdict(&verdict.path, Verdict::Ignored, code, None, message);
        }
    }
    definition.verdicts = verdicts;
}
