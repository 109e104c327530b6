//! The tracer: which probe goes next, what came back for it, and when a hop is done.

mod searching;

use std::collections::VecDeque;
use std::time::Duration;

use super::mtu::{Became, Search};
use super::plan::Plan;
use super::quote::{self, Queued, Reading, Received, plain};
use super::report;
use crate::event::{Answer, Hop, Method, MtuStep, PathMtu, Probe, ProbeState, Trace, TraceEvent};
use crate::frame::Timestamp;
use searching::Pending;

/// A probe to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Its number.
    pub number: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Its flow, from 0.
    pub flow: u16,
    /// Bytes of the IP packet.
    pub size: usize,
    /// Whether it may not be cut into fragments, whatever is known of the path.
    pub whole: bool,
}

/// Why a probe could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It is longer than our own interface takes.
    TooBig {
        /// What that takes, if the kernel said.
        mtu: Option<usize>,
    },
    /// Anything else, in words.
    Refused(String),
}

/// What a connection attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpAnswer {
    /// It was accepted.
    SynAck,
    /// It was refused with RST.
    Reset,
}

/// Where a probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Answered,
    /// Waited for long enough.
    Overdue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Path,
    Mtu,
    Over,
}

/// All that is known of a path.
#[derive(Debug)]
pub struct Tracer {
    plan: Plan,
    probes: Vec<Probe>,
    phases: Vec<Phase>,
    /// How many of them the path took; those after it are the search's.
    path_probes: usize,
    /// The next probe: TTL, and which of its TTL.
    cursor: (u16, u16),
    /// When the next may go.
    next_due: Option<Timestamp>,
    /// Where each flow ended.
    ends: Vec<Option<u8>>,
    waiting: usize,
    /// The next hop to tell, and the next that may still change.
    shown: u16,
    settled: u16,
    stage: Stage,
    stopped: bool,
    /// The last TTL to probe, since routers pass packets round in a circle.
    circle: Option<u16>,
    search: Option<Search>,
    pending: Option<Pending>,
    events: VecDeque<TraceEvent>,
    duplicates: u64,
    unmatched: u64,
    began: Option<Timestamp>,
    latest: Timestamp,
}

impl Tracer {
    /// Nothing sent yet.
    pub fn new(plan: Plan) -> Self {
        let first = u16::from(plan.first);
        Self {
            ends: vec![None; usize::from(plan.flows.max(1))],
            cursor: (first, 0),
            shown: first,
            settled: first,
            plan,
            probes: Vec::new(),
            phases: Vec::new(),
            path_probes: 0,
            next_due: None,
            waiting: 0,
            stage: Stage::Path,
            stopped: false,
            circle: None,
            search: None,
            pending: None,
            events: VecDeque::new(),
            duplicates: 0,
            unmatched: 0,
            began: None,
            latest: Timestamp::default(),
        }
    }

