//! Runs `ecs-operator query`: matching nodes, messages and exit codes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

fn node(name: &str, instance_type: &str, zone: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {
            "node.kubernetes.io/instance-type": instance_type, "topology.kubernetes.io/zone": zone, "stack": "prod"}},
        "spec": {"providerID": format!("aws:///{zone}/i-{name}")},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn pod(name: &str, node: &str, namespace: &str, service: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"ecs-operator.dev/service": service}},
        "spec": {"nodeName": node, "containers": [{"name": "app"}]},
        "status": {"phase": "Running"},
    })
}

/// Returns a folder with two nodes as kubectl prints them, one of them alone as YAML, and their Pods.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (b, a) = (node("b", "g4dn.xlarge", "us-east-1b"), node("a", "t3.micro", "us-east-1a"));
    let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}});
    let pods =
        [pod("web-1", "a", "shop", "web"), pod("web-2", "a", "shop", "web"), pod("db-1", "b", "bank", "db"), other];
    let list = |items: &[Value]| json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let files = [
        ("nodes.json", list(&[b.clone(), a])),
        ("one.yaml", serde_saphyr::to_string(&b).expect("YAML")),
        ("pods.json", list(&pods)),
        ("none.json", list(&[])),
        ("list.json", "[]".to_owned()),
        ("empty.json", String::new()),
        ("web.json", json!({"family": "web", "containerDefinitions": []}).to_string()),
        ("words.txt", "no nodes".to_owned()),
        ("broken.json", "{\"kind\": \"List\", \"items\": [".to_owned()),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-operator"));
    command.current_dir(folder).arg("query").args(arguments).env("KUBECONFIG", "no-such-file");
    command
}

fn query(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    parts(&command(folder, arguments).stdin(Stdio::null()).output().expect("the program runs"))
}

fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn matching_nodes_are_printed() {
    let folder = folder();
    let cases: [(&str, &[&str], &str); 9] = [
        ("attribute:stack == prod", &["--nodes", "nodes.json"], "a\nb\n"),
        ("attribute:ecs.instance-type =~ g4dn.*", &["--nodes", "nodes.json"], "b\n"),
        ("attribute:ecs.instance-type =~ g4dn.*", &["--nodes", "one.yaml"], "b\n"),
        ("ec2InstanceId == i-a and agentConnected == true", &["--nodes", "nodes.json"], "a\n"),
        ("registeredAt < 2026-01-03", &["--nodes", "nodes.json"], "a\nb\n"),
        ("runningTasksCount > 1", &["--nodes", "nodes.json", "--pods", "pods.json"], "a\n"),
        ("task:group in [service:web, service:db]", &["--nodes", "nodes.json", "--pods", "pods.json"], "a\nb\n"),
        (
            "task:group in [service:web, service:db]",
            &["--nodes", "nodes.json", "--pods", "pods.json", "--namespace", "shop"],
            "a\n",
        ),
        ("runningTasksCount == 0", &["--nodes", "nodes.json", "--pods", "none.json"], "a\nb\n"),
    ];
    for (expression, arguments, names) in cases {
        let arguments = [arguments, &[expression]].concat();
        assert_eq!(query(folder.path(), &arguments), (0, names.to_owned(), String::new()), "{arguments:?}");
    }
}

