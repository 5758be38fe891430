//! Runs `ecs-operator place`: placements, reasons and exit codes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

fn node(name: &str, zone: &str, cpu: &str, memory: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {
            "topology.kubernetes.io/zone": zone, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "attribute.ecs-operator.dev/stack": "prod"}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": cpu, "memory": memory}},
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    *object.pointer_mut(pointer).expect("a value") = value;
    object
}

fn pod(name: &str, node: &str, labels: &Value, cpu: &str, memory: &str) -> Value {
    let container = json!({"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}});
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"nodeName": node, "containers": [container]}, "status": {"phase": "Running"},
    })
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn definition(more: &Value) -> Value {
    let mut definition = json!({
        "family": "web", "containerDefinitions": [{"name": "app", "image": "nginx:1", "cpu": 512, "memory": 512}]});
    let members = definition.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    definition
}

/// Returns a folder with three usable nodes in two zones, three nodes that refuse tasks, Pods and definitions.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (a1, a2, b1) = (node("a1", "z-a", "2", "4Gi"), node("a2", "z-a", "4", "2Gi"), node("b1", "z-b", "8", "1Gi"));
    let nodes = [a1.clone(), a2, b1];
    let taint = json!({"taints": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]});
    let away = [
        with(node("cordoned", "z-c", "8", "8Gi"), "/spec", json!({"unschedulable": true})),
        with(node("tainted", "z-c", "8", "8Gi"), "/spec", taint),
        with(node("lost", "z-c", "8", "8Gi"), "/status/conditions/0/status", json!("Unknown")),
    ];
    let service = json!({"ecs-operator.dev/service": "web", "ecs-operator.dev/task-definition": "web"});
    let pods = [
        pod("web-1", "a1", &service, "500m", "512Mi"),
        pod("web-2", "a2", &service, "500m", "512Mi"),
        pod("other", "b1", &json!({}), "7600m", "1Mi"),
        with(pod("done", "b1", &service, "1", "1Gi"), "/status/phase", json!("Succeeded")),
    ];
    let platform = json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"});
    let fargate =
        json!({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "512", "memory": "1024"});
    let port = json!([{"name": "app", "image": "nginx:1", "memory": 64, "portMappings": [{"containerPort": 80, "hostPort": 80}]}]);
    let gpu = json!([{"name": "app", "image": "nginx:1", "memory": 64, "resourceRequirements": [{"type": "GPU", "value": "1"}]}]);
    let pinned = json!([{"type": "memberOf", "expression": "attribute:ecs.availability-zone == z-b"}]);
    let tolerant = json!({"tolerations": [{"key": "dedicated", "operator": "Exists"}]});
    let files = [
        ("nodes.json", list(&nodes)),
        ("all.json", list(&[&nodes[..], &away[..]].concat())),
        ("away.json", list(&away)),
        ("twice.json", list(&[a1.clone(), a1.clone()])),
        ("odd.json", list(&[with(a1, "/status/allocatable/cpu", json!("many"))])),
        ("none.json", list(&[])),
        ("pods.json", list(&pods)),
        ("web.json", definition(&json!({}))),
        ("described.json", json!({"taskDefinition": definition(&json!({"revision": 3, "status": "ACTIVE"}))})),
        ("pinned.json", definition(&json!({"placementConstraints": pinned}))),
        ("windows.json", definition(&json!({"runtimePlatform": platform}))),
        ("fargate.json", definition(&fargate)),
        ("port.json", definition(&json!({"containerDefinitions": port}))),
        ("gpu.json", definition(&json!({"containerDefinitions": gpu}))),
        ("big.json", definition(&json!({"cpu": "16 vCPU", "memory": "1GB"}))),
        ("tolerant.json", definition(&json!({"kubernetes": tolerant}))),
        ("broken.json", definition(&json!({"containerDefinitions": [{"name": "app", "image": "nginx:1"}]}))),
        ("service.json", json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 1})),
    ];
    for (name, value) in files {
        fs::write(folder.path().join(name), value.to_string()).expect("a file");
    }
    fs::write(folder.path().join("damaged.json"), "{\"family\": \"web\" \"cpu\": 1}").expect("a file");
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-operator"));
    command.current_dir(folder).arg("place").args(arguments).env("KUBECONFIG", "no-such-file");
    command
}

fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    parts(&command(folder, arguments).stdin(Stdio::null()).output().expect("the program runs"))
}

