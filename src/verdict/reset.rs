//! Reset: an RST, who is likely to have sent it and why, and whether its receiver believes it
//! (RFC 9293 sections 3.5.2 and 3.10.7, RFC 5961 section 3).
//!
//! An RST with an ACK comes from a socket that gives up. One without stands at the number that a segment
//! just acknowledged: it answers that segment, for a host that has no such socket (RFC 9293 section
//! 3.10.7.1).

use super::{Case, Rule, refused};
use crate::event::{Confidence, Kind, Note, Phase, Quantity, Side, TcpState, units};
use crate::track::{Facts, Probe};

/// An RST that is not the refusal of a SYN.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Reset,
    when: Facts::RST,
    rfc: "RFC 9293 3.5.2",
    judge,
};

/// So many routers may come or go on a path between two packets; what is further off is another host.
const HOPS: u8 = 3;

type Sentence = fn(&Note) -> String;

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if refused::answers_syn(case) {
        return None;
    }
    let (sentence, rfc, confidence) = reason(case);
    let called_for_by = seen.challenges.map_or(seen.peer_frame, |s| s.frame);
    let mut note = Note::new(RULE.kind, rfc, sentence)
        .with("seq", Quantity::Seq(case.seq()))
        .with(
            "sender",
            Quantity::Count(u64::from(seen.side == Side::Responder)),
        )
        .with("next", Quantity::Seq(case.sender().relative(seen.nxt)))
        .with(
            "silence",
            Quantity::Nanos(seen.time.nanos_since(seen.sender_time)),
        )
        .frame(called_for_by)
        .frame(seen.frame);
    note = with_marks(case, note);
    note.confidence = confidence;
    Some(note)
}

/// Adds what tells packets of one host from those of another.
pub(super) fn with_marks(case: &Case<'_>, note: Note) -> Note {
    let (now, before) = (case.seen.marks, case.seen.marks_before);
    let count = |n: u16| Quantity::Count(u64::from(n));
    let note = note.with("ttl", count(now.ttl.into()));
    if before.ttl == 0 {
        return note;
    }
    note.with("ttl_before", count(before.ttl.into()))
        .with("ip_id", count(now.id))
        .with("ip_id_before", count(before.id))
}

/// Whether it seems to come from elsewhere than its sender's other packets.
fn from_elsewhere(case: &Case<'_>) -> bool {
    let (now, before) = (case.seen.marks, case.seen.marks_before);
    before.ttl != 0 && now.ttl.abs_diff(before.ttl) >= HOPS
}

fn reason(case: &Case<'_>) -> (Sentence, &'static str, Confidence) {
    use Confidence::{Certain, Likely};
    let seen = case.seen;
    let states = |side: Side| seen.state_before[side.index()];
    let (own, other) = (seen.side, seen.side.other());
    let gone = case.connection.reset_by == Some(own) && states(own) == TcpState::Closed;
    // An answer stands at the number that was acknowledged last, or is to be.
    let answers = !seen.flags.ack() && case.receiver().last_ack == Some(seen.seq);
    if seen.challenges.is_some() {
        (refuses, "RFC 9293 3.10.7.3", Certain)
    } else if states(other) == TcpState::SynSent && seen.ack.is_some() {
        (unacceptable, "RFC 9293 3.10.7.3", Certain)
    } else if seen.facts.any(Facts::STRAY) {
        (outside, "RFC 5961 3", Likely)
    } else if seen.facts.any(Facts::NOT_NEXT) {
        (not_next, "RFC 5961 3", Likely)
    } else if from_elsewhere(case) {
        (elsewhere, RULE.rfc, Likely)
    } else if gone {
        (of_gone, RULE.rfc, Likely)
    } else if states(own) == TcpState::Closed {
        (of_closed, RULE.rfc, Likely)
    } else if case.sender().fin.is_some() && seen.phase == Phase::Teardown {
        (late_data, RULE.rfc, Likely)
    } else if let Some((Probe::KeepAlive, _)) = case.sender().rare().and_then(|r| r.probing) {
        (no_answer, "RFC 9293 3.8.4", Likely)
    } else if seen.flags.ack() && case.receiver().data_acked {
        (aborted, "RFC 9293 3.10.5", Likely)
    } else if seen.flags.ack() {
        (aborted_unasked, "RFC 9293 3.10.5", Likely)
    } else if answers && own == Side::Initiator && case.connection.opening()[2].is_none() {
        (unwanted, "RFC 9293 3.10.7.1", Likely)
    } else if answers {
        (forgotten, "RFC 9293 3.5.1", Likely)
    } else {
        (not_known, RULE.rfc, Likely)
    }
}

