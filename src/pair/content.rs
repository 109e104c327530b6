//! Which departure an arrival belongs to, by what the packets hold. For captures that nobody kept the
//! truth of.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::digest::{Digest, Range};
use super::parts::{Parts, Piece};
use crate::event::Host;
use crate::frame::Timestamp;

/// Packets that are alike to the last bit and this far apart are a packet and its repetition, of which
/// the first may have been lost; closer ones are a burst. RFC 6298 has timers of a second, Linux of 200 ms.
const REPETITION_NS: u64 = 150_000_000;

/// A packet that left.
#[derive(Debug)]
struct Departed {
    from: Host,
    time: Timestamp,
    digest: Digest,
    /// Whether the capture cut it, so that its bytes can't be compared.
    cut: bool,
    arrived: bool,
    /// What of it has arrived in other pieces than it left.
    parts: Parts,
}

/// What an arrival is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// The departure, by the number it was given.
    pub(super) id: u64,
    /// Whether it had arrived before, so that this is a copy.
    pub(super) copy: bool,
    /// Whether it is not what left.
    pub(super) changed: bool,
}

/// A departure that is no longer waited for.
#[derive(Debug)]
pub(super) struct Forgotten {
    pub(super) id: u64,
    pub(super) arrived: bool,
    /// What has arrived of it and is not told yet.
    pub(super) pieces: Vec<Piece>,
}

/// Of a sender: the departures of each key.
type Places = HashMap<(usize, u64), VecDeque<u64>>;

/// Departures that may still arrive, or arrive again.
#[derive(Debug, Default)]
pub(super) struct Content {
    departed: BTreeMap<u64, Departed>,
    places: Places,
    /// Of each stream, data that has not arrived whole.
    open: HashMap<(usize, u64), BTreeSet<u64>>,
}

