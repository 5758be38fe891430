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

/// Maximum duration of one write, including the retries of the client.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Writes objects under one constant field manager, and statuses under that name with the suffix `-status`.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    field_manager: String,
    metrics: Metrics,
}

/// Result of a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The server took the request; finalizers and grace periods may delay the end.
    Accepted,
    /// The object did not exist; another one may exist under its name.
    AlreadyGone,
}

impl Writer {
    /// Maximum number of concurrent writes of one decision.
    pub const CONCURRENCY: usize = 16;

    /// `field_manager` must never change: a new name would leave the old one's fields behind.
    pub fn new(client: Client, field_manager: impl Into<String>, metrics: Metrics) -> Self {
        Self { client, field_manager: field_manager.into(), metrics }
    }

    /// Server-side apply of a complete object (`apiVersion`, `kind`, `metadata`), taking over fields by force.
    ///
    /// # Errors
    /// When the server rejects it; see [`WriteError::class`].
    pub async fn apply(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        self.patch(object, resource, &PatchParams::apply(&self.field_manager).force()).await
    }

    /// Returns the field manager, by which the server records the owner of each field.
    #[must_use]
    pub fn field_manager(&self) -> &str {
        &self.field_manager
    }

    /// Server-side apply without force, for an object that should not exist yet or for fields without another owner.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when another field manager owns one of the fields with another value; otherwise as for
    /// [`Writer::apply`].
    pub async fn apply_unforced(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
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

    /// Changes some members of an object by a JSON merge patch. A `uid` in the patch restricts it to the object with
    /// that uid. Returns the changed object; `None` if it was deleted, or replaced by another object of the same
    /// name.
    ///
    /// # Errors
    /// When the server rejects it.
    pub async fn json_merge_patch(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
        patch: &Value,
    ) -> Result<Option<DynamicObject>, WriteError> {
        self.change(key, resource, &Patch::Merge(patch)).await
    }

    /// Changes some members of an object of a built-in kind by a strategic merge patch, which merges lists item by
    /// item.
    ///
    /// # Errors
    /// As for [`Writer::json_merge_patch`].
    pub async fn strategic_merge_patch(
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

    /// Writes a count through the `scale` subresource of an object of this resourceVersion. A deleted object is not
    /// an error.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when the object has another resourceVersion; otherwise when the server rejects the
    /// write.
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

    /// Reads an object from the server, for objects outside the label selector of the cache. Returns `None` if it
    /// does not exist.
    ///
    /// # Errors
    /// When the server does not respond.
    pub async fn find(&self, key: &ObjectKey, resource: &ApiResource) -> Result<Option<DynamicObject>, WriteError> {
        let target = format!("get {} {key}", resource.kind);
        match timeout(DEADLINE, self.api(key, resource).get_opt(&key.name)).await {
            Ok(Ok(object)) => Ok(object),
            Ok(Err(error)) => Err(WriteError::from_kube(target, &error)),
            Err(_) => Err(WriteError::TimedOut { target, seconds: DEADLINE.as_secs() }),
        }
    }

    /// Server-side apply on the status subresource. The object contains `status` and its identity.
    ///
    /// # Errors
    /// When the server rejects it; see [`WriteError::class`].
    pub async fn apply_status(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        let (key, target) = describe("apply status of", object, resource)?;
        let api = self.api(&key, resource);
        let params = PatchParams::apply(&format!("{}-status", self.field_manager)).force();
        self.write(resource, target, api.patch_status(&key.name, &params, &Patch::Apply(object))).await
    }

    /// Creates an immutable object.
    ///
    /// # Errors
    /// [`WriteError::AlreadyExists`] when the name exists, possibly by an earlier attempt whose response was lost.
    pub async fn create(&self, object: &Value, resource: &ApiResource) -> Result<DynamicObject, WriteError> {
        let (key, target) = describe("create", object, resource)?;
        let body: DynamicObject = serde_json::from_value(object.clone())
            .map_err(|error| WriteError::Malformed { target: target.clone(), message: error.to_string() })?;
        let params = PostParams { field_manager: Some(self.field_manager.clone()), ..PostParams::default() };
        let api = self.api(&key, resource);
        self.write(resource, target, api.create(&params, &body)).await
    }

    /// Deletes the object with this `uid`, and never a successor of the same name.
    ///
    /// # Errors
    /// When the server rejects the request. A missing object is not an error.
    pub async fn delete(&self, key: &ObjectKey, resource: &ApiResource, uid: &str) -> Result<Deleted, WriteError> {
        let target = format!("delete {} {key}", resource.kind);
        let params = delete_params(uid);
        let api = self.api(key, resource);
        let request = async { unless_gone(api.delete(&key.name, &params).await) };
        let response = self.write(resource, target, request).await?;
        Ok(if response.is_some() { Deleted::Accepted } else { Deleted::AlreadyGone })
    }

    /// Counts a write that was not needed.
    pub fn record_skipped(&self, kind: &str) {
        self.metrics.record_apply(kind, ApplyResult::Skipped);
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
        let label = if result.is_ok() { ApplyResult::Written } else { ApplyResult::Failed };
        self.metrics.record_apply(&resource.kind, label);
        result
    }
}

/// Returns the response; `None` if the object was deleted, or replaced by another object of the same name.
fn unless_gone<T>(response: kube::Result<T>) -> kube::Result<Option<T>> {
    match response {
        Ok(done) => Ok(Some(done)),
        Err(Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes only the object with this uid, and its dependents in the background.
fn delete_params(uid: &str) -> DeleteParams {
    DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..DeleteParams::default()
    }
}

/// Returns the key of an object to be written, and a description of the write for messages.
fn describe(verb: &str, object: &Value, resource: &ApiResource) -> Result<(ObjectKey, String), WriteError> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let key = ObjectKey {
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    };
    let target = format!("{verb} {} {key}", resource.kind);
    let problem = match () {
        () if key.name.is_empty() => "it has no metadata.name",
        () if text("/kind") != Some(resource.kind.as_str()) => "its kind does not match the resource",
        () if text("/apiVersion") != Some(resource.api_version.as_str()) => {
            "its apiVersion does not match the resource"
        }
        () => return Ok((key, target)),
    };
    Err(WriteError::Malformed { target, message: problem.to_owned() })
}

#[cfg(test)]
mod tests;
