//! `ecs-operator place`: the nodes that ECS would put tasks on.

mod simulation;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde::Serialize;
use simulation::Simulation;

use super::objects::{self, ReadError};
use super::output::{self, OutputError};
use super::query::looked_for;
use super::{FAILURE, SUCCESS, answered};
use crate::api::TaskDefinitionSpec;
use crate::convert::files::{self, STDIN};
use crate::convert::{NoTaskDefinition, single_task_definition};
use crate::ecs::placement::{Constraint, MAX_CONSTRAINTS, MAX_STRATEGIES, Request, Strategy, ZONE};
use crate::ecs::query::{self, Query};
use crate::ecs::task_definition::Compatibility;
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances::{self, InvalidQuantity, RequestContext};

/// Longest name of a task group that ECS takes.
const MAX_GROUP: usize = 255;

/// Show on which nodes ECS would put the tasks of a task definition, one by one, and why not on others.
///
/// Needs no cluster: nodes and Pods come from files. Nothing is started.
#[derive(Debug, Args)]
#[command(after_help = "\
A node is a container instance: its CPU and memory are what its Pods leave of
what it can allocate. A cordoned node is DRAINING, one that is not ready has no
agent, and a taint that the task does not tolerate counts as an ATTRIBUTE.

Strategies, each among the nodes that are equal to those before it:
  random
  spread=instanceId               also spread=host
  spread=attribute:NAME           such as attribute:ecs.availability-zone
  binpack=cpu, binpack=memory     where the least is left

Constraints, which all hold, as those of the task definition do:
  distinctInstance
  memberOf=EXPRESSION             what `ecs-operator query --help` tells

Examples:
  # Ten tasks of a service on the nodes of a cluster with what runs there
  kubectl get nodes -o json >nodes.json
  kubectl get pods --all-namespaces -o json >pods.json
  ecs-operator place --nodes nodes.json --pods pods.json --task web.json \\
    --service web --count 10

  # As few nodes as possible in each zone
  ecs-operator place --nodes nodes.json --task web.json --count 10 \\
    --strategy spread=attribute:ecs.availability-zone \\
    --strategy binpack=memory

Exit codes:
  0  every task has a node
  1  some task has none
  2  something that was given is wrong or cannot be read")]
pub(super) struct Place {
    /// The nodes: a file with what `kubectl get nodes -o json` (or yaml) prints; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    nodes: PathBuf,
    /// The task definition, as RegisterTaskDefinition takes it or `aws ecs describe-task-definition` prints it; `-` is standard
    /// input.
    #[arg(long, value_name = "FILE")]
    task: PathBuf,
    /// How many tasks.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// What runs on the nodes: a file with what `kubectl get pods --all-namespaces -o json` prints. Default: nothing does.
    #[arg(long, value_name = "FILE")]
    pods: Option<PathBuf>,
    /// A step of the placement strategy; up to five, in the order given. Default: of a service, spread over zones and then
    /// over nodes; else random.
    #[arg(long = "strategy", value_name = "STRATEGY")]
    strategies: Vec<Strategy>,
    /// A placement constraint; with those of the task definition up to ten.
    #[arg(long = "constraint", value_name = "CONSTRAINT")]
    constraints: Vec<Constraint>,
    /// The service that the tasks are of: with those it has they are spread and kept apart. Default: they are of no service.
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    service: Option<String>,
    /// The group of tasks without a service. Default: `family:` and the family.
    #[arg(long, value_name = "NAME", value_parser = group)]
    group: Option<String>,
    /// The namespace of the tasks whose groups count. Default: those of all namespaces.
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Chooses among equally good nodes: the same number, the same nodes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The form of the answer.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For people: a table, and why nodes take no further task.
    Text,
    /// For programs: {"placements":[{"task":0,"node":"…"}],"failures":[{"task":1,"reason":"…"}]}.
    Json,
}

