//! Packets that wait at the wire's entrance for later ones to go ahead.

use std::time::Duration;

use super::parcel::{Parcel, after};
use crate::frame::Timestamp;

/// Most packets held at once in a direction; one more lets the oldest go.
const MAX_HELD: usize = 1024;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) parcel: Parcel,
    /// How many have yet to go ahead.
    left: u32,
    /// When it goes at the latest.
    pub(super) deadline: Timestamp,
    /// When the last that has gone ahead will arrive.
    pub(super) behind: Option<Timestamp>,
}

/// What waits in one direction.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// In the order in which it came.
    held: Vec<Held>,
    /// The last packet that has gone ahead: its copies and fragments are no further ones.
    latest: u64,
}

impl Holds {
    /// Whether nothing waits.
    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Lets a packet wait for `packets` later ones, for `timeout` at most.
    pub(super) fn add(&mut self, parcel: Parcel, now: Timestamp, packets: u32, timeout: Duration) {
        if self.held.len() >= MAX_HELD
            && let Some(oldest) = self.held.first_mut()
        {
            oldest.deadline = now;
        }
        self.held.push(Held {
            parcel,
            left: packets,
            deadline: after(now, timeout),
            behind: None,
        });
    }

    /// Notes that a packet has gone ahead and will arrive at `due`.
    pub(super) fn passed(&mut self, packet: u64, connection: Option<u64>, due: Timestamp) {
        let further = u32::from(packet != self.latest);
        self.latest = packet;
        for held in &mut self.held {
            let same = held.parcel.connection.is_none() || held.parcel.connection == connection;
            if same && packet > held.parcel.packet {
                held.left = held.left.saturating_sub(further);
                held.behind = Some(held.behind.map_or(due, |behind| behind.max(due)));
            }
        }
    }

    /// A packet that waits for nothing more.
    pub(super) fn ready(&mut self) -> Option<Held> {
        let index = self.held.iter().position(|held| held.left == 0)?;
        Some(self.held.remove(index))
    }

    /// When the next one goes at the latest.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.held.iter().map(|held| held.deadline).min()
    }

    /// The packet that has waited until `deadline`, the oldest of several.
    pub(super) fn expired(&mut self, deadline: Timestamp) -> Option<Held> {
        let index = self
            .held
            .iter()
            .position(|held| held.deadline <= deadline)?;
        Some(self.held.remove(index))
    }
}
