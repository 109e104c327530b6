//! Reset: an RST ends a connection (RFC 9293 section 3.5.2).

use super::{Case, Rule, refused};
use crate::event::{Confidence, Kind, Note, Phase, Quantity, Side, TcpState};
use crate::track::Facts;

/// An RST that is not the refusal of a SYN.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Reset,
    when: Facts::RST,
    rfc: "RFC 9293 3.5.2",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if refused::answers_syn(case) {
        return None;
    }
    let receiver_before = seen.state_before[seen.side.other().index()];
    let sender_before = seen.state_before[seen.side.index()];
    let (sentence, confidence): (fn(&Note) -> String, _) = if sender_before == TcpState::Closed {
        (of_closed, Confidence::Likely)
    } else if receiver_before == TcpState::SynSent && seen.ack.is_some() {
        (unacceptable, Confidence::Certain)
    } else if seen.facts.any(Facts::STRAY) {
        (outside, Confidence::Likely)
    } else if case.connection.closed_by == Some(seen.side.other()) && seen.phase == Phase::Teardown
    {
        (late_data, Confidence::Likely)
    } else if seen.flags.ack() {
        (aborted, Confidence::Likely)
    } else {
        (not_known, Confidence::Likely)
    };
    let mut note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("seq", Quantity::Seq(case.seq()))
        .with(
            "sender",
            Quantity::Count(u64::from(seen.side == Side::Responder)),
        )
        .frame(seen.peer_frame)
        .frame(seen.frame);
    note.confidence = confidence;
    Some(note)
}

fn who(note: &Note) -> &'static str {
    if note.number_of("sender") == 0 {
        Side::Initiator.name()
    } else {
        Side::Responder.name()
    }
}

fn aborted(note: &Note) -> String {
    format!(
        "the {} aborts: it closed with data unread, with linger 0, or its process died",
        who(note)
    )
}

fn late_data(note: &Note) -> String {
    format!(
        "the {} wants nothing more after the other side's close: data came for a socket that is gone",
        who(note)
    )
}

fn not_known(note: &Note) -> String {
    format!(
        "the {} knows no such connection (any more): it answers what came with an RST without ACK",
        who(note)
    )
}

fn of_closed(note: &Note) -> String {
    format!(
        "the {} resets once more a connection that was over",
        who(note)
    )
}

fn outside(note: &Note) -> String {
    format!(
        "an RST of the {} at {}, outside the window of its receiver: late or forged, to be ignored",
        who(note),
        note.number_of("seq"),
    )
}

fn unacceptable(note: &Note) -> String {
    format!(
        "an RST of the {} that acknowledges no SYN of this connection: to be ignored",
        who(note)
    )
}
