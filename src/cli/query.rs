//! `ecs-operator query`: lists the nodes that match an expression of the cluster query language.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use clap::Args;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use super::objects::{self, ReadError};
use super::output::{self, OutputError};
use super::{SUCCESS, exit_code};
use crate::api::labels;
use crate::convert::files::STDIN;
use crate::ecs::query::{Query as Expression, QueryError};
use crate::kubernetes::client::{ConnectError, ConnectOptions, connect};
use crate::kubernetes::discovery;
use crate::translate::placement::facts::{self, NodeFacts, TaskFacts};
use crate::translate::placement::{MembershipLabel, Rules};

/// Exit code if no node matches.
const NO_MATCH: u8 = 1;

/// List the nodes that match an expression of the ECS cluster query language, as `aws ecs list-container-instances --filter`
/// lists instances.
#[derive(Debug, Args)]
#[command(after_help = "\
Attributes and their sources in Kubernetes:
  attribute:ecs.availability-zone, ecs.instance-type, ecs.os-type,
  ecs.cpu-architecture            well-known labels of the node
  attribute:NAME                  label attribute.ecs-operator.dev/NAME, or else NAME
  ec2InstanceId                   last part of the node's providerID
  agentConnected, agentVersion    readiness of the node, version of its kubelet
  registeredAt                    creation of the node
  runningTasksCount, task:group   Pods of ECS services

Examples:
  # Nodes of the current context
  ecs-operator query 'attribute:ecs.instance-type =~ g4dn.*'

  # Nodes from a file, without a cluster
  kubectl get nodes -o json | ecs-operator query --nodes - 'attribute:stack == prod'

  # Show the translation of a placement constraint with this expression
  ecs-operator query --explain 'attribute:ecs.os-type == linux and runningTasksCount < 3'

Exit codes:
  0  at least one node matches, or --explain succeeded
  1  no node matches
  2  the expression is invalid, or the nodes cannot be read")]
