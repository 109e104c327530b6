//! The truth of a run, line by line: what became of each packet, what the kernels had in mind, what the
//! programs asked for. It is written to `truth.ndjson`, and read back from there.
//!
//! A capture can only be judged by what it shows. These lines say what was really so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Both, Cause, Fate, Origin, Side};
use crate::frame::Timestamp;

/// A line of `truth.ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// What ran, and how; the first line.
    Run(Run),
    /// What became of a packet.
    Fate(FateLine),
    /// What a kernel had in mind about a connection.
    Sample(Box<Sample>),
    /// What a program asked for, and what came of it. Neither result nor error: it was still blocked when
    /// the run was over.
    ///
    /// Beside system calls there are `sleep`, `signal` and `wait`, so that the lines of a program have no
    /// gaps; and where one step makes very many calls, later ones share a line, which says how many they are.
    Call(CallLine),
    /// What a kernel counted in all; among the last lines.
    Counters(Counters),
    /// How the run went; the last line.
    Outcome(Outcome),
}

/// What ran, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The name of the experiment.
    pub experiment: String,
    /// Its profile.
    pub profile: String,
    /// Where chance began.
    pub seed: u64,
    /// The kernel: `uname -sr`.
    pub kernel: String,
    /// The kernel settings of each host that were pinned, as they were read back.
    pub sysctl: Both<BTreeMap<String, String>>,
    /// Settings that the experiment wants and this kernel does not have.
    pub missing: Vec<String>,
    /// The faults of the wire, in words; `fault` of a [`FateLine`] is an index into these.
    pub faults: Vec<String>,
}

/// What became of a packet: a [`Fate`] with the frames of the captures that show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FateLine {
    /// Which packet, in the order in which hosts gave them to the wire, from 1.
    pub packet: u64,
    /// When the host gave it to the wire.
    pub time: Timestamp,
    /// `client`, `server` or `router 1`.
    pub from: String,
    /// The frames of the two captures that show it.
    pub frame: Frames,
    /// `delivered`, `delayed`, `reordered`, `duplicated`, `corrupted` or `dropped`.
    pub fate: String,
    /// The fault that decided it, as index in the experiment's list.
    pub fault: Option<usize>,
    /// Why, in words, where it was not simply carried across: `fault 1`, `chance`, `queue full` …
    pub cause: Option<String>,
    /// When it was handed to the far end; `null` when it was lost.
    pub delivered_at: Option<Timestamp>,
    /// How much later that was than the wire had in mind, in nanoseconds.
    pub late_ns: u64,
}

/// The frame that shows a packet, in the capture of each end, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frames {
    /// In `client.pcapng`; `null` when the client neither sent nor received it.
    pub client: Option<u64>,
    /// In `server.pcapng`.
    pub server: Option<u64>,
}

