//! D-SACK: the receiver reports that something came twice (RFC 2883).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity};
use crate::track::{Facts, Probe, Proof};

/// The first SACK block is below the acknowledgment, or inside the second block.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Dsack,
    when: Facts::DSACK,
    rfc: "RFC 2883 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let (left, right) = case.seen.dsack?;
    let data = case.receiver();
    let mut note = Note::new(RULE.kind, RULE.rfc, copied)
        .with("left", Quantity::Seq(data.relative(left)))
        .with("right", Quantity::Seq(data.relative(right)))
        .with("ack", Quantity::Seq(case.ack()));
    if (data.relative(left), data.relative(right)) == (0, 1) {
        note.why.sentence = of_the_syn;
    }
    if let Some(frame) = case.seen.sent_twice {
        note.why.sentence = copied_or_needless;
        note.of_frame = Some(frame);
        note = note.frame(frame);
    }
    if let Some(needless) = case.seen.needless.filter(|it| it.proof != Proof::FirstCopy) {
        note.why.sentence = sent_again;
        note.of_frame = Some(needless.frame);
        note = note.frame(needless.frame);
    }
    if let Some(frame) = case.seen.copy_arrived {
        note.why.sentence = copied_as_seen;
        note.of_frame = Some(frame);
        note = note.frame(frame);
    }
    if case.seen.answers == Some(Probe::KeepAlive) {
        note.why.sentence = of_the_keep_alive;
        note = note.frame(case.seen.peer_frame);
    }
    Some(note.frame(case.seen.frame))
}

fn sent_again(note: &Note) -> String {
    format!(
        "bytes {} to {} came to the receiver twice: frame {} sent them again without need",
        note.number_of("left"),
        note.number_of("right"),
        note.of_frame.unwrap_or(0),
    )
}

fn copied_or_needless(note: &Note) -> String {
    format!(
        "bytes {} to {} came to the receiver twice: the first copy was late, or what frame {} sent again was \
         copied on the way (RFC 3708 section 3)",
        note.number_of("left"),
        note.number_of("right"),
        note.of_frame.unwrap_or(0),
    )
}

fn copied(note: &Note) -> String {
    format!(
        "bytes {} to {} came to the receiver twice, and were not seen to be sent twice here: copied on \
         the way, or sent again where this capture does not see it",
        note.number_of("left"),
        note.number_of("right"),
    )
}

fn copied_as_seen(note: &Note) -> String {
    format!(
        "bytes {} to {} came to the receiver twice: the packet of frame {} was sent once, and copied on the way",
        note.number_of("left"),
        note.number_of("right"),
        note.of_frame.unwrap_or(0),
    )
}

fn of_the_syn(_: &Note) -> String {
    "the SYN came to the receiver twice: alone and with an ACK, or sent again".to_owned()
}

fn of_the_keep_alive(note: &Note) -> String {
    format!(
        "bytes {} to {} came to the receiver twice: the keep-alive is made of an old one",
        note.number_of("left"),
        note.number_of("right"),
    )
}
