//! What a rendering depends on besides the definition, recorded on the workload so that it can be repeated.

use std::{fmt, str::FromStr};

/// The number of the current way to render. It grows when a release would change the Pods of an unchanged definition.
pub const EPOCH: u32 = 1;

/// The epoch and the server's abilities a workload was rendered with.
///
/// ECS restarts no task because it was upgraded. So a workload whose definition did not change is rendered with the basis
/// it records, whatever this program or the server have learnt since; a new definition is rendered with the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The way to render.
    pub epoch: u32,
    /// Whether the server knows resources for a whole Pod (on by default since Kubernetes 1.34).
    pub pod_level_resources: bool,
}

impl Basis {
    /// The newest minor version of Kubernetes 1 that is known: what is assumed where no server was asked.
    pub const NEWEST_MINOR: u32 = 36;

    /// The basis for a new workload on a server of this minor version of Kubernetes 1.
    #[must_use]
    pub fn current(minor: u32) -> Self {
        Self { epoch: EPOCH, pod_level_resources: minor >= 34 }
    }
}

const POD_LEVEL_RESOURCES: &str = "pod-level-resources";

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.epoch)?;
        if self.pod_level_resources {
            write!(f, "+{POD_LEVEL_RESOURCES}")?;
        }
        Ok(())
    }
}

/// The recorded basis cannot be read, or is of a later release.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("translation basis {0:?} is not known to this version")]
pub struct UnknownBasis(String);

impl FromStr for Basis {
    type Err = UnknownBasis;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownBasis(text.to_owned());
        let mut parts = text.split('+');
        let epoch =
            parts.next().and_then(|n| n.parse().ok()).filter(|n| (1..=EPOCH).contains(n)).ok_or_else(unknown)?;
        let mut basis = Self { epoch, pod_level_resources: false };
        for part in parts {
            match part {
                POD_LEVEL_RESOURCES => basis.pod_level_resources = true,
                _ => return Err(unknown()),
            }
        }
        Ok(basis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basis_survives_its_text_form() {
        for minor in [30, 33, 34, 40] {
            let basis = Basis::current(minor);
            assert_eq!(basis.to_string().parse(), Ok(basis));
        }
    }

    #[test]
    fn what_a_later_release_wrote_is_not_guessed() {
        for text in ["", "0", "2", "1+telepathy", "x"] {
            assert!(text.parse::<Basis>().is_err(), "{text}");
        }
    }
}
