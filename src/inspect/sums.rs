//! Checksums worked out by hand: every 16-bit word that is summed, where it comes from, and what
//! becomes of the sum (RFC 1071; pseudo-headers: RFC 9293 section 3.1, RFC 8200 section 8.1).

use std::net::IpAddr;

use super::sheet::ip_end;
use super::{Header, Sheet};
use crate::decode::{Checksum, Ip, LayerKind};

/// A 16-bit word of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it belongs to.
    pub from: From,
    /// Where it stands in that, in bytes: in the pseudo-header, or from the frame's start.
    pub at: u32,
    /// The word; the last byte of an odd number has a zero after it.
    pub value: u16,
    /// Whether it is such a last byte.
    pub odd: bool,
    /// The sum so far, carries not added back in.
    pub sum: u32,
}

/// What a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Source address of the pseudo-header.
    Source,
    /// Destination address of the pseudo-header.
    Destination,
    /// Length of the pseudo-header.
    Length,
    /// Protocol of the pseudo-header.
    Protocol,
    /// The header itself, its checksum counted as zero.
    Header,
    /// What follows the header.
    Data,
}

impl From {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Length => "length",
            Self::Protocol => "protocol",
            Self::Header => "header",
            Self::Data => "data",
        }
    }
}

/// A checksum worked out.
#[derive(Clone, Debug)]
pub struct Working {
    /// Index of its header in the sheet.
    pub header: usize,
    /// Bytes from that header's start to the checksum.
    pub at: usize,
    /// Every word that is summed, in order.
    pub words: Vec<Word>,
    /// Sums with the carries added back in, one after the other, the last below 2^16.
    pub folds: Vec<u32>,
    /// What the header says.
    pub stated: u16,
    /// What it should say, by these bytes.
    pub computed: u16,
    /// What comes of it.
    pub verdict: Checksum,
    /// The clause that says what is covered.
    pub rfc: &'static str,
}

/// The checksums of a frame, in the order of their headers. `ip` is the innermost IP header, whose
/// addresses count, and `whole` says whether all of the frame was captured.
pub fn workings(sheet: &Sheet<'_>, ip: Option<&Ip>, whole: bool) -> Vec<Working> {
    let headers = sheet.headers.iter().enumerate();
    let own = headers.filter(|(_, header)| header.quoted == 0);
    own.filter_map(|(index, header)| working(sheet, index, header, ip, whole))
        .collect()
}

fn working(
    sheet: &Sheet<'_>,
    index: usize,
    header: &Header,
    ip: Option<&Ip>,
    whole: bool,
) -> Option<Working> {
    let (at, protocol, rfc) = match header.kind {
        LayerKind::Ipv4 => (10, None, "RFC 791 3.1"),
        LayerKind::Icmpv4 => (2, None, "RFC 792"),
        LayerKind::Igmp => (2, None, "RFC 2236 2.3"),
        LayerKind::Icmpv6 => (2, Some(58), "RFC 4443 2.3"),
        LayerKind::Tcp => (16, Some(6), "RFC 9293 3.1"),
        LayerKind::Udp => (6, Some(17), "RFC 768"),
        _ => return None,
    };
    // Tunnels have several, and only the innermost pseudo-header is known.
    let inner = sheet.headers.get(index + 1..).unwrap_or_default();
    let outer = inner
        .iter()
        .any(|h| h.quoted == 0 && matches!(h.kind, LayerKind::Ipv4 | LayerKind::Ipv6));
    if protocol.is_some() && outer {
        return None;
    }
    let bytes = sheet.bytes(header.origin);
    let start = header.offset as usize;
    let (end, cut) = match header.kind {
        LayerKind::Ipv4 => ipv4_end(bytes, start, header),
        LayerKind::Udp => udp_end(bytes, start, covered(sheet, index, header, whole)),
        _ => covered(sheet, index, header, whole),
    };
    let message = bytes.get(start..end)?;
    let stated = u16::from_be_bytes(*message.get(at..)?.first_chunk()?);
    let mut sum = Summing::default();
    if let Some(protocol) = protocol {
        sum.pseudo(ip?, protocol, message.len() as u32);
    }
    let pseudo = sum.sum;
    sum.bytes(message, header, at);
    let mut folds = Vec::new();
    let mut folded = sum.sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
        folds.push(folded);
    }
    let computed = match !(folded as u16) {
        0 if header.kind == LayerKind::Udp => 0xffff,
        computed => computed,
    };
    let verdict = match () {
        () if header.kind == LayerKind::Udp && stated == 0 => Checksum::Absent,
        () if cut => Checksum::Unverified,
        // Ones' complement has two zeros, and either is right (RFC 1071 section 1).
        () if stated == computed || (folded + u32::from(stated)) % 0xffff == 0 => Checksum::Good,
        () if protocol.is_some() && u32::from(stated) == fold(pseudo) => Checksum::Partial,
        () if header.kind == LayerKind::Ipv4 && stated == 0 => Checksum::Partial,
        () => Checksum::Bad,
    };
    Some(Working {
        header: index,
        at,
        words: sum.words,
        folds,
        stated,
        computed,
        verdict,
        rfc,
    })
}

