//! Hole: something before this segment has not been seen (yet).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity, units};
use crate::track::Facts;

/// Starts beyond the next expected sequence number.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Hole,
    when: Facts::OPENED_HOLE.and(Facts::STRAY),
    rfc: "RFC 9293 3.4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let Some(hole) = case.seen.hole else {
        return stray(case);
    };
    let missing = hole.end.offset_from(hole.start);
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "starts at {} where {} was next: {} before it not seen yet, lost, late or missed by the capture",
            note.number_of("seq"),
            note.number_of("expected"),
            units::bytes(note.number_of("missing")),
        )
    });
    let note = note
        .with("seq", Quantity::Seq(case.seq()))
        .with(
            "expected",
            Quantity::Seq(case.sender().relative(hole.start)),
        )
        .with("missing", Quantity::Bytes(u64::from(missing)));
    Some(note.frame(case.seen.frame))
}

/// A segment far beyond anything that could be: its bytes are not believed to be there.
fn stray(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.flags.rst() || seen.facts.any(Facts::ACKS_UNSEEN) || !seen.seq.after(seen.nxt) {
        return None;
    }
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "starts at {} where {} was next, beyond any window offered: not believed unless the next \
             segment follows on it",
            note.number_of("seq"),
            note.number_of("expected"),
        )
    })
    .with("seq", Quantity::Seq(case.seq()))
    .with("expected", Quantity::Seq(case.sender().relative(seen.nxt)));
    (note.confidence, note.alternatives) = (Confidence::Ambiguous, &[Kind::Unacceptable]);
    Some(note.frame(seen.frame))
}
