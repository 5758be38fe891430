//! Golden case: a folder with definitions, a `case.toml` and the snapshots.

use std::fs;
use std::path::{Path, PathBuf};

use ecs_operator::convert::{Settings, Source, Target, files};
use ecs_operator::translate::RenderProfile;
use serde::Deserialize;

/// Content of `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Property that the case proves, as a sentence.
    about: String,
    /// Image of the task agent that the operator has; none by default.
    task_agent_image: Option<String>,
    /// True if the cluster has the chart's placement schedulers.
    #[serde(default)]
    placement_schedulers: bool,
    /// Minor version of Kubernetes 1; the newest by default.
    kubernetes_minor: Option<u32>,
}

pub struct Case {
    pub folder: PathBuf,
    /// Definitions in the order of their file names.
    pub sources: Vec<Source>,
    /// Render profile of the workloads.
    pub profile: RenderProfile,
}

impl Case {
    /// Reads every case in `tests/golden/cases`.
    pub fn all() -> Vec<Self> {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
        entries(&cases).into_iter().filter(|path| path.is_dir()).map(Self::read).collect()
    }

    fn read(folder: PathBuf) -> Self {
        let path = folder.join("case.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let description: Description =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(description.about.ends_with('.'), "{}: `about` is not a sentence", path.display());
        let inputs: Vec<PathBuf> =
            entries(&folder).into_iter().filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
        let profile = RenderProfile::current(description.kubernetes_minor.unwrap_or(RenderProfile::NEWEST_MINOR))
            .with_task_agent(description.task_agent_image.as_deref())
            .with_placement_schedulers(description.placement_schedulers);
        let mut sources = files::read(&inputs);
        for source in &mut sources {
            // Messages contain file names. Snapshots must not depend on the location of the source tree.
            source.name = source.name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        Self { folder, sources, profile }
    }

    /// Settings of a conversion of the case.
    pub fn settings(&self, target: Target) -> Settings {
        Settings { target, profile: self.profile.clone(), ..Settings::default() }
    }
}

/// Paths in a folder by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
