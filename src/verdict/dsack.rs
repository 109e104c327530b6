//! D-SACK: the receiver reports that something came twice (RFC 2883).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// The first SACK block is below the acknowledgment, or inside the second block.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Dsack,
    when: Facts::DSACK,
    rfc: "RFC 2883 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let (left, right) = case.seen.dsack?;
    let data = case.receiver();
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "bytes {} to {} came to the receiver twice: they were sent again without need, or copied on the way",
            note.number_of("left"),
            note.number_of("right"),
        )
    });
    let note = note
        .with("left", Quantity::Seq(data.relative(left)))
        .with("right", Quantity::Seq(data.relative(right)))
        .with("ack", Quantity::Seq(case.ack()));
    Some(note.frame(case.seen.frame))
}
