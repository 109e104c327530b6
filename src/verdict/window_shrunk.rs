//! Shrunk window: room that was offered is taken back (RFC 9293 section 3.8.6.2.1: "strongly
//! discouraged").

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// The right edge of the window moves to the left.
pub(super) const RULE: Rule = Rule {
    kind: Kind::WindowShrunk,
    when: Facts::EDGE_RETREATED,
    rfc: "RFC 9293 3.8.6.2.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let window = u64::from(case.seen.window.unwrap_or(0));
    let note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("retreat", Quantity::Bytes(u64::from(case.seen.retreat)))
        .with("ack", Quantity::Seq(case.ack()))
        .with("window", Quantity::Bytes(window));
    Some(note.frame(case.seen.frame))
}

fn sentence(note: &Note) -> String {
    format!(
        "the right edge of the window, {} + {}, is {} bytes before the one offered earlier",
        note.number_of("ack"),
        note.number_of("window"),
        note.number_of("retreat"),
    )
}
