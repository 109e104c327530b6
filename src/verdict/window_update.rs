//! Window update: a segment that says nothing new but the window (RFC 9293 section 3.8.6.2.2).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// A pure ACK of the same number with a larger window.
pub(super) const RULE: Rule = Rule {
    kind: Kind::WindowUpdate,
    when: Facts::WINDOW_CHANGED,
    rfc: "RFC 9293 3.8.6.2.2",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    // While the scale is unknown the fields can still be compared: they share it.
    let bytes = seen.window_before.zip(seen.window);
    let fields = (
        u32::from(seen.field_before.unwrap_or(0)),
        u32::from(seen.field),
    );
    let (before, now) = bytes.unwrap_or(fields);
    (now > before).then(|| note(case, u64::from(before), u64::from(now)))
}

fn note(case: &Case<'_>, before: u64, now: u64) -> Note {
    Note::new(RULE.kind, RULE.rfc, sentence)
        .with("window_before", Quantity::Bytes(before))
        .with("window", Quantity::Bytes(now))
        .frame(case.seen.frame)
}

fn sentence(note: &Note) -> String {
    let (before, now) = (note.number_of("window_before"), note.number_of("window"));
    match before {
        0 => format!("acknowledges nothing new, but offers a window of {now} bytes"),
        _ => format!("acknowledges nothing new, but the window grew from {before} to {now} bytes"),
    }
}
