//! The wire itself: joins what faults, chance, links and routers do to a packet.
//!
//! A packet that a host gives to the wire is numbered and counted ([`super::Selector`]); then faults
//! befall it, in the order in which they are listed; then chance; then it waits for the link and is
//! sent; then it travels past the routers, which stand at equal distances. All of this is settled the
//! moment the packet enters (or, if it is held, leaves): what comes out depends on what goes in and
//! when, and on the seed, but not on how often the wire is polled.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::config::Config;
use super::corrupt::{flip, mend};
use super::counting::{Counter, Sighting};
use super::fate::{Cause, Fate, Origin, Outcome};
use super::fault::{Action, Armed, MAX_COPIES};
use super::hold::{Held, Holds};
use super::impair::{Chance, Draw};
use super::link::{Link, Sender};
use super::parcel::{Flying, Parcel, after};
use super::router::{Chain, Exit, Router};
use super::side::{Both, Side};
use crate::frame::Timestamp;

/// Most bytes of frames on the wire and waiting for it, with what it takes to keep them. What enters
/// when it is full is lost.
pub const MAX_BYTES: usize = 64 << 20;

/// Most fates kept for [`Wire::poll_fate`]; then the oldest is lost.
pub const MAX_FATES: usize = 1 << 16;

/// What it takes to keep a frame, beside its bytes.
const OVERHEAD: usize = 256;

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

/// A frame that comes out of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Who gets it.
    pub to: Side,
    /// Which packet it is, as [`Fate::packet`].
    pub packet: u64,
    /// It is the Nth that comes out, from 1. Its fate has the same number and is the next that
    /// [`Wire::poll_fate`] gives, after those of packets lost before.
    pub delivery: u64,
    /// When it was to come out.
    pub due: Timestamp,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// One direction at work.
#[derive(Debug)]
struct Direction {
    sender: Sender,
    chance: Chance,
    holds: Holds,
    /// Until when everything is lost, and which fault has it so.
    blocked: Option<(Timestamp, Cause)>,
    /// The latest arrival so far, where jitter may not reorder.
    latest_due: Timestamp,
    /// The highest number delivered.
    delivered: u64,
}

impl Direction {
    fn new(seed: u64, number: u64) -> Self {
        Self {
            sender: Sender::default(),
            chance: Chance::new(seed, number),
            holds: Holds::default(),
            blocked: None,
            latest_due: Timestamp::default(),
            delivered: 0,
        }
    }
}

/// The wire between two hosts.
///
/// It does nothing by itself: whoever drives it gives it frames as hosts send them, asks when to come
/// again, and takes what is due. The time is what it is told; it never goes backwards.
#[derive(Debug)]
pub struct Wire {
    links: Both<Link>,
    routers: Vec<Router>,
    faults: Vec<Armed>,
    counter: Counter,
    directions: Both<Direction>,
    flying: BinaryHeap<Reverse<Flying>>,
    order: u64,
    deliveries: u64,
    bytes: usize,
    now: Timestamp,
    fates: VecDeque<Fate>,
    fates_lost: u64,
    /// What leaves the routers, kept between packets for its memory.
    exits: Vec<Exit>,
}

impl Wire {
    /// A wire that has carried nothing.
    pub fn new(config: Config) -> Self {
        let Config {
            seed,
            links,
            faults,
            routers,
            port,
        } = config;
        Self {
            links,
            routers,
            faults: faults.into_iter().map(Armed::new).collect(),
            counter: Counter::new(port),
            directions: Both {
                client: Direction::new(seed, 0),
                server: Direction::new(seed, 1),
            },
            flying: BinaryHeap::new(),
            order: 0,
            deliveries: 0,
            bytes: 0,
            now: Timestamp::default(),
            fates: VecDeque::new(),
            fates_lost: 0,
            exits: Vec::new(),
        }
    }

