//! Summing up a connection: the [`Flow`] that is reported when it is let go.

use super::connection::Connection;
use super::half::{Base, Half};
use crate::event::{Capability, Flow, Handshake, LetGo, Shape, Side, Stats, TcpState};

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
            history: self.history.text(),
            completeness: self.completeness,
            handshake: self.handshake(),
            closed_by: self.closed_by,
            let_go,
            gave_up_at: remarks.and_then(|remarks| remarks.gave_up_at),
            stats: self.halves.each_ref().map(|half| self.stats_of(half)),
            notes: remarks.map(|remarks| remarks.notes).unwrap_or_default(),
        }
    }

    /// The statistics of a half, with what it showed of the scale of its windows, where no SYN tells.
    fn stats_of(&self, half: &Half) -> Stats {
        let mut stats = half.stats();
        stats.assumed_wscale = half.shift.filter(|_| self.assumes_scale());
        // Of an assumed one only what refutes it is looked for.
        let told = half.shift.is_some_and(|shift| half.least_shift <= shift);
        if !told && stats.window_count > 0 {
            stats.least_wscale = Some(half.least_shift);
            stats.least_wscale_by = half.rare().and_then(|rare| rare.scale_proof);
        }
        stats
    }

    fn handshake(&self) -> Handshake {
        let opened = self
            .halves
            .each_ref()
            .map(|half| half.base_from == Base::Syn);
        let told = [0, 1].map(|side: usize| opened[side] && !self.halves[side].offer.cut());
        let agreed = |told: [bool; 2], what: [bool; 2]| match (told, what) {
            ([true, true], [true, true]) => Capability::On,
            // Who leaves it out settles it alone; nobody answers an offer that was not made.
            ([true, _], [false, _]) | ([_, true], [_, false]) => Capability::Off,
            ([false, true], [_, true]) if self.opening[1].is_some() => Capability::On,
            _ => Capability::Unknown,
        };
        let offered = |what| agreed(told, what);
        let [i, r] = &self.halves;
        let [syn_frame, syn_ack_frame, ack_frame] = self.opening();
        Handshake {
            syn_frame,
            syn_ack_frame,
            ack_frame,
            took_ns: (syn_frame.is_some() && ack_frame.is_some()).then_some(self.opening_ns),
            window_scaling: offered([i.offer.wscale().is_some(), r.offer.wscale().is_some()]),
            sack: offered([i.offer.sack_permitted(), r.offer.sack_permitted()]),
            timestamps: offered([i.offer.timestamps(), r.offer.timestamps()]),
            ecn: agreed(opened, self.ecn),
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
            (false, false, None) if fins == [true, true] => Shape::Sf,
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

impl Half {
    /// All statistics of this side in one.
    pub fn stats(&self) -> Stats {
        let c = &self.counts;
        let mut stats = Stats::default();
        if let Some(rare) = self.rare() {
            rare.fill_in(&mut stats);
        }
        stats.packets = c.packets;
        stats.acks = c.acks;
        stats.pure_acks = c.pure_acks;
        (stats.min_window, stats.max_window) = (c.min_window, c.max_window);
        (stats.window_sum, stats.window_count) = (c.window_sum, c.window_count);
        stats.max_idle_ns = c.max_idle_ns;
        stats.outstanding_ns_sum = c.outstanding_ns_sum;
        (stats.max_outstanding, stats.min_outstanding) = (c.max_outstanding, c.min_outstanding);
        stats.outstanding_sum = c.outstanding_sum;
        (stats.data_packets, stats.data_bytes) = (c.data_packets, c.data_bytes);
        stats.unique_bytes = c.unique_bytes;
        (stats.max_segment, stats.min_segment) = (c.max_segment, c.min_segment);
        (stats.pushed, stats.cumulatively_acked) = (c.pushed, c.cumulatively_acked);
        stats.data_time_ns = c.last_data_time.nanos_since(c.first_data_time);
        stats.rtt = c.rtt;
        stats.rtt_full = self.rtt_full.as_deref().copied().unwrap_or_default();
        stats.rtt_handshake_ns = (c.rtt_handshake_ns > 0).then_some(c.rtt_handshake_ns);
        stats.initial_window_packets = u32::from(c.initial_window_packets);
        stats.initial_window_bytes = u64::from(c.initial_window_bytes);
        (stats.syns, stats.fins) = (u32::from(c.syns), u32::from(c.fins));
        stats.resets = u32::from(c.resets);
        (stats.mss, stats.wscale) = (self.offer.mss, self.offer.wscale());
        (stats.sack_permitted, stats.timestamps) =
            (self.offer.sack_permitted(), self.offer.timestamps());
        if self.known() {
            let fin = u32::from(self.fin.is_some_and(|fin| self.nxt.after(fin)));
            let span = self.nxt.offset_from(self.base.plus(1)).saturating_sub(fin);
            // The difference of two numbers wraps at 4 GiB; the count of bytes does not.
            let counted = stats.unique_bytes + stats.missed_bytes;
            let wrapped = counted > u64::from(u32::MAX);
            stats.stream_length = if wrapped { counted } else { u64::from(span) };
        }
        stats
    }
}
