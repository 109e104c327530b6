//! Flow control: the window a side advertises, and where data stands against the other's
//! (RFC 9293 section 3.8.6, RFC 7323 section 2).

use super::connection::Connection;
use super::half::{Base, Half};
use super::handshake::MAX_SHIFT;
use super::observation::{Facts, Observation};
use crate::event::ScaleProof;

impl Half {
    /// Finds the least shift of its windows with which it could have offered room for `outstanding`
    /// bytes. The largest field it has sent counts, whichever the other side went by.
    fn explain_what_it_took(&mut self, outstanding: u32, frame: u64) {
        let largest = u64::from(self.counts.max_window >> self.shift.unwrap_or(0));
        if largest == 0 {
            return;
        }
        let before = self.least_shift;
        while self.least_shift < MAX_SHIFT && largest << self.least_shift < u64::from(outstanding) {
            self.least_shift += 1;
        }
        if self.least_shift > before {
            let field = u32::try_from(largest).unwrap_or(u32::MAX);
            self.rare_mut().scale_proof = Some(ScaleProof {
                frame,
                outstanding,
                field,
            });
        }
    }
}

impl Connection {
    /// Whether a window scale that is in force was said from outside: the capture has no SYN that could tell.
    pub(super) fn assumes_scale(&self) -> bool {
        let [i, r] = &self.halves;
        i.shift.is_some() && [i, r].iter().all(|half| half.base_from != Base::Syn)
    }

    /// Takes in the window field, and compares what was sent with the receiver's right edge.
    pub(super) fn advertise(&mut self, o: &mut Observation) {
        if o.flags.rst() || o.facts.any(Facts::STRAY) {
            return;
        }
        let assumed = self.assumes_scale();
        let (sender, receiver) = self.pair(o.side);
        // What a capture with gaps shows to be outstanding may have been acknowledged long ago.
        let whole = sender.acked && sender.rare().is_none_or(|rare| rare.holes.missing() == 0);
        let told = receiver.shift.is_some() && !assumed;
        if !told && whole && o.len > 0 && o.probe.is_none() {
            receiver.explain_what_it_took(sender.outstanding(), o.frame);
        }
        if let (Some(edge), true, None) = (receiver.edge, o.len > 0 && o.new > 0, o.probe) {
            // The FIN takes a number but no window.
            let data_end = o.seq.plus(u32::from(o.flags.syn())).plus(o.len);
            o.past_edge = data_end.from(edge);
            if o.past_edge >= 0 {
                o.facts.set(Facts::REACHED_EDGE);
            }
            if o.past_edge > 0 {
                o.facts.set(Facts::PASSED_EDGE);
            }
        }
        // An ACK overtaken by a later one says nothing new (SND.WL2, RFC 9293 section 3.10.7.4).
        if let (Some(ack), Some(last)) = (o.ack, sender.last_ack)
            && ack.before(last)
        {
            return;
        }
        if o.field == 0 && !o.flags.syn() && !o.flags.fin() {
            o.facts.set(Facts::ZERO_WINDOW);
        }
        (sender.window_field, sender.window) = (Some(o.field), o.window);
        let (Some(ack), Some(window)) = (o.ack, o.window) else {
            if o.window.is_none() {
                // What a SYN offered holds no longer, and what holds now is not known.
                sender.edge = None;
            }
            return;
        };
        let edge = ack.plus(window);
        // A window that was rounded down to whole units is no retreat (RFC 7323 section 2.4).
        let unit = 1_i32 << sender.shift.unwrap_or(0);
        let retreat = sender.edge.map_or(0, |before| before.from(edge));
        // Who has nothing more to send, and closes the window with that, takes nothing back that matters.
        let farewell = o.flags.fin() && o.field == 0;
        if retreat >= unit && !farewell {
            o.retreat = retreat as u32;
            o.facts.set(Facts::EDGE_RETREATED);
        }
        sender.edge = Some(edge);
    }

    /// Reads the window field in bytes, as far as the scale is known.
    pub(super) fn read_window(&mut self, o: &mut Observation) {
        let (sender, _) = self.pair(o.side);
        // The window of a SYN is never scaled (RFC 7323 section 2.2).
        let shift = if o.flags.syn() { Some(0) } else { sender.shift };
        o.window = shift.map(|shift| u32::from(o.field) << shift);
    }

    /// Before anything is changed: whether the window alone is news.
    pub(super) fn compare_window(&mut self, o: &mut Observation) {
        let (sender, _) = self.pair(o.side);
        let pure = o.len == 0 && !o.flags.syn() && !o.flags.fin() && !o.flags.rst();
        let changed = match (o.window_before, o.window) {
            // After a SYN, whose window is not scaled, the same room is rounded to whole units.
            (Some(before), Some(now)) => before.abs_diff(now) >= 1 << sender.shift.unwrap_or(0),
            _ => sender.window_field.is_some_and(|before| before != o.field),
        };
        if pure && changed && o.ack.is_some() && sender.last_ack == o.ack {
            o.facts.set(Facts::WINDOW_CHANGED);
        }
    }
}
