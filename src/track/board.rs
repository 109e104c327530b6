//! How a connection stands, for who looks at it between two segments (RFC 9293 section 3.3.1).

use super::{Connection, Half};
use crate::event::{Board, HalfBoard};

impl Connection {
    /// How it stands.
    pub fn board(&self) -> Board {
        let [initiator, responder] = &self.halves;
        Board {
            frame: self.latest().1,
            flow: self.number,
            halves: [initiator.board(responder), responder.board(initiator)],
        }
    }
}

impl Half {
    /// How this direction stands, `other` being what comes the other way.
    fn board(&self, other: &Self) -> HalfBoard {
        let known = |seq| self.known().then(|| self.relative(seq));
        HalfBoard {
            state: self.state,
            una: known(self.una),
            nxt: known(self.nxt),
            wnd: other.window,
        }
    }
}
