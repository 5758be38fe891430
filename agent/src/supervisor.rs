//! One container's life: it waits for its turn, runs its command, checks it, restarts it, and ends it in its turn.

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
use crate::health::{Checks, Judgement};
use crate::plan::{Container, Limit, Plan, Turn};
use crate::{KILLED, TERMINATED};

mod events;
mod limits;
mod orphans;

use events::{ENDING, Events};

/// A task lasts this long at least when an essential container ends by itself: a task that fails at once would otherwise be
/// replaced many times a minute, which ECS, too, does not do.
pub const SHORTEST_LIFE: Duration = Duration::from_secs(10);

/// Runs the container at `me` until it has ended for good and, unless it is essential, until the task ends.
///
/// Returns the exit code of the container. One that is not essential has another in the place of [`KILLED`], with which the
/// kubelet would start it again. An error of this program ends the container as a kill of it would.
#[must_use]
pub fn run(plan: &Plan, me: usize, board: &Board, command: &[String]) -> i32 {
    let container = &plan.containers[me];
    let mut life = Life {
        plan,
        me,
        board,
        command,
        born: Instant::now(),
        stop_signal: container.stop_signal.as_deref().and_then(|name| Signal::from_str(name).ok()),
        asked_with: None,
        presence: None,
        running: None,
        checking: None,
        told: None,
        healthy: None,
    };
    match life.whole() {
        Ok(KILLED) if !container.essential => TERMINATED,
        Ok(code) => code,
        Err(error) => {
            eprintln!("task-agent: {error}");
            life.fail();
            KILLED
        }
    }
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
    killed: bool,
}

/// Stop request to the command: its time, and whether a kill followed.
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
    /// Stop signal of the image, if known.
    stop_signal: Option<Signal>,
    /// Signal that the container runtime stopped this container with.
    asked_with: Option<Signal>,
    /// For the others to see, as long as this program is there.
    presence: Option<Presence>,
    running: Option<Running<'a>>,
    checking: Option<Checking>,
    told: Option<Told>,
    /// Last reported result of the checks.
    healthy: Option<bool>,
}

