//! What a packet carries: the innermost header that was read, with its fields.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Checksum;
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// What the packet carries, innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A whole TCP header and what follows it.
    Tcp(Tcp<'a>),
    /// A whole UDP header and what follows it.
    Udp(Udp<'a>),
    /// ICMP for IPv4 or IPv6.
    Icmp(Icmp<'a>),
    /// IGMP.
    Igmp(Igmp),
    /// ARP.
    Arp(Arp),
    /// Part of a datagram that is not complete yet, or that can't be put together.
    Fragment(Fragment),
    /// Encrypted: nothing more can be told.
    Esp(Esp),
    /// Another protocol over IP, or one of the above that can't be read: see the problems.
    Other {
        /// Its number in IANA's protocol numbers.
        protocol: u8,
    },
    /// Not IP.
    NotIp {
        /// What the link header says follows; 0 where it says nothing.
        ethertype: u16,
    },
}

/// A TCP segment as it stands in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: Seq,
    /// Acknowledgment number, meaningful or not.
    pub ack: Seq,
    /// Control bits.
    pub flags: Flags,
    /// Window field.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The option bytes that were captured.
    pub options: &'a [u8],
    /// Whether the capture cut some of them off.
    pub options_cut: bool,
    /// The payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload bytes on the wire, from the lengths in the headers.
    pub payload_len: u32,
    /// Whether its checksum is right.
    pub checksum: Checksum,
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload bytes on the wire.
    pub payload_len: u32,
    /// Whether its checksum is right; [`Checksum::Absent`] when the sender left it out.
    pub checksum: Checksum,
}

/// An ICMP message (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// Whether it is ICMPv6.
    pub v6: bool,
    /// Type field.
    pub kind: u8,
    /// Code field.
    pub code: u8,
    /// What type and code mean, in words.
    pub name: &'static str,
    /// What the four bytes after the checksum say.
    pub detail: IcmpDetail,
    /// The packet an error message quotes.
    pub quoted: Option<Quoted>,
    /// What follows the first 8 bytes, as far as it was captured.
    pub payload: &'a [u8],
    /// Bytes after the first 8, on the wire.
    pub payload_len: u32,
    /// Whether its checksum is right.
    pub checksum: Checksum,
}

/// The type-specific fields of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpDetail {
    /// None, or they were not captured.
    None,
    /// Echo request or reply, and the other queries of RFC 792 that are numbered so.
    Echo {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// MTU of the next hop in bytes (RFC 1191 section 4, RFC 4443 section 3.2).
    Mtu(u32),
    /// Bytes from the quoted packet's start to what is wrong with it.
    Pointer(u32),
    /// The router to use instead (RFC 792, redirect).
    Gateway(Ipv4Addr),
    /// The address a neighbor discovery message is about (RFC 4861 section 4).
    Target(Ipv6Addr),
}

/// An IGMP message (RFC 2236, RFC 3376).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Igmp {
    /// Type field.
    pub kind: u8,
    /// What that means, in words.
    pub name: &'static str,
    /// Which version of IGMP it is of; `None` when it is of none.
    pub version: Option<u8>,
    /// Second byte: in queries, within which time to answer.
    pub time: u8,
    /// The group of a query, a report of version 1 or 2, or a farewell.
    pub group: Option<Ipv4Addr>,
    /// Records in a report of version 3, by its own count.
    pub records: u16,
    /// The first of those: its type, its number of sources, its group.
    pub first: Option<(u8, u16, Ipv4Addr)>,
    /// Whether its checksum is right.
    pub checksum: Checksum,
}

/// The beginning of the packet that an ICMP error is about, as far as it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Bytes from the frame's start (or the reassembled datagram's).
    pub offset: u32,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Time to live or hop limit it arrived with.
    pub ttl: u8,
    /// Length of the whole datagram, from its header.
    pub datagram_len: u32,
    /// Protocol after extension headers.
    pub protocol: u8,
    /// Source and destination port of TCP, UDP, SCTP or DCCP.
    pub ports: Option<(u16, u16)>,
    /// TCP's sequence number.
    pub seq: Option<Seq>,
    /// Identifier and sequence number of an ICMP echo.
    pub echo: Option<(u16, u16)>,
}

/// A hardware address: 6 bytes on Ethernet, 1 on ARCNET; of longer ones the first 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardwareAddress {
    bytes: [u8; 8],
    len: u8,
}

impl HardwareAddress {
    /// The address in `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut address = Self::default();
        for (to, from) in address.bytes.iter_mut().zip(bytes) {
            *to = *from;
            address.len += 1;
        }
        address
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// `02:00:00:00:00:01`.
impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.as_slice().iter().enumerate() {
            let separator = if i == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

/// An ARP packet (RFC 826) that resolves IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply, 3 and 4 the same for RARP.
    pub operation: u16,
    /// The sender's hardware address.
    pub sender_hardware: HardwareAddress,
    /// The sender's protocol address.
    pub sender: Ipv4Addr,
    /// The target's hardware address.
    pub target_hardware: HardwareAddress,
    /// The target's protocol address.
    pub target: Ipv4Addr,
}

/// A piece of an IP datagram (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification that the pieces share.
    pub id: u32,
    /// Bytes of the datagram before this piece.
    pub offset: u32,
    /// Whether more pieces follow.
    pub more: bool,
    /// Bytes in this piece, on the wire.
    pub len: u32,
    /// Protocol of the datagram; in IPv6 only the first piece's says for sure.
    pub protocol: u8,
}

/// An encrypted payload (RFC 4303 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Esp {
    /// Security parameters index.
    pub spi: u32,
    /// Sequence number.
    pub seq: u32,
}
