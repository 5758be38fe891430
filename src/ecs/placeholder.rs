//! Places that a template leaves open and that nobody has filled in: `${IMAGE}`, `<IMAGE1_NAME>`, `{{ image }}`.

/// Advice to append to a message about an open placeholder.
pub const HINT: &str = "; this looks like a place of a template that is not filled in: render the file first";

/// Brackets that templates put around a name: Terraform's, CodePipeline's, Jinja's and Go's, Azure's, ERB's.
const BRACKETS: [(&str, &str); 7] =
    [("${", "}"), ("<", ">"), ("{{", "}}"), ("$(", ")"), ("%{", "}"), ("<%", "%>"), ("{%", "%}")];

/// True if a text has a place that a template leaves open.
///
/// Meant for texts that have no other use for such characters: names, images, ARNs, numbers. In a command or in the
/// value of a variable they are no sign of anything.
#[must_use]
pub fn is_open(text: &str) -> bool {
    BRACKETS.iter().any(|(open, close)| encloses(text, open, close)) || has_shell_variable(text)
}

fn encloses(text: &str, open: &str, close: &str) -> bool {
    let inner = text.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    inner.is_some_and(|(name, _)| !name.trim().is_empty())
}

/// `$NAME`, as a shell writes it.
fn has_shell_variable(text: &str) -> bool {
    let mut parts = text.split('$');
    parts.next();
    parts.any(|after| after.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_template_is_known() {
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
