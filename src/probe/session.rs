//! The requests to one host: when to send which, whose reply came, and what became of each.
//!
//! A request is open until its state can be taken as final: an answered one until the time for a reply
//! is over, and a second longer than its reply (a duplicate may still come), an unanswered one for ten
//! seconds (a late reply may). Requests
//! are settled in the order in which they were made. A sequence number has 16 bits and starts over; with
//! 8 bytes of data or more, the data tells a late reply to the first request 7 from one to the second.

use std::collections::VecDeque;
use std::time::Duration;

use super::plan::{Pace, Plan};
use super::samples::Samples;
use super::slot::Slot;
use crate::event::{EchoError, EchoEvent, EchoState, EchoStatistics};
use crate::frame::Timestamp;
use crate::wire::echo;

/// How long an unanswered request stays open for a late reply; fping's guard against the reuse of a
/// number is as long.
const GUARD: Duration = Duration::from_secs(10);
/// How long to wait for a reply before there was any, as iputils does.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The least that is waited for a reply by default.
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// Requests open at once: as many as there are sequence numbers.
const MOST_OPEN: usize = 1 << 16;
/// How often a request is tried again that the kernel has no room for.
const TRIES: u32 = 6;

/// A request to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Which, from 1.
    pub count: u64,
    /// The ICMP message.
    pub message: &'a [u8],
}

/// Why a request could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// There is no room just now (`ENOBUFS`, `EAGAIN`): it is tried again, a few times.
    Busy,
    /// Anything else, in words; with the largest packet that would do, if that is known.
    Refused {
        /// What the kernel says.
        reason: String,
        /// The MTU of the path as the kernel knows it.
        mtu: Option<u32>,
    },
}

/// A run of echo requests to one host.
#[derive(Debug)]
pub struct Session {
    pub(super) plan: Plan,
    pub(super) open: VecDeque<Slot>,
    /// The count of the first in `open`.
    pub(super) first: u64,
    /// Requests made.
    pub(super) sent: u64,
    pub(super) started: Option<Timestamp>,
    pub(super) last_event: Timestamp,
    /// When the latest reply came, which the end waits for copies of.
    pub(super) last_reply: Timestamp,
    pub(super) next_due: Option<Timestamp>,
    pub(super) tries: u32,
    /// The highest count with a reply.
    pub(super) highest: u64,
    /// Requests with an end that are in `open`.
    pub(super) ended: u64,
    pub(super) stopped: bool,
    pub(super) samples: Samples,
    /// Round trips by the kernel's clock alone.
    pub(super) kernel: Samples,
    /// How much later than the kernel we had good replies, and of how many that is known.
    pub(super) lag: (u128, u128),
    pub(super) stats: EchoStatistics,
    pub(super) events: VecDeque<EchoEvent>,
    /// Request `written`, as it was handed out.
    pub(super) message: Vec<u8>,
    pub(super) written: u64,
    pub(super) expected: Vec<u8>,
}

