//! Pings, and ways traced with them: echo requests and what came of each (RFC 792, RFC 4443 section 4).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::super::telling::finding;
use super::MOST;
use crate::decode::{Icmp, IcmpDetail, Ip};
use crate::event::units::{count, list, nanos, plural};
use crate::event::{Finding, Severity, Topic};
use crate::frame::{Frame, Timestamp};

/// Requests that wait for an answer at most; what is older has none.
const WAITING: usize = 256;
/// Frames named as evidence.
const NAMED: usize = 6;
/// Hops of a way at most: a TTL has no more.
const HOPS: usize = 255;

/// Pings and ways.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    pings: HashMap<(IpAddr, IpAddr, u16), Ping>,
    /// Who said that the TTL ran out on the way from one host to another.
    ways: HashMap<(IpAddr, IpAddr), Vec<Hop>>,
    /// The latest datagram from one host to another: what a hop's word is about.
    datagrams: HashMap<(IpAddr, IpAddr), (Timestamp, u8)>,
}

/// A request without an answer so far.
#[derive(Clone, Copy, Debug)]
struct Request {
    time: Timestamp,
    frame: u64,
    ttl: u8,
}

/// Requests of one program to one host.
#[derive(Debug, Default)]
struct Ping {
    first: u64,
    sent: u64,
    answered: u64,
    again: u64,
    /// Answered by an error.
    refused: u64,
    waiting: BTreeMap<u16, Request>,
    /// Requests given up: how many, and the frames and numbers of the first.
    lost: u64,
    lost_frames: Vec<(u64, u16)>,
    /// The number after the latest, and how many were passed over.
    next: Option<u16>,
    skipped: Vec<u16>,
    skips: u64,
    least: u64,
    most: u64,
    sum: u64,
    frames: Vec<u64>,
}

/// A router that said that a packet's TTL ran out.
#[derive(Clone, Copy, Debug)]
struct Hop {
    ttl: u8,
    router: IpAddr,
    ns: u64,
    frame: u64,
}

impl Echoes {
    /// Takes a datagram, which may be one that traces a way.
    pub(super) fn datagram(&mut self, frame: &Frame<'_>, ip: &Ip) {
        if self.datagrams.len() < MOST || self.datagrams.contains_key(&(ip.src, ip.dst)) {
            self.datagrams
                .insert((ip.src, ip.dst), (frame.time, ip.ttl));
        }
    }

    /// Takes an ICMP message; tells whether it is told of here.
    pub(super) fn observe(&mut self, frame: &Frame<'_>, ip: &Ip, icmp: &Icmp<'_>) -> bool {
        let (request, reply) = if icmp.v6 { (128, 129) } else { (8, 0) };
        match (icmp.detail, icmp.kind) {
            (IcmpDetail::Echo { id, seq }, kind) if kind == request => {
                let key = (ip.src, ip.dst, id);
                if self.pings.len() >= MOST && !self.pings.contains_key(&key) {
                    return false;
                }
                self.pings.entry(key).or_default().asks(frame, ip.ttl, seq);
                true
            }
            (IcmpDetail::Echo { id, seq }, kind) if kind == reply => {
                // An answer to what went to all comes from one.
                let ping = self.pings.get_mut(&(ip.dst, ip.src, id));
                ping.is_some_and(|ping| ping.is_answered(frame, seq))
            }
            _ => self.ran_out(frame, ip, icmp),
        }
    }

