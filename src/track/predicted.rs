//! Header prediction: the short way for what nearly every segment is, the next data or the next
//! acknowledgment of an open connection in which nothing else is going on (RFC 7323 section 5.6).
//!
//! For such a segment most questions have the answer "no", and are not asked. What it changes it changes as
//! the long way does, mostly by the same functions; a test holds the two against each other.

use super::acks::Heard;
use super::artefact::Features;
use super::asked::SILENCE_NS;
use super::connection::{Arrival, Connection};
use super::half::Half;
use super::needless::News;
use super::observation::Observation;
use super::order::Stamp;
use super::rare::Rare;
use super::sent::{Sent, Store};
use crate::decode::{Checksum, Tcp};
use crate::event::{Phase, Side, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::{Flags, plain_timestamps};

/// What decides more than where a stream and its acknowledgment stand.
const DECISIVE: u16 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::URG.0 | Flags::ACK.0;

/// What a segment says that has nothing in it but an acknowledgment, and perhaps payload and timestamps.
pub(super) struct Said<'a> {
    arrival: &'a Arrival,
    tcp: &'a Tcp<'a>,
    ts: Option<(u32, u32)>,
}

impl<'a> Said<'a> {
    /// Reads a segment, if there is nothing else in it.
    #[inline]
    pub(super) fn of(arrival: &'a Arrival, tcp: &'a Tcp<'a>) -> Option<Self> {
        let plain = tcp.flags.0 & DECISIVE == Flags::ACK.0
            && tcp.window != 0
            && tcp.payload.len() == tcp.payload_len as usize
            && tcp.checksum != Checksum::Bad;
        let ts = match tcp.options {
            _ if !plain => return None,
            [] => None,
            options => Some(plain_timestamps(options)?),
        };
        Some(Self { arrival, tcp, ts })
    }

    pub(super) const fn frame(&self) -> u64 {
        self.arrival.frame
    }

    pub(super) const fn time(&self) -> Timestamp {
        self.arrival.time
    }

    pub(super) const fn pushes(&self) -> bool {
        self.tcp.flags.psh()
    }

    /// Payload bytes, all of them captured.
    pub(super) const fn len(&self) -> u32 {
        self.tcp.payload_len
    }

    const fn end(&self) -> Seq {
        self.tcp.seq.plus(self.len())
    }

    #[inline]
    fn print(&self) -> u32 {
        let features = Features {
            time: self.time(),
            ip_id: self.arrival.ip_id,
            seq: self.tcp.seq,
            ack: Some(self.tcp.ack),
            len: self.len(),
            flags: self.tcp.flags,
            field: self.tcp.window,
            ts: self.ts,
        };
        features.print(&[])
    }

    /// Itself, as what is sent and not acknowledged yet.
    fn sent(&self, full_size: bool, stamp: Stamp) -> Sent {
        let tsval = self.ts.map(|ts| ts.0);
        Sent {
            seq: self.tcp.seq,
            end: self.end(),
            resent: 0,
            full_size,
            id: stamp.id.unwrap_or(0),
            tsval,
            last_tsval: tsval,
            frame: self.frame(),
            last_frame: self.frame(),
            time: self.time(),
            last_time: self.time(),
        }
    }
}

