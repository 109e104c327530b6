//! Unacceptable: what its receiver has to drop, because it can't be so (RFC 9293 section 3.10.7).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity};
use crate::track::{Base, Facts};

/// The answer to another SYN than the one that was sent.
pub(super) const ANSWER: Rule = Rule {
    kind: Kind::Unacceptable,
    when: Facts::WRONG_ANSWER,
    rfc: "RFC 9293 3.10.7.3",
    judge: answer,
};

/// Something beyond the sender's own FIN, which ended its stream.
pub(super) const BEYOND: Rule = Rule {
    kind: Kind::Unacceptable,
    when: Facts::AFTER_OWN_FIN,
    rfc: "RFC 9293 3.10.7.4",
    judge: beyond,
};

fn answer(case: &Case<'_>) -> Option<Note> {
    let sent = case.receiver().nxt;
    let mut note = Note::new(ANSWER.kind, ANSWER.rfc, |note| {
        format!(
            "acknowledges {} (raw) where only {} would answer the SYN: left over from another connection, or \
             forged; its receiver drops it and says so with an RST",
            note.number_of("ack_raw"),
            note.number_of("expected_raw"),
        )
    });
    // It may have been the SYN that was not as its sender sent it.
    note.confidence = Confidence::Likely;
    Some(
        note.with("ack_raw", Quantity::Count(u64::from(case.seen.ack?.0)))
            .with("expected_raw", Quantity::Count(u64::from(sent.0)))
            .frame(case.seen.peer_frame)
            .frame(case.seen.frame),
    )
}

fn beyond(case: &Case<'_>) -> Option<Note> {
    let fin = case.sender().relative(case.sender().fin?);
    let mut note = Note::new(BEYOND.kind, BEYOND.rfc, |note| {
        format!(
            "reaches to {}, but its sender's FIN at {} was the end of the stream: its receiver drops what is \
             beyond",
            note.number_of("end"),
            note.number_of("fin"),
        )
    });
    // The FIN may have been the forged one, if nobody has acknowledged it; or the SYN with another flag, if no
    // SYN was seen.
    if !case.sender().fin_acked() || case.sender().base_from != Base::Syn {
        note.confidence = Confidence::Likely;
    }
    Some(
        note.with("end", Quantity::Seq(case.end()))
            .with("fin", Quantity::Seq(fin))
            .frame(case.seen.frame),
    )
}
