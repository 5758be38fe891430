//! Admission policies that hold in the namespace of one test.

use anyhow::Result;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use super::Bench;

/// Has the server enforce a policy in the test's namespace, as soon as it heeds it.
pub async fn enforce(bench: &Bench, mut policy: ValidatingAdmissionPolicy) -> Result<()> {
    policy.metadata.name = Some(bench.namespace.clone());
    policies(bench).create(&PostParams::default(), &policy).await?;
    let own = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}});
    let binding = json!({"metadata": {"name": bench.namespace}, "spec": {
        "policyName": bench.namespace, "validationActions": ["Deny"], "matchResources": own}});
    bindings(bench).create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
    Ok(())
}

/// Takes the policy back.
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
