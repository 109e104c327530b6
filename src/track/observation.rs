//! What the tracker found about one segment: the facts that rules judge.

use std::cmp::Ordering;

use crate::decode::Tcp;
use crate::event::{Phase, Rtt, Side, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::{Flags, TcpOptions};

use super::holes::Hole;
use super::needless::Needless;
use super::order::Stamp;
use super::sent::Sent;
use super::suspect::Suspect;

/// Facts about a segment, as a set of bits: a segment without any needs no rule to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts(pub u32);

impl Facts {
    /// No fact.
    pub const NONE: Self = Self(0);
    /// Carries bytes (or SYN, FIN) that were seen before.
    pub const RESENT: Self = Self(1 << 0);
    /// Carries bytes seen for the first time, below the highest seen.
    pub const FILLED: Self = Self(1 << 1);
    /// Starts beyond the next expected sequence number.
    pub const OPENED_HOLE: Self = Self(1 << 2);
    /// Acknowledges bytes that were not seen.
    pub const ACKS_UNSEEN: Self = Self(1 << 3);
    /// A duplicate ACK (RFC 5681 section 2).
    pub const DUP_ACK: Self = Self(1 << 4);
    /// Its first SACK block reports a duplicate (RFC 2883).
    pub const DSACK: Self = Self(1 << 5);
    /// A pure ACK of the same number as before, with another window.
    pub const WINDOW_CHANGED: Self = Self(1 << 7);
    /// Moves the right edge of the window to the left.
    pub const EDGE_RETREATED: Self = Self(1 << 8);
    /// Advertises a window of zero.
    pub const ZERO_WINDOW: Self = Self(1 << 9);
    /// New data reaches or passes the right edge of the receiver's window.
    pub const REACHED_EDGE: Self = Self(1 << 10);
    /// Data passes it.
    pub const PASSED_EDGE: Self = Self(1 << 11);
    /// A probe: see [`Observation::probe`].
    pub const PROBE: Self = Self(1 << 12);
    /// Answers a probe: see [`Observation::probe`].
    pub const PROBE_ANSWER: Self = Self(1 << 13);
    /// Opens a connection on an earlier one's addresses and ports.
    pub const PORT_REUSED: Self = Self(1 << 14);
    /// Has RST.
    pub const RST: Self = Self(1 << 15);
    /// Its checksum is wrong; nothing else was looked at.
    pub const BAD_CHECKSUM: Self = Self(1 << 16);
    /// Its checksum is wrong, but so were all of its sender's so far: it was looked at all the same.
    pub const DOUBTFUL_CHECKSUM: Self = Self(1 << 6);
    /// The same packet was captured just before; nothing else was looked at.
    pub const CAPTURED_TWICE: Self = Self(1 << 17);
    /// Acknowledges something during fast recovery, but not all that was out when it began.
    pub const PARTIAL_ACK: Self = Self(1 << 18);
    /// A SYN or FIN that crossed the other side's.
    pub const CROSSED: Self = Self(1 << 19);

    /// Carries data although the other side's FIN is acknowledged.
    pub const AFTER_PEER_FIN: Self = Self(1 << 20);

    /// Its numbers fit nothing known of the connection, so they were not believed.
    pub const STRAY: Self = Self(1 << 21);

    /// Answers a SYN with an ACK that acknowledges something else.
    pub const REFUSES_SYN: Self = Self(1 << 22);

    /// Longer than any segment its receiver offered to take.
    pub const OVERSIZED: Self = Self(1 << 23);

    /// Answers a SYN as it was not sent: nothing in it holds (RFC 9293 section 3.10.7.3).
    pub const WRONG_ANSWER: Self = Self(1 << 24);

    /// Carries something beyond its sender's own FIN.
    pub const AFTER_OWN_FIN: Self = Self(1 << 25);

    /// Challenges a segment of the other side: see [`Observation::challenges`].
    pub const CHALLENGE: Self = Self(1 << 26);

    /// An RST in the window, but not at the number that its receiver expects next.
    pub const NOT_NEXT: Self = Self(1 << 27);

    /// Whether it shares a bit with `other`.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds the bits of `other`.
    pub const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes away the bits of `other`.
    pub const fn clear(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A probe of the other side: a segment that is there for its answer, not for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Against a closed window (RFC 9293 section 3.8.6.1).
    ZeroWindow,
    /// To see whether anybody is there (RFC 9293 section 3.8.4).
    KeepAlive,
}

/// The connection that had the same addresses and ports before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its number.
    pub flow: u32,
    /// Its last frame.
    pub frame: u64,
    /// When that was.
    pub time: Timestamp,
}

/// What the IP header says of the path and the sender, to tell packets of one host from those of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Time to live or hop limit; 0 before the first packet.
    pub ttl: u8,
    /// Low half of the identification; 0 where there is none.
    pub id: u16,
}

