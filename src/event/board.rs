//! How a connection stands between two segments: what RFC 9293 section 3.3.1 keeps in the transmission control
//! block, as far as the capture tells.
//!
//! All numbers are relative to the sender's SYN, which is 0, modulo 2^32, as everywhere else.

use super::{Side, TcpState};

/// Both ends of a connection, after a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The frame of that segment.
    pub frame: u64,
    /// The connection's number.
    pub flow: u32,
    /// What the initiator and the responder send, and how far.
    pub halves: [HalfBoard; 2],
    /// First frame from which on something of it had to be forgotten, to hold memory.
    pub gave_up_at: Option<u64>,
}

/// One direction: what a side sent, and what it said it can take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HalfBoard {
    /// Its RFC 9293 state.
    pub state: TcpState,
    /// SND.UNA: the oldest number not acknowledged, relative; `None` while nothing of its numbers is known.
    pub una: Option<u32>,
    /// SND.NXT: the next number it will send.
    pub nxt: Option<u32>,
    /// SND.WND: bytes that the other side's window takes, as last advertised; `None` while not known.
    pub wnd: Option<u32>,
    /// The window field that this was read from, as on the wire: what there is to say while the scale is not known.
    pub wnd_field: Option<u16>,
    /// The right edge of that window: the first number that the other side does not take yet.
    pub edge: Option<u32>,
    /// How far the segment moved SND.UNA, SND.NXT and the right edge; the edge can go back.
    pub moved: Moved,
    /// The largest window it was offered so far, in bytes; 0 while none is known.
    pub widest: u32,
    /// RCV.NXT: the next number of the other side's that it wants, by its last acknowledgment.
    pub rcv_nxt: Option<u32>,
    /// RCV.WND: bytes that it said it takes beyond that; `None` while the scale is not known.
    pub rcv_wnd: Option<u32>,
    /// The number of its FIN, once it has sent one.
    pub fin: Option<u32>,
    /// What is between SND.UNA and SND.NXT, in order and without gaps: [`Self::MOST`] stretches at most.
    pub stretches: Vec<Stretch>,
    /// As many more follow that are not listed.
    pub more: u32,
    /// Payload bytes sent and neither acknowledged nor SACKed.
    pub in_flight: u32,
    /// Payload bytes that the other side holds beyond SND.UNA, by its SACK blocks.
    pub sacked: u32,
    /// Most numbers that were outstanding so far.
    pub peak: u32,
    /// Its longest payload so far, in bytes.
    pub largest: u32,
    /// Sequence numbers that it must have sent and the capture does not hold.
    pub unseen: u64,
    /// Duplicate ACKs in a row that it has received.
    pub dup_acks: u32,
    /// Recovery lasts until this number is acknowledged (RFC 6582); `None` outside of one.
    pub recovery: Option<u32>,
    /// Timeouts in a row, each of which doubles the next (RFC 6298 section 5.5).
    pub timeouts: u8,
    /// Smoothed time from the capture to the other side and back (RFC 6298 section 2), nanoseconds.
    pub srtt_ns: Option<u64>,
    /// The timeout that its sender would have by the round trips that the capture shows, nanoseconds: what the
    /// rules hold a silence against.
    pub rto_ns: Option<u64>,
    /// Its congestion window by estimate; `None` where the capture does not show it. What the kernel had in mind is
    /// [`super::Figures`], and another matter.
    pub cwnd: Option<CwndEstimate>,
}

/// A congestion window (RFC 5681 section 3.1) as a capture near the sender shows it: from what it lets be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CwndEstimate {
    /// In bytes.
    pub bytes: u32,
    /// In full segments, rounded up.
    pub segments: u32,
}

/// By how much a segment moved what a board tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Numbers newly acknowledged.
    pub una: u32,
    /// Numbers newly sent.
    pub nxt: u32,
    /// Numbers by which the right edge of the window moved; 0, too, where it was not known before.
    pub edge: i32,
}

/// Numbers that follow one another and stand alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first of them, relative.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
    /// How they stand.
    pub how: How,
}

/// How outstanding bytes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Sent once.
    Sent,
    /// Sent again, so many times.
    Again(u8),
    /// The other side holds them, out of order (RFC 2018).
    Sacked,
    /// Sent once, and the other side has asked for them while it holds later ones: lost or late.
    Lacking,
    /// Never seen here, though they must have been sent: the capture has later ones.
    Unseen,
}

impl Board {
    /// What that side sends.
    pub const fn of(&self, side: Side) -> &HalfBoard {
        &self.halves[side.index()]
    }
}

impl HalfBoard {
    /// Most stretches that are listed.
    pub const MOST: usize = 48;

    /// Bytes that the other side's window still takes beyond SND.NXT; 0 when it is full or was exceeded.
    pub fn usable(&self) -> Option<u32> {
        let room = self.edge?.wrapping_sub(self.nxt?);
        Some(if (room as i32) < 0 { 0 } else { room })
    }

    /// Whether it has sent any payload.
    pub const fn sends(&self) -> bool {
        self.largest > 0
    }
}