impl Content {
    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.departed.len()
    }

    /// A packet leaves; `id` is higher than any before.
    pub(super) fn departs(
        &mut self,
        id: u64,
        from: Host,
        time: Timestamp,
        digest: Digest,
        cut: bool,
    ) {
        let side = from.index();
        for key in digest.keys() {
            self.places.entry((side, key)).or_default().push_back(id);
        }
        if let Some(range) = digest.range {
            self.open
                .entry((side, range.stream))
                .or_default()
                .insert(id);
        }
        let departed = Departed {
            from,
            time,
            digest,
            cut,
            arrived: false,
            parts: Parts::default(),
        };
        self.departed.insert(id, departed);
    }

    /// A packet from `from` arrives at the other host.
    pub(super) fn arrives(
        &mut self,
        from: Host,
        time: Timestamp,
        digest: Digest,
        cut: bool,
    ) -> Option<Match> {
        let side = from.index();
        let certain = [Some(digest.whole), digest.head];
        let (id, exact) = self.find(side, time, certain.into_iter().flatten(), digest.whole)?;
        Some(self.found(id, exact, cut))
    }

    /// The same, of one that has changed on the way: what is left of it to know it by.
    pub(super) fn arrives_changed(
        &mut self,
        from: Host,
        time: Timestamp,
        digest: Digest,
        cut: bool,
    ) -> Option<Match> {
        let side = from.index();
        let names = digest.names.into_iter().flatten();
        let waiting = names.clone().find_map(|name| {
            let ids = self.places.get(&(side, name))?;
            self.first(ids, time)
        });
        // What has changed on the way is more likely the first of its name than a copy of its like.
        let latest = |name| self.places.get(&(side, name))?.back().copied();
        let id = waiting.or_else(|| latest(digest.names[0]?))?;
        Some(self.found(id, false, cut))
    }

    fn found(&mut self, id: u64, exact: bool, cut: bool) -> Match {
        let mut found = Match {
            id,
            copy: false,
            changed: !exact && !cut,
        };
        if let Some(departed) = self.departed.get_mut(&id) {
            found.copy = std::mem::replace(&mut departed.arrived, true);
            found.changed &= !departed.cut;
        }
        self.close(id);
        found
    }

    /// The first that waits under one of these keys, or else the latest; and whether all of it is the
    /// same.
    fn find(
        &self,
        side: usize,
        time: Timestamp,
        keys: impl Iterator<Item = u64>,
        whole: u64,
    ) -> Option<(u64, bool)> {
        let mut latest = None;
        for key in keys {
            let Some(ids) = self.places.get(&(side, key)) else {
                continue;
            };
            if let Some(id) = self.first(ids, time) {
                return Some((id, key == whole));
            }
            latest = latest.or_else(|| Some((*ids.back()?, key == whole)));
        }
        latest
    }

    /// Data that arrives in other pieces than it left, as captures before segmentation by the network
    /// card or after merging show it: the departures that it is of, oldest first. Empty for none.
    pub(super) fn overlapped(&self, from: Host, range: Range) -> Vec<u64> {
        let Some(open) = self.open.get(&(from.index(), range.stream)) else {
            return Vec::new();
        };
        let same = |own: Range| own.seq == range.seq && own.len == range.len;
        let mut ids = Vec::new();
        for &id in open {
            let Some((departed, own)) = self
                .departed
                .get(&id)
                .and_then(|it| Some((it, it.digest.range?)))
            else {
                continue;
            };
            // What was sent at once has one timestamp; a retransmission has another, mostly.
            let other = own.stamp.zip(range.stamp).is_some_and(|(a, b)| a != b);
            if !other && !same(own) && departed.parts.lacks(own, range) {
                ids.push(id);
            }
        }
        ids
    }

    /// Puts an arrival down as a part of a departure; `piece` when it is to be told with it. Whether all
    /// of the departure has arrived now.
    pub(super) fn takes(&mut self, id: u64, range: Range, piece: Option<Piece>) -> bool {
        let Some(departed) = self.departed.get_mut(&id) else {
            return false;
        };
        let Some(own) = departed.digest.range else {
            return false;
        };
        departed.parts.take(own, range, piece);
        let all = departed.parts.is_all(own);
        if all {
            departed.arrived = true;
            self.close(id);
        }
        all
    }

    /// The pieces of a departure that are still to be told.
    pub(super) fn pieces(&mut self, id: u64) -> Vec<Piece> {
        let departed = self.departed.get_mut(&id);
        departed.map_or_else(Vec::new, |it| std::mem::take(&mut it.parts.pieces))
    }

    /// A departure waits for no more data.
    fn close(&mut self, id: u64) {
        let Some(departed) = self.departed.get(&id) else {
            return;
        };
        if let Some(range) = departed.digest.range {
            let key = (departed.from.index(), range.stream);
            if let Some(open) = self.open.get_mut(&key) {
                open.remove(&id);
                if open.is_empty() {
                    self.open.remove(&key);
                }
            }
        }
    }

    /// The first of these that has not arrived, or the repetition that is more likely to have.
    fn first(&self, ids: &VecDeque<u64>, time: Timestamp) -> Option<u64> {
        let mut waiting = ids.iter().filter_map(|id| {
            let departed = self.departed.get(id).filter(|d| !d.arrived)?;
            Some((*id, departed.time))
        });
        let mut found = waiting.next()?;
        for next in waiting {
            if next.1 > time || next.1.nanos_since(found.1) < REPETITION_NS {
                break;
            }
            found = next;
        }
        Some(found.0)
    }

    /// Forgets the oldest departure.
    pub(super) fn forget(&mut self) -> Option<Forgotten> {
        let id = *self.departed.first_key_value()?.0;
        self.close(id);
        let departed = self.departed.remove(&id)?;
        let side = departed.from.index();
        for key in departed.digest.keys() {
            remove(&mut self.places, (side, key), id);
        }
        Some(Forgotten {
            id,
            arrived: departed.arrived,
            pieces: departed.parts.pieces,
        })
    }

    /// The departure that an arrival is kept as a piece of.
    pub(super) fn owner(&self, place: u64) -> Option<u64> {
        let has = |it: &Departed| it.parts.pieces.iter().any(|piece| piece.place == place);
        self.departed
            .iter()
            .find(|(_, it)| has(it))
            .map(|(&id, _)| id)
    }

    /// Forgets what left before `time`; gives those of which not all has arrived.
    pub(super) fn forget_before(&mut self, time: Timestamp) -> Vec<Forgotten> {
        let mut missing = Vec::new();
        while self
            .departed
            .first_key_value()
            .is_some_and(|(_, departed)| departed.time < time)
        {
            missing.extend(self.forget().filter(|it| !it.arrived));
        }
        missing
    }
}

