//! `ecs-operator crds`: prints the custom resource definitions as YAML.

use std::path::{Path, PathBuf};

use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use super::output::{self, OutputError};
use super::{SUCCESS, fail};
use crate::api::crd;

/// Print the custom resource definitions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ecs-operator crds | kubectl apply --server-side -f -
  ecs-operator crds --output crds/")]
pub(super) struct Crds {
    /// Write one file for each kind into this folder instead of all to standard output.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum CrdsError {
    #[error("cannot create a definition: {0}")]
    Schema(#[from] serde_json::Error),
    #[error("cannot serialize a definition as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Crds {
    pub(super) fn execute(self) -> u8 {
        match self.write() {
            Ok(()) => SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn write(&self) -> Result<(), CrdsError> {
        let crds = crd::all()?;
        if let Some(folder) = &self.output {
            return write_files(folder, &crds);
        }
        let texts: Vec<String> = crds.iter().map(crd::yaml).collect::<Result<_, _>>()?;
        Ok(output::print(&texts.join("---\n"))?)
    }
}

fn write_files(folder: &Path, crds: &[CustomResourceDefinition]) -> Result<(), CrdsError> {
    output::make_folder(folder)?;
    for definition in crds {
        let file = folder.join(format!("{}.yaml", definition.spec.names.plural));
        output::write_file(&file, &crd::yaml(definition)?)?;
    }
    Ok(())
}
