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
}

impl Problem {
    /// The clause that is broken; `None` when it is only the capture that falls short.
    pub const fn rfc(&self) -> Option<&'static str> {
        Some(match (self.layer, self.fault) {
            (_, Fault::Cut { .. }) => return None,
            (LayerKind::Ipv4, _) => "RFC 791 3.1",
            (LayerKind::Ipv6, _) => "RFC 8200 3",
            (LayerKind::Ipv6Extension, _) => "RFC 8200 4",
            (LayerKind::Tcp, _) => "RFC 9293 3.1",
            (LayerKind::Udp, _) => "RFC 768",
            _ => return None,
        })
    }
}

/// `IPv4 at byte 14: its total length says 1500 bytes, the frame has 60`.
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
        }
    }
}
