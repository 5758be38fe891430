//! `availabilityZoneRebalancing`: verdicts. The operator moves the tasks.

use crate::ecs::capacity::Strategy;
use crate::ecs::service::AvailabilityZoneRebalancing;
use crate::ecs::{self, Pointer, zone_rebalancing};
use crate::translate::{Code, Mode, VerdictRecorder, target};

/// Records the verdict on `availabilityZoneRebalancing`.
pub(crate) fn record(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let path = Pointer::root().key("availabilityZoneRebalancing");
    let target = target::workload(service, name, "/spec/template/spec");
    match service.availability_zone_rebalancing {
        Some(AvailabilityZoneRebalancing::Enabled) => record_enabled(service, path, target, mode, recorder),
        Some(AvailabilityZoneRebalancing::Disabled) => recorder.exact(path, target),
        None => {}
    }
}

fn record_enabled(service: &ecs::Service, path: Pointer, target: String, mode: Mode, recorder: &mut VerdictRecorder) {
    if let Some(obstacle) = zone_rebalancing::obstacle(service) {
        let message = format!("zones are not rebalanced, as on ECS: {obstacle}");
        recorder.approximate(path, Code::ZoneRebalancingUnsupported, target, message);
    } else if has_several_providers(service) {
        let message = "zones are not rebalanced while the tasks are allocated to several capacity providers";
        recorder.unsupported(path, Code::ZoneRebalancingUnsupported, message);
    } else if mode.has_operator() {
        let message = "if no deployment is in progress and a zone has two tasks more than another zone with suitable nodes, the operator \
                       starts a task, which the scheduler places in the emptier zone if possible, and stops a task in the fullest zone. It \
                       needs permissions on nodes. After a move without effect it waits six hours";
        recorder.approximate(path, Code::ZoneRebalancingByScheduler, target, message);
    } else {
        let message = "running tasks are not moved to rebalance zones: install the descheduler with \
                       RemovePodsViolatingTopologySpreadConstraint";
        recorder.unsupported(path, Code::ZoneRebalancingUnsupported, message);
    }
}

/// True if tasks may be allocated to several capacity providers.
fn has_several_providers(service: &ecs::Service) -> bool {
    let items = &service.capacity_provider_strategy;
    let strategy = Strategy::new(items);
    (0..items.len()).filter(|position| strategy.is_used(*position)).count() > 1
}
