//! Waiting that ends when the run does.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// What was waited for, or an error that the next call on the socket will tell.
    Ready,
    /// Time was up.
    TimedOut,
    /// The run is over.
    Over,
}

/// Waits until `fd` is ready for `events`, `longest` has passed, or `over` is readable.
pub(super) fn wait(
    fd: Option<(BorrowedFd<'_>, PollFlags)>,
    over: BorrowedFd<'_>,
    longest: Option<Duration>,
) -> nix::Result<Woken> {
    let mut fds = vec![PollFd::new(over, PollFlags::POLLIN)];
    fds.extend(fd.map(|(fd, events)| PollFd::new(fd, events)));
    // A day at most: a timespec that overflows would be refused, and no run lasts a day.
    let longest =
        longest.map(|longest| TimeSpec::from_duration(longest.min(Duration::from_hours(24))));
    match ppoll(&mut fds, longest, None) {
        Ok(0) => Ok(Woken::TimedOut),
        // The caller tries again in any case, and comes back with the time that is left.
        Err(Errno::EINTR) => Ok(Woken::Ready),
        Err(error) => Err(error),
        Ok(_) if fds.iter().take(1).any(|over| over.any() == Some(true)) => Ok(Woken::Over),
        Ok(_) => Ok(Woken::Ready),
    }
}
