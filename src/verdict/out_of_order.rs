//! Out of order: first sight of bytes that come after later ones (RFC 9293 section 3.4).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity, units};
use crate::track::Facts;

/// Fills a hole with bytes this capture has not held before.
///
/// That is the network's doing (or the capture's) when nothing could have been asked for again in
/// the time, or the timestamp is not later than that of what overtook it. Otherwise a copy sent
/// after the first was lost before the capture would look the same.
pub(super) const RULE: Rule = Rule {
    kind: Kind::OutOfOrder,
    when: Facts::FILLED,
    rfc: "RFC 9293 3.4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.facts.any(Facts::RESENT) {
        return None;
    }
    let Some(hole) = seen.hole.filter(|hole| !hole.before_capture) else {
        return (!asked_for(case)).then(|| before_the_capture(case));
    };
    let (then, now) = (hole.tsval, seen.options.ts.map(|ts| ts.0));
    let order = then
        .zip(now)
        .map(|(then, now)| now.wrapping_sub(then) as i32);
    if order.is_some_and(|order| order > 0) {
        return None; // A retransmission: its rule says so.
    }
    let late_ns = seen.time.nanos_since(hole.time);
    // From here to the receiver and back, and to the sender and back: asking takes all of it.
    let rtt_ns = (case.sender().counts.rtt.min).saturating_add(case.receiver().counts.rtt.min);
    let stamped_before = order.is_some_and(|order| order < 0);
    let too_soon = rtt_ns > 0 && late_ns < rtt_ns;
    let (sentence, confidence): (fn(&Note) -> String, _) = match (stamped_before, too_soon) {
        (true, _) => (stamped, Confidence::Certain),
        (false, true) => (soon, Confidence::Likely),
        (false, false) => (undecided, Confidence::Ambiguous),
    };
    let mut note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("seq", Quantity::Seq(case.seq()))
        .with("end", Quantity::Seq(case.end()))
        .with("late", Quantity::Nanos(late_ns))
        .with("rtt", Quantity::Nanos(rtt_ns))
        .frame(hole.frame)
        .frame(seen.frame);
    note.confidence = confidence;
    if confidence == Confidence::Ambiguous {
        note.alternatives = &[Kind::Retransmission];
    }
    Some(note)
}

/// Whether these are the bytes that three duplicate ACKs have just asked for.
pub(super) fn asked_for(case: &Case<'_>) -> bool {
    let shown = case.seen.hole.is_some_and(|hole| !hole.before_capture);
    !shown && case.seen.seq == case.seen.una && case.seen.dup_acks_received >= 3
}

/// Bytes from before what the capture knows of this side: nothing can be said of their history.
fn before_the_capture(case: &Case<'_>) -> Note {
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "byte {} is before the first this capture knows of its sender: late, or sent again, it can't tell",
            note.number_of("seq"),
        )
    })
    .with("seq", Quantity::Seq(case.seq()))
    .frame(case.seen.frame);
    (note.confidence, note.alternatives) = (Confidence::Ambiguous, &[Kind::Retransmission]);
    note
}

fn late(note: &Note) -> String {
    format!(
        "bytes {} to {} come {} after the later ones of frame {}",
        note.number_of("seq"),
        note.number_of("end"),
        units::nanos(note.number_of("late")),
        note.frames.first().copied().unwrap_or(0),
    )
}

fn stamped(note: &Note) -> String {
    format!(
        "{}, but carry an earlier timestamp: overtaken on the way",
        late(note)
    )
}

fn soon(note: &Note) -> String {
    format!(
        "{}, sooner than the shortest round trip ({}): nobody could have asked for them, they were overtaken",
        late(note),
        units::nanos(note.number_of("rtt")),
    )
}

fn undecided(note: &Note) -> String {
    format!(
        "{}: overtaken on the way, or sent again after a loss before the capture; it can't tell",
        late(note)
    )
}
