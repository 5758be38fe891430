//! Writes: server-side apply, create, delete, each with a deadline and counted.

use std::time::Duration;

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::time::timeout;

pub use super::error::WriteError;
use super::key::ObjectKey;
use crate::telemetry::metrics::{ApplyResult, Metrics};

/// How long one write may take, retries of the client included.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Writes objects under one constant field manager.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    field_manager: String,
    metrics: Metrics,
}

/// What a delete found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The server took the request; finalizers and grace periods may delay the end.
    Accepted,
    /// That object was gone already; another one may live under its name.
    AlreadyGone,
}

impl Writer {
    /// Writes of one decision that are on their way at once.
    pub const AT_ONCE: usize = 16;

    /// `field_manager` must never change: a new name would leave the old one's fields behind.
    pub fn new(client: Client, field_manager: impl Into<String>, metrics: Metrics) -> Self {
        Self { client, field_manager: field_manager.into(), metrics }
    }

    /// Server-side apply of a complete object (`apiVersion`, `kind`, `metadata`), taking over fields by force.
    ///
    /// # Errors
    /// When the server does not take it; see [`WriteError::class`].
    pub async fn apply(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        self.patch(object, resource, &PatchParams::apply(&self.field_manager).force()).await
    }

    /// The name by which the server knows whose fields are whose.
    #[must_use]
    pub fn field_manager(&self) -> &str {
        &self.field_manager
    }

    /// Server-side apply of an object that should not exist yet, or of fields that are nobody else's. Should they have other
    /// content, nothing is taken over from whoever made them.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when somebody else's object has the name, or somebody else a field; otherwise as for
    /// [`Writer::apply`].
    pub async fn introduce(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        self.patch(object, resource, &PatchParams::apply(&self.field_manager)).await
    }

    async fn patch(
        &self,
        object: &Value,
        resource: &ApiResource,
        params: &PatchParams,
    ) -> Result<DynamicObject, WriteError> {
        let (key, target) = describe("apply", object, resource)?;
        let api = self.api(&key, resource);
        self.write(resource, target, api.patch(&key.name, params, &Patch::Apply(object))).await
    }

