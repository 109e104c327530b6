//! Which departure an arrival belongs to, by what the packets hold. For captures that nobody kept the
//! truth of.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::digest::Digest;
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

type Places = HashMap<(usize, u64), VecDeque<u64>>;

/// Departures that may still arrive, or arrive again.
#[derive(Debug, Default)]
pub(super) struct Content {
    departed: BTreeMap<u64, Departed>,
    whole: Places,
    name: Places,
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
        let place = self.whole.entry((side, digest.whole)).or_default();
        place.push_back(id);
        if let Some(name) = digest.name {
            self.name.entry((side, name)).or_default().push_back(id);
        }
        let departed = Departed {
            from,
            time,
            digest,
            cut,
            arrived: false,
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
        let same = self.whole.get(&(side, digest.whole));
        let first = same.and_then(|ids| self.first(ids, time));
        let named = || {
            let ids = self.name.get(&(side, digest.name?))?;
            self.first(ids, time)
        };
        // What has changed on the way is more likely the first of its name than a copy of its like.
        let (id, exact) = match first {
            Some(id) => (id, true),
            None => match (named(), same.and_then(|ids| ids.back())) {
                (_, Some(&id)) => (id, true),
                (Some(id), None) => (id, false),
                (None, None) => {
                    let ids = self.name.get(&(side, digest.name?))?;
                    (*ids.back()?, false)
                }
            },
        };
        let departed = self.departed.get_mut(&id)?;
        let copy = std::mem::replace(&mut departed.arrived, true);
        Some(Match {
            id,
            copy,
            changed: !exact && !cut && !departed.cut,
        })
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

    /// Forgets the oldest departure; gives its number and whether it had arrived.
    pub(super) fn forget(&mut self) -> Option<(u64, bool)> {
        let (id, departed) = self.departed.pop_first()?;
        let side = departed.from.index();
        remove(&mut self.whole, (side, departed.digest.whole), id);
        if let Some(name) = departed.digest.name {
            remove(&mut self.name, (side, name), id);
        }
        Some((id, departed.arrived))
    }

    /// Forgets what left before `time`; gives the numbers of those that never arrived.
    pub(super) fn forget_before(&mut self, time: Timestamp) -> Vec<u64> {
        let mut missing = Vec::new();
        while self
            .departed
            .first_key_value()
            .is_some_and(|(_, departed)| departed.time < time)
        {
            missing.extend(
                self.forget()
                    .filter(|(_, arrived)| !arrived)
                    .map(|(id, _)| id),
            );
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
            name: Some(name),
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
        content.arrives(Host::Client, time, digest, false).unwrap()
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
        assert_eq!(content.forget_before(late), [1]);
        assert_eq!(
            (content.len(), content.whole.len(), content.name.len()),
            (0, 0, 0)
        );
    }
}
