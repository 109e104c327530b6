//! What a packet is and which number it has: the bookkeeping behind [`super::Selector`].

use std::net::IpAddr;

use super::matching::{KINDS, Kind};
use super::side::{Both, Side};
use super::stream::{Stream, Stretch};
use crate::decode::{Body, Decoder, LayerKind, Packet, Tcp};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::wire::seq::Seq;

/// Most connections remembered; then the one that has been quiet longest is forgotten.
const MAX_CONNECTIONS: usize = 256;

/// Some kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    const fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u16;
    }
}

/// How many of each kind there were.
#[derive(Clone, Copy, Debug, Default)]
struct Counts([u64; KINDS.len()]);

impl Counts {
    fn add(&mut self, new: Kinds) {
        for ((kind, _), count) in KINDS.iter().zip(&mut self.0) {
            *count += u64::from(new.has(*kind));
        }
    }

    fn of(&self, kind: Kind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }
}

/// A packet that enters the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    /// Its number on the wire.
    pub(super) packet: u64,
    pub(super) from: Side,
    /// What it is.
    pub(super) is: Kinds,
    /// As what it counts: it is for the first time.
    pub(super) new: Kinds,
    /// The number of its connection.
    pub(super) connection: Option<u64>,
    /// Its payload.
    pub(super) data: Option<Stretch>,
    /// The part of its payload that is new, from the first new byte to the last.
    pub(super) fresh: Option<Stretch>,
    /// Where its FIN is.
    pub(super) fin: Option<u64>,
    /// Bytes to the outermost IP header, when there is one.
    pub(super) ip: Option<usize>,
}

/// A TCP connection between the two hosts.
#[derive(Debug)]
struct Connection {
    ends: Both<(IpAddr, u16)>,
    /// It was the Nth to appear.
    number: u64,
    /// The last packet of it.
    latest: u64,
    streams: Both<Stream>,
    /// Where the FIN of each side is.
    fins: Both<Option<u64>>,
    /// The number of each side's SYN-ACK. When both open at once, each sends its SYN again as one.
    syn_acks: Both<Option<Seq>>,
    counts: Both<Counts>,
}

/// Counts what enters the wire.
#[derive(Debug)]
pub(super) struct Counter {
    decoder: Decoder,
    port: Option<u16>,
    packets: u64,
    counts: Both<Counts>,
    connections: Vec<Connection>,
    opened: u64,
    /// Where the last packet's connection is.
    latest: usize,
}

impl Counter {
    /// One that has seen nothing, and counts only connections that have `port` at an end.
    pub(super) fn new(port: Option<u16>) -> Self {
        Self {
            decoder: Decoder::new(),
            port,
            packets: 0,
            counts: Both::default(),
            connections: Vec::new(),
            opened: 0,
            latest: 0,
        }
    }

    /// How many of `kind` have entered the wire.
    pub(super) fn count(&self, connection: Option<u64>, from: Option<Side>, kind: Kind) -> u64 {
        let counts = match connection {
            None => &self.counts,
            Some(number) => {
                let found = self
                    .connections
                    .iter()
                    .find(|connection| connection.number == number);
                let Some(found) = found else {
                    return 0;
                };
                &found.counts
            }
        };
        match from {
            Some(side) => counts.of(side).of(kind),
            None => counts.client.of(kind) + counts.server.of(kind),
        }
    }

    /// Takes note of a packet.
    pub(super) fn see(&mut self, now: Timestamp, from: Side, bytes: &[u8]) -> Sighting {
        self.packets += 1;
        let mut sighting = Sighting {
            packet: self.packets,
            from,
            is: Kinds::default(),
            new: Kinds::default(),
            connection: None,
            data: None,
            fresh: None,
            fin: None,
            ip: None,
        };
        let frame = Frame {
            number: self.packets,
            time: now,
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: bytes.len() as u32,
            bytes,
            comment: None,
        };
        let (segment, ip) = {
            let packet = self.decoder.decode(&frame);
            sighting.ip = packet
                .layers
                .iter()
                .find(|layer| matches!(layer.kind, LayerKind::Ipv4 | LayerKind::Ipv6))
                .map(|layer| layer.offset as usize);
            (classify(&packet, &mut sighting.is), packet.ip)
        };
        if let (Some(segment), Some(ip)) = (segment, ip) {
            let ends = [(ip.src, segment.ports[0]), (ip.dst, segment.ports[1])];
            self.segment(&segment, ends, &mut sighting);
        } else {
            sighting.new = sighting.is;
            self.counts.of_mut(from).add(sighting.new);
        }
        sighting
    }

    /// The same for a TCP segment.
    fn segment(
        &mut self,
        segment: &Segment,
        [src, dst]: [(IpAddr, u16); 2],
        sighting: &mut Sighting,
    ) {
        let from = sighting.from;
        if self.port.is_some_and(|port| port != src.1 && port != dst.1) {
            // Somebody else's connection: it is a packet, and nothing more is known of it.
            sighting.is = Kinds::default();
            sighting.is.add(Kind::Any);
            sighting.new = sighting.is;
            self.counts.of_mut(from).add(sighting.new);
            return;
        }
        let ends = match from {
            Side::Client => Both {
                client: src,
                server: dst,
            },
            Side::Server => Both {
                client: dst,
                server: src,
            },
        };
        let syn = sighting.is.has(Kind::Syn).then_some(segment.seq);
        let index = self.connection(ends, from, syn);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        connection.latest = sighting.packet;
        sighting.connection = Some(connection.number);
        connection.see(segment, sighting);
        connection.counts.of_mut(from).add(sighting.new);
        self.counts.of_mut(from).add(sighting.new);
    }

