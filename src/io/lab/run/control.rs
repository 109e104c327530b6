//! What the threads of a run tell the one that carries frames, without making it wait.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::lab::Side;
use crate::lab::truth::CallLine;

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io::lab) struct Ended {
    pub(in crate::io::lab) side: Side,
    /// Its name; empty for the host's nameless one.
    pub(in crate::io::lab) program: String,
    /// What went wrong.
    pub(in crate::io::lab) result: Result<(), String>,
}

/// What is new.
#[derive(Debug, Default, PartialEq)]
pub(in crate::io::lab) struct News {
    /// Calls that programs have made.
    pub(in crate::io::lab) calls: Vec<CallLine>,
    /// Programs that have ended.
    pub(in crate::io::lab) ended: Vec<Ended>,
    /// Whoever is told of what happens wants no more.
    pub(in crate::io::lab) unwatched: bool,
}

/// Where it is told.
#[derive(Debug)]
pub(in crate::io::lab) struct Control {
    event: EventFd,
    /// Whether there is any, so that looking for it costs next to nothing.
    any: AtomicBool,
    news: Mutex<News>,
}

impl Control {
    /// With no news.
    ///
    /// # Errors
    ///
    /// When the kernel has no descriptor left.
    pub(in crate::io::lab) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self {
            event: EventFd::from_value_and_flags(0, flags)?,
            any: AtomicBool::new(false),
            news: Mutex::default(),
        })
    }

    /// A program has made a call.
    pub(in crate::io::lab) fn call(&self, call: CallLine) {
        self.tell(|news| news.calls.push(call));
    }

    /// A program has ended.
    pub(in crate::io::lab) fn program_ended(&self, ended: Ended) {
        self.tell(|news| news.ended.push(ended));
    }

    /// Nobody watches any more.
    pub(in crate::io::lab) fn unwatched(&self) {
        self.tell(|news| news.unwatched = true);
    }

    /// Takes what is new.
    pub(in crate::io::lab) fn take(&self) -> News {
        if !self.any.swap(false, Ordering::AcqRel) {
            return News::default();
        }
        // Nothing to read is as good as having read it.
        let _ = self.event.read();
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.any.store(true, Ordering::Release);
        // It only fails when it is readable anyway.
        let _ = self.event.write(1);
    }
}

/// Readable when there is news.
impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
