//! Names that ECS allows, made fit for places that allow less: RFC 1123 labels and port names.
//!
//! A name that already fits stays as it is. Any other is lower-cased, has its other characters replaced by hyphens,
//! is cut, and gets a hyphen and five characters that stand for the original: `Web_API` becomes `web-api-xxxxx`. So
//! different names stay different (to one in 33 million for two names that look alike), and the same name comes out
//! the same everywhere and in every version: the mapping is part of what users see and must never change.

/// Longest name of an object. Leaves eleven of a label's 63 characters to the suffixes of derived objects.
pub const OBJECT_NAME_MAX: usize = 52;

/// Longest name of a container: that of a DNS label.
pub const CONTAINER_NAME_MAX: usize = 63;

/// Longest name of a port.
pub const PORT_NAME_MAX: usize = 15;

/// Longest value of a label.
pub const LABEL_VALUE_MAX: usize = 63;

/// Number of characters that stand for the original name.
const HASH_LENGTH: usize = 5;

/// Number of characters that stand for a text alone.
const LONG_HASH_LENGTH: usize = 12;

/// 32 characters for five bits each, without those that are easily misread.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The name of the object that stands for something ECS calls `name`: a DNS label of at most 52 characters.
#[must_use]
pub fn object_name(name: &str) -> String {
    fit(name, OBJECT_NAME_MAX, is_label)
}

/// The name of a container ECS calls `name`: a DNS label of at most 63 characters.
#[must_use]
pub fn container_name(name: &str) -> String {
    fit(name, CONTAINER_NAME_MAX, is_label)
}

/// The name of a port ECS calls `name`: at most 15 of a-z, 0-9 and `-`, one letter at least, no two hyphens together.
#[must_use]
pub fn port_name(name: &str) -> String {
    fit(name, PORT_NAME_MAX, is_port_name)
}

/// A number that stands for a text: the same everywhere and in every version. 64-bit FNV-1a, after a final mix.
#[must_use]
pub fn number(text: &str) -> u64 {
    mixed(fnv1a(text.as_bytes()))
}

/// The value of a label that stands for a text: the text itself where a label can have it as its value.
#[must_use]
pub fn label_value(text: &str) -> String {
    if is_label_value(text) {
        return text.to_owned();
    }
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let stem: String = text.chars().map(kept).take(LABEL_VALUE_MAX - HASH_LENGTH - 1).collect();
    let stem = stem.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if stem.is_empty() { format!("x-{}", short_hash(text)) } else { format!("{stem}-{}", short_hash(text)) }
}

/// Whether a label can have this value: at most 63 letters, digits and `- _ .`, none of the latter at an end.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

/// Whether a label can be called so: a name as [`is_label_value`] has it, after a DNS subdomain and a slash or without.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_object_name(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// Whether this can be the part of a label's key after the slash.
#[must_use]
pub fn is_label_name(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let allowed = |c: char| ends(c) || matches!(c, '-' | '_' | '.');
    text.len() <= LABEL_VALUE_MAX && text.chars().all(allowed) && text.starts_with(ends) && text.ends_with(ends)
}

/// Five characters that stand for a text: the same everywhere and in every version.
///
/// They are 25 bits of its [`number`].
#[must_use]
pub fn short_hash(text: &str) -> String {
    hashed(text, HASH_LENGTH)
}

/// Twelve such characters, 60 bits: for texts that nothing else tells apart.
#[must_use]
pub fn long_hash(text: &str) -> String {
    hashed(text, LONG_HASH_LENGTH)
}

fn hashed(text: &str, length: usize) -> String {
    let mut hash = number(text);
    let mut characters = String::with_capacity(length);
    for _ in 0..length {
        // The mask keeps the index below the alphabet's 32 characters.
        #[allow(clippy::cast_possible_truncation)]
        let index = (hash & 31) as usize;
        characters.push(char::from(ALPHABET[index]));
        hash >>= 5;
    }
    characters
}

