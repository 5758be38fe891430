//! `ecs-operator convert`: files in; custom resources or plain manifests and a report out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::output::{self, OutputError};
use super::{FAILURE, SUCCESS, fail};
use crate::convert::{self, Conversion, MARK, Manifest, Settings, Target};
use crate::k8s::names;
use crate::report::{self, Appearance, Report};
use crate::translate::RenderProfile;

/// With `--strict`: something is not exact.
const NOT_EXACT: u8 = 2;
/// Widest text on a terminal: longer lines are hard to read.
const WIDEST: usize = 120;

/// Convert ECS definitions to custom resources or plain manifests, and report what becomes of every field.
///
/// Needs no cluster and no AWS account. The objects go to standard output, the report to standard error. No environment
/// value or other secret is in the report.
#[derive(Debug, Args)]
#[command(after_help = "\
What is read: JSON, also with comments and trailing commas, and YAML, with
  - the input of RegisterTaskDefinition, CreateService, UpdateService, CreateCluster,
    PutClusterCapacityProviders, CreateCapacityProvider
  - what `aws ecs describe-…` prints, also several outputs after one another
  - what scales a service, together with it: the input of RegisterScalableTarget,
    PutScalingPolicy, PutScheduledAction, PutMetricAlarm, and what `aws
    application-autoscaling describe-…` and `aws cloudwatch describe-alarms` print
  - a list of container definitions, and lists of all of these
  - the custom resources of ecs-operator.dev/v1alpha1

Examples:
  # What would become of a running service's task definition?
  aws ecs describe-task-definition --task-definition web |
    ecs-operator convert - >/dev/null

  # A whole folder to the operator
  ecs-operator convert ecs/ | kubectl apply -f -

  # Plain Deployments and Services, one file for each, and a report for a review
  ecs-operator convert --to kubernetes --output manifests/ \\
    --report markdown --report-file REPORT.md ecs/

Exit codes:
  0  everything was converted
  1  some input could not be used, and the rest was converted; or nothing was
     converted: no definition was found, nothing could be written, or the
     command line is wrong
  2  with --strict: something is not translated exactly")]
pub(super) struct Convert {
    /// Files and folders; `-` is standard input. Of a folder, all *.json, *.jsonc, *.yaml and *.yml files at any depth
    /// are read, except hidden ones.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the definitions become.
    #[arg(long, value_name = "WHAT", default_value = "crs")]
    to: To,
    /// The namespace of all objects. Default: none is written, so that the one they are applied to decides.
    #[arg(long, short, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// Keep the revision a service names. By default it follows the family, because AWS's revision numbers mean nothing in
    /// the new cluster, where revisions count from 1.
    #[arg(long)]
    keep_revisions: bool,
    /// The version of Kubernetes that plain manifests are for, 1.33 or newer.
    #[arg(long, value_name = "1.N", default_value_t = format!("1.{}", RenderProfile::NEWEST_MINOR), value_parser = version)]
    kubernetes_version: String,
    /// Image of the task agent, which plain manifests then bring into tasks that need it and whose commands are known, for
    /// Kubernetes 1.35 or newer. A task that ends leaves a Pod behind, which the operator would delete.
    #[arg(long, value_name = "IMAGE", value_parser = super::image)]
    task_agent_image: Option<String>,
    /// The schedulers of the chart, whose profiles follow placement strategies, are installed in the cluster.
    #[arg(long)]
    placement_schedulers: bool,
    /// Write a file for each object into this folder instead of all to standard output. Files that a former run wrote are
    /// written over; any other file in the way is an error.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The form of the report.
    #[arg(long, value_name = "FORM", default_value = "text")]
    report: Form,
    /// Write the report to this file instead of standard error.
    #[arg(long, value_name = "FILE")]
    report_file: Option<PathBuf>,
    /// Exit with 2 when anything is not translated exactly.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// Custom resources, for a cluster where the operator runs.
    Crs,
    /// Plain Deployments and Services and what they need, for a cluster with nothing of ours.
    Kubernetes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For people: grouped, the serious first.
    Text,
    /// For programs: every leaf of every input.
    Json,
    /// For pull requests and wikis.
    Markdown,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// No report.
    None,
}

