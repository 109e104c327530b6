//! What really happened in a run: each packet with the bytes it carried, whether its sender had given
//! them before, what made it do so, and when it arrived.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use wirelab::decode::{Body, Decoder, Packet as Decoded};
use wirelab::frame::Timestamp;
use wirelab::io::file;
use wirelab::lab::Side;
use wirelab::lab::truth::{Counters, FateLine, Line, Sample};
use wirelab::wire::tcp::TcpOptions;

/// Why a kernel sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Rto,
    Tlp,
    Fast,
}

/// A packet that came out at the far end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) frame: u64,
    pub(crate) time: Timestamp,
    pub(crate) corrupted: bool,
    /// The wire made two of it, and this is the second.
    pub(crate) copy: bool,
}

/// A TCP packet that a host gave to the wire.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: Side,
    pub(crate) frame: u64,
    pub(crate) time: Timestamp,
    /// Bytes from and to, from the connection's first number on; SYN and FIN take one.
    pub(crate) range: (u32, u32),
    pub(crate) payload: u32,
    pub(crate) window_zero: bool,
    pub(crate) header: Header,
    /// What the kernels at both ends had in mind just after: its sender's, and that of who it came to.
    pub(crate) minds: [Option<Mind>; 2],
    pub(crate) arrivals: Vec<Arrival>,
    /// What made the kernel send bytes that it had sent before.
    pub(crate) again: Option<Again>,
}

impl Packet {
    /// What made its sender send it again.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.again.and_then(|again| again.cause)
    }

    /// Whether it is a SYN-ACK: its kernel counts those apart.
    pub(crate) fn is_syn_ack(&self) -> bool {
        self.range.0 == 0 && self.payload == 0 && self.from == Side::Server
    }
}

/// What is true of a retransmission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    /// `None` when the kernel was not asked in time.
    pub(crate) cause: Option<Cause>,
    /// Whether every byte that it repeats had been in an earlier packet that arrived undamaged, sooner
    /// or later.
    pub(crate) needless: bool,
}

/// Readings of `TCP_INFO`, by host and packet.
type Samples = HashMap<(String, u64), Vec<Sample>>;

/// A run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) packets: Vec<Packet>,
    pub(crate) counters: HashMap<Side, HashMap<String, u64>>,
    pub(crate) kernel: String,
}

/// What a kernel had in mind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mind {
    /// Whether it was in fast recovery.
    pub(crate) recovers: bool,
    /// Whether the window it may send into was closed.
    pub(crate) shut: bool,
}

/// A TCP header of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) rst: bool,
    pub(crate) syn: bool,
    port: (u16, u16),
    pub(crate) seq: u32,
    len: u32,
    payload: u32,
    pub(crate) ack: Option<u32>,
    pub(crate) window: u32,
    pub(crate) scale: Option<u8>,
    pub(crate) blocks: Vec<(u32, u32)>,
    bad: bool,
}

impl Header {
    /// Just past its last number.
    pub(crate) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len)
    }

    /// Whether it carries nothing.
    pub(crate) fn is_bare(&self) -> bool {
        self.len == 0 && !self.rst
    }
}

/// Reads what a run has left in its folder.
pub(crate) fn read(folder: &Path) -> io::Result<Run> {
    let text = fs::read_to_string(folder.join("truth.ndjson"))?;
    let mut run = Run::default();
    let (mut fates, mut samples) = (Vec::new(), Samples::new());
    for line in text.lines() {
        match Line::from_json(line).map_err(io::Error::other)? {
            Line::Run(told) => run.kernel = told.kernel,
            Line::Fate(fate) => fates.push(fate),
            Line::Sample(sample) => {
                if let Some(packet) = sample.packet {
                    let key = (sample.host.clone(), packet);
                    samples.entry(key).or_default().push(*sample);
                }
            }
            Line::Counters(counters) => count(&mut run, &counters),
            Line::Call(_) | Line::Outcome(_) => {}
        }
    }
    let headers = [
        headers(&folder.join("client.pcapng"))?,
        headers(&folder.join("server.pcapng"))?,
    ];
    run.packets = packets(&fates, &headers, &samples);
    let syns = run
        .packets
        .iter()
        .filter(|it| it.from == Side::Client && it.range.0 == 0 && it.range.1 > 0);
    let syns: Vec<Timestamp> = syns
        .flat_map(|it| it.arrivals.iter().map(|it| it.time))
        .collect();
    let mut given: HashMap<Side, Vec<usize>> = HashMap::new();
    for at in 0..run.packets.len() {
        let earlier = given.entry(run.packets[at].from).or_default();
        run.packets[at].again = again(&run.packets, earlier, at, &samples, &fates);
        let packet = &mut run.packets[at];
        if packet.range.0 != packet.range.1 {
            earlier.push(at);
        }
        // A SYN-ACK that answers a SYN that came again; no timer sent it.
        let (time, is_syn_ack) = (packet.time, packet.is_syn_ack());
        let answers = |syn: &Timestamp| *syn <= time && time.nanos_since(*syn) < AT_ONCE_NS;
        if let Some(again) = packet.again.as_mut()
            && is_syn_ack
            && syns.iter().any(answers)
        {
            again.cause = None;
        }
    }
    for side in [Side::Client, Side::Server] {
        settle(&mut run, side);
    }
    Ok(run)
}

