//! Retransmission: what was sent before is sent again (RFC 9293 section 3.8.1).

use std::cmp::Ordering;
use std::net::IpAddr;

use super::cause::Sign;
use super::{Case, Rule, cause, out_of_order};
use crate::event::{Cause, Confidence, Kind, Note, Quantity, units};
use crate::track::{Facts, Hole, Proof, Sent, TooBig};

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
        let mut note = lost_before_capture(case)?;
        proved_needless(case, &mut note);
        return Some(note);
    }
    if out_of_order::overtaken_by(case).is_some() {
        return None;
    }
    let mut note = if case.seen.end.at_or_before(case.seen.una) {
        needless(case)
    } else {
        again(case)
    };
    proved_needless(case, &mut note);
    let doubt: Option<fn(&Note) -> String> = match case.seen.order {
        // Overtaken by others, and no copy is known that was sent before it.
        Some(Ordering::Less) if case.seen.twin.is_none() => Some(or_overtaken),
        _ if case.seen.twin.is_some_and(|twin| twin.1 == Ordering::Equal) => Some(or_overtaken),
        None if may_be_a_copy(case) => Some(or_copied),
        _ => None,
    };
    if let Some(sentence) = doubt {
        note.why.sentence = sentence;
        note.confidence = Confidence::Ambiguous;
        note.alternatives = &[Kind::OutOfOrder, Kind::CaptureDuplicate];
        (note.spurious, note.proof) = (None, None);
    }
    Some(note)
}

/// What later segments prove of it.
fn proved_needless(case: &Case<'_>, note: &mut Note) {
    let Some((frame, proof)) = case.proved.needless else {
        return;
    };
    let how = match proof {
        Proof::Dsack => "the receiver got these bytes twice, as it reports (D-SACK, RFC 2883)",
        Proof::Timestamp => {
            "the ACK echoes the timestamp of a sending before this one (Eifel, RFC 3522)"
        }
        Proof::FirstCopy => "the copy that was sent before comes after this one",
    };
    (note.spurious, note.proof) = (Some(true), Some((frame, how)));
}

/// Whether it may be a copy made on the way: the packet has no identification, and the bytes came so short
/// a time ago that who sends them again has not heard of it.
fn may_be_a_copy(case: &Case<'_>) -> bool {
    let seen = case.seen;
    // What was sent later than what brought these bytes first is another packet.
    if seen.twin.is_some_and(|twin| twin.1 == Ordering::Less) || cause::at_sender(case) {
        return false;
    }
    let before = match seen.original {
        Some(original) => original.last_time,
        None => case.sender().acked_by(seen.end),
    };
    let rtt_ns = (case.sender().counts.rtt.min).saturating_add(case.receiver().counts.rtt.min);
    let answer = seen.flags.syn() && seen.flags.ack();
    let soon = seen.time.nanos_since(before) < rtt_ns - rtt_ns / 8;
    // Timestamps that don't tell them apart are equal: nothing is sent again as soon as that.
    let stamp = seen.stamp.ts.map(|ts| ts.0);
    let alike = seen.original.is_none_or(|it| it.tsval == stamp);
    let same = stamp.is_some() && alike && seen.twin.is_none();
    seen.stamp.id.is_none() && !answer && (soon || same)
}

fn or_overtaken(note: &Note) -> String {
    format!(
        "{} were seen before, but what came then, or after it, may have been sent later than this: sent again \
         and overtaken, overtaken by its own repetition, or copied on the way",
        range(note)
    )
}

