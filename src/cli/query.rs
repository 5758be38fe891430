//! `ecs-operator query`: the nodes that an expression of the cluster query language is true of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use clap::Args;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use super::objects::{self, ReadError};
use super::output::{self, OutputError};
use super::{SUCCESS, answered};
use crate::api::labels;
use crate::convert::files::STDIN;
use crate::ecs::query::{Query as Expression, QueryError};
use crate::kubernetes::client::{ConnectError, ConnectOptions, connect};
use crate::kubernetes::discovery;
use crate::translate::placement::facts::{self, NodeFacts, TaskFacts};
use crate::translate::placement::{MembershipLabel, Rules};

/// No node matches.
const NONE: u8 = 1;

/// List the nodes that an expression of ECS's cluster query language is true of, as `aws ecs list-container-instances --filter`
/// lists instances.
#[derive(Debug, Args)]
#[command(after_help = "\
What an expression asks about, on Kubernetes:
  attribute:ecs.availability-zone, ecs.instance-type, ecs.os-type,
  ecs.cpu-architecture            well-known labels of the node
  attribute:NAME                  label attribute.ecs-operator.dev/NAME, or else NAME
  ec2InstanceId                   last part of the node's providerID
  agentConnected, agentVersion    whether the node is ready, version of its kubelet
  registeredAt                    creation of the node
  runningTasksCount, task:group   Pods of ECS services

Examples:
  # Nodes of the current context
  ecs-operator query 'attribute:ecs.instance-type =~ g4dn.*'

  # The same without a connection
  kubectl get nodes -o json | ecs-operator query --nodes - 'attribute:stack == prod'

  # What a placement constraint with this expression becomes
  ecs-operator query --explain 'attribute:ecs.os-type == linux and runningTasksCount < 3'

Exit codes:
  0  some nodes match, or the expression was explained
  1  no node matches
  2  the expression is wrong, or the nodes could not be read")]
