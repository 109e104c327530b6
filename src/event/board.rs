//! How a connection stands between two segments: what RFC 9293 section 3.3.1 keeps in the transmission control
//! block, as far as the capture tells.

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
}

impl Board {
    /// What that side sends.
    pub const fn of(&self, side: Side) -> &HalfBoard {
        &self.halves[side.index()]
    }
}
