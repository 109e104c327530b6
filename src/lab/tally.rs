//! What a run came to, added up from its truth: what the wire did, what the kernels counted, how it
//! ended.

use std::collections::BTreeMap;

use super::truth::{Counters, FateLine, Line, Outcome};
use super::{Both, Outcome as Fell, Side};
use crate::event::units::{nanos, plural};

/// What a run came to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The faults of the wire in words, and how many packets (and copies) each met.
    pub faults: Vec<(String, u64)>,
    /// Packets and copies that were lost.
    pub dropped: u64,
    /// These by their cause: `fault 1`, `chance`, `queue full` …
    pub dropped_by: BTreeMap<String, u64>,
    /// What befell others, and how many: `delayed`, `corrupted` …
    pub changed: BTreeMap<String, u64>,
    /// The kernels' counters.
    pub counters: Both<BTreeMap<String, u64>>,
    /// Kernel settings that this machine lacks.
    pub missing: Vec<String>,
    /// How it went; `None` while it goes on, or when it was cut short.
    pub outcome: Option<Outcome>,
}

/// Counters that tell what happened, and what one of each is called: singular and plural.
const TELLING: &[(&str, &str, &str)] = &[
    (
        "TcpRetransSegs",
        "segment sent again",
        "segments sent again",
    ),
    (
        "TCPFastRetrans",
        "fast retransmission",
        "fast retransmissions",
    ),
    (
        "TCPSlowStartRetrans",
        "retransmission in slow start",
        "retransmissions in slow start",
    ),
    ("TCPTimeouts", "timeout", "timeouts"),
    ("TCPLossProbes", "tail loss probe", "tail loss probes"),
    (
        "TCPSynRetrans",
        "SYN or SYN-ACK sent again",
        "SYNs or SYN-ACKs sent again",
    ),
    (
        "TCPSpuriousRTOs",
        "timeout for nothing",
        "timeouts for nothing",
    ),
    ("TCPDSACKRecv", "D-SACK received", "D-SACKs received"),
    ("TCPDSACKOldSent", "D-SACK sent", "D-SACKs sent"),
    (
        "TCPOFOQueue",
        "segment out of order",
        "segments out of order",
    ),
    (
        "TcpInCsumErrors",
        "segment with a wrong checksum",
        "segments with a wrong checksum",
    ),
    ("TcpExtDelayedACKs", "delayed ACK", "delayed ACKs"),
    ("TCPToZeroWindowAdv", "window closed", "windows closed"),
    ("TCPWinProbe", "zero-window probe", "zero-window probes"),
    ("TCPKeepAlive", "keep-alive probe", "keep-alive probes"),
    ("TcpOutRsts", "RST sent", "RSTs sent"),
    (
        "TcpExtListenOverflows",
        "connection too many for the backlog",
        "connections too many for the backlog",
    ),
    (
        "TCPTimeWaitOverflow",
        "TIME-WAIT too many",
        "TIME-WAITs too many",
    ),
    (
        "TCPAbortOnTimeout",
        "connection given up",
        "connections given up",
    ),
    (
        "TCPAbortOnData",
        "connection closed with data unread",
        "connections closed with data unread",
    ),
    ("UdpInDatagrams", "datagram received", "datagrams received"),
    (
        "UdpNoPorts",
        "datagram to a port where nobody was",
        "datagrams to a port where nobody was",
    ),
    (
        "UdpRcvbufErrors",
        "datagram lost for want of buffer",
        "datagrams lost for want of buffer",
    ),
];

impl Tally {
    /// Takes a line of truth.
    pub fn line(&mut self, line: &Line) {
        match line {
            Line::Run(run) => {
                self.faults = run.faults.iter().map(|fault| (fault.clone(), 0)).collect();
                self.missing.clone_from(&run.missing);
            }
            Line::Fate(fate) => self.fate(fate),
            Line::Counters(counters) => self.counters(counters),
            Line::Outcome(outcome) => self.outcome = Some(outcome.clone()),
            Line::Sample(_) | Line::Call(_) => {}
        }
    }

    fn fate(&mut self, fate: &FateLine) {
        let met = fate.fault.and_then(|fault| self.faults.get_mut(fault));
        if let Some((_, met)) = met {
            *met += 1;
        }
        if fate.fate == Fell::Dropped.name() {
            self.dropped += 1;
            let cause = fate.cause.clone().unwrap_or_else(|| "no cause".to_owned());
            *self.dropped_by.entry(cause).or_default() += 1;
        } else if fate.fate != Fell::Delivered.name() {
            *self.changed.entry(fate.fate.clone()).or_default() += 1;
        }
    }

    fn counters(&mut self, counters: &Counters) {
        let side = [Side::Client, Side::Server]
            .into_iter()
            .find(|side| side.name() == counters.host);
        if let Some(side) = side {
            self.counters.of_mut(side).clone_from(&counters.counters);
        }
    }

