//! `ecs-operator place`: simulates the placement of tasks on nodes by ECS.

mod simulation;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde::Serialize;
use simulation::Simulation;

use super::objects::{self, ReadError};
use super::output::{self, OutputError};
use super::query::missing_labels;
use super::{FAILURE, SUCCESS, exit_code};
use crate::api::TaskDefinitionSpec;
use crate::convert::files::{self, STDIN};
use crate::convert::{NoTaskDefinition, single_task_definition};
use crate::ecs::placement::{Constraint, MAX_CONSTRAINTS, MAX_STRATEGIES, Request, Strategy, ZONE};
use crate::ecs::query::{self, Query};
use crate::ecs::task_definition::Compatibility;
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances::{self, InvalidQuantity, RequestContext};

/// Maximum length of a task group name in ECS.
const MAX_GROUP: usize = 255;

/// Show on which nodes ECS would place the tasks of a task definition, and why not on others.
///
/// Requires no cluster: nodes and Pods are read from files. No task is started.
#[derive(Debug, Args)]
#[command(after_help = "\
A node is a container instance. Its CPU and memory are the allocatable resources
minus the requests of its Pods. A cordoned node is DRAINING, a node that is not
ready has no agent, and a taint without a toleration is an ATTRIBUTE.

Strategies; each one selects among the best nodes of the previous ones:
  random
  spread=instanceId               also spread=host
  spread=attribute:NAME           such as attribute:ecs.availability-zone
  binpack=cpu, binpack=memory     least remaining resources first

Constraints, in addition to those of the task definition:
  distinctInstance
  memberOf=EXPRESSION             see `ecs-operator query --help`

Examples:
  # Ten tasks of a service on the nodes of a cluster with its Pods
  kubectl get nodes -o json >nodes.json
  kubectl get pods --all-namespaces -o json >pods.json
  ecs-operator place --nodes nodes.json --pods pods.json --task web.json \\
    --service web --count 10

  # As few nodes as possible in each zone
  ecs-operator place --nodes nodes.json --task web.json --count 10 \\
    --strategy spread=attribute:ecs.availability-zone \\
    --strategy binpack=memory

Exit codes:
  0  every task is placed
  1  a task is not placed
  2  the command line or an input is invalid")]