fn remove(places: &mut Places, key: (usize, u64), id: u64) {
    if let Some(ids) = places.get_mut(&key) {
        ids.retain(|&other| other != id);
        if ids.is_empty() {
            places.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn digest(whole: u64, name: u64) -> Digest {
        Digest {
            whole,
            head: None,
            names: [Some(name + 100), None],
            numbers_only: false,
            range: None,
        }
    }

    fn sent(times: &[(u64, Digest)]) -> Content {
        let mut content = Content::default();
        for (id, (ms, digest)) in (1..).zip(times) {
            let time = Timestamp::from_nanos(ms * MS);
            content.departs(id, Host::Client, time, *digest, false);
        }
        content
    }

    fn arrives(content: &mut Content, ms: u64, digest: Digest) -> Match {
        let time = Timestamp::from_nanos(ms * MS);
        let same = content.arrives(Host::Client, time, digest, false);
        same.or_else(|| content.arrives_changed(Host::Client, time, digest, false))
            .unwrap()
    }

    fn found(id: u64, copy: bool, changed: bool) -> Match {
        Match { id, copy, changed }
    }

    #[test]
    fn an_arrival_is_the_first_of_its_like_and_then_a_copy() {
        let mut content = sent(&[(0, digest(1, 1)), (1, digest(2, 2)), (2, digest(1, 1))]);
        assert_eq!(
            arrives(&mut content, 10, digest(2, 2)),
            found(2, false, false)
        );
        assert_eq!(
            arrives(&mut content, 11, digest(1, 1)),
            found(1, false, false)
        );
        assert_eq!(
            arrives(&mut content, 12, digest(1, 1)),
            found(3, false, false)
        );
        assert_eq!(
            arrives(&mut content, 13, digest(1, 1)),
            found(3, true, false)
        );
        let late = Timestamp::from_nanos(14 * MS);
        let stranger = content.arrives(Host::Client, late, digest(9, 9), false);
        assert_eq!(stranger, None);
    }

    #[test]
    fn what_changed_on_the_way_is_known_by_its_name() {
        let mut content = sent(&[(0, digest(1, 7)), (1, digest(2, 8))]);
        assert_eq!(
            arrives(&mut content, 10, digest(5, 7)),
            found(1, false, true)
        );
        assert_eq!(
            arrives(&mut content, 11, digest(6, 7)),
            found(1, true, true)
        );
    }

    #[test]
    fn of_a_packet_and_its_repetition_the_one_that_left_later_arrived() {
        let mut content = sent(&[(0, digest(1, 1)), (200, digest(1, 1)), (600, digest(1, 1))]);
        assert_eq!(
            arrives(&mut content, 210, digest(1, 1)),
            found(2, false, false)
        );
        assert_eq!(
            arrives(&mut content, 610, digest(1, 1)),
            found(3, false, false)
        );
        let late = Timestamp::from_nanos(1000 * MS);
        let missing = content.forget_before(late);
        assert_eq!(missing.iter().map(|it| it.id).collect::<Vec<_>>(), [1]);
        assert_eq!(
            (content.len(), content.places.len(), content.open.len()),
            (0, 0, 0)
        );
    }
}