    /// What it is to do.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The next probe, if one is due. It counts as sent at `now`.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Transmit> {
        self.latest = self.latest.max(now);
        match self.stage {
            Stage::Path => self.next_of_path(now),
            Stage::Mtu => self.next_of_search(now),
            Stage::Over => None,
        }
    }

    fn next_of_path(&mut self, now: Timestamp) -> Option<Transmit> {
        let early = self.next_due.is_some_and(|due| now < due);
        if early || self.waiting >= self.plan.in_flight.max(1) {
            return None;
        }
        self.skip_ended();
        let (ttl, nth) = self.cursor;
        if ttl > self.last() {
            return None;
        }
        self.cursor.1 += 1;
        let flow = self.plan.flow(nth);
        self.next_due = (!self.plan.pause.is_zero()).then(|| after(now, self.plan.pause));
        let probe = self.add(now, ttl as u8, flow, self.plan.size)?;
        self.path_probes = self.probes.len();
        Some(probe)
    }

    /// Moves on to the next probe whose flow goes on as far as that.
    fn skip_ended(&mut self) {
        loop {
            let (ttl, nth) = self.cursor;
            if nth >= self.plan.each() {
                self.cursor = (ttl + 1, 0);
                continue;
            }
            if ttl > self.last() || self.is_wanted(ttl, nth) {
                return;
            }
            self.cursor.1 += 1;
        }
    }

    fn is_wanted(&self, ttl: u16, nth: u16) -> bool {
        let end = self
            .ends
            .get(usize::from(self.plan.flow(nth)))
            .copied()
            .flatten();
        end.is_none_or(|end| ttl <= u16::from(end))
    }

    /// The last TTL there is a reason to probe.
    fn last(&self) -> u16 {
        let ends = self.ends.iter().copied().collect::<Option<Vec<u8>>>();
        let end = ends.and_then(|ends| ends.into_iter().max());
        let max = u16::from(self.plan.max).min(self.circle.unwrap_or(u16::MAX));
        end.map_or(max, |end| u16::from(end).min(max))
    }

    fn add(&mut self, now: Timestamp, ttl: u8, flow: u16, size: usize) -> Option<Transmit> {
        let number = u16::try_from(self.probes.len() + 1).ok()?;
        self.began.get_or_insert(now);
        // How long a SYN is, the kernel decides.
        let size = if self.plan.method == Method::Tcp {
            0
        } else {
            size
        };
        self.probes.push(Probe {
            number,
            ttl,
            flow: flow + 1,
            size,
            time: now,
            state: ProbeState::Lost,
            answer: None,
            unsent: None,
        });
        self.phases.push(Phase::Waiting);
        self.waiting += 1;
        Some(Transmit {
            number,
            ttl,
            flow,
            size,
            whole: self.stage == Stage::Mtu,
        })
    }

    /// The port that a TCP probe left from: that is what an error quotes.
    pub fn handle_port(&mut self, number: u16, port: u16) {
        let index = usize::from(number).saturating_sub(1);
        if self.plan.src_ports.len() <= index {
            self.plan.src_ports.resize(index + 1, 0);
        }
        if let Some(it) = self.plan.src_ports.get_mut(index) {
            *it = port;
        }
    }

    /// Takes an ICMP message that was received `lag` before `now`.
    pub fn handle_message(&mut self, now: Timestamp, lag: Duration, got: &Received<'_>) {
        let reading = quote::message(&self.plan, &self.probes, got);
        self.handle(now, lag, reading);
    }

    /// Takes an error from a socket's queue.
    pub fn handle_queued(&mut self, now: Timestamp, lag: Duration, got: &Queued<'_>) {
        let reading = quote::queued(&self.plan, &self.probes, got);
        self.handle(now, lag, reading);
    }

    /// Takes a UDP datagram: somebody serves the port. Of one that does not say which probe it answers,
    /// nothing follows but that.
    pub fn handle_datagram(&mut self, now: Timestamp, lag: Duration, got: &Received<'_>) {
        match self.plan.marked(got.message) {
            Some(number) => {
                let meaning = "UDP answer with our own data";
                self.arrived(now, lag, number, plain(got.from, got.ttl, meaning));
            }
            None => self.unmatched += 1,
        }
    }

    /// Takes what a connection attempt came to. `certain`: the kernel sent the SYN once only.
    pub fn handle_tcp(&mut self, now: Timestamp, number: u16, got: TcpAnswer, certain: bool) {
        let meaning = match got {
            TcpAnswer::SynAck => "SYN-ACK: the port is open",
            TcpAnswer::Reset => "RST: the port is closed",
        };
        let answer = plain(self.plan.target, None, meaning);
        self.settle(
            now,
            Duration::ZERO,
            number,
            ProbeState::Destination,
            answer,
            certain,
        );
    }

    fn arrived(&mut self, now: Timestamp, lag: Duration, number: u16, answer: Answer) {
        let state = if answer.from == self.plan.target {
            ProbeState::Destination
        } else {
            ProbeState::Wrong
        };
        self.settle(now, lag, number, state, answer, true);
    }

    fn handle(&mut self, now: Timestamp, lag: Duration, reading: Reading) {
        match reading {
            Reading::Found(found) => {
                self.settle(now, lag, found.number, found.state, found.answer, true);
            }
            Reading::Vague => self.unmatched += 1,
            Reading::Foreign => {}
        }
    }

    fn settle(
        &mut self,
        now: Timestamp,
        lag: Duration,
        number: u16,
        state: ProbeState,
        mut answer: Answer,
        certain: bool,
    ) {
        self.latest = self.latest.max(now);
        let index = usize::from(number).wrapping_sub(1);
        let (Some(probe), Some(phase)) = (self.probes.get_mut(index), self.phases.get_mut(index))
        else {
            return;
        };
        if *phase == Phase::Answered {
            self.duplicates += 1;
            return;
        }
        let took = now.since(probe.time).saturating_sub(lag);
        // A SYN is sent again after a second.
        let certain = certain && (self.plan.method != Method::Tcp || took < SYN_AGAIN);
        answer.rtt_ns = certain.then(|| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        let late = took > self.plan.wait;
        if *phase == Phase::Waiting {
            self.waiting = self.waiting.saturating_sub(1);
        }
        *phase = Phase::Answered;
        probe.state = if late && state != ProbeState::Wrong {
            ProbeState::Late
        } else {
            state
        };
        probe.answer = Some(answer);
        let probe = probe.clone();
        if index >= self.path_probes {
            return self.answered_search(&probe, state);
        }
        if matches!(state, ProbeState::Destination | ProbeState::Unreachable) {
            self.end_flow(probe.flow, probe.ttl);
        }
        self.look_for_circle(&probe);
        if u16::from(probe.ttl) < self.shown && u16::from(probe.ttl) <= self.last() {
            self.events.push_back(TraceEvent::Late(probe));
        }
        self.tell();
    }

    /// Once routers are seen to pass packets round, longer ways show nothing new.
    fn look_for_circle(&mut self, latest: &Probe) {
        let again = |it: &Probe| it.ttl != latest.ttl && it.from() == latest.from();
        if self.circle.is_none()
            && self.probes.iter().any(again)
            && report::circle(&self.hops()).is_some()
        {
            let begun = u16::from(self.cursor.1 > 0);
            self.circle = Some((self.cursor.0 + begun).saturating_sub(1));
        }
    }

    fn end_flow(&mut self, flow: u16, ttl: u8) {
        let end = self.ends.get_mut(usize::from(flow) - 1);
        if let Some(end) = end {
            *end = Some(end.map_or(ttl, |before| before.min(ttl)));
        }
    }

    /// A probe could not be sent.
    pub fn handle_unsent(&mut self, number: u16, why: Unsent) {
        let index = usize::from(number).wrapping_sub(1);
        let (Some(probe), Some(phase)) = (self.probes.get_mut(index), self.phases.get_mut(index))
        else {
            return;
        };
        if *phase == Phase::Waiting {
            self.waiting = self.waiting.saturating_sub(1);
        }
        *phase = Phase::Answered;
        probe.state = ProbeState::Unsent;
        let (flow, ttl, size) = (probe.flow, probe.ttl, probe.size);
        let mtu = match &why {
            Unsent::TooBig { mtu } => *mtu,
            Unsent::Refused(_) => None,
        };
        probe.unsent = Some(match why {
            Unsent::TooBig { mtu } => {
                let takes = mtu
                    .map(|mtu| format!(", which takes {mtu}"))
                    .unwrap_or_default();
                format!("{size} bytes are too many for our own interface{takes}")
            }
            Unsent::Refused(reason) => reason,
        });
        if index >= self.path_probes {
            return self.became(Became::TooBig(MtuStep {
                from: None,
                hop: Some(0),
                size,
                mtu,
            }));
        }
        // The next one would fare no better.
        self.end_flow(flow, ttl);
        self.tell();
    }

    /// Looks at what is overdue. To be called when all that came has been taken.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
        match self.stage {
            Stage::Path => {
                let wait = self.plan.wait;
                for (probe, phase) in self.probes.iter().zip(&mut self.phases) {
                    if *phase == Phase::Waiting && now.since(probe.time) >= wait {
                        *phase = Phase::Overdue;
                        self.waiting = self.waiting.saturating_sub(1);
                    }
                }
                self.tell();
            }
            Stage::Mtu => {
                if let Some(pending) = self.pending
                    && now >= pending.due
                {
                    self.expire(pending);
                }
            }
            Stage::Over => {}
        }
    }

    /// Tells the hops of which all is known.
    fn tell(&mut self) {
        if self.stage != Stage::Path {
            return;
        }
        while self.shown <= self.last() && self.is_known(self.shown, Phase::Overdue) {
            let hop = self.hop(self.shown);
            self.shown += 1;
            self.events.push_back(TraceEvent::Hop(hop));
        }
        while self.settled < self.shown && self.is_known(self.settled, Phase::Answered) {
            let hop = self.hop(self.settled);
            self.settled += 1;
            self.events.push_back(TraceEvent::Settled(hop));
        }
        if self.shown > self.last() {
            self.end_path();
        }
    }

    /// Whether all probes with that TTL have been sent, and are at least that far.
    fn is_known(&self, ttl: u16, least: Phase) -> bool {
        let sent = self.cursor.0 > ttl
            || self.cursor.0 == ttl
                && (self.cursor.1..self.plan.each()).all(|nth| !self.is_wanted(ttl, nth));
        let phases = self.probes.iter().zip(&self.phases).take(self.path_probes);
        let mut own = phases.filter(|(probe, _)| self.counts(probe, ttl));
        sent && own.all(|(_, &phase)| {
            phase == Phase::Answered || least == Phase::Overdue && phase == Phase::Overdue
        })
    }

    /// Whether a probe belongs to that hop: flows have none beyond their ends.
    fn counts(&self, probe: &Probe, ttl: u16) -> bool {
        let end = self
            .ends
            .get(usize::from(probe.flow) - 1)
            .copied()
            .flatten();
        u16::from(probe.ttl) == ttl && end.is_none_or(|end| probe.ttl <= end)
    }

    fn hop(&self, ttl: u16) -> Hop {
        let path = self.probes.iter().take(self.path_probes);
        Hop {
            ttl: ttl as u8,
            probes: path
                .filter(|probe| self.counts(probe, ttl))
                .cloned()
                .collect(),
        }
    }

    /// All hops that are known, or begun.
    fn hops(&self) -> Vec<Hop> {
        let last = self.last().min(self.cursor.0);
        let all = (u16::from(self.plan.first)..=last).map(|ttl| self.hop(ttl));
        all.filter(|hop| !hop.probes.is_empty()).collect()
    }

    fn end_path(&mut self) {
        let search = self.plan.path_mtu && !self.stopped;
        if search {
            let hops = self.hops();
            let answers = hops.iter().filter(|hop| {
                let good =
                    |it: &Probe| matches!(it.state, ProbeState::Router | ProbeState::Destination);
                hop.probes.iter().any(good)
            });
            let ttls = answers.map(|hop| hop.ttl).collect();
            let search = Search::new(ttls, self.plan.smallest());
            self.stage = Stage::Mtu;
            let done = search.ask().is_none();
            self.search = Some(search);
            self.waiting = 0;
            if !done {
                return;
            }
        }
        self.finish();
    }

    /// Everything is as it is now.
    fn finish(&mut self) {
        self.stage = Stage::Over;
        let last = self.hops().last().map_or(0, |hop| u16::from(hop.ttl));
        while self.settled <= last {
            let hop = self.hop(self.settled);
            if self.settled >= self.shown {
                self.events.push_back(TraceEvent::Hop(hop.clone()));
                self.shown = self.settled + 1;
            }
            self.settled += 1;
            self.events.push_back(TraceEvent::Settled(hop));
        }
    }

    /// When to ask again: for a probe, or for what is overdue. `None`: when something comes.
    pub fn poll_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        match self.stage {
            Stage::Over => None,
            Stage::Mtu => self.pending.map_or(Some(now), |pending| {
                Some(if pending.number == 0 {
                    now
                } else {
                    pending.due
                })
            }),
            Stage::Path => {
                let pairs = self.probes.iter().zip(&self.phases);
                let waiting = pairs.filter(|(_, phase)| **phase == Phase::Waiting);
                let overdue = waiting
                    .map(|(probe, _)| after(probe.time, self.plan.wait))
                    .min();
                let room = self.waiting < self.plan.in_flight.max(1);
                let more = room && self.cursor.0 <= self.last();
                let next = more.then(|| self.next_due.unwrap_or(now));
                overdue.into_iter().chain(next).min()
            }
        }
    }

    /// What happened, one thing at a time.
    pub fn poll_event(&mut self) -> Option<TraceEvent> {
        self.events.pop_front()
    }

    /// Whether there is nothing more to do.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Ends it: what is known is told.
    pub fn stop(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
        if self.stage != Stage::Over {
            self.stopped = self.stage == Stage::Path;
            self.finish();
        }
    }

    /// What came of it.
    pub fn trace(&self) -> Trace {
        report::trace(&report::Known {
            plan: &self.plan,
            hops: &self.hops(),
            probes: self.probes.get(..self.path_probes).unwrap_or_default(),
            stopped: self.stopped,
            path_mtu: self
                .search
                .as_ref()
                .map(|it| -> PathMtu { it.found().clone() }),
            duplicates: self.duplicates,
            unmatched: self.unmatched,
            elapsed: self
                .began
                .map_or(Duration::ZERO, |began| self.latest.since(began)),
        })
    }
}

/// After so long the kernel sends a SYN again (RFC 6298 section 2).
const SYN_AGAIN: Duration = Duration::from_millis(950);

fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}
