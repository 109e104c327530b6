//! What came: which request a reply or an error is about, and what it says of it.

use std::net::IpAddr;
use std::time::Duration;

use super::compare::{compare, is_sound, turn_into_reply, write_reply};
use super::quote::{Queued, Reported};
use super::route;
use super::session::Session;
use super::slot::{Kept, Slot};
use crate::event::{EchoError, EchoEvent, OtherMessage, Reply, RoundTrip};
use crate::frame::Timestamp;
use crate::wire::{echo, icmp};

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// The ICMP message, without IP header.
    pub message: &'a [u8],
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// The options of its IPv4 header, as far as they are known.
    pub options: &'a [u8],
    /// How long the kernel had it before we did, where it says.
    pub kernel_lag: Option<Duration>,
    /// When the kernel received it, by the kernel's clock.
    pub stamp: Option<Timestamp>,
}

impl Session {
    /// A message came. Messages that are no reply to a request of this run are ignored.
    pub fn handle_reply(&mut self, now: Timestamp, received: Received<'_>) {
        let Some(message) = echo::Echo::parse(received.message) else {
            return;
        };
        let ours = message.kind == echo::reply(self.plan.is_v6()) && message.id == self.plan.id;
        if !ours || self.plan.is_of_others(received.message) {
            return self.handle_other(now, received.from, received.message);
        }
        self.advance(now);
        let Some(count) = self.find(message, &received) else {
            self.stats.strays += 1;
            return self.handle_other(now, received.from, received.message);
        };
        let timeout = self.timeout();
        let (plan, from) = (&self.plan, received.from);
        if count == self.written {
            turn_into_reply(plan, &self.message, from, &mut self.expected);
        } else {
            write_reply(plan, count, from, &mut self.expected);
        }
        let fault = compare(plan, from, received.message, &self.expected);
        let reordered = count < self.highest;
        self.highest = self.highest.max(count);
        let Some(slot) = self.slot(count) else { return };
        let own_ns = now.nanos_since(slot.sent);
        // A clock that was set between the two readings would make nonsense of it.
        let lag = received.kernel_lag.map(|lag| lag.as_nanos() as u64);
        let lag = lag.filter(|&lag| lag <= own_ns);
        slot.replies += 1;
        if slot.replies == 1 {
            slot.arrived = received.stamp;
        }
        let round_trip = RoundTrip {
            ns: own_ns - lag.unwrap_or(0),
            own_ns,
            by_kernel: lag.is_some(),
            kernel_ns: slot.kernel_ns(own_ns).filter(|_| slot.replies == 1),
        };
        let reply = Reply {
            count,
            seq: count as u16,
            time: now,
            from: received.from,
            bytes: received.message.len(),
            ttl: received.ttl,
            round_trip,
            route: route::read(received.options),
            number: slot.replies,
            late: Duration::from_nanos(round_trip.ns) > timeout,
            reordered: reordered && slot.replies == 1,
            fault,
        };
        self.take(now, reply);
    }

    fn take(&mut self, now: Timestamp, reply: Reply) {
        (self.last_reply, self.last_event) = (now, now);
        let good = reply.fault.is_none();
        let (number, round_trip) = (reply.number, reply.round_trip);
        let Some(slot) = self.slot(reply.count) else {
            return;
        };
        let (was_received, had_end) = (slot.is_received(), slot.has_end());
        if slot.reply.is_none() || (good && !was_received) {
            slot.reply = Some(Kept::of(&reply));
        }
        slot.ended.get_or_insert(now);
        self.ended += u64::from(!had_end);
        self.stats.duplicates += u64::from(number > 1);
        if good && !was_received {
            self.stats.received += 1;
            self.samples.add(round_trip.ns);
            if let Some(ns) = round_trip.kernel_ns {
                self.kernel.add(ns);
            }
            if round_trip.by_kernel {
                self.lag.0 += u128::from(round_trip.own_ns - round_trip.ns);
                self.lag.1 += 1;
            }
        }
        self.events.push_back(EchoEvent::Reply(reply));
    }

    /// The kernel gave that request to the driver, at that time by its own clock.
    pub fn handle_departed(&mut self, count: u64, stamp: Timestamp) {
        let Some(slot) = self.slot(count).filter(|slot| slot.departed.is_none()) else {
            return;
        };
        slot.departed = Some(stamp);
        // The reply can be here before the news that the request is gone.
        let own_ns = slot.reply.as_ref().map(|reply| reply.round_trip.own_ns);
        let Some(ns) = own_ns.and_then(|own_ns| slot.kernel_ns(own_ns)) else {
            return;
        };
        let received = slot.is_received();
        if let Some(reply) = slot.reply.as_mut().filter(|reply| reply.number == 1) {
            reply.round_trip.kernel_ns = Some(ns);
            if received {
                self.kernel.add(ns);
            }
        }
    }

