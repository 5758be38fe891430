//! `placementConstraints` → affinities and membership labels of nodes.
//!
//! A constraint applies when a task is placed and not afterwards, like an affinity that is *required during scheduling,
//! ignored during execution*. The part of an expression with an exact equivalent becomes an affinity ([`compile()`]). The
//! operator evaluates the rest (patterns, comparisons, versions, times, counts): it labels the matching nodes
//! ([`MembershipLabel`]), and the affinity requires the label. Thus a template depends only on its definition and not on the
//! current nodes, and without the operator tasks wait instead of running on a wrong node. An annotation of the Pods, with the
//! same key as the label, contains the expression to evaluate.
//!
//! All constraints of the task definition and of the service must hold, so their terms are multiplied. The operator also
//! evaluates an expression that would exceed the limit of terms, and an affinity to a second group, which one Pod affinity
//! cannot express.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, NodeAffinity, PodAffinity, PodAffinityTerm, PodAntiAffinity};

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::ecs::placement::Constraint;
use crate::ecs::query::{Expression, Query};
use crate::translate::context::Membership;
use crate::translate::conversions::some_list;
use crate::translate::placement::compile::{Part, compile};
use crate::translate::placement::differences::Differences;
use crate::translate::placement::group::Group;
use crate::translate::placement::membership_label::MembershipLabel;
use crate::translate::placement::terms::Terms;
use crate::translate::{Mode, RenderContext, VerdictRecorder, target};

/// Node requirements of the Pods of a task.
#[derive(Debug)]
pub struct Rules {
    /// Affinity of the Pods; `None` if any node matches.
    pub affinity: Option<Affinity>,
    /// Membership labels that the affinity requires.
    pub membership_labels: Vec<MembershipLabel>,
    /// True if no node can match.
    pub never: bool,
}

impl Rules {
    /// Compiles a single expression in a namespace.
    #[must_use]
    pub fn from_query(query: &Query, namespace: Option<&str>) -> Self {
        let mut builder = RulesBuilder::new(namespace);
        builder.add_parts(compile(query.expression()), None);
        builder.build()
    }

    /// Returns the annotations with the expressions of the membership labels.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.membership_labels.iter().map(|it| (it.label().to_owned(), it.expression().to_string()));
        annotations.collect()
    }
}

/// Accumulates the rules of several constraints.
struct RulesBuilder<'a> {
    namespace: Option<&'a str>,
    terms: Terms,
    with: Option<Group>,
    without: Vec<Group>,
    membership_labels: Vec<MembershipLabel>,
}

/// Renders the constraints of a task and its service, and records verdicts on those of the task. `selector` is the node
/// selector of the Pod.
pub(crate) fn render(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    selector: &BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) -> Rules {
    let group = Group::Service(task.workload_name().to_owned());
    let mut builder = RulesBuilder::new(membership.namespace);
    builder.terms = task.capacity.map_or_else(Terms::always, |capacity| capacity.terms(selector));
    let at = Pointer::root().key("placementConstraints");
    for (position, constraint) in task.definition.placement_constraints.iter().enumerate() {
        if let Ok(constraint) = Constraint::member_of(constraint.expression.as_deref()) {
            let differences = builder.add(&constraint, &group);
            differences.record(&at.index(position), task.target, task.mode, recorder);
        }
    }
    for constraint in task.service.iter().flat_map(|service| &service.ecs.placement_constraints) {
        // Validation rejects any other constraint.
        if let Ok(constraint) = Constraint::try_from(constraint) {
            builder.add(&constraint, &group);
        }
    }
    builder.build()
}

/// Records verdicts on the constraints of a service; `name` is the name of its object.
pub(super) fn record(spec: &ServiceSpec, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let group = Group::Service(name.to_owned());
    let mut builder = RulesBuilder::new(None);
    let at = Pointer::root().key("placementConstraints");
    for (position, constraint) in spec.ecs.placement_constraints.iter().enumerate() {
        // Validation rejects any other constraint.
        if let Ok(constraint) = Constraint::try_from(constraint) {
            let differences = builder.add(&constraint, &group);
            differences.record(
                &at.index(position),
                &target::workload(&spec.ecs, name, "/spec/template"),
                mode,
                recorder,
            );
        }
    }
}

impl<'a> RulesBuilder<'a> {
    fn new(namespace: Option<&'a str>) -> Self {
        Self { namespace, terms: Terms::always(), with: None, without: Vec::new(), membership_labels: Vec::new() }
    }

    /// Adds a constraint of tasks in `group`.
    fn add(&mut self, constraint: &Constraint, group: &Group) -> Differences {
        match constraint {
            Constraint::DistinctInstance => {
                self.keep_apart(group.clone());
                Differences::default()
            }
            Constraint::MemberOf(expression) => self.add_parts(compile(expression), Some(group)),
        }
    }

    fn add_parts(&mut self, parts: Vec<Part>, task_group: Option<&Group>) -> Differences {
        let mut differences = Differences::default();
        let mut evaluated = Vec::new();
        for part in parts {
            match part {
                Part::Labels(expression, terms) => match self.terms.and(&terms) {
                    Some(all) => {
                        self.terms = all;
                        differences.add_attributes(&expression);
                    }
                    None => evaluated.push(expression),
                },
                Part::With(expression, group) => match &self.with {
                    Some(other) if *other != group => evaluated.push(expression),
                    _ => {
                        differences.add_affinity(&group, task_group);
                        self.with = Some(group);
                    }
                },
                Part::Without(group) => {
                    differences.add_anti_affinity(&group, task_group);
                    self.keep_apart(group);
                }
                Part::Evaluated(expression) => evaluated.push(expression),
            }
        }
        if !evaluated.is_empty() {
            let label = MembershipLabel::new(Expression::all(evaluated), self.namespace);
            differences.add_evaluated(&label);
            self.membership_labels.push(label);
        }
        differences
    }

    fn keep_apart(&mut self, group: Group) {
        if !self.without.contains(&group) {
            self.without.push(group);
        }
    }

    fn build(self) -> Rules {
        let labels = self.membership_labels.iter().map(|it| Terms::with_label(it.label()));
        // A label adds a condition to each term and no further term, so the limit of terms is kept.
        let terms = labels.fold(self.terms, |all, label| all.and(&label).unwrap_or(all));
        let never = terms.is_never();
        let node_affinity = terms.selector().map(|selector| NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(selector),
            ..NodeAffinity::default()
        });
        let pod_affinity = affinity_terms(self.with.as_slice()).map(|required| PodAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..PodAffinity::default()
        });
        let pod_anti_affinity = affinity_terms(&self.without).map(|required| PodAntiAffinity {
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

fn affinity_terms(groups: &[Group]) -> Option<Vec<PodAffinityTerm>> {
    some_list(groups.iter().map(Group::affinity_term).collect())
}