#[test]
fn exit_codes_and_messages() {
    let folder = folder();
    let cases: [(&[&str], i32, &str); 18] = [
        (&["--nodes", "nodes.json", "attribute:stack == test"], 1, "none of 2 nodes matches\n"),
        (
            &["--nodes", "nodes.json", "attribute:rack == a"],
            1,
            "no node has the attribute rack: none has one of the labels attribute.ecs-operator.dev/rack, rack\n",
        ),
        (&["--nodes", "nodes.json", "attribute:stack == p*"], 1, "did you mean `=~ p.*`?"),
        (&["--nodes", "nodes.json", "attribute:stack == *"], 1, "did you mean `exists`?"),
        (&["--nodes", "none.json", "attribute:stack == prod"], 1, "there are no nodes\n"),
        (&["--nodes", "nodes.json", "attribute:stack = prod"], 2, "  attribute:stack = prod\n                  ^\n"),
        (&["--nodes", "nodes.json", "runningTasksCount > 1"], 2, "kubectl get pods --all-namespaces -o json"),
        (&["--nodes", "pods.json", "attribute:stack == prod"], 2, "expected the kind Node, found Pod"),
        (
            &["--nodes", "broken.json", "attribute:stack == prod"],
            2,
            "not the output of `kubectl get nodes -o json`: EOF",
        ),
        (
            &["--nodes", "list.json", "attribute:stack == prod"],
            2,
            "an empty list: use the output of `kubectl get nodes -o json`",
        ),
        (&["--nodes", "empty.json", "attribute:stack == prod"], 2, "found nothing: use the output of"),
        (&["--nodes", "web.json", "attribute:stack == prod"], 2, "found an ECS task definition: use the output of"),
        (&["--nodes", "words.txt", "attribute:stack == prod"], 2, "found a string: use the output of"),
        (&["--nodes", "missing.json", "attribute:stack == prod"], 2, "no such file"),
        (&["--nodes", ".", "attribute:stack == prod"], 2, "found a folder"),
        (&["--nodes", "-", "--pods", "-", "runningTasksCount > 1"], 2, "cannot both be standard input"),
        (&["attribute:stack == prod"], 2, "no kubeconfig found"),
        (&["--no-such-option"], 2, "unexpected argument"),
    ];
    for (arguments, code, expected) in cases {
        let (exited, names, errors) = query(folder.path(), arguments);
        assert_eq!((exited, names.as_str()), (code, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn nodes_may_be_standard_input() {
    let folder = folder();
    let mut child = command(folder.path(), &["--nodes", "-", "attribute:stack == prod"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let text = fs::read(folder.path().join("one.yaml")).expect("a file");
    child.stdin.take().expect("a pipe").write_all(&text).expect("written");
    assert_eq!(parts(&child.wait_with_output().expect("an end")), (0, "b\n".to_owned(), String::new()));
}

#[test]
fn an_expression_is_explained_without_a_cluster() {
    let folder = folder();
    let explain = |arguments: &[&str]| query(folder.path(), &[&["--explain"], arguments].concat());
    let (code, text, errors) = explain(&["attribute:ecs.os-type==linux and attribute:ecs.instance-type=~g4dn.*"]);
    let expected = "\
# attribute:ecs.os-type == linux and attribute:ecs.instance-type =~ g4dn.*
# The operator evaluates
#   attribute:ecs.instance-type =~ g4dn.*
# and sets a label on the matching nodes:
#   member-of.ecs-operator.dev/q2ag5aihw3dd
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        - key: kubernetes.io/os
          operator: In
          values:
          - linux
        - key: member-of.ecs-operator.dev/q2ag5aihw3dd
          operator: Exists
";
    assert_eq!((code, text.as_str(), errors.as_str()), (0, expected, ""));
    let everywhere = explain(&["runningTasksCount < 3"]).1;
    assert!(everywhere.contains("one for each namespace"), "{everywhere}");
    let shop = explain(&["--namespace", "shop", "runningTasksCount < 3"]).1;
    let label = shop.lines().find_map(|line| line.strip_prefix("#   member-of.")).expect("a label");
    assert!(shop.contains(&format!("- key: member-of.{label}")), "{shop}");
    assert!(explain(&["agentConnected == true"]).1.ends_with("# Every node matches.\n"));
    for never in ["attribute:stack in []", "attribute:stack exists and attribute:stack !exists"] {
        let text = explain(&[never]).1;
        assert!(text.contains("# No node can match.\naffinity:\n"), "{text}");
    }
    let (code, _, errors) = explain(&["attribute:ecs.ostype == linux"]);
    assert!(code == 0 && errors.contains("did you mean `ecs.os-type`?"), "{errors}");
}