fn fnv1a(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The finishing step of `MurmurHash3`: FNV's low bits alone depend on the last characters too little.
fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn fit(name: &str, max: usize, fits: fn(&str) -> bool) -> String {
    if name.len() <= max && fits(name) {
        return name.to_owned();
    }
    let stem = stem(name, max - HASH_LENGTH - 1);
    if stem.is_empty() { format!("x-{}", short_hash(name)) } else { format!("{stem}-{}", short_hash(name)) }
}

/// The part of a name that can be kept, of at most `max` characters: other characters become single hyphens.
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

/// Whether Kubernetes takes a name for one of its objects: a DNS subdomain.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether Kubernetes takes a name for a namespace: a DNS label.
#[must_use]
pub fn is_namespace(name: &str) -> bool {
    name.len() <= 63 && is_label(name)
}

fn is_label(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_port_name(name: &str) -> bool {
    is_label(name) && name.bytes().any(|byte| byte.is_ascii_lowercase()) && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names of every kind that comes to mind, without repeats.
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
    fn names_that_fit_stay() {
        let longest = "a".repeat(OBJECT_NAME_MAX);
        for name in ["web", "web-api", "a", "0", "a--b", longest.as_str()] {
            assert_eq!(object_name(name), name);
        }
        assert_eq!(port_name("http-metrics"), "http-metrics");
    }

    #[test]
    fn names_that_kubernetes_takes_are_known() {
        for name in ["web", "0", "a.b-c"] {
            assert!(is_object_name(name), "{name}");
        }
        for name in ["", ".", "a..b", "A", "a/../b", "-a", "a_b", "a".repeat(254).as_str()] {
            assert!(!is_object_name(name) && !is_namespace(name), "{name}");
        }
        assert!(is_namespace("shop") && !is_namespace("a.b") && !is_namespace(&"a".repeat(64)));
    }

    #[test]
    fn the_mapping_never_changes() {
        let cases = [("Web_API", "web-api-d8pgb"), ("web_api", "web-api-9tshn"), ("_", "x-cu84q")];
        for (name, object) in cases {
            assert_eq!(object_name(name), object, "users' objects bear these names");
        }
    }

    #[test]
    fn every_text_has_a_value_of_a_label_that_stands_for_it() {
        for text in ["", "a", "A.b_c-0", "a".repeat(63).as_str()] {
            assert_eq!(label_value(text), text);
        }
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let more = ["a b", "a/b", "a:b", " a", "a".repeat(64).as_str()].map(str::to_owned);
        let mut texts = many_names();
        texts.extend(more);
        texts.sort();
        texts.dedup();
        for text in texts {
            let value = label_value(&text);
            assert!(is_label_value(&value), "{text} → {value}");
            assert_eq!(label_value(&value), value);
            assert_eq!(seen.insert(value, text.clone()), None, "{text}");
        }
        assert_eq!(label_value("10:30 /x"), "10-30--x-w8dpw", "users' nodes bear these values");
    }

    #[test]
    fn keys_of_labels_are_known() {
        for key in ["stack", "a.b_c-0", "foundry.signoz.io/storage", "x/Y"] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "-a", "a/b/c", "A/b", "a\\b", "a/", "/a", "a".repeat(64).as_str()] {
            assert!(!is_label_key(key), "{key}");
        }
    }

    #[test]
    fn a_long_hash_never_changes() {
        assert_eq!(long_hash("attribute:a exists").len(), 12);
        assert_eq!(long_hash("attribute:a exists"), "4bfrm2wcjaju", "nodes bear it");
        assert!(long_hash("a").starts_with(&short_hash("a")));
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
            let mut seen: BTreeMap<String, String> = BTreeMap::new();
            for name in many_names() {
                if let Some(other) = seen.insert(map(&name), name.clone()) {
                    panic!("{name} and {other} become the same");
                }
            }
        }
    }

    #[test]
    fn a_name_that_was_fitted_stays_when_fitted_again() {
        for name in many_names() {
            assert_eq!(object_name(&object_name(&name)), object_name(&name));
        }
    }
}
