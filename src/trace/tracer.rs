//! The tracer: which probe goes next, what came back for it, and when a hop is done.

mod answers;
mod searching;
mod telling;

use std::collections::VecDeque;
use std::time::Duration;

use super::mtu::Search;
use super::plan::Plan;
use super::report;
use crate::event::{Method, PathMtu, Probe, ProbeState, Trace, TraceEvent};
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

fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}
