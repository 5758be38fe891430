//! One container's life: it waits for its turn, runs its command, checks it, restarts it, and ends it in its turn.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::TERMINATED;
use crate::health::{Checks, Judgement};
use crate::plan::{Container, Limit, Plan, Turn};
use crate::state::Board;

mod events;
mod limits;

use events::{ENDING, Events};

/// A task lasts this long at least when an essential container ends by itself: a task that fails at once would otherwise be
/// replaced many times a minute, which ECS, too, does not do.
pub const SHORTEST_LIFE: Duration = Duration::from_secs(10);

/// Runs the container at `me` until it has ended for good and, unless it is essential, until the task ends.
///
/// Returns its exit code.
///
/// # Errors
/// When signals cannot be received or the shared folder cannot be watched or written.
pub fn run(plan: &Plan, me: usize, board: &Board, command: &[String]) -> io::Result<i32> {
    let events = Events::new(board.folder())?;
    board.created()?;
    let mut life = Life {
        plan,
        me,
        board,
        command,
        born: Instant::now(),
        stop_signal: Signal::SIGTERM,
        running: None,
        checking: None,
        told: None,
    };
    let code = life.live(&events)?;
    board.ended(code)?;
    if life.container().essential {
        let by_itself = !board.is_stopping();
        let reason = format!("essential container {} ended with exit code {code}", life.container().name);
        board.stop(&reason)?;
        if by_itself {
            tell_kubelet(&reason);
            life.linger(&events)?;
        }
    } else {
        while !board.is_stopping() {
            life.heed(&events.wait(None)?)?;
            events::reap_orphans(&[]);
        }
    }
    Ok(code)
}

/// A command under way.
struct Running<'a> {
    child: Child,
    since: Instant,
    checks: Option<Checks<'a>>,
}

/// A health check under way.
struct Checking {
    child: Child,
    since: Instant,
}

/// When the command was told to end, and whether it was killed since.
struct Told {
    deadline: Instant,
    killed: bool,
}

struct Life<'a> {
    plan: &'a Plan,
    me: usize,
    board: &'a Board,
    command: &'a [String],
    born: Instant,
    /// What the container runtime asked this container to end with: the image may want another signal than SIGTERM.
    stop_signal: Signal,
    running: Option<Running<'a>>,
    checking: Option<Checking>,
    told: Option<Told>,
}