#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error("no ECS definition found in {0}; looked for {1}")]
    NothingFound(String, String),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("the report cannot be written: {0}")]
    Report(#[from] serde_json::Error),
    #[error("{} is a file; --output wants a folder", .0.display())]
    NoFolder(PathBuf),
    #[error("{} exists and was not made by `ecs-operator convert`; move it away, or choose another folder", .0.display())]
    Foreign(PathBuf),
    #[error("two objects would be written to {}; convert them one by one, into a folder each", .0.display())]
    SameFile(PathBuf),
}

impl Convert {
    pub(super) fn execute(self) -> u8 {
        output::tell_of_terminal(self.files.iter());
        let sources = convert::files::read(&self.files);
        let conversion = convert::convert(&sources, &self.settings());
        match self.write(&conversion) {
            Ok(()) => {
                self.summary(&conversion.report).into_iter().for_each(|line| output::complain(&line));
                self.exit_code(&conversion.report)
            }
            Err(error) => fail(&error),
        }
    }

    /// Why the exit code is not 0, where the report on standard error does not tell it, or is none for people.
    fn summary(&self, report: &Report) -> Option<String> {
        let counts = report.counts();
        let elsewhere = self.report_file.is_some() || matches!(self.report, Form::None);
        match self.exit_code(report) {
            FAILURE if elsewhere => {
                let number = counts.refused;
                let all = report.documents.len();
                Some(format!("error: {number} of {all} documents could not be converted; {}", self.where_told()))
            }
            NOT_EXACT if elsewhere || matches!(self.report, Form::Text) => {
                let number = counts.not_exact();
                let told = if elsewhere { format!("; {}", self.where_told()) } else { String::new() };
                Some(format!("error: not exact, which --strict forbids: {number} of {} fields{told}", counts.fields()))
            }
            _ => None,
        }
    }

    fn where_told(&self) -> String {
        match &self.report_file {
            Some(file) if !matches!(self.report, Form::None) => format!("{} tells why", file.display()),
            _ => "`--report text` tells why".to_owned(),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            target: match self.to {
                To::Crs => Target::CustomResources,
                To::Kubernetes => Target::Kubernetes,
            },
            namespace: self.namespace.clone(),
            keep_revisions: self.keep_revisions,
            profile: RenderProfile::current(minor(&self.kubernetes_version).unwrap_or(RenderProfile::NEWEST_MINOR))
                .with_task_agent(self.task_agent_image.as_deref())
                .with_placement_schedulers(self.placement_schedulers),
            locations: matches!(self.report, Form::Text | Form::Markdown | Form::Sarif),
        }
    }

    fn exit_code(&self, report: &Report) -> u8 {
        if report.has_refused() {
            FAILURE
        } else if self.strict && !report.is_exact() {
            NOT_EXACT
        } else {
            SUCCESS
        }
    }

    fn write(&self, conversion: &Conversion) -> Result<(), ConvertError> {
        let report = self.render(&conversion.report)?;
        let nothing = !conversion.report.has_definitions();
        let folder = self.output.as_ref().filter(|_| !nothing);
        let files = folder.map(|folder| prepare(folder, &conversion.manifests)).transpose()?;
        if let (Some(file), Some(report)) = (&self.report_file, &report) {
            // First, so that no object is written whose report cannot be.
            output::write_file(file, report)?;
        }
        match files {
            Some(files) => output::write_files(&files)?,
            None if nothing => {}
            None => output::print(&stream(&conversion.manifests))?,
        }
        if let (None, Some(report)) = (&self.report_file, &report) {
            output::complain(report.trim_end());
        }
        if nothing { Err(self.nothing_found()) } else { Ok(()) }
    }

    fn nothing_found(&self) -> ConvertError {
        let inputs: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let endings = convert::files::EXTENSIONS.map(|extension| format!("*.{extension}"));
        ConvertError::NothingFound(inputs.join(", "), endings.join(", "))
    }

    fn render(&self, report: &Report) -> Result<Option<String>, serde_json::Error> {
        Ok(Some(match self.report {
            // The error says it all.
            Form::Text if report.documents.is_empty() => return Ok(None),
            Form::Text => report::text(report, self.appearance()),
            Form::Json => report::json(report)?,
            Form::Markdown => report::markdown(report),
            Form::Sarif => report::sarif(report)?,
            Form::None => return Ok(None),
        }))
    }

