//! Keep-alives and their answers (RFC 9293 section 3.8.4).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::{Facts, Probe};

/// An old sequence number, sent when everything is acknowledged, to see whether the peer is there.
pub(super) const RULE: Rule = Rule {
    kind: Kind::KeepAlive,
    when: Facts::PROBE,
    rfc: "RFC 9293 3.8.4",
    judge,
};

/// The answer to it.
pub(super) const ANSWER: Rule = Rule {
    kind: Kind::KeepAliveAck,
    when: Facts::PROBE_ANSWER,
    rfc: "RFC 9293 3.8.4",
    judge: answer,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.probe != Some(Probe::KeepAlive) {
        return None;
    }
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "sequence number {}, one before what is next, although everything is acknowledged: \
             asks whether the other side is there, {} after it was last heard",
            note.number_of("seq"),
            units::nanos(note.number_of("silence")),
        )
    })
    .with("seq", Quantity::Seq(case.seq()))
    .with(
        "silence",
        Quantity::Nanos(seen.time.nanos_since(seen.peer_time)),
    )
    .with("number", Quantity::Count(u64::from(seen.probe_number)))
    .frame(seen.frame);
    note.number = Some(seen.probe_number);
    Some(note)
}

fn answer(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.answers != Some(Probe::KeepAlive) {
        return None;
    }
    let mut note = Note::new(ANSWER.kind, ANSWER.rfc, |note| {
        format!(
            "answers the keep-alive in frame {}: still here",
            note.of_frame.unwrap_or(0)
        )
    })
    .with("ack", Quantity::Seq(case.ack()))
    .with(
        "after",
        Quantity::Nanos(seen.time.nanos_since(seen.peer_time)),
    )
    .frame(seen.peer_frame)
    .frame(seen.frame);
    note.number = Some(seen.probe_number);
    note.of_frame = Some(seen.peer_frame);
    Some(note)
}