/// What a kernel sends in answer to an ACK leaves it within this time.
const AT_ONCE_NS: u64 = 2_000_000;

/// Corrects the causes of a host by what its kernel counted.
///
/// A recovery may begin and be undone (RFC 3708) by ACKs that arrive together: by the time the kernel is
/// asked, what it sent in between looks like a probe. Counters know better: without a `TCPLossProbes`
/// there was no probe, and what follows an ACK at once was sent for it. Where the sums still differ,
/// such causes are not graded.
fn settle(run: &mut Run, side: Side) {
    let none = HashMap::new();
    let counted = run.counters.get(&side).unwrap_or(&none);
    let counter = |name: &str| counted.get(name).copied().unwrap_or(0);
    let (probes, fast) = (counter("TCPLossProbes"), counter("TCPFastRetrans"));
    let count = |packets: &[Packet], cause| {
        let own = packets.iter().filter(|packet| packet.from == side);
        own.filter(|packet| packet.cause() == Some(cause)).count() as u64
    };
    if count(&run.packets, Cause::Fast) == fast && count(&run.packets, Cause::Tlp) <= probes {
        return;
    }
    let other = run.packets.iter().filter(|packet| packet.from != side);
    let heard: Vec<Timestamp> = other
        .flat_map(|packet| packet.arrivals.iter().map(|it| it.time))
        .collect();
    for packet in run.packets.iter_mut().filter(|packet| packet.from == side) {
        let time = packet.time;
        let answers = heard
            .iter()
            .any(|heard| *heard <= time && time.nanos_since(*heard) < AT_ONCE_NS);
        let handshake = packet.range.0 == 0;
        let open = |again: &&mut Again| !matches!(again.cause, Some(Cause::Rto | Cause::Fast));
        if let Some(again) = packet.again.as_mut().filter(open)
            && !handshake
            && (probes == 0 || answers)
        {
            again.cause = Some(Cause::Fast);
        }
    }
    if count(&run.packets, Cause::Fast) != fast {
        for packet in run.packets.iter_mut().filter(|packet| packet.from == side) {
            if let Some(again) = packet
                .again
                .as_mut()
                .filter(|again| again.cause != Some(Cause::Rto))
            {
                again.cause = None;
            }
        }
    }
}

fn count(run: &mut Run, counters: &Counters) {
    for side in [Side::Client, Side::Server] {
        if counters.host == side.to_string() {
            run.counters.insert(
                side,
                counters
                    .counters
                    .iter()
                    .map(|(k, v)| (k.clone(), *v))
                    .collect(),
            );
        }
    }
}

/// The TCP headers of a capture, by frame.
fn headers(path: &Path) -> io::Result<HashMap<u64, Header>> {
    let mut source = file::open(path).map_err(io::Error::other)?;
    let mut decoder = Decoder::new();
    let mut headers = HashMap::new();
    while let Some(frame) = source.next_frame().map_err(io::Error::other)? {
        let mut packet = Decoded::default();
        decoder.decode_into(&frame, &mut packet);
        if let Body::Tcp(tcp) = &packet.body {
            let options = TcpOptions::read(tcp.options);
            let header = Header {
                port: (tcp.src_port, tcp.dst_port),
                rst: tcp.flags.rst(),
                syn: tcp.flags.syn(),
                seq: tcp.seq.0,
                ack: tcp.flags.ack().then_some(tcp.ack.0),
                window: u32::from(tcp.window),
                scale: options.wscale,
                blocks: options.sack.as_slice().to_vec(),
                len: tcp.payload_len + u32::from(tcp.flags.syn()) + u32::from(tcp.flags.fin()),
                payload: tcp.payload_len,
                bad: tcp.checksum == wirelab::decode::Checksum::Bad,
            };
            headers.insert(frame.number, header);
        }
    }
    Ok(headers)
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Server)
}

/// What a kernel told of itself just after a packet.
fn mind(samples: &Samples, side: Side, packet: u64) -> Option<Mind> {
    let told = samples.get(&(side.to_string(), packet))?;
    let told = told.iter().find(|sample| sample.ca_state.is_some())?;
    Some(Mind {
        recovers: told.ca_state.as_deref() == Some("recovery"),
        shut: told.snd_wnd == Some(0),
    })
}

