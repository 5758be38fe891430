//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

/// A parsed Amazon Resource Name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: String,
    /// The AWS service, such as `ecs`.
    pub service: String,
    /// The region; empty for global resources such as IAM roles.
    pub region: String,
    /// The account's number; empty for S3 objects.
    pub account: String,
    /// All that follows the account, with its colons and slashes.
    pub resource: String,
}

/// Reason for refusing a text as an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ARN of the form arn:partition:service:region:account:resource")]
pub struct NotAnArn(String);

impl Arn {
    /// Type and name of a resource that is written `type/name` or `type:name`. The name keeps further separators.
    ///
    /// ```
    /// use ecs_operator::ecs::arn::Arn;
    /// let arn: Arn = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web".parse()?;
    /// assert_eq!(arn.typed_resource(), Some(("service", "shop/web")));
    /// # Ok::<_, ecs_operator::ecs::arn::NotAnArn>(())
    /// ```
    #[must_use]
    pub fn typed_resource(&self) -> Option<(&str, &str)> {
        self.resource.split_once(['/', ':'])
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, service, region, account, resource] if ![partition, service, resource].contains(&"") => {
                Ok(Self {
                    partition: partition.to_owned(),
                    service: service.to_owned(),
                    region: region.to_owned(),
                    account: account.to_owned(),
                    resource: resource.to_owned(),
                })
            }
            _ => Err(NotAnArn(text.to_owned())),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// The name of an object that ECS lets people give as a name or an ARN: the last part of its path.
///
/// ```
/// use ecs_operator::ecs::arn::short_name;
/// assert_eq!(short_name("arn:aws:ecs:eu-west-1:123456789012:service/shop/web"), "web");
/// assert_eq!(short_name("arn:aws:iam::123456789012:role/teams/shop/web"), "web");
/// assert_eq!(short_name("web"), "web");
/// ```
#[must_use]
pub fn short_name(name_or_arn: &str) -> &str {
    if !name_or_arn.starts_with("arn:") {
        return name_or_arn;
    }
    name_or_arn.rsplit(['/', ':']).next().unwrap_or(name_or_arn)
}

/// The name of a cluster given as a name or an ARN; `default` where none is given, as ECS has it.
#[must_use]
pub fn cluster_name(name_or_arn: Option<&str>) -> &str {
    match name_or_arn {
        None | Some("") => "default",
        Some(given) => short_name(given),
    }
}

/// The name of a service's cluster: its `cluster`, or the `clusterArn` that `describe-services` prints instead; `default` where
/// neither is given.
#[must_use]
pub fn cluster_of_service<'a>(cluster: Option<&'a str>, cluster_arn: Option<&'a str>) -> &'a str {
    cluster_name([cluster, cluster_arn].into_iter().flatten().find(|given| !given.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_and_written_unchanged() {
        for text in [
            "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
            "arn:aws-cn:iam::123456789012:role/ecs",
            "arn:aws:s3:::bucket/path/app.env",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::",
        ] {
            assert_eq!(text.parse::<Arn>().map(|arn| arn.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_resource_keeps_its_colons() {
        let arn: Arn = "arn:aws:secretsmanager:r:1:secret:db-AbCdEf:password::".parse().unwrap();
        assert_eq!(arn.typed_resource(), Some(("secret", "db-AbCdEf:password::")));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "web", "arn:aws:ecs", "arn:aws:ecs:r:1:", "arn::ecs:r:1:x", "ARN:aws:ecs:r:1:x"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cluster_that_is_not_named_is_default() {
        let cases = [
            (None, "default"),
            (Some(""), "default"),
            (Some("shop"), "shop"),
            (Some("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"), "shop"),
        ];
        for (given, name) in cases {
            assert_eq!(cluster_name(given), name);
        }
    }

    #[test]
    fn describe_output_names_the_cluster_of_a_service_by_its_arn() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";
        let cases = [
            (None, Some(arn), "shop"),
            (Some(""), Some(arn), "shop"),
            (Some("other"), Some(arn), "other"),
            (Some(arn), None, "shop"),
            (None, None, "default"),
        ];
        for (cluster, cluster_arn, expected) in cases {
            assert_eq!(cluster_of_service(cluster, cluster_arn), expected, "{cluster:?} {cluster_arn:?}");
        }
    }
}