    /// Where the connection between `ends` is; a new one when it is not known, or when `syn` begins
    /// another on the same ends.
    fn connection(&mut self, ends: Both<(IpAddr, u16)>, from: Side, syn: Option<Seq>) -> usize {
        let is_it = |connection: &Connection| connection.ends == ends;
        let latest = self.connections.get(self.latest);
        let found = if latest.is_some_and(is_it) {
            Some(self.latest)
        } else {
            self.connections.iter().position(is_it)
        };
        let place = match found {
            Some(index) => {
                let known = self.connections.get(index);
                let other = known
                    .zip(syn)
                    .is_some_and(|(known, syn)| known.streams.of(from).is_other(syn));
                if !other {
                    self.latest = index;
                    return index;
                }
                index
            }
            None if self.connections.len() < MAX_CONNECTIONS => self.connections.len(),
            None => {
                let quiet = self.connections.iter().enumerate();
                let quiet = quiet.min_by_key(|(_, connection)| connection.latest);
                quiet.map_or(0, |(index, _)| index)
            }
        };
        self.opened += 1;
        let fresh = Connection {
            ends,
            number: self.opened,
            latest: 0,
            streams: Both::default(),
            fins: Both::default(),
            syn_acks: Both::default(),
            counts: Both::default(),
        };
        match self.connections.get_mut(place) {
            Some(old) => *old = fresh,
            None => self.connections.push(fresh),
        }
        self.latest = place;
        place
    }
}

impl Connection {
    /// Says what of a segment is new, and remembers it.
    fn see(&mut self, segment: &Segment, sighting: &mut Sighting) {
        let from = sighting.from;
        let is = sighting.is;
        let syn = is.has(Kind::Syn) || is.has(Kind::SynAck);
        let stream = self.streams.of_mut(from);
        let position = stream.position(segment.seq, syn);
        let mut new = Kinds::default();
        for kind in [Kind::Ack, Kind::Rst] {
            if is.has(kind) {
                new.add(kind);
            }
        }
        if let Some(start) = position {
            if is.has(Kind::Syn) && stream.fresh((start, start + 1)).is_some() {
                new.add(Kind::Syn);
            }
            if is.has(Kind::SynAck) && self.syn_acks.of(from) != &Some(segment.seq) {
                *self.syn_acks.of_mut(from) = Some(segment.seq);
                new.add(Kind::SynAck);
            }
            if syn {
                stream.add((start, start + 1));
            }
            let start = start + u64::from(syn);
            let end = start + u64::from(segment.len);
            if is.has(Kind::Data) {
                sighting.data = Some((start, end));
                sighting.fresh = stream.fresh((start, end));
                stream.add((start, end));
                if sighting.fresh.is_some() {
                    new.add(Kind::Data);
                }
            }
            if is.has(Kind::Fin) {
                sighting.fin = Some(end);
                let fin = self.fins.of_mut(from);
                if *fin != Some(end) {
                    *fin = Some(end);
                    new.add(Kind::Fin);
                }
            }
        }
        if new != Kinds::default() || is == pure() {
            new.add(Kind::Segment);
            new.add(Kind::Any);
        }
        sighting.new = new;
    }
}

/// What of a TCP segment is counted by.
struct Segment {
    ports: [u16; 2],
    seq: Seq,
    len: u32,
}

impl Segment {
    const fn new(tcp: &Tcp<'_>) -> Self {
        Self {
            ports: [tcp.src_port, tcp.dst_port],
            seq: tcp.seq,
            len: tcp.payload_len,
        }
    }
}

/// Says what a packet is; gives the segment of TCP.
fn classify(packet: &Packet<'_>, is: &mut Kinds) -> Option<Segment> {
    is.add(Kind::Any);
    match &packet.body {
        Body::Tcp(tcp) => {
            is.add(Kind::Segment);
            let flags = tcp.flags;
            match (flags.syn(), flags.ack()) {
                (true, true) => is.add(Kind::SynAck),
                (true, false) => is.add(Kind::Syn),
                (false, _) => {}
            }
            if tcp.payload_len > 0 {
                is.add(Kind::Data);
            }
            if flags.fin() {
                is.add(Kind::Fin);
            }
            if flags.rst() {
                is.add(Kind::Rst);
            }
            if flags.ack() && *is == pure() {
                is.add(Kind::Ack);
            }
            return Some(Segment::new(tcp));
        }
        Body::Udp(_) => is.add(Kind::Udp),
        // Neighbor discovery and its kin (RFC 4861, multicast listeners of RFC 2710 and 3810) come
        // when they like, and are to IPv6 what ARP is to IPv4.
        Body::Icmp(icmp) if icmp.v6 && matches!(icmp.kind, 130..=137 | 143) => {}
        Body::Icmp(_) => is.add(Kind::Icmp),
        Body::Arp(_) => is.add(Kind::Arp),
        // What tells routers of listeners is like that too.
        Body::Igmp(_) => {}
        Body::Fragment(_) | Body::Esp(_) | Body::Other { .. } | Body::NotIp { .. } => {}
    }
    None
}

/// A TCP segment that is nothing special.
const fn pure() -> Kinds {
    let mut kinds = Kinds(0);
    kinds.add(Kind::Any);
    kinds.add(Kind::Segment);
    kinds
}