    /// Which open request a reply is to: sequence number and data both tell.
    fn find(&mut self, message: echo::Echo<'_>, received: &Received<'_>) -> Option<u64> {
        let latest = self.latest(message.seq);
        let open = self.first..=self.sent;
        let is_open = |count: &u64| open.contains(count);
        let tag = self.plan.tag_of(message);
        let Some(tag) = tag.filter(|&tag| Some(tag) != latest) else {
            return latest.filter(is_open);
        };
        let earlier = tag > 0 && tag < self.sent && tag as u16 == message.seq;
        if earlier {
            // A late one of an earlier round.
            return Some(tag).filter(is_open);
        }
        if !is_open(&tag) || is_sound(&self.plan, received.from, received.message) {
            return latest.filter(is_open);
        }
        // They say different things, and one of them is damaged. The checksum is that of what was sent.
        match latest.filter(is_open) {
            Some(latest) if !self.has_checksum_of(latest, message, received.from) => Some(tag),
            None => Some(tag),
            latest => latest,
        }
    }

    /// The latest request with that sequence number.
    fn latest(&self, seq: u16) -> Option<u64> {
        let behind = u64::from((self.sent as u16).wrapping_sub(seq));
        self.sent.checked_sub(behind).filter(|&count| count > 0)
    }

    /// Which open request is quoted. A router looks at no ICMP checksum, so that what it quotes may
    /// have been damaged before: the number, and the count in the data.
    fn find_quoted(&mut self, message: &[u8]) -> Option<u64> {
        let quoted = echo::Echo::parse(message)?;
        let open = self.first..=self.sent;
        let by_seq = self.latest(quoted.seq).filter(|it| open.contains(it));
        let Some(tag) = self.plan.tag_of(quoted) else {
            return by_seq;
        };
        if tag as u16 == quoted.seq && (1..=self.sent).contains(&tag) {
            // They agree; an error about a request of an earlier round is not one about this round's.
            return Some(tag).filter(|it| open.contains(it));
        }
        let by_tag = Some(tag).filter(|it| open.contains(it));
        let (Some(seq), Some(tag)) = (by_seq, by_tag) else {
            return by_seq.or(by_tag);
        };
        if !self.plan.knows_checksum() {
            return by_tag;
        }
        // The checksum is that of what was sent.
        self.plan.write_request(&mut self.expected, seq);
        let of_seq = echo::Echo::parse(&self.expected).map(|it| it.checksum);
        Some(if of_seq == Some(quoted.checksum) {
            seq
        } else {
            tag
        })
    }

    /// Whether a reply has the checksum of that to request `count`.
    fn has_checksum_of(&mut self, count: u64, message: echo::Echo<'_>, from: IpAddr) -> bool {
        write_reply(&self.plan, count, from, &mut self.expected);
        echo::Echo::parse(&self.expected).is_some_and(|it| it.checksum == message.checksum)
    }

    pub(super) fn slot(&mut self, count: u64) -> Option<&mut Slot> {
        let index = count.checked_sub(self.first)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    /// An ICMP message came that may quote one of the requests; ignored if it does not.
    pub fn handle_reported(&mut self, now: Timestamp, reported: &Reported<'_>) {
        let Some(quoted) = reported.request(&self.plan) else {
            return self.handle_other(now, reported.from, reported.message);
        };
        if let Some(count) = self.find_quoted(quoted)
            && let Some(error) = reported.read(&self.plan, count)
        {
            self.fail(now, count, error);
        }
    }

    /// An error was in the socket's queue; ignored if it is about none of the requests.
    pub fn handle_queued(&mut self, now: Timestamp, queued: &Queued<'_>) {
        if let Some(quoted) = queued.request(&self.plan)
            && let Some(count) = self.find_quoted(quoted)
        {
            let error = queued.read(&self.plan, count);
            self.fail(now, count, error);
        }
    }

    /// A message that settles nothing. A request is none of them: on the loopback interface a raw
    /// socket hears its own.
    fn handle_other(&mut self, now: Timestamp, from: IpAddr, message: &[u8]) {
        let v6 = self.plan.is_v6();
        let &[kind, code, ..] = message else { return };
        if self.plan.verbose && kind != echo::request(v6) {
            self.events.push_back(EchoEvent::Other(OtherMessage {
                time: now,
                from,
                kind,
                code,
                meaning: icmp::name(v6, kind, code),
                bytes: message.len(),
            }));
        }
    }

    /// Puts an error down to a request.
    pub(super) fn fail(&mut self, now: Timestamp, count: u64, error: EchoError) {
        let error = Box::new(error);
        self.advance(now);
        self.last_event = now;
        let Some(slot) = self.slot(count) else { return };
        let had_end = slot.has_end();
        if slot.error.is_none() {
            slot.error = Some(error.clone());
        }
        slot.ended.get_or_insert(now);
        self.ended += u64::from(!had_end);
        self.stats.errors += 1;
        self.events.push_back(EchoEvent::Error {
            count,
            seq: count as u16,
            time: now,
            error,
        });
    }
}
