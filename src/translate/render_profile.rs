//! Version of the rendering and features of the API server, recorded on the workload so that its rendering can be repeated.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Current version of the rendering. It is incremented when a release would change the Pods of an unchanged definition.
pub const EPOCH: u32 = 1;

/// Epoch of a rendering and the features of the API server that it uses.
///
/// An upgrade of ECS does not restart tasks. Likewise, a workload with an unchanged definition is rendered with its recorded
/// profile after an upgrade of the operator or the API server. A new definition is rendered with the current profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderProfile {
    /// Version of the rendering, at most [`EPOCH`].
    pub epoch: u32,
    /// True if a Pod can have resources as a whole (on by default since Kubernetes 1.34).
    pub pod_level_resources: bool,
    /// True if a container can have a restart policy (on by default since Kubernetes 1.35).
    pub container_restart_policy: bool,
    /// Image of the task agent; none disables the agent.
    pub task_agent: Option<Arc<str>>,
    /// True if the chart's schedulers with profiles for placement strategies are installed.
    pub placement_schedulers: bool,
}

impl RenderProfile {
    /// Newest supported minor version of Kubernetes 1, the default without an API server.
    pub const NEWEST_MINOR: u32 = 36;

    /// Returns the profile of a new workload for a minor version of Kubernetes 1.
    #[must_use]
    pub fn current(minor: u32) -> Self {
        Self { pod_level_resources: minor >= 34, container_restart_policy: minor >= 35, ..Self::bare(EPOCH) }
    }

    /// Returns the profile for the comparison of definitions. It is the same for every API server, setting and release.
    #[must_use]
    pub fn reference() -> Self {
        Self::bare(1)
    }

    fn bare(epoch: u32) -> Self {
        Self {
            epoch,
            pod_level_resources: false,
            container_restart_policy: false,
            task_agent: None,
            placement_schedulers: false,
        }
    }

    /// True if an autoscaler can set its tolerance. Like container restart policies, it is on by default since Kubernetes 1.35.
    #[must_use]
    pub fn has_autoscaler_tolerance(&self) -> bool {
        self.container_restart_policy
    }

    /// Returns the profile with this image of the task agent.
    #[must_use]
    pub fn with_task_agent(self, image: Option<&str>) -> Self {
        Self { task_agent: image.map(Arc::from), ..self }
    }

    /// Returns the profile with or without the schedulers for placement strategies.
    #[must_use]
    pub fn with_placement_schedulers(self, placement_schedulers: bool) -> Self {
        Self { placement_schedulers, ..self }
    }
}

const POD_LEVEL_RESOURCES: &str = "pod-level-resources";
const CONTAINER_RESTART_POLICY: &str = "container-restart-policy";
const PLACEMENT_SCHEDULERS: &str = "placement-schedulers";
const TASK_AGENT: &str = "task-agent=";

impl fmt::Display for RenderProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.epoch)?;
        if self.pod_level_resources {
            write!(f, "+{POD_LEVEL_RESOURCES}")?;
        }
        if self.container_restart_policy {
            write!(f, "+{CONTAINER_RESTART_POLICY}")?;
        }
        if self.placement_schedulers {
            write!(f, "+{PLACEMENT_SCHEDULERS}")?;
        }
        if let Some(image) = &self.task_agent {
            write!(f, "+{TASK_AGENT}{image}")?;
        }
        Ok(())
    }
}

/// Recorded profile that cannot be parsed or that a later release wrote.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this version does not support the translation profile {0:?}")]
pub struct UnknownProfile(String);

impl FromStr for RenderProfile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownProfile(text.to_owned());
        let mut parts = text.split('+');
        let epoch =
            parts.next().and_then(|n| n.parse().ok()).filter(|n| (1..=EPOCH).contains(n)).ok_or_else(unknown)?;
        let mut profile = Self::bare(epoch);
        for part in parts {
            match (part, part.strip_prefix(TASK_AGENT)) {
                (POD_LEVEL_RESOURCES, _) => profile.pod_level_resources = true,
                (PLACEMENT_SCHEDULERS, _) => profile.placement_schedulers = true,
                (CONTAINER_RESTART_POLICY, _) => profile.container_restart_policy = true,
                // An image name contains no plus sign.
                (_, Some(image)) => profile.task_agent = Some(image.into()),
                _ => return Err(unknown()),
            }
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_parsed_from_its_text() {
        for minor in [30, 33, 34, 35, 40] {
            for agent in [None, Some("registry.example.test:5000/task-agent:1.2@sha256:0123")] {
                let profile =
                    RenderProfile::current(minor).with_task_agent(agent).with_placement_schedulers(minor % 2 == 0);
                assert_eq!(profile.to_string().parse(), Ok(profile));
            }
        }
    }

    #[test]
    fn a_profile_of_a_later_release_is_refused() {
        for text in ["", "0", "2", "1+telepathy", "x"] {
            assert!(text.parse::<RenderProfile>().is_err(), "{text}");
        }
    }
}