    /// Takes an Ethernet frame that the host on `side` sends; gives its number, from 1.
    pub fn handle_frame(&mut self, now: Timestamp, side: Side, frame: &[u8]) -> u64 {
        let now = self.advance(now);
        let seen = self.counter.see(now, side, frame);
        let direction = self.directions.of_mut(side);
        let draw = direction.chance.draw(self.links.of(side));
        let blocked = direction.blocked.filter(|&(until, _)| now < until);
        let mut parcel = Parcel {
            packet: seen.packet,
            connection: seen.connection,
            time: now,
            from: side,
            ip: seen.ip,
            frame: frame.to_vec(),
            outcome: Outcome::Delivered,
            cause: None,
            delay: Duration::ZERO,
            jitter: draw.jitter,
            copies: 0,
            copied_by: None,
        };
        let hold = self.befall(&seen, &mut parcel);
        if let Some((_, cause)) = blocked {
            parcel.worsen(Outcome::Dropped, cause);
        }
        self.try_chance(draw, &mut parcel);
        if parcel.outcome != Outcome::Dropped && !self.has_room(&parcel) {
            parcel.worsen(Outcome::Dropped, Cause::WireFull);
        }
        if parcel.outcome == Outcome::Dropped {
            self.lost(&parcel, Outcome::Dropped, parcel.cause);
        } else if let Some((packets, timeout)) = hold {
            self.bytes += parcel.frame.len() + OVERHEAD;
            let holds = &mut self.directions.of_mut(side).holds;
            holds.add(parcel, now, packets, timeout);
        } else {
            self.send(parcel, now, None);
        }
        self.release(side, now);
        seen.packet
    }

