//! What is true of ACKs, windows and probes: read off what each host had sent and heard, by the wire's fates, the
//! headers of what was really sent, and what the kernels had in mind. docs/ACCURACY.md has it in words.

use std::collections::{HashMap, HashSet};

use wirelab::frame::Timestamp;
use wirelab::lab::Side;

use super::truth::{Arrival, Cause, Packet, Run};

/// Frames of which a word is true, and those of which it is as good as another.
#[derive(Debug, Default)]
pub(crate) struct Word {
    pub(crate) truth: HashSet<u64>,
    pub(crate) open: HashSet<u64>,
}

/// What is true of the frames in one host's capture: of what it sent, and of what came to it.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) sent: HashMap<&'static str, Word>,
    pub(crate) heard: HashMap<&'static str, Word>,
}

/// A kernel answers within this time.
const AT_ONCE_NS: u64 = 50_000_000;

/// What came within this time may be answered together.
const BURST_NS: u64 = 1_000_000;

const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

fn furthest(known: Option<u32>, other: u32) -> u32 {
    known.map_or(other, |known| {
        if ahead(other, known) > 0 {
            other
        } else {
            known
        }
    })
}

/// What has arrived at a host.
#[derive(Default)]
struct Arrived {
    next: Option<u32>,
    beyond: Vec<(u32, u32)>,
}

impl Arrived {
    /// The parts of a segment that were there before.
    fn again(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let Some(next) = self.next else {
            return Vec::new();
        };
        let old = if ahead(next, to) > 0 { to } else { next };
        let mut parts = Vec::new();
        if ahead(old, from) > 0 {
            parts.push((from, old));
        }
        for &(left, right) in &self.beyond {
            if ahead(to, left) > 0 && ahead(right, from) > 0 {
                let left = furthest(Some(left), from);
                parts.push((left, if ahead(right, to) > 0 { to } else { right }));
            }
        }
        parts
    }

    /// Takes bytes; tells whether they leave a gap as it was.
    fn take(&mut self, from: u32, to: u32) -> bool {
        let Some(next) = self.next else {
            self.next = Some(to);
            return false;
        };
        if ahead(from, next) > 0 {
            self.beyond.push((from, to));
            return true;
        }
        if ahead(to, next) <= 0 {
            return !self.beyond.is_empty();
        }
        let mut next = to;
        while let Some(more) = self
            .beyond
            .iter()
            .find(|it| ahead(it.0, next) <= 0 && ahead(it.1, next) > 0)
        {
            next = more.1;
        }
        self.beyond.retain(|it| ahead(it.0, next) > 0);
        self.next = Some(next);
        false
    }
}

/// What asks a host for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    KeepAlive,
    ZeroWindow,
}

impl Probe {
    const fn names(self) -> [&'static str; 2] {
        match self {
            Self::KeepAlive => ["keep-alive", "keep-alive-ack"],
            Self::ZeroWindow => ["zero-window-probe", "zero-window-probe-ack"],
        }
    }
}

/// One host, as it goes through what it sent and what came.
#[derive(Default)]
struct Host {
    words: Words,
    arrived: Arrived,
    /// How many came that leave a gap and have not been answered; and whether anything came that it would answer,
    /// since it last said anything.
    gaps: u32,
    gap_at: Option<Timestamp>,
    prompted: bool,
    /// What came again and has not been reported.
    again: Vec<(u32, u32)>,
    /// The number and the window that it said last.
    last: Option<(u32, u32)>,
    /// The furthest that it may send, and has sent.
    edge: Option<u32>,
    highest: Option<u32>,
    /// How far the other has got by what came, numbers in headers included; and what of ours it has acknowledged.
    top: Option<u32>,
    heard_ack: Option<u32>,
    shift: u8,
    asked: Option<(Probe, Timestamp)>,
    /// Whether it is in fast recovery, and how far it had sent when the latest began whose end was not acknowledged.
    recovers: bool,
    recover: Option<u32>,
}

/// What a packet is by the words for what is sent.
#[derive(Clone, Debug, Default)]
struct AsSent {
    duplicate: bool,
    /// Repeats the number, and carries nothing.
    repeats: bool,
    words: Vec<&'static str>,
    open: Vec<&'static str>,
    probe: Option<Probe>,
}

