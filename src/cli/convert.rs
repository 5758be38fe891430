//! `ecs-operator convert`: converts files to custom resources or plain manifests, with a report.

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

/// Exit code with `--strict` if a field is not exact.
const NOT_EXACT: u8 = 2;
/// Maximum width of the text on a terminal.
const MAX_WIDTH: usize = 120;

/// Convert ECS definitions to custom resources or plain manifests, and report the translation of every field.
///
/// Requires neither a cluster nor an AWS account. Writes the objects to standard output and the report to standard error. The
/// report contains no environment values or other secrets.
#[derive(Debug, Args)]
#[command(after_help = "\
Inputs: JSON, optionally with comments and trailing commas, and YAML, with
  - the input of RegisterTaskDefinition, CreateService, UpdateService, CreateCluster,
    PutClusterCapacityProviders, CreateCapacityProvider
  - the output of `aws ecs describe-…`, also several outputs in sequence
  - auto scaling, together with the service: the input of RegisterScalableTarget,
    PutScalingPolicy, PutScheduledAction, PutMetricAlarm, and the output of `aws
    application-autoscaling describe-…` and `aws cloudwatch describe-alarms`
  - a list of container definitions, and lists of all of these
  - the custom resources of ecs-operator.dev/v1alpha1

Examples:
  # Report the translation of a task definition
  aws ecs describe-task-definition --task-definition web |
    ecs-operator convert - >/dev/null

  # Convert a folder and apply it
  ecs-operator convert ecs/ > objects.yaml && kubectl apply -f objects.yaml

  # Write plain Deployments and Services, one file for each, and a Markdown report
  ecs-operator convert --to kubernetes --output manifests/ \\
    --report markdown --report-file REPORT.md ecs/

Exit codes:
  0  every input was converted
  1  an input was not converted, or the inputs contain no definition, or the
     objects cannot be written, or the command line is invalid
  2  with --strict: the translation of a field is not exact")]
pub(super) struct Convert {
    /// Files and folders; `-` is standard input. In a folder, all *.json, *.jsonc, *.yaml and *.yml files at any depth are
    /// read, except hidden ones.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Kind of objects to write.
    #[arg(long, value_name = "KIND", default_value = "crs")]
    to: To,
    /// Namespace of all objects. Default: none, so that kubectl sets it.
    #[arg(long, short, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// Keep the task definition revisions of services. By default a service follows the family, because the revision numbers of
    /// AWS do not apply in the new cluster, where revisions start at 1.
    #[arg(long)]
    keep_revisions: bool,
    /// Kubernetes version for plain manifests, 1.33 or newer.
    #[arg(long, value_name = "1.N", default_value_t = format!("1.{}", RenderProfile::NEWEST_MINOR), value_parser = version)]
    kubernetes_version: String,
    /// Image of the task agent for plain manifests of Kubernetes 1.35 or newer. Tasks contain the agent if they require it and
    /// their commands are known. Without the operator, the Pods of stopped tasks are not deleted.
    #[arg(long, value_name = "IMAGE", value_parser = super::image)]
    task_agent_image: Option<String>,
    /// Use the schedulers of the chart, whose profiles implement placement strategies. They must be installed.
    #[arg(long)]
    placement_schedulers: bool,
    /// Folder for one file per object. Files of previous conversions are overwritten; other files with the same name are an
    /// error. Default: standard output.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Format of the report.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    report: ReportFormat,
    /// File for the report. Default: standard error.
    #[arg(long, value_name = "FILE")]
    report_file: Option<PathBuf>,
    /// Exit with code 2 if the translation of a field is not exact.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// Custom resources, for a cluster with the operator.
    Crs,
    /// Deployments, Services and companion objects, for a cluster without the operator.
    Kubernetes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportFormat {
    /// Text for a terminal, grouped, with the most severe first.
    Text,
    /// JSON with every leaf of every input.
    Json,
    /// Markdown for pull requests and wikis.
    Markdown,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
    /// No report.
    None,
}

#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error("no ECS definition found in {0}; read files: {1}")]
    NoDefinition(String, String),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot serialize the report: {0}")]
    Report(#[from] serde_json::Error),
    #[error("--output requires a folder, but {} is a file", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} exists and was not created by `ecs-operator convert`: move it, or choose another folder", .0.display())]
    Foreign(PathBuf),
    #[error("two objects have the same file {}: convert them separately, into different folders", .0.display())]
    SameFile(PathBuf),
}

impl Convert {
    pub(super) fn execute(self) -> u8 {
        output::note_terminal(self.files.iter());
        let sources = convert::files::read(&self.files);
        let conversion = convert::convert(&sources, &self.settings());
        match self.write(&conversion) {
            Ok(()) => {
                self.summary(&conversion.report).into_iter().for_each(|line| output::print_error(&line));
                self.exit_code(&conversion.report)
            }
            Err(error) => fail(&error),
        }
    }

    /// Returns the reason of an exit code other than 0, unless a text report on standard error contains it.
    fn summary(&self, report: &Report) -> Option<String> {
        let counts = report.counts();
        let is_hidden = self.report_file.is_some() || matches!(self.report, ReportFormat::None);
        match self.exit_code(report) {
            FAILURE if is_hidden => {
                let number = counts.refused;
                let all = report.documents.len();
                Some(format!("error: {number} of {all} documents were not converted; {}", self.advice()))
            }
            NOT_EXACT if is_hidden || matches!(self.report, ReportFormat::Text) => {
                let number = counts.not_exact();
                let advice = if is_hidden { format!("; {}", self.advice()) } else { String::new() };
                Some(format!("error: {number} of {} fields are not exact (--strict){advice}", counts.fields()))
            }
            _ => None,
        }
    }