    /// A frame that is due, in the order in which frames are due; `None` when there is none.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Transmit> {
        let now = self.advance(now);
        if self.flying.peek()?.0.due > now {
            return None;
        }
        let Reverse(Flying {
            due,
            to,
            mut fate,
            bytes,
            ..
        }) = self.flying.pop()?;
        self.bytes = self.bytes.saturating_sub(bytes.len() + OVERHEAD);
        self.deliveries += 1;
        if let Origin::Host(from) = fate.from {
            let delivered = &mut self.directions.of_mut(from).delivered;
            if fate.outcome == Outcome::Delivered && fate.packet < *delivered {
                fate.outcome = Outcome::Reordered;
            }
            *delivered = fate.packet.max(*delivered);
        }
        fate.delivered_at = Some(now);
        fate.late = now.since(due);
        fate.delivery = Some(self.deliveries);
        let packet = fate.packet;
        self.note(fate);
        Some(Transmit {
            to,
            packet,
            delivery: self.deliveries,
            due,
            bytes,
        })
    }

    /// When to ask for frames again; `None`: not before a host sends something.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let due = self.flying.peek().map(|flying| flying.0.due);
        let held = [Side::Client, Side::Server]
            .into_iter()
            .filter_map(|side| self.directions.of(side).holds.deadline());
        due.into_iter().chain(held).min()
    }

    /// What became of a packet, in the order in which it was settled: at once when it is lost, else
    /// when it is delivered.
    pub fn poll_fate(&mut self) -> Option<Fate> {
        self.fates.pop_front()
    }

    /// How many fates nobody asked for in time: more than [`MAX_FATES`] are not kept.
    pub const fn fates_lost(&self) -> u64 {
        self.fates_lost
    }

    /// How many frames are on the wire, held ones not counted.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Moves the time on, past the deadlines of held packets, each at its own time.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        let now = self.now.max(now);
        while let Some((side, deadline)) = self.next_deadline()
            && deadline <= now
        {
            let at = self.now.max(deadline);
            self.now = at;
            let Some(held) = self.directions.of_mut(side).holds.expired(deadline) else {
                break;
            };
            self.unhold(held, at);
            self.release(side, at);
        }
        self.now = now;
        now
    }

    fn next_deadline(&self) -> Option<(Side, Timestamp)> {
        [Side::Client, Side::Server]
            .into_iter()
            .filter_map(|side| Some((side, self.directions.of(side).holds.deadline()?)))
            .min_by_key(|&(_, deadline)| deadline)
    }

    /// Lets every fault look at a packet, and those that meet it change it. Gives what it is to wait
    /// for.
    fn befall(&mut self, seen: &Sighting, parcel: &mut Parcel) -> Option<(u32, Duration)> {
        let mut hold = None;
        for (index, armed) in self.faults.iter_mut().enumerate() {
            // Every fault counts for itself, so each has to see each packet.
            if !armed.meets(seen, &self.counter) {
                continue;
            }
            let cause = Cause::Fault(index);
            match &armed.fault.action {
                Action::Drop => parcel.worsen(Outcome::Dropped, cause),
                Action::Delay(by) => {
                    parcel.delay = parcel.delay.saturating_add(*by);
                    parcel.worsen(Outcome::Delayed, cause);
                }
                Action::Duplicate(copies) => {
                    parcel.copies = parcel.copies.saturating_add(*copies).min(MAX_COPIES);
                    parcel.copied_by = Some(cause);
                }
                Action::Hold { packets, timeout } => {
                    hold = Some((*packets, *timeout));
                    parcel.worsen(Outcome::Delayed, cause);
                }
                Action::Corrupt { damage, mend: sums } => {
                    if damage.apply(&mut parcel.frame) {
                        parcel.worsen(Outcome::Corrupted, cause);
                        if *sums {
                            mend(&mut parcel.frame);
                        }
                    }
                }
                Action::Truncate(len) => {
                    let len = (*len).max(ETHERNET);
                    if len < parcel.frame.len() {
                        parcel.frame.truncate(len);
                        parcel.worsen(Outcome::Corrupted, cause);
                    }
                }
                Action::Block(time) => {
                    let until = after(parcel.time, *time);
                    let blocked = &mut self.directions.of_mut(parcel.from).blocked;
                    if blocked.is_none_or(|(already, _)| already < until) {
                        *blocked = Some((until, cause));
                    }
                    parcel.worsen(Outcome::Dropped, cause);
                }
            }
        }
        hold
    }

    /// Does to a packet what chance has in mind.
    fn try_chance(&mut self, draw: Draw, parcel: &mut Parcel) {
        if draw.lost {
            parcel.worsen(Outcome::Dropped, Cause::Chance);
        }
        if draw.duplicated && parcel.copies < MAX_COPIES {
            parcel.copies += 1;
            parcel.copied_by = parcel.copied_by.or(Some(Cause::Chance));
        }
        let bits = parcel.frame.len().saturating_sub(ETHERNET) as u64 * 8;
        if draw.corrupted && bits > 0 {
            let chance = &mut self.directions.of_mut(parcel.from).chance;
            flip(&mut parcel.frame, ETHERNET as u64 * 8 + chance.bit(bits));
            parcel.worsen(Outcome::Corrupted, Cause::Chance);
        }
    }

    fn has_room(&self, parcel: &Parcel) -> bool {
        let each = parcel.frame.len() + OVERHEAD;
        let all = each.saturating_mul(usize::from(parcel.copies) + 1);
        self.bytes.saturating_add(all) <= MAX_BYTES
    }

    /// Lets a held packet go.
    fn unhold(&mut self, held: Held, at: Timestamp) {
        let Held {
            mut parcel, behind, ..
        } = held;
        self.bytes = self.bytes.saturating_sub(parcel.frame.len() + OVERHEAD);
        if behind.is_some() && parcel.outcome == Outcome::Delayed {
            parcel.outcome = Outcome::Reordered;
        }
        self.send(parcel, at, behind);
    }

    /// Lets those held packets go that wait for nothing more.
    fn release(&mut self, side: Side, at: Timestamp) {
        while let Some(held) = self.directions.of_mut(side).holds.ready() {
            self.unhold(held, at);
        }
    }

    /// Gives a packet and its copies to the link, to arrive not before `behind`.
    fn send(&mut self, mut parcel: Parcel, at: Timestamp, behind: Option<Timestamp>) {
        let copies = std::mem::take(&mut parcel.copies);
        for _ in 0..copies {
            self.send_one(parcel.clone(), at, behind);
            // The next one is the copy.
            parcel.outcome = parcel.outcome.max(Outcome::Duplicated);
            parcel.cause = parcel.copied_by.or(parcel.cause);
        }
        self.send_one(parcel, at, behind);
    }

    fn send_one(&mut self, mut parcel: Parcel, at: Timestamp, behind: Option<Timestamp>) {
        let from = parcel.from;
        let (link, direction) = (self.links.of(from), self.directions.of_mut(from));
        let Some(sent) = direction.sender.enter(link.rate, at, parcel.frame.len()) else {
            self.lost(&parcel, Outcome::Dropped, Some(Cause::QueueFull));
            return;
        };
        let mut due = after(after(sent, link.delay), parcel.jitter);
        if !link.jitter.reorders {
            due = due.max(direction.latest_due);
            direction.latest_due = due;
        }
        due = after(due, parcel.delay).max(behind.unwrap_or_default());
        let frame = std::mem::take(&mut parcel.frame);
        let (Some(ip_at), false) = (parcel.ip, self.routers.is_empty()) else {
            self.arrive(&parcel, due, frame);
            return;
        };
        let mut exits = std::mem::take(&mut self.exits);
        let chain = Chain {
            routers: &self.routers,
            from,
            ip_at,
        };
        chain.pass(frame, &mut exits);
        for exit in exits.drain(..) {
            match exit {
                Exit::Through { frame, cut_by } => {
                    let mut parcel = parcel.clone();
                    parcel.cause = parcel.cause.or(cut_by.map(Cause::TooBig));
                    self.arrive(&parcel, due, frame);
                }
                Exit::Lost {
                    cause,
                    hops,
                    answer,
                } => {
                    self.lost(&parcel, Outcome::Dropped, Some(cause));
                    if let Some((router, frame)) = answer {
                        self.answer(&parcel, after(sent, parcel.delay), hops, router, frame);
                    }
                }
            }
        }
        self.exits = exits;
    }

    /// A frame is on its way to the far host.
    fn arrive(&mut self, parcel: &Parcel, due: Timestamp, frame: Vec<u8>) {
        let holds = &mut self.directions.of_mut(parcel.from).holds;
        if !holds.is_empty() {
            holds.passed(parcel.packet, parcel.connection, due);
        }
        let fate = parcel.fate(parcel.outcome, parcel.cause);
        self.fly(due, parcel.from.other(), fate, frame);
    }

    /// A router answers a packet that left its host at `sent` and came `hops` routers far. There and
    /// back it takes the part of each direction's delay that lies between host and router.
    fn answer(
        &mut self,
        parcel: &Parcel,
        sent: Timestamp,
        hops: usize,
        router: usize,
        frame: Vec<u8>,
    ) {
        let distance = |side| {
            let whole = self.links.of(side).delay.as_nanos();
            let part = whole * hops as u128 / (self.routers.len() as u128 + 1);
            Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
        };
        if self.bytes >= MAX_BYTES {
            return;
        }
        let there = after(sent, distance(parcel.from));
        let due = after(there, distance(parcel.from.other()));
        let fate = Fate {
            from: Origin::Router(router),
            time: there,
            ..parcel.fate(Outcome::Delivered, None)
        };
        self.fly(due, parcel.from, fate, frame);
    }

    fn fly(&mut self, due: Timestamp, to: Side, fate: Fate, bytes: Vec<u8>) {
        self.order += 1;
        self.bytes += bytes.len() + OVERHEAD;
        self.flying.push(Reverse(Flying {
            due,
            order: self.order,
            to,
            fate,
            bytes,
        }));
    }

    fn lost(&mut self, parcel: &Parcel, outcome: Outcome, cause: Option<Cause>) {
        self.note(parcel.fate(outcome, cause));
    }

    fn note(&mut self, fate: Fate) {
        if self.fates.len() >= MAX_FATES {
            self.fates.pop_front();
            self.fates_lost += 1;
        }
        self.fates.push_back(fate);
    }
}