/// Everything found about one segment, with the numbers of the moment before it.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What was found.
    pub facts: Facts,
    /// Its frame.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Number of its connection.
    pub flow: u32,
    /// Who sent it.
    pub side: Side,
    /// Control bits.
    pub flags: Flags,
    /// First sequence number.
    pub seq: Seq,
    /// The one after its last, SYN and FIN counted.
    pub end: Seq,
    /// Acknowledgment number, with the ACK bit.
    pub ack: Option<Seq>,
    /// Payload bytes.
    pub len: u32,
    /// Options.
    pub options: TcpOptions,
    /// Whether the capture cut some of them off.
    pub options_cut: bool,
    /// What tells when it was sent.
    pub stamp: Stamp,
    /// Whether its sender counts its IP packets.
    pub ids_count: bool,
    /// Whether it was sent after the latest of its sender that was captured before it, or before; `None` if
    /// that can't be told.
    pub order: Option<Ordering>,
    /// Sequence numbers not seen before.
    pub new: u32,
    /// Of those, the ones below the highest seen.
    pub filled: u32,
    /// Sequence numbers seen before.
    pub resent: u32,
    /// The hole that this opened, or (the first one) that it filled.
    pub hole: Option<Hole>,
    /// For what was sent before: the segment that first carried it, while it is outstanding.
    pub original: Option<Sent>,
    /// For what was sent before: a frame that carried it, and whether that was sent earlier or later than
    /// this one. `Equal`: it came late itself, and which was sent first can't be told.
    pub twin: Option<(u64, Ordering)>,
    /// For what was sent before and is acknowledged: the frame that first carried it. For what was
    /// captured twice: the frame before, if that is the same packet.
    pub original_frame: Option<u64>,
    /// SND.UNA of the sender before this segment, and the frame that brought it.
    pub una: Seq,
    /// The frame that brought `una`.
    pub una_frame: u64,
    /// SND.NXT of the sender before this segment.
    pub nxt: Seq,
    /// Sequence numbers newly acknowledged by this segment.
    pub newly_acked: u32,
    /// Sequence numbers newly SACKed by it.
    pub newly_sacked: u32,
    /// For a partial ACK: SND.NXT of the data's sender when its recovery began.
    pub recover: Option<Seq>,
    /// The retransmission of the other side that it proves to have been needless.
    pub needless: Option<Needless>,
    /// The retransmission before this one, if the timer ran out for it: this one waited twice as long.
    pub doubled: Option<u64>,
    /// The retransmission of the other side whose bytes it says came twice.
    pub sent_twice: Option<u64>,
    /// For what was captured twice: whether at once, as only a capture copies.
    pub copied_at_once: bool,
    /// The copy of a packet of the other side that it says it got, too.
    pub copy_arrived: Option<u64>,
    /// The duplicate it reports, raw.
    pub dsack: Option<(Seq, Seq)>,
    /// The how-manieth duplicate ACK in a row.
    pub dup_ack: u32,
    /// The how-manieth duplicate ACK the sender had received when it sent this.
    pub dup_acks_received: u32,
    /// Sequence numbers it acknowledges without their having been seen.
    pub acked_unseen: u32,
    /// Its sender's window before, in bytes.
    pub window_before: Option<u32>,
    /// Its sender's window now, in bytes.
    pub window: Option<u32>,
    /// How far the right edge went back.
    pub retreat: u32,
    /// Distance from the receiver's right edge to the end of this segment; negative before it.
    pub past_edge: i32,
    /// For a probe: which kind.
    pub probe: Option<Probe>,
    /// For an answer to a probe: which kind.
    pub answers: Option<Probe>,
    /// The window field its sender sent before this one.
    pub field_before: Option<u16>,
    /// Window field as on the wire.
    pub field: u16,
    /// The how-manieth probe in a row, or the number of the one that is answered.
    pub probe_number: u32,
    /// The frame of the probe that this answers, or of the latest frame the other side sent.
    pub peer_frame: u64,
    /// When the other side last sent.
    pub peer_time: Timestamp,
    /// When its own sender last sent before; its own time if this is the first.
    pub sender_time: Timestamp,
    /// The connection that this one replaces.
    pub earlier: Option<Earlier>,
    /// The RTT sample it completes.
    pub rtt: Option<Rtt>,
    /// For a challenge ACK, or an RST that refuses an answer to a SYN: the segment that called for it.
    pub challenges: Option<Suspect>,
    /// What the IP header of this packet says of where it comes from.
    pub marks: Marks,
    /// The same of its sender's latest packets that were no RST.
    pub marks_before: Marks,
    /// States before, initiator and responder.
    pub state_before: [TcpState; 2],
    /// States after.
    pub state: [TcpState; 2],
    /// Where the connection stands after it.
    pub phase: Phase,
}

