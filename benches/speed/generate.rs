//! Captures to measure on: always the same ones, made from a seed, with every checksum right.
//!
//! *bulk* is one long transfer with losses, as seen at its sender. *mixed* is thousands of
//! connections at once, each some requests and their answers. *tiny* is the same with a few bytes in
//! each segment, so that what is spent per packet is all there is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::packet::{ACK, FIN, Host, PSH, SYN, Segment, Writer};

/// The captures by name.
pub(super) const NAMES: [&str; 3] = ["bulk", "mixed", "tiny"];

const SEGMENT: u32 = 1448;
/// Nobody's port: tshark has no dissector to ask, and its analysis of TCP is all that is measured.
const PORT: u16 = 50_505;
const ROUND_TRIP_NS: u64 = 20_000_000;

/// Makes a capture unless it is there; returns the number of its packets.
pub(super) fn capture(name: &str, scale: f64, path: &Path) -> io::Result<u64> {
    let count = path.with_extension("packets");
    if path.is_file()
        && let Ok(packets) = fs::read_to_string(&count)
    {
        return packets.trim().parse().map_err(io::Error::other);
    }
    let mut out = Writer::new(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    let packets = |full: f64| (full * scale) as u64;
    match name {
        "bulk" => bulk(&mut out, packets(0.98e6))?,
        "mixed" => conversations(&mut out, packets(1.86e6), &MIXED)?,
        _ => conversations(&mut out, packets(5.0e6), &TINY)?,
    }
    let packets = out.finish()?;
    fs::write(count, packets.to_string())?;
    Ok(packets)
}

/// Xorshift: the same numbers on every machine, which is all that is asked of it.
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }

    fn between(&mut self, (low, high): (u32, u32)) -> u32 {
        low + self.roll(u64::from(high - low + 1)) as u32
    }
}

/// An ACK of the bulk transfer on its way.
struct Coming {
    /// When it reaches the sender.
    at: u64,
    ack: u32,
    sack: Vec<(u32, u32)>,
    /// The clock of the segment that it answers, milliseconds.
    echo: u32,
}

/// The receiver of the bulk transfer: what it has, and when it acknowledges.
struct Receiver {
    next: u32,
    /// Ranges beyond `next`, the latest first, as SACK reports them.
    held: Vec<(u32, u32)>,
    unacknowledged: u32,
    coming: VecDeque<Coming>,
}

impl Receiver {
    /// Takes a segment sent at `now`; acknowledges every second one, and at once around a hole.
    fn take(&mut self, now: u64, from: u32) {
        let to = from + SEGMENT;
        let in_order = from == self.next && self.held.is_empty();
        self.unacknowledged += 1;
        if from == self.next {
            self.next = to;
            while let Some(at) = self.held.iter().position(|range| range.0 == self.next) {
                self.next = self.held.remove(at).1;
            }
        } else {
            let mut new = (from, to);
            self.held.retain(|range| {
                let joins = range.1 == new.0 || range.0 == new.1;
                if joins {
                    new = (range.0.min(new.0), range.1.max(new.1));
                }
                !joins
            });
            self.held.insert(0, new);
        }
        if !in_order || self.unacknowledged >= 2 {
            self.unacknowledged = 0;
            self.coming.push_back(Coming {
                at: now + ROUND_TRIP_NS,
                ack: self.next,
                sack: self.held.iter().take(3).copied().collect(),
                echo: milliseconds(now),
            });
        }
    }
}

/// One transfer at 1 Gbit/s over 20 ms, one segment in a thousand lost behind the capture point.
fn bulk<W: Write>(out: &mut Writer<W>, packets: u64) -> io::Result<()> {
    let mut dice = Dice(7);
    let client = Host::new([10, 0, 0, 1], 40_000);
    let server = Host::new([10, 0, 0, 2], PORT);
    let mut link = Link::open(out, client, server, 1_000_000_000)?;
    let mut receiver = Receiver {
        next: 1,
        held: Vec::new(),
        unacknowledged: 0,
        coming: VecDeque::new(),
    };
    let (mut una, mut nxt, mut repaired) = (1_u32, 1_u32, 1_u32);
    while link.packets() < packets {
        while let Some(coming) = receiver.coming.pop_front_if(|coming| coming.at <= link.now) {
            link.answer(&coming)?;
            una = una.max(coming.ack);
            for lost in lost(&coming.sack, una.max(repaired)) {
                link.send(lost)?;
                receiver.take(link.now, lost);
                repaired = lost + SEGMENT;
            }
        }
        if nxt - una >= 300 * SEGMENT {
            link.now = receiver.coming.front().map_or(link.now, |coming| coming.at);
            continue;
        }
        link.send(nxt)?;
        if dice.roll(1000) != 0 {
            receiver.take(link.now, nxt);
        }
        nxt += SEGMENT;
    }
    Ok(())
}

