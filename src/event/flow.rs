//! The summary of a connection: what `flows` prints a line of.

use super::{Endpoint, NoteCounts, Side, Stats, TcpState};
use crate::frame::Timestamp;

/// Why the tracker stopped following a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetGo {
    /// It was still followed when the capture ended.
    CaptureEnded,
    /// Both sides were done, and its time for stragglers was over.
    Finished,
    /// Nothing was heard of it for too long.
    Idle,
    /// The cap on connections was reached and this one was the best to lose.
    TableFull,
    /// A new connection took its addresses and ports.
    Replaced,
}

impl LetGo {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaptureEnded => "capture-ended",
            Self::Finished => "finished",
            Self::Idle => "idle",
            Self::TableFull => "table-full",
            Self::Replaced => "replaced",
        }
    }
}

/// How a connection was set up and torn down, in Zeek's `conn_state` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// SYN seen, no answer.
    S0,
    /// Established, not closed.
    S1,
    /// Established and closed by both.
    Sf,
    /// SYN answered by RST.
    Rej,
    /// Established, the initiator closed, the responder did not.
    S2,
    /// Established, the responder closed, the initiator did not.
    S3,
    /// Established, the initiator aborted.
    Rsto,
    /// The responder aborted.
    Rstr,
    /// The initiator sent SYN and then RST; no SYN-ACK seen.
    Rstos0,
    /// The responder sent SYN-ACK and then RST; the SYN was not seen.
    Rstrh,
    /// The initiator sent SYN and then FIN; no SYN-ACK seen.
    Sh,
    /// The responder sent SYN-ACK and then FIN; the SYN was not seen.
    Shr,
    /// No SYN: seen from the middle.
    Oth,
}

impl Shape {
    /// Zeek's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::Sf => "SF",
            Self::Rej => "REJ",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::Rsto => "RSTO",
            Self::Rstr => "RSTR",
            Self::Rstos0 => "RSTOS0",
            Self::Rstrh => "RSTRH",
            Self::Sh => "SH",
            Self::Shr => "SHR",
            Self::Oth => "OTH",
        }
    }

    /// What that means in plain words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::S0 => "attempted, no answer",
            Self::S1 => "established, still open",
            Self::Sf => "established and closed by both sides",
            Self::Rej => "refused",
            Self::S2 => "established, closed by the initiator only",
            Self::S3 => "established, closed by the responder only",
            Self::Rsto => "established, aborted by the initiator",
            Self::Rstr => "aborted by the responder",
            Self::Rstos0 => "SYN, then RST by the initiator",
            Self::Rstrh => "SYN-ACK, then RST by the responder; the SYN was not seen",
            Self::Sh => "SYN, then FIN by the initiator; no SYN-ACK seen",
            Self::Shr => "SYN-ACK, then FIN by the responder; the SYN was not seen",
            Self::Oth => "seen from the middle",
        }
    }
}

/// An option that one or both sides offered while opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// A side's opening segment was not seen: not known.
    Unknown,
    /// Not offered by both: not in force.
    Off,
    /// Offered by both: in force.
    On,
}

/// The opening of a connection: frames, and what was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The first SYN, if seen.
    pub syn_frame: Option<u64>,
    /// The first SYN-ACK, if seen.
    pub syn_ack_frame: Option<u64>,
    /// The ACK that completed it, if seen.
    pub ack_frame: Option<u64>,
    /// From the last SYN to that ACK, nanoseconds.
    pub took_ns: Option<u64>,
    /// Window scaling (RFC 7323 section 2).
    pub window_scaling: Capability,
    /// Selective acknowledgment (RFC 2018).
    pub sack: Capability,
    /// Timestamps (RFC 7323 section 3).
    pub timestamps: Capability,
    /// ECN (RFC 3168 section 6.1.1).
    pub ecn: Capability,
}

/// A connection, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// 0-based number in order of first appearance.
    pub flow: u32,
    /// The side that opened it (see [`Side::Initiator`]).
    pub initiator: Endpoint,
    /// The other side.
    pub responder: Endpoint,
    /// Which tunnel it was seen in: 0 for none, else a number that tells tunnels apart.
    pub tunnel: u32,
    /// Time of its first segment.
    pub start: Timestamp,
    /// Time of its latest segment.
    pub end: Timestamp,
    /// Its first frame.
    pub first_frame: u64,
    /// Its latest frame.
    pub last_frame: u64,
    /// States of initiator and responder at the end.
    pub state: [TcpState; 2],
    /// Setup and teardown in Zeek's words.
    pub shape: Shape,
    /// Zeek's history letters, upper case for the initiator.
    pub history: String,
    /// Which parts of a whole connection were seen, as tshark's `tcp.completeness` counts: SYN 1,
    /// SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32.
    pub completeness: u8,
    /// How it opened.
    pub handshake: Handshake,
    /// The side that sent the first FIN or RST.
    pub closed_by: Option<Side>,
    /// Why it is reported now.
    pub let_go: LetGo,
    /// When the limit on tracked ranges bit: the first frame from which on this connection's
    /// verdicts may be incomplete.
    pub gave_up_at: Option<u64>,
    /// What the initiator and the responder sent.
    pub stats: [Stats; 2],
    /// Notes on segments of the initiator and of the responder.
    pub notes: [NoteCounts; 2],
}

impl Flow {
    /// Nanoseconds from its first to its latest segment.
    pub fn duration_ns(&self) -> u64 {
        self.end.nanos_since(self.start)
    }

    /// Segments of both sides.
    pub fn packets(&self) -> u64 {
        self.stats.iter().map(|s| u64::from(s.packets)).sum()
    }

    /// What a person must know before believing the rest: limits that were reached on it.
    pub fn caveats(&self) -> Vec<String> {
        let gave_up = self.gave_up_at.map(|frame| {
            format!("too much to follow: judgements from frame {frame} on may be incomplete")
        });
        let let_go = (self.let_go == LetGo::TableFull)
            .then(|| "let go before it ended: too many connections at once".to_owned());
        gave_up.into_iter().chain(let_go).collect()
    }
}
