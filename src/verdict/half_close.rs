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
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "the other side has ended its stream (acknowledged up to {}), this one goes on sending",
            note.number_of("ack"),
        )
    });
    let note = note
        .with("ack", Quantity::Seq(case.ack()))
        .frame(case.seen.frame);
    (!case.noted_before(Kind::HalfClose)).then_some(note)
}
