//! A signal handler that only notes which signal came and wakes whoever polls.
//!
//! `signalfd` would need the signals blocked, and then a Ctrl-C could not end a program that is
//! stuck writing to a pipe nobody reads. With a handler that takes effect once
//! (`SA_RESETHAND`), the first Ctrl-C asks for a clean end and a second one kills, whatever the
//! program is doing.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

/// Becomes readable when a signal has come.
static EVENT: OnceLock<OwnedFd> = OnceLock::new();
/// The number of the descriptor in [`EVENT`], where a handler can read it without a lock.
static EVENT_NUMBER: AtomicI32 = AtomicI32::new(-1);
/// The number of the signal that came first, 0 while none has.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// The signals that ask for something else than an end, and have come since they were last looked at: a bit
/// each, by number.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Its bit in [`ASKED`].
const fn bit(number: libc::c_int) -> u64 {
    1 << (number as u32 % u64::BITS)
}

/// Notes what is asked for.
extern "C" fn note_question(number: libc::c_int) {
    ASKED.fetch_or(bit(number), Ordering::SeqCst);
    wake();
}

/// Notes the signal and wakes pollers. Only async-signal-safe calls: atomics and `write(2)`.
extern "C" fn note(number: libc::c_int) {
    let _ = CAUGHT.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst);
    wake();
}

/// Has it look as if `signal` had come, unless another one has.
pub(in crate::io) fn pretend(signal: Signal) {
    note(signal as libc::c_int);
}

/// Makes the event readable, from within a handler.
fn wake() {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: `errno` belongs to this thread; it is saved so that the interrupted code does not
    // see the value `write` leaves. `write` reads the eight bytes of `one`, and a descriptor that
    // is not open would only make it fail.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        libc::write(
            EVENT_NUMBER.load(Ordering::SeqCst),
            one.as_ptr().cast(),
            one.len(),
        );
        *errno = saved;
    }
}

/// From now on `signal` is noted each time it comes ([`was_asked`]), and does nothing else. To be called after
/// [`catch`].
///
/// # Errors
///
/// When it cannot be caught.
pub(in crate::io) fn catch_question(signal: Signal) -> io::Result<()> {
    let handler = SigHandler::Handler(note_question);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: `note_question` is async-signal-safe: it changes an atomic and wakes as `note` does.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Whether `signal` came since the last call about it. The event is quiet again afterwards, unless something else
/// was asked for.
pub(in crate::io) fn was_asked(signal: Signal) -> bool {
    let asked = bit(signal as libc::c_int);
    if ASKED.fetch_and(!asked, Ordering::SeqCst) & asked == 0 {
        return false;
    }
    if let Some(event) = EVENT.get() {
        // Not blocking; if nothing is there, nothing has to be taken away.
        let _ = nix::unistd::read(event, &mut [0; 8]);
    }
    // A signal that came in between is not to be slept through.
    if CAUGHT.load(Ordering::SeqCst) != 0 || ASKED.load(Ordering::SeqCst) != 0 {
        wake();
    }
    true
}

/// From now on `signal` does nothing: the call that it would have come for says by itself that it failed.
///
/// # Errors
///
/// When it can't be ignored.
pub(in crate::io) fn ignore(signal: Signal) -> io::Result<()> {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler of ours runs; children would ignore it too, and none is started by who calls this.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Stops the process as SIGTSTP does where nobody catches it; comes back when it is to go on.
///
/// # Errors
///
/// When the kernel refuses to have it so.
pub(in crate::io) fn stop() -> io::Result<()> {
    if is_ignored(Signal::SIGTSTP)? {
        return Ok(());
    }
    let usual = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: what it usually does needs no handler.
    let ours = unsafe { sigaction(Signal::SIGTSTP, &usual) }?;
    let stopped = raise(Signal::SIGTSTP);
    // SAFETY: that is what was there before, set by this module or the kernel.
    unsafe { sigaction(Signal::SIGTSTP, &ours) }?;
    Ok(stopped?)
}

/// From now on each of `signals`, the first time it comes, is noted instead of obeyed.
///
/// # Errors
///
/// When the kernel has no descriptor left, or one of them cannot be caught.
pub(in crate::io) fn catch(signals: &[Signal]) -> io::Result<()> {
    if EVENT.get().is_none() {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let fd: OwnedFd = EventFd::from_value_and_flags(0, flags)?.into();
        EVENT_NUMBER.store(EVENT.get_or_init(|| fd).as_raw_fd(), Ordering::SeqCst);
    }
    let action = SigAction::new(
        SigHandler::Handler(note),
        SaFlags::SA_RESTART | SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    for &signal in signals {
        // SAFETY: `note` is async-signal-safe, and no other part of the program sets handlers.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Whether `signal` is ignored now, as `nohup` leaves SIGHUP.
///
/// # Errors
///
/// When the kernel does not tell.
pub(in crate::io) fn is_ignored(signal: Signal) -> io::Result<bool> {
    let mut old = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: with a null new action nothing changes; `old` is a place for the kernel to write to.
    let answer = unsafe { libc::sigaction(signal as i32, std::ptr::null(), old.as_mut_ptr()) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so `old` was written.
    let old = unsafe { old.assume_init() };
    Ok(old.sa_sigaction == libc::SIG_IGN)
}

/// The signal that came first, if one has.
pub(in crate::io) fn caught() -> Option<Signal> {
    Signal::try_from(CAUGHT.load(Ordering::SeqCst)).ok()
}

/// Readable once a signal has come; `None` before [`catch`].
pub(in crate::io) fn event() -> Option<BorrowedFd<'static>> {
    EVENT.get().map(std::os::fd::AsFd::as_fd)
}
