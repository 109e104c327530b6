//! What is wrong with a packet: where reading stopped or a rule was broken, and which.

use std::fmt;

use super::LayerKind;

/// One thing wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The header it is in.
    pub layer: LayerKind,
    /// Bytes from the frame's start to where that header begins.
    pub offset: u32,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong, with the numbers that show it. Lengths are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The capture kept too little of the frame to read on: no fault of the sender.
    Cut {
        /// Bytes the header needs.
        required: u32,
        /// Bytes that were captured of it.
        actual: u32,
    },
    /// What encloses the header ends before the header does.
    Short {
        /// Bytes the header needs.
        required: u32,
        /// Bytes there are on the wire.
        actual: u32,
    },
    /// The version field is not what led here.
    Version {
        /// What it should be.
        required: u8,
        /// What it is.
        actual: u8,
    },
    /// The header's own length field is below the smallest header.
    HeaderLength {
        /// Smallest length.
        required: u32,
        /// What the field says.
        actual: u32,
    },
    /// A length field claims more than the frame, or the header around it, has.
    LengthBeyond {
        /// What the field says.
        claimed: u32,
        /// Bytes there are on the wire.
        actual: u32,
    },
    /// A length field claims less than the header it is in.
    LengthBelowHeader {
        /// What the field says.
        claimed: u32,
        /// Length of the header.
        header: u32,
    },
    /// UDP over IPv6 without a checksum.
    NoChecksum,
    /// An IPv6 extension header where it may not stand.
    Misplaced {
        /// Its protocol number.
        header: u8,
    },
    /// A fragment reaches beyond the longest datagram there can be.
    FragmentBeyond {
        /// Where it ends.
        end: u32,
        /// Where it may end at most.
        limit: u32,
    },
    /// A fragment before the last whose length is no multiple of 8, or zero.
    FragmentLength {
        /// Its length.
        len: u32,
    },
    /// A fragment that puts the datagram's end elsewhere than others do.
    FragmentEnd {
        /// Where it ends.
        claimed: u32,
        /// Where the datagram ends, or how far it reaches, as others have it.
        known: u32,
    },
    /// A fragment covers bytes that came before, with other bounds or other content.
    FragmentOverlap {
        /// First such byte of the datagram.
        from: u32,
        /// The byte after the last of that stretch.
        to: u32,
    },
}

impl Problem {
    /// Whether it is that the header there ends before all of it has come.
    pub const fn is_missing_bytes_at(&self, offset: u32) -> bool {
        self.offset == offset && matches!(self.fault, Fault::Cut { .. } | Fault::Short { .. })
    }

    /// The clause that is broken; `None` when it is only the capture that falls short.
    pub fn rfc(&self) -> Option<&'static str> {
        Some(match (self.layer, self.fault) {
            (_, Fault::Cut { .. }) => return None,
            (_, Fault::NoChecksum) => "RFC 8200 8.1",
            (_, Fault::Misplaced { .. }) => "RFC 8200 4.1",
            (LayerKind::Ipv4, fault) if fault.is_of_fragment() => "RFC 791 3.2",
            (_, Fault::FragmentOverlap { .. }) => "RFC 5722 4",
            (_, fault) if fault.is_of_fragment() => "RFC 8200 4.5",
            (LayerKind::Arp, _) => "RFC 826",
            (LayerKind::Ipv4, _) => "RFC 791 3.1",
            (LayerKind::Ipv6, _) => "RFC 8200 3",
            (LayerKind::Ipv6Extension, _) => "RFC 8200 4",
            (LayerKind::Ah, _) => "RFC 4302 2",
            (LayerKind::Esp, _) => "RFC 4303 2",
            (LayerKind::Ipcomp, _) => "RFC 3173 3",
            (LayerKind::Mpls, _) => "RFC 3032 2.1",
            (LayerKind::ControlWord, _) => "RFC 4448 4.6",
            (LayerKind::Ppp, _) => "RFC 1661 2",
            (LayerKind::Pppoe, _) => "RFC 2516 4",
            (LayerKind::Gre, _) => "RFC 2784 2",
            (LayerKind::Erspan, _) => "draft-foschiano-erspan-03 4",
            (LayerKind::EtherIp, _) => "RFC 3378 2",
            (LayerKind::Icmpv4, _) => "RFC 792",
            (LayerKind::Icmpv6, _) => "RFC 4443 2.1",
            (LayerKind::Igmp, _) => "RFC 2236 2",
            (LayerKind::IcmpExtension, _) => "RFC 4884 7",
            (LayerKind::Tcp, _) => "RFC 9293 3.1",
            (LayerKind::Udp, _) => "RFC 768",
            (LayerKind::Vxlan, _) => "RFC 7348 5",
            (LayerKind::Geneve, _) => "RFC 8926 3.4",
            (LayerKind::Llc, _) => "RFC 1042",
            (LayerKind::Ethernet | LayerKind::Vlan | LayerKind::Link, _) => return None,
        })
    }
}

impl Fault {
    const fn is_of_fragment(self) -> bool {
        matches!(
            self,
            Self::FragmentBeyond { .. }
                | Self::FragmentLength { .. }
                | Self::FragmentEnd { .. }
                | Self::FragmentOverlap { .. }
        )
    }
}

/// `IPv4 at byte 14: length field says 1500 bytes, there are 60`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.layer, self.offset, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Cut { required, actual } => write!(
                f,
                "only {actual} of its {required} header bytes were captured"
            ),
            Self::Short { required, actual } => {
                write!(f, "needs {required} bytes, the packet has {actual} left")
            }
            Self::Version { required, actual } => {
                write!(f, "version is {actual}, should be {required}")
            }
            Self::HeaderLength { required, actual } => write!(
                f,
                "header length says {actual} bytes, the smallest header has {required}"
            ),
            Self::LengthBeyond { claimed, actual } => {
                write!(f, "length field says {claimed} bytes, there are {actual}")
            }
            Self::LengthBelowHeader { claimed, header } => write!(
                f,
                "length field says {claimed} bytes, less than its header of {header}"
            ),
            Self::NoChecksum => f.write_str("no checksum, which IPv6 requires"),
            Self::Misplaced { header } => write!(
                f,
                "extension header {header} may only stand right after the IPv6 header"
            ),
            Self::FragmentBeyond { end, limit } => write!(
                f,
                "fragment reaches byte {end}, a datagram has {limit} at most"
            ),
            Self::FragmentLength { len } => write!(
                f,
                "more fragments follow, yet its {len} bytes are no multiple of 8"
            ),
            Self::FragmentEnd { claimed, known } => write!(
                f,
                "fragment ends at byte {claimed}, other fragments have the end at {known}"
            ),
            Self::FragmentOverlap { from, to } => {
                write!(f, "fragment overlaps bytes {from} to {to} that came before")
            }
        }
    }
}