/// Returns the exit code, the nodes in the order of the tasks, and the reasons of failures.
fn placed(folder: &Path, arguments: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    let (code, text, errors) = run(folder, &[arguments, &["--output", "json"]].concat());
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
    let texts = |list: &str, member: &str| {
        let items = answer[list].as_array().expect("a list").iter();
        items.map(|item| item[member].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let tasks = |list: &str| answer[list].as_array().into_iter().flatten().filter_map(|item| item["task"].as_u64());
    let all: Vec<u64> = tasks("placements").chain(tasks("failures")).collect();
    assert!(all.iter().copied().eq(0..all.len() as u64), "{text}");
    (code, texts("placements", "node"), texts("failures", "reason"))
}

const MEMBER_OF: &str = "MemberOf placement constraint unsatisfied.";
const DISTINCT: &str = "DistinctInstance placement constraint unsatisfied.";

#[test]
fn tasks_are_placed_by_the_strategy() {
    let folder = folder();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--strategy", "binpack=cpu"], &["a1", "a1", "a1", "a1", "a2"]),
        (&["--strategy", "binpack=memory"], &["b1", "b1", "a2", "a2", "a2"]),
        (
            &["--strategy", "spread=attribute:ecs.availability-zone", "--strategy", "binpack=memory"],
            &["b1", "a2", "b1", "a2", "a2"],
        ),
        (&["--strategy", "spread=instanceId", "--strategy", "binpack=cpu"], &["a1", "a2", "b1", "a1", "a2"]),
        (&["--strategy", "spread=attribute:rack", "--strategy", "binpack=CPU"], &["a1", "a1", "a1", "a1", "a2"]),
        (&["--constraint", "memberOf=attribute:stack == prod", "--strategy", "binpack=cpu"], &["a1"; 4]),
    ];
    for (arguments, expected) in cases {
        let count = expected.len().to_string();
        let arguments = [&["--nodes", "nodes.json", "--task", "web.json", "--count", &count], arguments].concat();
        let (code, nodes, failures) = placed(folder.path(), &arguments);
        assert_eq!((code, failures.len()), (0, 0), "{arguments:?}");
        assert_eq!(nodes, expected, "{arguments:?}");
    }
}

#[test]
fn running_pods_occupy_resources_and_belong_to_groups() {
    let folder = folder();
    let base = ["--nodes", "nodes.json", "--pods", "pods.json", "--task", "web.json"];
    let place = |more: &[&str]| placed(folder.path(), &[&base[..], more].concat());
    // b1 has 400 of 8000 millicores left, which are 409 CPU units.
    let (code, nodes, failures) = place(&["--service", "web", "--count", "2"]);
    assert_eq!((code, failures), (0, vec![]), "zone b has no task, but also no free CPU");
    assert_eq!(nodes.into_iter().collect::<BTreeSet<_>>(), ["a1".to_owned(), "a2".to_owned()].into());
    let distinct = ["--service", "web", "--constraint", "distinctInstance"];
    assert_eq!(place(&distinct), (1, vec![], vec!["RESOURCE:CPU".to_owned()]));
    let other_namespace = [&distinct[..], &["--namespace", "bank", "--strategy", "binpack=cpu"]].concat();
    assert_eq!(place(&other_namespace).1, ["a1"]);
    let near =
        |group: &str| place(&["--constraint", &format!("memberOf=task:group == {group}"), "--strategy", "binpack=cpu"]);
    assert_eq!(near("service:web").1, ["a1"]);
    assert_eq!(near("family:web"), (1, vec![], vec![MEMBER_OF.to_owned()]));
}

#[test]
fn ties_are_broken_by_the_seed_alone() {
    let folder = folder();
    let with_seed = |seed: u64| {
        let seed = seed.to_string();
        placed(folder.path(), &["--nodes", "nodes.json", "--task", "web.json", "--count", "6", "--seed", &seed]).1
    };
    let all: Vec<Vec<String>> = (0..12).map(with_seed).collect();
    assert_eq!(with_seed(7), all[7]);
    assert!(all.iter().collect::<BTreeSet<_>>().len() > 6, "{all:?}");
    let first: BTreeSet<&str> = all.iter().map(|nodes| nodes[0].as_str()).collect();
    assert_eq!(first, ["a1", "a2", "b1"].into());
}

#[test]
fn failures_have_the_reasons_of_run_task() {
    let folder = folder();
    let cases: [(&[&str], usize, &str); 11] = [
        (&["--nodes", "nodes.json", "--task", "big.json"], 0, "RESOURCE:CPU"),
        (&["--nodes", "nodes.json", "--task", "web.json", "--count", "15"], 10, "RESOURCE:MEMORY"),
        (&["--nodes", "nodes.json", "--task", "port.json", "--count", "4"], 3, "RESOURCE:PORTS"),
        (&["--nodes", "nodes.json", "--task", "gpu.json"], 0, "RESOURCE:GPU"),
        (&["--nodes", "nodes.json", "--task", "windows.json"], 0, "ATTRIBUTE"),
        (&["--nodes", "nodes.json", "--task", "pinned.json", "--count", "4"], 2, "RESOURCE:MEMORY"),
        (
            &["--nodes", "nodes.json", "--task", "web.json", "--constraint", "memberOf=attribute:stack == test"],
            0,
            MEMBER_OF,
        ),
        (
            &["--nodes", "nodes.json", "--task", "web.json", "--count", "5", "--constraint", "distinctInstance"],
            3,
            DISTINCT,
        ),
        (&["--nodes", "away.json", "--task", "web.json"], 0, "ATTRIBUTE"),
        (&["--nodes", "away.json", "--task", "tolerant.json", "--count", "99"], 16, "RESOURCE:CPU"),
        (&["--nodes", "none.json", "--task", "web.json"], 0, "No Container Instances were found in your cluster."),
    ];
    for (arguments, count, reason) in cases {
        let (code, nodes, failures) = placed(folder.path(), arguments);
        assert_eq!((code, nodes.len()), (1, count), "{arguments:?}: {failures:?}");
        assert!(
            !failures.is_empty() && failures.iter().all(|failure| failure == reason),
            "{arguments:?}: {failures:?}"
        );
    }
}

#[test]
fn programs_get_nothing_but_placements_and_failures() {
    let folder = folder();
    let arguments =
        ["--nodes", "nodes.json", "--task", "described.json", "--strategy", "binpack=cpu", "--output", "json"];
    let expected = "{\"placements\":[{\"task\":0,\"node\":\"a1\"}],\"failures\":[]}\n";
    assert_eq!(run(folder.path(), &arguments), (0, expected.to_owned(), String::new()));
    let arguments = ["--nodes", "nodes.json", "--task", "gpu.json", "--output", "json"];
    let expected = "{\"placements\":[],\"failures\":[{\"task\":0,\"reason\":\"RESOURCE:GPU\"}]}\n";
    assert_eq!(run(folder.path(), &arguments), (1, expected.to_owned(), String::new()));
}

#[test]
fn people_see_each_task_and_why_nodes_refuse() {
    let folder = folder();
    let arguments = ["--nodes", "all.json", "--pods", "pods.json", "--task", "web.json", "--count", "11"];
    let (code, text, errors) = run(folder.path(), &[&arguments[..], &["--strategy", "binpack=memory"]].concat());
    assert_eq!((code, errors.as_str()), (1, ""));
    let expected = "\
TASK  NODE  ZONE  REMAINING
0     a2    z-a   3072 CPU units, 1024 MiB
1     a2    z-a   2560 CPU units, 512 MiB
2     a2    z-a   2048 CPU units, 0 MiB
3     a1    z-a   1024 CPU units, 3072 MiB
4     a1    z-a   512 CPU units, 2560 MiB
5     a1    z-a   0 CPU units, 2048 MiB
6-10  -     -     RESOURCE:CPU

Group family:web, strategy binpack=memory: 6 of 11 tasks are placed.

6 of 6 nodes refuse task 6:
  2 nodes, RESOURCE:CPU: the task reserves 512 CPU units
    a1 (0 CPU units remaining), b1 (409 CPU units remaining)
  1 node, AGENT: the node is not ready
    lost
  1 node, ATTRIBUTE: it has the taint dedicated=gpu:NoSchedule, which the task does not tolerate
    tainted
  1 node, DRAINING: the node is cordoned
    cordoned
  1 node, RESOURCE:MEMORY: the task reserves 512 MiB
    a2 (0 MiB remaining)
";
    assert_eq!(text, expected);
}

#[test]
fn a_definition_for_fargate_is_placed_on_nodes() {
    let folder = folder();
    let base = ["--nodes", "nodes.json", "--task", "fargate.json", "--count", "2"];
    let (code, nodes, _) = placed(folder.path(), &base);
    assert_eq!(code, 0);
    assert!(nodes.contains(&"b1".to_owned()), "tasks are spread over zones: {nodes:?}");
    let (code, _, errors) = run(folder.path(), &[&base[..], &["--strategy", "binpack=cpu"]].concat());
    assert!(code == 0 && errors.starts_with("warning: the task definition is for FARGATE"), "{code} {errors}");
}

#[test]
fn invalid_inputs_exit_with_2() {
    let folder = folder();
    let many = |flag: &'static str, value: &'static str, count| [flag, value].repeat(count);
    let cases: [(Vec<&str>, &str); 21] = [
        (vec!["--task", "broken.json"], "broken.json: no usable task definition\n  /containerDefinitions/0/memory: "),
        (vec!["--task", "damaged.json"], "damaged.json: no usable task definition\n  line 1, column"),
        (vec!["--task", "service.json"], "service.json: no task definition; the text contains: Service"),
        (vec!["--task", "missing.json"], "missing.json: no usable task definition\n  no such file"),
        (vec!["--task", "."], "found a folder"),
        (vec!["--task", "web.json", "--nodes", "pods.json"], "pods.json: expected the kind Node, found Pod"),
        (vec!["--task", "web.json", "--nodes", "twice.json"], "two nodes have the name `a1`"),
        (
            vec!["--task", "web.json", "--nodes", "odd.json"],
            "Node a1, /status/allocatable/cpu: `many` is not a quantity",
        ),
        (vec!["--task", "web.json", "--pods", "nodes.json"], "nodes.json: expected the kind Pod, found Node"),
        (vec!["--task", "-", "--pods", "-"], "only one of --nodes, --pods and --task can be standard input"),
        (vec!["--task", "web.json", "--strategy", "pack=cpu"], "`pack` is not a strategy"),
        (vec!["--task", "web.json", "--strategy", "spread=zone"], "spread does not support the field `zone`"),
        (vec!["--task", "web.json", "--strategy", "spread=attribute:a b"], "not the name of an attribute"),
        (vec!["--task", "web.json", "--constraint", "memberOf=attribute:a = b"], "  attribute:a = b\n              ^"),
        (vec!["--task", "web.json", "--constraint", "memberOf"], "memberOf needs an expression"),
        ([vec!["--task", "web.json"], many("--strategy", "random", 6)].concat(), "ECS allows at most 5"),
        ([vec!["--task", "pinned.json"], many("--constraint", "distinctInstance", 10)].concat(), "11 constraints"),
        (vec!["--task", "web.json", "--count", "0"], "invalid value '0' for '--count"),
        (vec!["--task", "web.json", "--service", "a b"], "invalid service name `a b`"),
        (vec!["--task", "web.json", "--group", "service:web"], "use --service NAME"),
        (vec![], "--task <FILE>"),
    ];
    for (arguments, expected) in cases {
        let nodes: &[&str] = if arguments.contains(&"--nodes") { &[] } else { &["--nodes", "nodes.json"] };
        let (code, text, errors) = run(folder.path(), &[nodes, &arguments[..]].concat());
        assert_eq!((code, text.as_str()), (2, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn one_of_the_files_may_be_standard_input() {
    let folder = folder();
    let files = ["--nodes", "nodes.json", "--pods", "pods.json", "--task", "web.json"];
    for position in [1, 3, 5] {
        let mut arguments = files;
        arguments[position] = "-";
        let mut child =
            command(folder.path(), &[&arguments[..], &["--strategy", "binpack=cpu", "--output", "json"]].concat())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program runs");
        let text = fs::read(folder.path().join(files[position])).expect("a file");
        child.stdin.take().expect("a pipe").write_all(&text).expect("written");
        let (code, answer, errors) = parts(&child.wait_with_output().expect("an end"));
        assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(answer, "{\"placements\":[{\"task\":0,\"node\":\"a1\"}],\"failures\":[]}\n");
    }
}

#[test]
fn probable_mistakes_are_warnings() {
    let folder = folder();
    let cases = [
        ("--strategy", "spread=attribute:ecs.availability-zoen", "did you mean `ecs.availability-zone`?"),
        ("--strategy", "spread=attribute:rack", "no node has the attribute rack to spread over"),
        ("--constraint", "memberOf=attribute:ecs.ostype == linux", "did you mean `ecs.os-type`?"),
        ("--strategy", "spread=attribute:ecs.availability-zone", ""),
        ("--strategy", "spread=attribute:stack", ""),
    ];
    for (option, value, expected) in cases {
        let (_, _, errors) = run(folder.path(), &["--nodes", "nodes.json", "--task", "web.json", option, value]);
        assert!(errors.contains(expected) && errors.is_empty() == expected.is_empty(), "{value}: {errors}");
    }
}
