//! References to values in Secrets Manager and in the SSM Parameter Store, as `valueFrom` has them.
//!
//! "Specifying sensitive data" in the ECS developer guide has the forms: `secret
//! ARN[:json-key:version-stage:version-id]`, where empty parts stand for the whole value and its current version; the
//! ARN of a parameter; and the bare name of a parameter, which is looked up in the region of the task.

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
    /// A secret of Secrets Manager, or one key of it.
    Secret(StoredSecret),
    /// A parameter, given by its ARN.
    Parameter(Arn),
    /// A parameter of the task's own region, given by its name. Anything that does not begin like an ARN is taken for
    /// one, so it may be a value that stands here by mistake, and is not repeated.
    NamedParameter,
}

/// A secret of Secrets Manager and which part of it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// The secret alone.
    pub arn: Arn,
    /// The member of the JSON object that the secret is; none: the whole value.
    pub json_key: Option<String>,
    /// The stage of the version that is meant; none: `AWSCURRENT`.
    pub version_stage: Option<String>,
    /// The version that is meant.
    pub version_id: Option<String>,
}

impl StoredSecret {
    /// True if the version is named by its stage and by its id, of which ECS takes one only.
    #[must_use]
    pub fn names_version_twice(&self) -> bool {
        self.version_stage.is_some() && self.version_id.is_some()
    }
}

/// Reason for refusing a text as a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// It begins like an ARN and is none.
    #[error("it begins like an ARN and is none")]
    Malformed,
    /// It is the ARN of something else.
    #[error("it is the ARN of neither a secret nor a parameter")]
    Elsewhere,
}

impl SecretReference {
    /// Reads a reference by ECS's rules.
    ///
    /// # Errors
    ///
    /// Fails for a text that begins like an ARN but is not the ARN of a secret or parameter.
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

/// The name of a parameter, of its ARN: with a slash before it when it is one of a hierarchy.
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
    fn the_parts_after_a_secrets_name_may_be_empty() {
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
            let found = [&secret.json_key, &secret.version_stage, &secret.version_id].map(|part| part.as_deref());
            assert_eq!((found, secret.arn.to_string().as_str()), (expected, SECRET), "{parts}");
            assert_eq!(secret.names_version_twice(), expected[1].is_some() && expected[2].is_some());
        }
    }

    #[test]
    fn a_parameter_is_named_by_its_arn_or_its_name() {
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
    fn other_arns_are_no_references() {
        assert_eq!(SecretReference::parse("arn:aws:ssm"), Err(NotAReference::Malformed));
        for from in ["arn:aws:s3:::bucket/a", "arn:aws:ssm:r:1:document/x", "arn:aws:secretsmanager:r:1:policy:x"] {
            assert_eq!(SecretReference::parse(from), Err(NotAReference::Elsewhere), "{from}");
        }
    }
}
