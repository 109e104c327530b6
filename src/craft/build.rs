//! A recipe becomes bytes, from the innermost layer outwards: each header is blank, gets what it would
//! say by itself, then what was asked for, and last its checksum.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::kinds::{Slot, TCP_FLAGS, Which};
use super::recipe::{Header, Layer, Recipe};
use super::value::Value;
use crate::frame::LinkType;
use crate::wire::checksum::Sum;
use crate::wire::{icmpv4, icmpv6, igmp, ipv6_ext, tcp, udp};

/// Protocol for data right after IP: one of those for experiments (RFC 3692 section 2.1).
const EXPERIMENT: u8 = 253;
/// Ethernet type for data right after Ethernet: the first for experiments (IEEE 802).
const LOCAL_EXPERIMENT: u16 = 0x88b5;

/// What a packet takes from where it is sent: whatever was not said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The address it would leave from.
    pub source: Option<IpAddr>,
    /// The hardware address of the interface it leaves by.
    pub mac: Option<[u8; 6]>,
    /// The hardware address of the next hop.
    pub next_hop: Option<[u8; 6]>,
}

/// A packet built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where each layer's own bytes begin.
    pub starts: Vec<usize>,
    /// How its first bytes are to be read.
    pub link_type: LinkType,
    /// Its outermost addresses, source and destination.
    pub ends: Option<(IpAddr, IpAddr)>,
}

impl Recipe {
    /// The bytes that it asks for.
    pub fn build(&self, around: &Around) -> Built {
        let ends = self.ends(around);
        let mut payload = Vec::new();
        let mut lengths = Vec::new();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let own = match layer {
                Layer::Data(data) => data.bytes(),
                Layer::Header(header) => {
                    let at = At {
                        next: self.layers.get(index + 1),
                        ends: ends.get(index).copied().flatten(),
                        home: self.home(index),
                        final_stop: self.final_stop(index),
                        around,
                        payload: &payload,
                    };
                    at.header(header)
                }
            };
            lengths.push(own.len());
            payload.splice(0..0, own);
        }
        let mut start = 0;
        let starts = lengths.iter().rev().map(|len| {
            start += len;
            start - len
        });
        Built {
            starts: starts.collect(),
            link_type: self.link_type(),
            ends: self
                .ip()
                .and_then(|(index, _)| ends.get(index).copied().flatten()),
            bytes: payload,
        }
    }

    /// Where it goes: the destination of its outermost IP header, or whom its ARP asks for.
    pub fn destination(&self) -> Option<IpAddr> {
        if let Some((index, _)) = self.ip() {
            let ends = self.ends(&Around::default());
            return ends.get(index).copied().flatten().map(|(_, dst)| dst);
        }
        let arp = self.headers().find(|(_, it)| it.kind.which == Which::Arp)?;
        let target = arp.1.bits("target protocol")?;
        Some(Ipv4Addr::from_bits(target as u32).into())
    }

    /// Where it is said to come from, if that was said.
    pub fn source(&self) -> Option<IpAddr> {
        let (_, header) = self.ip()?;
        address(header, "source")
    }

    /// How its first bytes are to be read.
    fn link_type(&self) -> LinkType {
        match self.layers.first().and_then(Layer::which) {
            Some(Which::Ether) => LinkType::ETHERNET,
            Some(Which::Ipv4) => LinkType::IPV4,
            Some(Which::Ipv6) => LinkType::IPV6,
            _ => LinkType::RAW,
        }
    }

    /// Source and destination that count for each layer: of the nearest IP header around it, or of
    /// itself if it is one.
    fn ends(&self, around: &Around) -> Vec<Option<(IpAddr, IpAddr)>> {
        let mut ends = None;
        let mut all = Vec::new();
        for layer in &self.layers {
            if let Layer::Header(header) = layer
                && let Which::Ipv4 | Which::Ipv6 = header.kind.which
            {
                let v6 = header.kind.which == Which::Ipv6;
                let same = |it: &IpAddr| it.is_ipv6() == v6;
                // A packet inside another is most often one quoted: it went the other way.
                let (src, dst) = match ends {
                    None => (around.source.filter(same), None),
                    Some((src, dst)) => (Some(dst).filter(same), Some(src).filter(same)),
                };
                let (nowhere, here): (IpAddr, IpAddr) = if v6 {
                    (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into())
                } else {
                    (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into())
                };
                let src = address(header, "source").or(src).unwrap_or(nowhere);
                let dst = address(header, "destination").or(dst).unwrap_or(here);
                ends = Some((src, dst));
            }
            all.push(ends);
        }
        all
    }

    /// The extension headers before layer `index`, the nearest first, up to the IPv6 header.
    fn extensions(&self, index: usize) -> impl Iterator<Item = &Header> {
        let before = self.layers.get(..index).unwrap_or_default();
        before.iter().rev().map_while(|layer| match layer {
            Layer::Header(header) if header.kind.which != Which::Ipv6 => Some(header),
            _ => None,
        })
    }

    /// The home address that an option before layer `index` holds, which its pseudo-header names instead
    /// of the source (RFC 6275 section 11.3.1).
    fn home(&self, index: usize) -> Option<Ipv6Addr> {
        let options = self
            .extensions(index)
            .filter(|it| it.kind.which == Which::Destination)
            .flat_map(|it| it.tail.iter().flatten());
        let mut homes = options.filter_map(|item| match item.bytes.split_first_chunk() {
            Some((&[0xc9, 16], address)) => <[u8; 16]>::try_from(address).ok(),
            _ => None,
        });
        homes.next().map(Ipv6Addr::from)
    }

    /// The last stop of a routing header before layer `index`, which its pseudo-header names instead of
    /// the destination (RFC 8200 section 8.1).
    pub(super) fn final_stop(&self, index: usize) -> Option<Ipv6Addr> {
        let mut headers = self.extensions(index);
        let routing = headers.find(|it| it.kind.which == Which::Routing)?;
        let stops = routing.tail.as_deref().unwrap_or_default();
        // A segment routing header has its stops in reverse (RFC 8754 section 2).
        let last = match routing.type_and_code().0 {
            4 => stops.first(),
            _ => stops.last(),
        };
        let left = routing.bits("segments left");
        let octets: [u8; 16] = last?.bytes.as_slice().try_into().ok()?;
        (left != Some(0)).then(|| octets.into())
    }
}

