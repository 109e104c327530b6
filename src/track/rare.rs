//! What only eventful directions of a connection have: losses, holes, probes, damage.

use super::half::Probe;
use super::holes::Holes;
use super::ranges::RangeSet;
use crate::event::{Stats, Summary};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// State and statistics of a direction in which something out of the ordinary happened.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    /// Its bytes that the other side holds beyond SND.UNA.
    pub sacked: RangeSet,
    /// What it must have sent and was not seen to.
    pub holes: Holes,
    /// SND.NXT when something was sent again: recovery lasts until that is acknowledged (RFC 6582,
    /// RFC 6675).
    pub recovery_until: Option<Seq>,
    /// Frame of the latest duplicate ACK it received.
    pub dup_ack_frame: u64,
    /// The probe it sent last and its frame, until it is answered or something else is sent.
    pub probing: Option<(Probe, u64)>,
    /// Probes of that kind in a row.
    pub probes: u32,
    /// The byte past a probe that carried data beyond a closed window.
    pub probe_end: Option<Seq>,
    /// A segment of its whose checksum is wrong: the receiver discards it, so it is sent again.
    pub spoiled: Option<Spoiled>,
    /// Where its latest segment lay that fits nothing known; a second one near it is believed.
    pub stray: Option<Seq>,
    /// The same of the acknowledgments it received.
    pub stray_ack: Option<Seq>,
    /// Round-trip samples of segments of a full size.
    pub rtt_full: Summary,
    /// The statistics that are rarely touched; the others in it are filled in at the end.
    pub stats: Stats,
}

/// A segment that was sent but can't have been received: its checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// Its first sequence number.
    pub seq: Seq,
    /// The one after its last.
    pub end: Seq,
    /// Its frame.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
}
