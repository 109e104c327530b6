//! What happens on a TCP connection made by hand: each segment with the reason for its numbers, what was
//! checked in each that came, what the far kernel had in mind, and whether it did what RFC 9293 demands.

use super::TcpState;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::{Flags, TcpOptions};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum HandmadeEvent {
    /// Two hosts on a link come to know each other's hardware addresses.
    Link(LinkNews),
    /// A segment was sent or came.
    Segment(Box<HandmadeSegment>),
    /// What our endpoint does that no segment shows.
    Remark(Remark),
    /// What the far kernel thinks of the connection is something else than before.
    Kernel(KernelNews),
    /// What the program at the far end asked its kernel for.
    Call(CallNews),
    /// What RFC 9293 demands, and what came.
    Judged(Judgement),
}

/// A frame below IP: who asks for which hardware address, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNews {
    /// Its number among all frames, from 1.
    pub frame: u64,
    /// When.
    pub time: Timestamp,
    /// Whether we sent it.
    pub sent: bool,
    /// What it says.
    pub text: String,
    /// What for.
    pub why: &'static str,
    /// Where that is written.
    pub rfc: &'static str,
}

/// A segment as it was on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct HandmadeSegment {
    /// The number of its frame among all frames, from 1.
    pub frame: u64,
    /// When.
    pub time: Timestamp,
    /// Whether we sent it.
    pub sent: bool,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: Seq,
    /// Acknowledgment number; `None` without ACK.
    pub ack: Option<Seq>,
    /// Window field, never scaled.
    pub window: u16,
    /// Options.
    pub options: TcpOptions,
    /// Data.
    pub data: Vec<u8>,
    /// How often it was sent before.
    pub again: u32,
    /// What is wrong with it on purpose.
    pub mistake: Option<String>,
    /// Our state before it and after.
    pub states: [TcpState; 2],
    /// Why each number is what it is; of one that came, what was checked.
    pub reasons: Vec<Reason>,
    /// Our variables after it.
    pub variables: Variables,
}

/// Why a number is what it is, or what was checked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The number or flag with its name.
    pub what: String,
    /// Why it is so; of a check, what it was compared with.
    pub why: String,
    /// Where that is written.
    pub rfc: &'static str,
    /// Whether it is as it should be: always, for what we send without a mistake.
    pub ok: bool,
}

/// The variables of RFC 9293 section 3.3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Oldest number sent and not acknowledged.
    pub snd_una: Seq,
    /// Next number to send.
    pub snd_nxt: Seq,
    /// The peer's window, in bytes.
    pub snd_wnd: u32,
    /// Next number expected; `None` before the peer's SYN.
    pub rcv_nxt: Option<Seq>,
    /// Our window, in bytes.
    pub rcv_wnd: u32,
}

/// What our endpoint does that no segment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// When.
    pub time: Timestamp,
    /// In a sentence.
    pub text: String,
    /// Where it is written; empty where it is ours alone.
    pub rfc: &'static str,
    /// Our state before and after, where it changes.
    pub states: Option<[TcpState; 2]>,
}

/// What the far kernel has in mind of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelNews {
    /// When it was asked.
    pub time: Timestamp,
    /// The state of its socket; CLOSED when there is none.
    pub state: TcpState,
    /// What it was when asked before; `None` the first time.
    pub was: Option<TcpState>,
    /// Bytes received that its program has not read.
    pub recv_queue: Option<u64>,
    /// Bytes its program has written that are not acknowledged.
    pub send_queue: Option<u64>,
    /// The timeout it would use for a repetition, in nanoseconds.
    pub rto_ns: Option<u64>,
    /// How often that was doubled.
    pub backoff: Option<u32>,
    /// The window it has been offered, in bytes.
    pub snd_wnd: Option<u32>,
}

/// What the program at the far end did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallNews {
    /// When it called.
    pub time: Timestamp,
    /// The call with its arguments and what it gave.
    pub text: String,
}

/// Whether the far end did what is demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// When that was known.
    pub time: Timestamp,
    /// What we did.
    pub did: String,
    /// What the other side has to do then.
    pub demand: String,
    /// Where that is written.
    pub rfc: &'static str,
    /// What it did.
    pub answer: String,
    /// Whether that agrees.
    pub agrees: bool,
    /// What else is to be known about it.
    pub remark: Option<&'static str>,
}

/// How a connection made by hand ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandmadeEnd {
    /// In a sentence.
    pub text: String,
    /// Whether it did what was asked for.
    pub ok: bool,
    /// Segments we sent.
    pub sent: u64,
    /// Segments that came.
    pub received: u64,
    /// Judgements that agree, and all.
    pub agreed: [u64; 2],
    /// From the first frame to the end, in nanoseconds.
    pub elapsed_ns: u64,
    /// Our last state.
    pub state: TcpState,
    /// The last state of the far socket that is known.
    pub kernel: Option<TcpState>,
}
