//! The tracer's part in the search for the path MTU: sends what it asks for, one packet at a time, and
//! tells it what became of each.

use std::net::IpAddr;
use std::time::Duration;

use super::super::mtu::{Became, Search, TRIES};
use super::super::quote;
use super::{Tracer, Transmit, after};
use crate::event::{Answer, MtuStep, Probe, ProbeState, TraceEvent};
use crate::frame::Timestamp;

/// The shortest wait for an answer to a packet that may be too big.
const MTU_WAIT: Duration = Duration::from_millis(300);
/// How much longer than a round trip that wait is.
const PATIENCE: u32 = 4;

/// The packet of the search that is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) number: u16,
    pub(super) tries: u8,
    pub(super) due: Timestamp,
}

impl Tracer {
    pub(super) fn next_of_search(&mut self, now: Timestamp) -> Option<Transmit> {
        let tries = match self.pending {
            Some(pending) if pending.number > 0 => return None,
            Some(pending) => pending.tries,
            None => 0,
        };
        let ask = self.search.as_ref()?.ask()?;
        let transmit = self.add(now, ask.ttl, 0, ask.size)?;
        self.search.as_mut()?.count();
        self.pending = Some(Pending {
            number: transmit.number,
            tries: tries + 1,
            due: after(now, self.search_wait() * (1 << tries)),
        });
        Some(transmit)
    }

    fn search_wait(&self) -> Duration {
        let answers = self
            .probes
            .iter()
            .filter_map(|it| it.answer.as_ref()?.rtt_ns);
        let longest = Duration::from_nanos(answers.max().unwrap_or(0));
        (longest * PATIENCE).max(MTU_WAIT).min(self.plan.wait)
    }

    /// A packet of the search was waited for long enough.
    pub(super) fn expire(&mut self, pending: Pending) {
        if pending.tries >= TRIES {
            return self.became(Became::Silence);
        }
        self.pending = Some(Pending {
            number: 0,
            ..pending
        });
    }

    pub(super) fn answered_search(&mut self, probe: &Probe, state: ProbeState) {
        let asked = self.search.as_ref().and_then(Search::ask);
        let (Some(asked), Some(answer)) = (asked, &probe.answer) else {
            return;
        };
        // An answer to an earlier question is no answer to this one.
        if (asked.ttl, asked.size) != (probe.ttl, probe.size) {
            return;
        }
        let v6 = self.plan.is_v6();
        match state {
            ProbeState::Router | ProbeState::Destination => self.became(Became::Through),
            _ if answer.icmp.is_some_and(|icmp| quote::is_too_big(v6, icmp)) => {
                let step = MtuStep {
                    from: Some(answer.from),
                    hop: self.hop_of(answer.from, probe, answer),
                    size: probe.size,
                    mtu: answer.mtu.and_then(|mtu| usize::try_from(mtu).ok()),
                };
                self.events.push_back(TraceEvent::Mtu(step.clone()));
                self.became(Became::TooBig(step));
            }
            _ => {}
        }
    }

    /// Which hop a router is: as the quoted TTL tells, or by its address.
    fn hop_of(&self, from: IpAddr, probe: &Probe, answer: &Answer) -> Option<u8> {
        let by_ttl = answer
            .quoted_ttl
            .and_then(|left| probe.ttl.checked_sub(left));
        let by_ttl = by_ttl.map(|passed| passed.saturating_add(1));
        let by_address = || {
            let path = self.probes.iter().take(self.path_probes);
            path.filter(|it| it.from() == Some(from))
                .map(|it| it.ttl)
                .min()
        };
        by_ttl.filter(|&hop| hop <= probe.ttl).or_else(by_address)
    }

    pub(super) fn became(&mut self, became: Became) {
        self.pending = None;
        let Some(search) = &mut self.search else {
            return;
        };
        search.tell(became);
        if search.ask().is_none() {
            self.finish();
        }
    }
}
