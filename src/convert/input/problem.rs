//! Inputs that are not definitions, and the messages about them.

use serde_json::Value;

use super::files::{STDIN, Source};
use super::syntax::SyntaxError;
use crate::ecs::{Pointer, Severity, pointer};
use crate::report::{Document, Finding, Location};

/// Advice about an input that is not an ECS definition.
const SEE_HELP: &str = "`ecs-operator convert --help` lists the accepted inputs";

/// Advice about a definition in another language, for definitions that are deployed on AWS.
pub(super) const EXPORT_FROM_AWS: &str = "`aws ecs describe-task-definition` and `aws ecs describe-services` print what is \
    deployed, with all values filled in";

/// Maximum number of member names in a message about an unknown object.
const MAX_NAMES: usize = 8;

/// The reason why an input, or a part of it, is not a definition.
#[derive(Debug)]
pub(in crate::convert) struct Problem {
    /// The path in the document.
    pub path: Pointer,
    severity: Severity,
    code: &'static str,
    message: String,
    /// The location of a syntax error.
    marked: Option<Box<MarkedLine>>,
}

/// A line of a text with a mark under one character.
#[derive(Debug)]
struct MarkedLine {
    location: Location,
    excerpt: String,
}

impl Problem {
    fn error(path: &Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Error, code, message: message.into(), marked: None }
    }

    pub fn unreadable(reason: &str) -> Self {
        Self::error(&Pointer::root(), "unreadable", reason)
    }

    pub fn syntax(error: &SyntaxError, text: &str) -> Self {
        let problem = Self::error(&Pointer::root(), "syntax-error", error.sentence(text));
        let location = error.location();
        let marked = location.map(|location| Box::new(MarkedLine { location, excerpt: error.excerpt(text) }));
        Self { marked, ..problem }
    }

    /// A text without any document.
    pub fn empty(source: &Source) -> Self {
        let description = if source.name == STDIN {
            "standard input is empty; check that the command before this one succeeds"
        } else {
            "the file is empty or contains only comments"
        };
        let severity = if source.from_folder { Severity::Info } else { Severity::Error };
        Self { severity, ..Self::not_a_definition(&Pointer::root(), description) }
    }

    /// An input that is not a definition, with a complete message.
    pub fn not_a_definition(path: &Pointer, description: &str) -> Self {
        Self::error(path, "not-ecs", description)
    }

    /// An input that is not an ECS definition: an error in a file given by name, usual in a folder.
    pub fn not_ecs(path: &Pointer, description: &str, from_folder: bool) -> Self {
        Self::not_ecs_with_advice(path, description, SEE_HELP, from_folder)
    }

    /// An input that is not an ECS definition, with advice.
    pub fn not_ecs_with_advice(path: &Pointer, description: &str, advice: &str, from_folder: bool) -> Self {
        let severity = if from_folder { Severity::Info } else { Severity::Error };
        Self { severity, ..Self::not_a_definition(path, &format!("{description}; {advice}")) }
    }

    /// An ECS input that this version does not read.
    pub fn not_supported_yet(path: &Pointer, description: &str) -> Self {
        Self::error(path, "not-supported-yet", format!("{description}; this version does not read it yet"))
    }

    /// A definition in a language that is not read.
    pub fn unsupported_language(path: &Pointer, description: &str) -> Self {
        Self::error(path, "not-supported-yet", format!("{description}, which is not read: {EXPORT_FROM_AWS}"))
    }

    /// A resource that a describe command of AWS reported as a failure.
    pub fn not_described(path: &Pointer, kind: &str, name: &str, reason: &str) -> Self {
        let message = match reason {
            "MISSING" => format!("AWS did not find {kind} {name:?}: check its name, the cluster, region and account"),
            reason => format!("AWS did not describe {kind} {name:?}: {reason}"),
        };
        Self::error(path, "not-described", message)
    }

    /// A custom resource of this program's API group that is malformed.
    pub fn invalid_resource(path: &Pointer, message: String) -> Self {
        Self::error(path, "invalid-resource", message)
    }

    /// Returns the problem as an entry of the report.
    pub fn document(self, source: &Source, index: usize) -> Document {
        let path = self.path.to_string();
        let marked = self.marked.map(|marked| *marked);
        let locations = marked.iter().map(|marked| (path.clone(), marked.location)).collect();
        let finding = Finding { path, severity: self.severity, code: self.code, message: self.message };
        Document {
            source: source.name.clone(),
            index,
            findings: vec![finding],
            excerpt: marked.map(|marked| marked.excerpt),
            locations,
            ..Document::default()
        }
    }
}

/// Describes a value that is not a definition, by its type and member names.
pub(super) fn describe(value: &Value) -> String {
    let Value::Object(members) = value else {
        return format!("this is {}", pointer::json_type(value));
    };
    if members.is_empty() {
        return "this is an empty object".to_owned();
    }
    let names: Vec<String> = members.keys().take(MAX_NAMES).map(|name| shortened(name)).collect();
    let more = if members.len() > MAX_NAMES { " …" } else { "" };
    format!("no ECS definition has these members together: {}{more}", names.join(", "))
}

fn shortened(name: &str) -> String {
    let short: String = name.chars().take(40).collect();
    format!("`{short}`")
}
