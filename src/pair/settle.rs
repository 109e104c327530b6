//! What became of a packet, written down: in the timeline, and in the sums.

use super::fates::Settled;
use super::held::Held;
use super::timeline::Verdict;
use super::{Pair, tell};
use crate::event::{Fate, Host, Kind, Origin};

impl Pair {
    /// Writes down what became of these, in order.
    pub(super) fn settle_all(&mut self, all: impl IntoIterator<Item = Settled>) {
        for settled in all {
            self.settle(settled);
        }
    }

    /// An arrival that no departure is known of.
    pub(super) fn lands_alone(&mut self, place: u64, to: Host) {
        let at = self.now;
        self.settle(Settled {
            departure: None,
            arrival: Some((place, to)),
            from: Origin::Unknown,
            packet: None,
            fate: Fate::Unsent,
            fault: None,
            cause: None,
            at,
        });
    }

    /// Writes down what became of a packet.
    pub(super) fn settle(&mut self, settled: Settled) {
        let cause = match (settled.cause, settled.fault) {
            (Some(cause), Some(fault)) => {
                let words = usize::try_from(fault)
                    .ok()
                    .and_then(|at| self.faults.get(at));
                Some(words.map_or(cause.clone(), |words| format!("{cause} ({words})")))
            }
            (cause, _) => cause,
        };
        let mut verdict = Verdict {
            packet: settled.packet.unwrap_or_default(),
            from: settled.from,
            fate: settled.fate,
            fault: settled.fault,
            cause,
            overtaken_by: 0,
        };
        let departure = settled
            .departure
            .and_then(|place| Some((place, self.sent.get_mut(&place)?)));
        let Some((place, sent)) = departure else {
            self.count(&verdict, settled.arrival.map(|(_, to)| to), None, true);
            if let Some((arrival, _)) = settled.arrival {
                self.timeline.lands(arrival, None, verdict);
            }
            return;
        };
        if settled.packet.is_none() {
            verdict.packet = sent.packet;
        }
        sent.settled = true;
        // A copy may have been lost before the packet itself arrives.
        let landed = settled.arrival.is_some();
        let first = !(landed && std::mem::replace(&mut sent.arrived, true));
        let bare = Held::bare(sent.host, sent.frame, sent.time);
        let (from, left) = (sent.host, sent.time);
        let Some((arrival, to)) = settled.arrival else {
            self.count(&verdict, Some(from.other()), None, first);
            self.timeline.loses(place, settled.at, bare, verdict);
            return;
        };
        let kinds: Vec<Kind> = sent.notes.iter().map(|note| note.kind).collect();
        if first {
            verdict.overtaken_by = self.timeline.overtaken(place, to);
        }
        let one_way = settled.at.nanos_since(left);
        self.count(&verdict, Some(to), Some(one_way), first);
        let in_order = first && verdict.overtaken_by == 0;
        self.timeline
            .retain_notes(arrival, |note| tell::is_news(note.kind, &kinds, in_order));
        self.timeline.join(place, arrival, bare, verdict, first);
    }

    /// Adds it up.
    fn count(&mut self, verdict: &Verdict, to: Option<Host>, one_way: Option<u64>, first: bool) {
        let Some(to) = to else { return };
        let crossing = &mut self.crossings[to.other().index()];
        match verdict.fate {
            Fate::Dropped | Fate::Missing => crossing.lost += 1,
            Fate::Flying => crossing.flying += 1,
            Fate::Unsent => crossing.unsent += 1,
            _ => crossing.arrived += 1,
        }
        // The fragments that a router makes of a packet are no copies of it.
        crossing.copies += u64::from(!first && verdict.fate != Fate::Delivered);
        crossing.reordered += u64::from(first && verdict.overtaken_by > 0);
        crossing.corrupted += u64::from(verdict.fate == Fate::Corrupted);
        if let Some(ns) = one_way {
            let bound = |old: Option<u64>, pick: fn(u64, u64) -> u64| {
                Some(old.map_or(ns, |old| pick(old, ns)))
            };
            crossing.fastest_ns = bound(crossing.fastest_ns, u64::min);
            crossing.slowest_ns = bound(crossing.slowest_ns, u64::max);
        }
    }

    /// Settles a departure that nothing more will be known of.
    pub(super) fn gives_up(&mut self, place: u64, fate: Fate) {
        let Some(sent) = self.sent.get(&place).filter(|sent| !sent.settled) else {
            return;
        };
        let (from, at) = (Origin::Host(sent.host), self.now);
        self.settle(Settled {
            departure: Some(place),
            arrival: None,
            from,
            packet: None,
            fate,
            fault: None,
            cause: None,
            at,
        });
    }
}
