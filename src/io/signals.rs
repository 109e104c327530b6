//! Ctrl-C and its kin, as something a loop can wait for beside its input.

use std::io;
use std::os::fd::BorrowedFd;

use nix::sys::signal::Signal;

use super::sys::signal;

/// The signals that ask for an end. The first of each ends the work cleanly: the file completed,
/// the summary printed. The second of its kind kills at once.
///
/// A handle on something of which a process has one; copies are the same thing.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    event: BorrowedFd<'static>,
}

impl Signals {
    /// Catches SIGINT, SIGTERM and SIGQUIT from now on, and SIGHUP unless it is ignored: `nohup`
    /// was asked for then.
    ///
    /// # Errors
    ///
    /// When the kernel has no descriptor left.
    pub fn catch() -> io::Result<Self> {
        let mut signals = vec![Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT];
        if !signal::is_ignored(Signal::SIGHUP)? {
            signals.push(Signal::SIGHUP);
        }
        signal::catch(&signals)?;
        let event = signal::event().ok_or_else(|| io::Error::other("no signal descriptor"))?;
        Ok(Self { event })
    }

    /// The same, but SIGQUIT asks for news ([`Signals::was_asked`]) and not for an end, as `ping` has it.
    ///
    /// # Errors
    ///
    /// As [`Signals::catch`].
    pub fn catch_with_questions() -> io::Result<Self> {
        let signals = Self::catch()?;
        signal::catch_question(Signal::SIGQUIT)?;
        Ok(signals)
    }

    /// Whether SIGQUIT came since this was last asked.
    pub fn was_asked(self) -> bool {
        signal::was_asked(Signal::SIGQUIT)
    }

    /// The same as [`Signals::catch`], with all other signals that would end a process and leave the terminal as it is
    /// just then. SIGCONT is noted ([`Signals::was_continued`]), for who had the terminal in between may have left
    /// it otherwise, and so is SIGTSTP ([`Signals::is_to_stop`]). SIGXFSZ does nothing: that a file may not become
    /// larger is told by the call that writes.
    ///
    /// # Errors
    ///
    /// As [`Signals::catch`].
    pub fn catch_for_screen() -> io::Result<Self> {
        let signals = Self::catch()?;
        signal::catch(&[
            Signal::SIGUSR1,
            Signal::SIGUSR2,
            Signal::SIGALRM,
            Signal::SIGVTALRM,
            Signal::SIGPROF,
            Signal::SIGXCPU,
            Signal::SIGIO,
            Signal::SIGPWR,
        ])?;
        signal::ignore(Signal::SIGXFSZ)?;
        signal::catch_question(Signal::SIGCONT)?;
        signals.catch_stop()?;
        Ok(signals)
    }

    /// Has SIGTSTP noted ([`Signals::is_to_stop`]), unless it is ignored: what is on the terminal can be taken away
    /// before [`Signals::stop`].
    ///
    /// # Errors
    ///
    /// As [`Signals::catch`].
    pub fn catch_stop(self) -> io::Result<()> {
        if signal::is_ignored(Signal::SIGTSTP)? {
            return Ok(());
        }
        signal::catch_question(Signal::SIGTSTP)
    }

    /// Whether SIGCONT came since this was last asked.
    pub fn was_continued(self) -> bool {
        signal::was_asked(Signal::SIGCONT)
    }

    /// Whether SIGTSTP came since this was last asked: Ctrl-Z, where the terminal makes signals of keys, or somebody's
    /// `kill`.
    pub fn is_to_stop(self) -> bool {
        signal::was_asked(Signal::SIGTSTP)
    }

    /// Stops the process until somebody has it go on.
    ///
    /// # Errors
    ///
    /// When the kernel does not allow it.
    pub fn stop(self) -> io::Result<()> {
        signal::stop()
    }

    /// Has everybody who waits for a signal end, as if one had come.
    pub fn end(self) {
        signal::pretend(Signal::SIGINT);
    }

    /// The first signal that came, by name.
    pub fn caught(self) -> Option<&'static str> {
        signal::caught().map(Signal::as_str)
    }

    /// Readable once a signal has come, and then forever; to poll, not to read.
    pub(in crate::io) const fn event(self) -> BorrowedFd<'static> {
        self.event
    }
}
