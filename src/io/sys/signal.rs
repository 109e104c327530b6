//! A signal handler that only notes which signal came and wakes whoever polls.
//!
//! `signalfd` would need the signals blocked, and then a Ctrl-C could not end a program that is
//! stuck writing to a pipe nobody reads. With a handler that takes effect once
//! (`SA_RESETHAND`), the first Ctrl-C asks for a clean end and a second one kills, whatever the
//! program is doing.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Becomes readable when a signal has come.
static EVENT: OnceLock<OwnedFd> = OnceLock::new();
/// The number of the descriptor in [`EVENT`], where a handler can read it without a lock.
static EVENT_NUMBER: AtomicI32 = AtomicI32::new(-1);
/// The number of the signal that came first, 0 while none has.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// Whether the signal that asks for news, and not for an end, has come since it was last looked at.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Notes that news are asked for.
extern "C" fn note_question(_: libc::c_int) {
    ASKED.store(true, Ordering::SeqCst);
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

/// From now on `signal` asks for news each time it comes, and for nothing else. To be called after
/// [`catch`].
///
/// # Errors
///
/// When it cannot be caught.
pub(in crate::io) fn catch_question(signal: Signal) -> io::Result<()> {
    let handler = SigHandler::Handler(note_question);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: `note_question` is async-signal-safe: it stores an atomic and wakes as `note` does.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Whether news were asked for since the last call. The event is quiet again afterwards, unless the end
/// was asked for.
pub(in crate::io) fn was_asked() -> bool {
    if !ASKED.swap(false, Ordering::SeqCst) {
        return false;
    }
    if let Some(event) = EVENT.get() {
        // Not blocking; if nothing is there, nothing has to be taken away.
        let _ = nix::unistd::read(event, &mut [0; 8]);
    }
    // A signal that came in between is not to be slept through.
    if CAUGHT.load(Ordering::SeqCst) != 0 || ASKED.load(Ordering::SeqCst) {
        wake();
    }
    true
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