impl Observation {
    /// The earlier frame that acknowledged what this brings, if that frame is no older, and how much of it: only the
    /// order in which they were written makes it look missed.
    pub fn written_behind(&self) -> Option<(u64, u32)> {
        let hole = self.hole.filter(|_| self.filled > 0)?;
        let (frame, time) = hole.acked?;
        let bytes = self.filled.min(hole.end.offset_from(hole.start));
        (self.time <= time).then_some((frame, bytes))
    }

    /// Nothing observed yet.
    pub(super) fn blank() -> Self {
        Self {
            facts: Facts::NONE,
            frame: 0,
            time: Timestamp::default(),
            flow: 0,
            side: Side::Initiator,
            flags: Flags::default(),
            seq: Seq(0),
            end: Seq(0),
            ack: None,
            len: 0,
            options: TcpOptions::default(),
            options_cut: false,
            stamp: Stamp::default(),
            ids_count: false,
            order: None,
            new: 0,
            filled: 0,
            resent: 0,
            hole: None,
            original: None,
            twin: None,
            original_frame: None,
            una: Seq(0),
            una_frame: 0,
            nxt: Seq(0),
            newly_acked: 0,
            newly_sacked: 0,
            recover: None,
            needless: None,
            doubled: None,
            sent_twice: None,
            copied_at_once: false,
            copy_arrived: None,
            dsack: None,
            dup_ack: 0,
            dup_acks_received: 0,
            acked_unseen: 0,
            window_before: None,
            window: None,
            retreat: 0,
            past_edge: i32::MIN,
            probe: None,
            answers: None,
            field_before: None,
            field: 0,
            probe_number: 0,
            peer_frame: 0,
            peer_time: Timestamp::default(),
            sender_time: Timestamp::default(),
            earlier: None,
            rtt: None,
            challenges: None,
            marks: Marks::default(),
            marks_before: Marks::default(),
            state_before: [TcpState::Closed; 2],
            state: [TcpState::Closed; 2],
            phase: Phase::Setup,
        }
    }

    /// Begins anew with a segment. Field by field: the one observation there is serves all segments,
    /// and to make a new one each time would copy it several times over.
    pub(super) fn begin(&mut self, tcp: &Tcp<'_>, side: Side) {
        let taken = tcp.payload_len + u32::from(tcp.flags.syn()) + u32::from(tcp.flags.fin());
        self.facts = Facts::NONE;
        self.side = side;
        self.flags = tcp.flags;
        self.seq = tcp.seq;
        self.end = tcp.seq.plus(taken);
        self.ack = tcp.flags.ack().then_some(tcp.ack);
        self.len = tcp.payload_len;
        self.options = TcpOptions::read(tcp.options);
        self.options_cut = tcp.options_cut;
        (self.new, self.filled, self.resent) = (0, 0, 0);
        self.hole = None;
        self.original = None;
        self.twin = None;
        self.original_frame = None;
        (self.newly_acked, self.newly_sacked, self.acked_unseen) = (0, 0, 0);
        (self.recover, self.needless, self.dsack) = (None, None, None);
        (self.doubled, self.sent_twice, self.copy_arrived) = (None, None, None);
        self.dup_ack = 0;
        (self.stamp, self.ids_count, self.order) = (Stamp::default(), false, None);
        self.copied_at_once = false;
        self.window = None;
        self.retreat = 0;
        self.past_edge = i32::MIN;
        (self.probe, self.answers, self.probe_number) = (None, None, 0);
        self.field = tcp.window;
        self.earlier = None;
        self.rtt = None;
        self.challenges = None;
    }
}
