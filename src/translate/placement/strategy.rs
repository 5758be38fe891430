//! `placementStrategy` → topology spread constraints, and the scheduler profile that weighs by ECS's order.
//!
//! ECS asks one step after another, each only among the instances that those before it find equal. A scheduler of Kubernetes
//! adds up scores. The profiles that the chart can install ([`Profile`]) have weights so far apart that the sum keeps the order
//! of spreading and packing; the default scheduler knows spreading only, and weighs it against all else it looks at.
//!
//! A service without a strategy is spread over zones and instances by the default scheduler itself, which nothing has to tell. Its
//! own constraints also hold where nodes have no zone; those of a Pod leave such nodes for last.

use std::fmt;

use k8s_openapi::api::core::v1::TopologySpreadConstraint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::{ServiceSpec, labels};
use crate::ecs::Pointer;
use crate::ecs::placement::{self, BinpackField as Resource, SpreadField};
use crate::translate::placement::facts;
use crate::translate::{Code, RenderProfile, VerdictRecorder, target};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// A profile of the placement schedulers, which `charts/ecs-operator/files/schedulers.yaml` configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    Spread,
    Random,
    /// Packing, then spreading.
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

/// What becomes of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Spread,
    /// No label of nodes can be called as the attribute is.
    Unlabelled,
    Binpack,
    Random,
    /// On ECS too it decides nothing after the steps before it.
    Void,
    /// The scheduler cannot ask it after the steps before it.
    LeftOut,
}

/// What a strategy comes to.
#[derive(Debug, Default)]
pub(super) struct Strategy {
    /// Labels of nodes to spread over, in order.
    topologies: Vec<String>,
    packs: Option<Resource>,
    /// Whether it spreads before it packs.
    spreads_first: bool,
    random: bool,
    steps: Vec<Step>,
}

impl Strategy {
    /// Of a service that is no DAEMON, whose tasks are on all nodes.
    pub(super) fn of(spec: &ServiceSpec, profile: &RenderProfile) -> Self {
        let mut strategy = Self::default();
        // ECS refuses a service with a step that it does not know.
        for step in spec.ecs.placement_strategy.iter().map_while(|step| placement::Strategy::of(step).ok()) {
            let step = strategy.take(&step, profile.placement_schedulers);
            strategy.steps.push(step);
        }
        strategy
    }

