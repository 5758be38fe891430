//! `placementConstraints` → node affinity, Pod affinity, and membership_labels on nodes; `placementStrategy` → what the scheduler prefers.
//!
//! A constraint counts when a task is placed and never afterwards, and so does an affinity that is *required during
//! scheduling, ignored during execution*. What an affinity says exactly becomes one ([`compile()`]). Anything else of an
//! expression (patterns, orders, versions, times, counts) is evaluated by the operator: it gives the nodes that the
//! expression is true of a label ([`MembershipLabel`]), which the affinity then asks for. So a template depends on its definition
//! alone, whatever nodes come and go, and without the operator tasks wait rather than run on a wrong node. An annotation of
//! the Pods under the label's name says which expression it stands for; by these the operator knows what to evaluate.
//!
//! Several constraints all have to hold, those of the task definition and those of its service: their terms are multiplied
//! out. Where that is too much, and for a second group to be with, which one Pod affinity cannot ask for, the expression is
//! evaluated too.

pub mod compile;
pub mod facts;
pub mod group;
pub mod instances;
mod membership_label;
mod outcome;
pub mod requests;
pub mod scheduling;
mod strategy;
pub mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, NodeAffinity, PodAffinity, PodAffinityTerm, PodAntiAffinity, PodSpec};

use crate::translate::{Mode, RenderContext, RenderProfile, VerdictRecorder, target};

pub use membership_label::MembershipLabel;

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::ecs::placement::Constraint;
use crate::ecs::query::{Expression, Query};
use crate::translate::context::Membership;
use crate::translate::conversions::some_list;
use crate::translate::placement::compile::{Part, compile};
use crate::translate::placement::group::Group;
use crate::translate::placement::outcome::Outcome;
use crate::translate::placement::strategy::Strategy;
use crate::translate::placement::terms::Terms;

/// What the Pods of a task ask of nodes.
#[derive(Debug)]
pub struct Rules {
    /// The affinity; none when any node will do.
    pub affinity: Option<Affinity>,
    /// The membership_labels that it asks for.
    pub membership_labels: Vec<MembershipLabel>,
    /// Whether no node will do, whatever its labels.
    pub never: bool,
}

impl Rules {
    /// What a single expression comes to in a namespace.
    #[must_use]
    pub fn of(query: &Query, namespace: Option<&str>) -> Self {
        let mut book = Rulebook::new(namespace);
        book.add_parts(compile(query.expression()), None);
        book.rules()
    }

    /// The annotations that say which expressions the membership_labels stand for.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        self.membership_labels.iter().map(|mark| (mark.label().to_owned(), mark.expression().to_string())).collect()
    }
}

/// The rules so far, while constraints are added.
struct Rulebook<'a> {
    namespace: Option<&'a str>,
    terms: Terms,
    with: Option<Group>,
    without: Vec<Group>,
    membership_labels: Vec<MembershipLabel>,
}

/// Renders the constraints of a task and its service, and claims those of the task. Its Pod asks for the labels in `given` already.
pub(super) fn render(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    given: &BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) -> Rules {
    let own = Group::Service(task.workload_name().to_owned());
    let mut book = Rulebook::new(membership.namespace);
    book.terms = task.capacity.map_or_else(Terms::always, |capacity| capacity.terms(given));
    let at = Pointer::root().key("placementConstraints");
    for (position, constraint) in task.definition.placement_constraints.iter().enumerate() {
        if let Ok(constraint) = Constraint::member_of(constraint.expression.as_deref()) {
            let outcome = book.add(&constraint, &own);
            outcome.claim(&at.index(position), task.target, task.mode, recorder);
        }
    }
    for constraint in task.service.iter().flat_map(|service| &service.ecs.placement_constraints) {
        // Validation refuses any other.
        if let Ok(constraint) = Constraint::of(constraint) {
            book.add(&constraint, &own);
        }
    }
    book.rules()
}