    /// Colour and the terminal's width on a terminal; always the same in a file or a pipe.
    fn appearance(&self) -> Appearance {
        let plain = Appearance::default();
        if self.report_file.is_some() {
            return plain;
        }
        let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let terminal = io::stderr().is_terminal().then(|| terminal_size::terminal_size_of(io::stderr())).flatten();
        let width = terminal.map_or(plain.width, |(width, _)| usize::from(width.0).min(WIDEST));
        Appearance { colour, width }
    }
}

fn stream(manifests: &[Manifest]) -> String {
    let documents: Vec<&str> = manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
    documents.join("---\n")
}

/// Makes the folder, and the files that are to be in it; fails when one of them must not be written over.
fn prepare(folder: &Path, manifests: &[Manifest]) -> Result<Vec<(PathBuf, String)>, ConvertError> {
    if folder.exists() && !folder.is_dir() {
        return Err(ConvertError::NoFolder(folder.to_owned()));
    }
    let mut known = BTreeSet::new();
    let mut files = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let file = folder.join(manifest.file_name());
        if is_foreign(&file) {
            return Err(ConvertError::Foreign(file));
        }
        if !known.insert(file.clone()) {
            return Err(ConvertError::SameFile(file));
        }
        files.push((file, format!("{MARK}{}", manifest.yaml)));
    }
    output::make_folder(folder)?;
    Ok(files)
}

/// Whether a file is there that no conversion wrote.
fn is_foreign(file: &Path) -> bool {
    match fs::read(file) {
        Ok(bytes) => !bytes.starts_with(MARK.as_bytes()),
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

fn namespace(text: &str) -> Result<String, String> {
    if names::is_label(text) {
        Ok(text.to_owned())
    } else {
        Err("a namespace has 1 to 63 of a-z, 0-9 and inner hyphens".to_owned())
    }
}

fn version(text: &str) -> Result<String, String> {
    match minor(text) {
        None => Err("write it as 1.N, such as 1.34".to_owned()),
        Some(minor) if minor < convert::OLDEST_MINOR => {
            Err(format!("the oldest Kubernetes supported is 1.{}", convert::OLDEST_MINOR))
        }
        Some(_) => Ok(text.to_owned()),
    }
}

fn minor(version: &str) -> Option<u32> {
    let rest = version.trim_start_matches('v').strip_prefix("1.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        convert: Convert,
    }

    fn manifest(name: &str) -> Manifest {
        Manifest { kind: "Service", name: name.to_owned(), namespace: None, yaml: format!("name: {name}\n") }
    }

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (text, expected) in [("1.34", Some(34)), ("v1.36.2", Some(36)), ("36", None), ("2.1", None), ("1.x", None)]
        {
            assert_eq!(minor(text), expected, "{text}");
        }
    }

    #[test]
    fn versions_that_are_too_old_are_refused() {
        assert_eq!(version("1.33"), Ok("1.33".to_owned()));
        assert_eq!(version("v1.32.9").unwrap_err(), "the oldest Kubernetes supported is 1.33");
    }

    #[test]
    fn a_folder_without_definitions_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("package.json"), "{\"name\": \"a\", \"version\": \"1\"}").unwrap();
        let convert = Cli::try_parse_from([OsStr::new("convert"), folder.path().as_os_str()]).unwrap().convert;
        let conversion = convert::convert(&convert::files::read(&convert.files), &convert.settings());
        assert_eq!(
            convert.write(&conversion).unwrap_err().to_string(),
            format!(
                "no ECS definition found in {}; looked for *.json, *.jsonc, *.yaml, *.yml",
                folder.path().display()
            )
        );
    }

    #[test]
    fn own_files_are_written_again_and_foreign_ones_never() {
        let write_files = |folder: &Path, manifests: &[Manifest]| {
            prepare(folder, manifests).and_then(|files| Ok(output::write_files(&files)?))
        };
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("manifests");
        write_files(&folder, &[manifest("a"), manifest("b")]).unwrap();
        write_files(&folder, &[manifest("a")]).unwrap();
        let foreign = folder.join("service-b.yaml");
        fs::write(&foreign, "mine").unwrap();
        let error = write_files(&folder, &[manifest("c"), manifest("b")]).unwrap_err();
        assert!(error.to_string().contains("was not made by"), "{error}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
        assert!(!folder.join("service-c.yaml").exists(), "all or nothing");
    }
}
