//! `monitoring`: replaced by the monitoring of the cluster.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict on `monitoring`.
pub(crate) fn record(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    if service.monitoring.is_some() {
        let message = "no metrics are sent to CloudWatch: the monitoring of the cluster measures CPU and memory of the tasks, at its own \
                       interval (metrics-server: 15 s)";
        recorder.unsupported(Pointer::root().key("monitoring"), Code::ClusterMetricsUsed, message);
    }
}
