//! Runs a container: waits for its dependencies, then starts, checks, restarts and stops its command.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::board::{Board, Presence};
use crate::health::{Checks, HealthStatus};
use crate::plan::{Container, Limit, Plan, StartDecision};
use crate::state::ContainerState;
use crate::{KILLED, TERMINATED};

mod events;
mod limits;
mod orphans;

use events::{Events, STOP_SIGNALS};

/// Minimum duration of a task whose essential container ends by itself. Without it, the operator would replace a failing task many
/// times a minute, which ECS does not do either.
pub const MIN_TASK_DURATION: Duration = Duration::from_secs(10);

/// Runs the container `index` until it has ended and will not be restarted. Unless it is essential, also waits for the end of the
/// task.
///
/// Returns the exit code of the container. [`KILLED`] becomes [`TERMINATED`] for a container that is not essential, because the
/// kubelet would restart it. An error of this program ends the container like a kill.
#[must_use]
pub fn run(plan: &Plan, index: usize, board: &Board, command: &[String]) -> i32 {
    let container = &plan.containers[index];
    let mut supervisor = Supervisor {
        plan,
        index,
        board,
        command,
        start: Instant::now(),
        image_stop_signal: container.stop_signal.as_deref().and_then(|name| Signal::from_str(name).ok()),
        received_signal: None,
        presence: None,
        running: None,
        checking: None,
        stop_request: None,
        healthy: None,
    };
    match supervisor.run() {
        Ok(KILLED) if !container.essential => TERMINATED,
        Ok(code) => code,
        Err(error) => {
            eprintln!("task-agent: {error}");
            supervisor.fail();
            KILLED
        }
    }
}

/// A running command.
struct Running<'a> {
    child: Child,
    start: Instant,
    checks: Option<Checks<'a>>,
}

/// A running health check.
struct Checking {
    child: Child,
    start: Instant,
    killed: bool,
}

/// The command got the stop signal and is killed at the deadline.
struct StopRequest {
    deadline: Instant,
    killed: bool,
}

struct Supervisor<'a> {
    plan: &'a Plan,
    /// Index of the container in the plan.
    index: usize,
    board: &'a Board,
    command: &'a [String],
    start: Instant,
    /// Stop signal of the image, if known.
    image_stop_signal: Option<Signal>,
    /// Stop signal from the container runtime.
    received_signal: Option<Signal>,
    /// Lock that is held while this program runs.
    presence: Option<Presence>,
    running: Option<Running<'a>>,
    checking: Option<Checking>,
    stop_request: Option<StopRequest>,
    /// Last recorded health.
    healthy: Option<bool>,
}

