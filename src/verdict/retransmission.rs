//! Retransmission: what was sent before is sent again (RFC 9293 section 3.8.1).

use std::net::IpAddr;

use super::{Case, Rule, cause, out_of_order};
use crate::event::{Cause, Confidence, Kind, Note, Quantity, units};
use crate::track::{Facts, Sent, TooBig};

/// Bytes, SYN or FIN that this capture holds already; or that fill a hole with a timestamp that is
/// later than that of what came after them.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Retransmission,
    when: Facts::RESENT.and(Facts::FILLED),
    rfc: "RFC 9293 3.8.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    if !case.seen.facts.any(Facts::RESENT) {
        return lost_before_capture(case);
    }
    if case.seen.end.at_or_before(case.seen.una) {
        return Some(needless(case));
    }
    let mut note = again(case);
    note.spurious = case.was_needless.then_some(true);
    Some(note)
}

fn again(case: &Case<'_>) -> Note {
    let seen = case.seen;
    let Some(original) = seen.original else {
        let mut note = bytes(case, Note::new(RULE.kind, RULE.rfc, without_original));
        (note.cause, note.confidence) = (Some(Cause::Unknown), Confidence::Likely);
        note.of_frame = seen.original_frame;
        return note
            .frame(seen.original_frame.unwrap_or(seen.frame))
            .frame(seen.frame);
    };
    if let Some(word) = case.sender().cut_smaller(&original, seen.len, seen.time) {
        return smaller(case, &original, word);
    }
    let found = cause::of(case, &original);
    let (rfc, sentence): (_, fn(&Note) -> String) = match found.cause {
        Cause::Rto if seen.flags.syn() => ("RFC 6298 5", after_syn_timeout),
        Cause::Rto => ("RFC 6298 5", after_timeout),
        Cause::Fast if seen.dup_acks_received >= 3 => ("RFC 5681 3.2", after_duplicates),
        Cause::Fast => ("RFC 6675 5", after_sack),
        Cause::Tlp => ("RFC 8985 7", after_quiet),
        Cause::Unknown => (RULE.rfc, for_no_reason),
    };
    let mut note = bytes(case, Note::new(RULE.kind, rfc, sentence))
        .with("waited", Quantity::Nanos(found.waited_ns))
        .with("rto", Quantity::Nanos(found.rto_ns))
        .with(
            "dup_acks",
            Quantity::Count(u64::from(seen.dup_acks_received)),
        )
        .with("sending", Quantity::Count(u64::from(original.resent) + 1));
    if found.cause == Cause::Fast && case.sender().dup_ack_frame() > 0 {
        note = note
            .frame(original.frame)
            .frame(case.sender().dup_ack_frame())
            .frame(seen.frame);
    } else {
        note = note
            .frame(original.frame)
            .frame(original.last_frame)
            .frame(seen.frame);
    }
    (note.cause, note.confidence) = (Some(found.cause), found.confidence);
    (note.of_frame, note.number) = (Some(original.frame), Some(u32::from(original.resent) + 1));
    note
}

/// What is sent again was too long for the path, and goes in smaller pieces.
fn smaller(case: &Case<'_>, original: &Sent, word: TooBig) -> Note {
    let rfc = match case.connection.ends()[0].addr {
        IpAddr::V4(_) => "RFC 1191 3",
        IpAddr::V6(_) => "RFC 8201 4",
    };
    let note = Note::new(RULE.kind, rfc, |note| {
        let frame = note.frames.iter().rev().nth(1).copied().unwrap_or(0);
        let limit = match note.number_of("mtu") {
            0 => "packets this long".to_owned(),
            mtu => format!("packets of more than {mtu} bytes"),
        };
        format!(
            "{}, again in smaller pieces: frame {frame} says that {limit} can't pass",
            first_sent(note)
        )
    });
    let mut note = bytes(case, note).with("mtu", Quantity::Bytes(u64::from(word.mtu)));
    (note.cause, note.of_frame) = (Some(Cause::Unknown), Some(original.frame));
    note.number = Some(u32::from(original.resent) + 1);
    note.frame(original.frame)
        .frame(word.frame)
        .frame(case.seen.frame)
}

/// What is sent again was acknowledged before: it was not needed.
fn needless(case: &Case<'_>) -> Note {
    let seen = case.seen;
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        let last = note.frames.iter().rev().nth(1).copied().unwrap_or(0);
        format!(
            "{} were acknowledged already in frame {last}: sent again without need",
            range(note)
        )
    });
    note = bytes(case, note).with("una", Quantity::Seq(case.sender().relative(seen.una)));
    (note.cause, note.spurious) = (Some(Cause::Unknown), Some(true));
    note.of_frame = seen.original_frame;
    if let Some(frame) = seen.original_frame {
        note = note.frame(frame);
    }
    note.frame(seen.una_frame).frame(seen.frame)
}