/// The segments from `from` on that are lost: three SACKed above a hole say so (RFC 6675).
fn lost(sack: &[(u32, u32)], from: u32) -> Vec<u32> {
    let mut ranges = sack.to_vec();
    ranges.sort_unstable();
    let (mut lost, mut at) = (Vec::new(), from);
    for (index, range) in ranges.iter().enumerate() {
        let above: u32 = ranges[index..].iter().map(|range| range.1 - range.0).sum();
        if above >= 3 * SEGMENT {
            lost.extend((at..range.0).step_by(SEGMENT as usize));
        }
        at = at.max(range.1);
    }
    lost
}

const fn milliseconds(time_ns: u64) -> u32 {
    (time_ns / 1_000_000) as u32
}

/// The bulk transfer's connection and its clock.
struct Link<'a, W: Write> {
    out: &'a mut Writer<W>,
    client: Host,
    server: Host,
    now: u64,
    /// The server's clock as the client last saw it, milliseconds.
    echo: u32,
}

impl<'a, W: Write> Link<'a, W> {
    fn open(out: &'a mut Writer<W>, client: Host, server: Host, now: u64) -> io::Result<Self> {
        let mut conversation = Conversation::new(client, server, 1, true);
        let mut at = now;
        for _ in 0..3 {
            at += conversation
                .step(at, out, &mut Dice(1), &MIXED)?
                .unwrap_or(0);
        }
        Ok(Self {
            out,
            client,
            server,
            now: at,
            echo: milliseconds(at),
        })
    }

    const fn packets(&self) -> u64 {
        self.out.packets
    }

    fn send(&mut self, seq: u32) -> io::Result<()> {
        self.now += 12_000;
        self.out.segment(&Segment {
            time_ns: self.now,
            from: self.client,
            to: self.server,
            seq: self.client.isn.wrapping_add(seq),
            ack: self.server.isn.wrapping_add(1),
            flags: ACK,
            window: 502,
            len: SEGMENT,
            echo: Some(self.echo),
            sack: &[],
        })
    }

    fn answer(&mut self, coming: &Coming) -> io::Result<()> {
        let isn = self.client.isn;
        let blocks = coming.sack.iter();
        let sack: Vec<_> = blocks
            .map(|range| (isn.wrapping_add(range.0), isn.wrapping_add(range.1)))
            .collect();
        self.now += 1000;
        self.echo = milliseconds(self.now);
        self.out.segment(&Segment {
            time_ns: self.now,
            from: self.server,
            to: self.client,
            seq: self.server.isn.wrapping_add(1),
            ack: isn.wrapping_add(coming.ack),
            flags: ACK,
            window: 24_576,
            len: 0,
            echo: Some(coming.echo),
            sack: &sack,
        })
    }
}

/// What conversations are like.
struct Habits {
    at_once: usize,
    exchanges: (u32, u32),
    request: (u32, u32),
    answer: (u32, u32),
    /// One data segment in so many is sent twice.
    resent: u64,
}

const MIXED: Habits = Habits {
    at_once: 4000,
    exchanges: (1, 8),
    request: (120, 900),
    answer: (100, 5_200),
    resent: 300,
};

const TINY: Habits = Habits {
    at_once: 4000,
    exchanges: (5, 35),
    request: (1, 4),
    answer: (1, 4),
    resent: 1000,
};

/// Connections from a thousand clients to forty servers, as many at once as the habits say.
fn conversations<W: Write>(out: &mut Writer<W>, packets: u64, habits: &Habits) -> io::Result<()> {
    let mut dice = Dice(11);
    let mut born = 0_u32;
    let mut fresh = |dice: &mut Dice| {
        let client = [10, 1, (born / 250 % 4) as u8, (born % 250) as u8 + 1];
        let server = [10, 2, 0, (dice.roll(40) + 1) as u8];
        let port = 1024 + (born / 1000 % 64_000) as u16;
        born += 1;
        let exchanges = dice.between(habits.exchanges);
        let timestamps = dice.roll(2) == 0;
        Conversation::new(
            Host::new(client, port),
            Host::new(server, PORT),
            exchanges,
            timestamps,
        )
    };
    // Short captures have fewer, or they would be all beginnings.
    let at_once = habits.at_once.min(packets as usize / 100 + 1);
    let mut open: Vec<_> = (0..at_once).map(|_| fresh(&mut dice)).collect();
    let start = 1_000_000_000;
    let mut due: BinaryHeap<_> = (0..open.len())
        .map(|at| Reverse((start + at as u64 * 50_000, at)))
        .collect();
    while out.packets < packets {
        let Some(Reverse((now, at))) = due.pop() else {
            break;
        };
        let wait = open[at].step(now, out, &mut dice, habits)?;
        if wait.is_none() {
            open[at] = fresh(&mut dice);
        }
        due.push(Reverse((now + wait.unwrap_or(2_000_000), at)));
    }
    Ok(())
}

