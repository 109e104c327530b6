//! A TCP segment with everything the tracker knows of it.

use std::fmt;
use std::net::IpAddr;

use crate::decode::{Checksum, Packet};
use crate::event::{CwndEstimate, Note, TcpState, Wireshark, digits};
use crate::frame::Timestamp;
use crate::wire::tcp::{Flags, TcpOptions};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Its address.
    pub addr: IpAddr,
    /// Its port.
    pub port: u16,
}

impl Endpoint {
    /// Appends it as `Display` writes it, sooner where it is IPv4.
    pub fn push_to(&self, text: &mut String) {
        let IpAddr::V4(v4) = self.addr else {
            let _ = fmt::Write::write_fmt(text, format_args!("{self}"));
            return;
        };
        for (at, octet) in v4.octets().into_iter().enumerate() {
            if at > 0 {
                text.push('.');
            }
            digits::push(text, octet.into());
        }
        text.push(':');
        digits::push(text, self.port.into());
    }
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = std::net::SocketAddr::new(self.addr, self.port);
        // Padding needs the text first; without it there is no need to have it twice.
        if f.width().is_some() {
            f.pad(&address.to_string())
        } else {
            write!(f, "{address}")
        }
    }
}

/// Which of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Sent the SYN; without one in the capture, the side seen to send first unless there is
    /// better evidence.
    Initiator,
    /// The other one.
    Responder,
}

impl Side {
    /// The other host.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    /// 0 for the initiator, 1 for the responder: index into pairs.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `"initiator"` or `"responder"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

/// Direction of a segment: the side that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dir(pub Side);

impl Dir {
    /// `"i>r"` or `"r>i"`.
    pub const fn arrow(self) -> &'static str {
        match self.0 {
            Side::Initiator => "i>r",
            Side::Responder => "r>i",
        }
    }
}

/// Where in its life the connection is, as a person would divide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Until both SYNs are acknowledged.
    Setup,
    /// From then on.
    Transfer,
    /// From the first FIN or RST on.
    Teardown,
}

/// A round-trip sample: how long from a segment to the ACK that covers it, at the capture point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    /// The sample in nanoseconds.
    pub ns: u64,
    /// The frame that was acknowledged.
    pub acks_frame: u64,
    /// Smoothed RTT after this sample (RFC 6298 section 2), nanoseconds.
    pub srtt_ns: u64,
}

/// One TCP segment, judged.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Number of the frame that carried (or completed) it.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// 0-based number of the connection in order of first appearance.
    pub flow: u32,
    /// Who sent it.
    pub dir: Dir,
    /// Sender.
    pub src: Endpoint,
    /// Receiver.
    pub dst: Endpoint,
    /// Control bits.
    pub flags: Flags,
    /// Relative sequence number, modulo 2^32: the SYN is 0; without one the first byte seen is 1.
    pub seq: u32,
    /// Relative acknowledgment number; `None` without the ACK bit.
    pub ack: Option<u32>,
    /// Sequence number as on the wire.
    pub seq_raw: u32,
    /// Acknowledgment field as on the wire, meaningful or not.
    pub ack_raw: u32,
    /// Payload bytes on the wire (the capture may hold fewer).
    pub len: u32,
    /// The window field as on the wire.
    pub window: u16,
    /// The window in bytes, scaled; `None` while the scale is unknown.
    pub window_bytes: Option<u32>,
    /// The options a connection is made of, read.
    pub options: TcpOptions,
    /// All option bytes as captured, for whoever shows the others too.
    pub option_bytes: &'a [u8],
    /// Whether the capture cut some of them off.
    pub options_cut: bool,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload bytes of this segment that were never seen before.
    pub new_bytes: u32,
    /// Sequence numbers of the other side that it is the first to acknowledge.
    pub newly_acked: u32,
    /// Payload bytes sent and neither acknowledged nor SACKed after this segment, by `in_flight_of`.
    pub in_flight: u32,
    /// Whose bytes `in_flight` counts: the sender's own, or on a pure ACK the other side's.
    pub in_flight_of: Side,
    /// The window that bounds those bytes, as its receiver last advertised it; `None` if unknown.
    pub flight_window: Option<u32>,
    /// The congestion window of the side whose bytes those are, by estimate; `None` where the capture does not show it,
    /// and where nobody asked.
    pub cwnd: Option<CwndEstimate>,
    /// The shortest it took from the capture to the initiator, or the responder, and back, nanoseconds;
    /// 0 while nothing tells.
    pub legs_ns: [u64; 2],
    /// The RTT sample this segment completes.
    pub rtt: Option<Rtt>,
    /// States of initiator and responder before this segment.
    pub state_before: [TcpState; 2],
    /// States of initiator and responder after it.
    pub state: [TcpState; 2],
    /// Where in the connection's life it stands.
    pub phase: Phase,
    /// Whether its checksum is right.
    pub checksum: Checksum,
    /// What the rules say of it.
    pub notes: &'a [Note],
    /// What Wireshark says of it, if that was asked for.
    pub wireshark: Option<Wireshark>,
    /// The packet it came in, with all layers and their problems.
    pub packet: &'a Packet<'a>,
    /// The capture's comment on the frame, not yet escaped.
    pub comment: Option<&'a [u8]>,
}

impl Segment<'_> {
    /// Number of sequence numbers it takes: payload plus one each for SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.len + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// Relative sequence number just past it.
    pub fn seq_end(&self) -> u32 {
        self.seq.wrapping_add(self.seq_len())
    }

    /// Nothing but an ACK: no payload, no SYN, FIN or RST.
    pub fn is_pure_ack(&self) -> bool {
        self.len == 0
            && self.flags.ack()
            && !self.flags.syn()
            && !self.flags.fin()
            && !self.flags.rst()
    }
}
