//! Admission policies limited to the namespace of a test.

use anyhow::Result;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use super::Bench;

/// Creates a policy for the test's namespace. The API server enforces it after a short delay.
pub async fn enforce(bench: &Bench, mut policy: ValidatingAdmissionPolicy) -> Result<()> {
    policy.metadata.name = Some(bench.namespace.clone());
    policies(bench).create(&PostParams::default(), &policy).await?;
    let matches = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}});
    let binding = json!({"metadata": {"name": bench.namespace}, "spec": {
        "policyName": bench.namespace, "validationActions": ["Deny"], "matchResources": matches}});
    bindings(bench).create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
    Ok(())
}

/// Deletes the policy.
pub async fn lift(bench: &Bench) -> Result<()> {
    policies(bench).delete(&bench.namespace, &DeleteParams::default()).await?;
    bindings(bench).delete(&bench.namespace, &DeleteParams::default()).await?;
    Ok(())
}

fn policies(bench: &Bench) -> Api<ValidatingAdmissionPolicy> {
    Api::all(bench.client.clone())
}

fn bindings(bench: &Bench) -> Api<ValidatingAdmissionPolicyBinding> {
    Api::all(bench.client.clone())
}
