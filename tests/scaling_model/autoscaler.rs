//! The documented algorithm of HorizontalPodAutoscalers, with the rendered settings.

use ecs_operator::api::ServiceSpec;
use ecs_operator::ecs::scaling::Limits;
use ecs_operator::translate::ObjectContext;
use ecs_operator::translate::metadata::Identity;
use ecs_operator::translate::service::auto_scaling::{ScalingState, render};
use ecs_operator::translate::service::companion::Companion;
use serde_json::{Value, json};

use crate::{Fleet, Scaler};

/// `scaleUp` or `scaleDown` of `behavior`.
struct Side {
    disabled: bool,
    window: i64,
    tolerance: f64,
}

impl Side {
    fn from_behavior(behavior: &Value) -> Self {
        let tolerance = match behavior["tolerance"].as_str() {
            Some(text) => text.strip_suffix('m').map_or_else(|| text.parse(), |m| m.parse::<f64>().map(|m| m / 1000.0)),
            None => Ok(0.1),
        };
        Self {
            disabled: behavior["selectPolicy"] == "Disabled",
            window: behavior["stabilizationWindowSeconds"].as_i64().unwrap_or(0),
            tolerance: tolerance.expect("a quantity"),
        }
    }
}

pub struct Autoscaler {
    target: f64,
    limits: (i32, i32),
    up: Side,
    down: Side,
    recommendations: Vec<(i64, i32)>,
}

impl Autoscaler {
    pub fn rendered(target: i32, wait: i32) -> Self {
        let policy = json!({"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": {"targetValue": target,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}});
        let spec: ServiceSpec = serde_json::from_value(json!({
            "serviceName": "web", "taskDefinition": "web", "kubernetes": {"autoScaling": {"scaleOutAfterSeconds": wait}},
            "autoScaling": {"minCapacity": 2, "maxCapacity": 40, "policies": [policy]}}))
        .expect("a service");
        let identity = Identity { service: "web", task_definition: "web", cluster: "default" };
        let context = ObjectContext { revision: Some(1), ..ObjectContext::alone(identity, "web:1") };
        let limits = Limits { min: 2, max: 40 };
        let situation = ScalingState { limits, rolling: false, tolerance: true, desired: None };
        let Some(Companion::Autoscaler(object)) = render(&spec, &context, situation) else { panic!("no autoscaler") };
        let object = &object.body["spec"];
        let number = |path: &str| object.pointer(path).and_then(Value::as_i64).expect("a number");
        let count = |path: &str| i32::try_from(number(path)).expect("a count");
        Self {
            target: number("/metrics/0/resource/target/averageUtilization") as f64,
            limits: (count("/minReplicas"), count("/maxReplicas")),
            up: Side::from_behavior(&object["behavior"]["scaleUp"]),
            down: Side::from_behavior(&object["behavior"]["scaleDown"]),
            recommendations: Vec::new(),
        }
    }

    fn is_near(&self, ratio: f64) -> bool {
        (1.0 - self.down.tolerance..=1.0 + self.up.tolerance).contains(&ratio)
    }

    /// Returns the recommended count. For a scale-out, tasks that are not ready count as idle.
    fn recommend(&self, utilization: f64, fleet: &Fleet) -> i32 {
        let (running, starting) = (f64::from(fleet.running()), f64::from(fleet.starting()));
        let ratio = utilization / self.target;
        if ratio > 1.0 && starting > 0.0 {
            let whole = ratio * running / (running + starting);
            return if self.is_near(whole) || whole < 1.0 {
                fleet.desired
            } else {
                (whole * (running + starting)).ceil() as i32
            };
        }
        if self.is_near(ratio) { fleet.desired } else { (ratio * running).ceil() as i32 }
    }
}

impl Scaler for Autoscaler {
    fn decide(&mut self, now: i64, measured: Option<f64>, fleet: &Fleet) -> i32 {
        let Some(utilization) = measured else { return fleet.desired };
        let recommended = self.recommend(utilization, fleet);
        self.recommendations.push((now, recommended));
        let within = |window: i64| {
            self.recommendations.iter().filter(move |(at, _)| *at > now - window).map(|(_, count)| *count)
        };
        let up = within(self.up.window).fold(recommended, i32::min);
        let down = within(self.down.window).fold(recommended, i32::max);
        let count = if up > fleet.desired && !self.up.disabled {
            up
        } else if down < fleet.desired && !self.down.disabled {
            down
        } else {
            fleet.desired
        };
        count.clamp(self.limits.0, self.limits.1)
    }
}
