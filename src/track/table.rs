//! The connections being followed: found by key, capped, and let go when finished, long idle, or
//! when the table is full.
//!
//! No timer runs here. Each new connection pays for looking at a few old ones in passing, so that
//! what is over leaves at the pace at which new ones come, and nothing is done per packet.
//!
//! Hashes are salted, so that nobody can write a capture whose connections all meet in one bucket. What is let go
//! must not depend on that salt: a capture that is read twice, or by two commands, is to be told of in the same
//! words. So connections stand in a row, each at the place that became free last, and the row is what is gone
//! through to find one to let go; the hash table only tells places.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::connection::Connection;
use super::key::FlowKey;
use crate::event::LetGo;
use crate::frame::Timestamp;

/// A finished connection stays this long for its stragglers: 2 MSL (RFC 9293 section 3.4.2).
const LINGER: u32 = coarse(240 * 1_000_000_000);
/// A connection that is silent for this long is let go; keep-alives come every two hours (RFC 1122).
const IDLE: u32 = coarse(3 * 3_600 * 1_000_000_000);
/// Places looked at for each new connection.
const LOOK_AT: usize = 8;
/// Candidates compared when one must go because the table is full.
const CANDIDATES: usize = 32;

/// A connection, and beside it what decides whether to keep it: looking for one to let go would
/// otherwise drag connections through the cache that are not at issue.
#[derive(Clone, Debug)]
struct Slot {
    connection: Box<Connection>,
    /// When its latest segment came, in units of 2^30 nanoseconds (about a second).
    seen: u32,
    rank: Rank,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug)]
struct Entry {
    place: u32,
    /// Thirty-two bits of the key's hash: enough to guess by.
    tag: u32,
}

/// How little a connection would be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Open,
    HalfOpen,
    Over,
}

impl Slot {
    /// Remembers when a segment came, and what the connection weighs after it as part of the sum of all.
    #[inline]
    fn was_visited(&mut self, now: Timestamp, sum: &mut usize) {
        self.seen = self.seen.max(coarse(now.as_nanos()));
        let weight = self.connection.weight();
        let before = std::mem::replace(&mut self.connection.weighed, weight);
        *sum = *sum - before as usize + weight as usize;
    }
}

/// A moment in units of 2^30 nanoseconds.
const fn coarse(nanos: u64) -> u32 {
    (nanos >> 30) as u32
}

/// Bits of a hash, most of which neither the bucket nor its control byte is chosen by.
const fn tag(hash: u64) -> u32 {
    (hash >> 24) as u32
}

/// The connections being followed.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The connections, and places that are free.
    slots: Vec<Option<Slot>>,
    /// The free ones, the one that became free last at the end.
    free: Vec<u32>,
    entries: HashTable<Entry>,
    hasher: DefaultHashBuilder,
    /// The place at which the last look at old connections ended.
    hand: usize,
    cap: usize,
    /// The box of the connection let go last, for the next new one: when each makes room for another,
    /// memory would fall to pieces.
    spare: Option<Box<Connection>>,
    /// What the connections weigh together: see [`Connection::weight`].
    weight: usize,
}

