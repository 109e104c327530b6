//! Half-close: one side is done sending, the other goes on (RFC 9293 section 3.6).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// Data for a side that has sent its FIN, from one that acknowledged it: the close was half a close.
///
/// Noted once, at the first such data.
pub(super) const RULE: Rule = Rule {
    kind: Kind::HalfClose,
    when: Facts::AFTER_PEER_FIN,
    rfc: "RFC 9293 3.6",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let counted = case
        .connection
        .notes
        .as_ref()
        .is_some_and(|n| n[case.seen.side.index()].of(Kind::HalfClose) > 0);
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "the other side has ended its stream (acknowledged up to {}), this one goes on sending",
            note.number_of("ack"),
        )
    });
    let note = note
        .with("ack", Quantity::Seq(case.ack()))
        .frame(case.seen.frame);
    (!counted).then_some(note)
}
