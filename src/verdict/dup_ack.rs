//! Duplicate ACK: data arrived, but not the next (RFC 5681 section 2).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::Facts;

/// The same acknowledgment again while data is outstanding, with nothing else new but SACK.
pub(super) const RULE: Rule = Rule {
    kind: Kind::DupAck,
    when: Facts::DUP_ACK,
    rfc: "RFC 5681 2",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    let data = case.receiver();
    let mut note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("ack", Quantity::Seq(case.ack()))
        .with("number", Quantity::Count(u64::from(seen.dup_ack)))
        .with(
            "outstanding",
            Quantity::Bytes(u64::from(data.outstanding_bytes())),
        )
        .with("sacked", Quantity::Bytes(u64::from(data.sacked().0)))
        .frame(data.una_frame)
        .frame(seen.frame);
    note.number = Some(seen.dup_ack);
    note.of_frame = (data.una_frame > 0).then_some(data.una_frame);
    Some(note)
}

fn sentence(note: &Note) -> String {
    let nth = units::ordinal(note.number_of("number"));
    let ack = note.number_of("ack");
    let outstanding = note.number_of("outstanding");
    let held = match note.number_of("sacked") {
        0 => "something else arrived".to_owned(),
        sacked => format!("{} beyond it arrived (SACK)", units::bytes(sacked)),
    };
    format!(
        "byte {ack} is asked for again ({nth} duplicate), {} outstanding: {held}",
        units::bytes(outstanding)
    )
}