pub(super) struct Query {
    /// The expression, in quotes.
    #[arg(value_name = "EXPRESSION")]
    expression: String,
    /// File with the output of `kubectl get nodes -o json` (or yaml); `-` is standard input. Default: the nodes of the cluster.
    #[arg(long, value_name = "FILE")]
    nodes: Option<PathBuf>,
    /// File with the output of `kubectl get pods --all-namespaces -o json`, for runningTasksCount and task:group.
    #[arg(long, value_name = "FILE", requires = "nodes")]
    pods: Option<PathBuf>,
    /// Print the translation of a placement constraint with the expression instead of nodes.
    #[arg(long, conflicts_with_all = ["nodes", "pods", "kubeconfig", "context"])]
    explain: bool,
    /// Namespace of the tasks in task groups. Default: all namespaces.
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Kubeconfig file. Default: $KUBECONFIG, then the service account of the Pod, then ~/.kube/config.
    #[arg(long, value_name = "FILE", conflicts_with = "nodes")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: the current context.
    #[arg(long, value_name = "NAME", conflicts_with = "nodes")]
    context: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Expression(#[from] QueryError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("--nodes and --pods cannot both be standard input: use a file for one of them")]
    OneInput,
    #[error(
        "the expression depends on tasks (runningTasksCount, task:group): add --pods FILE with the output of `kubectl get \
         pods --all-namespaces -o json`"
    )]
    NoPods,
    #[error("cannot start a thread: {0}")]
    System(#[from] io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("cannot list {0}: {1}")]
    List(&'static str, #[source] kube::Error),
    #[error("cannot serialize the affinity as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The nodes, and their tasks by node name.
struct Inventory {
    nodes: Vec<NodeFacts>,
    tasks: BTreeMap<String, Vec<TaskFacts>>,
}

impl Inventory {
    fn new(nodes: Vec<Node>, pods: &[Pod]) -> Self {
        let mut tasks: BTreeMap<String, Vec<TaskFacts>> = BTreeMap::new();
        for (node, task) in pods.iter().filter_map(TaskFacts::from_pod) {
            tasks.entry(node).or_default().push(task);
        }
        Self { nodes: nodes.into_iter().map(NodeFacts::from_node).collect(), tasks }
    }
}

impl Query {
    pub(super) fn execute(self) -> u8 {
        exit_code(self.answer())
    }

    fn answer(&self) -> Result<u8, AnswerError> {
        let query: Expression = self.expression.parse()?;
        for note in query.notes() {
            output::print_error(&format!("warning: {}", note.message));
        }
        if self.explain {
            output::print(&self.explanation(&query)?)?;
            return Ok(SUCCESS);
        }
        let inventory = self.inventory(&query)?;
        let names = self.matching(&query, &inventory);
        if names.is_empty() {
            for line in no_match(&query, &inventory.nodes) {
                output::print_error(&line);
            }
        }
        output::print(&names.iter().flat_map(|name| [name, "\n"]).collect::<String>())?;
        Ok(if names.is_empty() { NO_MATCH } else { SUCCESS })
    }

    /// Returns the names of the nodes that match, sorted.
    fn matching(&self, query: &Expression, inventory: &Inventory) -> Vec<String> {
        let mark = MembershipLabel::new(query.expression().clone(), self.namespace.as_deref());
        let matching = inventory.nodes.iter().filter(|node| {
            let tasks = inventory.tasks.get(&node.name).map(Vec::as_slice).unwrap_or_default();
            mark.matches(node, tasks.iter())
        });
        let mut names: Vec<String> = matching.map(|node| node.name.clone()).collect();
        names.sort();
        names
    }

    /// Reads the nodes and Pods from files or from the cluster.
    fn inventory(&self, query: &Expression) -> Result<Inventory, AnswerError> {
        let needs_pods = query.expression().depends_on_tasks();
        let Some(nodes) = &self.nodes else { return self.list_in_cluster(needs_pods) };
        let is_stdin = |file: &PathBuf| file.as_os_str() == STDIN;
        if is_stdin(nodes) && self.pods.as_ref().is_some_and(is_stdin) {
            return Err(AnswerError::OneInput);
        }
        if needs_pods && self.pods.is_none() {
            return Err(AnswerError::NoPods);
        }
        output::note_terminal([Some(nodes), self.pods.as_ref()].into_iter().flatten());
        let pods = self.pods.as_ref().map(|file| objects::read(file, "Pod")).transpose()?.unwrap_or_default();
        Ok(Inventory::new(objects::read(nodes, "Node")?, &pods))
    }

    /// Lists the nodes and Pods of the cluster.
    fn list_in_cluster(&self, needs_pods: bool) -> Result<Inventory, AnswerError> {
        let options = ConnectOptions { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = connect(options).await?.write;
            let nodes = discovery::list(&client, "").await.map_err(|error| AnswerError::List("nodes", error))?;
            let pods =
                async { if needs_pods { discovery::list(&client, labels::SERVICE).await } else { Ok(Vec::new()) } };
            Ok(Inventory::new(nodes, &pods.await.map_err(|error| AnswerError::List("Pods", error))?))
        })
    }

    /// Returns the affinity of a placement constraint as YAML, with comments on the expression.
    fn explanation(&self, query: &Expression) -> Result<String, AnswerError> {
        let rules = Rules::from_query(query, self.namespace.as_deref());
        let mut text = format!("# {query}\n");
        for mark in &rules.membership_labels {
            let shared = mark.depends_on_tasks() && self.namespace.is_none();
            let label = if shared {
                "#   one for each namespace; --namespace selects one\n".to_owned()
            } else {
                format!("#   {}\n", mark.label())
            };
            text.push_str("# The operator evaluates\n#   ");
            text.push_str(&mark.expression().to_string());
            text.push_str("\n# and sets a label on the matching nodes:\n");
            text.push_str(&label);
        }
        if rules.never {
            text.push_str("# No node can match.\n");
        }
        match &rules.affinity {
            None => text.push_str("# Every node matches.\n"),
            Some(affinity) => text.push_str(&serde_saphyr::to_string(&json!({ "affinity": affinity }))?),
        }
        Ok(text)
    }
}

/// Returns the messages if no node matches, with the attributes of the expression that no node has.
fn no_match(query: &Expression, nodes: &[NodeFacts]) -> Vec<String> {
    let mut lines = vec![match nodes.len() {
        0 => "there are no nodes".to_owned(),
        1 => "the only node does not match".to_owned(),
        number => format!("none of {number} nodes matches"),
    }];
    let attributes: BTreeSet<&str> = query.expression().attributes().collect();
    let missing = attributes.into_iter().filter(|name| !nodes.is_empty() && !nodes.iter().any(|node| node.has(name)));
    lines.extend(missing.map(|name| format!("no node has the attribute {name}: {}", missing_labels(name))));
    lines
}

/// Returns the labels that an attribute requires, in a message about nodes without them.
pub(super) fn missing_labels(attribute: &str) -> String {
    match facts::label_keys(attribute).as_slice() {
        [] => "no label can have this name".to_owned(),
        [only] => format!("none has the label {only}"),
        labels => format!("none has one of the labels {}", labels.join(", ")),
    }
}