    /// Whether it is a router's word that a TTL ran out: a hop of a way.
    fn ran_out(&mut self, frame: &Frame<'_>, ip: &Ip, icmp: &Icmp<'_>) -> bool {
        let Some(quoted) = icmp.quoted else {
            return false;
        };
        let request = quoted.echo.and_then(|(id, seq)| {
            let ping = self.pings.get_mut(&(quoted.src, quoted.dst, id))?;
            let request = ping.waiting.remove(&seq)?;
            ping.refused += 1;
            Some((request.time, request.ttl))
        });
        let ends = (quoted.src, quoted.dst);
        let about = request.or_else(|| self.datagrams.get(&ends).copied());
        let exceeded = icmp.kind == if icmp.v6 { 3 } else { 11 };
        let (Some((time, ttl)), true, 0) = (about, exceeded, icmp.code) else {
            return false;
        };
        let room = self.ways.len() < MOST || self.ways.contains_key(&ends);
        let hops = self.ways.entry(ends).or_default();
        let known = hops
            .iter()
            .any(|hop| (hop.ttl, hop.router) == (ttl, ip.src));
        if room && !known && hops.len() < HOPS {
            hops.push(Hop {
                ttl,
                router: ip.src,
                ns: frame.time.nanos_since(time),
                frame: frame.number,
            });
        }
        true
    }

    /// Whether the way from one host to the other was traced.
    pub(super) fn traced(&self, ends: (IpAddr, IpAddr)) -> bool {
        self.ways.contains_key(&ends)
    }

    /// What there is to tell.
    pub(super) fn tell(&self) -> Vec<Finding> {
        let ways = self.ways.iter().map(|(ends, hops)| way(*ends, hops));
        let pings = self.pings.iter().map(|(&(from, to, _), ping)| {
            let traced = self.ways.contains_key(&(from, to));
            ping.tell(from, to, traced)
        });
        ways.chain(pings).collect()
    }
}

impl Ping {
    fn asks(&mut self, frame: &Frame<'_>, ttl: u8, seq: u16) {
        if self.sent == 0 {
            self.first = frame.number;
        }
        self.sent += 1;
        self.name(frame.number);
        // Numbers go up by one: what is passed over went by where this capture does not see it.
        if let Some(next) = self.next
            && let ahead @ 1..=32 = seq.wrapping_sub(next)
        {
            self.skips += u64::from(ahead);
            let room = NAMED.saturating_sub(self.skipped.len());
            let numbers = (0..ahead).map(|n| next.wrapping_add(n));
            self.skipped.extend(numbers.take(room));
        }
        self.next = Some(seq.wrapping_add(1));
        let request = Request {
            time: frame.time,
            frame: frame.number,
            ttl,
        };
        if self.waiting.len() >= WAITING
            && let Some((seq, oldest)) = self.waiting.pop_first()
        {
            self.gives_up(seq, oldest.frame);
        }
        if let Some(before) = self.waiting.insert(seq, request) {
            self.gives_up(seq, before.frame);
        }
    }

    fn gives_up(&mut self, seq: u16, frame: u64) {
        self.lost += 1;
        if self.lost_frames.len() < NAMED {
            self.lost_frames.push((frame, seq));
        }
    }

    fn name(&mut self, frame: u64) {
        if self.frames.len() < NAMED {
            self.frames.push(frame);
        }
    }

    fn is_answered(&mut self, frame: &Frame<'_>, seq: u16) -> bool {
        self.name(frame.number);
        let Some(request) = self.waiting.remove(&seq) else {
            self.again += 1;
            return true;
        };
        let ns = frame.time.nanos_since(request.time);
        self.least = if self.answered == 0 {
            ns
        } else {
            self.least.min(ns)
        };
        (self.most, self.sum) = (self.most.max(ns), self.sum.saturating_add(ns));
        self.answered += 1;
        true
    }

    fn tell(&self, from: IpAddr, to: IpAddr, traced: bool) -> Finding {
        let mut lost = self.lost_frames.clone();
        let open = self.waiting.iter();
        lost.extend(open.map(|(&seq, request)| (request.frame, seq)).take(NAMED));
        let unanswered = self.lost + self.waiting.len() as u64;
        let what = self.summary(from, to, &lost, unanswered);
        let severity = match unanswered {
            0 if self.skips == 0 && self.again == 0 => Severity::Info,
            n if n > 0 && self.answered == 0 && !traced => Severity::Problem,
            _ => Severity::Notice,
        };
        let mut evidence = self.frames.clone();
        if unanswered > 0 {
            evidence = lost.iter().map(|(frame, _)| *frame).collect();
            evidence.sort_unstable();
            evidence.truncate(NAMED);
        }
        Finding {
            advice: self.advice(unanswered).to_owned(),
            evidence,
            ..finding(Topic::Ping, severity, what)
        }
    }

