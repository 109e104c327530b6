//! What a person at an endpoint does, step by step; with a mistake in it, if one is asked for.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use super::demand::Forgery;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// Something done wrong on purpose, to see how a real stack answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The ACK that completes the handshake is not sent.
    ForgetAck,
    /// The other side has closed; we never do.
    ForgetFin,
    /// Sequence numbers outside their window.
    WrongSeq,
    /// Acknowledgment of what was not sent, or long before.
    WrongAck,
    /// Data with a checksum that is wrong.
    WrongChecksum,
    /// A window of zero, until they have asked often enough.
    ZeroWindow,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is to go wrong.
    pub mistake: Option<Mistake>,
    /// What to send; nothing if empty.
    pub data: Vec<u8>,
    /// Bytes that come in return; `None` when that is not known, and silence has to end the wait.
    pub reply: Option<u64>,
    /// Whether to ask first if somebody else has our address.
    pub claim: bool,
    /// Whether it is told what the far kernel has in mind ([`super::Session::kernel`]).
    pub watched: bool,
}

/// The window that is offered again after a window of zero.
pub(super) const WINDOW: u16 = 65_535;
/// SYN-ACKs, and window probes, that are waited for.
pub(super) const REPEATS: usize = 2;
pub(super) const PROBES: usize = 4;

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Finds the other end on the link.
    Resolve,
    /// Sends a SYN; with `true` the ACK of its answer is held back.
    Open(bool),
    /// Waits for the answer.
    AwaitOpen,
    /// Waits for so many SYN-ACKs more.
    AwaitRepeats,
    /// Sends what is held back.
    Release,
    /// Waits as long as a host may limit its challenge ACKs.
    Pause,
    /// Sends a segment with a wrong number, and waits for what comes.
    Forge(Forgery),
    /// The next data go with a wrong checksum.
    Spoil,
    /// Sends what is to be sent.
    Send,
    /// Waits until it is acknowledged.
    AwaitAcknowledged,
    /// Waits for the answer to it.
    AwaitReply,
    /// Waits for window probes.
    AwaitProbes,
    /// Offers a window again.
    OpenWindow,
    /// Waits for their FIN.
    AwaitFin,
    /// Waits until they have given us up.
    AwaitForgotten,
    /// Sends a FIN to who has given us up.
    CloseLate,
    /// Sends a FIN.
    Close,
    /// Waits until both sides have closed.
    AwaitClosed,
}

impl Plan {
    /// The steps of it.
    pub(super) fn acts(&self) -> VecDeque<Act> {
        let mut acts = vec![Act::Resolve];
        let holds = matches!(
            self.mistake,
            Some(Mistake::ForgetAck | Mistake::WrongSeq | Mistake::WrongAck)
        );
        acts.extend([Act::Open(holds), Act::AwaitOpen]);
        acts.extend(match self.mistake {
            Some(Mistake::ForgetAck) => vec![Act::AwaitRepeats, Act::Release],
            Some(Mistake::WrongSeq) => vec![
                Act::Forge(Forgery::HandshakeSeq),
                Act::Release,
                Act::Forge(Forgery::DataSeq),
            ],
            Some(Mistake::WrongAck) => vec![Act::Forge(Forgery::HandshakeAck), Act::Release],
            Some(Mistake::WrongChecksum) => vec![Act::Spoil],
            _ => vec![],
        });
        if !self.data.is_empty() {
            acts.extend([Act::Send, Act::AwaitAcknowledged]);
            if self.mistake == Some(Mistake::ZeroWindow) {
                acts.extend([Act::AwaitProbes, Act::OpenWindow]);
            }
            acts.push(Act::AwaitReply);
        }
        if self.mistake == Some(Mistake::WrongAck) {
            let [old, unsent] = [Forgery::OldAck, Forgery::UnsentAck].map(Act::Forge);
            acts.extend([old, Act::Pause, unsent]);
        }
        acts.extend(if self.mistake == Some(Mistake::ForgetFin) {
            vec![
                Act::AwaitFin,
                Act::AwaitForgotten,
                Act::CloseLate,
                Act::AwaitClosed,
            ]
        } else {
            vec![Act::Close, Act::AwaitClosed]
        });
        acts.into()
    }
}

/// An initial sequence number as RFC 9293 section 3.4.1 makes it: `M + F(addresses, ports, secret)`, where M
/// counts every four microseconds. Who does not know the secret can't guess it, and yet the numbers of one
/// connection after another with the same ports keep growing.
pub fn isn(own: SocketAddr, peer: SocketAddr, secret: u64, now: Timestamp) -> Seq {
    let mut f = DefaultHasher::new();
    (secret, own, peer).hash(&mut f);
    let m = now.as_nanos() / 4_000;
    Seq((m as u32).wrapping_add(f.finish() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_numbers_grow_with_the_clock_and_differ_by_connection_and_secret() {
        let [a, b]: [SocketAddr; 2] = ["10.0.0.1:1", "10.0.0.2:2"].map(|it| it.parse().unwrap());
        let at = |micros: u64| Timestamp::from_nanos(micros * 1000);
        let first = isn(a, b, 7, at(1_000_000));
        assert_eq!(isn(a, b, 7, at(1_000_400)), first.plus(100));
        assert_ne!(isn(b, a, 7, at(1_000_000)), first);
        assert_ne!(isn(a, b, 8, at(1_000_000)), first);
    }
}