/// Where the datagram around a header ends, and whether that is more than there is: as the IP header
/// before it says, else where the frame does.
fn covered(sheet: &Sheet<'_>, index: usize, header: &Header, whole: bool) -> (usize, bool) {
    let bytes = sheet.bytes(header.origin);
    let before = sheet.headers.get(..index).unwrap_or_default();
    let ip = before.iter().rfind(|other| {
        let is_ip = matches!(other.kind, LayerKind::Ipv4 | LayerKind::Ipv6);
        is_ip && (other.origin, other.quoted) == (header.origin, 0)
    });
    let end = ip.and_then(|ip| {
        let at = ip.offset as usize;
        ip_end(ip.kind, at, bytes.get(at..)?)
    });
    match end {
        // A frame that was captured whole and is too short for its datagram has all there will be.
        Some(end) => (end.min(bytes.len()), end > bytes.len() && !whole),
        None => (bytes.len(), !whole),
    }
}

/// Where an IPv4 header ends, and whether that is more than there is: the checksum covers as many words as
/// IHL says, options included, and says nothing about a part of them, whether the rest was not captured or
/// never sent.
fn ipv4_end(bytes: &[u8], start: usize, header: &Header) -> (usize, bool) {
    let words = bytes.get(start).map_or(0, |first| first & 0x0f);
    let there = header.len as usize;
    (start + there, usize::from(words) * 4 > there)
}

/// A UDP datagram's own length, where it fits, ends what is summed.
fn udp_end(bytes: &[u8], start: usize, (end, cut): (usize, bool)) -> (usize, bool) {
    let length = bytes.get(start + 4..).and_then(<[u8]>::first_chunk);
    let length = length.map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    match length {
        0 => (end, cut),
        length if start + length <= end => (start + length, false),
        _ => (end, cut),
    }
}

const fn fold(sum: u32) -> u32 {
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16)
}

/// A sum in the making. A frame has at most 2^18 bytes, so that 32 bits hold all carries.
#[derive(Default)]
struct Summing {
    words: Vec<Word>,
    sum: u32,
}

impl Summing {
    fn add(&mut self, from: From, at: u32, value: u16, odd: bool) {
        self.sum = self.sum.wrapping_add(u32::from(value));
        self.words.push(Word {
            from,
            at,
            value,
            odd,
            sum: self.sum,
        });
    }

    fn pseudo(&mut self, ip: &Ip, protocol: u8, len: u32) {
        let mut at = 0;
        for (from, address) in [(From::Source, ip.src), (From::Destination, ip.dst)] {
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            for word in octets.as_chunks::<2>().0 {
                self.add(from, at, u16::from_be_bytes(*word), false);
                at += 2;
            }
        }
        // IPv4 has a zero byte, the protocol and 16 bits of length, IPv6 32 bits of length, three
        // zero bytes and the protocol: the words differ in order alone.
        if ip.src.is_ipv4() {
            self.add(From::Protocol, at, protocol.into(), false);
            self.add(From::Length, at + 2, len as u16, false);
        } else {
            self.add(From::Length, at, (len >> 16) as u16, false);
            self.add(From::Length, at + 2, len as u16, false);
            self.add(From::Protocol, at + 4, 0, false);
            self.add(From::Protocol, at + 6, protocol.into(), false);
        }
    }

    fn bytes(&mut self, message: &[u8], header: &Header, checksum: usize) {
        for (index, pair) in message.chunks(2).enumerate() {
            let at = index * 2;
            let value = match *pair {
                _ if at == checksum => 0,
                [high, low] => u16::from_be_bytes([high, low]),
                [last] => u16::from_be_bytes([last, 0]),
                _ => 0,
            };
            let from = if at < header.len as usize {
                From::Header
            } else {
                From::Data
            };
            self.add(from, header.offset + at as u32, value, pair.len() == 1);
        }
    }
}
