//! Out of order: first sight of bytes that come after later ones (RFC 9293 section 3.4).

use std::cmp::Ordering;

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity, units};
use crate::track::{Facts, Hole};

/// Fills a hole with bytes this capture has not held before; or brings bytes that it has held, but sent
/// before what brought them first.
///
/// A first sight is the network's doing (or the capture's) when nothing could have been asked for again
/// in the time, or when it was sent before what overtook it, by its timestamp or by its sender's count
/// of packets. Otherwise a copy sent after the first was lost before the capture would look the same.
pub(super) const RULE: Rule = Rule {
    kind: Kind::OutOfOrder,
    when: Facts::FILLED.and(Facts::RESENT),
    rfc: "RFC 9293 3.4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.facts.any(Facts::RESENT) {
        return overtaken_by(case).map(|frame| overtaken_by_its_repetition(case, frame));
    }
    let Some(hole) = seen.hole.filter(|hole| !hole.before_capture) else {
        return (!asked_for(case)).then(|| before_the_capture(case));
    };
    let order = seen.stamp.order(hole.stamp, seen.ids_count);
    if order == Some(Ordering::Greater) {
        return None; // A retransmission: its rule says so.
    }
    if order.is_none() && is_overdue(case) {
        return None;
    }
    let late_ns = seen.time.nanos_since(hole.time);
    let rtt_ns = round_trip_ns(case);
    let stamped_before = order == Some(Ordering::Less);
    // Whose timer has run out needs not be asked for this one.
    let calm = !case.sender().repeats_unasked_within(rtt_ns, seen.time);
    let too_soon = case.connection.comes_unasked(seen);
    // The capture's own clock: nothing is overtaken by what comes after it.
    let early_ns = hole.time.nanos_since(seen.time);
    let acked_by_it = seen.written_behind().map(|it| it.0) == Some(hole.frame);
    let (sentence, confidence): (fn(&Note) -> String, _) = if acked_by_it {
        (written_behind_its_ack, Confidence::Likely)
    } else if early_ns > 0 {
        (written_late, Confidence::Likely)
    } else if stamped_before {
        // What was lost with nothing behind it may be sent again and be overtaken, too.
        let sure = if calm {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        (stamped, sure)
    } else if too_soon {
        (soon, Confidence::Likely)
    } else if stamped_with(case, &hole) {
        (same_tick, Confidence::Likely)
    } else if case.proved.twice && calm {
        (came_again, Confidence::Likely)
    } else {
        (undecided, Confidence::Ambiguous)
    };
    let mut note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("seq", Quantity::Seq(case.seq()))
        .with("end", Quantity::Seq(case.end()))
        .with("late", Quantity::Nanos(late_ns))
        .with("rtt", Quantity::Nanos(rtt_ns))
        .frame(hole.frame)
        .frame(seen.frame);
    if early_ns > 0 || acked_by_it {
        note = note.with("early", Quantity::Nanos(early_ns));
    }
    if hole.acked.is_some_and(|(frame, _)| frame == hole.frame) {
        note = note.with("acked", Quantity::Seq(case.end()));
    }
    note.confidence = confidence;
    if confidence == Confidence::Ambiguous {
        note.alternatives = &[Kind::Retransmission];
    }
    Some(note)
}

/// The frame that brought the same bytes before and was sent later, if there is one.
pub(super) fn overtaken_by(case: &Case<'_>) -> Option<u64> {
    let twin = case.seen.twin.filter(|twin| twin.1 == Ordering::Greater);
    twin.map(|twin| twin.0)
}

/// The first copy comes after the second.
fn overtaken_by_its_repetition(case: &Case<'_>, repetition: u64) -> Note {
    let mut note = Note::new(RULE.kind, "RFC 7323 5.3", |note| {
        format!(
            "bytes {} to {} came in frame {} already, which was sent later: this is the first copy, overtaken \
             on the way",
            note.number_of("seq"),
            note.number_of("end"),
            note.of_frame.unwrap_or(0),
        )
    })
    .with("seq", Quantity::Seq(case.seq()))
    .with("end", Quantity::Seq(case.end()));
    note.of_frame = Some(repetition);
    note.frame(repetition).frame(case.seen.frame)
}

