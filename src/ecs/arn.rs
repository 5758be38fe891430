//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

/// Amazon Resource Name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// Partition, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// AWS service, such as `ecs`.
    pub service: String,
    /// Region; empty for global resources such as IAM roles.
    pub region: String,
    /// Account number; empty for S3 objects.
    pub account: String,
    /// Text after the account, including colons and slashes.
    pub resource: String,
}

/// Error of a text that is not an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ARN of the form arn:partition:service:region:account:resource")]
pub struct NotAnArn(String);

impl Arn {
    /// Returns type and name of a resource in the form `type/name` or `type:name`. The name keeps further separators.
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

/// Returns the short name for a name or an ARN: the last part of the path.
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

/// Returns the name of a cluster for a name or an ARN; `default` if absent or empty, as in ECS.
#[must_use]
pub fn cluster_name(name_or_arn: Option<&str>) -> &str {
    match name_or_arn {
        None | Some("") => "default",
        Some(name_or_arn) => short_name(name_or_arn),
    }
}

/// Returns the name of the cluster of a service: from `cluster`, otherwise from `clusterArn`, which `describe-services` returns,
/// otherwise `default`.
#[must_use]
pub fn cluster_of_service<'a>(cluster: Option<&'a str>, cluster_arn: Option<&'a str>) -> &'a str {
    cluster_name([cluster, cluster_arn].into_iter().flatten().find(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_round_trips() {
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
    fn other_texts_are_rejected() {
        for text in ["", "web", "arn:aws:ecs", "arn:aws:ecs:r:1:", "arn::ecs:r:1:x", "ARN:aws:ecs:r:1:x"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_cluster_is_default() {
        let cases = [
            (None, "default"),
            (Some(""), "default"),
            (Some("shop"), "shop"),
            (Some("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"), "shop"),
        ];
        for (name_or_arn, name) in cases {
            assert_eq!(cluster_name(name_or_arn), name);
        }
    }

    #[test]
    fn the_cluster_of_a_service_may_be_an_arn() {
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