/// The address that a field of a header was set to.
fn address(header: &Header, name: &str) -> Option<IpAddr> {
    let bits = header.bits(name)?;
    Some(match header.kind.which {
        Which::Ipv4 => Ipv4Addr::from_bits(bits as u32).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    })
}

/// A header's surroundings.
struct At<'a> {
    next: Option<&'a Layer>,
    ends: Option<(IpAddr, IpAddr)>,
    home: Option<Ipv6Addr>,
    final_stop: Option<Ipv6Addr>,
    around: &'a Around,
    payload: &'a [u8],
}

impl At<'_> {
    fn header(&self, header: &Header) -> Vec<u8> {
        let (kind, code) = header.type_and_code();
        let mut bytes = header.kind.blank(kind as u8, code);
        bytes.extend(header.tail());
        pad(header.kind.which, &mut bytes);
        let slots = header.slots();
        for (name, value) in self.unasked(header, kind, &bytes) {
            if let Some(slot) = slots.iter().find(|slot| slot.field.name == name) {
                slot.put(&mut bytes, value);
            }
        }
        // All control bits before single ones, which say more.
        let together = |slot: &Slot| slot.field.name == TCP_FLAGS.name && slot.field.bits == 9;
        let (all, single) = header
            .sets
            .iter()
            .partition::<Vec<_>, _>(|(slot, _)| together(slot));
        for (slot, value) in all.into_iter().chain(single) {
            if let Value::Bits(bits) = value {
                slot.put(&mut bytes, bits);
            }
        }
        self.checksum(header, &slots, &mut bytes);
        bytes
    }

    /// What each field is if nothing was said of it; those that are not here are zero.
    fn unasked(&self, header: &Header, kind: u16, bytes: &[u8]) -> Vec<(&'static str, u128)> {
        let number = |mac: Option<[u8; 6]>, otherwise: u128| {
            mac.map_or(otherwise, |mac| {
                mac.iter().fold(0, |all, &byte| all << 8 | u128::from(byte))
            })
        };
        let (src, dst) = self.ends.map_or((0, 0), |(src, dst)| (of(src), of(dst)));
        let own = number(self.around.mac, 0);
        let whole = (bytes.len() + self.payload.len()) as u128;
        let words = (bytes.len() / 4) as u128;
        let eights = (bytes.len() / 8).saturating_sub(1) as u128;
        match header.kind.which {
            Which::Ether => vec![
                ("destination", number(self.around.next_hop, self.next_hop())),
                ("source", own),
                ("type", ethertype(self.next).into()),
            ],
            Which::Vlan => vec![
                ("vlan identifier", 1),
                ("type", ethertype(self.next).into()),
            ],
            Which::Arp => vec![
                ("hardware type", 1),
                ("protocol type", 0x0800),
                ("hardware length", 6),
                ("protocol length", 4),
                ("operation", kind.into()),
                ("sender hardware", own),
                ("sender protocol", self.around.source.map_or(0, of)),
            ],
            Which::Ipv4 => vec![
                ("version", 4),
                ("header length", words),
                // What is too long for the field shows its low bits, and is too long to be sent.
                ("total length", whole),
                ("identification", 1),
                ("time to live", ttl(self.next)),
                ("protocol", protocol(self.next, EXPERIMENT).into()),
                ("source", src),
                ("destination", dst),
            ],
            Which::Ipv6 => vec![
                ("version", 6),
                ("payload length", self.payload.len() as u128),
                ("next header", protocol(self.next, 59).into()),
                ("hop limit", hop_limit(self.next)),
                ("source", src),
                ("destination", dst),
            ],
            Which::HopByHop | Which::Destination => vec![
                ("next header", protocol(self.next, 59).into()),
                ("header length", eights),
            ],
            Which::Routing => routing(header, kind, eights, protocol(self.next, 59)),
            Which::Fragment => vec![
                ("next header", protocol(self.next, 59).into()),
                ("identification", 1),
            ],
            Which::Ah => vec![
                ("next header", protocol(self.next, 59).into()),
                ("payload length", words.saturating_sub(2)),
                ("security parameters index", 1),
                ("sequence number", 1),
            ],
            Which::Icmpv4 | Which::Icmpv6 => icmp(header, kind),
            Which::Igmp => groups(header),
            Which::Tcp => vec![
                ("source port", 40_000),
                ("destination port", 80),
                ("sequence number", 1),
                ("data offset", words),
                // A SYN, unless something was said of the control bits.
                ("SYN", u128::from(!sets_flags(header))),
                ("window", 64_240),
            ],
            Which::Udp => vec![
                ("source port", 40_000),
                ("destination port", 33_434),
                // A jumbogram's does not fit, and is 0 (RFC 2675 section 4).
                ("length", if whole > 65_535 { 0 } else { whole }),
            ],
        }
    }

    /// The hardware address a frame goes to when nobody said, and nobody has to be asked: everybody, or a
    /// group (RFC 1112 section 6.4; RFC 2464 section 7).
    fn next_hop(&self) -> u128 {
        let group = match self.ends_of_next() {
            Some(IpAddr::V4(group)) if group.is_multicast() => {
                return 0x0100_5e00_0000 | u128::from(group.to_bits() & 0x007f_ffff);
            }
            Some(IpAddr::V6(group)) if group.is_multicast() => Some(group.to_bits() as u32),
            _ => None,
        };
        group.map_or(0xffff_ffff_ffff, |low| 0x3333_0000_0000 | u128::from(low))
    }

    /// The destination of the IP header right after this one, as its bytes have it.
    fn ends_of_next(&self) -> Option<IpAddr> {
        match self.next?.which()? {
            Which::Ipv4 => {
                let octets: [u8; 4] = self.payload.get(16..)?.first_chunk().copied()?;
                Some(octets.into())
            }
            Which::Ipv6 => {
                let octets: [u8; 16] = self.payload.get(24..)?.first_chunk().copied()?;
                Some(octets.into())
            }
            _ => None,
        }
    }

    /// Puts the checksum in, where there is one and no number was asked for.
    fn checksum(&self, header: &Header, slots: &[Slot], bytes: &mut [u8]) {
        let name = match header.kind.which {
            Which::Ipv4 => "header checksum",
            _ => "checksum",
        };
        let Some(slot) = slots.iter().find(|slot| slot.field.name == name) else {
            return;
        };
        let bad = match header.set(name) {
            Some(Value::Bits(_)) => return,
            Some(Value::Bad) => true,
            None => false,
        };
        let whole = (bytes.len() + self.payload.len()) as u32;
        let pseudo = |protocol: u8| {
            let (src, dst) = self.ends.unwrap_or((NOBODY, NOBODY));
            let src = self.home.map_or(src, IpAddr::V6);
            let dst = self.final_stop.map_or(dst, IpAddr::V6);
            Sum::pseudo_header(src, dst, protocol, whole)
        };
        let sum = match header.kind.which {
            Which::Ipv4 => Sum::new().add_bytes(bytes),
            Which::Icmpv4 | Which::Igmp => Sum::new().add_bytes(bytes).add_bytes(self.payload),
            which => {
                let protocol = match which {
                    Which::Icmpv6 => icmpv6::PROTOCOL,
                    Which::Tcp => tcp::PROTOCOL,
                    _ => udp::PROTOCOL,
                };
                pseudo(protocol).add_bytes(bytes).add_bytes(self.payload)
            }
        };
        let mut right = sum.checksum();
        if header.kind.which == Which::Udp && right == 0 {
            // Zero would say that there is none; all ones is the same number in ones' complement.
            right = 0xffff;
        }
        // One bit more or less is another number in ones' complement, and neither zero nor all ones.
        let value = match (bad, right) {
            (false, right) => right,
            (true, 0x0001 | 0xfffe) => right ^ 0x0100,
            (true, right) => right ^ 0x0001,
        };
        slot.put(bytes, value.into());
    }
}