/// The packets of all connections of a run (there is one), in the order in which hosts gave them.
fn packets(
    fates: &[FateLine],
    headers: &[HashMap<u64, Header>; 2],
    samples: &Samples,
) -> Vec<Packet> {
    let mut by_number: HashMap<u64, Packet> = HashMap::new();
    let mut order: Vec<u64> = Vec::new();
    for fate in fates {
        let Some(from) = fate.sender() else { continue };
        let frames = [fate.frame.client, fate.frame.server];
        let Some(frame) = frames[index(from)] else {
            continue;
        };
        let Some(header) = headers[index(from)].get(&frame) else {
            continue;
        };
        let packet = by_number.entry(fate.packet).or_insert_with(|| {
            order.push(fate.packet);
            Packet {
                from,
                frame,
                time: fate.time,
                range: (header.seq, header.seq.wrapping_add(header.len)),
                payload: header.payload,
                window_zero: header.window == 0 && !header.rst,
                header: header.clone(),
                minds: [from, from.other()].map(|side| mind(samples, side, fate.packet)),
                arrivals: Vec::new(),
                again: None,
            }
        });
        let far = 1 - index(from);
        if let (Some(frame), Some(time)) = (frames[far], fate.delivered_at) {
            let bad = headers[far].get(&frame).is_none_or(|header| header.bad);
            packet.arrivals.push(Arrival {
                frame,
                time,
                corrupted: bad || fate.fate == "corrupted",
                copy: fate.fate == "duplicated",
            });
        }
    }
    order.sort_unstable();
    let mut base: HashMap<(usize, (u16, u16)), u32> = HashMap::new();
    let mut list = Vec::new();
    for number in order {
        let Some(mut packet) = by_number.remove(&number) else {
            continue;
        };
        let header = &packet.header;
        let zero = *base
            .entry((index(packet.from), header.port))
            .or_insert(header.seq);
        let relative = |seq: u32| seq.wrapping_sub(zero);
        packet.range = (relative(packet.range.0), relative(packet.range.1));
        if header.rst {
            packet.range = (0, 0);
        }
        packet.arrivals.sort_by_key(|arrival| arrival.frame);
        // Which of two arrivals is the copy does not matter to a capture: the second one is.
        for (at, arrival) in packet.arrivals.iter_mut().enumerate() {
            arrival.copy = at > 0;
        }
        list.push(packet);
    }
    list
}

/// Whether the packet repeats bytes of earlier ones of its sender, and what is known of that.
fn again(
    packets: &[Packet],
    earlier: &[usize],
    at: usize,
    samples: &Samples,
    fates: &[FateLine],
) -> Option<Again> {
    let packet = &packets[at];
    let (from, to) = packet.range;
    if from >= to {
        return None;
    }
    let overlapping = |it: &&usize| packets[**it].range.0 < to && packets[**it].range.1 > from;
    let overlapping: Vec<&Packet> = earlier
        .iter()
        .filter(overlapping)
        .map(|it| &packets[*it])
        .collect();
    if overlapping.is_empty() {
        return None;
    }
    let (mut repeated, mut arrived) = (Vec::new(), Vec::new());
    for it in overlapping {
        let part = (it.range.0.max(from), it.range.1.min(to));
        repeated.push(part);
        if it.arrivals.iter().any(|arrival| !arrival.corrupted) {
            arrived.push(part);
        }
    }
    Some(Again {
        cause: cause(packet, samples, fates),
        needless: covered(&mut arrived) == covered(&mut repeated),
    })
}

/// How many numbers the ranges cover.
fn covered(ranges: &mut [(u32, u32)]) -> u32 {
    ranges.sort_unstable();
    let (mut sum, mut end) = (0, 0);
    for &mut (from, to) in ranges {
        sum += to.max(end) - from.max(end);
        end = end.max(to);
    }
    sum
}

/// What the kernel had in mind when it sent the packet: the state of its congestion control, as read
/// just after the wire took it.
fn cause(packet: &Packet, samples: &Samples, fates: &[FateLine]) -> Option<Cause> {
    let side = packet.from.to_string();
    let number = fates
        .iter()
        .find(|fate| {
            let frame = if packet.from == Side::Client {
                fate.frame.client
            } else {
                fate.frame.server
            };
            fate.from == side && frame == Some(packet.frame)
        })?
        .packet;
    // Of an embryonic connection the kernel tells nothing, and only a timer repeats its SYN.
    if packet.range.0 == 0 && packet.payload == 0 {
        return Some(Cause::Rto);
    }
    let sample = samples
        .get(&(side, number))?
        .iter()
        .find(|sample| sample.ca_state.is_some())?;
    match sample.ca_state.as_deref()? {
        "loss" => Some(Cause::Rto),
        "recovery" => Some(Cause::Fast),
        _ => Some(Cause::Tlp),
    }
}
