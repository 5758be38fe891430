//! Containers of a task, run as processes.

#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use task_agent::plan::{Condition, Container, Dependency, Health, Limit, Plan, Restart};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_task-agent");
const PATIENCE: Duration = Duration::from_secs(30);
const FOREVER: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
/// Ends by itself: outside of a container, the kill of an agent does not end its command.
const SHORT: &str = "exec sleep 5";

struct Task {
    folder: TempDir,
}

fn container(name: &str, essential: bool) -> Container {
    Container { name: name.into(), essential, stop_timeout: 30, ..Container::default() }
}

impl Task {
    fn new(containers: Vec<Container>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = serde_json::to_string(&Plan { containers, metadata: None }).unwrap();
        assert!(Command::new(PROGRAM).arg("install").arg(folder.path()).arg(plan).status().unwrap().success());
        Self { folder }
    }

    fn command(&self, verb: &str, name: &str) -> Command {
        let mut command = Command::new(self.folder.path().join("task-agent"));
        command.args([verb, name]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, name: &str, script: &str) -> Child {
        self.command("run", name).args(["--", "/bin/sh", "-c", script]).spawn().unwrap()
    }

    fn is_ready(&self, name: &str) -> bool {
        self.command("ready", name).status().unwrap().success()
    }

    fn state(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join("state").join(file)).ok()
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            let state: Vec<_> =
                fs::read_dir(self.folder.path().join("state")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(start.elapsed() < PATIENCE, "timeout: {what}; files: {state:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// True if the tests run as root. Otherwise prints what is skipped.
fn is_root(skipped: &str) -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        println!("SKIPPED: {skipped}, because the test does not run as root");
    }
    is_root
}

fn send_signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn end(child: Child) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn the_installed_files_are_accessible_to_every_user() {
    let task = Task::new(vec![container("a", true)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&task.folder.path().join("task-agent")), 0o755);
    assert_eq!(mode(&task.folder.path().join("state")), 0o1777);
}

#[test]
fn a_container_has_the_exit_code_and_output_of_its_command() {
    let task = Task::new(vec![container("a", false), container("b", true)]);
    let (a, b) = (task.run("a", "echo out; exit 7"), task.run("b", "sleep 1; kill -9 $$"));
    assert_eq!(end(b).0, Some(137));
    assert_eq!(end(a), (Some(7), "out\n".to_owned()));
}

#[test]
fn the_task_continues_when_a_container_that_is_not_essential_ends() {
    let task = Task::new(vec![container("a", false), container("b", true)]);
    let (mut a, b) = (task.run("a", "exit 3"), task.run("b", "trap 'exit 0' TERM; while :; do sleep 0.1; done"));
    task.until("a has ended", || task.state("0.ended").as_deref() == Some("3"));
    assert!(task.is_ready("a") && a.try_wait().unwrap().is_none() && task.state("stop").is_none());
    send_signal(&b, "-TERM");
    assert_eq!((end(b).0, end(a).0), (Some(0), Some(3)));
}

#[test]
fn a_missing_command_has_the_exit_code_of_a_shell() {
    let task = Task::new(vec![container("a", true)]);
    let child = task.command("run", "a").args(["--", "/no/such/program"]).spawn().unwrap();
    let (code, output) = end(child);
    assert_eq!(code, Some(127), "{output}");
    assert!(output.contains("/no/such/program"), "{output}");
}

#[test]
fn signals_are_forwarded_and_the_received_stop_signal_is_used() {
    let task = Task::new(vec![container("a", true)]);
    let script = "trap 'echo usr1' USR1; trap 'echo quit; exit 0' QUIT; echo up; while :; do sleep 0.1; done";
    let child = task.run("a", script);
    task.until("it runs", || task.is_ready("a"));
    // The shell must have set its traps.
    thread::sleep(Duration::from_millis(500));
    send_signal(&child, "-USR1");
    thread::sleep(Duration::from_millis(500));
    send_signal(&child, "-QUIT");
    assert_eq!(end(child), (Some(0), "up\nusr1\nquit\n".to_owned()));
}

#[test]
fn a_command_that_ignores_the_stop_signal_is_killed_after_its_timeout() {
    let task = Task::new(vec![Container { stop_timeout: 1, ..container("a", true) }]);
    let child = task.run("a", "trap '' TERM; while :; do sleep 0.1; done");
    task.until("it runs", || task.is_ready("a"));
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    send_signal(&child, "-TERM");
    assert_eq!(end(child).0, Some(137));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_restart_policy_checks_exit_codes_and_the_time_since_the_last_start() {
    let restart = |period, ignored: &[i32]| {
        let policy = Restart { attempt_period: period, ignored_exit_codes: ignored.to_vec() };
        Container { restart: Some(policy), ..container("a", true) }
    };
    let run = |container: Container, script: &str| {
        let task = Task::new(vec![container]);
        let count = task.folder.path().join("count");
        let script = format!("echo x >> {0}; n=$(wc -l < {0}); {script}", count.display());
        let code = end(task.run("a", &script)).0;
        (code, fs::read_to_string(count).unwrap().lines().count())
    };
    assert_eq!(run(restart(0, &[5]), "[ $n = 3 ] && exit 5; exit 1"), (Some(5), 3));
    assert_eq!(run(restart(60, &[]), "exit 1"), (Some(1), 1));
    assert_eq!(run(restart(1, &[]), "[ $n = 1 ] && sleep 1.2; exit 1"), (Some(1), 2));
}

#[test]
fn a_task_with_an_unhealthy_essential_container_ends() {
    let health = |command: &str| Health {
        command: vec!["/bin/sh".into(), "-c".into(), command.into()],
        interval: 1,
        timeout: 1,
        retries: 2,
        start_period: 0,
        patience: 2,
    };
    let forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let checked = |command: &str, essential| Container { health: Some(health(command)), ..container("a", essential) };
    // A check that fails, and a check that exceeds its timeout.
    for command in ["exit 1", "sleep 5"] {
        let task = Task::new(vec![checked(command, true)]);
        assert_eq!(end(task.run("a", forever)).0, Some(0), "{command}");
        assert!(task.state("stop").is_some_and(|reason| reason.contains("health checks")));
    }
    // A container that was healthy becomes unready, and ends after its patience.
    let well = tempfile::NamedTempFile::new().unwrap();
    let task = Task::new(vec![checked(&format!("test -f {}", well.path().display()), true)]);
    let child = task.run("a", forever);
    task.until("a is healthy", || task.is_ready("a"));
    well.close().unwrap();
    task.until("a is not ready", || !task.is_ready("a"));
    assert!(task.state("stop").is_none());
    assert_eq!(end(child).0, Some(0));
    assert!(task.state("stop").is_some_and(|reason| reason.contains("health checks")));
    let task = Task::new(vec![checked("exit 0", true), container("b", true)]);
    let (a, b) = (task.run("a", forever), task.run("b", forever));
    assert!(!task.is_ready("a"));
    task.until("a is healthy", || task.is_ready("a"));
    send_signal(&b, "-TERM");
    assert_eq!((end(a).0, end(b).0), (Some(0), Some(0)));
}

#[test]
fn a_container_whose_condition_cannot_be_met_never_runs() {
    let dependency = Dependency { container: "a".into(), condition: Condition::Success };
    let waiting =
        |name: &str, essential| Container { depends_on: vec![dependency.clone()], ..container(name, essential) };
    let task = Task::new(vec![container("a", false), waiting("b", false), waiting("c", true)]);
    let children = [task.run("a", "exit 1"), task.run("b", "echo ran"), task.run("c", "echo ran")];
    assert_eq!(children.map(end), [(Some(1), String::new()), (Some(143), String::new()), (Some(143), String::new())]);
}

#[test]
fn the_kill_of_the_agent_of_an_essential_container_ends_the_task() {
    let task = Task::new(vec![container("a", true), container("b", true), container("c", false)]);
    let (mut a, b, c) = (task.run("a", SHORT), task.run("b", FOREVER), task.run("c", "exit 3"));
    task.until("all run", || ["a", "b", "c"].iter().all(|name| task.is_ready(name)));
    send_signal(&a, "-KILL");
    assert_eq!((end(b).0, end(c).0), (Some(0), Some(3)));
    assert_eq!(task.state("stop").as_deref(), Some("essential container a was killed"));
    a.wait().unwrap();
}

#[test]
fn a_container_whose_agent_is_killed_has_ended_and_records_it_after_a_restart() {
    let dependency = |condition| vec![Dependency { container: "a".into(), condition }];
    let task = Task::new(vec![
        container("a", false),
        Container { depends_on: dependency(Condition::Complete), ..container("b", false) },
        Container { depends_on: dependency(Condition::Start), ..container("c", true) },
    ]);
    let (mut a, b, c) = (task.run("a", SHORT), task.run("b", "exit 0"), task.run("c", FOREVER));
    task.until("a and c run", || task.is_ready("a") && task.is_ready("c"));
    assert!(!task.is_ready("b"));
    send_signal(&a, "-KILL");
    a.wait().unwrap();
    task.until("b has run", || task.state("1.ended").as_deref() == Some("0"));
    let again = task.run("a", "echo ran");
    task.until("a has recorded the kill", || task.state("0.ended").as_deref() == Some("137"));
    assert!(task.is_ready("a") && task.state("stop").is_none());
    send_signal(&c, "-TERM");
    // With 137, the kubelet would restart the container again.
    assert_eq!((end(c).0, end(b).0, end(again)), (Some(0), Some(0), (Some(143), String::new())));
}

#[test]
fn a_dependent_that_was_never_created_does_not_delay_the_stop() {
    let dependency = Dependency { container: "a".into(), condition: Condition::Start };
    let task =
        Task::new(vec![container("a", true), Container { depends_on: vec![dependency], ..container("b", true) }]);
    let a = task.run("a", FOREVER);
    task.until("it runs", || task.is_ready("a"));
    send_signal(&a, "-TERM");
    assert_eq!(end(a).0, Some(0));
    assert_eq!(end(task.run("b", "echo ran")), (Some(143), String::new()));
}

#[test]
fn orphans_of_a_command_are_killed_before_its_restart() {
    let leave = "[ -f $0/left ] && { kill -0 $(cat $0/left) && exit 9; exit 5; }
        setsid sh -c 'sh -c \"echo \\$\\$ > $0/new; mv $0/new $0/left; exec sleep 60\" & exec sleep 60' $0 &
        until [ -f $0/left ]; do sleep 0.05; done; exit 1";
    let policy = Restart { attempt_period: 0, ignored_exit_codes: vec![5, 9] };
    let run = |wrap: &[&str]| {
        let task = Task::new(vec![Container { restart: Some(policy.clone()), ..container("a", true) }]);
        let folder = task.folder.path();
        let program = folder.join("task-agent");
        let words = ["run", "a", "--", "/bin/sh", "-c", leave].map(str::to_owned);
        let wrap: Vec<String> = wrap.iter().map(|&word| word.to_owned()).collect();
        let line =
            [wrap, vec![program.display().to_string()], words.to_vec(), vec![folder.display().to_string()]].concat();
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
        end(command.spawn().unwrap()).0
    };
    assert_eq!(run(&[]), Some(5));
    // As the first process of a container.
    if is_root("orphans in a process namespace") {
        assert_eq!(run(&["unshare", "--pid", "--fork"]), Some(5));
    }
}

#[test]
fn containers_of_different_users_read_but_cannot_change_the_state_of_each_other() {
    if !is_root("different users") {
        return;
    }
    let task = Task::new(vec![container("a", true), container("b", true)]);
    fs::set_permissions(task.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let run = |name: &str, user: u32, script: &str| {
        let mut command = task.command("run", name);
        command.args(["--", "/bin/sh", "-c", script]).uid(user).gid(user).spawn().unwrap()
    };
    let (mut a, b) = (run("a", 1001, SHORT), run("b", 1002, FOREVER));
    task.until("both run", || task.is_ready("a") && task.is_ready("b"));
    let state = task.folder.path().join("state");
    let forge = format!("cd {}; echo 0 > f && ! mv -f f 0.started 2>&- && ! rm -f 0.alive 2>&-", state.display());
    assert!(Command::new("/bin/sh").args(["-c", &forge]).uid(1002).gid(1002).status().unwrap().success());
    send_signal(&a, "-KILL");
    a.wait().unwrap();
    assert_eq!(end(b).0, Some(0));
}

#[test]
fn a_command_that_cannot_be_signaled_is_left_to_the_container_runtime() {
    if !is_root("a command of another user") {
        return;
    }
    let task = Task::new(vec![Container { stop_timeout: 1, ..container("a", true) }]);
    let program = task.folder.path().join("task-agent");
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-kill", "--inh-caps", "-kill"]).arg(program).args(["run", "a", "--"]);
    command.args(["setpriv", "--reuid", "1001", "--clear-groups", "sleep", "5"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    task.until("it runs", || task.is_ready("a"));
    thread::sleep(Duration::from_millis(500));
    send_signal(&child, "-TERM");
    let (code, output) = end(child);
    assert_eq!((code, task.state("0.ended").as_deref()), (Some(137), Some("137")), "{output}");
    assert!(output.contains("another user"), "{output}");
}

#[test]
fn the_folder_is_polled_if_it_cannot_be_watched() {
    let dependency = Dependency { container: "a".into(), condition: Condition::Success };
    let task =
        Task::new(vec![container("a", false), Container { depends_on: vec![dependency], ..container("b", true) }]);
    let none = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
    let within = ["--user", "--map-root-user", "--", "/bin/sh", "-c"];
    if !Command::new("unshare")
        .args(within)
        .args([none, "sh", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
    {
        return println!("SKIPPED: cannot create a user namespace");
    }
    let mut command = Command::new("unshare");
    command.args(within).args([none, "sh"]).arg(task.folder.path().join("task-agent"));
    let b = command.args(["run", "b", "--", "/bin/sh", "-c", "exit 4"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let b = b.spawn().unwrap();
    task.until("b is created", || task.state("1.created").is_some());
    let a = task.run("a", "exit 0");
    assert_eq!((end(b).0, end(a).0), (Some(4), Some(0)));
}

#[test]
fn the_stop_signal_of_the_image_is_used() {
    let with = |signal: &str| Container { stop_signal: Some(signal.into()), ..container("a", true) };
    let script = "trap 'exit 4' QUIT; trap 'exit 6' USR1; trap 'exit 8' TERM; echo up; while :; do sleep 0.1; done";
    // At the end of the task, and on a signal from the runtime.
    let task = Task::new(vec![with("SIGQUIT"), container("b", true)]);
    let (a, b) = (task.run("a", script), task.run("b", "sleep 1; exit 3"));
    assert_eq!((end(a).0, end(b).0), (Some(4), Some(3)));
    let task = Task::new(vec![with("SIGUSR1")]);
    let a = task.run("a", script);
    task.until("it runs", || task.is_ready("a"));
    thread::sleep(Duration::from_millis(500));
    send_signal(&a, "-USR1");
    assert_eq!(end(a).0, Some(6));
    assert!(task.state("stop").is_some_and(|reason| reason.contains("stopped from outside")));
}

#[test]
fn the_ready_command_waits_until_the_container_is_ready() {
    let task = Task::new(vec![container("a", true)]);
    let ready = task.command("ready", "a").arg("20").spawn().unwrap();
    let a = task.run("a", FOREVER);
    assert_eq!(end(ready).0, Some(0));
    send_signal(&a, "-TERM");
    assert_eq!(end(a).0, Some(0));
}

#[test]
fn limits_apply_to_the_command() {
    let limits = vec![Limit { name: "nofile".into(), soft: 123, hard: 456 }];
    let task = Task::new(vec![Container { limits, ..container("a", true) }]);
    assert_eq!(end(task.run("a", "ulimit -Sn; ulimit -Hn")), (Some(0), "123\n456\n".to_owned()));
}
