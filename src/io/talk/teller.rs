//! Tells calls as they end, with the frames that were captured meanwhile.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::{TalkError, Tell, Told};
use crate::frame::Timestamp;
use crate::io::clock::Steady;
use crate::io::errno::name;
use crate::io::live::Live;
use crate::sockets::Watched;
use crate::talk::{CallLine, Lacking, Message, of_errno};

/// So long after the last thing that happened it is a moment of rest.
const REST: Duration = Duration::from_millis(250);

/// Tells what happens to whoever wants to know.
pub struct Teller<'a> {
    tell: Tell<'a>,
    clock: Steady,
    host: &'static str,
    /// The port that was asked for or is talked to, for advice.
    pub(super) port: u16,
    capture: Option<Live>,
    /// When something was told last, since the last moment of rest.
    fresh: Option<Timestamp>,
}

impl std::fmt::Debug for Teller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// A call that has ended.
pub(super) struct Ended<'s> {
    pub(super) socket: &'s str,
    pub(super) call: &'static str,
    pub(super) arguments: String,
    /// When it was made.
    pub(super) time: Timestamp,
    /// How long it blocked.
    pub(super) blocked: Duration,
    /// What it carried.
    pub(super) data: Option<String>,
}

/// What a call returned, as a number.
pub(super) trait Returned {
    /// That number, as the C library has it.
    fn number(&self) -> i64;
}

impl Returned for () {
    fn number(&self) -> i64 {
        0
    }
}

impl Returned for OwnedFd {
    fn number(&self) -> i64 {
        self.as_raw_fd().into()
    }
}

impl<'a> Teller<'a> {
    /// For the calls of `host`: `server` or `client`.
    pub fn new(host: &'static str, clock: Steady, tell: Tell<'a>) -> Self {
        Self {
            tell,
            clock,
            host,
            port: 0,
            capture: None,
            fresh: None,
        }
    }

    /// Tells the frames of this capture too, between the calls.
    pub fn captures(&mut self, capture: Live) {
        self.capture = Some(capture);
    }

    /// Says which port advice is about.
    pub const fn asked_for(&mut self, port: u16) {
        self.port = port;
    }

    pub(super) fn here(&mut self, at: SocketAddr) -> Result<(), TalkError> {
        Ok((self.tell)(Told::Here(at))?)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn capture(&self) -> Option<BorrowedFd<'_>> {
        self.capture.as_ref().map(Live::descriptor)
    }

    /// A call that does not block: makes it and tells it.
    pub(super) fn at_once<T: Returned>(
        &mut self,
        socket: &str,
        call: &'static str,
        arguments: impl Into<String>,
        act: impl FnOnce() -> nix::Result<T>,
    ) -> Result<nix::Result<T>, TalkError> {
        let time = self.now();
        let made = act();
        let ended = Ended {
            socket,
            call,
            arguments: arguments.into(),
            time,
            blocked: Duration::ZERO,
            data: None,
        };
        self.call(ended, made.as_ref().map(Returned::number).map_err(|it| *it))?;
        Ok(made)
    }

    /// The same, where nothing can go on if it fails.
    pub(super) fn must<T: Returned>(
        &mut self,
        socket: &str,
        call: &'static str,
        arguments: impl Into<String>,
        act: impl FnOnce() -> nix::Result<T>,
    ) -> Result<T, TalkError> {
        let arguments = arguments.into();
        let what = format!("{call} {arguments}");
        let made = self.at_once(socket, call, arguments, act)?;
        made.map_err(|errno| TalkError::refused(what, errno))
    }

    /// Tells a call, and what it brought about on the network.
    pub(super) fn call(
        &mut self,
        ended: Ended<'_>,
        end: Result<i64, Errno>,
    ) -> Result<(), TalkError> {
        self.line(ended, end.map(Some))
    }

    /// Tells a call that was given up: it has neither result nor error.
    pub(super) fn given_up(&mut self, ended: Ended<'_>) -> Result<(), TalkError> {
        self.line(ended, Ok(None))
    }

    fn line(&mut self, ended: Ended<'_>, end: Result<Option<i64>, Errno>) -> Result<(), TalkError> {
        let errno = end.err().map(name);
        let advice = errno
            .as_deref()
            .map_or_else(Vec::new, |errno| of_errno(ended.call, errno, self.port));
        let line = CallLine {
            host: self.host.to_owned(),
            program: String::new(),
            socket: ended.socket.to_owned(),
            time: ended.time,
            call: ended.call.to_owned(),
            arguments: ended.arguments,
            result: end.ok().flatten(),
            errno,
            blocked_ns: u64::try_from(ended.blocked.as_nanos()).unwrap_or(u64::MAX),
            data: ended.data,
        };
        self.fresh = Some(self.clock.now());
        (self.tell)(Told::Call(&line, &advice))?;
        if line.call == "send" && line.result.is_some() {
            // What it carried comes first.
            return Ok(());
        }
        self.frames()
    }

    pub(super) fn message(&mut self, message: &Message) -> Result<(), TalkError> {
        self.fresh = Some(self.clock.now());
        (self.tell)(Told::Message(message))?;
        self.frames()
    }

    pub(super) fn remark(&mut self, socket: &str, text: &str) -> Result<(), TalkError> {
        self.fresh = Some(self.clock.now());
        let now = self.now();
        Ok((self.tell)(Told::Remark(socket, now, text))?)
    }

    pub(super) fn lacking(
        &mut self,
        socket: &str,
        lacking: &Lacking,
        instead: Option<&str>,
    ) -> Result<(), TalkError> {
        self.fresh = Some(self.clock.now());
        let now = self.now();
        Ok((self.tell)(Told::Lacking(socket, now, lacking, instead))?)
    }

    /// Tells what is in the buffers; that is nothing that has happened.
    pub(super) fn buffers(&mut self, now: Timestamp, all: &[Watched]) -> Result<(), TalkError> {
        Ok((self.tell)(Told::Buffers(now, all))?)
    }

    /// Tells the frames that were captured so far.
    pub(super) fn frames(&mut self) -> Result<(), TalkError> {
        let Some(capture) = &mut self.capture else {
            return Ok(());
        };
        loop {
            match capture.frame_now() {
                Ok(Some(frame)) => {
                    self.fresh = Some(self.clock.now());
                    (self.tell)(Told::Frame(&frame))?;
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    // The talk goes on without it.
                    self.capture = None;
                    return self.remark("", &format!("No more segments: {error}."));
                }
            }
        }
    }

    pub(super) fn pause(&mut self) -> Result<(), TalkError> {
        Ok((self.tell)(Told::Pause)?)
    }

    /// The process is about to stop, and others will have the terminal.
    pub(super) fn stopping(&mut self) -> Result<(), TalkError> {
        Ok((self.tell)(Told::Stopping)?)
    }

    /// How long it still takes to a moment of rest, where one is to be told.
    pub(super) fn until_rest(&self) -> Option<Duration> {
        self.fresh
            .map(|fresh| REST.saturating_sub(self.now().since(fresh)))
    }

    pub(super) fn idle(&mut self) -> Result<(), TalkError> {
        self.fresh = None;
        Ok((self.tell)(Told::Idle)?)
    }
}
