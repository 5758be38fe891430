//! The label of the nodes that an expression is true of.

use crate::api::labels;
use crate::ecs::query::{Expression, Query};
use crate::k8s::fingerprint;
use crate::translate::placement::facts::{NodeFacts, TaskFacts};
use crate::translate::placement::group::fitted;

/// An expression that is evaluated, and the label of the nodes it is true of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipLabel {
    label: String,
    expression: Expression,
    /// The same with the groups that Pods are known by.
    fitted: Expression,
    namespace: Option<String>,
}

impl MembershipLabel {
    /// The mark of an expression in a namespace.
    ///
    /// Its label is the same everywhere and in every version. It depends on the namespace only where the expression asks for
    /// tasks, as groups are those of the namespace, and who sees no other namespace counts other tasks.
    #[must_use]
    pub fn new(expression: Expression, namespace: Option<&str>) -> Self {
        let namespace = namespace.filter(|_| expression.asks_for_tasks()).map(str::to_owned);
        let text = match &namespace {
            // No expression has a line break outside of quotes.
            Some(namespace) => format!("{namespace}\n{expression}"),
            None => expression.to_string(),
        };
        let label = format!("{}{}", labels::MEMBER_OF, fingerprint::long_hash(&text));
        let fitted = expression.with_groups_named(&fitted);
        Self { label, expression, fitted, namespace }
    }

    /// The mark that an annotation of a Pod in a namespace says: the label and the expression. None when this version would
    /// not have written it so: then another one is there that evaluates it.
    #[must_use]
    pub fn read(label: &str, expression: &str, namespace: &str) -> Option<Self> {
        let query = Query::printed(expression).ok()?;
        let mark = Self::new(query.expression().clone(), Some(namespace));
        (mark.label == label).then_some(mark)
    }

    /// The label's key.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What is evaluated.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Whether the answer depends on the tasks of a node.
    #[must_use]
    pub fn asks_for_tasks(&self) -> bool {
        self.expression.asks_for_tasks()
    }

    /// Whether the expression is true of a node with these tasks.
    #[must_use]
    pub fn is_true_of<'a>(&self, node: &NodeFacts, tasks: impl Iterator<Item = &'a TaskFacts> + Clone) -> bool {
        let instance = node.instance(&self.fitted, self.namespace.as_deref(), tasks);
        self.fitted.matches(&instance)
    }
}
