//! Names of objects, containers, ports and labels: what the API server accepts, and how to derive one from any text.
//!
//! A text that is already valid is kept. Any other is lower-cased, its other characters become hyphens, it is cut, and a
//! hyphen and five characters of a hash of the original are added: `Web_API` becomes `web-api-xxxxx`. Different texts
//! therefore get different names (a collision of two similar texts has a chance of one in 33 million). The same text gets
//! the same name on every machine and in every release: users see these names, so the mapping must never change.

// Addresses alone, without the sockets of `std`.
use core::net::IpAddr;

use super::fingerprint::{SHORT_HASH_LENGTH, short_hash};

/// Maximum length of a derived object name. Leaves eleven of a label's 63 characters to suffixes of child objects.
pub const OBJECT_NAME_MAX: usize = 52;

/// Maximum length of an RFC 1123 label.
pub const LABEL_MAX: usize = 63;

/// Maximum length of a container name.
pub const CONTAINER_NAME_MAX: usize = LABEL_MAX;

/// Maximum length of a port name.
pub const PORT_NAME_MAX: usize = 15;

/// Maximum length of the value of a label.
pub const LABEL_VALUE_MAX: usize = 63;

/// Maximum length of an RFC 1123 subdomain.
const SUBDOMAIN_MAX: usize = 253;

/// Returns the object name for any text: a DNS label of at most [`OBJECT_NAME_MAX`] characters.
#[must_use]
pub fn object_name(name: &str) -> String {
    fit(name, OBJECT_NAME_MAX, is_label)
}

/// Returns the container name for any text: a DNS label of at most [`CONTAINER_NAME_MAX`] characters.
#[must_use]
pub fn container_name(name: &str) -> String {
    fit(name, CONTAINER_NAME_MAX, is_label)
}

/// Returns the port name for any text: at most 15 of a-z, 0-9 and `-`, at least one letter, no two hyphens in a row.
#[must_use]
pub fn port_name(name: &str) -> String {
    fit(name, PORT_NAME_MAX, is_port_name)
}

/// Returns the label value for any text: the text itself if it is a valid label value.
#[must_use]
pub fn label_value(text: &str) -> String {
    if is_label_value(text) {
        return text.to_owned();
    }
    let replace = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let stem: String = text.chars().map(replace).take(LABEL_VALUE_MAX - SHORT_HASH_LENGTH - 1).collect();
    with_hash(stem.trim_matches(|c: char| !c.is_ascii_alphanumeric()), text)
}

/// True if `text` is a valid label value: empty, or as [`is_qualified_name`] has it.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified_name(text)
}

/// True if `text` is a valid key of a label: a name as [`is_qualified_name`] has it, with or without `subdomain/` before it.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified_name(name),
        None => is_qualified_name(text),
    }
}

/// True if `text` is a valid name part of the key of a label or an annotation: at most 63 letters, digits and `- _ .`, a
/// letter or digit at both ends.
#[must_use]
pub fn is_qualified_name(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    let is_allowed = |c: char| is_end(c) || matches!(c, '-' | '_' | '.');
    text.len() <= LABEL_VALUE_MAX && text.chars().all(is_allowed) && text.starts_with(is_end) && text.ends_with(is_end)
}

/// True if `text` is an RFC 1123 label: at most 63 of a-z, 0-9 and `-`, no hyphen at an end. Namespaces are such labels.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= LABEL_MAX && has_label_characters(text)
}

/// True if `text` is an RFC 1123 subdomain: at most 253 characters, labels joined by dots. Object names are such subdomains.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && text.split('.').all(has_label_characters)
}

/// True if `text` is an IPv4 or IPv6 address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn has_label_characters(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_port_name(name: &str) -> bool {
    is_label(name) && name.bytes().any(|byte| byte.is_ascii_lowercase()) && !name.contains("--")
}

fn fit(name: &str, max: usize, is_valid: fn(&str) -> bool) -> String {
    if name.len() <= max && is_valid(name) {
        name.to_owned()
    } else {
        with_hash(&stem(name, max - SHORT_HASH_LENGTH - 1), name)
    }
}

fn with_hash(stem: &str, original: &str) -> String {
    let stem = if stem.is_empty() { "x" } else { stem };
    format!("{stem}-{}", short_hash(original))
}