/// What is true in both hosts' captures, the client's first.
pub(crate) fn truth(run: &Run) -> [Words; 2] {
    let sides = [Side::Client, Side::Server];
    let syns = run.packets.iter().filter(|it| it.header.syn);
    let both = sides.map(|side| syns.clone().find(|it| it.from == side));
    let scaled = both
        .iter()
        .all(|it| it.is_some_and(|it| it.header.scale.is_some()));
    // What each sent, in its own order, tells what it was meant as; then what it is where it arrives.
    let mut meant: HashMap<(usize, u64), AsSent> = HashMap::new();
    for round in 0..2 {
        let hosts = sides.map(|side| {
            let mut host = Host::default();
            for (frame, packet, arrival) in timeline(run, side) {
                match arrival {
                    None => {
                        let sent = host.sends(packet);
                        meant.insert((side as usize, packet.frame), sent);
                    }
                    Some(arrival) => {
                        let key = (side.other() as usize, packet.frame);
                        let sent = meant.get(&key).cloned().unwrap_or_default();
                        host.hears(frame, packet, arrival, &sent, scaled);
                    }
                }
            }
            host.words
        });
        // Only the second time what the other host meant is known.
        if round == 1 {
            return hosts;
        }
    }
    Default::default()
}

/// The frames of a host's capture.
fn timeline(run: &Run, side: Side) -> Vec<(u64, &Packet, Option<&Arrival>)> {
    let mut all = Vec::new();
    for packet in &run.packets {
        if packet.from == side {
            all.push((packet.frame, packet, None));
        } else {
            all.extend(
                packet
                    .arrivals
                    .iter()
                    .map(|it| (it.frame, packet, Some(it))),
            );
        }
    }
    all.sort_by_key(|it| it.0);
    all
}

impl Host {
    fn sends(&mut self, packet: &Packet) -> AsSent {
        let it = &packet.header;
        let mut sent = AsSent::default();
        if it.rst {
            return sent;
        }
        let sack = !it.blocks.is_empty();
        let said = it.ack.map(|ack| (ack, it.window));
        let repeats = self.last.is_some() && self.last.map(|last| last.0) == it.ack;
        let before = self.last.map_or(0, |last| last.1);
        sent.repeats = it.is_bare() && repeats;
        let reports = it.blocks.first().copied().and_then(|(left, right)| {
            let within = |part: &(u32, u32)| ahead(left, part.0) >= 0 && ahead(part.1, right) >= 0;
            self.again.iter().position(within)
        });
        if let Some(at) = reports {
            self.again.remove(at);
            sent.words.push("dsack");
        }
        sent.duplicate = it.is_bare()
            && self.gaps > 0
            && repeats
            && reports.is_none()
            && (sack || before == it.window);
        if sent.duplicate {
            sent.words.push("dup-ack");
            if before != it.window {
                sent.open.push("window-update");
            }
        } else if sent.repeats && it.window > before {
            // What answers something may say no more than that either.
            let list = if self.prompted {
                &mut sent.open
            } else {
                &mut sent.words
            };
            list.push("window-update");
        }
        self.probes(packet, &mut sent);
        let new = self
            .highest
            .is_none_or(|highest| ahead(it.end(), highest) > 0);
        let edge = self.edge;
        if packet.payload > 0 && new && edge.is_some_and(|edge| ahead(it.end(), edge) >= 0) {
            sent.words.push("window-full");
        }
        self.highest = Some(furthest(self.highest, it.end()));
        if said.is_some() {
            (self.last, self.prompted) = (said, false);
            // Those that came together are answered one by one.
            let burst = |at| packet.time.nanos_since(at) < BURST_NS;
            self.gaps = match (repeats, self.gap_at.is_some_and(burst)) {
                (true, _) => self.gaps.saturating_sub(1),
                (false, true) => self.gaps,
                (false, false) => 0,
            };
        }
        let kernel = packet.minds[0];
        self.follow_recovery(kernel.map(|mind| mind.recovers));
        if packet.cause() == Some(Cause::Fast) {
            // A recovery may be over before the kernel is asked.
            self.recover = self.recover.or(self.highest);
        }
        note(&mut self.words.sent, packet.frame, &sent);
        sent
    }

