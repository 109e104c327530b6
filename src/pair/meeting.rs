//! What two captures, looked through, have in common: which connection of one is which of the other, which
//! place is nearer to whom, and how the clocks stand.
//!
//! A round trip takes long where it was begun and almost no time at the far end, whatever the clocks say.
//! So of two packets in opposite directions the one that left at A shows B's clock further ahead, by the
//! way there and the way back: that tells which direction is which. Where the ways are too short for that,
//! or all went in one direction, the time to live does, which routers count down (RFC 791 section 3.2).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::clock::{Clock, Sight};
use super::homes::Homes;
use super::survey::{Spot, Survey, Way};
use crate::event::{ClockBasis, ClockNote, Host};
use crate::frame::Timestamp;

/// Round trips shorter than this tell no direction: captures of whole microseconds are wrong by as much.
const TELLING_NS: i128 = 3_000;
/// Fewest packets in common by which a connection is known that has other addresses at either place.
const ENOUGH: u32 = 3;
/// From this port on, ports are the kernel's to give out (Linux; IANA begins at 49,152).
const EPHEMERAL: u16 = 32_768;

/// What two captures have in common. The first was given first; either may be the client's.
#[derive(Debug, Default)]
pub struct Meeting {
    /// Which of the two is nearer to who opened the connections: drawn left, called client.
    pub first_is: Option<Host>,
    pub(super) clock: Clock,
    /// Whether the clock is to be corrected.
    pub(super) same_clock: bool,
    /// What the second capture calls what the first calls otherwise.
    pub(super) renamed: HashMap<Way, Way>,
    homes: Vec<(IpAddr, Host)>,
    /// When each capture begins and ends, the client's first, by the first one's clock.
    pub(super) spans: Option<[[Timestamp; 2]; 2]>,
    /// The quickest way from the client, and from the server.
    pub(super) quickest_ns: [u64; 2],
    /// By how much packets seem to arrive before they leave, at the worst.
    pub slack_ns: u64,
}

/// A packet that both have.
struct Common {
    spots: [Spot; 2],
    at: [Timestamp; 2],
}

/// What is in common of one connection, or of other packets between two hosts.
#[derive(Default)]
struct Talk {
    /// Of the way as its key has it, and of the way back.
    packets: [Vec<Common>; 2],
}

impl Meeting {
    /// What the two have in common; `None` when that is too little to say that they are of the same.
    pub fn of(surveys: &[Survey; 2]) -> Option<Self> {
        let talks = talks(surveys);
        if talks.is_empty() {
            return None;
        }
        let there: Vec<Option<bool>> = talks.values().map(Talk::goes_there).collect();
        let first_is = first_is(&talks, &there);
        let left_is_first = first_is != Some(Host::Server);
        let mut meeting = Self {
            first_is,
            ..Self::default()
        };
        let mut sights = Vec::new();
        for ((way, talk), there) in talks.iter().zip(there) {
            // What can't be told goes from who opened it, if it is known who did, to the other.
            let there = there.unwrap_or_else(|| talk.opener(way).unwrap_or(true) == left_is_first);
            meeting.learns(way, talk, there);
            for (packets, there) in talk.packets.iter().zip([there, !there]) {
                sights.extend(packets.iter().map(|common| Sight {
                    at: common.at,
                    there,
                }));
            }
        }
        meeting.clock = Clock::of(&sights);
        meeting.measure(&sights, surveys);
        Some(meeting)
    }

    /// Two captures that one clock timed, of which it is known whose each is.
    pub fn at_home(first: Host) -> Self {
        Self {
            first_is: Some(first),
            same_clock: true,
            ..Self::default()
        }
    }

    /// Whose capture the first is, where that can be told, and else whose it is taken for.
    pub fn first(&self) -> Host {
        self.first_is.unwrap_or(Host::Client)
    }

    /// A time of that host's capture by the clock of the first.
    #[must_use]
    pub fn correct(&self, host: Host, time: Timestamp) -> Timestamp {
        if self.same_clock || host == self.first() {
            time
        } else {
            self.clock.correct(time)
        }
    }

    /// What is to be said of the clocks.
    pub fn clock(&self) -> ClockNote {
        let of = self.first().other();
        let note = self.clock.note(of);
        if self.same_clock {
            ClockNote {
                basis: ClockBasis::SameClock,
                ..note
            }
        } else {
            note
        }
    }

    /// Whose the addresses are that both captures show.
    pub fn tell(&self, homes: &mut Homes) {
        for &(address, host) in &self.homes {
            homes.knows(address, host);
        }
    }

    /// Writes down whose the addresses are, and what they are called at the second place.
    fn learns(&mut self, way: &Way, talk: &Talk, there: bool) {
        let first = self.first();
        let [near, far] = if there {
            [first, first.other()]
        } else {
            [first.other(), first]
        };
        let Some((second, turned)) = talk.second_way() else {
            return;
        };
        let second = if turned { second.back() } else { second };
        for way in [*way, second] {
            self.homes.push((way.src.0, near));
            self.homes.push((way.dst.0, far));
        }
        if second != *way {
            self.renamed.insert(second, *way);
            self.renamed.insert(second.back(), way.back());
        }
    }