/// A hole filled by a segment that was stamped after what followed the hole: what was sent first
/// was lost before the capture could see it (RFC 7323 section 3: the clock goes up with time).
fn lost_before_capture(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if out_of_order::asked_for(case) {
        return Some(sent_before_capture(case));
    }
    let (hole, stamp) = (seen.hole?, seen.options.ts?.0);
    let later = hole
        .tsval
        .is_some_and(|then| (stamp.wrapping_sub(then) as i32) > 0);
    if !later {
        return None;
    }
    let mut note = bytes(
        case,
        Note::new(RULE.kind, "RFC 7323 3", |note| {
            format!(
                "{} fill the hole that frame {} showed, and are stamped {} ticks later than it: sent again \
             after the first copy was lost before the capture",
                range(note),
                note.frames.first().copied().unwrap_or(0),
                note.number_of("later"),
            )
        }),
    );
    note = note
        .with(
            "later",
            Quantity::Count(u64::from(stamp.wrapping_sub(hole.tsval.unwrap_or(stamp)))),
        )
        .with("waited", Quantity::Nanos(seen.time.nanos_since(hole.time)));
    let fast = seen.dup_acks_received > 0 || case.sender().sacked().0 > 0;
    note.cause = Some(if fast { Cause::Fast } else { Cause::Unknown });
    note.confidence = Confidence::Likely;
    Some(note.frame(hole.frame).frame(seen.frame))
}

/// What three duplicate ACKs asked for, first sent before the capture began.
fn sent_before_capture(case: &Case<'_>) -> Note {
    let seen = case.seen;
    let mut note = bytes(
        case,
        Note::new(RULE.kind, "RFC 5681 3.2", |note| {
            format!(
                "{} are what {} duplicate ACKs asked for (latest in frame {}): sent again, the first copy \
             went before this capture begins",
                range(note),
                note.number_of("dup_acks"),
                note.frames.first().copied().unwrap_or(0),
            )
        }),
    );
    note = note.with(
        "dup_acks",
        Quantity::Count(u64::from(seen.dup_acks_received)),
    );
    (note.cause, note.confidence) = (Some(Cause::Fast), Confidence::Likely);
    note.frame(case.sender().dup_ack_frame()).frame(seen.frame)
}

/// The range of the segment, as numbers for the sentence.
fn bytes(case: &Case<'_>, note: Note) -> Note {
    note.with("seq", Quantity::Seq(case.seq()))
        .with("end", Quantity::Seq(case.end()))
}

fn range(note: &Note) -> String {
    match (note.number_of("seq"), note.number_of("end")) {
        (seq, end) if end == seq + 1 => format!("number {seq}"),
        (seq, end) => format!("bytes {seq} to {end}"),
    }
}

fn first_sent(note: &Note) -> String {
    format!(
        "{}, first sent in frame {}",
        range(note),
        note.of_frame.unwrap_or(0)
    )
}

fn after_timeout(note: &Note) -> String {
    let estimate = match note.number_of("rto") {
        0 => String::new(),
        rto => format!(" (estimated RTO {})", units::nanos(rto)),
    };
    let again = match note.number_of("sending") {
        1 => String::new(),
        n => format!("; {} time", units::ordinal(n)),
    };
    format!(
        "{}, not acknowledged for {}{estimate}: timeout{again}",
        first_sent(note),
        units::nanos(note.number_of("waited"))
    )
}

fn after_syn_timeout(note: &Note) -> String {
    format!(
        "the SYN of frame {} again: no answer for {} ({} time)",
        note.of_frame.unwrap_or(0),
        units::nanos(note.number_of("waited")),
        units::ordinal(note.number_of("sending")),
    )
}

fn after_duplicates(note: &Note) -> String {
    format!(
        "{}, again after {} duplicate ACKs (latest in frame {})",
        first_sent(note),
        note.number_of("dup_acks"),
        note.frames.iter().rev().nth(1).copied().unwrap_or(0),
    )
}

fn after_sack(note: &Note) -> String {
    format!(
        "{}, again because later bytes were SACKed",
        first_sent(note)
    )
}

fn after_quiet(note: &Note) -> String {
    format!(
        "{}, the last of the flight, again after {} without an ACK: a tail loss probe",
        first_sent(note),
        units::nanos(note.number_of("waited")),
    )
}

fn for_no_reason(note: &Note) -> String {
    format!(
        "{}, again after {}: too soon for a timeout, and no ACK asked for it here",
        first_sent(note),
        units::nanos(note.number_of("waited")),
    )
}

fn without_original(note: &Note) -> String {
    match note.of_frame {
        Some(frame) => format!(
            "{}, first sent in frame {frame}, again in part",
            range(note)
        ),
        None => format!("{} were sent before", range(note)),
    }
}