impl Connection {
    /// Takes a segment in and returns true, if it is as expected; changes nothing otherwise. With `TELL` it is
    /// told in `o`, which has been begun.
    #[inline]
    pub(super) fn goes_as_predicted<const TELL: bool>(
        &mut self,
        o: &mut Observation,
        said: &Said<'_>,
        side: Side,
        store: &mut Store,
    ) -> bool {
        if !self.habits.steady() {
            return false;
        }
        let Said { arrival, tcp, ts } = *said;
        let len = said.len();
        let first_frame = self.first_frame;
        let (sender, receiver) = self.pair(side);
        let Some((window, edge)) = prediction(said, sender, receiver) else {
            return false;
        };
        let print = said.print();
        let refused = if len > 0 {
            sender.sent.len() >= store.limit || sender.idle_ns(arrival.time) > SILENCE_NS
        } else {
            sender.recent.contains(&print)
        };
        if refused {
            return false;
        }
        sender.remember_print(print);
        sender.ttl = arrival.ttl;
        sender.checksums_work |= tcp.checksum != Checksum::Unverified;
        let stamp = Stamp::new(ts, arrival.ip_id);
        let (ids_count, order) = sender.put_in_order(stamp);
        if len > 0 {
            let full_size = sender.is_full_size(len);
            sender.append(said.sent(full_size, stamp), store);
            sender.remember_one_byte(len, tcp.payload);
        }
        sender.keep_in_reach(first_frame, store);
        sender.last_ack = Some(tcp.ack);
        (sender.window_field, sender.window) = (Some(tcp.window), Some(window));
        sender.edge = Some(edge);
        if TELL {
            o.new = len;
            (o.stamp, o.ids_count, o.order) = (stamp, ids_count, order);
            if let (Some(edge), true) = (receiver.edge, len > 0) {
                o.past_edge = said.end().from(edge);
            }
        }
        let newly_acked = tcp.ack.after(receiver.una);
        if newly_acked {
            receiver.hear::<TELL>(o, said, first_frame, store);
        }
        let id = arrival.ip_id.unwrap_or(0) as u16;
        if id != 0 {
            let before = self.ip_ids[side.index()];
            let step = (before != 0).then(|| id.wrapping_sub(before) as i16);
            self.habits.step(side, step);
            self.ip_ids[side.index()] = id;
        }
        self.count_plain(said, side, window, newly_acked);
        true
    }

    /// Whether both sides are in the middle of what they have to say. It changes only where a segment takes
    /// the long way, and where a rule has judged.
    pub(super) fn is_steady(&self) -> bool {
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

impl Half {
    /// Takes in an acknowledgment of something new.
    #[inline]
    fn hear<const TELL: bool>(
        &mut self,
        o: &mut Observation,
        said: &Said<'_>,
        first_frame: u64,
        store: &mut Store,
    ) {
        let heard = Heard {
            frame: said.frame(),
            time: said.time(),
            ack: said.tcp.ack,
            echo: said.ts.map(|ts| ts.1),
            of_unseen: false,
        };
        let advanced = self.advance(&heard, first_frame, store);
        let news = News {
            acked: true,
            sacked: false,
            dsack: None,
        };
        let (sent_twice, needless) = self.look_back(&heard, &news);
        if TELL {
            (o.newly_acked, o.rtt) = (advanced.newly_acked, advanced.rtt);
            (o.sent_twice, o.needless) = (sent_twice, needless);
        }
    }
}

/// The window of a segment and its right edge, if the segment comes next, and says something that its
/// receiver could expect.
#[inline]
fn prediction(said: &Said<'_>, sender: &Half, receiver: &Half) -> Option<(u32, Seq)> {
    let (seq, len) = (said.tcp.seq, said.len());
    let (ack, last_ack) = (said.tcp.ack, sender.last_ack?);
    let window = u32::from(said.tcp.window) << sender.shift?;
    let comes_next = seq == sender.nxt
        && seq == sender.seen_end
        && sender.floor.at_or_before(seq)
        && !receiver.window_closed();
    let acks_what_is_there = ack.at_or_after(receiver.una)
        && ack.at_or_before(receiver.nxt)
        && ack.at_or_after(last_ack);
    let is_news = len > 0 || ack.after(receiver.una) && ack != last_ack;
    let mss = u32::from(receiver.offer.mss);
    let fits = (mss == 0 || len <= mss)
        && (len == 0 || receiver.edge.is_none_or(|edge| said.end().from(edge) < 0));
    let edge = ack.plus(window);
    let retreats = sender.edge.is_some_and(|before| {
        let unit = 1_i32 << sender.shift.unwrap_or(0);
        before.from(edge) >= unit
    });
    (comes_next && acks_what_is_there && is_news && fits && !retreats).then_some((window, edge))
}

#[cfg(test)]
mod tests;
