//! The connections being followed: found by key, capped, and let go when finished, long idle, or
//! when the table is full.
//!
//! No timer runs here. Each new connection pays for looking at a few old ones in passing, so that
//! what is over leaves at the pace at which new ones come, and nothing is done per packet.

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
/// Buckets looked at for each new connection.
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
    /// Sixteen bits of the key's hash: enough to guess by.
    tag: u16,
    rank: Rank,
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

/// Bits of a hash that neither the bucket nor its control byte is chosen by.
const fn tag(hash: u64) -> u16 {
    (hash >> 40) as u16
}

/// The connections being followed.
#[derive(Clone, Debug)]
pub(super) struct Table {
    connections: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    /// The bucket at which the last look at old connections ended.
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
        let hasher = DefaultHashBuilder::default();
        Self {
            connections: HashTable::new(),
            hasher,
            hand: 0,
            cap: cap.max(1),
            spare: None,
            weight: 0,
        }
    }

    /// Connections in it.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Bytes that the connections have beside the kilobyte that each has anyway.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Where the connection of `key` is; good until the table is changed.
    pub(super) fn find(&self, key: &FlowKey) -> Option<usize> {
        self.connections
            .find_bucket_index(self.hasher.hash_one(key), |slot| {
                slot.connection.key == *key
            })
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
        self.connections
            .find_bucket_index(hash, |slot| slot.tag == tag(hash))
    }

    /// The connection at a place that [`Table::find`] or [`Table::insert`] gave.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Connection> {
        self.connections
            .get_bucket(place)
            .map(|slot| &*slot.connection)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Connection> {
        self.connections
            .get_bucket_mut(place)
            .map(|slot| &mut *slot.connection)
    }

    /// Has a segment looked at by the connection at a place, and remembers how that left it.
    pub(super) fn visit<T>(
        &mut self,
        place: usize,
        now: Timestamp,
        look: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        let slot = self.connections.get_bucket_mut(place)?;
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
        let Some(slot) = self.connections.get_bucket_mut(place) else {
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
        let (hasher, hash) = (&self.hasher, self.hasher.hash_one(connection.key));
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
            tag: tag(hash),
        };
        let entry = self
            .connections
            .insert_unique(hash, slot, |slot| hasher.hash_one(slot.connection.key));
        entry.bucket_index()
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, place: usize) -> Option<Box<Connection>> {
        let entry = self.connections.get_bucket_entry(place).ok()?;
        let connection = entry.remove().0.connection;
        self.weight -= connection.weighed as usize;
        Some(connection)
    }

    /// Takes out a connection to save its weight: of the next few that have any the one that is
    /// least to be missed, and the heaviest of those. Never the one at `spare`.
    pub(super) fn shed(&mut self, spare: usize) -> Option<Box<Connection>> {
        let mut best: Option<(Rank, u32, usize)> = None;
        let mut compared = 0;
        for _ in 0..self.connections.num_buckets() {
            let place = self.turn();
            let Some(slot) = self.connections.get_bucket(place) else {
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
        for _ in 0..LOOK_AT.min(self.connections.num_buckets()) {
            let place = self.turn();
            let Some(slot) = self.connections.get_bucket(place) else {
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
        while self.connections.len() >= self.cap {
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

    /// The next bucket in turn.
    fn turn(&mut self) -> usize {
        self.hand = if self.hand + 1 >= self.connections.num_buckets() {
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
        for _ in 0..self.connections.num_buckets() {
            let place = self.turn();
            let Some(slot) = self.connections.get_bucket(place) else {
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
        let mut all: Vec<_> = self
            .connections
            .drain()
            .map(|slot| slot.connection)
            .collect();
        all.sort_by_key(|connection| connection.number);
        all
    }
}
