//! Tags of task definitions, services and clusters.

use super::{is_blank, repeated};
use crate::ecs::common::Tag;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;

/// All rules about `tags`.
pub(super) fn all(tags: &[Tag]) -> Vec<Finding> {
    let at = Pointer::root().key("tags");
    let each = tags.iter().enumerate().flat_map(|(position, tag)| one(&at.index(position), tag));
    each.chain(keys_unique(tags, &at)).collect()
}

/// A key stands once.
fn keys_unique(tags: &[Tag], at: &Pointer) -> Vec<Finding> {
    repeated(tags.iter().map(|tag| tag.key.as_deref()))
        .map(|(position, key)| {
            let message = format!("the key `{key}` is used twice");
            Finding::error(at.index(position).key("key"), "duplicate-tag-key", message)
        })
        .collect()
}

fn one(at: &Pointer, tag: &Tag) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(tag.key.as_deref()) {
        findings.push(Finding::error(at.key("key"), "tag-without-key", "a tag needs a key"));
    }
    for (member, text) in [("key", &tag.key), ("value", &tag.value)] {
        let text = text.as_deref().unwrap_or_default();
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            let advice = if placeholder::is_open(text) { placeholder::HINT } else { "" };
            let message =
                format!("{character:?} is not allowed in a tag; it has letters, digits, spaces and _.:/=+-@{advice}");
            findings.push(Finding::error(at.key(member), "invalid-tag-characters", message));
        }
    }
    // AWS puts such tags on by itself, and describe prints them.
    if tag.key.as_deref().is_some_and(is_reserved) {
        let message = "keys that start with `aws:` are kept for AWS; nobody else can set this one";
        findings.push(Finding::warning(at.key("key"), "reserved-tag-key", message));
    }
    findings
}

/// Keys that begin with `aws:`, in any case, are AWS's own.
fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// The pattern of keys and values in the API model: letters, separators and numbers of all scripts, and a few signs.
fn is_allowed(character: char) -> bool {
    character.is_alphanumeric()
        || character.is_whitespace() && !character.is_control()
        || "_.:/=+-@".contains(character)
}