    fn measure(&mut self, sights: &[Sight], surveys: &[Survey; 2]) {
        let first = self.first();
        let mut least = [None::<i128>; 2];
        for sight in sights {
            let a = i128::from(sight.at[0].as_nanos());
            let b = i128::from(self.clock.correct(sight.at[1]).as_nanos());
            let (from, way) = if sight.there {
                (first, b - a)
            } else {
                (first.other(), a - b)
            };
            let least = &mut least[from.index()];
            *least = Some(least.map_or(way, |old| old.min(way)));
        }
        let worst = least.iter().flatten().min().copied().unwrap_or(0);
        self.slack_ns = u64::try_from((-worst).max(0)).unwrap_or(u64::MAX);
        self.quickest_ns = least.map(|ns| u64::try_from(ns.unwrap_or(0).max(0)).unwrap_or(0));
        let [a, b] = surveys;
        self.spans = a.span.zip(b.span).map(|(a, b)| {
            let b = b.map(|time| self.clock.correct(time));
            match first {
                Host::Client => [a, b],
                Host::Server => [b, a],
            }
        });
    }
}

/// Everything in common, by the way that the first capture shows.
fn talks(surveys: &[Survey; 2]) -> BTreeMap<Way, Talk> {
    let [first, second] = surveys;
    let both = || {
        first.spots.iter().filter_map(|(key, a)| {
            let b = second.spots.get(key)?;
            (!a.again && !b.again).then_some((*a, *b))
        })
    };
    // A connection of the second capture is the one of the first with which it has most in common.
    let mut votes: HashMap<(Way, Way), u32> = HashMap::new();
    for (a, b) in both() {
        let (a, b) = if a.way <= a.way.back() {
            (a.way, b.way)
        } else {
            (a.way.back(), b.way.back())
        };
        *votes.entry((b, a)).or_default() += 1;
    }
    let mut best: HashMap<Way, (u32, Way)> = HashMap::new();
    for (&(b, a), &count) in &votes {
        let known = best.entry(b).or_insert((count, a));
        *known = (*known).max((count, a));
    }
    best.retain(|b, (count, a)| match b.protocol {
        // Numbers of 32 bits each are not the same by chance.
        6 => *a == *b || *count >= ENOUGH,
        _ => *count >= 2,
    });
    let mut talks: BTreeMap<Way, Talk> = BTreeMap::new();
    for (a, b) in both() {
        let forward = a.way <= a.way.back();
        let (key, other) = if forward {
            (a.way, b.way)
        } else {
            (a.way.back(), b.way.back())
        };
        if best.get(&other).is_some_and(|(_, way)| *way == key) {
            let talk = talks.entry(key).or_default();
            talk.packets[usize::from(!forward)].push(Common {
                at: [a.time, b.time],
                spots: [a, b],
            });
        }
    }
    for talk in talks.values_mut() {
        for packets in &mut talk.packets {
            packets.sort_by_key(|common| common.at);
        }
    }
    talks
}

/// Which host the first capture is of: that of who opened most connections that can be told of.
fn first_is(talks: &BTreeMap<Way, Talk>, there: &[Option<bool>]) -> Option<Host> {
    let mut votes = 0_i64;
    for ((way, talk), there) in talks.iter().zip(there) {
        if let (Some(there), Some(opener)) = (there, talk.opener(way)) {
            votes += if *there == opener { 1 } else { -1 };
        }
    }
    let any = talks
        .iter()
        .zip(there)
        .any(|((way, talk), there)| there.is_some() && talk.opener(way).is_some());
    any.then_some(if votes < 0 {
        Host::Server
    } else {
        Host::Client
    })
}

impl Talk {
    /// The way of the second capture, and whether it is of the way back.
    fn second_way(&self) -> Option<(Way, bool)> {
        let of = |at: usize| self.packets[at].first().map(|common| common.spots[1].way);
        of(0)
            .map(|way| (way, false))
            .or_else(|| of(1).map(|way| (way, true)))
    }

    /// Whether the way as the key has it leads from the first place to the second.
    fn goes_there(&self) -> Option<bool> {
        let [on, back] = &self.packets;
        let mut votes = 0_i64;
        let difference = |common: &Common| {
            let at = common.at;
            Sight { at, there: true }.difference()
        };
        // Each with the nearest in time of the other direction: clocks that drift are equally wrong then.
        let mut at = 0;
        for common in on {
            while back.get(at + 1).is_some_and(|next| next.at <= common.at) {
                at += 1;
            }
            for other in back.iter().skip(at).take(2) {
                let longer = difference(common) - difference(other);
                if longer.abs() > TELLING_NS {
                    votes += i64::try_from(longer.signum()).unwrap_or(0);
                }
            }
        }
        if votes != 0 {
            return Some(votes > 0);
        }
        let hops = |packets: &[Common]| -> i64 {
            let each = packets.iter().map(|common| {
                let [a, b] = common.spots.map(|spot| i64::from(spot.ttl));
                (a - b).signum()
            });
            each.sum()
        };
        let hops = hops(on) - hops(back);
        (hops != 0).then_some(hops > 0)
    }

    /// Whether the way as the key has it leads away from who opened the connection: the sender of the
    /// SYN; without one who has no port of a service, and of other packets who was first.
    fn opener(&self, way: &Way) -> Option<bool> {
        let [on, back] = &self.packets;
        let opens = |packets: &[Common]| packets.iter().any(|common| common.spots[0].opens);
        match (opens(on), opens(back)) {
            (true, false) => return Some(true),
            (false, true) => return Some(false),
            _ => {}
        }
        let ports = [way.src.1, way.dst.1];
        match ports.map(|port| port >= EPHEMERAL) {
            [true, false] if ports[1] > 0 => return Some(true),
            [false, true] if ports[0] > 0 => return Some(false),
            _ => {}
        }
        if way.protocol == 6 {
            return None;
        }
        let first = |packets: &[Common]| packets.first().map(|common| common.at[0]);
        match (first(on), first(back)) {
            (Some(on), Some(back)) => Some(on <= back),
            (on, back) => (on.is_some() || back.is_some()).then_some(on.is_some()),
        }
    }
}
