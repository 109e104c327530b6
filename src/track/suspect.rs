//! Segments that their receiver must not take at their word, and what it answers: challenge ACKs
//! (RFC 5961), and what a SYN's sender says to a wrong answer (RFC 9293 section 3.10.7.3).
//!
//! Whoever can guess a connection's ports could end it with an RST, or upset it with a SYN. So a receiver
//! that is not sure says where it stands, and waits for a word that only the true other end can say.

use super::connection::Connection;
use super::half::{Base, Half};
use super::observation::{Facts, Observation};
use crate::event::TcpState;
use crate::wire::seq::Seq;

/// Why a segment is not simply taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// A SYN where a connection stands (RFC 5961 section 4).
    Syn,
    /// An RST in the window, but not at the next number expected (RFC 5961 section 3).
    Reset,
    /// An acknowledgment of what was never sent (RFC 5961 section 5).
    AckAhead,
    /// An acknowledgment from before the largest window there was (RFC 5961 section 5).
    AckBehind,
    /// A SYN answered with an acknowledgment of something else (RFC 9293 section 3.10.7.3).
    WrongAnswer,
}

/// A segment that was not simply taken, until the other side says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Why.
    pub why: Suspicion,
    /// Its frame.
    pub frame: u64,
    /// The number it is about: its acknowledgment, or its own where it has none.
    pub number: Seq,
}

impl Connection {
    /// Whether the segment answers a SYN, and not as that SYN was sent: then nothing in it holds.
    pub(super) fn answers_wrongly(&mut self, o: &mut Observation) -> bool {
        let (sender, receiver) = self.pair(o.side);
        let asked = receiver.state == TcpState::SynSent && receiver.base_from == Base::Syn;
        let Some(ack) = o.ack.filter(|_| asked && !o.flags.rst()) else {
            return false;
        };
        if ack.after(receiver.base) && ack.at_or_before(receiver.nxt) {
            return false;
        }
        // An ACK and nothing else comes from a connection that was there before, and is told from it.
        let bare = o.end == o.seq;
        let unknown = !bare && matches!(sender.base_from, Base::Unknown | Base::Acked);
        if bare || unknown {
            sender.rare_mut().suspect = Some(Suspect {
                why: Suspicion::WrongAnswer,
                frame: o.frame,
                number: ack,
            });
        }
        if unknown {
            o.facts.set(Facts::WRONG_ANSWER);
        }
        unknown
    }

    /// Finds out whether the segment has to be challenged, or challenges one.
    pub(super) fn challenge(&mut self, o: &mut Observation) {
        let receiver_before = o.state_before[o.side.other().index()];
        if o.flags.rst() {
            return;
        }
        let (sender, receiver) = self.pair(o.side);
        let pure = o.end == o.seq && o.ack.is_some();
        if let Some(suspect) = receiver.rare_if_any().and_then(|rare| rare.suspect.take())
            && pure
            && suspect.why != Suspicion::WrongAnswer
            && o.ack == sender.last_ack
            && o.window_before == o.window
            && o.seq.at_or_before(sender.nxt)
        {
            o.challenges = Some(suspect);
            o.facts.set(Facts::CHALLENGE);
            return;
        }
        if synchronized(receiver_before) && receiver.seen() {
            if let Some(why) = suspicion(o, sender, receiver) {
                let number = o.ack.unwrap_or(o.seq);
                let frame = o.frame;
                sender.rare_mut().suspect = Some(Suspect { why, frame, number });
            } else if let Some(rare) = sender.rare_if_any() {
                rare.suspect = None;
            }
        }
    }
}

/// Whether a side in that state knows the other's numbers (RFC 9293 section 3.10.7.4 but SYN-RECEIVED).
const fn synchronized(state: TcpState) -> bool {
    !matches!(
        state,
        TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived
    )
}

fn suspicion(o: &Observation, sender: &Half, receiver: &Half) -> Option<Suspicion> {
    if o.flags.syn() {
        return Some(Suspicion::Syn);
    }
    let ack = o.ack?;
    if ack.after(receiver.nxt) {
        return Some(Suspicion::AckAhead);
    }
    let behind = i64::from(receiver.una.from(ack));
    let largest = i64::from(sender.counts.max_window);
    (receiver.acked && sender.shift.is_some() && behind > largest).then_some(Suspicion::AckBehind)
}
