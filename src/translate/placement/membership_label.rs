//! Labels of nodes that match an expression.

use crate::api::labels;
use crate::ecs::query::{Expression, Query};
use crate::k8s::fingerprint;
use crate::translate::placement::facts::{NodeFacts, TaskFacts};
use crate::translate::placement::group::with_object_names;

/// Expression that the operator evaluates, and the label of the nodes that match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipLabel {
    label: String,
    expression: Expression,
    /// The expression with object names in the names of groups.
    normalized: Expression,
    namespace: Option<String>,
}

impl MembershipLabel {
    /// Returns the label of an expression in a namespace.
    ///
    /// Labels are stable across installations and versions. A label depends on the namespace only if the expression depends
    /// on tasks: groups are those of the namespace, and an operator that watches one namespace counts only its tasks.
    #[must_use]
    pub fn new(expression: Expression, namespace: Option<&str>) -> Self {
        let namespace = namespace.filter(|_| expression.depends_on_tasks()).map(str::to_owned);
        let text = match &namespace {
            // Expressions contain line breaks only in quotes, so the text is unambiguous.
            Some(namespace) => format!("{namespace}\n{expression}"),
            None => expression.to_string(),
        };
        let label = format!("{}{}", labels::MEMBER_OF, fingerprint::long_hash(&text));
        let normalized = expression.rename_groups(&with_object_names);
        Self { label, expression, normalized, namespace }
    }

    /// Parses the annotation of a Pod in a namespace, with the label as key and the expression as value. Returns `None` if
    /// this version would render another label for the expression: then the version that wrote it evaluates it.
    #[must_use]
    pub fn from_annotation(label: &str, expression: &str, namespace: &str) -> Option<Self> {
        let query = Query::from_canonical(expression).ok()?;
        let parsed = Self::new(query.expression().clone(), Some(namespace));
        (parsed.label == label).then_some(parsed)
    }

    /// Returns the key of the label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the expression.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// True if the result depends on the tasks of a node.
    #[must_use]
    pub fn depends_on_tasks(&self) -> bool {
        self.expression.depends_on_tasks()
    }

    /// True if a node with these tasks matches the expression.
    #[must_use]
    pub fn matches<'a>(&self, node: &NodeFacts, tasks: impl Iterator<Item = &'a TaskFacts> + Clone) -> bool {
        let instance = node.instance(&self.normalized, self.namespace.as_deref(), tasks);
        self.normalized.matches(&instance)
    }
}
