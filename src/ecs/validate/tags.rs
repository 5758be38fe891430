//! Tags of task definitions, services and clusters.

use super::{is_blank, repeated};
use crate::ecs::common::Tag;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;

/// Checks `tags`.
pub(super) fn all(tags: &[Tag]) -> Vec<Finding> {
    let at = Pointer::root().key("tags");
    let each = tags.iter().enumerate().flat_map(|(position, tag)| one(&at.index(position), tag));
    each.chain(unique_keys(tags, &at)).collect()
}

/// Keys are unique.
fn unique_keys(tags: &[Tag], at: &Pointer) -> Vec<Finding> {
    repeated(tags.iter().map(|tag| tag.key.as_deref()))
        .map(|(position, key)| {
            let message = format!("another tag already has the key `{key}`");
            Finding::error(at.index(position).key("key"), "duplicate-tag-key", message)
        })
        .collect()
}

fn one(at: &Pointer, tag: &Tag) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(tag.key.as_deref()) {
        findings.push(Finding::error(at.key("key"), "tag-without-key", "the key of the tag is required"));
    }
    for (member, text) in [("key", &tag.key), ("value", &tag.value)] {
        let text = text.as_deref().unwrap_or_default();
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            let advice = if placeholder::is_open(text) { placeholder::HINT } else { "" };
            let message = format!(
                "the character {character:?} is not allowed; allowed are letters, digits, spaces and _.:/=+-@{advice}"
            );
            findings.push(Finding::error(at.key(member), "invalid-tag-characters", message));
        }
    }
    // A warning, because AWS adds such tags and `describe-task-definition` returns them.
    if tag.key.as_deref().is_some_and(is_reserved) {
        let message = "the prefix `aws:` is reserved for AWS; choose another key";
        findings.push(Finding::warning(at.key("key"), "reserved-tag-key", message));
    }
    findings
}

/// True for keys that start with `aws:`, in any case.
fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// True for characters of the pattern in the API model: letters, separators and numbers of all scripts, and `_.:/=+-@`.
fn is_allowed(character: char) -> bool {
    character.is_alphanumeric()
        || character.is_whitespace() && !character.is_control()
        || "_.:/=+-@".contains(character)
}
