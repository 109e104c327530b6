//! System calls, each put on record.
//!
//! Sockets are non-blocking underneath, so that whatever blocks can end with the run. To the program,
//! and on record, calls block: one that the kernel has to make wait is made again when the kernel says
//! that it can go on, and counts as one, however often that was.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::failure::{Done, Failure, name};
use super::marks::Moment;
use super::stage::Stage;
use super::wait::{Woken, wait};
use crate::frame::Timestamp;
use crate::io::clock::Stopwatch;
use crate::lab::truth::CallLine;

/// Makes a program's calls and puts them on record.
#[derive(Clone, Copy)]
pub(super) struct Recorder<'a> {
    pub(super) stage: &'a Stage,
    pub(super) program: &'a str,
}

/// What a call is, on record.
pub(super) struct Entry<'a> {
    /// The program's name for its socket.
    pub(super) socket: &'a str,
    /// The system call.
    pub(super) call: &'static str,
    /// Its arguments, for a person.
    pub(super) arguments: String,
    /// What it carried, if it is short.
    pub(super) data: Option<String>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(socket: &'a str, call: &'static str, arguments: impl Into<String>) -> Self {
        Self {
            socket,
            call,
            arguments: arguments.into(),
            data: None,
        }
    }

    pub(super) fn with_data(self, data: Option<String>) -> Self {
        Self { data, ..self }
    }

    /// The call as the start of a sentence.
    fn what(&self) -> String {
        format!("{}({})", self.call, self.arguments)
    }
}

/// How a call that was made ended.
pub(super) enum End<T> {
    Done(T),
    Failed(Errno),
    /// The run was over before it ended.
    Over,
}

/// A call that was made.
pub(super) struct Made<T> {
    pub(super) end: End<T>,
    time: Timestamp,
    blocked: Duration,
}

/// What a call blocks on.
#[derive(Clone, Copy)]
pub(super) struct Blocking<'a> {
    pub(super) fd: BorrowedFd<'a>,
    pub(super) events: PollFlags,
    /// How long it may block at most, and what it ends with then.
    pub(super) limit: Option<(Duration, Errno)>,
}

impl<'a> Blocking<'a> {
    pub(super) const fn until(fd: BorrowedFd<'a>, events: PollFlags) -> Self {
        Self {
            fd,
            events,
            limit: None,
        }
    }
}

impl<T> Made<T> {
    /// The number that the call gave.
    fn number(&self, number: impl Fn(&T) -> i64) -> Made<i64> {
        Made {
            end: match &self.end {
                End::Done(done) => End::Done(number(done)),
                End::Failed(errno) => End::Failed(*errno),
                End::Over => End::Over,
            },
            time: self.time,
            blocked: self.blocked,
        }
    }

    /// What it gave, or why not.
    fn finish(self, what: impl FnOnce() -> String) -> Done<T> {
        match self.end {
            End::Done(done) => Ok(done),
            End::Failed(errno) => Err(Failure::of(what(), errno)),
            End::Over => Err(Failure::Over {
                what: what(),
                blocked: self.blocked,
            }),
        }
    }
}

