//! Reference to a task definition: a family, a family and revision, or an ARN.

use std::fmt;
use std::str::FromStr;

use super::arn::Arn;

/// Reference of a service or a task to a task definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskDefinitionRef {
    /// Name that all revisions share.
    pub family: String,
    /// Number of the revision, from 1. Absent: the newest active revision.
    pub revision: Option<i64>,
}

/// Error in a reference to a task definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTaskDefinitionRef {
    /// The family is empty, too long, or contains invalid characters.
    #[error("`{0}` is not a family; expected 1 to 255 letters, digits, hyphens and underscores")]
    Family(String),
    /// The text after the family is not a revision.
    #[error("`{0}` is not a revision; expected an integer of at least 1")]
    Revision(String),
    /// The ARN is of another resource.
    #[error(
        "`{0}` is not the ARN of a task definition; expected arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION"
    )]
    Arn(String),
}

impl FromStr for TaskDefinitionRef {
    type Err = InvalidTaskDefinitionRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = if text.starts_with("arn:") { name_in_arn(text)? } else { text.to_owned() };
        let (family, revision) = match name.split_once(':') {
            Some((family, revision)) => (family, Some(parse_revision(revision)?)),
            None => (name.as_str(), None),
        };
        if !is_family(family) {
            return Err(InvalidTaskDefinitionRef::Family(family.to_owned()));
        }
        Ok(Self { family: family.to_owned(), revision })
    }
}

fn name_in_arn(text: &str) -> Result<String, InvalidTaskDefinitionRef> {
    let error = || InvalidTaskDefinitionRef::Arn(text.to_owned());
    let arn: Arn = text.parse().map_err(|_| error())?;
    let name = arn.resource.strip_prefix("task-definition/").filter(|_| arn.service == "ecs");
    name.map(str::to_owned).ok_or_else(error)
}

fn parse_revision(text: &str) -> Result<i64, InvalidTaskDefinitionRef> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits_only && *number > 0);
    number.ok_or_else(|| InvalidTaskDefinitionRef::Revision(text.to_owned()))
}

fn is_family(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

impl fmt::Display for TaskDefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(revision) => write!(f, "{}:{revision}", self.family),
            None => f.write_str(&self.family),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_parsed() {
        let cases = [
            ("web", "web", None),
            ("web:3", "web", Some(3)),
            ("Web_2-x", "Web_2-x", None),
            ("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3", "web", Some(3)),
            ("arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web", "web", None),
        ];
        for (text, family, revision) in cases {
            let expected = TaskDefinitionRef { family: family.to_owned(), revision };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_text_form_is_family_and_revision() {
        for text in ["web", "web:3"] {
            assert_eq!(text.parse::<TaskDefinitionRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_contain_the_invalid_part() {
        use InvalidTaskDefinitionRef as Invalid;
        let service = "arn:aws:ecs:eu-west-1:123456789012:service/web";
        let cases = [
            ("", Invalid::Family(String::new())),
            ("we b", Invalid::Family("we b".to_owned())),
            (":3", Invalid::Family(String::new())),
            ("web:", Invalid::Revision(String::new())),
            ("web:0", Invalid::Revision("0".to_owned())),
            ("web:+3", Invalid::Revision("+3".to_owned())),
            ("web:3:4", Invalid::Revision("3:4".to_owned())),
            (service, Invalid::Arn(service.to_owned())),
            ("arn:aws", Invalid::Arn("arn:aws".to_owned())),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<TaskDefinitionRef>(), Err(error), "{text}");
        }
    }
}
