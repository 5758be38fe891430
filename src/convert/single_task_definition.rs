//! Reads a text that must contain exactly one task definition.

use std::fmt;

use super::Settings;
use super::input::{Detected, Source, detected_in};
use super::model::Definition;
use crate::api::TaskDefinitionSpec;
use crate::ecs::Severity;
use crate::k8s::kinds::RootKind;
use crate::report::{Document, printable};

/// The reason why a text contains no usable task definition. [`fmt::Display`] writes the source and all errors with their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTaskDefinition {
    source: String,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// The text or its task definition is invalid.
    Invalid(Vec<Document>),
    /// The text contains only definitions of other kinds.
    OtherKinds(Vec<&'static str>),
    /// The text contains several task definitions.
    Several(usize),
}

/// Reads a task definition in any form that [`convert`](super::convert()) accepts, and validates it by the rules of ECS. The
/// result has a family: that of the file name if the text contains none.
///
/// # Errors
/// Returns an error if the text contains no task definition or several, or if ECS would reject it.
pub fn single_task_definition(source: &Source) -> Result<TaskDefinitionSpec, NoTaskDefinition> {
    let failed = |reason| NoTaskDefinition { source: source.name.clone(), reason };
    let (mut definitions, mut invalid, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (_, detected)) in detected_in(source).into_iter().enumerate() {
        match detected {
            Detected::Definition(item) if item.kind == RootKind::TaskDefinition => {
                definitions.push(Definition::examine(source, index, *item, &Settings::default()));
            }
            Detected::Definition(item) => others.push(item.kind.name()),
            Detected::Related(_) => others.push(RootKind::Service.name()),
            Detected::Other(problem) => invalid.push(problem.document(source, index)),
        }
    }
    let count = definitions.len();
    match (definitions.pop(), count) {
        (Some(definition), 1) => match definition.task_definition() {
            Some(spec) if definition.is_usable() => Ok(with_family(spec.clone(), &definition.name)),
            _ => Err(failed(Reason::Invalid(vec![definition.into_document()]))),
        },
        (Some(_), count) => Err(failed(Reason::Several(count))),
        (None, _) if others.is_empty() => Err(failed(Reason::Invalid(invalid))),
        (None, _) => Err(failed(Reason::OtherKinds(others))),
    }
}

/// Sets the family of a custom resource without one to the object's name.
fn with_family(mut spec: TaskDefinitionSpec, name: &str) -> TaskDefinitionSpec {
    spec.ecs.family.get_or_insert_with(|| name.to_owned());
    spec
}

impl fmt::Display for NoTaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.source == super::files::STDIN { "standard input" } else { &self.source };
        write!(f, "{}: ", printable(source))?;
        match &self.reason {
            Reason::Invalid(documents) => {
                f.write_str("no usable task definition")?;
                documents.iter().try_for_each(|document| errors(document, f))
            }
            Reason::OtherKinds(kinds) => write!(f, "no task definition; the text contains: {}", kinds.join(", ")),
            Reason::Several(count) => write!(f, "{count} task definitions; use a file with one"),
        }
    }
}

impl std::error::Error for NoTaskDefinition {}

/// Writes errors and warnings, one per line, as `/path: message (code)`.
fn errors(document: &Document, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for finding in document.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        let kind = if finding.severity == Severity::Error { "" } else { "warning: " };
        let path = if finding.path.is_empty() { String::new() } else { format!("{}: ", printable(&finding.path)) };
        // The lines after the first one may be a figure, in which spaces are significant.
        let (message, figure) = finding.message.split_once('\n').unwrap_or((&finding.message, ""));
        write!(f, "\n  {kind}{path}{} ({})", printable(message), finding.code)?;
        figure.lines().try_for_each(|line| write!(f, "\n    {}", printable(line)))?;
    }
    let excerpt = document.excerpt.as_deref().unwrap_or_default();
    excerpt.lines().try_for_each(|line| write!(f, "\n    {}", printable(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER: &str = r#"{"name": "app", "image": "nginx:1", "memory": 64}"#;

    fn read(text: &str) -> Result<TaskDefinitionSpec, String> {
        let source = Source { name: "web.json".to_owned(), text: Ok(text.to_owned()), from_folder: false };
        single_task_definition(&source).map_err(|error| error.to_string())
    }

    fn family(text: &str) -> String {
        read(text).unwrap().ecs.family.unwrap()
    }

    #[test]
    fn every_form_of_a_task_definition_is_read() {
        let plain = format!(r#"{{"family": "shop", "containerDefinitions": [{CONTAINER}]}}"#);
        assert_eq!(family(&plain), "shop");
        assert_eq!(family(&format!(r#"{{"taskDefinition": {plain}, "tags": []}}"#)), "shop");
        assert_eq!(family(&format!("[{CONTAINER}]")), "web", "from the file name");
        let resource = format!(
            r#"{{"apiVersion": "ecs-operator.dev/v1alpha1", "kind": "TaskDefinition", "metadata": {{"name": "object"}},
                "spec": {{"containerDefinitions": [{CONTAINER}]}}}}"#
        );
        assert_eq!(family(&resource), "object");
    }

    #[test]
    fn errors_are_written_with_their_paths() {
        let cases = [
            (
                r#"{"family": "w", "containerDefinitions": [{"name": "a", "image": "b"}]}"#,
                "web.json: no usable task definition\n  /containerDefinitions/0/memory: neither",
            ),
            (r#"{"family": "w" "cpu": 1}"#, "line 1, column"),
            (r#"{"serviceName": "w", "taskDefinition": "w", "desiredCount": 1}"#, "the text contains: Service"),
            ("{\"name\": 1}", "web.json: no usable task definition\n  "),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let one = format!(r#"{{"family": "w", "containerDefinitions": [{CONTAINER}]}}"#);
        assert!(read(&format!("{one}\n{one}")).unwrap_err().contains("2 task definitions"));
    }
}
