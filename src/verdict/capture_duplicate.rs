//! Capture duplicate: one packet, captured twice (a span port, the `any` device).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// The same IP identification and everything else equal, within moments.
pub(super) const RULE: Rule = Rule {
    kind: Kind::CaptureDuplicate,
    when: Facts::CAPTURED_TWICE,
    rfc: "RFC 6864 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let note = Note::new(RULE.kind, RULE.rfc, |_| {
        "the same packet again, IP identification and all, within 0.1 ms: captured twice, not sent twice"
            .to_owned()
    });
    Some(
        note.with("seq", Quantity::Seq(case.seq()))
            .frame(case.seen.frame),
    )
}
