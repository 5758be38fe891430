//! References of `valueFrom` to values in Secrets Manager and in the SSM Parameter Store.
//!
//! The forms of "Specifying sensitive data" in the ECS developer guide: `secret
//! ARN[:json-key:version-stage:version-id]`, where empty parts mean the whole value and its current version; the ARN of a
//! parameter; and the name of a parameter in the region of the task.

use super::arn::Arn;

/// Source of a secret value in ECS.
///
/// ```
/// use ecs_operator::ecs::secret_reference::SecretReference;
/// let from = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::";
/// let Ok(SecretReference::Secret(secret)) = SecretReference::parse(from) else { panic!() };
/// assert_eq!(secret.arn.to_string(), "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf");
/// assert_eq!(secret.json_key.as_deref(), Some("password"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretReference {
    /// Secret of Secrets Manager, or one key of it.
    Secret(StoredSecret),
    /// Parameter by its ARN.
    Parameter(Arn),
    /// Parameter in the region of the task by its name. Any text that does not start like an ARN is a name, so that it may
    /// be a secret value entered by mistake. It is not stored.
    NamedParameter,
}

/// Secret of Secrets Manager, and the part of it to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// ARN of the secret.
    pub arn: Arn,
    /// Key in the JSON object of the secret. Absent: the whole value.
    pub json_key: Option<String>,
    /// Stage of the version. Absent: `AWSCURRENT`.
    pub version_stage: Option<String>,
    /// ID of the version.
    pub version_id: Option<String>,
}

impl StoredSecret {
    /// True if both stage and ID of a version are set. ECS accepts only one of them.
    #[must_use]
    pub fn names_version_twice(&self) -> bool {
        self.version_stage.is_some() && self.version_id.is_some()
    }
}

/// Error in a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// The text starts like an ARN, but is malformed.
    #[error("the ARN is malformed")]
    Malformed,
    /// The ARN is of another resource.
    #[error("expected the ARN of a secret or a parameter")]
    Elsewhere,
}

impl SecretReference {
    /// Parses a reference.
    ///
    /// # Errors
    ///
    /// Fails if the text starts like an ARN but is not the ARN of a secret or a parameter.
    pub fn parse(from: &str) -> Result<Self, NotAReference> {
        if !from.starts_with("arn:") {
            return Ok(Self::NamedParameter);
        }
        let arn: Arn = from.parse().map_err(|_| NotAReference::Malformed)?;
        match (arn.service.as_str(), arn.typed_resource()) {
            ("ssm", Some(("parameter", _))) => Ok(Self::Parameter(arn)),
            ("secretsmanager", Some(("secret", resource))) => {
                let mut parts = resource.split(':');
                let name = parts.next().unwrap_or_default();
                let secret = Arn { resource: format!("secret:{name}"), ..arn.clone() };
                let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
                let (json_key, version_stage, version_id) = (part(), part(), part());
                Ok(Self::Secret(StoredSecret { arn: secret, json_key, version_stage, version_id }))
            }
            _ => Err(NotAReference::Elsewhere),
        }
    }
}

/// Returns the name of a parameter from its ARN, with a leading slash if it is part of a hierarchy.
///
/// Parameter Store writes the hierarchy `/prod/db` as `parameter/prod/db`, and the name `db` as `parameter/db`.
#[must_use]
pub fn parameter_name(arn: &Arn) -> String {
    let name = arn.typed_resource().map_or(arn.resource.as_str(), |(_, name)| name);
    if name.contains('/') { format!("/{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf";

    fn stored(from: &str) -> StoredSecret {
        match SecretReference::parse(from) {
            Ok(SecretReference::Secret(secret)) => secret,
            other => panic!("{from}: {other:?}"),
        }
    }

    #[test]
    fn the_parts_after_the_name_of_a_secret_may_be_empty() {
        let cases = [
            ("", [None, None, None]),
            (":password::", [Some("password"), None, None]),
            (":password", [Some("password"), None, None]),
            ("::AWSPREVIOUS:", [None, Some("AWSPREVIOUS"), None]),
            (":::9d4cb84b", [None, None, Some("9d4cb84b")]),
            (":user:AWSPREVIOUS:9d4cb84b", [Some("user"), Some("AWSPREVIOUS"), Some("9d4cb84b")]),
        ];
        for (parts, expected) in cases {
            let secret = stored(&format!("{SECRET}{parts}"));
            let parts_found = [&secret.json_key, &secret.version_stage, &secret.version_id].map(|part| part.as_deref());
            assert_eq!((parts_found, secret.arn.to_string().as_str()), (expected, SECRET), "{parts}");
            assert_eq!(secret.names_version_twice(), expected[1].is_some() && expected[2].is_some());
        }
    }

    #[test]
    fn a_parameter_is_referenced_by_its_arn_or_its_name() {
        let cases = [("parameter/db", "db"), ("parameter/prod/db", "/prod/db")];
        for (resource, name) in cases {
            let from = format!("arn:aws:ssm:eu-west-1:123456789012:{resource}");
            let Ok(SecretReference::Parameter(arn)) = SecretReference::parse(&from) else { panic!("{from}") };
            assert_eq!(parameter_name(&arn), name);
        }
        for name in ["db", "/prod/db", "prod/db:3"] {
            assert_eq!(SecretReference::parse(name), Ok(SecretReference::NamedParameter));
        }
    }

    #[test]
    fn other_arns_are_not_references() {
        assert_eq!(SecretReference::parse("arn:aws:ssm"), Err(NotAReference::Malformed));
        for from in ["arn:aws:s3:::bucket/a", "arn:aws:ssm:r:1:document/x", "arn:aws:secretsmanager:r:1:policy:x"] {
            assert_eq!(SecretReference::parse(from), Err(NotAReference::Elsewhere), "{from}");
        }
    }
}
