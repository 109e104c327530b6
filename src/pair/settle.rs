//! What became of a packet, written down: in the timeline, and in the sums.

use super::content::Forgotten;
use super::digest::Range;
use super::fates::Settled;
use super::held::Held;
use super::parts::Piece;
use super::timeline::Verdict;
use super::{HORIZON, Join, Pair, tell};
use crate::event::{Fate, Host, Kind, Origin};
use crate::frame::Timestamp;

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
        let fate = if self.is_outside(at, to.other(), false) {
            Fate::Uncaptured
        } else {
            Fate::Unsent
        };
        self.settle(Settled {
            departure: None,
            arrival: Some((place, to)),
            from: Origin::Unknown,
            packet: None,
            fate,
            fault: None,
            cause: None,
            captured_as: None,
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
            changes: Vec::new(),
            captured_as: settled.captured_as,
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
        if landed {
            let both = [left, settled.at];
            let spans = self.shown[from.index()].get_or_insert(both.map(|time| [time; 2]));
            for ([first, last], time) in spans.iter_mut().zip(both) {
                *first = time.min(*first);
                *last = time.max(*last);
            }
        }
        let Some((arrival, to)) = settled.arrival else {
            self.count(&verdict, Some(from.other()), None, first);
            self.timeline.loses(place, settled.at, bare, verdict);
            return;
        };
        if self.join == Join::ByContent {
            verdict.changes = self.timeline.changes(place, arrival);
            let grave = verdict.changes.iter().any(|change| !change.usual);
            // What is damaged too was not mended by what changed it.
            let mended = match verdict.fate {
                Fate::Delivered | Fate::Reordered => true,
                Fate::Corrupted => !self.timeline.is_damaged(arrival),
                _ => false,
            };
            if mended && grave {
                verdict.fate = Fate::Altered;
            }
        }
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
            Fate::Uncaptured => crossing.uncaptured += 1,
            // One packet arrives once, as however many segments it is captured.
            _ if !first && verdict.captured_as.is_some() => {}
            _ if matches!(verdict.from, Origin::Router(_)) => crossing.from_routers += 1,
            _ => crossing.arrived += 1,
        }
        // The fragments that a router makes of a packet are no copies of it.
        crossing.copies += u64::from(!first && verdict.fate != Fate::Delivered);
        crossing.reordered += u64::from(first && verdict.overtaken_by > 0);
        crossing.corrupted += u64::from(verdict.fate == Fate::Corrupted);
        crossing.altered += u64::from(verdict.fate == Fate::Altered);
        if let Some(ns) = one_way {
            let bound = |old: Option<u64>, pick: fn(u64, u64) -> u64| {
                Some(old.map_or(ns, |old| pick(old, ns)))
            };
            crossing.fastest_ns = bound(crossing.fastest_ns, u64::min);
            crossing.slowest_ns = bound(crossing.slowest_ns, u64::max);
        }
    }

    /// Whether a packet was outside of what the capture of `host` covers: that left at `time` for it, or
    /// that arrived then and left there.
    fn is_outside(&self, time: Timestamp, host: Host, left: bool) -> bool {
        let Some(meeting) = &self.meeting else {
            return false;
        };
        let Some([first, last]) = meeting.spans.map(|spans| spans[host.index()]) else {
            return false;
        };
        let from = if left { host.other() } else { host };
        let shown = self.shown[from.index()].map(|spans| spans[usize::from(!left)]);
        // What left, or arrived, between others that both captures show is covered, however long it took.
        if shown.is_some_and(|[first, last]| first <= time && time <= last) {
            return false;
        }
        let quickest = meeting.quickest_ns[from.index()];
        if left {
            let slowest = self.crossings[from.index()].slowest_ns;
            let by_now = |way: u64| time.as_nanos().saturating_add(way);
            return by_now(quickest) < first.as_nanos()
                || by_now(slowest.unwrap_or(quickest)) > last.as_nanos();
        }
        let earliest = time.as_nanos().saturating_sub(quickest);
        // Before the first that is known to have left within the capture, all may have left before it.
        let begins = time.since(first) < HORIZON && shown.is_none_or(|[first, _]| time < first);
        begins || earliest < first.as_nanos() || earliest > last.as_nanos()
    }

    /// Data arrives in other pieces than it left in.
    pub(super) fn in_pieces(&mut self, ids: &[u64], range: Range, piece: Piece) {
        let Some((&owner, others)) = ids.split_first() else {
            return;
        };
        if self.content.takes(owner, range, Some(piece)) {
            let pieces = self.content.pieces(owner);
            self.settle_pieces(owner, &pieces);
        }
        for &other in others {
            if self.content.takes(other, range, None) {
                let pieces = self.content.pieces(other);
                if pieces.is_empty() {
                    self.merges(other, piece);
                } else {
                    self.settle_pieces(other, &pieces);
                }
            }
        }
    }

    /// Writes down the pieces in which a packet arrived.
    pub(super) fn settle_pieces(&mut self, departure: u64, pieces: &[Piece]) {
        let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        for piece in pieces {
            let near = if count == 1 { piece.of } else { 1 };
            self.settle(Settled {
                departure: Some(departure),
                arrival: Some((piece.place, piece.host)),
                from: Origin::Host(piece.host.other()),
                packet: None,
                fate: Fate::Delivered,
                fault: None,
                cause: None,
                captured_as: Some([near, count]).filter(|both| *both != [1, 1]),
                at: piece.time,
            });
        }
    }

    /// A packet arrived in one with others.
    fn merges(&mut self, place: u64, piece: Piece) {
        let Some(sent) = self.sent.get_mut(&place) else {
            return;
        };
        sent.settled = true;
        sent.arrived = true;
        let mut verdict = Verdict::plain(sent.packet, Origin::Host(sent.host), Fate::Delivered);
        verdict.captured_as = Some([piece.of, 1]);
        let bare = Held::bare(sent.host, sent.frame, sent.time);
        let there = Held::bare(piece.host, piece.frame, piece.time);
        let one_way = piece.time.nanos_since(sent.time);
        self.count(&verdict, Some(piece.host), Some(one_way), true);
        self.timeline.merges(place, there, bare, verdict);
    }

    /// Of these not all has arrived, and no more will.
    pub(super) fn forgets(&mut self, all: impl IntoIterator<Item = Forgotten>) {
        for Forgotten { id, pieces, .. } in all {
            if pieces.is_empty() {
                self.gives_up(id, Fate::Missing);
            } else {
                self.settle_pieces(id, &pieces);
            }
        }
    }

    /// Settles a departure that nothing more will be known of.
    pub(super) fn gives_up(&mut self, place: u64, fate: Fate) {
        let Some(sent) = self.sent.get(&place).filter(|sent| !sent.settled) else {
            return;
        };
        let (host, left) = (sent.host, sent.time);
        let (from, at) = (Origin::Host(host), self.now);
        let fate = if fate == Fate::Missing && self.is_outside(left, host.other(), true) {
            Fate::Uncaptured
        } else {
            fate
        };
        self.settle(Settled {
            departure: Some(place),
            arrival: None,
            from,
            packet: None,
            fate,
            fault: None,
            cause: None,
            captured_as: None,
            at,
        });
    }
}