pub(super) struct Place {
    /// File with the output of `kubectl get nodes -o json` (or yaml); `-` is standard input.
    #[arg(long, value_name = "FILE")]
    nodes: PathBuf,
    /// File with a task definition: the input of RegisterTaskDefinition or the output of `aws ecs describe-task-definition`; `-`
    /// is standard input.
    #[arg(long, value_name = "FILE")]
    task: PathBuf,
    /// Number of tasks.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// File with the output of `kubectl get pods --all-namespaces -o json`. Default: no Pods run on the nodes.
    #[arg(long, value_name = "FILE")]
    pods: Option<PathBuf>,
    /// Placement strategy; up to five, in order. Default with --service: spread over zones, then over nodes; otherwise spread over zones for a definition that requires only FARGATE, else random.
    #[arg(long = "strategy", value_name = "STRATEGY")]
    strategies: Vec<Strategy>,
    /// Placement constraint; up to ten, including those of the task definition.
    #[arg(long = "constraint", value_name = "CONSTRAINT")]
    constraints: Vec<Constraint>,
    /// Service of the tasks. Strategies and constraints include its existing tasks. Default: no service.
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    service: Option<String>,
    /// Group of tasks without a service. Default: `family:FAMILY`.
    #[arg(long, value_name = "NAME", value_parser = group)]
    group: Option<String>,
    /// Namespace of the tasks in task groups. Default: all namespaces.
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Seed of the random choice among equally good nodes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Output format.
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputFormat {
    /// Table, with the reasons of nodes that refuse a further task.
    Text,
    /// JSON: {"placements":[{"task":0,"node":"…"}],"failures":[{"task":1,"reason":"…"}]}.
    Json,
}

#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error("only one of --nodes, --pods and --task can be standard input: use files for the others")]
    OneInput,
    #[error(transparent)]
    Objects(#[from] ReadError),
    #[error("{}: expected a file, found a folder", .0.display())]
    Folder(PathBuf),
    #[error(transparent)]
    TaskDefinition(#[from] NoTaskDefinition),
    #[error("{0} strategies; ECS allows at most {MAX_STRATEGIES}")]
    Strategies(usize),
    #[error("{0} constraints, including those of the task definition; ECS allows at most {MAX_CONSTRAINTS}")]
    Constraints(usize),
    #[error("--service: invalid service name `{0}`: use 1 to 255 letters, digits, hyphens and underscores")]
    Service(String),
    #[error("--nodes or --pods is not the output of kubectl: {0}")]
    Quantity(#[from] InvalidQuantity),
    #[error("two nodes have the name `{0}`: remove one")]
    SameName(String),
    #[error("cannot serialize the result: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Place {
    pub(super) fn execute(self) -> u8 {
        exit_code(self.answer())
    }

    fn answer(&self) -> Result<u8, PlaceError> {
        self.check_inputs()?;
        let definition = task_definition(&self.task)?;
        let request = self.request(&definition)?;
        let nodes: Vec<Node> = objects::read(&self.nodes, "Node")?;
        check_names(&nodes)?;
        let pods: Option<Vec<Pod>> = self.pods.as_ref().map(|file| objects::read(file, "Pod")).transpose()?;
        let mut fitted = request.clone();
        instances::use_object_names(&mut fitted);
        let asker = RequestContext {
            request: &fitted,
            kubernetes: definition.kubernetes.as_ref(),
            namespace: self.namespace.as_deref(),
        };
        for warning in warnings(&request, &nodes) {
            output::print_error(&format!("warning: {warning}"));
        }
        let instances = instances::instances(nodes, pods.as_deref().unwrap_or_default(), &asker)?;
        let mut random = fastrand::Rng::with_seed(self.seed);
        let simulation = Simulation::run(instances, &fitted, self.count, |count| random.usize(..count));
        output::print(&match self.output {
            OutputFormat::Text => text::render(&simulation, &request, pods.is_some()),
            OutputFormat::Json => json(&simulation)?,
        })?;
        Ok(if simulation.failure.is_none() { SUCCESS } else { FAILURE })
    }

    fn check_inputs(&self) -> Result<(), PlaceError> {
        let inputs = || [Some(&self.nodes), Some(&self.task), self.pods.as_ref()].into_iter().flatten();
        if inputs().filter(|file| file.as_os_str() == STDIN).count() > 1 {
            return Err(PlaceError::OneInput);
        }
        output::note_terminal(inputs());
        Ok(())
    }

    /// Returns the requirements of a task, with group names as in ECS.
    fn request(&self, definition: &TaskDefinitionSpec) -> Result<Request, PlaceError> {
        let mut request = Request::from_task_definition(&definition.ecs, self.group(definition)?);
        request.constraints.extend(self.constraints.iter().cloned());
        if request.constraints.len() > MAX_CONSTRAINTS {
            return Err(PlaceError::Constraints(request.constraints.len()));
        }
        if self.strategies.len() > MAX_STRATEGIES {
            return Err(PlaceError::Strategies(self.strategies.len()));
        }
        let fargate_only = definition.ecs.requires_compatibilities == [Compatibility::Fargate];
        if fargate_only && !(self.strategies.is_empty() && self.constraints.is_empty()) {
            output::print_error(
                "warning: the task definition is for FARGATE, for which ECS allows neither strategies nor constraints; \
                 they apply here, because tasks run on nodes",
            );
        }
        request.strategies = match (self.strategies.as_slice(), &self.service) {
            ([], Some(_)) => Strategy::service_default(),
            // Fargate distributes all tasks over zones.
            ([], None) if fargate_only => Strategy::service_default().into_iter().take(1).collect(),
            (strategies, _) => strategies.to_vec(),
        };
        Ok(request)
    }

    fn group(&self, definition: &TaskDefinitionSpec) -> Result<String, PlaceError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match (&self.service, &self.group) {
            (Some(name), _) if name.is_empty() || name.len() > MAX_GROUP || !name.chars().all(is_allowed) => {
                Err(PlaceError::Service(name.clone()))
            }
            (Some(name), _) => Ok(format!("service:{name}")),
            (None, Some(group)) => Ok(group.clone()),
            (None, None) => Ok(format!("family:{}", definition.ecs.family.as_deref().unwrap_or_default())),
        }
    }
}

/// Returns warnings about probable mistakes in constraints and strategies.
fn warnings(request: &Request, nodes: &[Node]) -> Vec<String> {
    let mut warnings = Vec::new();
    for constraint in &request.constraints {
        let Constraint::MemberOf(expression) = constraint else { continue };
        let query = Query::from_canonical(&expression.to_string()).ok();
        warnings.extend(query.iter().flat_map(Query::notes).map(|note| note.message.clone()));
    }
    let nodes: Vec<NodeFacts> = nodes.iter().cloned().map(NodeFacts::from_node).collect();
    for name in request.strategies.iter().filter_map(Strategy::attribute) {
        let is_missing = !nodes.is_empty() && !nodes.iter().any(|node| node.has(name));
        let missing =
            is_missing.then(|| format!("no node has the attribute {name} to spread over: {}", missing_labels(name)));
        warnings.extend(query::misspelled_attribute(name).or(missing));
    }
    warnings
}

fn task_definition(file: &Path) -> Result<TaskDefinitionSpec, PlaceError> {
    let folder = || PlaceError::Folder(file.to_owned());
    let source = files::read(&[file.to_owned()]).pop().filter(|source| !source.from_folder && !file.is_dir());
    Ok(single_task_definition(&source.ok_or_else(folder)?)?)
}

/// Checks that node names are unique: Pods and the output reference nodes by name.
fn check_names(nodes: &[Node]) -> Result<(), PlaceError> {
    let mut names: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_deref().unwrap_or_default()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PlaceError::SameName(pair[0].to_owned())),
        None => Ok(()),
    }
}

fn group(text: &str) -> Result<String, String> {
    if text.starts_with("service:") {
        Err("this is the group of a service: use --service NAME".to_owned())
    } else if text.is_empty() || text.chars().count() > MAX_GROUP {
        Err(format!("a group name has 1 to {MAX_GROUP} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// The JSON output.
#[derive(Serialize)]
struct Answer<'a> {
    placements: Vec<Placement<'a>>,
    failures: Vec<Refused>,
}

#[derive(Serialize)]
struct Placement<'a> {
    task: usize,
    node: &'a str,
}

#[derive(Serialize)]
struct Refused {
    task: usize,
    reason: String,
}

fn json(simulation: &Simulation) -> Result<String, serde_json::Error> {
    let placements = simulation.placements.iter().enumerate();
    let failures = simulation.failed().map(|(task, reason)| Refused { task, reason: reason.to_string() });
    let answer = Answer {
        placements: placements.map(|(task, placed)| Placement { task, node: &placed.node }).collect(),
        failures: failures.collect(),
    };
    Ok(format!("{}\n", serde_json::to_string(&answer)?))
}
