//! Inputs that are no definition, and what is said of them.

use std::path::Path;

use serde_json::Value;

use crate::convert::files::Source;
use crate::convert::syntax::SyntaxError;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Finding};

/// What is understood, for those who gave something else.
const UNDERSTOOD: &str = "understood are the input of RegisterTaskDefinition, CreateService, UpdateService and \
    CreateCluster, what the describe commands print, a list of container definitions, lists of all of these, and the \
    custom resources of ecs-operator.dev/v1alpha1";

/// Members whose names are told at most of an object that is not understood.
const NAMED: usize = 8;

/// Why an input, or a part of it, is no definition.
#[derive(Debug)]
pub(in crate::convert) struct Problem {
    /// The place in the document.
    pub place: Pointer,
    severity: Severity,
    code: &'static str,
    message: String,
    excerpt: Option<String>,
}

impl Problem {
    fn error(place: &Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self { place: place.clone(), severity: Severity::Error, code, message: message.into(), excerpt: None }
    }

    pub fn unreadable(reason: &str) -> Self {
        Self::error(&Pointer::root(), "unreadable", reason)
    }

    pub fn syntax(error: &SyntaxError, text: &str) -> Self {
        let problem = Self::error(&Pointer::root(), "syntax-error", error.sentence(text));
        Self { excerpt: error.excerpt(text), ..problem }
    }

    pub fn empty(found: bool) -> Self {
        Self::not_ecs(&Pointer::root(), "the file is empty", found)
    }

    /// Something that is not of ECS. In a folder that is usual; a file that was named was meant to be.
    pub fn not_ecs(place: &Pointer, what: &str, found: bool) -> Self {
        let severity = if found { Severity::Info } else { Severity::Error };
        Self { severity, ..Self::error(place, "not-ecs", format!("{what}; {UNDERSTOOD}")) }
    }

    /// Something of ECS that this version does not read.
    pub fn not_yet(place: &Pointer, what: &str) -> Self {
        Self::error(place, "not-supported-yet", format!("{what}; this version does not read it yet"))
    }

    /// Something that AWS was asked for and did not describe.
    pub fn not_described(place: &Pointer, kind: &str, name: &str, reason: &str) -> Self {
        let message = match reason {
            "MISSING" => format!("AWS did not find {kind} {name:?}: check its name, the cluster, region and account"),
            reason => format!("AWS did not describe {kind} {name:?}: {reason}"),
        };
        Self::error(place, "not-described", message)
    }

    /// One of our custom resources that cannot be.
    pub fn invalid_resource(place: &Pointer, message: String) -> Self {
        Self::error(place, "invalid-resource", message)
    }

    /// The problem as an entry of the report.
    pub fn document(self, source: &Source, index: usize) -> Document {
        let path = self.place.to_string();
        let finding = Finding { path, severity: self.severity, code: self.code, message: self.message };
        Document {
            source: source.name.clone(),
            index,
            findings: vec![finding],
            excerpt: self.excerpt,
            ..Document::default()
        }
    }
}

/// Languages that say the same as the ECS API in their own way, known by the file's name or by their words.
pub(super) fn foreign_language(name: &str, text: &str) -> Option<Problem> {
    let place = Pointer::root();
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let terraform =
        "this is Terraform (`aws ecs describe-task-definition` gives the definition with all references filled in)";
    if matches!(ending.as_deref(), Some("tf" | "hcl" | "tofu")) || text.contains("resource \"aws_ecs_") {
        return Some(Problem::not_yet(&place, terraform));
    }
    let cloudformation = text.contains("AWS::ECS::") || text.contains("AWSTemplateFormatVersion");
    cloudformation.then(|| {
        let message = "this is a CloudFormation template (`aws ecs describe-task-definition` and `describe-services` give what \
                       it deployed)";
        Problem::not_yet(&place, message)
    })
}

/// What an object that is not understood looks like.
pub(super) fn describe(value: &Value) -> String {
    let Value::Object(members) = value else {
        return format!("this is {}", crate::ecs::pointer::kind_of(value));
    };
    if members.is_empty() {
        return "this is an empty object".to_owned();
    }
    let names: Vec<String> = members.keys().take(NAMED).map(|name| shortened(name)).collect();
    let more = if members.len() > NAMED { " …" } else { "" };
    format!("no ECS definition has these members together: {}{more}", names.join(", "))
}

fn shortened(name: &str) -> String {
    let short: String = name.chars().take(40).collect();
    format!("`{short}`")
}
