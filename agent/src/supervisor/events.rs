//! Events that a container waits for: signals, changes in the shared folder, and time.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::Signal;
use signal_hook::{flag, low_level};

use crate::board::ALIVE;

/// Usual stop signals of containers.
pub(super) const STOP_SIGNALS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];
/// Signals that are forwarded to the command.
const FORWARDED: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGWINCH, Signal::SIGCONT, Signal::SIGALRM];

/// Interval of polling the folder if it cannot be watched. A user may have few watches on a node (128 by default), and root in all
/// containers of a node is one user.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Delay after a closed lock file: the kernel reports the event just before it releases the lock.
const LOCK_RELEASE: Duration = Duration::from_millis(50);
/// Maximum time between two reads of the folder.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Signals are handled instead of blocked, because a command would inherit the mask.
pub(super) struct Events {
    /// Signals, each with a flag that its handler sets.
    signals: Vec<(Signal, Arc<AtomicBool>)>,
    wake: UnixStream,
    folder: Option<Inotify>,
    /// True if a lock file was closed, so a container may have left.
    lock_closed: Cell<bool>,
}

impl Events {
    /// Installs signal handlers and watches the folder. `stop` is the stop signal of the image.
    pub fn new(folder: &Path, stop: Option<Signal>) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut signals: Vec<(Signal, Arc<AtomicBool>)> = Vec::new();
        // SIGKILL cannot be handled.
        for signal in STOP_SIGNALS.into_iter().chain(FORWARDED).chain(stop.filter(|stop| *stop != Signal::SIGKILL)) {
            if signals.iter().any(|(other, _)| *other == signal) {
                continue;
            }
            let flag = Arc::new(AtomicBool::new(false));
            flag::register(signal as i32, Arc::clone(&flag))?;
            low_level::pipe::register(signal as i32, waker.try_clone()?)?;
            signals.push((signal, flag));
        }
        low_level::pipe::register(Signal::SIGCHLD as i32, waker)?;
        Ok(Self { signals, wake, folder: watch(folder).ok(), lock_closed: Cell::new(false) })
    }

    /// Waits for an event, until `deadline` at the latest; returns the received signals.
    pub fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<Signal>> {
        let longest = match (&self.folder, self.lock_closed.take()) {
            (None, _) => POLL_INTERVAL,
            (Some(_), true) => LOCK_RELEASE,
            (Some(_), false) => MAX_WAIT,
        };
        let wait = deadline.map_or(longest, |deadline| deadline.saturating_duration_since(Instant::now()).min(longest));
        // One millisecond more, so that the deadline has passed when the wait is over.
        let timeout = PollTimeout::try_from(wait.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX);
        let sources = [Some(self.wake.as_fd()), self.folder.as_ref().map(AsFd::as_fd)];
        let mut sources: Vec<PollFd<'_>> =
            sources.into_iter().flatten().map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.read_folder_events();
        while (&self.wake).read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let received = self.signals.iter().filter(|(_, flag)| flag.swap(false, Ordering::AcqRel));
        Ok(received.map(|(signal, _)| *signal).collect())
    }

    fn read_folder_events(&self) {
        let Some(folder) = &self.folder else { return };
        while let Ok(events) = folder.read_events() {
            let closed = events.iter().filter(|event| event.mask.contains(AddWatchFlags::IN_CLOSE_WRITE));
            let mut names = closed.filter_map(|event| event.name.as_deref());
            if names.any(|name| Path::new(name).extension().is_some_and(|end| end == ALIVE)) {
                self.lock_closed.set(true);
            }
        }
    }
}

fn watch(folder: &Path) -> nix::Result<Inotify> {
    let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    watch.add_watch(folder, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE)?;
    Ok(watch)
}