impl<'a> Supervisor<'a> {
    fn container(&self) -> &'a Container {
        &self.plan.containers[self.index]
    }

    fn states(&self) -> Vec<ContainerState> {
        self.board.states(self.plan.containers.len())
    }

    /// Runs the container and waits for the end of the task; returns the exit code of the container.
    fn run(&mut self) -> io::Result<i32> {
        let events = Events::new(self.board.folder(), self.image_stop_signal)?;
        orphans::inherit();
        // After a kill of this program, the kubelet restarts it. The end is recorded before the container joins, so that no other
        // container observes it as running.
        let previous = self.board.previous_exit_code();
        if let Some(code) = previous {
            self.board.record_end(code)?;
        }
        self.presence = Some(self.board.join()?);
        let code = match previous {
            Some(code) => code,
            None => self.run_command(&events)?,
        };
        self.board.record_end(code)?;
        if self.container().essential {
            let by_itself = !self.board.is_stopping();
            let reason = format!("essential container {} ended with exit code {code}", self.container().name);
            self.board.stop(&reason)?;
            if by_itself {
                write_termination_message(&reason);
                self.delay_end(&events)?;
            }
        } else {
            while !self.board.is_stopping() {
                self.handle_signals(&events.wait(None)?)?;
                self.stop_if_essential_was_killed()?;
                orphans::reap(&[]);
            }
        }
        Ok(code)
    }

    /// Ends the container after an error. Errors of the records are ignored: the other containers notice the end of this program.
    fn fail(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
        }
        let _ = self.board.record_end(KILLED);
        if self.container().essential {
            let reason = format!("the task agent of essential container {} failed", self.container().name);
            let _ = self.board.stop(&reason);
            write_termination_message(&reason);
        }
    }

    /// Stops the task if the task agent of an essential container was killed.
    fn stop_if_essential_was_killed(&self) -> io::Result<()> {
        if self.board.is_stopping() {
            return Ok(());
        }
        let states = self.states();
        let mut containers = self.plan.containers.iter().zip(&states);
        match containers.find(|(container, state)| container.essential && state.has_left()) {
            Some((container, _)) => self.board.stop(&format!("essential container {} was killed", container.name)),
            None => Ok(()),
        }
    }

    /// Runs the command, with restarts, until the container has ended; returns its exit code.
    fn run_command(&mut self, events: &Events) -> io::Result<i32> {
        loop {
            self.stop_if_essential_was_killed()?;
            if self.running.is_none() && self.board.is_stopping() {
                return Ok(TERMINATED);
            }
            let deadline = if self.running.is_none() {
                match self.plan.start_decision(self.index, &self.states()) {
                    StartDecision::Never => return Ok(TERMINATED),
                    StartDecision::Wait(at_most) => at_most.map(|wait| Instant::now() + wait),
                    StartDecision::Start => {
                        if let Err(code) = self.start()? {
                            return Ok(code);
                        }
                        continue;
                    }
                }
            } else {
                self.check()?;
                if self.stop_command() == SignalPermission::Denied {
                    return Ok(KILLED);
                }
                self.next_deadline()
            };
            self.handle_signals(&events.wait(deadline)?)?;
            if let Some(status) = self.reap()?
                && let Some(code) = self.after_end(status)
            {
                return Ok(code);
            }
        }
    }

    /// Starts the command. Returns the exit code of the container if the command cannot be started.
    fn start(&mut self) -> io::Result<Result<(), i32>> {
        match spawn(self.command, &self.container().limits) {
            Ok(child) => {
                let now = Instant::now();
                let checks = self.container().health.as_ref().map(|settings| Checks::new(settings, now));
                self.running = Some(Running { child, start: now, checks });
                self.board.record_start()?;
                Ok(Ok(()))
            }
            Err(error) => {
                eprintln!("task-agent: cannot start {:?}: {error}", self.command.first().map_or("", String::as_str));
                // The exit codes of shells and container runtimes.
                Ok(Err(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }))
            }
        }
    }

    /// Stops the task on a stop signal, and forwards other signals to the command.
    fn handle_signals(&mut self, signals: &[Signal]) -> io::Result<()> {
        for &signal in signals {
            if self.is_stop_signal(signal) {
                self.received_signal = Some(signal);
                self.board.stop("the task was stopped from outside")?;
            } else if let Some(running) = &self.running {
                send(&running.child, signal);
            }
        }
        Ok(())
    }

    fn is_stop_signal(&self, signal: Signal) -> bool {
        STOP_SIGNALS.contains(&signal) || self.image_stop_signal == Some(signal)
    }

    /// Sends the stop signal once the task is stopping and every dependent has ended; kills the command after its stop timeout.
    fn stop_command(&mut self) -> SignalPermission {
        if !self.board.is_stopping() {
            return SignalPermission::Granted;
        }
        let Some(running) = &self.running else { return SignalPermission::Granted };
        let now = Instant::now();
        match &mut self.stop_request {
            None => {
                if self.plan.may_stop(self.index, &self.board.states(self.plan.containers.len())) {
                    let signal = self.image_stop_signal.or(self.received_signal).unwrap_or(Signal::SIGTERM);
                    if send(&running.child, signal) == SignalPermission::Denied {
                        eprintln!("task-agent: cannot send the stop signal: the command runs as another user");
                    }
                    let deadline = now + Duration::from_secs(self.container().stop_timeout);
                    self.stop_request = Some(StopRequest { deadline, killed: false });
                }
            }
            Some(request) if now >= request.deadline && !request.killed => {
                request.killed = true;
                // Without the permission, the container runtime kills the process when this program ends.
                return send(&running.child, Signal::SIGKILL);
            }
            Some(_) => {}
        }
        SignalPermission::Granted
    }

    /// Starts a check that is due, and kills a check that exceeds its timeout.
    fn check(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        match &mut self.checking {
            None if now >= checks.due() => match spawn_check(checks.command()) {
                Ok(child) => self.checking = Some(Checking { child, start: now, killed: false }),
                Err(_) => return self.record_check(false, now),
            },
            Some(checking) if now >= checking.start + checks.timeout() && !checking.killed => {
                checking.killed = true;
                if send(&checking.child, Signal::SIGKILL) == SignalPermission::Denied {
                    // The process is reaped as an orphan when it ends.
                    let start = checking.start;
                    self.checking = None;
                    return self.record_check(false, start);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Records the result of a check, and stops the task if an essential container has failed.
    fn record_check(&mut self, success: bool, start: Instant) -> io::Result<()> {
        let now = Instant::now();
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        let healthy = match checks.record(success, start, now) {
            HealthStatus::Unknown => return Ok(()),
            HealthStatus::Healthy => true,
            HealthStatus::Unhealthy => false,
        };
        let failed = checks.has_failed(now);
        if self.healthy.replace(healthy) != Some(healthy) {
            self.board.record_health(healthy)?;
        }
        if failed && self.container().essential && !self.board.is_stopping() {
            let reason = format!("essential container {} failed its health checks", self.container().name);
            self.board.stop(&reason)?;
            write_termination_message(&reason);
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let kill = self.stop_request.as_ref().filter(|request| !request.killed).map(|request| request.deadline);
        let checks = self.running.as_ref().and_then(|running| running.checks.as_ref());
        let check = checks.and_then(|checks| match &self.checking {
            Some(checking) => (!checking.killed).then(|| checking.start + checks.timeout()),
            None => Some(checks.due()),
        });
        [kill, check].into_iter().flatten().min()
    }

    /// Reaps every process that has ended; returns the status of the command if it is among them.
    fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        if let Some(checking) = &mut self.checking
            && let Some(status) = checking.child.try_wait()?
        {
            let start = checking.start;
            self.checking = None;
            self.record_check(status.success(), start)?;
        }
        let status = match &mut self.running {
            Some(running) => running.child.try_wait()?,
            None => None,
        };
        let children = [self.running.as_ref().map(|r| &r.child), self.checking.as_ref().map(|c| &c.child)];
        orphans::reap(&children.map(|child| child.map(|child| Pid::from_raw(child.id().cast_signed()))));
        Ok(status)
    }

    /// Handles the end of the command. Returns the exit code of the container, or none if the command is restarted.
    fn after_end(&mut self, status: ExitStatus) -> Option<i32> {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        let running = self.running.take()?;
        if let Some(mut checking) = self.checking.take() {
            let _ = checking.child.kill();
            let _ = checking.child.wait();
        }
        orphans::kill_and_reap();
        let restart = self.container().restart.as_ref().is_some_and(|policy| {
            let long_enough = running.start.elapsed() >= Duration::from_secs(policy.attempt_period);
            long_enough && !policy.ignored_exit_codes.contains(&code) && !self.board.is_stopping()
        });
        (!restart).then_some(code)
    }

    /// Waits until the task has lasted [`MIN_TASK_DURATION`], or for a stop signal.
    fn delay_end(&mut self, events: &Events) -> io::Result<()> {
        let end = self.start + MIN_TASK_DURATION;
        while Instant::now() < end {
            if events.wait(Some(end))?.into_iter().any(|signal| self.is_stop_signal(signal)) {
                break;
            }
        }
        Ok(())
    }
}

/// Termination message file, which the kubelet copies to the Pod's status.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Writes the reason for the end of the task to the Pod's status. A message of the command is kept. Errors are ignored, because not
/// every container has the file or may write to it.
fn write_termination_message(reason: &str) {
    if fs::metadata(TERMINATION_LOG).is_ok_and(|file| file.len() == 0) {
        let _ = fs::write(TERMINATION_LOG, reason);
    }
}

/// Permission of this program to signal a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignalPermission {
    Granted,
    /// The process runs as another user, and this program lacks the capability `KILL`.
    Denied,
}

/// Sends a signal. A process that has ended counts as signaled.
fn send(child: &Child, signal: Signal) -> SignalPermission {
    match kill(Pid::from_raw(child.id().cast_signed()), signal) {
        Err(Errno::EPERM) => SignalPermission::Denied,
        _ => SignalPermission::Granted,
    }
}

fn spawn(command: &[String], limits: &[Limit]) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    limits::set(limits);
    Command::new(program).args(arguments).spawn()
}

fn spawn_check(command: &[String]) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}
