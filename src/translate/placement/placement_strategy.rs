//! `placementStrategy` → topology spread constraints, and the scheduler profile that keeps the order of the steps.
//!
//! ECS applies one step after another, each among the instances that are equal by the preceding steps. A Kubernetes scheduler
//! adds up scores. The weights in the profiles of the chart ([`Profile`]) differ so much that the sum keeps the order of
//! spreading and packing. The default scheduler supports only spreading, and weighs it against other criteria.
//!
//! The default constraints of the default scheduler spread a service without a strategy over zones and instances. They also
//! apply to nodes without a zone, while constraints of a Pod rank such nodes last.

use std::fmt;

use k8s_openapi::api::core::v1::{PodSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::{ServiceSpec, labels};
use crate::ecs::Pointer;
use crate::ecs::placement::{self, BinpackField as Resource, SpreadField};
use crate::translate::conversions::some_list;
use crate::translate::placement::facts;
use crate::translate::{Code, RenderContext, RenderProfile, VerdictRecorder, target};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Profile of the placement schedulers, which `charts/ecs-operator/files/schedulers.yaml` configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    Spread,
    Random,
    /// Packs, then spreads.
    Binpack(Resource),
    SpreadBinpack(Resource),
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spread => "ecs-spread",
            Self::Random => "ecs-random",
            Self::Binpack(Resource::Cpu) => "ecs-binpack-cpu",
            Self::Binpack(Resource::Memory) => "ecs-binpack-memory",
            Self::SpreadBinpack(Resource::Cpu) => "ecs-spread-binpack-cpu",
            Self::SpreadBinpack(Resource::Memory) => "ecs-spread-binpack-memory",
        })
    }
}

/// Translation of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Spread,
    /// The name of the attribute is not valid as the key of a label.
    InvalidLabel,
    Binpack,
    Random,
    /// The step has no effect after the preceding steps, as on ECS.
    Redundant,
    /// The scheduler cannot apply the step after the preceding steps.
    Omitted,
}

/// Translation of a placement strategy.
#[derive(Debug, Default)]
pub(super) struct Strategy {
    /// Topology keys to spread over, in order.
    topologies: Vec<String>,
    packs: Option<Resource>,
    /// True if spreading precedes packing.
    spreads_first: bool,
    random: bool,
    steps: Vec<Step>,
}

impl Strategy {
    /// Translates the strategy of a REPLICA service.
    pub(super) fn from_service(spec: &ServiceSpec, profile: &RenderProfile) -> Self {
        let mut strategy = Self::default();
        // Validation rejects a service with an unknown step.
        for step in spec.ecs.placement_strategy.iter().map_while(|step| placement::Strategy::try_from(step).ok()) {
            let step = strategy.add(&step, profile.placement_schedulers);
            strategy.steps.push(step);
        }
        strategy
    }

    fn add(&mut self, step: &placement::Strategy, schedulers: bool) -> Step {
        if self.random {
            return Step::Redundant;
        }
        match step {
            placement::Strategy::Spread(field) => {
                let Some(topology) = topology(field) else { return Step::InvalidLabel };
                if self.topologies.contains(&topology) {
                    return Step::Redundant;
                }
                if self.packs.is_some() && (self.spreads_first || !schedulers) {
                    return Step::Omitted;
                }
                self.topologies.push(topology);
                Step::Spread
            }
            placement::Strategy::Binpack(resource) => match self.packs {
                Some(packed) if packed == *resource => Step::Redundant,
                Some(_) => Step::Omitted,
                None => {
                    self.packs = Some(*resource);
                    self.spreads_first = !self.topologies.is_empty();
                    Step::Binpack
                }
            },
            placement::Strategy::Random => {
                self.random = true;
                Step::Random
            }
        }
    }

    /// Returns the scheduler profile; `None` for an empty strategy.
    fn profile(&self) -> Option<Profile> {
        match self.packs {
            Some(resource) if self.spreads_first => Some(Profile::SpreadBinpack(resource)),
            Some(resource) => Some(Profile::Binpack(resource)),
            None if self.steps.contains(&Step::Spread) => Some(Profile::Spread),
            None => self.random.then_some(Profile::Random),
        }
    }