/// Has the scheduler follow the strategy of the service that runs the task.
pub(super) fn follow_strategy(task: &RenderContext<'_>, spec: &mut PodSpec) {
    let Some(service) = task.service.filter(|service| !service.ecs.is_daemon()) else { return };
    let strategy = Strategy::of(service, task.profile);
    spec.topology_spread_constraints = some_list(strategy.constraints(task.workload_name()));
    spec.scheduler_name = strategy.scheduler(task.profile);
}

/// Claims the constraints and the strategy of a service, whose object has this name.
pub(super) fn claim(
    spec: &ServiceSpec,
    name: &str,
    profile: &RenderProfile,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    strategy::claim(spec, name, profile, recorder);
    let own = Group::Service(name.to_owned());
    let mut book = Rulebook::new(None);
    let at = Pointer::root().key("placementConstraints");
    for (position, constraint) in spec.ecs.placement_constraints.iter().enumerate() {
        // Validation refuses any other.
        if let Ok(constraint) = Constraint::of(constraint) {
            let outcome = book.add(&constraint, &own);
            outcome.claim(&at.index(position), &target::workload(&spec.ecs, name, "/spec/template"), mode, recorder);
        }
    }
}

impl<'a> Rulebook<'a> {
    fn new(namespace: Option<&'a str>) -> Self {
        Self { namespace, terms: Terms::always(), with: None, without: Vec::new(), membership_labels: Vec::new() }
    }

    /// Adds a constraint of tasks that are of the group `own`.
    fn add(&mut self, constraint: &Constraint, own: &Group) -> Outcome {
        match constraint {
            Constraint::DistinctInstance => {
                self.keep_apart(own.clone());
                Outcome::default()
            }
            Constraint::MemberOf(expression) => self.add_parts(compile(expression), Some(own)),
        }
    }

    fn add_parts(&mut self, parts: Vec<Part>, own: Option<&Group>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut evaluated = Vec::new();
        for part in parts {
            match part {
                Part::Labels(expression, terms) => match self.terms.and(&terms) {
                    Some(all) => {
                        self.terms = all;
                        outcome.asks_for_attributes(&expression);
                    }
                    None => evaluated.push(expression),
                },
                Part::With(expression, group) => match &self.with {
                    Some(other) if *other != group => evaluated.push(expression),
                    _ => {
                        outcome.is_with(&group, own);
                        self.with = Some(group);
                    }
                },
                Part::Without(group) => {
                    outcome.is_without(&group, own);
                    self.keep_apart(group);
                }
                Part::Evaluated(expression) => evaluated.push(expression),
            }
        }
        if !evaluated.is_empty() {
            let mark = MembershipLabel::new(Expression::all(evaluated), self.namespace);
            outcome.is_evaluated(&mark);
            self.membership_labels.push(mark);
        }
        outcome
    }

    fn keep_apart(&mut self, group: Group) {
        if !self.without.contains(&group) {
            self.without.push(group);
        }
    }

    fn rules(self) -> Rules {
        let marked = self.membership_labels.iter().map(|mark| Terms::marked(mark.label()));
        // A mark is one condition more in each term, and no term more.
        let terms = marked.fold(self.terms, |all, mark| all.and(&mark).unwrap_or(all));
        let never = terms.is_never();
        let node_affinity = terms.selector().map(|selector| NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(selector),
            ..NodeAffinity::default()
        });
        let on_node = |groups: &[Group]| -> Option<Vec<PodAffinityTerm>> {
            some_list(groups.iter().map(Group::on_node).collect())
        };
        let pod_affinity = on_node(self.with.as_slice()).map(|required| PodAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..PodAffinity::default()
        });
        let pod_anti_affinity = on_node(&self.without).map(|required| PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..PodAntiAffinity::default()
        });
        let affinity = Affinity { node_affinity, pod_affinity, pod_anti_affinity };
        Rules {
            affinity: (affinity != Affinity::default()).then_some(affinity),
            membership_labels: self.membership_labels,
            never,
        }
    }
}
