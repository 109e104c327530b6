//! How a connection opens: SYNs, what they offer, and what both sides then agree on
//! (RFC 9293 section 3.5, RFC 7323 section 2).

use super::connection::Connection;
use super::half::{Base, Offer};
use super::observation::Observation;
use crate::event::Side;
use crate::wire::tcp::Flags;

/// The largest shift there is; a larger offer counts as this (RFC 7323 section 2.3).
pub(super) const MAX_SHIFT: u8 = 14;

impl Connection {
    /// Takes in a SYN, or for a side not seen before, where its numbers start.
    pub(super) fn open(&mut self, o: &mut Observation) {
        // An RST is looked at before a SYN (RFC 9293 section 3.10.7): with both, nothing opens.
        if o.flags.syn() && !o.flags.rst() {
            self.syn(o);
        }
        let (sender, _) = self.pair(o.side);
        match sender.base_from {
            Base::Syn | Base::MidStream => {}
            // An RST that answers a SYN brings 0, not a place in its own numbers.
            Base::Unknown if o.flags.rst() && o.seq.0 == 0 => {
                sender.set_base(Base::Acked, o.seq.minus(1), o.seq);
            }
            Base::Unknown => sender.set_base(Base::MidStream, o.seq.minus(1), o.seq),
            Base::Acked => {
                sender.base_from = Base::MidStream;
                // What lies between the last acknowledgment and here was sent before the capture.
                if o.seq.after(sender.nxt) {
                    (sender.floor, sender.nxt) = (o.seq, o.seq);
                }
                sender.seen_end = sender.nxt;
            }
        }
        // The SYN or the segment just before told where this side stands, so `o` must say so too.
        (o.nxt, o.una) = (sender.nxt, sender.una);
        self.complete(o);
    }

    fn syn(&mut self, o: &Observation) {
        let is_answer = o.flags.ack();
        self.opened(usize::from(is_answer), o.frame);
        if !is_answer && self.opening[2].is_none() {
            self.opening_ns = o.time.as_nanos();
        }
        let ecn = Flags::ECE | Flags::CWR;
        self.ecn[o.side.index()] |= if is_answer {
            o.flags.has(Flags::ECE)
        } else {
            o.flags.has(ecn)
        };
        let (sender, _) = self.pair(o.side);
        let first = sender.una == o.seq.plus(1);
        if sender.base_from == Base::Acked && sender.base == o.seq && first {
            // The answer to this SYN was captured before it.
            (sender.base_from, sender.floor, sender.nxt) = (Base::Syn, o.seq, o.seq);
            sender.seen_end = o.seq;
        } else if !sender.seen() {
            sender.set_base(Base::Syn, o.seq, o.seq);
        }
        sender.offer = Offer::of(&o.options, o.options_cut);
        self.agree_on_scale(is_answer, o.side);
    }

    /// Window scaling is in force only when both SYNs offer it (RFC 7323 section 2.2). A SYN-ACK
    /// may offer it only in answer to an offer, so it settles its own side's even without the SYN.
    fn agree_on_scale(&mut self, is_answer: bool, side: Side) {
        let (sender, receiver) = self.pair(side);
        let offer = |shift: u8| Some(shift.min(MAX_SHIFT));
        let receiver_opened = receiver.base_from == Base::Syn;
        match (sender.offer.wscale(), receiver.offer.wscale()) {
            (Some(ours), Some(theirs)) => {
                (sender.shift, receiver.shift) = (offer(ours), offer(theirs));
            }
            (Some(ours), None) if is_answer && !receiver_opened => sender.shift = offer(ours),
            // A scale that the capture may have cut off is not known, nor is its answer.
            (None, _) if sender.offer.cut() => {}
            (Some(_), None) if receiver.offer.cut() => {}
            (None, _) => (sender.shift, receiver.shift) = (Some(0), Some(0)),
            (Some(_), None) if receiver_opened => {
                (sender.shift, receiver.shift) = (Some(0), Some(0));
            }
            (Some(_), None) => {}
        }
    }

    /// Whether this ACK completes the handshake.
    fn complete(&mut self, o: &Observation) {
        let plain_ack = o.flags.ack() && !o.flags.syn() && !o.flags.rst();
        if !plain_ack || self.opening[2].is_some() || self.opening[1].is_none() {
            return;
        }
        let (_, receiver) = self.pair(o.side);
        if receiver.base_from == Base::Syn && o.ack.is_some_and(|ack| ack.after(receiver.base)) {
            self.opened(2, o.frame);
            self.opening_ns = o.time.as_nanos().saturating_sub(self.opening_ns);
        }
    }
}