fn who(note: &Note) -> &'static str {
    if note.number_of("sender") == 0 {
        Side::Initiator.name()
    } else {
        Side::Responder.name()
    }
}

fn asked_by(note: &Note) -> u64 {
    note.frames.first().copied().unwrap_or(0)
}

fn aborted(note: &Note) -> String {
    format!(
        "the {} aborts: it closed with data unread, with linger 0, or its process died",
        who(note)
    )
}

fn aborted_unasked(note: &Note) -> String {
    format!(
        "the {} aborts: it closed with linger 0, or its process died; it had got no data that it could have \
         left unread",
        who(note)
    )
}

fn no_answer(note: &Note) -> String {
    format!(
        "the {} gives up: its keep-alives stayed without an answer",
        who(note)
    )
}

fn late_data(note: &Note) -> String {
    format!(
        "the {} had closed, and frame {} brought something for a socket that is gone",
        who(note),
        asked_by(note)
    )
}

fn unwanted(note: &Note) -> String {
    format!(
        "the {} wants no connection: it answers the SYN-ACK of frame {} as one it never asked for, or no \
         longer wants",
        who(note),
        asked_by(note)
    )
}

fn forgotten(note: &Note) -> String {
    format!(
        "the {} knows nothing of this connection: it answers frame {} after {} of silence, without ever having \
         closed here. It restarted, or an RST of its was lost",
        who(note),
        asked_by(note),
        units::nanos(note.number_of("silence")),
    )
}

fn not_known(note: &Note) -> String {
    format!(
        "the {} knows no such connection (any more): it answers what came with an RST without ACK",
        who(note)
    )
}

fn of_gone(note: &Note) -> String {
    format!(
        "the {} had reset the connection already: frame {} came for a socket that is gone",
        who(note),
        asked_by(note)
    )
}

fn of_closed(note: &Note) -> String {
    format!(
        "the {} resets once more a connection that was over",
        who(note)
    )
}

fn elsewhere(note: &Note) -> String {
    format!(
        "an RST in the name of the {} that something on the way is likely to have made: its TTL is {} where \
         the {}'s packets have {}{}",
        who(note),
        note.number_of("ttl"),
        who(note),
        note.number_of("ttl_before"),
        match (note.number_of("ip_id"), note.number_of("ip_id_before")) {
            (_, 0) => String::new(),
            (now, before) => format!(", its IP id {now} after {before}"),
        }
    )
}

fn outside(note: &Note) -> String {
    format!(
        "an RST of the {} at {}, outside the window of its receiver: late or forged, to be ignored",
        who(note),
        note.number_of("seq"),
    )
}

fn not_next(note: &Note) -> String {
    format!(
        "an RST of the {} at {}, in the window, but {} is expected next: nothing ends, its receiver asks back \
         with a challenge ACK (one older than RFC 5961 would believe it)",
        who(note),
        note.number_of("seq"),
        note.number_of("next"),
    )
}

fn refuses(note: &Note) -> String {
    format!(
        "the {} refuses frame {}, which acknowledges no SYN of this connection: it goes on asking",
        who(note),
        asked_by(note),
    )
}

fn unacceptable(note: &Note) -> String {
    format!(
        "an RST of the {} that acknowledges no SYN of this connection: to be ignored",
        who(note)
    )
}