impl<'a> Life<'a> {
    fn container(&self) -> &'a Container {
        &self.plan.containers[self.me]
    }

    /// From the first sign of life to the last; the exit code.
    fn whole(&mut self) -> io::Result<i32> {
        let events = Events::new(self.board.folder(), self.stop_signal)?;
        orphans::inherit();
        // One that ended before is started again only to tell so, and was never seen to run in between.
        let past = self.board.past();
        if let Some(code) = past {
            self.board.ended(code)?;
        }
        self.presence = Some(self.board.come()?);
        let code = match past {
            Some(code) => code,
            None => self.live(&events)?,
        };
        self.board.ended(code)?;
        if self.container().essential {
            let by_itself = !self.board.is_stopping();
            let reason = format!("essential container {} ended with exit code {code}", self.container().name);
            self.board.stop(&reason)?;
            if by_itself {
                tell_kubelet(&reason);
                self.linger(&events)?;
            }
        } else {
            while !self.board.is_stopping() {
                self.heed(&events.wait(None)?)?;
                self.miss()?;
                orphans::reap(&[]);
            }
        }
        Ok(code)
    }

    /// The end of a container whose program failed. What cannot be told the others see: this program goes.
    fn fail(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
        }
        let _ = self.board.ended(KILLED);
        if self.container().essential {
            let reason = format!("the task agent of essential container {} failed", self.container().name);
            let _ = self.board.stop(&reason);
            tell_kubelet(&reason);
        }
    }

    /// Ends the task when an essential container is gone that could not say so.
    fn miss(&self) -> io::Result<()> {
        if self.board.is_stopping() {
            return Ok(());
        }
        let seen = self.board.look(self.plan.containers.len());
        let gone =
            self.plan.containers.iter().zip(&seen).find(|(container, seen)| container.essential && seen.is_gone());
        match gone {
            Some((container, _)) => self.board.stop(&format!("essential container {} was killed", container.name)),
            None => Ok(()),
        }
    }

    /// Until the container has ended for good; the exit code.
    fn live(&mut self, events: &Events) -> io::Result<i32> {
        loop {
            self.miss()?;
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
                if self.end_in_turn() == Reach::Beyond {
                    return Ok(KILLED);
                }
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
            if self.is_ending(signal) {
                self.asked_with = Some(signal);
                self.board.stop("the task was told to end")?;
            } else if let Some(running) = &self.running {
                send(&running.child, signal);
            }
        }
        Ok(())
    }

    fn is_ending(&self, signal: Signal) -> bool {
        ENDING.contains(&signal) || self.stop_signal == Some(signal)
    }

    /// Once the task is ending and every dependent has ended, tells the command to end; kills it after its time.
    fn end_in_turn(&mut self) -> Reach {
        if !self.board.is_stopping() {
            return Reach::Within;
        }
        let Some(running) = &self.running else { return Reach::Within };
        let now = Instant::now();
        match &mut self.told {
            None => {
                if self.plan.may_stop(self.me, &self.board.look(self.plan.containers.len())) {
                    let signal = self.stop_signal.or(self.asked_with).unwrap_or(Signal::SIGTERM);
                    if send(&running.child, signal) == Reach::Beyond {
                        eprintln!("task-agent: the command runs as another user, and cannot be told to end");
                    }
                    let deadline = now + Duration::from_secs(self.container().stop_timeout);
                    self.told = Some(Told { deadline, killed: false });
                }
            }
            Some(told) if now >= told.deadline && !told.killed => {
                told.killed = true;
                // The container runtime, which has the right, kills all that a container leaves.
                return send(&running.child, Signal::SIGKILL);
            }
            Some(_) => {}
        }
        Reach::Within
    }

    /// Begins a check that is due, ends one that takes too long.
    fn check(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        match &mut self.checking {
            None if now >= checks.due() => match spawn_check(checks.command()) {
                Ok(child) => self.checking = Some(Checking { child, since: now, killed: false }),
                Err(_) => return self.judge(false, now),
            },
            Some(checking) if now >= checking.since + checks.timeout() && !checking.killed => {
                checking.killed = true;
                if send(&checking.child, Signal::SIGKILL) == Reach::Beyond {
                    // It is taken in as an orphan, should it ever end.
                    let began = checking.since;
                    self.checking = None;
                    return self.judge(false, began);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the result of a check.
    fn judge(&mut self, success: bool, began: Instant) -> io::Result<()> {
        let now = Instant::now();
        let Some(checks) = self.running.as_mut().and_then(|running| running.checks.as_mut()) else { return Ok(()) };
        let healthy = match checks.result(success, began, now) {
            Judgement::Unknown => return Ok(()),
            Judgement::Healthy => true,
            Judgement::Unhealthy => false,
        };
        let hopeless = checks.are_hopeless(now);
        if self.healthy.replace(healthy) != Some(healthy) {
            self.board.health(healthy)?;
        }
        if hopeless && self.container().essential && !self.board.is_stopping() {
            let reason = format!("essential container {} failed its health checks", self.container().name);
            self.board.stop(&reason)?;
            tell_kubelet(&reason);
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let killing = self.told.as_ref().filter(|told| !told.killed).map(|told| told.deadline);
        let checks = self.running.as_ref().and_then(|running| running.checks.as_ref());
        let checking = checks.and_then(|checks| match &self.checking {
            Some(checking) => (!checking.killed).then(|| checking.since + checks.timeout()),
            None => Some(checks.due()),
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
        orphans::reap(&known.map(|child| child.map(|child| Pid::from_raw(child.id().cast_signed()))));
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
        orphans::end();
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
            if events.wait(Some(end))?.into_iter().any(|signal| self.is_ending(signal)) {
                break;
            }
        }
        Ok(())
    }
}

/// Termination message file, which the kubelet shows in the Pod's status.
const LAST_WORD: &str = "/dev/termination-log";

/// Why the task ends, for whoever looks at its Pod. The command may have said more already, and not every container has the
/// file or may write to it.
fn tell_kubelet(reason: &str) {
    if fs::metadata(LAST_WORD).is_ok_and(|file| file.len() == 0) {
        let _ = fs::write(LAST_WORD, reason);
    }
}

/// Permission of this program to signal a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Within,
    /// It runs as another user, and this program lacks the right to signal those of others.
    Beyond,
}

/// A command whose process is gone is as good as told.
fn send(child: &Child, signal: Signal) -> Reach {
    match kill(Pid::from_raw(child.id().cast_signed()), signal) {
        Err(Errno::EPERM) => Reach::Beyond,
        _ => Reach::Within,
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
