//! Auto scaling on a real control plane: the autoscaler is accepted, and the count is the Service's own.

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::bench;
use crate::support::PATIENCE;

#[tokio::test]
async fn a_service_is_scaled_through_its_own_count() -> Result<()> {
    let bench = bench("scaled").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    let cpu = json!({"targetValue": 60, "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}});
    let policies = json!([{"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": cpu}]);
    let scaling = json!({"minCapacity": 2, "maxCapacity": 5, "policies": policies});
    bench.apply("Service", "web", json!({"taskDefinition": "app", "autoScaling": scaling})).await?;
    let has =
        |count: i64| move |object: &serde_json::Value| (object.pointer("/spec/desiredCount")? == count).then_some(());
    bench.until("Service", "web", "the least count", has(2)).await?;
    bench.stable("web", "app:1").await?;

    let autoscalers = bench.api::<HorizontalPodAutoscaler>();
    wait_for("an autoscaler that may take tasks away", PATIENCE, async || {
        let Some(found) = autoscalers.get_opt("web").await? else { return Ok(Seen::not_yet("none")) };
        let spec = found.spec;
        assert_eq!((spec.min_replicas, spec.max_replicas), (Some(2), 5));
        assert_eq!(spec.scale_target_ref.kind, "Service");
        let down = spec.behavior.and_then(|behavior| behavior.scale_down).context("a behaviour")?;
        let tolerance = down.tolerance.map(|tolerance| tolerance.0);
        let settled = down.select_policy.as_deref() == Some("Max") && tolerance.as_deref() == Some("100m");
        Ok(if settled { Seen::Done(()) } else { Seen::not_yet((down.select_policy, tolerance)) })
    })
    .await?;

    let services = bench.ours("Service");
    let scale = services.get_scale("web").await?;
    assert!(scale.status.and_then(|status| status.selector).is_some(), "an autoscaler finds the tasks by it");
    let beyond = Patch::Merge(json!({"spec": {"replicas": 9}}));
    services.patch_scale("web", &PatchParams::default(), &beyond).await?;
    bench.until("Service", "web", "the greatest count", has(5)).await?;
    operator.stop().await
}