#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error("only one of --nodes, --pods and --task can be standard input: give the others as files")]
    OneInput,
    #[error(transparent)]
    Objects(#[from] ReadError),
    #[error("{}: it is a folder; give one file", .0.display())]
    Folder(PathBuf),
    #[error(transparent)]
    TaskDefinition(#[from] NoTaskDefinition),
    #[error("--strategy is given {0} times; ECS takes at most {MAX_STRATEGIES}")]
    Strategies(usize),
    #[error("{0} constraints are given with those of the task definition; ECS takes at most {MAX_CONSTRAINTS}")]
    Constraints(usize),
    #[error("--service: `{0}` is not the name of a service: it has 1 to 255 letters, digits, hyphens and underscores")]
    Service(String),
    #[error("what was given for --nodes or --pods is not what kubectl prints: {0}")]
    Quantity(#[from] InvalidQuantity),
    #[error("two nodes are called `{0}`: give each node once")]
    SameName(String),
    #[error("the answer cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Place {
    pub(super) fn execute(self) -> u8 {
        answered(self.answer())
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
        for doubt in doubts(&request, &nodes) {
            output::complain(&format!("warning: {doubt}"));
        }
        let instances = instances::instances(nodes, pods.as_deref().unwrap_or_default(), &asker)?;
        let mut chance = fastrand::Rng::with_seed(self.seed);
        let simulation = Simulation::run(instances, &fitted, self.count, |count| chance.usize(..count));
        output::print(&match self.output {
            Form::Text => text::render(&simulation, &request, pods.is_some()),
            Form::Json => json_form(&simulation)?,
        })?;
        Ok(if simulation.failure.is_none() { SUCCESS } else { FAILURE })
    }

    fn check_inputs(&self) -> Result<(), PlaceError> {
        let inputs = || [Some(&self.nodes), Some(&self.task), self.pods.as_ref()].into_iter().flatten();
        if inputs().filter(|file| file.as_os_str() == STDIN).count() > 1 {
            return Err(PlaceError::OneInput);
        }
        output::tell_of_terminal(inputs());
        Ok(())
    }

    /// What is asked of nodes for each of the tasks, with groups as ECS calls them.
    fn request(&self, definition: &TaskDefinitionSpec) -> Result<Request, PlaceError> {
        let mut request = Request::of(&definition.ecs, self.group_of(definition)?);
        request.constraints.extend(self.constraints.iter().cloned());
        if request.constraints.len() > MAX_CONSTRAINTS {
            return Err(PlaceError::Constraints(request.constraints.len()));
        }
        if self.strategies.len() > MAX_STRATEGIES {
            return Err(PlaceError::Strategies(self.strategies.len()));
        }
        let fargate_only = definition.ecs.requires_compatibilities == [Compatibility::Fargate];
        if fargate_only && !(self.strategies.is_empty() && self.constraints.is_empty()) {
            output::complain(
                "warning: the task definition is for FARGATE, where ECS takes neither strategies nor constraints; they \
                 count here, where tasks run on nodes",
            );
        }
        request.strategies = match (self.strategies.as_slice(), &self.service) {
            ([], Some(_)) => Strategy::of_service_by_default(),
            // Fargate balances the zones of all its tasks.
            ([], None) if fargate_only => Strategy::of_service_by_default().into_iter().take(1).collect(),
            (given, _) => given.to_vec(),
        };
        Ok(request)
    }

    fn group_of(&self, definition: &TaskDefinitionSpec) -> Result<String, PlaceError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match (&self.service, &self.group) {
            (Some(name), _) if name.is_empty() || name.len() > MAX_GROUP || !name.chars().all(fits) => {
                Err(PlaceError::Service(name.clone()))
            }
            (Some(name), _) => Ok(format!("service:{name}")),
            (None, Some(group)) => Ok(group.clone()),
            (None, None) => Ok(format!("family:{}", definition.ecs.family.as_deref().unwrap_or_default())),
        }
    }
}

/// What may be meant otherwise in what is asked of the nodes.
fn doubts(request: &Request, nodes: &[Node]) -> Vec<String> {
    let mut doubts = Vec::new();
    for constraint in &request.constraints {
        let Constraint::MemberOf(expression) = constraint else { continue };
        let query = Query::from_canonical(&expression.to_string()).ok();
        doubts.extend(query.iter().flat_map(Query::notes).map(|note| note.message.clone()));
    }
    let nodes: Vec<NodeFacts> = nodes.iter().cloned().map(NodeFacts::from_node).collect();
    for name in request.strategies.iter().filter_map(Strategy::attribute) {
        let nowhere = !nodes.is_empty() && !nodes.iter().any(|node| node.has(name));
        let nowhere = nowhere.then(|| format!("no node has the attribute {name} to spread over: {}", looked_for(name)));
        doubts.extend(query::misspelled_attribute(name).or(nowhere));
    }
    doubts
}

fn task_definition(file: &Path) -> Result<TaskDefinitionSpec, PlaceError> {
    let folder = || PlaceError::Folder(file.to_owned());
    let source = files::read(&[file.to_owned()]).pop().filter(|source| !source.from_folder && !file.is_dir());
    Ok(single_task_definition(&source.ok_or_else(folder)?)?)
}

/// Tasks are told by the names of their nodes, and Pods know theirs by it.
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
        Err("that is the group of a service's tasks: write --service NAME".to_owned())
    } else if text.is_empty() || text.chars().count() > MAX_GROUP {
        Err(format!("the name of a group has 1 to {MAX_GROUP} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// The answer for programs; its members stand in this order.
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

fn json_form(simulation: &Simulation) -> Result<String, serde_json::Error> {
    let placements = simulation.placements.iter().enumerate();
    let failures = simulation.failed().map(|(task, reason)| Refused { task, reason: reason.to_string() });
    let answer = Answer {
        placements: placements.map(|(task, placed)| Placement { task, node: &placed.node }).collect(),
        failures: failures.collect(),
    };
    Ok(format!("{}\n", serde_json::to_string(&answer)?))
}