    /// Whether it asks or answers whether the other is there, or has room.
    fn probes(&mut self, packet: &Packet, sent: &mut AsSent) {
        let it = &packet.header;
        let old = self
            .highest
            .is_some_and(|highest| it.seq.wrapping_add(1) == highest);
        if it.is_bare() && old {
            let shut = packet.minds[0].map(|mind| mind.shut);
            sent.probe = shut.map(|shut| {
                if shut {
                    Probe::ZeroWindow
                } else {
                    Probe::KeepAlive
                }
            });
            match sent.probe {
                Some(probe) => sent.words.push(probe.names()[0]),
                None => sent.open.extend(["keep-alive", "zero-window-probe"]),
            }
            return;
        }
        let asked = self.asked.take();
        let soon = |at: Timestamp| packet.time.nanos_since(at) < AT_ONCE_NS;
        if let Some((probe, _)) = asked.filter(|it| sent.repeats && soon(it.1)) {
            let shut = it.window == 0;
            let list = if probe == Probe::KeepAlive || shut {
                &mut sent.words
            } else {
                &mut sent.open
            };
            list.push(probe.names()[1]);
            sent.open.push("window-update");
            sent.words.retain(|it| *it != "window-update");
        }
    }

    /// `recovers` is what the kernel said last.
    fn follow_recovery(&mut self, recovers: Option<bool>) {
        let begins = recovers == Some(true) && !self.recovers;
        if begins || recovers == Some(true) && self.recover.is_none() {
            self.recover = self.highest;
        }
        self.recovers = recovers.unwrap_or(self.recovers);
    }

    fn hears(
        &mut self,
        frame: u64,
        packet: &Packet,
        arrival: &Arrival,
        meant: &AsSent,
        scaled: bool,
    ) {
        let it = &packet.header;
        if arrival.corrupted {
            return;
        }
        let mut heard = AsSent {
            words: meant.words.clone(),
            open: meant.open.clone(),
            ..AsSent::default()
        };
        let number = it.ack.filter(|_| !it.rst);
        // What it repeats may have been lost or overtaken, and then it says something new.
        let repeats = number.is_some() && self.heard_ack == number;
        if !repeats {
            heard
                .words
                .retain(|it| !matches!(*it, "dup-ack" | "window-update"));
            if meant.repeats {
                heard.open.push("dup-ack");
            }
        } else if !meant.duplicate && it.is_bare() {
            // What it was overtaken by has said the same.
            let word = |word: &&str| !meant.words.contains(word);
            let as_good = ["dup-ack", "window-update"].into_iter().filter(word);
            heard.open.extend(as_good);
        }
        if self.top.is_some_and(|top| ahead(it.seq, top) > 0) && !it.rst {
            heard.words.push("hole");
        }
        let kernel = packet.minds[1];
        let advances = self
            .heard_ack
            .zip(number)
            .is_some_and(|(a, b)| ahead(b, a) > 0);
        let before_it = self.recovers;
        self.follow_recovery(kernel.map(|mind| mind.recovers));
        if let (Some(until), Some(ack)) = (self.recover, number)
            && advances
        {
            if ahead(until, ack) > 0 {
                // One that its kernel has taken back goes on by the words of RFC 6582.
                match kernel {
                    Some(mind) if mind.recovers && before_it => heard.words.push("partial-ack"),
                    _ => heard.open.push("partial-ack"),
                }
            } else if kernel.is_none_or(|mind| !mind.recovers) {
                self.recover = None;
            }
        }
        if arrival.copy {
            heard.open.append(&mut heard.words);
        }
        note(&mut self.words.heard, frame, &heard);
        if it.rst {
            return;
        }
        self.top = Some(furthest(self.top, it.end()));
        self.heard_ack = number
            .map(|ack| furthest(self.heard_ack, ack))
            .or(self.heard_ack);
        if it.syn && scaled {
            self.shift = it.scale.unwrap_or(0).min(14);
        }
        if !it.is_bare() {
            self.again.extend(self.arrived.again(it.seq, it.end()));
            if self.arrived.take(it.seq, it.end()) {
                (self.gaps, self.gap_at) = (self.gaps + 1, Some(arrival.time));
            }
            self.prompted = true;
        }
        if let Some(probe) = meant.probe {
            (self.asked, self.prompted) = (Some((probe, arrival.time)), true);
        }
        if let Some(ack) = it.ack {
            let shift = if it.syn { 0 } else { self.shift };
            self.edge = Some(furthest(self.edge, ack.wrapping_add(it.window << shift)));
        }
    }
}

fn note(words: &mut HashMap<&'static str, Word>, frame: u64, it: &AsSent) {
    for word in &it.words {
        words.entry(word).or_default().truth.insert(frame);
    }
    for word in &it.open {
        words.entry(word).or_default().open.insert(frame);
    }
}
