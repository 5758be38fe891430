//! Kinds of parts of an input.

use serde_json::Value;

use super::origin::Origin;
use super::problem::Problem;
use super::related_resource::RelatedResource;
use super::report_scope::ReportScope;
use crate::k8s::kinds::RootKind;

/// A definition and the location of its members in the input.
#[derive(Clone, Debug)]
pub(in crate::convert) struct DefinitionInput {
    pub kind: RootKind,
    /// The definition in the shape of the custom resource's spec.
    pub spec: Value,
    /// Maps paths in the spec to paths in the document.
    pub origin: Origin,
    /// The metadata, if the input is a custom resource.
    pub resource: Option<Value>,
    /// True for the input of an AWS call that adds to an existing definition of that kind and name. Without that
    /// definition it becomes a separate one.
    pub is_supplement: bool,
    /// The part of the document that is reported with the definition.
    pub scope: ReportScope,
}

/// A part of an input.
#[derive(Debug)]
pub(in crate::convert) enum Detected {
    Definition(Box<DefinitionInput>),
    /// A resource that AWS stores separately from the service or cluster it belongs to.
    Related(Box<RelatedResource>),
    Other(Problem),
}

impl Detected {
    pub fn scope_mut(&mut self) -> Option<&mut ReportScope> {
        match self {
            Self::Definition(input) => Some(&mut input.scope),
            Self::Related(resource) => Some(&mut resource.scope),
            Self::Other(_) => None,
        }
    }

    pub fn problem_path(&self) -> Option<String> {
        match self {
            Self::Definition(_) | Self::Related(_) => None,
            Self::Other(problem) => Some(problem.path.to_string()),
        }
    }
}
