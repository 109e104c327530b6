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
pub(super) struct Said {
    pub(super) frame: u64,
    pub(super) time: Timestamp,
    pub(super) flags: Flags,
    /// Payload bytes, all of them captured.
    pub(super) len: u32,
    seq: Seq,
    ack: Seq,
    field: u16,
    ts: Option<(u32, u32)>,
    ip_id: Option<u32>,
    ttl: u8,
    /// The payload's first byte.
    first_byte: Option<u8>,
    /// Whether its checksum was looked at, and is not wrong.
    verified: bool,
}

impl Said {
    /// Reads a segment, if there is nothing else in it.
    #[inline]
    pub(super) fn of(arrival: &Arrival, tcp: &Tcp<'_>) -> Option<Self> {
        let plain = tcp.flags.0 & DECISIVE == Flags::ACK.0
            && tcp.window != 0
            && tcp.payload.len() == tcp.payload_len as usize
            && tcp.checksum != Checksum::Bad;
        let ts = match tcp.options {
            _ if !plain => return None,
            [] => None,
            options => Some(plain_timestamps(options)?),
        };
        Some(Self {
            frame: arrival.frame,
            time: arrival.time,
            flags: tcp.flags,
            len: tcp.payload_len,
            seq: tcp.seq,
            ack: tcp.ack,
            field: tcp.window,
            ts,
            ip_id: arrival.ip_id,
            ttl: arrival.ttl,
            first_byte: tcp.payload.first().copied(),
            verified: tcp.checksum != Checksum::Unverified,
        })
    }

    const fn end(&self) -> Seq {
        self.seq.plus(self.len)
    }

    fn print(&self) -> u32 {
        let features = Features {
            time: self.time,
            ip_id: self.ip_id,
            seq: self.seq,
            ack: Some(self.ack),
            len: self.len,
            flags: self.flags,
            field: self.field,
            ts: self.ts,
        };
        features.print(&[])
    }

    /// Itself, as what is sent and not acknowledged yet.
    fn sent(&self, full_size: bool, stamp: Stamp) -> Sent {
        let tsval = self.ts.map(|ts| ts.0);
        Sent {
            seq: self.seq,
            end: self.end(),
            resent: 0,
            full_size,
            id: stamp.id.unwrap_or(0),
            tsval,
            last_tsval: tsval,
            frame: self.frame,
            last_frame: self.frame,
            time: self.time,
            last_time: self.time,
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
        said: &Said,
        side: Side,
        store: &mut Store,
    ) -> bool {
        if !self.habits.steady() {
            return false;
        }
        let first_frame = self.first_frame;
        let (sender, receiver) = self.pair(side);
        let Some((window, edge)) = prediction(said, sender, receiver) else {
            return false;
        };
        let print = said.print();
        let refused = if said.len > 0 {
            sender.sent.len() >= store.limit || sender.idle_ns(said.time) > SILENCE_NS
        } else {
            sender.recent.contains(&print)
        };
        if refused {
            return false;
        }
        sender.remember_print(print);
        sender.ttl = said.ttl;
        sender.checksums_work |= said.verified;
        let stamp = Stamp::new(said.ts, said.ip_id);
        let (ids_count, order) = sender.put_in_order(stamp);
        if said.len > 0 {
            let full_size = sender.is_full_size(said.len);
            sender.append(said.sent(full_size, stamp), store);
            sender.one_byte = said.first_byte.filter(|_| said.len == 1);
        }
        sender.keep_in_reach(first_frame, store);
        sender.last_ack = Some(said.ack);
        (sender.window_field, sender.window) = (Some(said.field), Some(window));
        sender.edge = Some(edge);
        if TELL {
            o.new = said.len;
            (o.stamp, o.ids_count, o.order) = (stamp, ids_count, order);
            if let (Some(edge), true) = (receiver.edge, said.len > 0) {
                o.past_edge = said.end().from(edge);
            }
        }
        let newly_acked = said.ack.after(receiver.una);
        if newly_acked {
            receiver.hear::<TELL>(o, said, first_frame, store);
        }
        let id = said.ip_id.unwrap_or(0) as u16;
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
        said: &Said,
        first_frame: u64,
        store: &mut Store,
    ) {
        let heard = Heard {
            frame: said.frame,
            time: said.time,
            ack: said.ack,
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
fn prediction(said: &Said, sender: &Half, receiver: &Half) -> Option<(u32, Seq)> {
    let (ack, last_ack) = (said.ack, sender.last_ack?);
    let window = u32::from(said.field) << sender.shift?;
    let comes_next = said.seq == sender.nxt
        && said.seq == sender.seen_end
        && sender.floor.at_or_before(said.seq)
        && !receiver.window_closed();
    let acks_what_is_there = ack.at_or_after(receiver.una)
        && ack.at_or_before(receiver.nxt)
        && ack.at_or_after(last_ack);
    let is_news = said.len > 0 || ack.after(receiver.una) && ack != last_ack;
    let mss = u32::from(receiver.offer.mss);
    let fits = (mss == 0 || said.len <= mss)
        && (said.len == 0 || receiver.edge.is_none_or(|edge| said.end().from(edge) < 0));
    let edge = ack.plus(window);
    let retreats = sender.edge.is_some_and(|before| {
        let unit = 1_i32 << sender.shift.unwrap_or(0);
        before.from(edge) >= unit
    });
    (comes_next && acks_what_is_there && is_news && fits && !retreats).then_some((window, edge))
}

#[cfg(test)]
mod tests;
