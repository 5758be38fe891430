//! What a rendering depends on besides the definition, recorded on the workload so that it can be repeated.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The number of the current way to render. It grows when a release would change the Pods of an unchanged definition.
pub const EPOCH: u32 = 1;

/// The epoch and the server's abilities a workload was rendered with.
///
/// ECS restarts no task because it was upgraded. So a workload whose definition did not change is rendered with the profile
/// it records, whatever this program or the server have learnt since; a new definition is rendered with the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderProfile {
    /// The way to render.
    pub epoch: u32,
    /// Whether the server knows resources for a whole Pod (on by default since Kubernetes 1.34).
    pub pod_level_resources: bool,
    /// Whether each container can have a restart policy of its own (on by default since Kubernetes 1.35).
    pub container_restart_policy: bool,
    /// The image of the task agent; none where tasks are to do without.
    pub task_agent: Option<Arc<str>>,
    /// Whether the chart's schedulers with profiles for placement strategies are there.
    pub placement_schedulers: bool,
}

impl RenderProfile {
    /// The newest minor version of Kubernetes 1 that is known: what is assumed where no server was asked.
    pub const NEWEST_MINOR: u32 = 36;

    /// The profile for a new workload on a server of this minor version of Kubernetes 1.
    #[must_use]
    pub fn current(minor: u32) -> Self {
        Self { pod_level_resources: minor >= 34, container_restart_policy: minor >= 35, ..Self::bare(EPOCH) }
    }

    /// What definitions are compared by: the same on every server, with all settings and in every release.
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

    /// Whether autoscalers know a tolerance of their own: on by default since Kubernetes 1.35, as restart policies of containers.
    #[must_use]
    pub fn has_autoscaler_tolerance(&self) -> bool {
        self.container_restart_policy
    }

    /// The same with the task agent of this image, where one is given.
    #[must_use]
    pub fn with_task_agent(self, image: Option<&str>) -> Self {
        Self { task_agent: image.map(Arc::from), ..self }
    }

    /// The same with or without the schedulers that know placement strategies.
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

/// The recorded profile cannot be read, or is of a later release.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("translation profile {0:?} is not known to this version")]
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
                // The name of an image has no plus sign.
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
    fn a_basis_survives_its_text_form() {
        for minor in [30, 33, 34, 35, 40] {
            for agent in [None, Some("registry.example.test:5000/task-agent:1.2@sha256:0123")] {
                let profile =
                    RenderProfile::current(minor).with_task_agent(agent).with_placement_schedulers(minor % 2 == 0);
                assert_eq!(profile.to_string().parse(), Ok(profile));
            }
        }
    }

    #[test]
    fn what_a_later_release_wrote_is_not_guessed() {
        for text in ["", "0", "2", "1+telepathy", "x"] {
            assert!(text.parse::<RenderProfile>().is_err(), "{text}");
        }
    }
}
