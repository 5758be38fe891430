//! Rights that the operator requires, from the tables of kinds.

use std::borrow::Cow;

use crate::k8s::kinds::{Availability, ChildKind, GROUP, RootKind, Scope};
use crate::kubernetes::discovery::Rule;

/// Returns the rights that the operator requires in its namespaces. It does not start without them.
#[must_use]
pub fn rules() -> Vec<Rule<'static>> {
    let mut rules: Vec<_> = RootKind::ALL.iter().copied().flat_map(root_rules).collect();
    rules.push(Rule::new("", "pods", &["list", "watch", "patch", "delete"]));
    rules.push(Rule::new("events.k8s.io", "events", &["create"]));
    rules.extend(
        ChildKind::ALL.iter().filter(|kind| is_available(**kind, Availability::Always)).map(|kind| child_rule(*kind)),
    );
    rules
}

/// Returns the rights whose absence turns a feature off: those in the operator's namespaces, or those on
/// cluster-scoped resources.
#[must_use]
pub fn optional_rules(scope: Scope) -> Vec<Rule<'static>> {
    let kinds = ChildKind::ALL.iter().copied().filter(|kind| is_available(*kind, Availability::Optional));
    let mut rules: Vec<_> = kinds.filter(|kind| kind.info().scope == scope).map(child_rule).collect();
    match scope {
        Scope::Namespace => rules.extend([POD_METRICS, EXTERNAL_METRICS]),
        Scope::Cluster => rules.extend([CSI_DRIVERS, NODES]),
    }
    rules
}

/// Right to detect a CSI driver.
pub(crate) const CSI_DRIVERS: Rule<'static> = Rule::new("storage.k8s.io", "csidrivers", &["get"]);

/// Right to evaluate the alarms of step scaling policies.
const POD_METRICS: Rule<'static> = Rule::new("metrics.k8s.io", "pods", &["list"]);

/// Right to evaluate alarms on external metrics. Each metric is a separate resource.
const EXTERNAL_METRICS: Rule<'static> = Rule::new("external.metrics.k8s.io", "*", &["list"]);

/// Rights to label nodes.
pub(crate) const NODES: Rule<'static> = Rule::new("", "nodes", &["list", "watch", "patch"]);

fn is_available(kind: ChildKind, availability: Availability) -> bool {
    kind.info().availability == availability
}

/// Returns the rights on a kind of custom resource and its subresources.
fn root_rules(kind: RootKind) -> Vec<Rule<'static>> {
    let info = kind.info();
    let mut rules = vec![Rule::new(GROUP, info.plural, &["list", "watch"]), subresource_rule(info.plural, "status")];
    rules.extend(info.has_scale.then(|| subresource_rule(info.plural, "scale")));
    rules
}

fn subresource_rule(plural: &str, subresource: &str) -> Rule<'static> {
    Rule { group: GROUP, resource: Cow::Owned(format!("{plural}/{subresource}")), verbs: &["patch"] }
}

/// Returns the right on a kind of child.
pub(crate) fn child_rule(kind: ChildKind) -> Rule<'static> {
    let info = kind.info();
    Rule::new(info.group, info.plural, info.verbs())
}