/// Where a conversation stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Syn,
    SynAck,
    HandshakeAck,
    Request,
    Answer { left: u32, since_ack: u32 },
    AnswerAck { left: u32 },
    Resend { left: u32 },
    Fin,
    ServerFin,
    LastAck,
}

/// One connection: requests of the client, answers of the server, and an orderly end.
struct Conversation {
    client: Host,
    server: Host,
    /// Relative sequence numbers of what each sends next.
    sent: [u32; 2],
    /// When each last sent, milliseconds.
    clocks: [u32; 2],
    exchanges: u32,
    timestamps: bool,
    next: Next,
}

impl Conversation {
    const fn new(client: Host, server: Host, exchanges: u32, timestamps: bool) -> Self {
        Self {
            client,
            server,
            sent: [0, 0],
            clocks: [0, 0],
            exchanges,
            timestamps,
            next: Next::Syn,
        }
    }

    /// Writes the next segment; how long until the one after it, `None` when that was the last.
    fn step<W: Write>(
        &mut self,
        now: u64,
        out: &mut Writer<W>,
        dice: &mut Dice,
        habits: &Habits,
    ) -> io::Result<Option<u64>> {
        let (client, server) = (0, 1);
        let far = 5_000_000 + dice.roll(20_000_000);
        let (from, flags, len, next, wait) = match self.next {
            Next::Syn => (client, SYN, 0, Next::SynAck, far),
            Next::SynAck => (server, SYN | ACK, 0, Next::HandshakeAck, 10_000),
            Next::HandshakeAck => (client, ACK, 0, Next::Request, 10_000),
            Next::Request if self.exchanges == 0 => {
                self.next = Next::Fin;
                return Ok(Some(far));
            }
            Next::Request => {
                self.exchanges -= 1;
                let left = dice.between(habits.answer);
                let next = Next::Answer { left, since_ack: 0 };
                (client, ACK | PSH, dice.between(habits.request), next, far)
            }
            Next::Answer { left, since_ack } => {
                let len = left.min(if self.timestamps {
                    SEGMENT
                } else {
                    SEGMENT + 12
                });
                let left = left - len;
                let next = if dice.roll(habits.resent) == 0 {
                    Next::Resend { left }
                } else if left == 0 || since_ack == 1 {
                    Next::AnswerAck { left }
                } else {
                    Next::Answer {
                        left,
                        since_ack: since_ack + 1,
                    }
                };
                let wait = if matches!(next, Next::Resend { .. }) {
                    220_000_000
                } else {
                    12_000
                };
                (
                    server,
                    if left == 0 { ACK | PSH } else { ACK },
                    len,
                    next,
                    wait,
                )
            }
            Next::Resend { left } => {
                // The last segment once more: its sequence number is taken back for it.
                let len = self.server.last_len;
                self.sent[server] -= len;
                (server, ACK | PSH, len, Next::AnswerAck { left }, 12_000)
            }
            Next::AnswerAck { left: 0 } => (client, ACK, 0, Next::Request, far),
            Next::AnswerAck { left } => {
                (client, ACK, 0, Next::Answer { left, since_ack: 0 }, 100_000)
            }
            Next::Fin => (client, ACK | FIN, 0, Next::ServerFin, far),
            Next::ServerFin => (server, ACK | FIN, 0, Next::LastAck, 20_000),
            Next::LastAck => (client, ACK, 0, Next::Syn, 0),
        };
        let other = 1 - from;
        let hosts = [self.client, self.server];
        out.segment(&Segment {
            time_ns: now,
            from: hosts[from],
            to: hosts[other],
            seq: hosts[from].isn.wrapping_add(self.sent[from]),
            ack: hosts[other].isn.wrapping_add(self.sent[other]),
            flags,
            window: if flags & SYN == 0 { 502 } else { 64_240 },
            len,
            echo: self.timestamps.then_some(self.clocks[other]),
            sack: &[],
        })?;
        self.clocks[from] = milliseconds(now);
        self.sent[from] += len + u32::from(flags & (SYN | FIN) != 0);
        if from == server && len > 0 {
            self.server.last_len = len;
        }
        let over = self.next == Next::LastAck;
        self.next = next;
        Ok((!over).then_some(wait))
    }
}
