//! Bad checksum: the receiver will discard the segment (RFC 9293 section 3.1).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// The TCP checksum is wrong, and not merely left to the network card.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ChecksumBad,
    when: Facts::BAD_CHECKSUM,
    rfc: "RFC 9293 3.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let note = Note::new(RULE.kind, RULE.rfc, |_| {
        "the checksum does not match: the receiver discards this, so it neither carries nor \
         acknowledges anything"
            .to_owned()
    });
    Some(
        note.with("seq", Quantity::Seq(case.seq()))
            .frame(case.seen.frame),
    )
}
