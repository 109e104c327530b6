//! Zero window: the receiver has no room left and says so (RFC 9293 section 3.8.6).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// An open window that closes, or stays closed.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ZeroWindow,
    when: Facts::ZERO_WINDOW,
    rfc: "RFC 9293 3.8.6",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("ack", Quantity::Seq(case.ack()))
        .with(
            "window_before",
            Quantity::Bytes(u64::from(case.seen.window_before.unwrap_or(0))),
        );
    Some(note.frame(case.seen.frame))
}

fn sentence(note: &Note) -> String {
    let ack = note.number_of("ack");
    match note.number_of("window_before") {
        0 => format!("still no room for anything beyond byte {ack}"),
        before => format!(
            "no room for anything beyond byte {ack}; the window was {before} bytes before: \
             the application does not read as fast as data comes"
        ),
    }
}