    /// Returns the name of the scheduler; `None` for the default scheduler.
    pub(super) fn scheduler(&self, profile: &RenderProfile) -> Option<String> {
        self.profile().filter(|_| profile.placement_schedulers).map(|profile| profile.to_string())
    }

    /// Returns the topology spread constraints for the tasks of the service.
    pub(super) fn constraints(&self, service: &str) -> Vec<TopologySpreadConstraint> {
        let selector = LabelSelector {
            match_labels: Some([(labels::SERVICE.to_owned(), service.to_owned())].into()),
            match_expressions: None,
        };
        let constraints = self.topologies.iter().map(|topology| TopologySpreadConstraint {
            label_selector: Some(selector.clone()),
            max_skew: 1,
            topology_key: topology.clone(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        });
        constraints.collect()
    }
}

/// Returns the topology key of a field; `None` if the attribute has no valid label.
fn topology(field: &SpreadField) -> Option<String> {
    match field {
        SpreadField::Attribute(name) => facts::keys(name).first().map(|key| key.label.clone()),
        SpreadField::Instance => Some(HOSTNAME.to_owned()),
    }
}

/// Configures the Pod for the placement strategy of its service.
pub(crate) fn follow_strategy(task: &RenderContext<'_>, spec: &mut PodSpec) {
    let Some(service) = task.service.filter(|service| !service.ecs.is_daemon()) else { return };
    let strategy = Strategy::from_service(service, task.profile);
    spec.topology_spread_constraints = some_list(strategy.constraints(task.workload_name()));
    spec.scheduler_name = strategy.scheduler(task.profile);
}

/// Records verdicts on the steps of a service's strategy.
pub(super) fn record(spec: &ServiceSpec, name: &str, profile: &RenderProfile, recorder: &mut VerdictRecorder) {
    let strategy = Strategy::from_service(spec, profile);
    let pods = target::workload(&spec.ecs, name, "/spec/template/spec");
    let template = |field: &str| format!("{pods}/{field}");
    let root = Pointer::root().key("placementStrategy");
    for (position, step) in strategy.steps.iter().enumerate() {
        let at = root.index(position);
        match step {
            Step::Redundant => recorder.exact(at, pods.clone()),
            Step::Spread if profile.placement_schedulers => {
                let message = "the scheduler converts the number of tasks for each value to a score from 0 to 100, so with more than a \
                               hundred tasks of a service a difference of one may have no effect; it adds up the scores of several spread \
                               steps, where ECS applies one after another. Nodes without the label rank last, and the step has no effect \
                               if no node has it";
                recorder.approximate(at, Code::SpreadByScore, template("topologySpreadConstraints"), message);
            }
            Step::Spread => {
                let message = "the default scheduler weighs the step against free resources, images and other criteria, and adds up the \
                               scores of several steps; ECS applies only the steps, one after another. Install the chart's placement \
                               schedulers (schedulers.enabled) to exclude other criteria. Nodes without the label rank last, and the step \
                               has no effect if no node has it";
                recorder.approximate(
                    at,
                    Code::StrategyWeighedByScheduler,
                    template("topologySpreadConstraints"),
                    message,
                );
            }
            Step::InvalidLabel => {
                let message = "the name is not valid as the key of a label, so tasks are not spread by it: use an attribute whose name \
                               has at most 63 letters, digits, '-', '_' and '.'";
                recorder.unsupported(at, Code::AttributeNotAValidLabel, message);
            }
            Step::Binpack if profile.placement_schedulers => {
                let message = "the node with the largest reserved share is chosen; ECS chooses the instance with the smallest remaining \
                               amount, which is the same among nodes of one size. Shares are compared in whole percents";
                recorder.approximate(at, Code::BinpackByRequestedShare, template("schedulerName"), message);
            }
            Step::Binpack => {
                let message = "the default scheduler prefers nodes with more free resources: install the chart's placement schedulers \
                               (schedulers.enabled), and start `run` with --placement-schedulers";
                recorder.needs_addon(at, Code::BinpackNeedsScheduler, pods.clone(), message);
            }
            Step::Random if profile.placement_schedulers && strategy.profile() == Some(Profile::Random) => {
                recorder.exact(at, template("schedulerName"));
            }
            Step::Random if profile.placement_schedulers => {
                let message = "among nodes that are equal by the preceding steps, the scheduler prefers the node with more free resources, \
                               or in the topology with fewer tasks; ECS chooses at random";
                recorder.approximate(at, Code::StrategyWeighedByScheduler, template("schedulerName"), message);
            }
            Step::Random => {
                let message = "the default scheduler chooses by its scores, at random among the best nodes: install the chart's placement \
                               schedulers (schedulers.enabled) to choose at random among all nodes";
                recorder.approximate(at, Code::StrategyWeighedByScheduler, pods.clone(), message);
            }
            Step::Omitted => {
                let message = "the step is omitted: ECS applies it among the instances that are equal by the preceding steps, which the \
                               scheduler cannot do after these steps";
                recorder.approximate(at, Code::StrategyStepLeftOut, pods.clone(), message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ZONE: &str = "topology.kubernetes.io/zone";

    fn rendered(strategy: &Value, schedulers: bool) -> (Vec<String>, Option<String>, Vec<Step>) {
        let spec: ServiceSpec = serde_json::from_value(json!({"placementStrategy": strategy})).unwrap();
        let profile = RenderProfile { placement_schedulers: schedulers, ..RenderProfile::current(36) };
        let strategy = Strategy::from_service(&spec, &profile);
        let scheduler = strategy.scheduler(&profile);
        (strategy.topologies, scheduler, strategy.steps)
    }

    fn spread(field: &str) -> Value {
        json!({"type": "spread", "field": field})
    }

    #[test]
    fn the_scheduler_profile_keeps_the_order_of_steps() {
        use Step::{Binpack, Omitted, Random, Redundant, Spread};
        let (zone, host) = (spread("attribute:ecs.availability-zone"), spread("instanceId"));
        let cpu = json!({"type": "binpack", "field": "CPU"});
        let memory = json!({"type": "binpack", "field": "memory"});
        let random = json!({"type": "random"});
        let cases = [
            (json!([zone, host]), vec![ZONE, HOSTNAME], "ecs-spread", vec![Spread, Spread]),
            (json!([zone, memory]), vec![ZONE], "ecs-spread-binpack-memory", vec![Spread, Binpack]),
            (json!([cpu, zone]), vec![ZONE], "ecs-binpack-cpu", vec![Binpack, Spread]),
            (json!([cpu, zone, host]), vec![ZONE, HOSTNAME], "ecs-binpack-cpu", vec![Binpack, Spread, Spread]),
            (
                json!([zone, cpu, host, memory, cpu]),
                vec![ZONE],
                "ecs-spread-binpack-cpu",
                vec![Spread, Binpack, Omitted, Omitted, Redundant],
            ),
            (json!([random, zone]), vec![], "ecs-random", vec![Random, Redundant]),
            (json!([zone, random, cpu]), vec![ZONE], "ecs-spread", vec![Spread, Random, Redundant]),
            (json!([spread("host"), spread("instanceId")]), vec![HOSTNAME], "ecs-spread", vec![Spread, Redundant]),
        ];
        for (strategy, topologies, profile, steps) in cases {
            let expected = (topologies.into_iter().map(str::to_owned).collect(), Some(profile.to_owned()), steps);
            assert_eq!(rendered(&strategy, true), expected, "{strategy}");
        }
    }

    #[test]
    fn the_default_scheduler_spreads_and_does_not_pack() {
        let strategy = json!([{"type": "binpack", "field": "memory"}, spread("host")]);
        assert_eq!(rendered(&strategy, false), (vec![], None, vec![Step::Binpack, Step::Omitted]));
        let label = "attribute.ecs-operator.dev/stack".to_owned();
        assert_eq!(rendered(&json!([spread("attribute:stack")]), false), (vec![label], None, vec![Step::Spread]));
        assert_eq!(rendered(&json!([]), true), (vec![], None, vec![]), "the default scheduler spreads by itself");
    }
}
