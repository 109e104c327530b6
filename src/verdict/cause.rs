//! What made a sender send again: its timer, a tail loss probe, or news of loss.

use super::Case;
use crate::event::{Cause, Confidence};
use crate::track::Sent;

/// A cause, how sure it is, and the numbers behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub cause: Cause,
    pub confidence: Confidence,
    /// From when the timer could last have been started, nanoseconds.
    pub waited_ns: u64,
    /// The sender's timeout by estimate, 0 without samples.
    pub rto_ns: u64,
}

/// Linux never waits less (`TCP_RTO_MIN`); nor, within a factor, does anybody else.
const SHORTEST_RTO_NS: u64 = 200_000_000;

/// Why `original` was sent again.
pub(super) fn of(case: &Case<'_>, original: &Sent) -> Finding {
    let (seen, sender) = (case.seen, case.sender());
    // The timer runs from the latest sending, or from the latest ACK of something new (RFC 6298 5.3).
    let started = original.last_time.max(sender.una_time);
    let waited_ns = seen.time.nanos_since(started);
    let rto_ns = sender.rto_ns().unwrap_or(0);
    let shortest = if rto_ns == 0 { SHORTEST_RTO_NS } else { rto_ns };
    // The capture is not at the sender, and its clock is not ours: a tenth of leeway.
    let timer_could_fire = waited_ns >= shortest - shortest / 10;
    let news =
        seen.dup_acks_received > 0 || sender.sacked().1.is_some_and(|end| end.after(seen.seq));
    let finding = |cause, confidence| Finding {
        cause,
        confidence,
        waited_ns,
        rto_ns,
    };

    if seen.flags.syn() {
        return finding(Cause::Rto, Confidence::Certain);
    }
    if timer_could_fire {
        let sure = if news {
            Confidence::Likely
        } else {
            Confidence::Certain
        };
        return finding(Cause::Rto, sure);
    }
    if seen.dup_acks_received >= 3 {
        return finding(Cause::Fast, Confidence::Certain);
    }
    if sender.recovery_cause == Some(Cause::Rto) && original.resent == 0 {
        // After a timeout everything outstanding counts as lost and follows as ACKs come.
        return finding(Cause::Rto, Confidence::Likely);
    }
    if news || sender.recovery_cause == Some(Cause::Fast) {
        return finding(Cause::Fast, Confidence::Likely);
    }
    // RFC 8985 section 7.2: two round trips after the last sending, the last segment goes again.
    if seen.end == sender.nxt && sender.srtt_ns > 0 && waited_ns >= sender.srtt_ns {
        return finding(Cause::Tlp, Confidence::Likely);
    }
    finding(Cause::Unknown, Confidence::Likely)
}
