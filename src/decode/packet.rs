//! A decoded frame: its layers, the innermost addresses and transport, and its problems.

use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use super::{Body, Problem};

/// Most layers kept by name; the rest are counted.
pub const MAX_LAYERS: usize = 16;
/// Most problems kept; a packet with more has been made to have them.
pub const MAX_PROBLEMS: usize = 6;

/// What a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// Ethernet II or 802.3.
    Ethernet,
    /// 802.1Q or 802.1ad tag.
    Vlan,
    /// 802.2 logical link control, with SNAP or without.
    Llc,
    /// The header a link type other than Ethernet puts first (SLL, NULL, ARCNET).
    Link,
    /// ARP.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// An IPv6 extension header.
    Ipv6Extension,
    /// IP authentication header.
    Ah,
    /// MPLS label.
    Mpls,
    /// The control word of an Ethernet carried by MPLS.
    ControlWord,
    /// PPP.
    Ppp,
    /// PPP over Ethernet.
    Pppoe,
    /// GRE.
    Gre,
    /// The header of a mirrored Ethernet frame in GRE.
    Erspan,
    /// Ethernet in IP.
    EtherIp,
    /// VXLAN.
    Vxlan,
    /// Geneve.
    Geneve,
    /// IP encapsulating security payload.
    Esp,
    /// IP payload compression.
    Ipcomp,
    /// ICMPv4.
    Icmpv4,
    /// ICMPv6.
    Icmpv6,
    /// IGMP.
    Igmp,
    /// What a router added behind the packet that an ICMP error quotes (RFC 4884).
    IcmpExtension,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl LayerKind {
    /// Its name as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::Vlan => "VLAN tag",
            Self::Llc => "802.2 LLC",
            Self::Link => "link header",
            Self::Arp => "ARP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Ipv6Extension => "IPv6 extension",
            Self::Ah => "AH",
            Self::Mpls => "MPLS",
            Self::ControlWord => "MPLS control word",
            Self::Ppp => "PPP",
            Self::Pppoe => "PPPoE",
            Self::Gre => "GRE",
            Self::Erspan => "ERSPAN",
            Self::EtherIp => "EtherIP",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "Geneve",
            Self::Esp => "ESP",
            Self::Ipcomp => "IPComp",
            Self::Icmpv4 => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Igmp => "IGMP",
            Self::IcmpExtension => "ICMP extension",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// Its name for scripts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Link => "link",
            Self::Llc => "llc",
            Self::Arp => "arp",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6-extension",
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::Ipcomp => "ipcomp",
            Self::Mpls => "mpls",
            Self::ControlWord => "control-word",
            Self::Ppp => "ppp",
            Self::Pppoe => "pppoe",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::EtherIp => "etherip",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Icmpv4 => "icmpv4",
            Self::Icmpv6 => "icmpv6",
            Self::Igmp => "igmp",
            Self::IcmpExtension => "icmp-extension",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Which header.
    pub kind: LayerKind,
    /// Bytes from the frame's start.
    pub offset: u32,
    /// Length of the header in bytes, as far as it was captured.
    pub len: u32,
}

/// The innermost IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Source address (a mobile node's home address, where an option holds it: RFC 6275
    /// section 11.3.1).
    pub src: IpAddr,
    /// Destination address (the final one, where a routing header or a source route holds it:
    /// RFC 8200 section 8.1).
    pub dst: IpAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Traffic class or TOS byte, ECN in the low two bits.
    pub traffic_class: u8,
    /// Identification: IPv4's, or that of an IPv6 fragment header.
    pub id: Option<u32>,
    /// IPv4's don't-fragment bit; always true for IPv6.
    pub dont_fragment: bool,
    /// The protocol after all extension headers.
    pub protocol: u8,
    /// Whether IPv4's header checksum is right; IPv6 has none.
    pub checksum: Checksum,
}

/// Whether a checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// It matches.
    Good,
    /// It does not; the receiver will discard the packet.
    Bad,
    /// Only the pseudo-header's sum: left to the network card (transmit offload), which had not
    /// done its part when the frame was captured.
    Partial,
    /// The bytes it covers were not all captured.
    Unverified,
    /// None sent (UDP over IPv4 with 0, or none in the protocol).
    Absent,
}

impl Checksum {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Partial => "partial",
            Self::Unverified => "unverified",
            Self::Absent => "absent",
        }
    }
}

/// A datagram put together from fragments, of which the frame held the last that was missing, or
/// one that was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reassembled<'a> {
    /// What follows the IP header, in order, as far as it was captured. Layers from `first_layer`
    /// on have their offsets in here.
    pub bytes: &'a [u8],
    /// Index in [`Packet::layers`] of the first header in `bytes`.
    pub first_layer: u8,
    /// Its length on the wire, in bytes.
    pub len: u32,
    /// The protocol that its first fragment says it is; 0 when it was compressed.
    pub protocol: u8,
    /// How many fragments it came in; 0 when it was compressed.
    pub fragments: u16,
}

/// A decoded frame. Decoding never fails: what could not be read is a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its headers, outermost first, up to [`MAX_LAYERS`].
    pub layers: ArrayVec<Layer, MAX_LAYERS>,
    /// How many headers there were beyond those.
    pub more_layers: u32,
    /// The innermost IP header.
    pub ip: Option<Ip>,
    /// Tells tunnels apart: 0 outside any tunnel, else a number made of the tunnel's headers.
    pub tunnel: u32,
    /// What it carries.
    pub body: Body<'a>,
    /// The datagram its fragments made, when this frame completed one, or what its compressed
    /// payload held.
    pub reassembled: Option<Reassembled<'a>>,
    /// What is wrong with it.
    pub problems: ArrayVec<Problem, MAX_PROBLEMS>,
}

impl Default for Packet<'_> {
    /// A packet of which nothing is known.
    #[inline]
    fn default() -> Self {
        Self {
            layers: ArrayVec::new(),
            more_layers: 0,
            ip: None,
            tunnel: 0,
            body: Body::NotIp { ethertype: 0 },
            reassembled: None,
            problems: ArrayVec::new(),
        }
    }
}
