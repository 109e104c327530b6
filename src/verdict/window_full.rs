//! Full and exceeded windows: data that reaches, or passes, the edge of what the receiver offered
//! (RFC 9293 section 3.8.6).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// The sender has used up the window: it must wait.
pub(super) const FULL: Rule = Rule {
    kind: Kind::WindowFull,
    when: Facts::REACHED_EDGE,
    rfc: "RFC 9293 3.8.6",
    judge: full,
};

/// The sender has sent more than it was offered.
pub(super) const EXCEEDED: Rule = Rule {
    kind: Kind::WindowExceeded,
    when: Facts::PASSED_EDGE,
    rfc: "RFC 9293 3.8.6",
    judge: exceeded,
};

fn full(case: &Case<'_>) -> Option<Note> {
    Some(note(case, FULL, |note| {
        format!(
            "reaches the edge of the window, byte {}: nothing more may be sent until it moves",
            note.number_of("edge"),
        )
    }))
}

fn exceeded(case: &Case<'_>) -> Option<Note> {
    Some(note(case, EXCEEDED, |note| {
        format!(
            "ends {} bytes past the edge of the window, byte {}",
            note.number_of("past"),
            note.number_of("edge")
        )
    }))
}

fn note(case: &Case<'_>, rule: Rule, sentence: fn(&Note) -> String) -> Note {
    let edge = case
        .receiver()
        .edge
        .map_or(0, |edge| case.sender().relative(edge));
    Note::new(rule.kind, rule.rfc, sentence)
        .with("edge", Quantity::Seq(edge))
        .with("past", Quantity::Bytes(case.seen.past_edge.max(0) as u64))
        .with(
            "window",
            Quantity::Bytes(u64::from(case.receiver().window.unwrap_or(0))),
        )
        .frame(case.seen.peer_frame)
        .frame(case.seen.frame)
}