pub(super) struct Query {
    /// The expression, in quotes.
    #[arg(value_name = "EXPRESSION")]
    expression: String,
    /// Read the nodes from a file with what `kubectl get nodes -o json` (or yaml) prints; `-` is standard input. Default: ask the
    /// cluster.
    #[arg(long, value_name = "FILE")]
    nodes: Option<PathBuf>,
    /// Read the Pods from such a file too, for runningTasksCount and task:group.
    #[arg(long, value_name = "FILE", requires = "nodes")]
    pods: Option<PathBuf>,
    /// Say what the expression means and what a placement constraint with it becomes, and ask no nodes.
    #[arg(long, conflicts_with_all = ["nodes", "pods", "kubeconfig", "context"])]
    explain: bool,
    /// The namespace of the tasks whose groups count. Default: those of all namespaces.
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Kubeconfig file. Default: $KUBECONFIG; else, inside a pod, its service account; else ~/.kube/config.
    #[arg(long, value_name = "FILE", conflicts_with = "nodes")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "NAME", conflicts_with = "nodes")]
    context: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Expression(#[from] QueryError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("nodes and Pods cannot both come from standard input: give one of them as a file")]
    OneInput,
    #[error(
        "the expression asks about tasks (runningTasksCount, task:group): give the Pods too, \
         --pods FILE with what `kubectl get pods --all-namespaces -o json` prints"
    )]
    NoPods,
    #[error("the system gives no threads: {0}")]
    System(#[from] io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the cluster did not say which {0} it has: {1}")]
    List(&'static str, #[source] kube::Error),
    #[error("the affinity could not be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Nodes, and the tasks of each by its name.
struct Seen {
    nodes: Vec<NodeFacts>,
    tasks: BTreeMap<String, Vec<TaskFacts>>,
}

impl Seen {
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
        answered(self.answer())
    }

    fn answer(&self) -> Result<u8, AnswerError> {
        let query: Expression = self.expression.parse()?;
        for note in query.notes() {
            output::complain(&format!("warning: {}", note.message));
        }
        if self.explain {
            output::print(&self.explanation(&query)?)?;
            return Ok(SUCCESS);
        }
        let seen = self.look(&query)?;
        let names = self.matching(&query, &seen);
        if names.is_empty() {
            for line in why_none(&query, &seen.nodes) {
                output::complain(&line);
            }
        }
        output::print(&names.iter().flat_map(|name| [name, "\n"]).collect::<String>())?;
        Ok(if names.is_empty() { NONE } else { SUCCESS })
    }

    /// The names of the nodes that match, in order.
    fn matching(&self, query: &Expression, seen: &Seen) -> Vec<String> {
        let mark = MembershipLabel::new(query.expression().clone(), self.namespace.as_deref());
        let matching = seen.nodes.iter().filter(|node| {
            let tasks = seen.tasks.get(&node.name).map(Vec::as_slice).unwrap_or_default();
            mark.matches(node, tasks.iter())
        });
        let mut names: Vec<String> = matching.map(|node| node.name.clone()).collect();
        names.sort();
        names
    }

    fn look(&self, query: &Expression) -> Result<Seen, AnswerError> {
        let needs_pods = query.expression().depends_on_tasks();
        let Some(nodes) = &self.nodes else { return self.ask(needs_pods) };
        let is_stdin = |file: &PathBuf| file.as_os_str() == STDIN;
        if is_stdin(nodes) && self.pods.as_ref().is_some_and(is_stdin) {
            return Err(AnswerError::OneInput);
        }
        if needs_pods && self.pods.is_none() {
            return Err(AnswerError::NoPods);
        }
        output::tell_of_terminal([Some(nodes), self.pods.as_ref()].into_iter().flatten());
        let pods = self.pods.as_ref().map(|file| objects::read(file, "Pod")).transpose()?.unwrap_or_default();
        Ok(Seen::new(objects::read(nodes, "Node")?, &pods))
    }

    /// Asks the cluster.
    fn ask(&self, needs_pods: bool) -> Result<Seen, AnswerError> {
        let options = ConnectOptions { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = connect(options).await?.write;
            let nodes = discovery::list(&client, "").await.map_err(|error| AnswerError::List("nodes", error))?;
            let pods =
                async { if needs_pods { discovery::list(&client, labels::SERVICE).await } else { Ok(Vec::new()) } };
            Ok(Seen::new(nodes, &pods.await.map_err(|error| AnswerError::List("Pods", error))?))
        })
    }

    /// What the expression means, in words that YAML takes for comments, and the affinity it becomes.
    fn explanation(&self, query: &Expression) -> Result<String, AnswerError> {
        let rules = Rules::from_query(query, self.namespace.as_deref());
        let mut text = format!("# {query}\n");
        for mark in &rules.membership_labels {
            let shared = mark.depends_on_tasks() && self.namespace.is_none();
            let label = if shared {
                "#   one for each namespace, which --namespace says\n".to_owned()
            } else {
                format!("#   {}\n", mark.label())
            };
            text.push_str("# The operator evaluates\n#   ");
            text.push_str(&mark.expression().to_string());
            text.push_str("\n# and marks the nodes it is true of by the label\n");
            text.push_str(&label);
        }
        if rules.never {
            text.push_str("# It is true of no node.\n");
        }
        match &rules.affinity {
            None => text.push_str("# Any node will do.\n"),
            Some(affinity) => text.push_str(&serde_saphyr::to_string(&json!({ "affinity": affinity }))?),
        }
        Ok(text)
    }
}

/// That no node matches, and which of the attributes asked about none has.
fn why_none(query: &Expression, nodes: &[NodeFacts]) -> Vec<String> {
    let mut lines = vec![match nodes.len() {
        0 => "there are no nodes".to_owned(),
        1 => "the only node does not match".to_owned(),
        number => format!("none of {number} nodes matches"),
    }];
    let asked: BTreeSet<&str> = query.expression().attributes().collect();
    let nowhere = asked.into_iter().filter(|name| !nodes.is_empty() && !nodes.iter().any(|node| node.has(name)));
    lines.extend(nowhere.map(|name| format!("no node has the attribute {name}: {}", looked_for(name))));
    lines
}

/// Where an attribute is looked for on nodes, in words.
pub(super) fn looked_for(attribute: &str) -> String {
    match facts::label_keys(attribute).as_slice() {
        [] => "no label can be called so".to_owned(),
        [only] => format!("the label {only} is on none"),
        labels => format!("none of the labels {} is on one", labels.join(", ")),
    }
}