const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Fills a header up to where the next can begin.
fn pad(which: Which, bytes: &mut Vec<u8>) {
    match which {
        Which::Ipv4 | Which::Tcp | Which::Ah => {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        Which::Routing => bytes.resize(bytes.len().next_multiple_of(8), 0),
        // With an option that says so: Pad1, or PadN and the number of zeros in it.
        Which::HopByHop | Which::Destination => {
            let padding = bytes.len().next_multiple_of(8) - bytes.len();
            match padding {
                0 => {}
                1 => bytes.push(0),
                _ => {
                    bytes.extend([1, (padding - 2) as u8]);
                    bytes.resize(bytes.len().next_multiple_of(8), 0);
                }
            }
        }
        _ => {}
    }
}

/// What a routing header says unasked: every stop is still to be made but those before it.
fn routing(header: &Header, kind: u16, eights: u128, next: u8) -> Vec<(&'static str, u128)> {
    let stops = header.tail.as_ref().map_or(0, Vec::len) as u128;
    let left = match kind {
        4 => stops.saturating_sub(1),
        _ => stops,
    };
    vec![
        ("next header", next.into()),
        ("header length", eights),
        ("routing type", kind.into()),
        ("segments left", left),
        ("last entry", stops.saturating_sub(1)),
    ]
}

/// What an ICMP message says unasked, beside type and code.
fn icmp(header: &Header, kind: u16) -> Vec<(&'static str, u128)> {
    let mtu = match (header.kind.which, kind) {
        (Which::Icmpv6, 2) => 1280,
        _ => 1400,
    };
    vec![
        ("identifier", 1),
        ("sequence number", 1),
        ("mtu", mtu),
        ("next-hop mtu", mtu),
    ]
}

/// What an IGMP message says unasked: what it counts, and the times of RFC 2236 and RFC 3376 section 8.
fn groups(header: &Header) -> Vec<(&'static str, u128)> {
    let number = header.tail.as_ref().map_or(0, Vec::len) as u128;
    let (kind, version) = header.type_and_code();
    let time = u128::from(kind == u16::from(igmp::QUERY) && version > 1) * 100;
    vec![
        ("max response time", time),
        ("max response code", time),
        ("robustness", 2),
        ("query interval code", 125),
        ("number of sources", number),
        ("number of records", number),
    ]
}

/// What tells routers of listeners may not leave the link (RFC 2236 section 2, RFC 3376 section 4).
fn ttl(next: Option<&Layer>) -> u128 {
    match next.and_then(Layer::which) {
        Some(Which::Igmp) => 1,
        _ => 64,
    }
}

/// Whether anything was said of TCP's control bits.
fn sets_flags(header: &Header) -> bool {
    let mut sets = header.sets.iter();
    sets.any(|(slot, _)| slot.field.bit >= 103 && slot.field.bit + slot.field.bits <= 112)
}

/// Neighbor discovery is heard only from the link itself, which 255 proves (RFC 4861 section 3.1); what
/// tells routers of listeners may not leave it (RFC 2710 section 3).
fn hop_limit(next: Option<&Layer>) -> u128 {
    match next {
        Some(Layer::Header(header)) if header.kind.which == Which::Icmpv6 => {
            match header.type_and_code().0 {
                133..=137 => 255,
                130..=132 | 143 => 1,
                _ => 64,
            }
        }
        _ => 64,
    }
}

/// The Ethernet type of what follows.
fn ethertype(next: Option<&Layer>) -> u16 {
    match next.and_then(Layer::which) {
        Some(Which::Ipv4) => 0x0800,
        Some(Which::Arp) => 0x0806,
        Some(Which::Vlan) => 0x8100,
        Some(Which::Ipv6) => 0x86dd,
        _ => LOCAL_EXPERIMENT,
    }
}

/// IP's number for what follows; `nothing` when nothing does.
fn protocol(next: Option<&Layer>, nothing: u8) -> u8 {
    let Some(layer) = next else { return nothing };
    match layer.which() {
        Some(Which::Ipv4) => 4,
        Some(Which::Ipv6) => 41,
        Some(Which::HopByHop) => ipv6_ext::HOP_BY_HOP,
        Some(Which::Destination) => ipv6_ext::DESTINATION,
        Some(Which::Routing) => ipv6_ext::ROUTING,
        Some(Which::Fragment) => ipv6_ext::FRAGMENT,
        Some(Which::Ah) => 51,
        Some(Which::Icmpv4) => icmpv4::PROTOCOL,
        Some(Which::Icmpv6) => icmpv6::PROTOCOL,
        Some(Which::Igmp) => igmp::PROTOCOL,
        Some(Which::Tcp) => tcp::PROTOCOL,
        Some(Which::Udp) => udp::PROTOCOL,
        Some(Which::Ether | Which::Vlan | Which::Arp) | None => EXPERIMENT,
    }
}
