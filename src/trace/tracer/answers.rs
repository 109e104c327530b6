//! The tracer's part in what came: which probe it is about, and what that makes of the probe, its flow and
//! the path.

use std::time::Duration;

use super::super::mtu::Became;
use super::super::quote::{self, Queued, Reading, Received, plain};
use super::super::report;
use super::{Phase, TcpAnswer, Tracer, Unsent};
use crate::event::{Answer, Method, MtuStep, Probe, ProbeState, TraceEvent};
use crate::frame::Timestamp;

/// After so long the kernel sends a SYN again (RFC 6298 section 2).
const SYN_AGAIN: Duration = Duration::from_millis(950);

impl Tracer {
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
}
