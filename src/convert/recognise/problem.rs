//! Inputs that are no definition, and what is said of them.

use serde_json::Value;

use super::foreign::DEPLOYED;
use crate::convert::files::{STDIN, Source};
use crate::convert::syntax::SyntaxError;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Finding, Place};

/// For those who gave something else.
const UNDERSTOOD: &str = "`ecs-operator convert --help` tells what is read";

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
    /// Where the text could not be read.
    spot: Option<Box<Spot>>,
}

/// A spot in a text.
#[derive(Debug)]
struct Spot {
    place: Place,
    /// The line with a mark under the spot.
    excerpt: String,
}

impl Problem {
    fn error(place: &Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self { place: place.clone(), severity: Severity::Error, code, message: message.into(), spot: None }
    }

    pub fn unreadable(reason: &str) -> Self {
        Self::error(&Pointer::root(), "unreadable", reason)
    }

    pub fn syntax(error: &SyntaxError, text: &str) -> Self {
        let problem = Self::error(&Pointer::root(), "syntax-error", error.sentence(text));
        let spot = error.place().map(|place| Box::new(Spot { place, excerpt: error.excerpt(text) }));
        Self { spot, ..problem }
    }

    /// Nothing but spaces and comments.
    pub fn empty(source: &Source) -> Self {
        let what = if source.name == STDIN {
            "standard input is empty; did the command before this one fail?"
        } else {
            "the file is empty, or has only comments"
        };
        let severity = if source.found { Severity::Info } else { Severity::Error };
        Self { severity, ..Self::no_definition(&Pointer::root(), what) }
    }

    /// Something that is no definition, of which all is said.
    pub fn no_definition(place: &Pointer, what: &str) -> Self {
        Self::error(place, "not-ecs", what)
    }

    /// Something that is not of ECS. In a folder that is usual; a file that was named was meant to be.
    pub fn not_ecs(place: &Pointer, what: &str, found: bool) -> Self {
        Self::not_ecs_but(place, what, UNDERSTOOD, found)
    }

    /// Something that is not of ECS, and what to do instead.
    pub fn not_ecs_but(place: &Pointer, what: &str, instead: &str, found: bool) -> Self {
        let severity = if found { Severity::Info } else { Severity::Error };
        Self { severity, ..Self::no_definition(place, &format!("{what}; {instead}")) }
    }

    /// Something of ECS that this version does not read.
    pub fn not_yet(place: &Pointer, what: &str) -> Self {
        Self::error(place, "not-supported-yet", format!("{what}; this version does not read it yet"))
    }

    /// A definition in a language that is not read.
    pub fn not_read(place: &Pointer, what: &str) -> Self {
        Self::error(place, "not-supported-yet", format!("{what}, which is not read: {DEPLOYED}"))
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
        let spot = self.spot.map(|spot| *spot);
        let places = spot.iter().map(|spot| (path.clone(), spot.place)).collect();
        let finding = Finding { path, severity: self.severity, code: self.code, message: self.message };
        Document {
            source: source.name.clone(),
            index,
            findings: vec![finding],
            excerpt: spot.map(|spot| spot.excerpt),
            places,
            ..Document::default()
        }
    }
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
