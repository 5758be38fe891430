//! A text that is to hold one task definition and nothing else.

use std::fmt;

use super::Settings;
use super::input::{Detected, Source, detected_in};
use super::model::Definition;
use crate::api::TaskDefinitionSpec;
use crate::ecs::Severity;
use crate::k8s::kinds::RootKind;
use crate::report::{Document, printable};

/// Why there is no task definition to be used. [`fmt::Display`] tells all of it, with the source and the places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTaskDefinition {
    source: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Something in the text is wrong.
    Wrong(Vec<Document>),
    /// It has definitions of other kinds only.
    OtherKinds(Vec<&'static str>),
    /// It has more than one.
    Several(usize),
}

/// Reads a task definition in any form that [`convert`](super::convert()) takes, and checks it by ECS's rules. It always has a
/// family: without one that is given it is called after its file.
///
/// # Errors
/// When there is none, or more than one, or when ECS would refuse it.
pub fn single_task_definition(source: &Source) -> Result<TaskDefinitionSpec, NoTaskDefinition> {
    let failed = |what| NoTaskDefinition { source: source.name.clone(), what };
    let (mut found, mut wrong, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (_, detected)) in detected_in(source).into_iter().enumerate() {
        match detected {
            Detected::Definition(item) if item.kind == RootKind::TaskDefinition => {
                found.push(Definition::examine(source, index, *item, &Settings::default()));
            }
            Detected::Definition(item) => others.push(item.kind.name()),
            Detected::Related(_) => others.push(RootKind::Service.name()),
            Detected::Other(problem) => wrong.push(problem.document(source, index)),
        }
    }
    let several = found.len();
    match (found.pop(), several) {
        (Some(definition), 1) => match definition.task_definition() {
            Some(spec) if definition.is_usable() => Ok(with_family(spec.clone(), &definition.name)),
            _ => Err(failed(What::Wrong(vec![definition.into_document()]))),
        },
        (Some(_), several) => Err(failed(What::Several(several))),
        (None, _) if others.is_empty() => Err(failed(What::Wrong(wrong))),
        (None, _) => Err(failed(What::OtherKinds(others))),
    }
}

/// Of one of our resources the family is the object's name.
fn with_family(mut spec: TaskDefinitionSpec, name: &str) -> TaskDefinitionSpec {
    spec.ecs.family.get_or_insert_with(|| name.to_owned());
    spec
}

impl fmt::Display for NoTaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.source == super::files::STDIN { "standard input" } else { &self.source };
        write!(f, "{}: ", printable(source))?;
        match &self.what {
            What::Wrong(documents) => {
                f.write_str("there is no task definition to be used in it")?;
                documents.iter().try_for_each(|document| errors(document, f))
            }
            What::OtherKinds(kinds) => write!(f, "there is no task definition in it, but: {}", kinds.join(", ")),
            What::Several(count) => write!(f, "there are {count} task definitions in it; give a file with one"),
        }
    }
}

impl std::error::Error for NoTaskDefinition {}

/// What is wrong, a line each, as `/place: what (code)`.
fn errors(document: &Document, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for finding in document.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        let kind = if finding.severity == Severity::Error { "" } else { "warning: " };
        let place = if finding.path.is_empty() { String::new() } else { format!("{}: ", printable(&finding.path)) };
        // Below the words there may be a figure, whose blanks matter.
        let (words, figure) = finding.message.split_once('\n').unwrap_or((&finding.message, ""));
        write!(f, "\n  {kind}{place}{} ({})", printable(words), finding.code)?;
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
    fn each_form_of_a_task_definition_is_read() {
        let plain = format!(r#"{{"family": "shop", "containerDefinitions": [{CONTAINER}]}}"#);
        assert_eq!(family(&plain), "shop");
        assert_eq!(family(&format!(r#"{{"taskDefinition": {plain}, "tags": []}}"#)), "shop");
        assert_eq!(family(&format!("[{CONTAINER}]")), "web", "after the file");
        let resource = format!(
            r#"{{"apiVersion": "ecs-operator.dev/v1alpha1", "kind": "TaskDefinition", "metadata": {{"name": "object"}},
                "spec": {{"containerDefinitions": [{CONTAINER}]}}}}"#
        );
        assert_eq!(family(&resource), "object");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            (
                r#"{"family": "w", "containerDefinitions": [{"name": "a", "image": "b"}]}"#,
                "web.json: there is no task definition to be used in it\n  /containerDefinitions/0/memory: neither",
            ),
            (r#"{"family": "w" "cpu": 1}"#, "line 1, column"),
            (r#"{"serviceName": "w", "taskDefinition": "w", "desiredCount": 1}"#, "in it, but: Service"),
            ("{\"name\": 1}", "web.json: there is no task definition to be used in it\n  "),
        ];
        for (text, words) in cases {
            let told = read(text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
        let one = format!(r#"{{"family": "w", "containerDefinitions": [{CONTAINER}]}}"#);
        assert!(read(&format!("{one}\n{one}")).unwrap_err().contains("there are 2 task definitions in it"));
    }
}
