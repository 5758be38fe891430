//! Placeholders of templates in expressions.

use crate::ecs::placeholder;

/// True if a value contains a placeholder, including those of format strings: `{}`, `{id}`.
pub(super) fn is_open(text: &str) -> bool {
    let braces = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    placeholder::is_open(text) || braces.is_some_and(|(name, _)| name.is_empty() || is_name(name))
}

/// True if a pattern contains a placeholder. Braces alone are not a placeholder, because they count repetitions.
pub(super) fn is_open_pattern(text: &str) -> bool {
    placeholder::is_open(&text.replace("(?<", "(").replace("(?P<", "("))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_differ_from_values() {
        for text in ["${local.role}", "{}", "{instance_id}", "prod-{stage}", "<NAME>", "$STAGE"] {
            assert!(is_open(text), "{text}");
        }
        for text in ["prod", "a.b/c", "{2}", "service:web", "}{"] {
            assert!(!is_open(text), "{text}");
        }
        assert!(is_open_pattern("${type}.*"));
        for text in ["t[23]{1}.*", "(?<name>a)", "(?P<name>a)", "a{2}$"] {
            assert!(!is_open_pattern(text), "{text}");
        }
    }
}
