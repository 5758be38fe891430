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

/// Signals that ask a container to end; images choose among them.
pub(super) const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];
/// Signals that are for the command rather than for this program.
const FORWARDED: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGWINCH, Signal::SIGCONT, Signal::SIGALRM];

/// How often the folder is looked at where it cannot be watched. A user may have few watches on a node (128 by default), and
/// to the kernel the root of all its containers is one user.
const LOOK: Duration = Duration::from_millis(250);
/// The kernel tells of a closed file just before it lets go of its lock.
const LET_GO: Duration = Duration::from_millis(50);
/// The longest time without a look.
const LONGEST: Duration = Duration::from_mins(1);

/// Signals are handled rather than blocked: a command would inherit what is blocked.
pub(super) struct Events {
    came: Vec<(Signal, Arc<AtomicBool>)>,
    wake: UnixStream,
    folder: Option<Inotify>,
    /// True if a container seems to have gone.
    left: Cell<bool>,
}

impl Events {
    /// From now on signals wait to be read, and changes in the folder are seen. `stop` is a signal that asks this container to
    /// end besides the usual ones.
    pub fn new(folder: &Path, stop: Option<Signal>) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut came: Vec<(Signal, Arc<AtomicBool>)> = Vec::new();
        // Nobody can take in a SIGKILL.
        for signal in ENDING.into_iter().chain(FORWARDED).chain(stop.filter(|stop| *stop != Signal::SIGKILL)) {
            if came.iter().any(|(known, _)| *known == signal) {
                continue;
            }
            let flag = Arc::new(AtomicBool::new(false));
            flag::register(signal as i32, Arc::clone(&flag))?;
            low_level::pipe::register(signal as i32, waker.try_clone()?)?;
            came.push((signal, flag));
        }
        low_level::pipe::register(Signal::SIGCHLD as i32, waker)?;
        Ok(Self { came, wake, folder: watch(folder).ok(), left: Cell::new(false) })
    }

    /// Waits for something to happen, until `deadline` at the latest; the signals for this container that came.
    pub fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<Signal>> {
        let longest = match (&self.folder, self.left.take()) {
            (None, _) => LOOK,
            (Some(_), true) => LET_GO,
            (Some(_), false) => LONGEST,
        };
        let left = deadline.map_or(longest, |deadline| deadline.saturating_duration_since(Instant::now()).min(longest));
        // One millisecond more than is left, so that the deadline has passed when the wait is over.
        let timeout = PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX);
        let sources = [Some(self.wake.as_fd()), self.folder.as_ref().map(AsFd::as_fd)];
        let mut sources: Vec<PollFd<'_>> =
            sources.into_iter().flatten().map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.see_who_left();
        while (&self.wake).read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let came = self.came.iter().filter(|(_, flag)| flag.swap(false, Ordering::AcqRel));
        Ok(came.map(|(signal, _)| *signal).collect())
    }

    fn see_who_left(&self) {
        let Some(folder) = &self.folder else { return };
        while let Ok(events) = folder.read_events() {
            let closed = events.iter().filter(|event| event.mask.contains(AddWatchFlags::IN_CLOSE_WRITE));
            let mut names = closed.filter_map(|event| event.name.as_deref());
            if names.any(|name| Path::new(name).extension().is_some_and(|end| end == ALIVE)) {
                self.left.set(true);
            }
        }
    }
}

fn watch(folder: &Path) -> nix::Result<Inotify> {
    let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    watch.add_watch(folder, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE)?;
    Ok(watch)
}