fn or_copied(note: &Note) -> String {
    format!(
        "{} were seen less than a round trip before, and nothing tells the packets apart: sent again, or \
         copied on the way",
        range(note)
    )
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
    let rack = is_by_rack(case, &original, found.cause);
    let (rfc, sentence): (_, fn(&Note) -> String) = match found.cause {
        Cause::Rto if seen.flags.syn() => ("RFC 6298 5", after_syn_timeout),
        Cause::Rto => ("RFC 6298 5", after_timeout),
        Cause::Fast if seen.dup_acks_received >= 3 => ("RFC 5681 3.2", after_duplicates),
        Cause::Fast if rack => ("RFC 8985 6.2", after_later),
        Cause::Fast if case.sender().sacked().0 > 0 => ("RFC 6675 5", after_sack),
        Cause::Fast => ("RFC 6582 3.2", after_part),
        Cause::Tlp => ("RFC 8985 7", after_quiet),
        Cause::Unknown if seen.flags.syn() => ("RFC 9293 3.10.7.4", after_syn),
        Cause::Unknown => (RULE.rfc, for_no_reason),
    };
    let mut note = bytes(case, Note::new(RULE.kind, rfc, sentence))
        .with("waited", Quantity::Nanos(found.waited_ns))
        .with("rto", Quantity::Nanos(found.rto_ns))
        .with(
            "dup_acks",
            Quantity::Count(u64::from(seen.dup_acks_received)),
        )
        .with(
            "age",
            Quantity::Nanos(seen.time.nanos_since(original.last_time)),
        );
    if found.timeout > 0 {
        note = note.with("timeout", Quantity::Count(u64::from(found.timeout)));
    }
    if rack {
        let least = cause::round_trip_ns(case);
        note = note
            .with("least_rtt", Quantity::Nanos(least))
            .with("reordering_window", Quantity::Nanos(least / 4));
    }
    if found.cause == Cause::Fast && case.sender().dup_ack_frame() > 0 {
        note = note.frame(original.frame);
        // The three that count, or as many as there were.
        for frame in case.sender().dup_ack_frames() {
            note = note.frame(frame);
        }
        note = note.frame(seen.frame);
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
            "{} {} acknowledged already in frame {last}: sent again without need",
            range(note),
            if note.number_of("end") == note.number_of("seq") + 1 {
                "was"
            } else {
                "were"
            },
        )
    });
    note = bytes(case, note).with("una", Quantity::Seq(case.sender().relative(seen.una)));
    (note.cause, note.spurious) = (Some(cause::of_needless(case)), Some(true));
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
    let hole = seen.hole.filter(|hole| !hole.before_capture)?;
    match seen.stamp.order(hole.stamp, seen.ids_count) {
        Some(Ordering::Greater) => {}
        None if out_of_order::is_overdue(case) => return Some(overdue(case, &hole)),
        _ => return None,
    }
    let values = seen.stamp.ts.zip(hole.stamp.ts);
    let later = values.map_or(0, |(now, then)| now.0.wrapping_sub(then.0));
    let (rfc, sentence): (_, fn(&Note) -> String) = if later > 0 {
        ("RFC 7323 3", stamped_later)
    } else {
        (RULE.rfc, counted_later)
    };
    let note = bytes(case, Note::new(RULE.kind, rfc, sentence))
        .with("later", Quantity::Count(u64::from(later)));
    Some(
        caused(note, cause::of_unseen(case, hole.time))
            .frame(hole.frame)
            .frame(seen.frame),
    )
}

/// What its sender must have sent again by now, come when that can be here.
fn overdue(case: &Case<'_>, hole: &Hole) -> Note {
    let note = Note::new(RULE.kind, "RFC 6675 5", |note| {
        format!(
            "{} fill the hole that frame {} showed {} before: by then the sender had to send them again, and \
             there was time for that to get here{}",
            range(note),
            note.frames.first().copied().unwrap_or(0),
            units::nanos(note.number_of("late")),
            sign_of_timeout(note),
        )
    });
    let late_ns = case.seen.time.nanos_since(hole.time);
    let note = note.with("late", Quantity::Nanos(late_ns));
    caused(bytes(case, note), cause::of_unseen(case, hole.time))
        .frame(hole.frame)
        .frame(case.seen.frame)
}

/// With the cause that was found, and what it rests on.
fn caused(note: Note, found: cause::Finding) -> Note {
    let mut note = note.with("waited", Quantity::Nanos(found.waited_ns));
    if found.timeout > 0 {
        note = note.with("timeout", Quantity::Count(u64::from(found.timeout)));
    }
    note = match found.sign {
        Some(Sign::Silence(ns)) => note.with("quiet", Quantity::Nanos(ns)),
        Some(Sign::Unheard) => note.with("heard", Quantity::Count(0)),
        None => note,
    };
    (note.cause, note.confidence) = (Some(found.cause), found.confidence);
    note
}

