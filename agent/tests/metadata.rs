//! The task metadata endpoint of two containers, run as processes.

#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use task_agent::metadata::{ContainerMetadata, Metadata, pod};
use task_agent::plan::{Container, Plan};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_task-agent");
const PATIENCE: Duration = Duration::from_secs(30);
const FOREVER: &str = "trap 'exit 5' TERM; while :; do sleep 0.1; done";

struct Task {
    folder: TempDir,
    port: u16,
}

impl Task {
    fn new(names: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let containers = names.map(|name| Container { name: name.into(), stop_timeout: 30, ..Container::default() });
        let metadata = names.map(|name| ContainerMetadata { pod_name: name.into(), ..ContainerMetadata::default() });
        let metadata = Metadata { port, family: "web".into(), containers: metadata.to_vec(), ..Metadata::default() };
        let plan = Plan { containers: containers.to_vec(), metadata: Some(metadata) };
        let mut install = Command::new(PROGRAM);
        install.arg("install").arg(folder.path()).arg(serde_json::to_string(&plan).unwrap());
        install.env(pod::UID, "01-23").env(pod::ADDRESSES, "10.0.0.7").env(pod::REVISION, "3");
        assert!(install.status().unwrap().success());
        Self { folder, port }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.path().join("task-agent"));
        command.args(["run", name, "--", "/bin/sh", "-c", FOREVER]).stdout(Stdio::null());
        command
    }

    /// Sends a request; returns the status and the body of the response, if any.
    fn send(&self, request: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).ok()?;
        let (head, body) = response.split_once("\r\n\r\n")?;
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap()))
    }

    fn get(&self, path: &str) -> Option<(u16, Value)> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    fn until(&self, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let response = self.get(path);
            if let Some((200, body)) = &response
                && holds(body)
            {
                return body.clone();
            }
            assert!(start.elapsed() < PATIENCE, "timeout: {what}; last response: {response:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn send_signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Returns the process id of an agent's command.
fn command_of(agent: &Child) -> String {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", agent.id())).unwrap();
    children.trim().to_owned()
}

fn statuses(task: &Value) -> Vec<&str> {
    let containers = task["Containers"].as_array().unwrap().iter();
    containers.map(|container| container["KnownStatus"].as_str().unwrap()).collect()
}

#[test]
fn the_endpoint_is_available_while_any_container_runs() {
    let task = Task::new(["a", "b"]);
    let mut a = task.command("a").spawn().unwrap();
    let body = task.until("/v4/a/task", "a runs", |task| statuses(task) == ["RUNNING", "NONE"]);
    assert_eq!((&body["Family"], &body["Revision"]), (&"web".into(), &"3".into()));
    assert_eq!(body["Containers"][0]["Networks"][0]["IPv4Addresses"][0], "10.0.0.7");
    // A program of the same user shares the port. A program of another user waits for it.
    let mut command = task.command("b");
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(65_532);
    }
    let mut b = command.spawn().unwrap();
    task.until("/v4/a/task", "b runs", |task| statuses(task) == ["RUNNING", "RUNNING"]);
    let command = command_of(&a);
    a.kill().unwrap();
    a.wait().unwrap();
    assert!(Command::new("kill").arg(command).status().unwrap().success());
    task.until("/v4/b", "b responds", |container| container["DockerId"] == "0123-2");
    send_signal(&b, "-TERM");
    b.wait().unwrap();
    assert_eq!(task.get("/v4/b"), None);
}

#[test]
fn all_containers_report_the_end_of_a_container() {
    let task = Task::new(["a", "b"]);
    let mut children = ["a", "b"].map(|name| task.command(name).spawn().unwrap());
    task.until("/v4/a/task", "both run", |task| statuses(task) == ["RUNNING", "RUNNING"]);
    assert!(Command::new("kill").arg(command_of(&children[0])).status().unwrap().success());
    let body = task.until("/v4/b/task", "a has ended", |task| statuses(task) == ["STOPPED", "RUNNING"]);
    let ended = &body["Containers"][0];
    assert_eq!((&ended["ExitCode"], &ended["DesiredStatus"]), (&5.into(), &"RUNNING".into()));
    assert!(ended["FinishedAt"].as_str() > ended["StartedAt"].as_str(), "{ended}");
    // The kernel distributes connections to all listeners.
    for _ in 0..20 {
        assert_eq!(task.get("/v3/a").unwrap().0, 200);
    }
    for child in &mut children {
        send_signal(child, "-TERM");
        child.wait().unwrap();
    }
}

#[test]
fn invalid_requests_are_refused_and_slow_requests_time_out() {
    let task = Task::new(["a", "b"]);
    let mut a = task.command("a").spawn().unwrap();
    task.until("/v4/a", "a runs", |container| container["KnownStatus"] == "RUNNING");
    assert_eq!(task.get("/v4/other").unwrap().0, 404);
    assert_eq!(task.get("/v4/a/stats").unwrap().0, 404);
    assert_eq!(task.send("PUT /v4/a HTTP/1.1\r\n\r\n").unwrap().0, 405);
    assert_eq!(task.send("hello\r\n\r\n").unwrap().0, 400);
    let silent = TcpStream::connect((Ipv4Addr::LOCALHOST, task.port)).unwrap();
    assert_eq!(task.get("/v4/a").unwrap().0, 200);
    drop(silent);
    send_signal(&a, "-TERM");
    a.wait().unwrap();
}

#[test]
fn a_container_runs_while_the_port_of_the_endpoint_is_in_use() {
    let task = Task::new(["a", "b"]);
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, task.port)).unwrap();
    let mut a = task.command("a").spawn().unwrap();
    let started = task.folder.path().join("state/0.started");
    let start = Instant::now();
    while !started.exists() {
        assert!(start.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    drop(other);
    task.until("/v4/a", "the port is free", |container| container["Name"] == "a");
    send_signal(&a, "-TERM");
    assert_eq!(a.wait().unwrap().code(), Some(5));
}