/// Returns at most `max` characters of a name that a label may have; each run of other characters becomes one hyphen.
fn stem(name: &str, max: usize) -> String {
    let mut stem = String::with_capacity(max);
    for character in name.chars().map(|character| character.to_ascii_lowercase()) {
        if stem.len() == max {
            break;
        }
        if character.is_ascii_alphanumeric() {
            stem.push(character);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    stem.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names with every kind of character in every position, without duplicates.
    fn many_names() -> Vec<String> {
        let parts = ["", "a", "A", "_", "-", "--", "web", "Web", "0", "é", "x".repeat(60).as_str(), "/", "a.b"]
            .map(str::to_owned);
        let mut names: Vec<String> = Vec::new();
        for first in &parts {
            for second in &parts {
                names.extend(parts.iter().map(|third| format!("{first}{second}{third}")));
            }
        }
        names.extend((0..5000).map(|number| format!("Service_{number}")));
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn valid_names_are_kept() {
        let longest = "a".repeat(OBJECT_NAME_MAX);
        for name in ["web", "web-api", "a", "0", "a--b", longest.as_str()] {
            assert_eq!(object_name(name), name);
        }
        assert_eq!(port_name("http-metrics"), "http-metrics");
    }

    #[test]
    fn labels_subdomains_and_addresses_are_those_the_server_accepts() {
        for name in ["web", "0", "a.b-c", "a.b.example"] {
            assert!(is_subdomain(name), "{name}");
        }
        for name in ["", ".", "a..b", "a.", "A", "a/../b", "-a", "a-", "a_b", "a b", "ä", "a".repeat(254).as_str()] {
            assert!(!is_subdomain(name) && !is_label(name), "{name}");
        }
        assert!(is_label("shop") && !is_label("a.b") && !is_label(&"a".repeat(64)));
        assert!(is_address("192.0.2.1") && is_address("2001:db8::1"));
        assert!(!is_address("host-gateway") && !is_address("1") && !is_address("192.0.2.01"));
    }

    #[test]
    fn the_mapping_never_changes() {
        let cases = [("Web_API", "web-api-d8pgb"), ("web_api", "web-api-9tshn"), ("_", "x-cu84q")];
        for (name, object) in cases {
            assert_eq!(object_name(name), object, "objects of users have these names");
        }
    }

    #[test]
    fn every_text_has_a_unique_label_value() {
        for text in ["", "a", "A.b_c-0", "a".repeat(63).as_str()] {
            assert_eq!(label_value(text), text);
        }
        let mut texts_by_value: BTreeMap<String, String> = BTreeMap::new();
        let more = ["a b", "a/b", "a:b", " a", "a".repeat(64).as_str()].map(str::to_owned);
        let mut texts = many_names();
        texts.extend(more);
        texts.sort();
        texts.dedup();
        for text in texts {
            let value = label_value(&text);
            assert!(is_label_value(&value), "{text} → {value}");
            assert_eq!(label_value(&value), value);
            assert_eq!(texts_by_value.insert(value, text.clone()), None, "{text}");
        }
        assert_eq!(label_value("10:30 /x"), "10-30--x-w8dpw", "nodes of users have these values");
    }

    #[test]
    fn label_keys_are_those_the_server_accepts() {
        for key in ["stack", "a.b_c-0", "foundry.signoz.io/storage", "x/Y"] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "-a", "a/b/c", "A/b", "a\\b", "a/", "/a", "a".repeat(64).as_str()] {
            assert!(!is_label_key(key), "{key}");
        }
    }

    #[test]
    fn every_name_becomes_a_label() {
        for name in many_names() {
            let object = object_name(&name);
            assert!(is_label(&object) && object.len() <= OBJECT_NAME_MAX, "{name} → {object}");
            let container = container_name(&name);
            assert!(is_label(&container) && container.len() <= CONTAINER_NAME_MAX, "{name} → {container}");
            let port = port_name(&name);
            assert!(is_port_name(&port) && port.len() <= PORT_NAME_MAX, "{name} → {port}");
        }
    }

    #[test]
    fn different_names_stay_different() {
        for map in [object_name, container_name, port_name] {
            let mut names_by_label: BTreeMap<String, String> = BTreeMap::new();
            for name in many_names() {
                if let Some(other) = names_by_label.insert(map(&name), name.clone()) {
                    panic!("{name} and {other} become the same");
                }
            }
        }
    }

    #[test]
    fn a_derived_name_is_kept_when_derived_again() {
        for name in many_names() {
            assert_eq!(object_name(&object_name(&name)), object_name(&name));
        }
    }
}
