//! What is said of a constraint.

use std::collections::BTreeSet;

use crate::api::labels;
use crate::ecs::Pointer;
use crate::ecs::query::{Condition, Expression};
use crate::translate::placement::facts;
use crate::translate::placement::group::Group;
use crate::translate::placement::membership_label::MembershipLabel;
use crate::translate::{Code, Mode, VerdictRecorder};

/// How far a constraint keeps its meaning; exact, where nothing is noted.
#[derive(Default)]
pub(super) struct Outcome {
    /// Attributes that nodes do not have by themselves.
    attributes: BTreeSet<String>,
    evaluated: Option<(String, Expression)>,
    /// The group to be with, and whether it is its own.
    with: Option<(Group, bool)>,
    /// Others to be apart from.
    without: Vec<Group>,
}

impl Outcome {
    pub(super) fn asks_for_attributes(&mut self, expression: &Expression) {
        let given = |name: &&str| !facts::is_well_known(name);
        self.attributes.extend(expression.attributes().filter(given).map(str::to_owned));
    }

    pub(super) fn is_with(&mut self, group: &Group, own: Option<&Group>) {
        self.with = Some((group.clone(), own == Some(group)));
    }

    pub(super) fn is_without(&mut self, group: &Group, own: Option<&Group>) {
        if own != Some(group) {
            self.without.push(group.clone());
        }
    }

    pub(super) fn is_evaluated(&mut self, mark: &MembershipLabel) {
        self.asks_for_attributes(mark.expression());
        self.evaluated = Some((mark.label().to_owned(), mark.expression().clone()));
    }

    /// Claims the constraint: what is most serious names the verdict, and all is told.
    pub(super) fn claim(&self, at: &Pointer, target: &str, mode: Mode, recorder: &mut VerdictRecorder) {
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
            needs.push((Code::NodeLabelsRequired, to_be_marked(label, expression)));
        }
        if !self.attributes.is_empty() {
            let (labelled, unspeakable): (Vec<_>, Vec<_>) =
                self.attributes.iter().map(String::as_str).partition(|name| !facts::keys(name).is_empty());
            if !labelled.is_empty() {
                needs.push((Code::NodeLabelNeeded, label_needed(&labelled)));
            }
            if !unspeakable.is_empty() {
                let names = unspeakable.join(", ");
                let message = format!("no label can be called {names}, so no node has it: choose another name");
                needs.push((Code::NodeLabelNeeded, message));
            }
        }
        if let Some((group @ (Group::Family(_) | Group::Named(_)), _)) = &self.with {
            let (label, value) = group.label();
            let message = format!(
                "the tasks start beside Pods of their namespace with the label {label}: {value}; this version runs no tasks \
                 without a service, so it makes none of them"
            );
            needs.push((Code::TaskGroupFromPodLabels, message));
        }
        needs
    }

    fn approximations(&self, mode: Mode) -> Vec<(Code, String)> {
        let mut differences = Vec::new();
        if let Some((_, expression)) = self.evaluated.as_ref().filter(|_| mode.has_operator()) {
            differences.push((Code::NodesLabeledByOperator, marked(expression)));
        }
        if let Some((_, true)) = &self.with {
            let message = "the first task starts on any node and the others beside it; on ECS none would ever start";
            differences.push((Code::FirstOfGroupUnconstrained, message.to_owned()));
        }
        if !self.without.is_empty() {
            let message = "the tasks stay apart both ways: Kubernetes also keeps tasks of the group away from nodes that these \
                           run on, where ECS would place them";
            differences.push((Code::AntiAffinitySymmetric, message.to_owned()));
        }
        differences
    }
}

fn label_needed(names: &[&str]) -> String {
    let each = names.iter().map(|name| match facts::keys(name).first() {
        Some(key) if key.label != *name => format!("{} or {name}", key.label),
        _ => (*name).to_owned(),
    });
    let each: Vec<String> = each.collect();
    let first = facts::keys(names[0]).into_iter().next().map_or_else(String::new, |key| key.label);
    format!(
        "nodes say the attribute by a label ({}), which they have to be given as instances are given attributes: kubectl label \
         node NODE {first}=VALUE",
        each.join(", ")
    )
}

fn marked(expression: &Expression) -> String {
    let mut message = format!(
        "the operator evaluates `{expression}` and marks the nodes it is true of by a label, a moment after they change; tasks \
         wait for such a node"
    );
    if expression.asks_for_tasks() {
        message.push_str(", and those that start at the same moment see the same nodes");
    }
    message.push_str(by_kubelet(expression));
    message
}

fn to_be_marked(label: &str, expression: &Expression) -> String {
    let shown = if expression.asks_for_tasks() {
        format!("the label under {} that the affinity asks for", labels::MEMBER_OF)
    } else {
        label.to_owned()
    };
    let quoted = expression.to_string().replace('\'', "'\\''");
    let again = if expression.asks_for_tasks() { "as tasks come and go" } else { "as nodes come and go" };
    format!(
        "there is no operator to evaluate the expression: label the nodes that `ecs-operator query '{quoted}'` lists with {shown}, \
         and again {again}{}",
        by_kubelet(expression)
    )
}

/// There is no ECS agent, whose version could be told.
fn by_kubelet(expression: &Expression) -> &'static str {
    let asks = expression.conditions().any(|condition| matches!(condition, Condition::AgentVersion(..)));
    if asks { "; the agent's version is that of the kubelet, which is numbered otherwise" } else { "" }
}
