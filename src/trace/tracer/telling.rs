//! The tracer's part in telling: hops of which all is known, and the end.

use super::super::mtu::Search;
use super::{Phase, Stage, Tracer};
use crate::event::{Hop, Probe, ProbeState, TraceEvent};

impl Tracer {
    /// Tells the hops of which all is known.
    pub(super) fn tell(&mut self) {
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
    pub(super) fn hops(&self) -> Vec<Hop> {
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
    pub(super) fn finish(&mut self) {
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
}