/// From here to the receiver and back, and to the sender and back: asking takes all of it.
fn round_trip_ns(case: &Case<'_>) -> u64 {
    (case.sender().counts.rtt.min).saturating_add(case.receiver().counts.rtt.min)
}

/// Whether these are bytes that their sender had to send again by now, come when that can be here.
///
/// Three duplicate ACKs ask for them, and the first was a round trip ago at least: RFC 8985 section 6.2
/// waits less than that for what is overtaken. Or selective ACKs have told of the hole, or none that was
/// answered: half a round trip more covers what RACK waits, and then nothing else is left than that they
/// were sent again. What was only overtaken would come once more, since it was asked for.
pub(super) fn is_overdue(case: &Case<'_>) -> bool {
    let (seen, sender) = (case.seen, case.sender());
    let Some(hole) = seen.hole.filter(|hole| !hole.before_capture) else {
        return false;
    };
    if case.proved.twice || stamped_with(case, &hole) {
        return false;
    }
    let rtt_ns = round_trip_ns(case);
    let late_ns = seen.time.nanos_since(hole.time);
    let asked = seen.dup_acks_received >= 3 && seen.seq == seen.una;
    let told = sender.sacked().0 > 0 && late_ns >= rtt_ns.saturating_add(rtt_ns / 2);
    rtt_ns > 0 && (asked && late_ns >= rtt_ns || told)
}

/// Whether they bear the timestamp of what showed the hole, from a clock that is known to have gone on by
/// more than that since: who is asked for them a round trip later stamps them later.
fn stamped_with(case: &Case<'_>, hole: &Hole) -> bool {
    let (mine, its) = (case.seen.stamp.ts, hole.stamp.ts);
    let same = mine.is_some() && mine == its;
    let latest = case.sender().latest_tsval;
    let went_on = mine.is_some_and(|mine| latest.wrapping_sub(mine.0) as i32 >= 4);
    same && went_on
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
    let (seq, end) = (note.number_of("seq"), note.number_of("end"));
    let late = units::nanos(note.number_of("late"));
    let frame = note.frames.first().copied().unwrap_or(0);
    let since = if note.has("acked") {
        format!("frame {frame} acknowledged them")
    } else {
        format!("the later ones of frame {frame}")
    };
    format!("bytes {seq} to {end} come {late} after {since}")
}

fn written_late(note: &Note) -> String {
    format!(
        "bytes {} to {} are from {} before the later ones of frame {}, behind which they stand: the capture wrote \
         them in another order, nothing shows that they were overtaken",
        note.number_of("seq"),
        note.number_of("end"),
        units::nanos(note.number_of("early")),
        note.frames.first().copied().unwrap_or(0),
    )
}

fn written_behind_its_ack(note: &Note) -> String {
    let ack = note.frames.first().copied().unwrap_or(0);
    let when = match note.number_of("early") {
        0 => format!("bear the time of frame {ack}"),
        early => format!("are from {} before frame {ack}", units::nanos(early)),
    };
    format!(
        "bytes {} to {} {when}, behind which they stand and which acknowledges them: the capture wrote them in \
         another order, nothing shows that it missed any",
        note.number_of("seq"),
        note.number_of("end"),
    )
}

fn stamped(note: &Note) -> String {
    format!(
        "{}, but were sent before them, as timestamp or IP identification tell: overtaken on the way",
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

fn same_tick(note: &Note) -> String {
    format!(
        "{}, with the same timestamp from a clock that has gone on since: sent together, and overtaken",
        late(note)
    )
}

fn came_again(note: &Note) -> String {
    format!(
        "{}, and come once more later: who was asked for them sent them again, and these are the first",
        late(note)
    )
}

fn undecided(note: &Note) -> String {
    format!(
        "{}: overtaken on the way, or sent again after a loss before the capture; it can't tell",
        late(note)
    )
}
