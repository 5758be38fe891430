//! Verdicts on placement constraints.

use std::collections::BTreeSet;

use crate::api::labels;
use crate::ecs::Pointer;
use crate::ecs::query::{Condition, Expression};
use crate::translate::placement::facts;
use crate::translate::placement::group::Group;
use crate::translate::placement::membership_label::MembershipLabel;
use crate::translate::{Code, Mode, VerdictRecorder};

/// Differences of a constraint from ECS; exact if there are none.
#[derive(Default)]
pub(super) struct Differences {
    /// Attributes that nodes do not have by default.
    attributes: BTreeSet<String>,
    evaluated: Option<(String, Expression)>,
    /// Group of an affinity, and true if it is the group of the tasks themselves.
    with: Option<(Group, bool)>,
    /// Other groups of anti-affinities.
    without: Vec<Group>,
}

impl Differences {
    pub(super) fn add_attributes(&mut self, expression: &Expression) {
        let names = expression.attributes().filter(|name| !facts::is_well_known(name));
        self.attributes.extend(names.map(str::to_owned));
    }

    pub(super) fn add_affinity(&mut self, group: &Group, task_group: Option<&Group>) {
        self.with = Some((group.clone(), task_group == Some(group)));
    }

    pub(super) fn add_anti_affinity(&mut self, group: &Group, task_group: Option<&Group>) {
        if task_group != Some(group) {
            self.without.push(group.clone());
        }
    }

    pub(super) fn add_evaluated(&mut self, label: &MembershipLabel) {
        self.add_attributes(label.expression());
        self.evaluated = Some((label.label().to_owned(), label.expression().clone()));
    }

    /// Records the verdict on the constraint, with the most serious code and the messages of all differences.
    pub(super) fn record(&self, at: &Pointer, target: &str, mode: Mode, recorder: &mut VerdictRecorder) {
        let target = format!("{target}/spec/affinity");
        recorder.exact(at.clone(), target.clone());
        let mut differences = self.needs(mode);
        let needs = differences.len();
        differences.extend(self.approximations(mode));
        let Some((code, _)) = differences.first() else { return };
        let (code, at) = (*code, at.key("expression"));
        let messages: Vec<&str> = differences.iter().map(|(_, message)| message.as_str()).collect();
        let message = messages.join("; ");
        if needs > 0 {
            recorder.needs_addon(at, code, target, message);
        } else {
            recorder.approximate(at, code, target, message);
        }
    }

    fn needs(&self, mode: Mode) -> Vec<(Code, String)> {
        let mut needs = Vec::new();
        if let Some((label, expression)) = self.evaluated.as_ref().filter(|_| !mode.has_operator()) {
            needs.push((Code::NodeLabelsRequired, label_by_hand_message(label, expression)));
        }
        if !self.attributes.is_empty() {
            let (valid, invalid): (Vec<_>, Vec<_>) =
                self.attributes.iter().map(String::as_str).partition(|name| !facts::keys(name).is_empty());
            if !valid.is_empty() {
                needs.push((Code::NodeLabelNeeded, label_needed_message(&valid)));
            }
            if !invalid.is_empty() {
                let names = invalid.join(", ");
                let message =
                    format!("{names} is not valid as the key of a label, so no node has it: choose another name");
                needs.push((Code::NodeLabelNeeded, message));
            }
        }
        if let Some((group @ (Group::Family(_) | Group::Named(_)), _)) = &self.with {
            let (label, value) = group.label();
            let message = format!(
                "the tasks start on nodes with Pods of their namespace that have the label {label}: {value}; this version runs no \
                 tasks without a service, so create such Pods yourself"
            );
            needs.push((Code::TaskGroupFromPodLabels, message));
        }
        needs
    }

    fn approximations(&self, mode: Mode) -> Vec<(Code, String)> {
        let mut differences = Vec::new();
        if let Some((_, expression)) = self.evaluated.as_ref().filter(|_| mode.has_operator()) {
            differences.push((Code::NodesLabeledByOperator, labeled_by_operator_message(expression)));
        }
        if let Some((_, true)) = &self.with {
            let message =
                "the first task starts on any node and the others on the same node; on ECS no task would start";
            differences.push((Code::FirstOfGroupUnconstrained, message.to_owned()));
        }
        if !self.without.is_empty() {
            let message = "the anti-affinity is symmetric: Kubernetes also keeps tasks of the group off the nodes of these tasks, \
                           where ECS would place them";
            differences.push((Code::AntiAffinitySymmetric, message.to_owned()));
        }
        differences
    }
}

fn label_needed_message(names: &[&str]) -> String {
    let keys = names.iter().map(|name| match facts::keys(name).first() {
        Some(key) if key.label != *name => format!("{} or {name}", key.label),
        _ => (*name).to_owned(),
    });
    let keys: Vec<String> = keys.collect();
    let first = facts::keys(names[0]).into_iter().next().map_or_else(String::new, |key| key.label);
    format!(
        "the attribute is a label of nodes ({}): label the nodes as instances are given attributes, with kubectl label node NODE \
         {first}=VALUE",
        keys.join(", ")
    )
}

fn labeled_by_operator_message(expression: &Expression) -> String {
    let mut message = format!(
        "the operator evaluates `{expression}` and labels the nodes that match, shortly after they change; tasks wait for such a \
         node"
    );
    if expression.depends_on_tasks() {
        message.push_str(", and tasks that start at the same time are placed by the same labels");
    }
    message.push_str(agent_version_message(expression));
    message
}

fn label_by_hand_message(label: &str, expression: &Expression) -> String {
    let label = if expression.depends_on_tasks() {
        format!("the label under {} that the affinity requires", labels::MEMBER_OF)
    } else {
        label.to_owned()
    };
    let quoted = expression.to_string().replace('\'', "'\\''");
    let changes = if expression.depends_on_tasks() { "tasks" } else { "nodes" };
    format!(
        "the expression is not evaluated without the operator: label the nodes that `ecs-operator query '{quoted}'` lists with \
         {label}, and again when {changes} change{}",
        agent_version_message(expression)
    )
}

/// Explains the version of the ECS agent, which has no equivalent.
fn agent_version_message(expression: &Expression) -> &'static str {
    if expression.conditions().any(|condition| matches!(condition, Condition::AgentVersion(..))) {
        "; the version of the kubelet is used as the version of the agent, and has other numbers"
    } else {
        ""
    }
}