    fn take(&mut self, step: &placement::Strategy, schedulers: bool) -> Step {
        if self.random {
            return Step::Void;
        }
        match step {
            placement::Strategy::Spread(field) => {
                let Some(topology) = topology(field) else { return Step::Unlabelled };
                if self.topologies.contains(&topology) {
                    return Step::Void;
                }
                if self.packs.is_some() && (self.spreads_first || !schedulers) {
                    return Step::LeftOut;
                }
                self.topologies.push(topology);
                Step::Spread
            }
            placement::Strategy::Binpack(resource) => match self.packs {
                Some(packed) if packed == *resource => Step::Void,
                Some(_) => Step::LeftOut,
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

    /// The profile that weighs by it; none where nothing is said.
    fn profile(&self) -> Option<Profile> {
        match self.packs {
            Some(resource) if self.spreads_first => Some(Profile::SpreadBinpack(resource)),
            Some(resource) => Some(Profile::Binpack(resource)),
            None if self.steps.contains(&Step::Spread) => Some(Profile::Spread),
            None => self.random.then_some(Profile::Random),
        }
    }

    /// The scheduler that knows it, when it is not the default one.
    pub(super) fn scheduler(&self, profile: &RenderProfile) -> Option<String> {
        self.profile().filter(|_| profile.placement_schedulers).map(|profile| profile.to_string())
    }

    /// The constraints by which tasks of the service are spread.
    pub(super) fn constraints(&self, service: &str) -> Vec<TopologySpreadConstraint> {
        let of_service = [(labels::SERVICE.to_owned(), service.to_owned())];
        let constraint = |topology: &String| TopologySpreadConstraint {
            label_selector: Some(LabelSelector {
                match_labels: Some(of_service.clone().into()),
                match_expressions: None,
            }),
            max_skew: 1,
            topology_key: topology.clone(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        };
        self.topologies.iter().map(constraint).collect()
    }
}

/// The label that a field's values are read from.
fn topology(field: &SpreadField) -> Option<String> {
    match field {
        SpreadField::Attribute(name) => facts::keys(name).first().map(|key| key.label.clone()),
        SpreadField::Instance => Some(HOSTNAME.to_owned()),
    }
}

/// Claims the steps of a service's strategy.
pub(super) fn claim(spec: &ServiceSpec, name: &str, profile: &RenderProfile, recorder: &mut VerdictRecorder) {
    let strategy = Strategy::of(spec, profile);
    let pods = target::workload(&spec.ecs, name, "/spec/template/spec");
    let template = |field: &str| format!("{pods}/{field}");
    let root = Pointer::root().key("placementStrategy");
    for (position, step) in strategy.steps.iter().enumerate() {
        let at = root.index(position);
        match step {
            Step::Void => recorder.exact(at, pods.clone()),
            Step::Spread if profile.placement_schedulers => {
                let message = "the scheduler counts the tasks of each value into a score of 0 to 100, so that among more than a hundred \
                               of a service a difference of one may not be seen; scores of several spread steps are added up, where \
                               ECS asks one after another. A node without the label is the last choice, and where none has it the step \
                               spreads nothing";
                recorder.approximate(at, Code::SpreadByScore, template("topologySpreadConstraints"), message);
            }
            Step::Spread => {
                let message = "the default scheduler weighs it against free resources, images and more, and adds up the scores of several \
                               steps; ECS decides by it alone, one step after another. With the chart's placement schedulers \
                               (schedulers.enabled) nothing else is weighed. A node without the label is the last choice, and where \
                               none has it the step spreads nothing";
                recorder.approximate(
                    at,
                    Code::StrategyWeighedByScheduler,
                    template("topologySpreadConstraints"),
                    message,
                );
            }
            Step::Unlabelled => {
                let message = "no label of a node can be called so: tasks are not spread by it; use an attribute whose name has at most \
                               63 letters, digits, '-', '_' and '.'";
                recorder.unsupported(at, Code::AttributeNotAValidLabel, message);
            }
            Step::Binpack if profile.placement_schedulers => {
                let message = "the node with the largest share reserved is chosen, ECS's is the one with the smallest amount left: the \
                               same one among nodes of one size. Shares are compared in whole percents";
                recorder.approximate(at, Code::BinpackByRequestedShare, template("schedulerName"), message);
            }
            Step::Binpack => {
                let message = "the default scheduler prefers nodes with more room: install the chart's placement schedulers \
                               (schedulers.enabled), of which `run` is told by --placement-schedulers";
                recorder.needs_addon(at, Code::BinpackNeedsScheduler, pods.clone(), message);
            }
            Step::Random if profile.placement_schedulers && strategy.profile() == Some(Profile::Random) => {
                recorder.exact(at, template("schedulerName"));
            }
            Step::Random if profile.placement_schedulers => {
                let message = "among nodes that the steps before it find equal the one with more room is taken, or the one in the topology \
                               with fewer tasks; ECS takes any";
                recorder.approximate(at, Code::StrategyWeighedByScheduler, template("schedulerName"), message);
            }
            Step::Random => {
                let message = "the default scheduler chooses by its scores and at random among the best; with the chart's placement \
                               schedulers (schedulers.enabled) at random among all";
                recorder.approximate(at, Code::StrategyWeighedByScheduler, pods.clone(), message);
            }
            Step::LeftOut => {
                let message = "it is left out: ECS asks it among the nodes that the steps before it find equal, and no scheduler can ask \
                               it after these";
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
        let found = Strategy::of(&spec, &profile);
        let scheduler = found.scheduler(&profile);
        (found.topologies, scheduler, found.steps)
    }

    fn spread(field: &str) -> Value {
        json!({"type": "spread", "field": field})
    }

    #[test]
    fn chains_keep_their_order_by_a_profile() {
        use Step::{Binpack, LeftOut, Random, Spread, Void};
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
                vec![Spread, Binpack, LeftOut, LeftOut, Void],
            ),
            (json!([random, zone]), vec![], "ecs-random", vec![Random, Void]),
            (json!([zone, random, cpu]), vec![ZONE], "ecs-spread", vec![Spread, Random, Void]),
            (json!([spread("host"), spread("instanceId")]), vec![HOSTNAME], "ecs-spread", vec![Spread, Void]),
        ];
        for (strategy, topologies, profile, steps) in cases {
            let (found, scheduler, outcome) = rendered(&strategy, true);
            assert_eq!(
                (found, scheduler.as_deref(), outcome),
                (topologies.into_iter().map(str::to_owned).collect(), Some(profile), steps),
                "{strategy}"
            );
        }
    }

    #[test]
    fn the_default_scheduler_spreads_and_does_not_pack() {
        let strategy = json!([{"type": "binpack", "field": "memory"}, spread("host")]);
        assert_eq!(rendered(&strategy, false), (vec![], None, vec![Step::Binpack, Step::LeftOut]));
        let own = "attribute.ecs-operator.dev/stack".to_owned();
        assert_eq!(rendered(&json!([spread("attribute:stack")]), false), (vec![own], None, vec![Step::Spread]));
        assert_eq!(rendered(&json!([]), true), (vec![], None, vec![]), "the default scheduler spreads by itself");
    }
}
