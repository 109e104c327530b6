//! What the packets of a run add up to, against what the kernels counted: the truth that packets are graded by is
//! no better than these sums agree.

use std::collections::HashMap;

use wirelab::lab::Side;

use super::grade::{Grades, Miss};
use super::truth::{Cause, Packet, Run};
use super::words::Words;

impl Grades {
    /// Adds up the packets of each host, and what its kernel counted.
    pub(crate) fn compare_counters(&mut self, run: &Run, name: &str, words: &[Words; 2]) {
        for side in [Side::Client, Side::Server] {
            let own = run
                .packets
                .iter()
                .filter(|packet| packet.from == side && packet.again.is_some());
            let again: Vec<&Packet> = own.collect();
            let of = |cause| again.iter().filter(|it| it.cause() == Some(cause)).count() as u64;
            let none = HashMap::new();
            let counted = run.counters.get(&side).unwrap_or(&none);
            let counter = |name: &str| counted.get(name).copied().unwrap_or(0);
            let slow = counter("TCPSlowStartRetrans");
            let said = |word| {
                let word = words[side as usize].sent.get(word);
                word.map_or(0, |word| word.truth.len() as u64)
            };
            let sums = [
                (
                    "all = TcpRetransSegs",
                    again.len() as u64,
                    counter("TcpRetransSegs"),
                ),
                (
                    "fast = TCPFastRetrans",
                    of(Cause::Fast),
                    counter("TCPFastRetrans"),
                ),
                (
                    "rto = TCPTimeouts + TCPSlowStartRetrans",
                    of(Cause::Rto),
                    counter("TCPTimeouts") + slow,
                ),
                (
                    "tlp <= TCPLossProbes",
                    of(Cause::Tlp),
                    counter("TCPLossProbes"),
                ),
                (
                    "zero-window probes = TCPWinProbe",
                    said("zero-window-probe"),
                    counter("TCPWinProbe"),
                ),
                (
                    "keep-alives = TCPKeepAlive",
                    said("keep-alive"),
                    counter("TCPKeepAlive"),
                ),
                (
                    "D-SACKs = TCPDSACKOldSent + TCPDSACKOfoSent",
                    said("dsack"),
                    counter("TCPDSACKOldSent") + counter("TCPDSACKOfoSent"),
                ),
            ];
            for (sum, ours, theirs) in sums {
                let differ = if sum.contains("<=") {
                    ours > theirs
                } else {
                    ours != theirs
                };
                let all = self.counters.entry(sum).or_default();
                *all = (all.0 + ours, all.1 + theirs, all.2 + u64::from(differ));
                if differ {
                    self.misses.push(Miss {
                        row: format!("counter {sum}"),
                        file: format!("{name}/{side}"),
                        frame: 0,
                        said: format!("packets {ours}, kernel {theirs}"),
                        truth: String::new(),
                    });
                }
            }
        }
    }
}
