//! What a container waits for: signals, changes in the shared folder, and time.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};
use signal_hook::{flag, low_level};

/// Signals that ask a container to end; images choose among them.
pub(super) const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];
/// Signals that are for the command rather than for this program.
const FORWARDED: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGWINCH, Signal::SIGCONT, Signal::SIGALRM];

/// Signals are handled rather than blocked: a command would inherit what is blocked.
pub(super) struct Events {
    came: Vec<(Signal, Arc<AtomicBool>)>,
    wake: UnixStream,
    folder: Inotify,
}

impl Events {
    /// From now on signals wait to be read, and changes in the folder are seen.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut came = Vec::new();
        for signal in ENDING.into_iter().chain(FORWARDED) {
            let flag = Arc::new(AtomicBool::new(false));
            flag::register(signal as i32, Arc::clone(&flag))?;
            low_level::pipe::register(signal as i32, waker.try_clone()?)?;
            came.push((signal, flag));
        }
        low_level::pipe::register(Signal::SIGCHLD as i32, waker)?;
        let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        watch.add_watch(folder, AddWatchFlags::IN_MOVED_TO)?;
        Ok(Self { came, wake, folder: watch })
    }

    /// Waits for something to happen, until `deadline` at the latest; the signals for this container that came.
    pub fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<Signal>> {
        let timeout = deadline.map_or(PollTimeout::NONE, |deadline| {
            // One millisecond more than is left, so that the deadline has passed when the wait is over.
            let left = deadline.saturating_duration_since(Instant::now()).as_millis().saturating_add(1);
            PollTimeout::try_from(left.min(60_000)).unwrap_or(PollTimeout::MAX)
        });
        let mut sources =
            [PollFd::new(self.wake.as_fd(), PollFlags::POLLIN), PollFd::new(self.folder.as_fd(), PollFlags::POLLIN)];
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        while self.folder.read_events().is_ok() {}
        while (&self.wake).read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let came = self.came.iter().filter(|(_, flag)| flag.swap(false, Ordering::AcqRel));
        Ok(came.map(|(signal, _)| *signal).collect())
    }
}

/// As the first process of a container this one inherits all orphans, and has to take in those that have ended.
pub(super) fn reap_orphans(known: &[Option<Pid>]) {
    loop {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) = waitid(Id::All, flags) else { return };
        // The command and its check are taken in by those who wait for them.
        if known.contains(&Some(pid)) || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}

/// What a command leaves running ends with it, as in a container that ends. Only where this is the first process of the
/// container's own process namespace: elsewhere the processes of others would be hit.
pub(super) fn end_orphans() {
    if getpid() == Pid::from_raw(1) {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }
}
