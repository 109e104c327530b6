//! The requests to one host: when to send which, whose reply came, and what became of each.
//!
//! A request is open until its state can be taken as final: an answered one until the time for a reply
//! is over (a duplicate may still come), an unanswered one for ten seconds (a late reply may). Requests
//! are settled in the order in which they were made. A sequence number has 16 bits and starts over; with
//! 8 bytes of data or more, the data tells a late reply to the first request 7 from one to the second.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::compare::{compare, is_sound};
use super::plan::{Pace, Plan, TAG};
use super::quote::{Queued, Reported};
use super::samples::Samples;
use super::slot::Slot;
use crate::event::{EchoError, EchoEvent, EchoState, EchoStatistics, Reply, RoundTrip};
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

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// The ICMP message, without IP header.
    pub message: &'a [u8],
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// How long the kernel had it before we did, where it says.
    pub kernel_lag: Option<Duration>,
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
    plan: Plan,
    open: VecDeque<Slot>,
    /// The count of the first in `open`.
    first: u64,
    /// Requests made.
    sent: u64,
    started: Option<Timestamp>,
    last_event: Timestamp,
    /// When the latest reply came, which the end waits for copies of.
    last_reply: Timestamp,
    next_due: Option<Timestamp>,
    tries: u32,
    /// The highest count with a reply.
    highest: u64,
    /// Requests with an end that are in `open`.
    ended: u64,
    stopped: bool,
    samples: Samples,
    /// How much later than the kernel we had good replies, and of how many that is known.
    lag: (u128, u128),
    stats: EchoStatistics,
    events: VecDeque<EchoEvent>,
    message: Vec<u8>,
    expected: Vec<u8>,
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
            lag: (0, 0),
            stats: EchoStatistics::default(),
            events: VecDeque::new(),
            message: Vec::new(),
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
        let least = match self.plan.pace {
            Pace::Steady => return due,
            Pace::Adaptive { least } => least,
            Pace::Flood => Duration::ZERO,
        };
        match self.open.back() {
            // One that had to be put back waits its time.
            Some(last) if last.has_end() && self.tries == 0 => due.min(after(last.sent, least)),
            _ => due,
        }
    }

    fn schedule(&mut self, now: Timestamp) {
        // From when it was due, so that lateness does not add up; unless it is too late for that.
        let from = match (self.plan.pace, self.next_due) {
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
        let error = EchoError {
            from: None,
            icmp: None,
            meaning: reason,
            mtu,
            quote: None,
        };
        self.fail(now, self.sent, error);
    }

    /// The request just given was sent.
    pub const fn handle_sent(&mut self) {
        self.tries = 0;
    }

    /// A message came. Messages that are no reply to a request of this run are ignored.
    pub fn handle_reply(&mut self, now: Timestamp, received: Received<'_>) {
        let Some(message) = echo::Echo::parse(received.message) else {
            return;
        };
        if message.kind != echo::reply(self.plan.is_v6()) || message.id != self.plan.id {
            return;
        }
        self.advance(now);
        let sound = is_sound(&self.plan, received.from, received.message);
        let Some(count) = self.find(message, sound) else {
            self.stats.strays += 1;
            return;
        };
        let timeout = self.timeout();
        let fault = compare(
            &self.plan,
            count,
            received.from,
            received.message,
            &mut self.expected,
        );
        let reordered = count < self.highest;
        self.highest = self.highest.max(count);
        let Some(slot) = self.slot(count) else { return };
        let sent = slot.sent;
        let own_ns = now.nanos_since(sent);
        // A clock that was set between the two readings would make nonsense of it.
        let lag = received.kernel_lag.map(|lag| lag.as_nanos() as u64);
        let lag = lag.filter(|&lag| lag <= own_ns);
        let round_trip = RoundTrip {
            ns: own_ns - lag.unwrap_or(0),
            own_ns,
            by_kernel: lag.is_some(),
        };
        slot.replies += 1;
        let reply = Reply {
            count,
            seq: count as u16,
            time: now,
            from: received.from,
            bytes: received.message.len(),
            ttl: received.ttl,
            round_trip,
            number: slot.replies,
            late: Duration::from_nanos(round_trip.ns) > timeout,
            reordered: reordered && slot.replies == 1,
            fault,
        };
        self.take(now, reply);
    }

    fn take(&mut self, now: Timestamp, reply: Reply) {
        self.last_reply = now;
        let event = EchoEvent::Reply(reply.clone());
        let good = reply.fault.is_none();
        let (number, round_trip) = (reply.number, reply.round_trip);
        let Some(slot) = self.slot(reply.count) else {
            return;
        };
        let (was_received, had_end) = (slot.is_received(), slot.has_end());
        if slot.reply.is_none() || (good && !was_received) {
            slot.reply = Some(Box::new(reply));
        }
        self.ended += u64::from(!had_end);
        self.stats.duplicates += u64::from(number > 1);
        if good && !was_received {
            self.stats.received += 1;
            self.samples.add(round_trip.ns);
            if round_trip.by_kernel {
                self.lag.0 += u128::from(round_trip.own_ns - round_trip.ns);
                self.lag.1 += 1;
            }
        }
        self.events.push_back(event);
    }

    /// Which open request a reply is to.
    fn find(&self, message: echo::Echo<'_>, sound: bool) -> Option<u64> {
        let behind = u64::from((self.sent as u16).wrapping_sub(message.seq));
        let latest = self.sent.checked_sub(behind).filter(|&count| count > 0);
        let is_open = |count: &u64| (self.first..=self.sent).contains(count);
        let tag = (self.plan.size >= TAG)
            .then(|| message.data.get(..TAG)?.try_into().ok())
            .flatten()
            .map(u64::from_be_bytes);
        let Some(tag) = tag.filter(|&tag| Some(tag) != latest) else {
            return latest.filter(is_open);
        };
        let earlier = tag > 0 && tag < self.sent && tag as u16 == message.seq;
        // A late one of an earlier round; or the sequence number is what was damaged.
        if earlier || (!sound && is_open(&tag)) {
            return Some(tag).filter(is_open);
        }
        latest.filter(is_open)
    }

    fn slot(&mut self, count: u64) -> Option<&mut Slot> {
        let index = count.checked_sub(self.first)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    /// An ICMP message came that may quote one of the requests; ignored if it does not.
    pub fn handle_reported(&mut self, now: Timestamp, reported: &Reported<'_>) {
        if let Some((seq, error)) = reported.read(&self.plan) {
            self.blame(now, seq, error);
        }
    }

    /// An error was in the socket's queue; ignored if it is about none of the requests.
    pub fn handle_queued(&mut self, now: Timestamp, queued: &Queued<'_>) {
        if let Some((seq, error)) = queued.read(&self.plan) {
            self.blame(now, seq, error);
        }
    }

    fn blame(&mut self, now: Timestamp, seq: u16, error: EchoError) {
        let behind = u64::from((self.sent as u16).wrapping_sub(seq));
        if let Some(count) = self.sent.checked_sub(behind).filter(|&it| it >= self.first) {
            self.fail(now, count, error);
        }
    }

    /// Puts an error down to a request.
    fn fail(&mut self, now: Timestamp, count: u64, error: EchoError) {
        self.advance(now);
        let Some(slot) = self.slot(count) else { return };
        let had_end = slot.has_end();
        if slot.error.is_none() {
            slot.error = Some(Box::new(error.clone()));
        }
        self.ended += u64::from(!had_end);
        self.stats.errors += 1;
        self.events.push_back(EchoEvent::Error {
            count,
            seq: count as u16,
            time: now,
            error,
        });
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
    fn advance(&mut self, now: Timestamp) {
        self.started.get_or_insert(now);
        self.last_event = self.last_event.max(now);
        while let Some(first) = self.open.front()
            && now.since(first.sent) >= self.open_for(first)
        {
            self.settle_first();
        }
    }

    /// How long a request stays open.
    fn open_for(&self, slot: &Slot) -> Duration {
        if slot.has_end() {
            self.timeout()
        } else {
            self.timeout().max(GUARD)
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

    /// Ends it: what is open is settled as it stands.
    pub fn stop(&mut self, now: Timestamp) {
        if self.started.is_some() && !self.stopped {
            self.advance(now);
        }
        self.stopped = true;
        while !self.open.is_empty() {
            self.settle_first();
        }
    }

    /// Whether something is still waited for.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        let timeout = self.timeout();
        self.open.iter().any(|slot| slot.is_awaited(now, timeout))
    }

    /// What happened, in the order in which it did.
    pub fn poll_event(&mut self) -> Option<EchoEvent> {
        self.events.pop_front()
    }

    /// The figures so far.
    pub fn statistics(&self) -> EchoStatistics {
        let elapsed = self.started.map(|at| self.last_event.nanos_since(at));
        EchoStatistics {
            transmitted: self.sent,
            elapsed_ns: elapsed.unwrap_or(0),
            round_trips: self.samples.figures(),
            read_lag_ns: (self.lag.0)
                .checked_div(self.lag.1)
                .and_then(|lag| u64::try_from(lag).ok()),
            ..self.stats.clone()
        }
    }
}

fn after(time: Timestamp, long: Duration) -> Timestamp {
    let long = u64::try_from(long.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(long))
}