impl FateLine {
    /// The line for a fate.
    pub fn new(fate: &Fate, frame: Frames) -> Self {
        Self {
            packet: fate.packet,
            time: fate.time,
            from: fate.from.to_string(),
            frame,
            fate: fate.outcome.name().to_owned(),
            fault: fate.fault(),
            cause: fate.cause.as_ref().map(Cause::to_string),
            delivered_at: fate.delivered_at,
            late_ns: u64::try_from(fate.late.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// The host that sent it; `None` for a router's answer.
    pub fn sender(&self) -> Option<Side> {
        [Side::Client, Side::Server]
            .into_iter()
            .find(|side| self.from == Origin::Host(*side).to_string())
    }
}

/// A reading of `TCP_INFO` (linux/tcp.h), with the socket's queues. What this kernel does not tell is
/// `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Whose.
    pub host: String,
    /// When.
    pub time: Timestamp,
    /// The packet that was just sent or received; `null` for a reading by the clock.
    pub packet: Option<u64>,
    /// The port at this end.
    pub port: u16,
    /// The port at the far end.
    pub peer_port: u16,
    /// RFC 9293's name of the state.
    pub state: String,
    /// What the sender is doing: `open`, `disorder`, `cwr`, `recovery` or `loss`.
    pub ca_state: Option<String>,
    /// Congestion window, in segments.
    pub cwnd: Option<u32>,
    /// Slow start threshold, in segments; `null` while there is none.
    pub ssthresh: Option<u32>,
    /// Size of a full segment, in bytes.
    pub snd_mss: Option<u32>,
    /// Retransmission timeout.
    pub rto_ns: Option<u64>,
    /// Smoothed round-trip time.
    pub srtt_ns: Option<u64>,
    /// Its mean deviation.
    pub rttvar_ns: Option<u64>,
    /// How often the timeout has been doubled.
    pub backoff: Option<u32>,
    /// The peer's window, in bytes.
    pub snd_wnd: Option<u32>,
    /// The window it advertises itself, in bytes.
    pub rcv_wnd: Option<u32>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u32>,
    /// Of these, acknowledged selectively.
    pub sacked: Option<u32>,
    /// Of these, taken for lost.
    pub lost: Option<u32>,
    /// Of these, sent again.
    pub retrans: Option<u32>,
    /// Segments sent again, in all.
    pub total_retrans: Option<u32>,
    /// How long there was something to send.
    pub busy_ns: Option<u64>,
    /// How long of that the peer's window was in the way.
    pub rwnd_limited_ns: Option<u64>,
    /// How long of that the send buffer was in the way.
    pub sndbuf_limited_ns: Option<u64>,
    /// Bytes written by the program and not acknowledged yet.
    pub send_queue: Option<u64>,
    /// Bytes received and not read by the program yet; of a listening socket: connections to accept.
    pub recv_queue: Option<u64>,
}

/// What a program asked for, and what came of it. Neither result nor error: it was still blocked when
/// the run was over.
///
/// Beside system calls there are `sleep`, `signal` and `wait`, so that the lines of a program have no
/// gaps; and where one step makes very many calls, later ones share a line, which says how many they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallLine {
    /// Whose.
    pub host: String,
    /// Which of the host's programs; empty for its nameless one.
    pub program: String,
    /// Which of the program's sockets; empty for its nameless one.
    pub socket: String,
    /// When it was made.
    pub time: Timestamp,
    /// The system call: `connect`, `send`, `recv` …
    pub call: String,
    /// Its arguments, as a person reads them.
    pub arguments: String,
    /// What it gave: a number of bytes, or 0 where the kernel gives nothing that would mean anything
    /// to a person (a descriptor); `null` when it failed.
    pub result: Option<i64>,
    /// The error, by name, when it failed.
    pub errno: Option<String>,
    /// How long it blocked.
    pub blocked_ns: u64,
    /// What was received, or sent as text, as far as it is short: bytes that are no text escaped. Of an
    /// echo request, what came of it in words.
    pub data: Option<String>,
}

/// What a kernel counted, where it is not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Whose.
    pub host: String,
    /// `Tcp…`, `TcpExt…`, `Ip…` … of `/proc/net/snmp`, `snmp6` and `netstat`, by the name that
    /// `nstat` gives them; TCP's own without the prefix of their group: `TCPTimeouts`.
    pub counters: BTreeMap<String, u64>,
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Whether all programs came to their end and every call did what it had to.
    pub ok: bool,
    /// What went wrong, a sentence each.
    pub failures: Vec<String>,
    /// From the first frame to the last.
    pub elapsed_ns: u64,
    /// Packets that hosts gave to the wire.
    pub packets: u64,
    /// Median and greatest lateness of the frames the wire delivered.
    pub late_median_ns: u64,
    /// The greatest.
    pub late_max_ns: u64,
}

impl Line {
    /// The line as JSON, without its end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys: nothing that JSON has no form for.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not one of ours; says what is missing and where.
    pub fn from_json(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }
}

/// Something that happens in a run, in the order in which it happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// A host sent or received a frame.
    Frame(HostFrame),
    /// Something becomes known.
    Line(Line),
}

/// A frame as a host sent or received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFrame {
    /// Whose.
    pub side: Side,
    /// Its number in that host's capture, from 1.
    pub number: u64,
    /// When it was sent or received.
    pub time: Timestamp,
    /// Whether the host sent it.
    pub sent: bool,
    /// Ethernet header and all behind it.
    pub bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::Outcome as Fell;

    #[test]
    fn a_fate_is_written_as_the_contract_has_it_and_read_back() {
        let fate = Fate {
            packet: 7,
            time: Timestamp::from_nanos(1_700_000_000_000_000_005),
            from: Origin::Host(Side::Client),
            outcome: Fell::Dropped,
            cause: Some(Cause::Fault(0)),
            delivered_at: None,
            late: Duration::ZERO,
            delivery: None,
        };
        let frame = Frames {
            client: Some(7),
            server: None,
        };
        let line = Line::Fate(FateLine::new(&fate, frame));
        let json = line.to_json();
        assert_eq!(
            json,
            r#"{"type":"fate","packet":7,"time":"1700000000.000000005","from":"client","frame":{"client":7,"server":null},"fate":"dropped","fault":0,"cause":"fault 1","delivered_at":null,"late_ns":0}"#
        );
        assert_eq!(Line::from_json(&json), Ok(line));
    }

    #[test]
    fn what_is_no_line_of_ours_is_refused() {
        for wrong in ["", "{}", r#"{"type":"fate"}"#, r#"{"type":"x"}"#] {
            assert!(Line::from_json(wrong).is_err(), "{wrong}");
        }
        let sample = r#"{"type":"sample","host":"client","time":"1.5","port":1}"#;
        let error = Line::from_json(sample).unwrap_err();
        assert!(error.contains("nine decimals"), "{error}");
    }
}