/// What shows that it was the timer, as the end of a sentence.
fn sign_of_timeout(note: &Note) -> String {
    if note.has("heard") {
        "; the timestamp it echoes is from before its sender can have heard of a loss: its timer ran out".to_owned()
    } else if note.has("quiet") {
        let silence = units::nanos(note.number_of("quiet"));
        format!("; neither side had said anything for {silence}: its timer ran out")
    } else {
        String::new()
    }
}

fn stamped_later(note: &Note) -> String {
    format!(
        "{} fill the hole that frame {} showed, and are stamped {} ticks later than it: sent again{}{}",
        range(note),
        note.frames.first().copied().unwrap_or(0),
        note.number_of("later"),
        fate_of_the_first(note),
        sign_of_timeout(note),
    )
}

fn counted_later(note: &Note) -> String {
    format!(
        "{} fill the hole that frame {} showed, and were sent later than it, as the timestamp they echo or \
         their sender's count of packets tells: sent again{}{}",
        range(note),
        note.frames.first().copied().unwrap_or(0),
        fate_of_the_first(note),
        sign_of_timeout(note),
    )
}

fn fate_of_the_first(note: &Note) -> &'static str {
    if note.spurious == Some(true) {
        " without need, for the first copy was late, and comes after this"
    } else {
        " after the first copy was lost before the capture"
    }
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
    let waited = units::nanos(note.number_of("waited"));
    match note.number_of("timeout") {
        0 => format!(
            "{}, again: after a timeout everything that was outstanding counts as lost",
            first_sent(note)
        ),
        1 => format!(
            "{}, not acknowledged for {waited}{estimate}: timeout",
            first_sent(note)
        ),
        n => format!(
            "{}, not acknowledged for {waited}{estimate}: timeout, the {} in a row, so it waited longer",
            first_sent(note),
            units::ordinal(n),
        ),
    }
}

fn after_syn_timeout(note: &Note) -> String {
    format!(
        "the SYN of frame {} again: no answer for {} ({} time)",
        note.of_frame.unwrap_or(0),
        units::nanos(note.number_of("waited")),
        units::ordinal(u64::from(note.number.unwrap_or(1))),
    )
}

fn after_syn(note: &Note) -> String {
    format!(
        "the SYN-ACK of frame {} again, at once when the SYN came again",
        note.of_frame.unwrap_or(0)
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

/// Whether three duplicate ACKs, or as many bytes SACKed as RFC 6675 takes for them, did not call for it, but
/// less did: what was sent after it has arrived, and the time that it may be overtaken in is over (RFC 8985
/// section 6.2).
fn is_by_rack(case: &Case<'_>, original: &Sent, cause: Cause) -> bool {
    let sender = case.sender();
    let sacked = sender.sacked().0;
    // RFC 6675 section 4: more than two full segments beyond it.
    let enough = 2 * sender.largest_segment().max(1);
    let age_ns = case.seen.time.nanos_since(original.last_time);
    cause == Cause::Fast
        && case.seen.dup_acks_received < 3
        && (1..=enough).contains(&sacked)
        && age_ns >= cause::round_trip_ns(case)
}

fn after_later(note: &Note) -> String {
    format!(
        "{}, again after {}: what was sent after it has arrived, and a round trip ({}) is over",
        first_sent(note),
        units::nanos(note.number_of("age")),
        units::nanos(note.number_of("least_rtt")),
    )
}

fn after_part(note: &Note) -> String {
    format!(
        "{}, again while a loss is repaired: an ACK that ends before it asks for it",
        first_sent(note)
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
        "{}, the last of the flight, again after {} without an ACK: a tail loss probe{}",
        first_sent(note),
        units::nanos(note.number_of("waited")),
        if note.number_of("rto") > 0 && note.number_of("waited") >= note.number_of("rto") / 10 * 9 {
            ", or the timeout of a sender that makes none"
        } else {
            ""
        },
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