    /// Changes some members of an object of others. With a `uid` among them, only of that very one. The object as it is then; none
    /// when it is gone, or is another one by now.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn merge(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
        patch: &Value,
    ) -> Result<Option<DynamicObject>, WriteError> {
        self.change(key, resource, &Patch::Merge(patch)).await
    }

    /// The same for objects of Kubernetes' own kinds, whose lists are merged item by item: a strategic merge patch.
    ///
    /// # Errors
    /// As for [`Writer::merge`].
    pub async fn merge_lists(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
        patch: &Value,
    ) -> Result<Option<DynamicObject>, WriteError> {
        self.change(key, resource, &Patch::Strategic(patch)).await
    }

    async fn change(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
        patch: &Patch<&Value>,
    ) -> Result<Option<DynamicObject>, WriteError> {
        let target = format!("patch {} {key}", resource.kind);
        let params = PatchParams { field_manager: Some(self.field_manager.clone()), ..PatchParams::default() };
        let api = self.api(key, resource);
        let request = async { unless_gone(api.patch(&key.name, &params, patch).await) };
        self.write(resource, target, request).await
    }

    /// Writes a count through the `scale` subresource of an object, as long as that is of this version.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when it is of another version by now, and otherwise when the server does not take it; that the object
    /// is gone is no error.
    pub async fn scale(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
        version: Option<&str>,
        count: i32,
    ) -> Result<(), WriteError> {
        let target = format!("scale {} {key}", resource.kind);
        let params = PatchParams { field_manager: Some(self.field_manager.clone()), ..PatchParams::default() };
        let api = self.api(key, resource);
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": count}});
        let request = async {
            match api.patch_scale(&key.name, &params, &Patch::Merge(&patch)).await {
                Err(Error::Api(status)) if status.is_not_found() => Ok(()),
                written => written.map(drop),
            }
        };
        self.write(resource, target, request).await
    }

    /// Reads an object from the server itself, where a cache that selects by label cannot tell.
    ///
    /// # Errors
    /// When the server does not answer; that there is no such object is no error.
    pub async fn find(&self, key: &ObjectKey, resource: &ApiResource) -> Result<Option<DynamicObject>, WriteError> {
        let target = format!("get {} {key}", resource.kind);
        match timeout(DEADLINE, self.api(key, resource).get_opt(&key.name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(WriteError::from_kube(target, &error)),
            Err(_) => Err(WriteError::TimedOut { target, seconds: DEADLINE.as_secs() }),
        }
    }

    /// Server-side apply on the status subresource. The object holds `status` besides its identity.
    ///
    /// # Errors
    /// When the server does not take it; see [`WriteError::class`].
    pub async fn apply_status(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        let (key, target) = describe("apply status of", object, resource)?;
        let api = self.api(&key, resource);
        let params = PatchParams::apply(&format!("{}-status", self.field_manager)).force();
        self.write(resource, target, api.patch_status(&key.name, &params, &Patch::Apply(object))).await
    }

    /// Creates an object that will not be changed later.
    ///
    /// # Errors
    /// [`WriteError::AlreadyExists`] when the name is taken, also by an earlier try of our own whose answer was lost.
    pub async fn create(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        let (key, target) = describe("create", object, resource)?;
        let body: DynamicObject = serde_json::from_value(object.clone())
            .map_err(|error| WriteError::Malformed { target: target.clone(), message: error.to_string() })?;
        let params = PostParams { field_manager: Some(self.field_manager.clone()), ..PostParams::default() };
        let api = self.api(&key, resource);
        self.write(resource, target, api.create(&params, &body)).await
    }

    /// Deletes the object that has this `uid`, and never its successor.
    ///
    /// # Errors
    /// When the server does not take it; that the object is gone already is no error.
    pub async fn delete(&self, key: &ObjectKey, resource: &ApiResource, uid: &str) -> Result<Deleted, WriteError> {
        let target = format!("delete {} {key}", resource.kind);
        let params = delete_params(uid);
        let api = self.api(key, resource);
        let request = async { unless_gone(api.delete(&key.name, &params).await) };
        let answer = self.write(resource, target, request).await?;
        Ok(if answer.is_some() { Deleted::Accepted } else { Deleted::AlreadyGone })
    }

    /// Counts a write that was not needed.
    pub fn skipped(&self, kind: &str) {
        self.metrics.applied(kind, ApplyResult::Skipped);
    }

    fn api(&self, key: &ObjectKey, resource: &ApiResource) -> Api<DynamicObject> {
        match &key.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    async fn write<T>(
        &self,
        resource: &ApiResource,
        target: String,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, WriteError> {
        let result = match timeout(DEADLINE, request).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(WriteError::from_kube(target, &error)),
            Err(_) => Err(WriteError::TimedOut { target, seconds: DEADLINE.as_secs() }),
        };
        let counted = if result.is_ok() { ApplyResult::Written } else { ApplyResult::Failed };
        self.metrics.applied(&resource.kind, counted);
        result
    }
}

/// What the server answers, or nothing when the object is gone or is another one by now.
fn unless_gone<T>(answer: kube::Result<T>) -> kube::Result<Option<T>> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the object owns goes after it; only this very life of the name is meant.
fn delete_params(uid: &str) -> DeleteParams {
    DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..DeleteParams::default()
    }
}

/// The key of an object that is to be written, and words for it.
fn describe(verb: &str, object: &Value, resource: &ApiResource) -> Result<(ObjectKey, String), WriteError> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let key = ObjectKey {
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    };
    let target = format!("{verb} {} {key}", resource.kind);
    let problem = match () {
        () if key.name.is_empty() => "it has no metadata.name",
        () if text("/kind") != Some(resource.kind.as_str()) => "its kind is not the one it is written as",
        () if text("/apiVersion") != Some(resource.api_version.as_str()) => {
            "its apiVersion is not the one it is written as"
        }
        () => return Ok((key, target)),
    };
    Err(WriteError::Malformed { target, message: problem.to_owned() })
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
