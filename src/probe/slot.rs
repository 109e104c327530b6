//! What is known of one request until it is settled.

use std::net::IpAddr;
use std::time::Duration;

use crate::event::{Echo, EchoError, EchoState, Reply, ReplyFault, RoundTrip, Route};
use crate::frame::Timestamp;

/// A request under way. Many of them are kept in a flood, so what is rare is elsewhere.
#[derive(Debug)]
pub(super) struct Slot {
    /// When it was sent.
    pub(super) sent: Timestamp,
    /// When the kernel gave it to the driver, by the kernel's clock.
    pub(super) departed: Option<Timestamp>,
    /// When the kernel received the reply, by the kernel's clock.
    pub(super) arrived: Option<Timestamp>,
    /// When the first reply or error came.
    pub(super) ended: Option<Timestamp>,
    /// Replies so far.
    pub(super) replies: u32,
    /// The good reply, or the first one while there is none.
    pub(super) reply: Option<Kept>,
    /// The error, where one came.
    pub(super) error: Option<Box<EchoError>>,
}

/// What is kept of a reply: tens of thousands of them in a flood, so that what few have is elsewhere, and
/// the rest in place.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) round_trip: RoundTrip,
    from: IpAddr,
    bytes: usize,
    pub(super) number: u32,
    ttl: Option<u8>,
    late: bool,
    reordered: bool,
    /// What routers recorded, and what is wrong with it.
    rare: Option<Box<(Option<Route>, Option<ReplyFault>)>>,
}

impl Kept {
    pub(super) fn of(reply: &Reply) -> Self {
        let is_rare = reply.route.is_some() || reply.fault.is_some();
        Self {
            round_trip: reply.round_trip,
            from: reply.from,
            bytes: reply.bytes,
            number: reply.number,
            ttl: reply.ttl,
            late: reply.late,
            reordered: reply.reordered,
            rare: is_rare.then(|| Box::new((reply.route.clone(), reply.fault.clone()))),
        }
    }

    fn fault(&self) -> Option<&ReplyFault> {
        self.rare.as_ref()?.1.as_ref()
    }
}

impl Slot {
    pub(super) const fn new(sent: Timestamp) -> Self {
        Self {
            sent,
            departed: None,
            arrived: None,
            ended: None,
            replies: 0,
            reply: None,
            error: None,
        }
    }

    /// Whether a good reply came.
    pub(super) fn is_received(&self) -> bool {
        self.reply.as_ref().is_some_and(|it| it.fault().is_none())
    }

    /// Whether anything came that ends the wait for it.
    pub(super) fn has_end(&self) -> bool {
        self.reply.is_some() || self.error.is_some()
    }

    /// Whether it is still waited for, if a reply may take so long.
    pub(super) fn is_awaited(&self, now: Timestamp, timeout: Duration) -> bool {
        !self.has_end() && now.since(self.sent) < timeout
    }

    /// The round trip by the kernel's clock alone. A clock that was set in between makes it longer than
    /// ours, which is never set, or negative; a thousandth is what it may be steered by.
    pub(super) fn kernel_ns(&self, own_ns: u64) -> Option<u64> {
        let (departed, arrived) = (self.departed?, self.arrived?);
        let ns = (arrived >= departed).then(|| arrived.nanos_since(departed))?;
        (ns <= own_ns + own_ns / 1_000).then_some(ns)
    }

    /// The state that it would end in now.
    pub(super) fn state(&self) -> EchoState {
        match (&self.reply, &self.error) {
            (Some(reply), _) => match reply.fault() {
                Some(fault) => fault.state(),
                None if self.replies > 1 => EchoState::Duplicate,
                None if reply.late => EchoState::Late,
                None if reply.reordered => EchoState::Reordered,
                None => EchoState::Answered,
            },
            (None, Some(error)) if error.icmp.is_none() => EchoState::Unsent,
            (None, Some(_)) => EchoState::IcmpError,
            (None, None) => EchoState::Lost,
        }
    }

    /// The end of it.
    pub(super) fn settle(self, count: u64) -> Echo {
        let state = self.state();
        let of_error = self.error.as_ref().and_then(|error| error.from);
        let reply = self.reply.as_ref();
        let (round_trip, ttl) = (reply.map(|it| it.round_trip), reply.and_then(|it| it.ttl));
        let (bytes, from) = (reply.map(|it| it.bytes), reply.map(|it| it.from));
        let rare = self.reply.and_then(|it| it.rare);
        let (route, fault) = rare.map_or((None, None), |it| *it);
        Echo {
            count,
            seq: count as u16,
            time: self.sent,
            state,
            round_trip,
            ttl,
            bytes,
            from: from.or(of_error),
            replies: self.replies,
            route,
            fault,
            error: self.error,
        }
    }
}