impl Recorder<'_> {
    /// Makes a call that may block: `act`, and again each time the kernel says that it can go on,
    /// while it ends with `EAGAIN`. Nothing is on record yet.
    pub(super) fn attempt<T>(
        &self,
        on: Blocking<'_>,
        mut act: impl FnMut() -> nix::Result<T>,
    ) -> Made<T> {
        let time = self.stage.now();
        let mut blocked = Duration::ZERO;
        let end = loop {
            if self.stage.over().is_some() {
                break End::Over;
            }
            match act() {
                Ok(done) => break End::Done(done),
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => {}
                Err(errno) => break End::Failed(errno),
            }
            let left = on.limit.map(|(longest, _)| longest.saturating_sub(blocked));
            let watch = Stopwatch::start();
            let woken = wait(Some((on.fd, on.events)), self.stage.over_event(), left);
            blocked += watch.elapsed();
            match woken {
                Ok(Woken::Ready) => {}
                Ok(Woken::Over) => break End::Over,
                Ok(Woken::TimedOut) => {
                    let errno = on.limit.map_or(Errno::EAGAIN, |(_, errno)| errno);
                    break End::Failed(errno);
                }
                Err(errno) => break End::Failed(errno),
            }
        };
        Made { end, time, blocked }
    }

    /// Makes a call that does not block, and puts it on record.
    pub(super) fn at_once<T>(
        &self,
        entry: Entry<'_>,
        act: impl FnOnce() -> nix::Result<T>,
    ) -> Done<T> {
        let time = self.stage.now();
        let end = act().map_or_else(End::Failed, End::Done);
        let made = Made {
            end,
            time,
            blocked: Duration::ZERO,
        };
        self.conclude(made, entry, |_| 0)
    }

    /// Puts a call on record, and gives what it gave.
    pub(super) fn conclude<T>(
        &self,
        made: Made<T>,
        entry: Entry<'_>,
        number: impl Fn(&T) -> i64,
    ) -> Done<T> {
        let what = entry.what();
        self.put(&made.number(number), entry);
        made.finish(|| what)
    }

    /// Puts something on record that took from `time` until now.
    pub(super) fn settle(&self, time: Timestamp, end: Result<i64, Errno>, entry: Entry<'_>) {
        let made = Made {
            end: end.map_or_else(End::Failed, End::Done),
            time,
            blocked: self.stage.now().since(time),
        };
        self.put(&made, entry);
    }

    fn put(&self, made: &Made<i64>, entry: Entry<'_>) {
        self.stage.log(self.line(made, entry));
    }

    fn line(&self, made: &Made<i64>, entry: Entry<'_>) -> CallLine {
        let (result, errno) = match made.end {
            End::Done(number) => (Some(number), None),
            End::Failed(errno) => (None, Some(name(errno))),
            End::Over => (None, None),
        };
        CallLine {
            host: self.stage.side().name().to_owned(),
            program: self.program.to_owned(),
            socket: entry.socket.to_owned(),
            time: made.time,
            call: entry.call.to_owned(),
            arguments: entry.arguments,
            result,
            errno,
            blocked_ns: u64::try_from(made.blocked.as_nanos()).unwrap_or(u64::MAX),
            data: entry.data,
        }
    }

    /// Does nothing for so long; ends with the run. Not on record.
    pub(super) fn pause(&self, long: Duration, what: &str) -> Done {
        self.idle(None, Some(long), what)
    }

    /// Waits for a moment; ends with the run. Not on record.
    pub(super) fn await_moment(&self, moment: &Moment, what: &str) -> Done {
        self.idle(Some(moment), None, what)
    }

    fn idle(&self, moment: Option<&Moment>, long: Option<Duration>, what: &str) -> Done {
        let watch = Stopwatch::start();
        loop {
            let left = long.map(|long| long.saturating_sub(watch.elapsed()));
            let event = moment.map(|moment| (moment.event(), PollFlags::POLLIN));
            let woken = wait(event, self.stage.over_event(), left);
            match woken.map_err(|errno| Failure::of(format!("poll for {what}"), errno))? {
                Woken::TimedOut => return Ok(()),
                Woken::Over => {
                    return Err(Failure::Over {
                        what: what.to_owned(),
                        blocked: watch.elapsed(),
                    });
                }
                // A signal handler may have interrupted it: only the moment itself counts.
                Woken::Ready => {
                    let zero = Some(Duration::ZERO);
                    if event.is_some()
                        && wait(event, self.stage.over_event(), zero) == Ok(Woken::Ready)
                    {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// After so many calls of a step, only groups of calls are on record.
const SINGLY: u32 = 100;
/// Calls of such a group.
const GROUP: u32 = 100;

/// Calls of one step, of which there may be very many: the first are put on record one by one, later
/// ones in groups, with the bytes and the time blocked of all. One that fails has a line of its own.
pub(super) struct Series<'a, 'r> {
    recorder: &'r Recorder<'a>,
    singly: u32,
    group: Option<(CallLine, u32)>,
}

impl<'a, 'r> Series<'a, 'r> {
    pub(super) const fn new(recorder: &'r Recorder<'a>) -> Self {
        Self {
            recorder,
            singly: 0,
            group: None,
        }
    }

    /// Puts a call on record, or into the group, and gives what it gave.
    pub(super) fn conclude<T>(
        &mut self,
        made: Made<T>,
        entry: Entry<'_>,
        number: impl Fn(&T) -> i64,
    ) -> Done<T> {
        let what = entry.what();
        let line = self.recorder.line(&made.number(number), entry);
        let alone = self.singly < SINGLY || line.result.is_none();
        if alone {
            self.flush();
            self.singly += 1;
            self.recorder.stage.log(line);
        } else {
            self.add(line);
        }
        made.finish(|| what)
    }

    fn add(&mut self, line: CallLine) {
        let count = match &mut self.group {
            None => {
                self.group = Some((line, 1));
                return;
            }
            Some((sum, count)) => {
                sum.result = sum
                    .result
                    .zip(line.result)
                    .map(|(a, b)| a.saturating_add(b));
                sum.blocked_ns = sum.blocked_ns.saturating_add(line.blocked_ns);
                *count += 1;
                *count
            }
        };
        if count == GROUP {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some((mut line, count)) = self.group.take() else {
            return;
        };
        if count > 1 {
            line.arguments = format!("{} and the like: {count} calls in one line", line.arguments);
            line.data = None;
        }
        self.recorder.stage.log(line);
    }
}

impl Drop for Series<'_, '_> {
    fn drop(&mut self) {
        self.flush();
    }
}
