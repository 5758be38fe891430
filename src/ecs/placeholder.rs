//! Placeholders of a template that has not been rendered: `${IMAGE}`, `<IMAGE1_NAME>`, `{{ image }}`.

/// Advice to append to a message about an open placeholder.
pub const HINT: &str = "; this looks like a placeholder of a template that is not filled in: render the template first";

/// Brackets around a placeholder in Terraform, CodePipeline, Jinja and Go, Azure, and ERB.
const BRACKETS: [(&str, &str); 7] =
    [("${", "}"), ("<", ">"), ("{{", "}}"), ("$(", ")"), ("%{", "}"), ("<%", "%>"), ("{%", "%}")];

/// True if a text contains a placeholder of a template.
///
/// Intended for texts in which such characters have no other use: names, images, ARNs, numbers. A command or the value of
/// a variable may contain them for other reasons.
#[must_use]
pub fn is_open(text: &str) -> bool {
    BRACKETS.iter().any(|(open, close)| encloses(text, open, close)) || has_shell_variable(text)
}

fn encloses(text: &str, open: &str, close: &str) -> bool {
    let inner = text.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    inner.is_some_and(|(name, _)| !name.trim().is_empty())
}

/// True if a text contains `$NAME`, as in a shell.
fn has_shell_variable(text: &str) -> bool {
    let mut parts = text.split('$');
    parts.next();
    parts.any(|after| after.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_each_template_language_are_recognized() {
        for text in [
            "${IMAGE}",
            "<IMAGE1_NAME>",
            "{{image}}",
            "{{ must_env `IMAGE` }}",
            "$(image)",
            "$IMAGE:$TAG",
            "repo/app:${tag}",
            "<account>.dkr.ecr.eu-west-1.amazonaws.com/app",
        ] {
            assert!(is_open(text), "{text}");
        }
        for text in ["", "nginx", "nginx:1.25@sha256:abc", "a$", "$1", "${}", "a < b", "{}", "repo/app#1", "5$"] {
            assert!(!is_open(text), "{text}");
        }
    }
}
