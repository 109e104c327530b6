//! The states of a connection's endpoints (RFC 9293 section 3.3.2).

use std::fmt;

/// State of one endpoint, as far as the capture can know.
///
/// A segment that was captured is taken to arrive, as in the figures of RFC 9293 sections 3.5 and
/// 3.6: after the SYN the initiator is in SYN-SENT and the responder in SYN-RECEIVED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// No connection: before anything was seen, or after everything was.
    #[default]
    Closed,
    /// Waiting for a SYN; how a responder starts.
    Listen,
    /// Sent a SYN, waits for the answer.
    SynSent,
    /// Has both SYNs, waits for the ACK of its own.
    SynReceived,
    /// Open for data both ways.
    Established,
    /// Sent a FIN, nothing heard of it yet.
    FinWait1,
    /// Its FIN is acknowledged; the other side may still send.
    FinWait2,
    /// The other side sent its FIN; this one may still send.
    CloseWait,
    /// Both sent a FIN before seeing the other's; waits for the ACK of its own.
    Closing,
    /// Sent its FIN after the other's; waits for the ACK.
    LastAck,
    /// Everything is acknowledged; waits out old duplicates.
    TimeWait,
}

impl TcpState {
    /// The name RFC 9293 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// Whether nothing more is expected of this endpoint.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::TimeWait)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
