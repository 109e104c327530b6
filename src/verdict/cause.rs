//! What made a sender send again: its timer, a tail loss probe, or news of loss.
//!
//! A sender acts on two things: an ACK that arrives, or a timer that runs out. A capture near it shows
//! which: what answers an ACK follows it at once. The timers differ in what they send: a probe the
//! last segment (RFC 8985 section 7.3), the retransmission timer the first one that is outstanding
//! (RFC 6298 section 5.4), and after it all others count as lost too and follow as ACKs come.

use super::Case;
use crate::event::{Cause, Confidence};
use crate::frame::Timestamp;
use crate::track::{Half, Sent};

/// A cause, how sure it is, and the numbers behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub cause: Cause,
    pub confidence: Confidence,
    /// From when the timer could last have been started, nanoseconds.
    pub waited_ns: u64,
    /// The sender's timeout by estimate, 0 without samples.
    pub rto_ns: u64,
    /// The how-manieth timeout in a row, each of which waits twice as long (RFC 6298 section 5.5); 0 when
    /// the timer did not run out now.
    pub timeout: u8,
    /// What shows from afar that it was the timer.
    pub sign: Option<Sign>,
}

/// What shows a timeout far from its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Neither side had said anything for so long, nanoseconds.
    Silence(u64),
    /// It echoes a timestamp from before any news of loss.
    Unheard,
}

/// Linux never waits less (`TCP_RTO_MIN`); nor, within a factor, does anybody else.
const SHORTEST_RTO_NS: u64 = 200_000_000;
/// A host answers an ACK within this time, unless it is seen to take longer.
const MOMENT_NS: u64 = 300_000;

/// Why `original` was sent again.
pub(super) fn of(case: &Case<'_>, original: &Sent) -> Finding {
    let (seen, sender) = (case.seen, case.sender());
    // The timer runs from the latest sending, or from the latest ACK of something new (RFC 6298 5.3).
    let started = original.last_time.max(sender.una_time);
    let waited_ns = seen.time.nanos_since(started);
    let rto_ns = sender
        .rto_ns()
        .map_or(0, |rto| rto.saturating_add(way_to_sender_ns(case)));
    let found = |cause, confidence| Finding {
        cause,
        confidence,
        waited_ns,
        rto_ns,
        timeout: 0,
        sign: None,
    };
    let timeout = |confidence| Finding {
        timeout: sender.timeouts().saturating_add(1),
        ..found(Cause::Rto, confidence)
    };
    if seen.flags.syn() {
        return if answers_syn(case) {
            found(Cause::Unknown, Confidence::Certain)
        } else {
            timeout(Confidence::Certain)
        };
    }
    let shortest = if rto_ns == 0 { SHORTEST_RTO_NS } else { rto_ns };
    // The capture is not at the sender, and its clock is not ours: a tenth of leeway.
    let timer_could_fire =
        waited_ns >= shortest - shortest / 10 || in_silence(case, waited_ns.min(shortest));
    let news =
        seen.dup_acks_received > 0 || sender.sacked().1.is_some_and(|end| end.after(seen.seq));
    let prompt = answers(case);
    if timer_could_fire && !prompt {
        // The head is what a timeout repeats; what else is silent for so long may be a probe.
        return match (probes(case, original), news) {
            (true, _) => found(Cause::Tlp, Confidence::Likely),
            (false, true) => timeout(Confidence::Likely),
            (false, false) => timeout(Confidence::Certain),
        };
    }
    // RFC 6582 can't tell that a repetition was lost too; RACK can (RFC 8985 section 6.2).
    if timer_could_fire && original.resent > 0 && sender.sacked().0 == 0 {
        return timeout(Confidence::Likely);
    }
    if sender.recovery_cause() == Some(Cause::Rto) {
        // After a timeout everything outstanding counts as lost and follows as ACKs come.
        return found(Cause::Rto, Confidence::Likely);
    }
    if seen.dup_acks_received >= 3 {
        return found(Cause::Fast, Confidence::Certain);
    }
    if news || sender.recovery_cause() == Some(Cause::Fast) {
        return found(Cause::Fast, Confidence::Likely);
    }
    // RFC 6582 section 3.2: an ACK that ends inside what is lost makes the next segment follow at once;
    // RFC 8985 section 6.2: so does one that something sent later has arrived.
    if prompt {
        return found(Cause::Fast, Confidence::Likely);
    }
    // RFC 8985 section 7.2: two round trips after the last sending, the last segment goes again.
    let two_round_trips = sender
        .srtt_ns
        .saturating_add(way_to_sender_ns(case))
        .saturating_mul(2);
    if probes(case, original)
        && sender.srtt_ns > 0
        && waited_ns >= two_round_trips - two_round_trips / 8
    {
        return found(Cause::Tlp, Confidence::Likely);
    }
    found(Cause::Unknown, Confidence::Likely)
}

