//! What only eventful directions of a connection have: losses, holes, probes, damage.

use super::holes::Holes;
use super::needless::Resendings;
use super::observation::Probe;
use super::order::Ids;
use super::ranges::RangeSet;
use super::suspect::Suspect;
use crate::event::{Cause, ScaleProof, Stats, Summary};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// State and statistics of a direction in which something out of the ordinary happened.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    /// What showed best how large the scale of its windows is at least.
    pub scale_proof: Option<ScaleProof>,
    /// Its bytes that the other side holds beyond SND.UNA.
    pub sacked: RangeSet,
    /// What it must have sent and was not seen to.
    pub holes: Holes,
    /// SND.NXT when something was sent again: recovery lasts until that is acknowledged (RFC 6582,
    /// RFC 6675).
    pub recovery_until: Option<Seq>,
    /// The segment that it sent again last.
    pub repeated: Option<(Seq, Seq)>,
    /// When it last sent something again after silence, or may have, or went on with that.
    pub unasked_at: Option<Timestamp>,
    /// Whether it counts its packets.
    pub ids: Ids,
    /// What the recovery it is in was judged to be driven by.
    pub recovery_cause: Option<Cause>,
    /// Timeouts since something new was acknowledged.
    pub timeouts: u8,
    /// Whether its timer ran out where a tail loss probe would have come before (RFC 8985 section 7).
    pub makes_no_probes: bool,
    /// What it sent again lately.
    pub resendings: Resendings,
    /// Frames of the latest duplicate ACKs it received, the last at the end; 0 before there were as many.
    pub dup_ack_frames: [u64; 3],
    /// When the latest third duplicate ACK in a row came.
    pub third_dup_ack_at: Option<Timestamp>,
    /// The timestamp of the ACK with which the other side began to tell of what it holds beyond SND.UNA (SACK).
    pub told_with: Option<u32>,
    /// The frame of the latest ACK that told of more of that.
    pub told_in: u64,
    /// The same timestamp of the latest third duplicate ACK in a row.
    pub third_dup_ack_with: Option<u32>,
    /// The probe it sent last and its frame, until it is answered or something else is sent.
    pub probing: Option<(Probe, u64)>,
    /// The kind of its latest probe, and how many of that kind there were in a row.
    pub probes: (Option<Probe>, u32),
    /// The latest packet of its that was captured twice: its numbers, and the frame of the copy.
    pub copied: Option<(Seq, Seq, u64)>,
    /// Whether any was captured twice at once.
    pub copied_at_once: bool,
    /// Whether it has sent data where its FIN stands: then that was damage, or forged.
    pub fin_refuted: bool,
    /// Whether its FIN came with its SYN, and does not count before the handshake is through.
    pub fin_waits: bool,
    /// The byte past a probe that carried data beyond a closed window.
    pub probe_end: Option<Seq>,
    /// The latest word from the path that its packets are too long.
    pub too_big: Option<TooBig>,
    /// A segment of its whose checksum is wrong: the receiver discards it, so it is sent again.
    pub spoiled: Option<Spoiled>,
    /// Where its latest segment lay that fits nothing known; a second one near it is believed.
    pub stray: Option<Seq>,
    /// The same of the acknowledgments it received.
    pub stray_ack: Option<Seq>,
    /// A segment of its that its receiver must not simply take, until that says something.
    pub suspect: Option<Suspect>,
    /// Statistics that are rarely touched.
    pub counts: RareCounts,
}

/// What is counted of eventful segments. See [`Stats`] for what each figure means.
#[derive(Clone, Debug, Default)]
pub struct RareCounts {
    pub(super) sacks: u32,
    pub(super) dsacks: u32,
    pub(super) urgent_packets: u32,
    pub(super) urgent_bytes: u64,
    pub(super) retransmitted_packets: u32,
    pub(super) retransmitted_bytes: u64,
    pub(super) retransmission_time: Summary,
    pub(super) probe_packets: u32,
    pub(super) probe_bytes: u64,
    pub(super) out_of_order_packets: u32,
    pub(super) capture_duplicates: u32,
    pub(super) bad_checksums: u32,
    pub(super) zero_windows: u32,
    pub(super) truncated_packets: u32,
    pub(super) truncated_bytes: u64,
    pub(super) ambiguous_acks: u32,
    pub(super) post_loss_acks: u32,
    pub(super) duplicate_acks: u32,
    pub(super) triple_duplicate_acks: u32,
    pub(super) max_sack_blocks: u8,
    pub(super) max_retransmissions: u8,
}

impl Rare {
    /// Whether nothing is going on that the next segment could be part of.
    pub(super) fn is_quiet(&self) -> bool {
        let whole = self.sacked.is_empty() && self.holes.is_empty() && self.spoiled.is_none();
        let believed = self.stray.is_none() && self.suspect.is_none();
        let unasked = self.probing.is_none() && self.probes == (None, 0);
        whole && believed && unasked && !self.fin_waits && self.recovery_until.is_none()
    }

    /// Whether a FIN came with its SYN, and does not count yet.
    pub(super) fn has_fin_waiting(&self) -> bool {
        self.fin_waits && !self.fin_refuted
    }

    /// Bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.holes.weight() + self.sacked.weight() + self.resendings.weight()
    }

    /// Puts these statistics among the others.
    pub(super) fn fill_in(&self, stats: &mut Stats) {
        let c = &self.counts;
        (stats.sacks, stats.dsacks, stats.max_sack_blocks) = (c.sacks, c.dsacks, c.max_sack_blocks);
        (stats.urgent_packets, stats.urgent_bytes) = (c.urgent_packets, c.urgent_bytes);
        stats.retransmitted_packets = c.retransmitted_packets;
        stats.retransmitted_bytes = c.retransmitted_bytes;
        stats.retransmission_time = c.retransmission_time;
        stats.max_retransmissions = c.max_retransmissions;
        (stats.probe_packets, stats.probe_bytes) = (c.probe_packets, c.probe_bytes);
        stats.out_of_order_packets = c.out_of_order_packets;
        stats.capture_duplicates = c.capture_duplicates;
        stats.bad_checksums = c.bad_checksums;
        stats.zero_windows = c.zero_windows;
        (stats.truncated_packets, stats.truncated_bytes) = (c.truncated_packets, c.truncated_bytes);
        (stats.ambiguous_acks, stats.post_loss_acks) = (c.ambiguous_acks, c.post_loss_acks);
        stats.duplicate_acks = c.duplicate_acks;
        stats.triple_duplicate_acks = c.triple_duplicate_acks;
        stats.missed_bytes = self.holes.missing();
    }
}

/// A router said that a packet is too long for its next link (RFC 1191, RFC 8201).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig {
    /// The frame of its message.
    pub frame: u64,
    /// When that was captured.
    pub time: Timestamp,
    /// The longest IP packet that passes, in bytes; 0 where the router does not tell.
    pub mtu: u32,
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
