//! One direction of a connection: what one side sent, and what it said it can take.

use super::holes::Holes;
use super::ranges::RangeSet;
use super::sent::SentList;
use crate::event::{Cause, Stats, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// How the zero point of the relative numbers is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// Nothing of this side's numbers is known.
    #[default]
    Unknown,
    /// From the other side's acknowledgments only: this side was not seen to send.
    Acked,
    /// From a segment in mid-stream: its first byte counts as 1.
    MidStream,
    /// From its SYN, which counts as 0.
    Syn,
}

/// A probe of the other side: a segment that is there for its answer, not for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Against a closed window (RFC 9293 section 3.8.6.1).
    ZeroWindow,
    /// To see whether anybody is there (RFC 9293 section 3.8.4).
    KeepAlive,
}

/// What one side of a connection sent, and what it said it can take.
#[derive(Clone, Debug, Default)]
pub struct Half {
    /// RFC 9293 state of this side.
    pub state: TcpState,
    /// How `base` is known.
    pub base_from: Base,
    /// The sequence number that counts as 0.
    pub base: Seq,
    /// The lowest sequence number that can be judged: what comes before it was sent before the
    /// capture began, or was never seen.
    pub floor: Seq,
    /// SND.NXT as far as seen: one past the highest sequence number sent.
    pub nxt: Seq,
    /// SND.UNA: the highest acknowledgment of the other side.
    pub una: Seq,
    /// The frame that brought `una`.
    pub una_frame: u64,
    /// When that came.
    pub una_time: Timestamp,
    /// One past the highest sequence number seen: `nxt` unless acknowledgments tell of more.
    pub seen_end: Seq,
    /// Where its latest segment lay that fits nothing known; a second one near it is believed.
    pub stray: Option<Seq>,
    /// The same of the acknowledgments it received.
    pub stray_ack: Option<Seq>,
    /// Sequence number of its FIN.
    pub fin: Option<Seq>,
    /// Whether the other side has acknowledged anything at all.
    pub acked: bool,
    /// Whether it has sent a SYN-ACK.
    pub answered: bool,

    /// Last acknowledgment number it sent; `None` before the first.
    pub last_ack: Option<Seq>,
    /// Last window field it sent, as on the wire; `None` before the first.
    pub window_field: Option<u16>,
    /// The same in bytes; `None` while the scale is unknown.
    pub window: Option<u32>,
    /// Shift for its windows; `None` while unknown. 0 until both SYNs offered the option.
    pub shift: Option<u8>,
    /// The right edge it offered last: acknowledgment plus window, where both are known.
    pub edge: Option<Seq>,

    /// Duplicate ACKs in a row that it has received.
    pub dup_acks: u32,
    /// Frame of the latest of them.
    pub dup_ack_frame: u64,
    /// When it came.
    pub dup_ack_time: Timestamp,
    /// SND.NXT when loss was inferred (third duplicate ACK, or a segment sent again): recovery
    /// lasts until that is acknowledged (RFC 6582, RFC 6675).
    pub recovery_until: Option<Seq>,
    /// What that recovery was judged to be driven by.
    pub recovery_cause: Option<Cause>,
    /// Its bytes that the other side holds beyond `una`.
    pub sacked: RangeSet,
    /// What it must have sent and was not seen to.
    pub holes: Holes,
    /// What it sent and is not acknowledged.
    pub sent: SentList,

    /// Smoothed round-trip time, nanoseconds (RFC 6298 section 2); 0 before the first sample.
    pub srtt_ns: u64,
    /// Its variation.
    pub rttvar_ns: u64,

    /// When it last sent anything.
    pub last_time: Timestamp,
    /// The frame of that.
    pub last_frame: u64,
    /// TSval of its latest segment with timestamps.
    pub last_tsval: Option<u32>,
    /// The probe it sent last and its frame, until it is answered or something else is sent.
    pub probing: Option<(Probe, u64)>,
    /// Probes of that kind in a row.
    pub probes: u32,
    /// The byte past a probe that carried data beyond a closed window.
    pub probe_end: Option<Seq>,
    /// Length and last byte of its latest segment with data: tells a keep-alive's garbage byte from
    /// one byte sent again.
    pub last_data: Option<(u32, u8)>,
    /// When it first sent data.
    pub first_data_time: Option<Timestamp>,
    /// Which of Zeek's history letters it has.
    pub letters: u16,
    /// Whether any of its checksums was right. Until one is, a wrong one says more about the capture
    /// (rewritten addresses, a card that fills checksums in) than about the segment.
    pub checksums_work: bool,
    /// A segment of its whose checksum is wrong: the receiver discards it, so it is sent again.
    pub spoiled: Option<Spoiled>,
    /// Fingerprints of its latest packets, to know one that was captured twice.
    pub recent: [u64; 4],
    /// Where the next fingerprint goes.
    pub recent_next: u8,

