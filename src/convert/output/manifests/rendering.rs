//! Renders the objects of a service, or of a task definition without a service.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::api::{ClusterKubernetes, ServiceSpec, TaskDefinitionSpec};
use crate::convert::model::Definition;
use crate::convert::output::companions;
use crate::convert::output::manifest::Manifest;
use crate::ecs;
use crate::ecs::scaling::Limits;
use crate::translate::metadata::Identity;
use crate::translate::service::auto_scaling::{self, ScalingState};
use crate::translate::service::companion::Companion;
use crate::translate::service::companions as service_companions;
use crate::translate::service::workload::{self, Settings, Workload};
use crate::translate::{
    Capacity, FieldVerdict, Mode, ObjectContext, RenderContext, RenderProfile, VerdictRecorder, target,
};

/// Inputs of one rendering.
pub(super) struct Rendering<'a> {
    /// The service; none to render a task definition as if a service of its name ran it.
    pub service: Option<&'a ServiceSpec>,
    /// The `kubernetes` block of the service's cluster.
    pub cluster: Option<&'a ClusterKubernetes>,
    /// The nodes for the tasks.
    pub capacity: &'a Capacity,
    /// The definition that names the objects: the service, or the task definition itself.
    pub owner: &'a Definition,
    /// The task definition.
    pub task: &'a Definition,
    /// Kubernetes features that the objects may use.
    pub profile: &'a RenderProfile,
}

/// Objects of a service or a task definition.
pub(super) struct Rendered {
    /// The objects in the order in which they are applied.
    pub manifests: Vec<Manifest>,
    /// The verdicts on the task definition.
    pub verdicts: Vec<FieldVerdict>,
}

impl Rendering<'_> {
    /// Renders the objects.
    ///
    /// # Errors
    /// Returns a message if the task definition cannot be read or an object cannot be serialized.
    pub fn render(&self) -> Result<Rendered, String> {
        let spec = self.task.task_definition().ok_or("the task definition cannot be read")?;
        let default = ecs::Service::default();
        let service = self.service.map_or(&default, |spec| &spec.ecs);
        let target = target::pod_template(service, &self.owner.name);
        let task = self.task_context(spec, &target);
        let revision = spec.ecs.revision.filter(|_| self.task.resource.is_none());
        let family = spec.ecs.family.as_deref().unwrap_or(&self.task.name);
        let reference = revision.map_or_else(|| family.to_owned(), |number| format!("{family}:{number}"));
        let context = self.object_context(&reference, revision.map(i64::from));

        let mut recorder = VerdictRecorder::new();
        let template = workload::template(service, &task, &context, &mut recorder);
        let autoscaler = self.service.and_then(|spec| autoscaler(spec, &context, self.profile));
        let workload = self.workload(service, &spec.ecs, &context, template, autoscaler.is_some());
        let mut companions = service_companions::render(&task, &context, self.cluster);
        companions.after_workload.extend(autoscaler);

        let mut manifests = companions::task_definition(&task, context.namespace)?;
        for companion in companions.before_workload {
            manifests.push(companions::service(companion)?);
        }
        manifests.push(self.manifest(&workload)?);
        for companion in companions.after_workload {
            manifests.push(companions::service(companion)?);
        }
        Ok(Rendered { manifests, verdicts: self.task.examined.close(&recorder) })
    }

    fn task_context<'a>(&'a self, spec: &'a TaskDefinitionSpec, target: &'a str) -> RenderContext<'a> {
        RenderContext {
            kubernetes: spec.kubernetes.as_ref(),
            target,
            service: self.service,
            capacity: Some(self.capacity),
            mode: Mode::Manifests,
            ..RenderContext::alone(&spec.ecs, &self.task.name, self.profile)
        }
    }

    fn object_context<'a>(&'a self, task_definition: &'a str, revision: Option<i64>) -> ObjectContext<'a> {
        ObjectContext {
            namespace: self.owner.namespace.as_deref(),
            identity: Identity {
                service: &self.owner.name,
                task_definition: &self.task.name,
                cluster: self.owner.cluster(),
            },
            task_definition,
            revision,
            tags: self.service.map_or(&[], |spec| &spec.ecs.tags),
            mode: Mode::Manifests,
        }
    }

    fn workload(
        &self,
        service: &ecs::Service,
        task: &ecs::TaskDefinition,
        context: &ObjectContext<'_>,
        template: PodTemplateSpec,
        is_scaled: bool,
    ) -> Workload {
        let settings = Settings {
            annotations: BTreeMap::new(),
            bounds: service.deployment_bounds(service.desired_count()),
            paused: false,
            healthy_after: workload::healthy_after(self.service, task),
        };
        let mut workload = workload::render(service, context, template, settings);
        // If a manifest contained the count, applying it again would undo the scaling.
        if let Workload::Deployment(deployment) = &mut workload
            && is_scaled
        {
            deployment.spec.iter_mut().for_each(|spec| spec.replicas = None);
        }
        workload
    }

    fn manifest(&self, workload: &Workload) -> Result<Manifest, String> {
        let (name, namespace) = (&self.owner.name, self.owner.namespace.as_deref());
        let manifest = match workload {
            Workload::Deployment(object) => Manifest::new("Deployment", name, namespace, object),
            Workload::DaemonSet(object) => Manifest::new("DaemonSet", name, namespace, object),
        };
        manifest.map_err(|error| error.to_string())
    }
}

/// Renders the autoscaler of the Deployment. Scheduled actions and step policies require the operator.
fn autoscaler(spec: &ServiceSpec, context: &ObjectContext<'_>, profile: &RenderProfile) -> Option<Companion> {
    let scaling = spec.ecs.auto_scaling.as_ref()?;
    let limits = Limits { min: scaling.min_capacity, max: scaling.max_capacity };
    let tolerance = profile.has_autoscaler_tolerance();
    auto_scaling::render(spec, context, ScalingState { limits, rolling: false, tolerance, desired: None })
}
