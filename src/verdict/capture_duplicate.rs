//! Capture duplicate: one packet, captured twice (a span port, the `any` device).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// Everything equal within moments, the IP identification too where there is one.
pub(super) const RULE: Rule = Rule {
    kind: Kind::CaptureDuplicate,
    when: Facts::CAPTURED_TWICE,
    rfc: "RFC 6864 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        let original = note
            .of_frame
            .map_or_else(String::new, |frame| format!(" as frame {frame}"));
        format!(
            "the same packet{original}, within 0.1 ms, everything in it equal: captured twice, not sent twice"
        )
    });
    note.of_frame = case.seen.original_frame;
    if let Some(frame) = note.of_frame {
        note = note.frame(frame);
    }
    Some(
        note.with("seq", Quantity::Seq(case.seq()))
            .frame(case.seen.frame),
    )
}
