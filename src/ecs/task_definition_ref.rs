//! Names of a task definition in ECS: a family, a family and revision, or an ARN.

use std::fmt;
use std::str::FromStr;

use super::arn::Arn;

/// A task definition as services and tasks name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskDefinitionRef {
    /// Name that all revisions share.
    pub family: String,
    /// Number of the revision, from 1; without it the newest active one is meant.
    pub revision: Option<i64>,
}

/// Reason for refusing a text as the name of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTaskDefinitionRef {
    /// The family is empty, too long, or has characters that families cannot have.
    #[error("`{0}` is not a family: 1 to 255 letters, digits, hyphens and underscores")]
    Family(String),
    /// The text after the family is not a revision.
    #[error("`{0}` is not a revision: a whole number from 1 on")]
    Revision(String),
    /// It is an ARN, but of something else.
    #[error("`{0}` is not the ARN of a task definition: arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION")]
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
    let other = || InvalidTaskDefinitionRef::Arn(text.to_owned());
    let arn: Arn = text.parse().map_err(|_| other())?;
    let name = arn.resource.strip_prefix("task-definition/").filter(|_| arn.service == "ecs");
    name.map(str::to_owned).ok_or_else(other)
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
    fn all_three_ways_of_naming_are_read() {
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
    fn it_is_written_as_family_and_revision() {
        for text in ["web", "web:3"] {
            assert_eq!(text.parse::<TaskDefinitionRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_name_the_part_that_is_wrong() {
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
