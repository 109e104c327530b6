//! Simultaneous open and close: both sides began before hearing of the other (RFC 9293 sections 3.5
//! and 3.6).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::Facts;

/// Two SYNs crossed.
pub(super) const OPEN: Rule = Rule {
    kind: Kind::SimultaneousOpen,
    when: Facts::CROSSED,
    rfc: "RFC 9293 3.5",
    judge: open,
};

/// Two FINs crossed.
pub(super) const CLOSE: Rule = Rule {
    kind: Kind::SimultaneousClose,
    when: Facts::CROSSED,
    rfc: "RFC 9293 3.6",
    judge: close,
};

fn open(case: &Case<'_>) -> Option<Note> {
    let note = Note::new(OPEN.kind, OPEN.rfc, |note| {
        format!(
            "a SYN that does not acknowledge the other side's (frame {}): the two crossed",
            first(note)
        )
    });
    let note = note.with("seq", Quantity::Seq(case.seq()));
    case.seen
        .flags
        .syn()
        .then(|| note.frame(case.seen.peer_frame).frame(case.seen.frame))
}

fn close(case: &Case<'_>) -> Option<Note> {
    let note = Note::new(CLOSE.kind, CLOSE.rfc, |note| {
        format!(
            "a FIN that does not acknowledge the other side's (frame {}): the two crossed",
            first(note)
        )
    });
    let note = note
        .with("seq", Quantity::Seq(case.seq()))
        .with("ack", Quantity::Seq(case.ack()));
    case.seen
        .flags
        .fin()
        .then(|| note.frame(case.seen.peer_frame).frame(case.seen.frame))
}

fn first(note: &Note) -> u64 {
    note.frames.first().copied().unwrap_or(0)
}