    /// Bytes outstanding after the latest change of them.
    pub last_outstanding: u32,
    /// When that was.
    pub outstanding_time: Timestamp,
    /// Statistics.
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

impl Half {
    /// Whether anything of this side's numbers is known.
    pub fn known(&self) -> bool {
        self.base_from != Base::Unknown
    }

    /// Whether this side was seen to send.
    pub fn seen(&self) -> bool {
        matches!(self.base_from, Base::MidStream | Base::Syn)
    }

    /// `seq` as a relative number.
    pub fn relative(&self, seq: Seq) -> u32 {
        seq.offset_from(self.base)
    }

    /// Sets the zero point from a segment or an acknowledgment.
    pub fn set_base(&mut self, from: Base, base: Seq, next: Seq) {
        (self.base_from, self.base) = (from, base);
        (self.floor, self.nxt, self.una, self.seen_end) = (next, next, next, next);
    }

    /// Sequence numbers sent and not acknowledged, SACKed or not.
    pub fn outstanding(&self) -> u32 {
        self.nxt.offset_from(self.una)
    }

    /// Whether its SYN is outstanding.
    fn syn_outstanding(&self) -> bool {
        self.base_from == Base::Syn && self.una == self.base && self.nxt != self.base
    }

    /// Whether its FIN is outstanding.
    fn fin_outstanding(&self) -> bool {
        self.fin
            .is_some_and(|fin| self.una.at_or_before(fin) && self.nxt.after(fin))
    }

    /// Whether its FIN has been sent and acknowledged.
    pub fn fin_acked(&self) -> bool {
        self.fin.is_some_and(|fin| self.una.after(fin))
    }

    /// Payload bytes sent and not acknowledged, SACKed or not.
    pub fn outstanding_bytes(&self) -> u32 {
        let phantom = u32::from(self.syn_outstanding()) + u32::from(self.fin_outstanding());
        self.outstanding().saturating_sub(phantom)
    }

    /// Payload bytes sent and neither acknowledged nor SACKed.
    pub fn in_flight(&self) -> u32 {
        self.outstanding_bytes().saturating_sub(self.sacked.total())
    }

    /// The furthest right edge it can have offered, by what it said last: with the largest scale
    /// while the scale is unknown, and half as much again for what the capture may have missed.
    pub fn furthest_edge(&self) -> Option<Seq> {
        let window = u32::from(self.window_field?) << self.shift.unwrap_or(14);
        Some(self.last_ack?.plus(window + window / 2))
    }

    /// Whether the window it advertised last is closed.
    pub fn window_closed(&self) -> bool {
        self.window_field == Some(0)
    }

    /// The RTO its sender would have after these samples: RFC 6298 section 2, with Linux's floor of
    /// 200 ms in place of the RFC's second, since most senders have a floor like that.
    pub fn rto_ns(&self) -> Option<u64> {
        const FLOOR_NS: u64 = 200_000_000;
        (self.srtt_ns > 0).then(|| self.srtt_ns + (4 * self.rttvar_ns).max(FLOOR_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_and_fin_take_numbers_but_are_no_bytes_in_flight() {
        let mut half = Half::default();
        half.set_base(Base::Syn, Seq(u32::MAX), Seq(u32::MAX));
        half.nxt = Seq(0);
        assert_eq!((half.outstanding(), half.in_flight()), (1, 0));
        half.una = Seq(0);
        half.nxt = Seq(100);
        assert_eq!(half.in_flight(), 100);
        half.sacked.insert(Seq(50), Seq(80));
        assert_eq!(half.in_flight(), 70);
        half.fin = Some(Seq(100));
        half.nxt = Seq(101);
        assert_eq!((half.outstanding(), half.in_flight()), (101, 70));
    }
}
