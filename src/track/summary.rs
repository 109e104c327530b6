//! Summing up a connection: the [`Flow`] that is reported when it is let go.

use super::connection::Connection;
use super::half::Base;
use crate::event::{Capability, Flow, Handshake, LetGo, Shape, Side, TcpState};

impl Connection {
    /// The connection in figures.
    pub fn summary(&self, let_go: LetGo) -> Flow {
        let mut stats = self.halves.each_ref().map(|half| half.stats.clone());
        for (stats, half) in stats.iter_mut().zip(&self.halves) {
            stats.missed_bytes = half.holes.missing();
            if half.known() {
                let phantom = u32::from(half.fin.is_some_and(|fin| half.nxt.after(fin)));
                stats.stream_length = u64::from(
                    half.nxt
                        .offset_from(half.base.plus(1))
                        .saturating_sub(phantom),
                );
                // The 32-bit difference wraps with the numbers; the count of bytes does not.
                let seen = stats.unique_bytes + stats.missed_bytes;
                if seen > stats.stream_length && seen > u64::from(u32::MAX) {
                    stats.stream_length = seen;
                }
            }
        }
        Flow {
            flow: self.number,
            initiator: self.ends[0],
            responder: self.ends[1],
            tunnel: self.tunnel,
            start: self.start,
            end: self.last,
            first_frame: self.first_frame,
            last_frame: self.last_frame,
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
            gave_up_at: self.gave_up_at,
            stats,
            notes: self.notes.as_deref().copied().unwrap_or_default(),
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
        let [syn_frame, syn_ack_frame, ack_frame] = self.opening;
        Handshake {
            syn_frame,
            syn_ack_frame,
            ack_frame,
            took_ns: self.opening_ns,
            window_scaling: offered([i.stats.wscale.is_some(), r.stats.wscale.is_some()]),
            sack: offered([i.stats.sack_permitted, r.stats.sack_permitted]),
            timestamps: offered([i.stats.timestamps, r.stats.timestamps]),
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