    /// Segments that either kernel sent again.
    pub fn retransmissions(&self) -> u64 {
        let resent = |side: &BTreeMap<String, u64>| side.get("TcpRetransSegs").copied();
        let both = [&self.counters.client, &self.counters.server];
        both.into_iter().filter_map(resent).sum()
    }

    /// Faults that met no packet, in words: `fault 1 (client data 9: drop)`.
    pub fn unmet(&self) -> Vec<String> {
        let faults = self.faults.iter().enumerate();
        let unmet = faults.filter(|(_, (_, met))| *met == 0);
        unmet
            .map(|(at, (fault, _))| format!("fault {} ({fault})", at + 1))
            .collect()
    }

    /// A cause, and where it is a fault, which one.
    fn cause(&self, cause: &str) -> String {
        let number = cause.strip_prefix("fault ").and_then(|it| it.parse().ok());
        let index = number.and_then(|number: usize| number.checked_sub(1));
        match index.and_then(|index| self.faults.get(index)) {
            Some((fault, _)) => format!("{cause}: {fault}"),
            None => cause.to_owned(),
        }
    }

    /// What it came to, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(outcome) = &self.outcome {
            let mut wire = format!(
                "the wire: {} in {}",
                plural(outcome.packets, "packet"),
                nanos(outcome.elapsed_ns)
            );
            if self.dropped > 0 {
                let causes = self.dropped_by.iter();
                let causes: Vec<_> = causes
                    .map(|(cause, count)| format!("{count} by {}", self.cause(cause)))
                    .collect();
                wire.push_str(
                    &[
                        ", ",
                        &self.dropped.to_string(),
                        " lost (",
                        &causes.join(", "),
                        ")",
                    ]
                    .concat(),
                );
            }
            for (what, count) in &self.changed {
                wire.push_str(&[", ", &count.to_string(), " ", what].concat());
            }
            said.push(wire);
            said.push(format!(
                "it delivered late by {} at the median, {} at most",
                nanos(outcome.late_median_ns),
                nanos(outcome.late_max_ns)
            ));
        }
        for side in [Side::Client, Side::Server] {
            let counted = self.counters.of(side);
            let told: Vec<_> = TELLING
                .iter()
                .filter_map(|(name, one, many)| match counted.get(*name)? {
                    1 => Some(format!("1 {one}")),
                    count => Some(format!("{count} {many}")),
                })
                .collect();
            if !told.is_empty() {
                said.push(format!("the {side}'s kernel counted {}", told.join(", ")));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::super::truth::{Frames, Run};
    use super::*;
    use crate::frame::Timestamp;

    fn fate(fate: &str, cause: Option<&str>, fault: Option<usize>) -> Line {
        Line::Fate(FateLine {
            packet: 1,
            time: Timestamp::default(),
            from: "client".to_owned(),
            frame: Frames::default(),
            fate: fate.to_owned(),
            fault,
            cause: cause.map(str::to_owned),
            delivered_at: None,
            late_ns: 0,
        })
    }

    fn counters(host: &str, counted: &[(&str, u64)]) -> Line {
        let counters = counted
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        Line::Counters(Counters {
            host: host.to_owned(),
            counters: counters.collect(),
        })
    }

    fn tally(lines: &[Line]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.line(line);
        }
        tally
    }

    #[test]
    fn a_run_is_summed_up() {
        let tally = tally(&[
            Line::Run(Run {
                faults: vec![
                    "client data 3: drop".to_owned(),
                    "client data 9: drop".to_owned(),
                ],
                ..Run::default()
            }),
            fate("delivered", None, None),
            fate("dropped", Some("fault 1"), Some(0)),
            fate("dropped", Some("queue full"), None),
            fate("reordered", None, None),
            counters(
                "client",
                &[
                    ("TcpRetransSegs", 2),
                    ("TCPFastRetrans", 1),
                    ("TcpInSegs", 40),
                ],
            ),
            counters("server", &[("TcpRetransSegs", 1), ("TcpInSegs", 40)]),
            Line::Outcome(Outcome {
                ok: true,
                packets: 22,
                elapsed_ns: 143_000_000,
                late_median_ns: 35_000,
                late_max_ns: 1_200_000,
                ..Outcome::default()
            }),
        ]);
        assert_eq!(
            tally.sentences(),
            [
                "the wire: 22 packets in 143ms, 2 lost (1 by fault 1: client data 3: drop, 1 by queue full), 1 reordered",
                "it delivered late by 35µs at the median, 1.20ms at most",
                "the client's kernel counted 2 segments sent again, 1 fast retransmission",
                "the server's kernel counted 1 segment sent again",
            ]
        );
        assert_eq!(tally.unmet(), ["fault 2 (client data 9: drop)"]);
        assert_eq!((tally.retransmissions(), tally.dropped), (3, 2));
    }

    #[test]
    fn a_run_that_was_cut_short_has_nothing_to_sum_up() {
        assert_eq!(tally(&[]).sentences(), [""; 0]);
    }
}