/// Why something was sent again whose first copy the capture never saw: it only shows the hole, since
/// `shown`. Its `waited_ns` is the time since the timer could have been started, as far as that shows.
pub(super) fn of_unseen(case: &Case<'_>, shown: Timestamp) -> Finding {
    let (seen, sender) = (case.seen, case.sender());
    let waited_ns = seen.time.nanos_since(shown.max(sender.una_time));
    let rtt_ns = round_trip_ns(case);
    // Round trips grow while a queue fills: only silence shows that its sender waited for the timer.
    let sign = if unheard(case) {
        Some(Sign::Unheard)
    } else {
        unanswered(case).map(Sign::Silence)
    };
    let timed_out = timed_out(case, waited_ns) || sign.is_some();
    let cause = if may_be_probe(case) {
        Cause::Tlp
    } else if timed_out || timer_goes_on(case) {
        Cause::Rto
    } else if seen.dup_acks_received > 0
        || sender.sacked().0 > 0
        || sender.recovery_cause() == Some(Cause::Fast)
    {
        Cause::Fast
    } else if rtt_ns > 0 && seen.time.nanos_since(shown) >= rtt_ns - rtt_ns / 8 {
        // Without SACK, an ACK that ends at the hole tells of it as well (RFC 6582 section 3.2).
        Cause::Fast
    } else {
        Cause::Unknown
    };
    let again = timed_out && cause == Cause::Rto;
    Finding {
        cause,
        confidence: Confidence::Likely,
        waited_ns,
        rto_ns: 0,
        timeout: if again {
            sender.timeouts().saturating_add(1)
        } else {
            0
        },
        sign: sign.filter(|_| again),
    }
}

/// Why something was sent again that its receiver had acknowledged: its sender had not heard of that, so
/// it is by silence and by what it had been told before that a timer is known from news of loss.
pub(super) fn of_needless(case: &Case<'_>) -> Cause {
    let (seen, sender) = (case.seen, case.sender());
    if seen.flags.syn() {
        return if answers_syn(case) {
            Cause::Unknown
        } else {
            Cause::Rto
        };
    }
    let silent_ns = seen.time.nanos_since(seen.sender_time);
    if may_be_probe(case) {
        Cause::Tlp
    } else if timed_out(case, silent_ns) || unanswered(case).is_some() || timer_goes_on(case) {
        Cause::Rto
    } else if sender.recovery_cause() == Some(Cause::Fast) || sender.dup_ack_frame() > 0 {
        Cause::Fast
    } else {
        Cause::Unknown
    }
}

/// Whether it may be a tail loss probe, as seen from afar: the last segment, again for the first time, after two round
/// trips of silence.
fn may_be_probe(case: &Case<'_>) -> bool {
    let (seen, sender) = (case.seen, case.sender());
    let silent_ns = seen.time.nanos_since(seen.sender_time);
    let rtt_ns = round_trip_ns(case);
    let two_round_trips = rtt_ns > 0 && silent_ns >= (rtt_ns - rtt_ns / 8).saturating_mul(2);
    let last = seen.end == sender.nxt && sender.recovery_cause().is_none();
    // A probe goes once, and then the retransmission timer runs (RFC 8985 section 7.3).
    let before = sender.repeated_last();
    let first = before.is_none_or(|(from, to)| !(from.before(seen.end) && seen.seq.before(to)));
    in_use(case) && last && first && !sender.makes_no_probes() && two_round_trips
}

/// For how long neither side had said anything, if the first segment outstanding, or one that was not any more,
/// comes after one and a half round trips of that and half the shortest timeout: nothing that was said here can have
/// called it forth, so a timer did (RFC 6298 section 5.4). The timer itself may have run since before the last that
/// was sent.
fn unanswered(case: &Case<'_>) -> Option<u64> {
    let seen = case.seen;
    let silent_ns = seen.time.nanos_since(seen.sender_time.max(seen.peer_time));
    let rtt_ns = round_trip_ns(case);
    let long_ns = rtt_ns.saturating_add(rtt_ns / 2).max(SHORTEST_RTO_NS / 2);
    let first = !near_sender(case) && seen.seq.at_or_before(seen.una);
    (rtt_ns > 0 && first && silent_ns > long_ns).then_some(silent_ns)
}

/// Whether it was sent before its sender had heard of a loss, as the timestamp tells that it echoes.
fn unheard(case: &Case<'_>) -> bool {
    !near_sender(case) && case.connection.is_sent_unheard(case.seen, in_use(case))
}

