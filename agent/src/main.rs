//! Command line of the task agent: install it into the shared folder, run a container, check that a container is ready.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use task_agent::board::Board;
use task_agent::metadata::{Pod, server};
use task_agent::state::{ContainerState, Phase};
use task_agent::{Container, Plan, supervisor};

const USAGE: &str = "usage: task-agent install FOLDER PLAN
       task-agent run CONTAINER [--] COMMAND…
       task-agent ready CONTAINER [SECONDS]

FOLDER is a folder that the containers of the task share. PLAN is JSON. CONTAINER is the name of a container in the plan.
SECONDS is the maximum time to wait until the container is ready.";

/// Name of the plan's file in the shared folder.
const PLAN: &str = "plan.json";
/// Name of the file with the Pod's properties in the shared folder.
const POD: &str = "pod.json";
/// Interval between two checks that a container is ready.
const READY_INTERVAL: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["install", folder, plan] => install(Path::new(folder), plan).map(|()| ExitCode::SUCCESS),
        ["run", container, rest @ ..] => run(container, rest),
        ["ready", container] => ready(container, "0"),
        ["ready", container, seconds] => ready(container, seconds),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("task-agent: {error}");
        ExitCode::FAILURE
    })
}

/// Writes this program, the plan and the properties of the Pod to the shared folder, and creates the folder for the state.
/// Idempotent, because an init container may run twice.
fn install(folder: &Path, plan: &str) -> io::Result<()> {
    serde_json::from_str::<Plan>(plan)?;
    let pod = serde_json::to_string(&Pod::from_variables(|name| std::env::var(name).ok()))?;
    let program = folder.join("task-agent");
    fs::copy(std::env::current_exe()?, &program)?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    for (name, text) in [(PLAN, plan), (POD, &pod)] {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, Permissions::from_mode(0o644))?;
    }
    Board::in_folder(folder, 0).create()
}

fn run(container: &str, command: &[&str]) -> io::Result<ExitCode> {
    let folder = shared_folder()?;
    let (plan, me) = read(&folder, container)?;
    let command = command.strip_prefix(&["--"]).unwrap_or(command);
    let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
    let board = Board::in_folder(&folder, me);
    if let Some(metadata) = plan.metadata.clone() {
        let pod: Pod = serde_json::from_slice(&fs::read(folder.join(POD))?)?;
        server::start(server::TaskData { plan: plan.clone(), metadata, pod, board: board.clone() });
    }
    let code = supervisor::run(&plan, me, &board, &command);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Waits until the container is ready, so that one probe of the kubelet succeeds instead of many that fail.
fn ready(container: &str, seconds: &str) -> io::Result<ExitCode> {
    let timeout = Duration::from_secs(seconds.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, USAGE))?);
    let folder = shared_folder()?;
    let (plan, me) = read(&folder, container)?;
    let board = Board::in_folder(&folder, me);
    let deadline = Instant::now() + timeout;
    loop {
        if is_ready(&plan.containers[me], &board.states(plan.containers.len())[me]) {
            return Ok(ExitCode::SUCCESS);
        }
        if Instant::now() >= deadline {
            return Ok(ExitCode::FAILURE);
        }
        thread::sleep(READY_INTERVAL);
    }
}

/// True if the command runs and is healthy, or has ended and is not essential. Only essential containers are checked for health.
fn is_ready(container: &Container, state: &ContainerState) -> bool {
    let healthy = !container.essential || container.health.is_none() || (state.healthy_once && !state.unhealthy);
    match state.phase {
        Phase::Waiting => false,
        Phase::Running => healthy,
        Phase::Ended(_) => !container.essential,
    }
}

/// Returns the shared folder, which contains this program.
fn shared_folder() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.parent().map(Path::to_owned).ok_or_else(|| io::Error::other("the program has no parent folder"))
}

fn read(folder: &Path, container: &str) -> io::Result<(Plan, usize)> {
    let plan: Plan = serde_json::from_slice(&fs::read(folder.join(PLAN))?)?;
    let me = plan.find(container);
    let me = me.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("no container {container:?}")))?;
    Ok((plan, me))
}