    fn summary(&self, from: IpAddr, to: IpAddr, lost: &[(u64, u16)], unanswered: u64) -> String {
        let mut parts = vec![format!(
            "{from} sent {to} {}",
            plural(self.sent, "echo request")
        )];
        parts.push(match self.answered {
            0 => ": no answer".to_owned(),
            n if n == self.sent && n == 1 => format!(", answered after {}", self.times()),
            n if n == self.sent => format!(", all answered, after {}", self.times()),
            n => format!(", {} answered, after {}", count(n), self.times()),
        });
        if unanswered > 0 && self.answered > 0 {
            let numbers: Vec<_> = lost.iter().map(|(_, seq)| seq.to_string()).collect();
            parts.push(numbered(&numbers, unanswered, "not"));
        }
        if self.refused > 0 {
            parts.push(format!("; an ICMP error answered {}", count(self.refused)));
        }
        if self.skips > 0 {
            let numbers: Vec<_> = self.skipped.iter().map(ToString::to_string).collect();
            parts.push(numbered(&numbers, self.skips, "never came by here"));
        }
        if self.again > 0 {
            parts.push(format!("; {} came twice", plural(self.again, "answer")));
        }
        parts.concat()
    }

    /// What to do about those without an answer.
    const fn advice(&self, unanswered: u64) -> &'static str {
        match (unanswered, self.answered, self.skips) {
            (0, _, 0) => "",
            (0, ..) => {
                "they were lost before they came by here, or sent while the capture did not run"
            }
            (_, 0, _) => {
                "the host is down, the route is missing in one direction, or a firewall drops them: trace the way, \
                 and look whether the requests arrive at the other end"
            }
            _ => {
                "the request or its reply was lost: which of the two, a capture at the other end shows (a number that \
                 it lacks was lost on the way there)"
            }
        }
    }

    /// How long answers took.
    fn times(&self) -> String {
        let mean = self.sum.checked_div(self.answered).unwrap_or(0);
        if self.answered == 1 {
            return nanos(mean);
        }
        let (least, most) = (nanos(self.least), nanos(self.most));
        if least == most {
            return least;
        }
        format!("{least} to {most}, {} on average", nanos(mean))
    }
}

/// `; numbers 2 and 4 were not`.
fn numbered(numbers: &[String], all: u64, what: &str) -> String {
    let more = all.saturating_sub(numbers.len() as u64);
    let verb = if what == "not" {
        if all == 1 { "was " } else { "were " }
    } else {
        ""
    };
    let s = if all == 1 { "" } else { "s" };
    let named = match more {
        0 => list(numbers),
        n => format!("{} and {} more", numbers.join(", "), count(n)),
    };
    format!("; number{s} {named} {verb}{what}")
}

/// The routers between two hosts, as far as they told of themselves.
fn way((from, to): (IpAddr, IpAddr), hops: &[Hop]) -> Finding {
    let mut hops = hops.to_vec();
    hops.sort_by_key(|hop| (hop.ttl, hop.frame));
    let named: Vec<_> = hops
        .iter()
        .take(30)
        .map(|hop| format!("hop {}: {} ({})", hop.ttl, hop.router, nanos(hop.ns)))
        .collect();
    Finding {
        evidence: hops.iter().map(|hop| hop.frame).take(NAMED).collect(),
        more: u32::try_from(hops.len().saturating_sub(NAMED)).unwrap_or(u32::MAX),
        ..finding(
            Topic::Way,
            Severity::Info,
            format!(
                "the way from {from} to {to} was traced: where the TTL ran out, a router said so: {}",
                named.join(", ")
            ),
        )
    }
}
