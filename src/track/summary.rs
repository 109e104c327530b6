//! Summing up a connection: the [`Flow`] that is reported when it is let go.

use super::connection::Connection;
use super::half::{Base, Half};
use crate::event::{Capability, Flow, Handshake, LetGo, Shape, Side, TcpState};

impl Connection {
    /// The connection in figures.
    pub fn summary(&self, let_go: LetGo) -> Flow {
        let ([initiator, responder], (end, last_frame)) = (self.ends(), self.latest());
        let remarks = self.remarks.as_deref();
        Flow {
            flow: self.number,
            initiator,
            responder,
            tunnel: self.key.tunnel(),
            start: self.start,
            end,
            first_frame: self.first_frame,
            last_frame,
            state: self.states(),
            shape: self.shape(),
            history: self
                .history
                .iter()
                .map(|&letter| char::from(letter))
                .collect(),
            completeness: self.completeness,
            handshake: self.handshake(),
            closed_by: self.closed_by,
            let_go,
            gave_up_at: remarks.and_then(|remarks| remarks.gave_up_at),
            stats: self.halves.each_ref().map(Half::stats),
            notes: remarks.map(|remarks| remarks.notes).unwrap_or_default(),
        }
    }

    fn handshake(&self) -> Handshake {
        let opened = self
            .halves
            .each_ref()
            .map(|half| half.base_from == Base::Syn);
        let offered = |what: [bool; 2]| match (opened, what) {
            ([true, true], [true, true]) => Capability::On,
            // Who leaves it out settles it alone; nobody answers an offer that was not made.
            ([true, _], [false, _]) | ([_, true], [_, false]) => Capability::Off,
            ([false, true], [_, true]) if self.opening[1].is_some() => Capability::On,
            _ => Capability::Unknown,
        };
        let [i, r] = &self.halves;
        let [syn_frame, syn_ack_frame, ack_frame] = self.opening();
        Handshake {
            syn_frame,
            syn_ack_frame,
            ack_frame,
            took_ns: (syn_frame.is_some() && ack_frame.is_some()).then_some(self.opening_ns),
            window_scaling: offered([i.offer.wscale.is_some(), r.offer.wscale.is_some()]),
            sack: offered([i.offer.sack_permitted, r.offer.sack_permitted]),
            timestamps: offered([i.offer.timestamps, r.offer.timestamps]),
            ecn: offered(self.ecn),
        }
    }

    /// Zeek's `conn_state`.
    fn shape(&self) -> Shape {
        let [syn, syn_ack, _] = self.opening.map(|frame| frame.is_some());
        let [i, r] = &self.halves;
        let fins = [i.fin.is_some(), r.fin.is_some()];
        match (syn, syn_ack, self.reset_by) {
            (true, false, Some(Side::Responder)) => Shape::Rej,
            (true, false, Some(Side::Initiator)) => Shape::Rstos0,
            (false, true, Some(Side::Responder)) => Shape::Rstrh,
            (false, false, _) => Shape::Oth,
            (_, _, Some(Side::Initiator)) => Shape::Rsto,
            (_, _, Some(Side::Responder)) => Shape::Rstr,
            (true, false, None) if fins[0] => Shape::Sh,
            (false, true, None) if fins[1] => Shape::Shr,
            // Both sides sent a SYN: opened at once (RFC 9293 section 3.5), no SYN-ACK needed.
            (true, false, None) if r.base_from != Base::Syn && r.state != TcpState::Established => {
                Shape::S0
            }
            (_, _, None) => match fins {
                [true, true] => Shape::Sf,
                [true, false] => Shape::S2,
                [false, true] => Shape::S3,
                [false, false] => Shape::S1,
            },
        }
    }
}