impl Table {
    /// An empty table for at most `cap` connections.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            entries: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            hand: 0,
            cap: cap.max(1),
            spare: None,
            weight: 0,
        }
    }

    /// Connections in it.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that the connections have beside the kilobyte that each has anyway.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Where the connection of `key` is; good until that one is let go.
    pub(super) fn find(&self, key: &FlowKey) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        let is_it = |entry: &Entry| {
            entry.tag == tag(hash)
                && self
                    .get(entry.place as usize)
                    .is_some_and(|at| at.key == *key)
        };
        let entry = self.entries.find(hash, is_it)?;
        Some(entry.place as usize)
    }

    /// Whether the connection of `key` is at a place. Wherever a place was learned, and whatever has become
    /// of the table since, the answer is right: no two connections share a key.
    #[inline]
    pub(super) fn is_at(&self, place: usize, key: &FlowKey) -> bool {
        self.get(place).is_some_and(|at| at.key == *key)
    }

    /// What [`Table::guess`] goes by.
    #[inline]
    pub(super) fn hash(&self, key: &FlowKey) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Where the connection whose key has that hash probably is, without having looked at it.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<usize> {
        let entry = self.entries.find(hash, |entry| entry.tag == tag(hash))?;
        Some(entry.place as usize)
    }

    #[inline]
    fn slot(&self, place: usize) -> Option<&Slot> {
        self.slots.get(place)?.as_ref()
    }

    /// The connection at a place that [`Table::find`] or [`Table::insert`] gave.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Connection> {
        self.slot(place).map(|slot| &*slot.connection)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(place)?.as_mut();
        slot.map(|slot| &mut *slot.connection)
    }

    /// Has a segment looked at by the connection at a place, and remembers how that left it.
    pub(super) fn visit<T>(
        &mut self,
        place: usize,
        now: Timestamp,
        look: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        let slot = self.slots.get_mut(place)?.as_mut()?;
        let found = look(&mut slot.connection);
        slot.was_visited(now, &mut self.weight);
        slot.rank = if slot.connection.is_over() {
            Rank::Over
        } else if slot.connection.is_embryonic() {
            Rank::HalfOpen
        } else {
            Rank::Open
        };
        Some(found)
    }

    /// The same for a segment that leaves the connection as open as it was, if `look` takes it; tells whether
    /// it does.
    #[inline]
    pub(super) fn pass(
        &mut self,
        place: usize,
        now: Timestamp,
        look: impl FnOnce(&mut Connection) -> bool,
    ) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(place) else {
            return false;
        };
        let passes = look(&mut slot.connection);
        if passes {
            slot.was_visited(now, &mut self.weight);
        }
        passes
    }

    /// Adds a connection whose key is not in the table, and tells its place.
    pub(super) fn insert(&mut self, connection: Connection) -> usize {
        let hash = self.hasher.hash_one(connection.key);
        let seen = coarse(connection.start.as_nanos());
        let connection = match self.spare.take() {
            Some(mut place) => {
                *place = connection;
                place
            }
            None => Box::new(connection),
        };
        let slot = Slot {
            connection,
            seen,
            rank: Rank::HalfOpen,
        };
        let free = self.free.pop().map(|place| place as usize);
        let place = free.unwrap_or(self.slots.len());
        if let Some(empty) = self.slots.get_mut(place) {
            *empty = Some(slot);
        } else {
            // A quarter more at a time: with twice as much, half of it might never be needed.
            if self.slots.len() == self.slots.capacity() {
                self.slots.reserve_exact((self.slots.len() / 4).max(64));
            }
            self.slots.push(Some(slot));
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        let entry = Entry {
            place: place as u32,
            tag: tag(hash),
        };
        self.entries.insert_unique(hash, entry, |entry| {
            let slot = slots.get(entry.place as usize).and_then(Option::as_ref);
            slot.map_or(0, |slot| hasher.hash_one(slot.connection.key))
        });
        place
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, place: usize) -> Option<Box<Connection>> {
        let connection = self.slots.get_mut(place)?.take()?.connection;
        let hash = self.hasher.hash_one(connection.key);
        let is_it = |entry: &Entry| entry.place as usize == place;
        if let Ok(entry) = self.entries.find_entry(hash, is_it) {
            entry.remove();
        }
        self.free.push(place as u32);
        self.weight -= connection.weighed as usize;
        Some(connection)
    }

    /// Takes out a connection to save its weight: of the next few that have any the one that is
    /// least to be missed, and the heaviest of those. Never the one at `spare`.
    pub(super) fn shed(&mut self, spare: usize) -> Option<Box<Connection>> {
        let mut best: Option<(Rank, u32, usize)> = None;
        let mut compared = 0;
        for _ in 0..self.slots.len() {
            let place = self.turn();
            let Some(slot) = self.slot(place) else {
                continue;
            };
            let weight = slot.connection.weighed;
            if weight == 0 || place == spare {
                continue;
            }
            best = best.max(Some((slot.rank, weight, place)));
            compared += 1;
            if compared == CANDIDATES {
                break;
            }
        }
        self.remove(best?.2)
    }

    /// Makes room for one more: lets go of what is over among a few, and if the table is full, of
    /// the one that is the least loss.
    pub(super) fn make_room(&mut self, now: Timestamp, mut let_go: impl FnMut(&Connection, LetGo)) {
        let now = coarse(now.as_nanos());
        for _ in 0..LOOK_AT.min(self.slots.len()) {
            let place = self.turn();
            let Some(slot) = self.slot(place) else {
                continue;
            };
            let silent = now.saturating_sub(slot.seen);
            let reason = if slot.rank == Rank::Over && silent > LINGER {
                LetGo::Finished
            } else if silent > IDLE {
                LetGo::Idle
            } else {
                continue;
            };
            if let Some(connection) = self.remove(place) {
                let_go(&connection, reason);
                self.spare = Some(connection);
            }
        }
        while self.len() >= self.cap {
            let Some(connection) = self.least_loss().and_then(|place| self.remove(place)) else {
                break;
            };
            let reason = if connection.is_over() {
                LetGo::Finished
            } else {
                LetGo::TableFull
            };
            let_go(&connection, reason);
            self.spare = Some(connection);
        }
    }

    /// The next place in turn.
    fn turn(&mut self) -> usize {
        self.hand = if self.hand + 1 >= self.slots.len() {
            0
        } else {
            self.hand + 1
        };
        self.hand
    }

    /// Of the next few connections the one to lose: finished before half-open before open, and the
    /// longest silent among those.
    fn least_loss(&mut self) -> Option<usize> {
        let mut best: Option<(Rank, Reverse<u32>, usize)> = None;
        let mut compared = 0;
        for _ in 0..self.slots.len() {
            let place = self.turn();
            let Some(slot) = self.slot(place) else {
                continue;
            };
            best = best.max(Some((slot.rank, Reverse(slot.seen), place)));
            compared += 1;
            if compared == CANDIDATES {
                break;
            }
        }
        best.map(|best| best.2)
    }

    /// Takes out all connections, in order of their number.
    #[expect(
        clippy::vec_box,
        reason = "they are boxed already; unboxing would move a kilobyte each"
    )]
    pub(super) fn drain(&mut self) -> Vec<Box<Connection>> {
        self.weight = 0;
        self.entries.clear();
        self.free.clear();
        let slots = self.slots.drain(..).flatten();
        let mut all: Vec<_> = slots.map(|slot| slot.connection).collect();
        all.sort_by_key(|connection| connection.number);
        all
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::analysis::{Analysis, Limits};
    use crate::event::{Event, LetGo};
    use crate::frame::{Frame, LinkType, Timestamp};

    /// A SYN or a segment with a byte, from one of many ports.
    fn frame(port: u16, flags: u8, byte: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let len = 40 + byte.len() as u8;
        bytes.extend([0x45, 0, 0, len, 0, 0, 0, 0, 64, 6, 0, 0]);
        bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, flags, 4, 0, 0, 0, 0, 0]);
        bytes.extend(byte);
        bytes
    }

    /// The connections in the order in which they are let go, and why.
    fn let_go(limits: Limits) -> Vec<(u32, LetGo)> {
        let (mut analysis, mut all) = (Analysis::new(limits), Vec::new());
        for number in 1..4_000_u64 {
            // New ports again and again, and old ones now and then.
            let port = (number * 7919 % 3_001) as u16;
            let (flags, payload): (u8, &[u8]) = match number % 5 {
                0 => (4, b""),
                1 => (16, b"x"),
                _ => (2, b""),
            };
            let bytes = frame(port, flags, payload);
            let frame = Frame {
                number,
                time: Timestamp::from_nanos(number * 300_000_000),
                link_type: LinkType::ETHERNET,
                interface: 0,
                original_len: bytes.len() as u32,
                bytes: &bytes,
                comment: None,
            };
            let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
                if let Event::Flow(flow) = event {
                    all.push((flow.flow, flow.let_go));
                }
                Ok(())
            });
            let Ok(()) = done;
        }
        all
    }

    #[test]
    fn what_is_let_go_does_not_depend_on_the_salt_of_hashes() {
        let crowded = Limits {
            connections: 200,
            ..Limits::default()
        };
        let heavy = Limits {
            details: 3_000,
            ..Limits::default()
        };
        for limits in [crowded, heavy] {
            // Each analysis has a salt of its own.
            let first = let_go(limits);
            let full = first.iter().filter(|(_, why)| *why == LetGo::TableFull);
            assert!(full.count() > 100, "{}", first.len());
            for _ in 0..3 {
                assert!(let_go(limits) == first, "let go differently");
            }
        }
    }
}