    /// Returns where to find the reason.
    fn advice(&self) -> String {
        match &self.report_file {
            Some(file) if !matches!(self.report, ReportFormat::None) => format!("see {}", file.display()),
            _ => "see `--report text`".to_owned(),
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
            locations: matches!(self.report, ReportFormat::Text | ReportFormat::Markdown | ReportFormat::Sarif),
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
        let is_empty = !conversion.report.has_definitions();
        let folder = self.output.as_ref().filter(|_| !is_empty);
        let files = folder.map(|folder| prepare(folder, &conversion.manifests)).transpose()?;
        if let (Some(file), Some(report)) = (&self.report_file, &report) {
            // The report comes first, so that no object is written without its report.
            output::write_file(file, report)?;
        }
        match files {
            Some(files) => output::write_files(&files)?,
            None if is_empty => {}
            None => output::print(&stream(&conversion.manifests))?,
        }
        if let (None, Some(report)) = (&self.report_file, &report) {
            output::print_error(report.trim_end());
        }
        if is_empty { Err(self.no_definition()) } else { Ok(()) }
    }

    fn no_definition(&self) -> ConvertError {
        let inputs: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let patterns = convert::files::EXTENSIONS.map(|extension| format!("*.{extension}"));
        ConvertError::NoDefinition(inputs.join(", "), patterns.join(", "))
    }

    fn render(&self, report: &Report) -> Result<Option<String>, serde_json::Error> {
        Ok(Some(match self.report {
            // The error message is sufficient.
            ReportFormat::Text if report.documents.is_empty() => return Ok(None),
            ReportFormat::Text => report::text(report, self.appearance()),
            ReportFormat::Json => report::json(report)?,
            ReportFormat::Markdown => report::markdown(report),
            ReportFormat::Sarif => report::sarif(report)?,
            ReportFormat::None => return Ok(None),
        }))
    }

    /// Returns colors and width of the terminal, or the defaults for a file or a pipe.
    fn appearance(&self) -> Appearance {
        let plain = Appearance::default();
        if self.report_file.is_some() {
            return plain;
        }
        let color = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let terminal = io::stderr().is_terminal().then(|| terminal_size::terminal_size_of(io::stderr())).flatten();
        let width = terminal.map_or(plain.width, |(width, _)| usize::from(width.0).min(MAX_WIDTH));
        Appearance { color, width }
    }
}

fn stream(manifests: &[Manifest]) -> String {
    let documents: Vec<&str> = manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
    documents.join("---\n")
}

/// Creates the folder and returns the files to write. Fails if one of them must not be overwritten.
fn prepare(folder: &Path, manifests: &[Manifest]) -> Result<Vec<(PathBuf, String)>, ConvertError> {
    if folder.exists() && !folder.is_dir() {
        return Err(ConvertError::NotAFolder(folder.to_owned()));
    }
    let mut names = BTreeSet::new();
    let mut files = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let file = folder.join(manifest.file_name());
        if is_foreign(&file) {
            return Err(ConvertError::Foreign(file));
        }
        if !names.insert(file.clone()) {
            return Err(ConvertError::SameFile(file));
        }
        files.push((file, format!("{MARK}{}", manifest.yaml)));
    }
    output::make_folder(folder)?;
    Ok(files)
}

/// True if a file exists that no conversion wrote.
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
        Err("a namespace has 1 to 63 lowercase letters, digits and inner hyphens".to_owned())
    }
}

fn version(text: &str) -> Result<String, String> {
    match minor(text) {
        None => Err("expected 1.N, such as 1.34".to_owned()),
        Some(minor) if minor < convert::OLDEST_MINOR => {
            Err(format!("the oldest supported version is 1.{}", convert::OLDEST_MINOR))
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
    fn versions_are_parsed() {
        for (text, expected) in [("1.34", Some(34)), ("v1.36.2", Some(36)), ("36", None), ("2.1", None), ("1.x", None)]
        {
            assert_eq!(minor(text), expected, "{text}");
        }
    }

    #[test]
    fn versions_that_are_too_old_are_refused() {
        assert_eq!(version("1.33"), Ok("1.33".to_owned()));
        assert_eq!(version("v1.32.9").unwrap_err(), "the oldest supported version is 1.33");
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
                "no ECS definition found in {}; read files: *.json, *.jsonc, *.yaml, *.yml",
                folder.path().display()
            )
        );
    }

    #[test]
    fn files_of_conversions_are_overwritten_and_others_are_not() {
        let write_files = |folder: &Path, manifests: &[Manifest]| {
            prepare(folder, manifests).and_then(|files| Ok(output::write_files(&files)?))
        };
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("manifests");
        write_files(&folder, &[manifest("a"), manifest("b")]).unwrap();
        write_files(&folder, &[manifest("a")]).unwrap();
        let foreign = folder.join("service-b.yaml");
        fs::write(&foreign, "mine").unwrap();
        let error = write_files(&folder, &[manifest("c"), manifest("b")]).unwrap_err();
        assert!(error.to_string().contains("was not created by"), "{error}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
        assert!(!folder.join("service-c.yaml").exists(), "all or nothing");
    }
}