impl<'a> Life<'a> {
    fn container(&self) -> &'a Container {
        &self.plan.containers[self.me]
    }

    /// Until the container has ended for good; the exit code.
    fn live(&mut self, events: &Events) -> io::Result<i32> {
        loop {
            if self.running.is_none() && self.board.is_stopping() {
                return Ok(TERMINATED);
            }
            let deadline = if self.running.is_none() {
                match self.plan.turn(self.me, &self.board.look(self.plan.containers.len())) {
                    Turn::Never => return Ok(TERMINATED),
                    Turn::Wait(at_most) => at_most.map(|wait| Instant::now() + wait),
                    Turn::Start => {
                        if let Err(code) = self.start()? {
                            return Ok(code);
                        }
                        continue;
                    }
                }
            } else {
                self.check()?;
                self.end_in_turn();
                self.next_deadline()
            };
            self.heed(&events.wait(deadline)?)?;
            if let Some(status) = self.reap()?
                && let Some(code) = self.after_end(status)
            {
                return Ok(code);
            }
        }
    }

    /// Starts the command; the exit code of a command that cannot be started.
    fn start(&mut self) -> io::Result<Result<(), i32>> {
        match spawn(self.command, &self.container().limits) {
            Ok(child) => {
                let now = Instant::now();
                let checks = self.container().health.as_ref().map(|settings| Checks::new(settings, now));
                self.running = Some(Running { child, since: now, checks });
                self.board.started()?;
                Ok(Ok(()))
            }
            Err(error) => {
                eprintln!("task-agent: cannot start {:?}: {error}", self.command.first().map_or("", String::as_str));
                // As shells and container runtimes have it.
                Ok(Err(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }))
            }
        }
    }

    /// Takes in signals: those that ask to end, and those that are the command's.
    fn heed(&mut self, signals: &[Signal]) -> io::Result<()> {
        for &signal in signals {
            if ENDING.contains(&signal) {
                self.stop_signal = signal;
                self.board.stop("the task was told to end")?;
            } else if let Some(running) = &self.running {
                send(&running.child, signal);
            }
        }
        Ok(())
    }

    /// Once the task is ending and every dependent has ended, tells the command to end; kills it after its time.
    fn end_in_turn(&mut self) {
        if !self.board.is_stopping() {
            return;
        }
        let Some(running) = &self.running else { return };
        let now = Instant::now();
        match &mut self.told {
            None => {
                if self.plan.may_stop(self.me, &self.board.look(self.plan.containers.len())) {
                    send(&running.child, self.stop_signal);
                    let deadline = now + Duration::from_secs(self.container().stop_timeout);
                    self.told = Some(Told { deadline, killed: false });
                }
            }
            Some(told) if now >= told.deadline && !told.killed => {
                send(&running.child, Signal::SIGKILL);
                told.killed = true;
            }
            Some(_) => {}
        }
    }

    /// Begins a check that is due, ends one that takes too long.
    fn check(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        match &mut self.checking {
            None if now >= checks.due() => match spawn_check(checks.command()) {
                Ok(child) => self.checking = Some(Checking { child, since: now }),
                Err(_) => return self.judge(false, now),
            },
            Some(checking) if now >= checking.since + checks.timeout() => send(&checking.child, Signal::SIGKILL),
            _ => {}
        }
        Ok(())
    }

    /// Takes the result of a check.
    fn judge(&mut self, success: bool, began: Instant) -> io::Result<()> {
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        match checks.result(success, began, Instant::now()) {
            Judgement::Unknown => {}
            Judgement::Healthy => self.board.health(true)?,
            Judgement::Unhealthy => {
                self.board.health(false)?;
                if self.container().essential && !self.board.is_stopping() {
                    let reason = format!("essential container {} failed its health checks", self.container().name);
                    self.board.stop(&reason)?;
                    tell_kubelet(&reason);
                }
            }
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let killing = self.told.as_ref().filter(|told| !told.killed).map(|told| told.deadline);
        let checks = self.running.as_ref().and_then(|running| running.checks.as_ref());
        let checking = checks.map(|checks| match &self.checking {
            Some(checking) => checking.since + checks.timeout(),
            None => checks.due(),
        });
        [killing, checking].into_iter().flatten().min()
    }

    /// Takes in every process that has ended; the status of the command when it is among them.
    fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        if let Some(checking) = &mut self.checking
            && let Some(status) = checking.child.try_wait()?
        {
            let began = checking.since;
            self.checking = None;
            self.judge(status.success(), began)?;
        }
        let status = match &mut self.running {
            Some(running) => running.child.try_wait()?,
            None => None,
        };
        let known = [self.running.as_ref().map(|r| &r.child), self.checking.as_ref().map(|c| &c.child)];
        events::reap_orphans(&known.map(|child| child.map(|child| Pid::from_raw(child.id().cast_signed()))));
        Ok(status)
    }

    /// The command ended: the container's exit code, unless it is started again.
    fn after_end(&mut self, status: ExitStatus) -> Option<i32> {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        let running = self.running.take()?;
        if let Some(mut checking) = self.checking.take() {
            let _ = checking.child.kill();
            let _ = checking.child.wait();
        }
        events::end_orphans();
        let again = self.container().restart.as_ref().is_some_and(|policy| {
            let lasted = running.since.elapsed() >= Duration::from_secs(policy.attempt_period);
            lasted && !policy.ignored_exit_codes.contains(&code) && !self.board.is_stopping()
        });
        (!again).then_some(code)
    }

    /// Keeps a task that failed at once from being replaced at once.
    fn linger(&mut self, events: &Events) -> io::Result<()> {
        let end = self.born + SHORTEST_LIFE;
        while Instant::now() < end {
            if events.wait(Some(end))?.iter().any(|signal| ENDING.contains(signal)) {
                break;
            }
        }
        Ok(())
    }
}

/// Where the kubelet takes a container's last word from, which it shows in the Pod's status.
const LAST_WORD: &str = "/dev/termination-log";

/// Why the task ends, for whoever looks at its Pod. The command may have said more already, and not every container has the
/// file or may write to it.
fn tell_kubelet(reason: &str) {
    if fs::metadata(LAST_WORD).is_ok_and(|file| file.len() == 0) {
        let _ = fs::write(LAST_WORD, reason);
    }
}

/// A command whose process is gone is as good as told.
fn send(child: &Child, signal: Signal) {
    let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
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
