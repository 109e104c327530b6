//! Acked unseen: an acknowledgment of data that the capture missed.

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity, units};
use crate::track::Facts;

/// Acknowledges bytes that were not seen: in a hole, or beyond the highest sequence number there was.
pub(super) const RULE: Rule = Rule {
    kind: Kind::AckedUnseen,
    when: Facts::ACKS_UNSEEN,
    rfc: "RFC 9293 3.4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    // What stands behind it and is no later was not missed, but written late: that is told there.
    let unseen = case.seen.acked_unseen.saturating_sub(case.proved.behind);
    if unseen == 0 {
        return None;
    }
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "acknowledges up to {}, but {} of that were never seen: the capture missed what did arrive",
            note.number_of("ack"),
            units::bytes(note.number_of("unseen")),
        )
    });
    let mut note = note
        .with("ack", Quantity::Seq(case.ack()))
        .with("unseen", Quantity::Bytes(u64::from(unseen)));
    if case.seen.facts.any(Facts::STRAY) {
        (note.confidence, note.alternatives) = (Confidence::Ambiguous, &[Kind::Unacceptable]);
        note.why.sentence = stray;
    }
    Some(note.frame(case.seen.frame))
}

fn stray(note: &Note) -> String {
    format!(
        "acknowledges up to {}, {} beyond what was seen and beyond any window offered: not believed \
         unless the next one agrees",
        note.number_of("ack"),
        units::bytes(note.number_of("unseen")),
    )
}
