//! Header prediction: the short way for what nearly every segment is, the next data or the next
//! acknowledgment of an open connection in which nothing else is going on (RFC 7323 section 5.6).
//!
//! For such a segment most questions have the answer "no", and are not asked. What it changes it changes as
//! the long way does, mostly by the same functions; a test holds the two against each other.

use super::artefact::print_of;
use super::connection::{Arrival, Connection};
use super::half::Half;
use super::observation::{Facts, Observation};
use super::rare::Rare;
use super::sent::Store;
use crate::decode::{Checksum, Tcp};
use crate::event::{Phase, TcpState};
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// What decides more than where a stream and its acknowledgment stand.
const DECISIVE: u16 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::URG.0 | Flags::ACK.0;

impl Connection {
    /// Takes the segment in and returns true, if it is as expected; changes nothing otherwise.
    #[inline]
    pub(super) fn goes_as_predicted(
        &mut self,
        o: &mut Observation,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        store: &mut Store,
    ) -> bool {
        if !self.is_steady() || !is_plain(o, tcp) {
            return false;
        }
        let first_frame = self.first_frame;
        let (sender, receiver) = self.pair(o.side);
        let Some((ack, edge)) = prediction(o, sender, receiver) else {
            return false;
        };
        let print = print_of(o, arrival.ip_id);
        let told_before = o.end.at_or_before(sender.seen_end);
        let full = o.len > 0 && sender.sent.len() >= store.limit;
        if full || told_before && sender.recent.contains(&print) {
            return false;
        }
        sender.remember_print(print);
        sender.checksums_work |= tcp.checksum != Checksum::Unverified;
        self.put_in_order(o, arrival.ip_id);
        let (sender, receiver) = self.pair(o.side);
        if o.len > 0 {
            sender.append(o, o.seq, store);
            sender.remember_one_byte(o.len, tcp.payload);
        }
        sender.keep_in_reach(first_frame, store);
        sender.last_ack = Some(ack);
        if ack.after(receiver.una) {
            receiver.advance(o, ack, first_frame, store);
            receiver.look_back(o, ack);
        }
        if let (Some(edge), true) = (receiver.edge, o.len > 0) {
            o.past_edge = o.end.from(edge);
        }
        (sender.window_field, sender.window) = (Some(o.field), o.window);
        sender.edge = Some(edge);
        self.count_plain(o);
        true
    }

    /// Whether both sides are in the middle of what they have to say.
    #[inline]
    fn is_steady(&self) -> bool {
        let quiet = |half: &Half| {
            half.state == TcpState::Established
                && half.fin.is_none()
                && half.seen()
                && half.shift.is_some()
                && half.rare().is_none_or(Rare::is_quiet)
        };
        let opened = self.opening[1].is_none() || self.opening[2].is_some();
        self.phase == Phase::Transfer && opened && self.halves.iter().all(quiet)
    }
}

/// Whether it has nothing in it but an acknowledgment, and perhaps payload.
#[inline]
fn is_plain(o: &Observation, tcp: &Tcp<'_>) -> bool {
    o.flags.0 & DECISIVE == Flags::ACK.0
        && o.facts == Facts::NONE
        && o.field != 0
        && o.options.sack.is_empty()
        && tcp.payload.len() == o.len as usize
        && tcp.checksum != Checksum::Bad
}

/// The acknowledgment and the right edge of the window in it, if the segment comes next, and says something
/// that its receiver could expect.
#[inline]
fn prediction(o: &Observation, sender: &Half, receiver: &Half) -> Option<(Seq, Seq)> {
    let (ack, window) = (o.ack?, o.window?);
    let last_ack = sender.last_ack?;
    let comes_next = o.seq == sender.nxt
        && o.seq == sender.seen_end
        && sender.floor.at_or_before(o.seq)
        && !receiver.window_closed();
    let acks_what_is_there = ack.at_or_after(receiver.una)
        && ack.at_or_before(receiver.nxt)
        && ack.at_or_after(last_ack);
    let is_news = o.len > 0 || ack.after(receiver.una) && ack != last_ack;
    let mss = u32::from(receiver.offer.mss);
    let fits = (mss == 0 || o.len <= mss)
        && (o.len == 0 || receiver.edge.is_none_or(|edge| o.end.from(edge) < 0));
    let edge = ack.plus(window);
    let retreats = sender.edge.is_some_and(|before| {
        let unit = 1_i32 << sender.shift.unwrap_or(0);
        before.from(edge) >= unit
    });
    (comes_next && acks_what_is_there && is_news && fits && !retreats).then_some((ack, edge))
}

#[cfg(test)]
mod tests;