impl Session {
    /// A run that has not begun.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            open: VecDeque::new(),
            first: 1,
            sent: 0,
            started: None,
            last_event: Timestamp::default(),
            last_reply: Timestamp::default(),
            next_due: None,
            tries: 0,
            highest: 0,
            ended: 0,
            stopped: false,
            samples: Samples::default(),
            kernel: Samples::default(),
            lag: (0, 0),
            stats: EchoStatistics::default(),
            events: VecDeque::new(),
            message: Vec::new(),
            written: 0,
            expected: Vec::new(),
        }
    }

    /// What it is to be.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The next request, if it is time for one.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Request<'_>> {
        if self.stopped || self.has_sent_all() || now < self.due(now) {
            return None;
        }
        self.advance(now);
        self.last_event = now;
        if let Some(last) = self.open.back()
            && !last.has_end()
        {
            self.events.push_back(EchoEvent::Outstanding {
                count: self.sent,
                seq: self.sent as u16,
                time: now,
            });
        }
        if self.open.len() >= MOST_OPEN {
            self.settle_first();
        }
        self.sent += 1;
        self.open.push_back(Slot::new(now));
        self.schedule(now);
        self.events.push_back(EchoEvent::Sent { count: self.sent });
        let under_way = self.sent + 1 - self.first - self.ended;
        self.stats.pipe = self.stats.pipe.max(under_way);
        let kind = echo::request(self.plan.is_v6());
        let (id, count) = (self.plan.written_id, self.sent);
        self.plan.write(&mut self.message, kind, id, count);
        self.written = count;
        if id == self.plan.id && (!self.plan.is_v6() || self.plan.source.is_some()) {
            echo::seal(&mut self.message, self.plan.ends());
        }
        Some(Request {
            count,
            message: &self.message,
        })
    }

    /// When the next one is due.
    fn due(&self, now: Timestamp) -> Timestamp {
        let Some(due) = self.next_due else { return now };
        let preload = u64::from(if self.tries == 0 {
            self.plan.preload
        } else {
            0
        });
        let least = match self.plan.pace {
            Pace::Steady if self.sent < preload => return now,
            Pace::Steady => return due,
            Pace::Adaptive { least } => least,
            Pace::Flood => Duration::ZERO,
        };
        let mut latest = self
            .open
            .iter()
            .rev()
            .take(self.plan.preload.max(1) as usize);
        match self.open.back() {
            // One that had to be put back waits its time.
            Some(last) if self.tries == 0 && (self.sent < preload || latest.any(Slot::has_end)) => {
                due.min(after(last.sent, least))
            }
            _ => due,
        }
    }

    fn schedule(&mut self, now: Timestamp) {
        // From when it was due, so that lateness does not add up; unless it is too late for that.
        let from = match (self.plan.pace, self.next_due) {
            (Pace::Steady, Some(due)) if self.sent <= u64::from(self.plan.preload) => due,
            (Pace::Steady, Some(due)) if now.since(due) < self.plan.interval => due,
            _ => now,
        };
        self.next_due = Some(after(from, self.plan.interval));
    }

    /// The request just given could not be sent.
    pub fn handle_unsent(&mut self, now: Timestamp, why: Unsent) {
        let (reason, mtu) = match why {
            Unsent::Busy if self.tries < TRIES => {
                self.open.pop_back();
                self.sent = self.sent.saturating_sub(1);
                self.events.retain(
                    |event| !matches!(event, EchoEvent::Sent { count } if *count > self.sent),
                );
                self.next_due = Some(after(now, Duration::from_millis(1 << self.tries)));
                self.tries += 1;
                return;
            }
            Unsent::Busy => ("no buffer space, tried several times".to_owned(), None),
            Unsent::Refused { reason, mtu } => (reason, mtu),
        };
        self.tries = 0;
        self.stats.unsent += 1;
        let error = EchoError {
            from: None,
            icmp: None,
            meaning: reason,
            mtu,
            quote: None,
        };
        self.fail(now, self.sent, error);
    }

    /// The request just given was sent; the call that did it began then.
    pub fn handle_sent(&mut self, began: Timestamp) {
        self.tries = 0;
        if let Some(slot) = self.open.back_mut() {
            slot.sent = began;
        }
    }

    /// How long a reply may take.
    pub fn timeout(&self) -> Duration {
        let seen = Duration::from_nanos(self.samples.max_ns());
        let usual = match self.stats.received {
            0 => FIRST_WAIT,
            _ => seen.saturating_mul(2).max(LEAST_WAIT),
        };
        self.plan.timeout.unwrap_or(usual)
    }

    /// Takes note of the time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.started.get_or_insert(now);
        while let Some(first) = self.open.front()
            && self.open_until(first) <= now
        {
            self.settle_first();
        }
    }

    /// How long a request stays open: an unanswered one for late replies, an answered one for copies, which
    /// come soon after even if it was late.
    fn open_until(&self, slot: &Slot) -> Timestamp {
        let timeout = self.timeout();
        match slot.ended {
            None => after(slot.sent, timeout.max(GUARD)),
            Some(ended) => after(slot.sent, timeout).max(after(ended, timeout.min(LEAST_WAIT))),
        }
    }

    fn settle_first(&mut self) {
        let Some(slot) = self.open.pop_front() else {
            return;
        };
        self.ended -= u64::from(slot.has_end());
        let echo = slot.settle(self.first);
        self.first += 1;
        let state = EchoState::ALL.iter().position(|&it| it == echo.state);
        if let Some(number) = state.and_then(|at| self.stats.states.get_mut(at)) {
            *number += 1;
        }
        self.events.push_back(EchoEvent::Settled(echo));
    }

    /// Takes note that time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.started.is_some() {
            self.advance(now);
        }
    }

    /// Whether there is nothing more to send.
    fn has_sent_all(&self) -> bool {
        match (self.plan.count, self.plan.deadline) {
            (Some(count), None) => self.sent >= count,
            // With a deadline, so many answers are wanted.
            (Some(count), Some(_)) => self.stats.received >= count,
            (None, _) => false,
        }
    }

    /// When the run is over, as far as can be told now; `None`: not by itself.
    fn end(&self) -> Option<Timestamp> {
        let started = self.started?;
        let deadline = self.plan.deadline.map(|long| after(started, long));
        let finished = self.has_sent_all().then(|| {
            let timeout = self.timeout();
            let awaited = |slot: &&Slot| !slot.has_end();
            // A copy follows close behind; who waits for a human notices neither of these.
            let copies = Duration::from_nanos(self.samples.max_ns())
                .clamp(Duration::from_millis(1), Duration::from_millis(100));
            let last = match self.open.iter().rfind(awaited) {
                Some(slot) if self.plan.deadline.is_none() => after(slot.sent, timeout),
                _ => Timestamp::default(),
            };
            last.max(after(self.last_reply, copies))
        });
        finished.into_iter().chain(deadline).min()
    }

    /// When to ask again: for a request, or for the end; `None`: not before something comes.
    pub fn poll_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let due = (!self.stopped && !self.has_sent_all()).then(|| self.due(now));
        due.into_iter().chain(self.end()).min()
    }

    /// Whether it is over; [`Session::stop`] then ends it.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.stopped || self.end().is_some_and(|end| end <= now)
    }

    /// Ends it: what is open is settled as it stands, one by one as it is asked for with
    /// [`Session::poll_event`]; after a flood that is much.
    pub fn stop(&mut self, now: Timestamp) {
        if self.started.is_some() && !self.stopped {
            self.advance(now);
        }
        self.stopped = true;
    }

    /// Whether something is still waited for.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        let timeout = self.timeout();
        self.open.iter().any(|slot| slot.is_awaited(now, timeout))
    }

    /// What happened, in the order in which it did.
    pub fn poll_event(&mut self) -> Option<EchoEvent> {
        if self.stopped && self.events.is_empty() {
            self.settle_first();
        }
        self.events.pop_front()
    }

    /// The figures so far.
    pub fn statistics(&self) -> EchoStatistics {
        let elapsed = self.started.map(|at| self.last_event.nanos_since(at));
        EchoStatistics {
            transmitted: self.sent - self.stats.unsent,
            elapsed_ns: elapsed.unwrap_or(0),
            round_trips: self.samples.figures(),
            kernel: self.kernel.figures(),
            read_lag_ns: (self.lag.0)
                .checked_div(self.lag.1)
                .and_then(|lag| u64::try_from(lag).ok()),
            ..self.stats.clone()
        }
    }
}

pub(super) fn after(time: Timestamp, long: Duration) -> Timestamp {
    let long = u64::try_from(long.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(long))
}