/// Whether its sender was silent for as long as its retransmission timer runs, and `waited_ns` allows it.
fn timed_out(case: &Case<'_>, waited_ns: u64) -> bool {
    let silent_ns = case.seen.time.nanos_since(case.seen.sender_time);
    let rto_ns = case.sender().rto_ns().map_or(SHORTEST_RTO_NS, |rto| {
        rto.saturating_add(way_to_sender_ns(case))
    });
    waited_ns.min(silent_ns) >= rto_ns - rto_ns / 10
}

/// Whether it is part of what follows a timeout: then all that was outstanding goes again (RFC 5681
/// section 3.1), and far from its sender only that it goes on without a pause shows how much that was.
fn timer_goes_on(case: &Case<'_>) -> bool {
    let rtt_ns = round_trip_ns(case);
    let sender = case.sender();
    let far = !near_sender(case);
    sender.recovery_cause() == Some(Cause::Rto)
        || far && sender.repeats_unasked_within(rtt_ns.saturating_add(rtt_ns / 2), case.seen.time)
}

/// From here to the receiver and back, and to the sender and back.
pub(super) fn round_trip_ns(case: &Case<'_>) -> u64 {
    let to_receiver_ns = case.sender().counts.rtt.min;
    to_receiver_ns.saturating_add(way_to_sender_ns(case))
}

/// How long what passes the capture takes to its sender and back: nothing, if the capture is there.
fn way_to_sender_ns(case: &Case<'_>) -> u64 {
    case.receiver().counts.rtt.min
}

/// Whether the first segment outstanding goes again, as seen from near its sender, when that has heard
/// nothing for longer than two round trips, and half the shortest timeout: there is no other timer that
/// does this (RFC 6298 section 5.4), however wrong the estimate of it is. RACK's runs for a fraction of
/// a round trip (RFC 8985 section 6.2).
fn in_silence(case: &Case<'_>, waited_ns: u64) -> bool {
    let (seen, sender) = (case.seen, case.sender());
    let silent_ns = seen.time.nanos_since(seen.peer_time).min(waited_ns);
    let head =
        seen.seq == seen.una && (seen.end != sender.nxt || sender.recovery_cause().is_some());
    let long_ns = sender.srtt_ns.saturating_mul(2).max(SHORTEST_RTO_NS / 2);
    head && near_sender(case) && sender.srtt_ns > 0 && silent_ns > long_ns
}

/// Whether the capture was made nearer to its sender than to its receiver.
fn near_sender(case: &Case<'_>) -> bool {
    way_to_sender_ns(case) < case.sender().counts.rtt.min / 2
}

/// The same, where that is known of both ways: nothing has happened to what is seen yet.
pub(super) fn at_sender(case: &Case<'_>) -> bool {
    let known = way_to_sender_ns(case) > 0 && case.sender().counts.rtt.min > 0;
    known && way_to_sender_ns(case) < case.sender().counts.rtt.min / 8
}

/// Whether it answers an ACK: news of something came just before it, as seen from near its sender.
fn answers(case: &Case<'_>) -> bool {
    let (seen, sender) = (case.seen, case.sender());
    let way = way_to_sender_ns(case);
    let told_in = sender.rare().map_or(0, |rare| rare.told_in);
    let news = [sender.una_frame, sender.dup_ack_frame(), told_in].contains(&seen.peer_frame);
    near_sender(case)
        && news
        && seen.time.nanos_since(seen.peer_time) <= MOMENT_NS.max(way.saturating_mul(2))
}

/// Whether it is a SYN-ACK that comes again because the SYN did (RFC 9293 section 3.10.7.4).
fn answers_syn(case: &Case<'_>) -> bool {
    let (seen, receiver) = (case.seen, case.receiver());
    let way = way_to_sender_ns(case);
    let waited = seen.time.nanos_since(seen.peer_time);
    seen.flags.ack() && receiver.repeats_its_syn() && waited <= MOMENT_NS.max(way.saturating_mul(2))
}

/// Whether it may be a tail loss probe, if it was a timer that sent it (RFC 8985 section 7.2 and 7.3): the
/// last segment, first time again, with SACK in use but nothing SACKed, and no recovery under way. The
/// probe's timer never runs out after the retransmission timer, so where both have run out it is the
/// probe, unless its sender has shown that it makes none.
fn probes(case: &Case<'_>, original: &Sent) -> bool {
    let (seen, sender) = (case.seen, case.sender());
    let last = seen.end == sender.nxt;
    let calm = sender.recovery_cause().is_none() && sender.sacked().0 == 0;
    in_use(case)
        && last
        && calm
        && original.resent == 0
        && !case.proved.timeout
        && !sender.makes_no_probes()
}

/// Whether SACK may be in use, without which there are no probes.
fn in_use(case: &Case<'_>) -> bool {
    Half::may_sack(case.sender()) && Half::may_sack(case.receiver())
}
