//! The connections being followed: found by key, capped, and let go when finished, long idle, or
//! when the table is full.
//!
//! No timer runs here. Each new connection pays for looking at a few old ones in passing, so that
//! what is over leaves at the pace at which new ones come, and nothing is done per packet.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::connection::Connection;
use super::key::FlowKey;
use crate::event::LetGo;
use crate::frame::Timestamp;

/// A finished connection stays this long for its stragglers: 2 MSL (RFC 9293 section 3.4.2).
const LINGER_NS: u64 = 240 * 1_000_000_000;
/// A connection that is silent for this long is let go; keep-alives come every two hours (RFC 1122).
const IDLE_NS: u64 = 3 * 3_600 * 1_000_000_000;
/// Old connections looked at for each new one.
const LOOK_AT: usize = 4;
/// Candidates compared when one must go because the table is full.
const CANDIDATES: usize = 32;

/// The connections being followed.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Option<Box<Connection>>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    hand: usize,
    cap: usize,
    latest: Option<u32>,
}

impl Table {
    /// An empty table for at most `cap` connections.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            hand: 0,
            cap: cap.max(1),
            latest: None,
        }
    }

    /// Connections in it.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The connection of `key`.
    pub(super) fn find(&mut self, key: &FlowKey) -> Option<u32> {
        // Packets of one connection come in a row.
        if let Some(slot) = self.latest
            && self.get(slot).is_some_and(|c| c.key == *key)
        {
            return Some(slot);
        }
        let slots = &self.slots;
        let same = |&slot: &u32| slots[slot as usize].as_ref().is_some_and(|c| c.key == *key);
        self.latest = self.index.find(self.hasher.hash_one(key), same).copied();
        self.latest
    }

    /// The connection in a slot.
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.as_deref()
    }

    /// The connection in a slot, to change it.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The connection in a slot that is known to hold one.
    pub(super) fn occupied(&mut self, slot: u32) -> &mut Connection {
        self.get_mut(slot)
            .expect("a slot just found or filled holds a connection")
    }

    /// Adds a connection whose key is not in the table.
    pub(super) fn insert(&mut self, connection: Connection) -> u32 {
        let hash = self.hasher.hash_one(connection.key);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize] = Some(Box::new(connection));
        let (slots, hasher) = (&self.slots, &self.hasher);
        let rehash = |&slot: &u32| {
            slots[slot as usize]
                .as_ref()
                .map_or(0, |c| hasher.hash_one(c.key))
        };
        self.index.insert_unique(hash, slot, rehash);
        self.latest = Some(slot);
        slot
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Box<Connection>> {
        let connection = self.slots.get_mut(slot as usize)?.take()?;
        let hash = self.hasher.hash_one(connection.key);
        if let Ok(entry) = self.index.find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        self.free.push(slot);
        self.latest = None;
        Some(connection)
    }

    /// Makes room for one more: lets go of what is over among a few, and if the table is full, of
    /// the one that is the least loss.
    pub(super) fn make_room(
        &mut self,
        now: Timestamp,
        mut let_go: impl FnMut(Box<Connection>, LetGo),
    ) {
        for _ in 0..LOOK_AT.min(self.slots.len()) {
            let slot = self.turn();
            let Some(connection) = self.get(slot) else {
                continue;
            };
            let silent = now.nanos_since(connection.last);
            let reason = if connection.is_over() && silent > LINGER_NS {
                LetGo::Finished
            } else if silent > IDLE_NS {
                LetGo::Idle
            } else {
                continue;
            };
            if let Some(connection) = self.remove(slot) {
                let_go(connection, reason);
            }
        }
        while self.len() >= self.cap {
            let Some(connection) = self.least_loss(now).and_then(|slot| self.remove(slot)) else {
                break;
            };
            let reason = if connection.is_over() {
                LetGo::Finished
            } else {
                LetGo::TableFull
            };
            let_go(connection, reason);
        }
    }

    /// The next slot in turn.
    fn turn(&mut self) -> u32 {
        self.hand = if self.hand + 1 >= self.slots.len() {
            0
        } else {
            self.hand + 1
        };
        self.hand as u32
    }

    /// Of the next few connections the one to lose: finished before half-open before open, and the
    /// longest silent among those.
    fn least_loss(&mut self, now: Timestamp) -> Option<u32> {
        let mut best: Option<(u8, u64, u32)> = None;
        let mut seen = 0;
        for _ in 0..self.slots.len() {
            let slot = self.turn();
            let Some(connection) = self.get(slot) else {
                continue;
            };
            let rank = if connection.is_over() {
                2
            } else {
                u8::from(connection.is_embryonic())
            };
            let candidate = (rank, now.nanos_since(connection.last), slot);
            if best.is_none_or(|best| (candidate.0, candidate.1) > (best.0, best.1)) {
                best = Some(candidate);
            }
            seen += 1;
            if seen == CANDIDATES {
                break;
            }
        }
        best.map(|best| best.2)
    }

    #[expect(
        clippy::vec_box,
        reason = "they are boxed already; unboxing would move a kilobyte each"
    )]
    /// Takes out all connections, in order of their number.
    pub(super) fn drain(&mut self) -> Vec<Box<Connection>> {
        self.index.clear();
        self.latest = None;
        let mut all: Vec<_> = self.slots.drain(..).flatten().collect();
        all.sort_by_key(|connection| connection.number);
        self.free.clear();
        all
    }
}
