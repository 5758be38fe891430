//! The command line of the task agent: put it into the shared folder, run a container, say whether one is ready.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use task_agent::board::Board;
use task_agent::metadata::{Pod, server};
use task_agent::state::{Fate, Seen};
use task_agent::{Container, Plan, supervisor};

const USAGE: &str = "usage: task-agent install FOLDER PLAN
       task-agent run CONTAINER [--] COMMAND…
       task-agent ready CONTAINER [SECONDS]

FOLDER is shared by the containers of the task, PLAN is JSON, CONTAINER a name in it, SECONDS how long to wait until it is
ready.";

/// The plan, in the shared folder.
const PLAN: &str = "plan.json";
/// File with the Pod's properties, beside the plan.
const POD: &str = "pod.json";
/// Between two looks whether a container is ready.
const LOOK: Duration = Duration::from_millis(200);

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

/// Brings this program, the plan and what is known of the Pod into the folder that the containers will share, and makes the
/// place where they tell each other things. All may be done again: an init container may run twice.
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
    let folder = shared()?;
    let (plan, me) = read(&folder, container)?;
    let command = command.strip_prefix(&["--"]).unwrap_or(command);
    let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
    let board = Board::in_folder(&folder, me);
    if let Some(metadata) = plan.metadata.clone() {
        let pod: Pod = serde_json::from_slice(&fs::read(folder.join(POD))?)?;
        server::start(server::Known { plan: plan.clone(), metadata, pod, board: board.clone() });
    }
    let code = supervisor::run(&plan, me, &board, &command);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Waits until the container is ready, so that a start takes one look of the kubelet's rather than many that fail.
fn ready(container: &str, seconds: &str) -> io::Result<ExitCode> {
    let patience =
        Duration::from_secs(seconds.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, USAGE))?);
    let folder = shared()?;
    let (plan, me) = read(&folder, container)?;
    let board = Board::in_folder(&folder, me);
    let deadline = Instant::now() + patience;
    loop {
        if is_ready(&plan.containers[me], &board.look(plan.containers.len())[me]) {
            return Ok(ExitCode::SUCCESS);
        }
        if Instant::now() >= deadline {
            return Ok(ExitCode::FAILURE);
        }
        thread::sleep(LOOK);
    }
}

/// Ready is a container whose command has started, or has ended though it need not last, and whose checks, if it has any,
/// say that it is healthy.
fn is_ready(container: &Container, seen: &Seen) -> bool {
    let healthy = !container.essential || container.health.is_none() || (seen.healthy_once && !seen.unhealthy);
    match seen.fate {
        Fate::Waiting => false,
        Fate::Running => healthy,
        Fate::Ended(_) => !container.essential,
    }
}

/// The folder that the containers share: the one this program was installed to.
fn shared() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.parent().map(Path::to_owned).ok_or_else(|| io::Error::other("the program is in no folder"))
}

fn read(folder: &Path, container: &str) -> io::Result<(Plan, usize)> {
    let plan: Plan = serde_json::from_slice(&fs::read(folder.join(PLAN))?)?;
    let me = plan.find(container);
    let me = me.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("no container {container:?}")))?;
    Ok((plan, me))
}
