//! Partial ACK: news during fast recovery, but not of all that was out (RFC 6582 section 3.2).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::Facts;

/// It acknowledges something new, yet not what had been sent when recovery began.
pub(super) const RULE: Rule = Rule {
    kind: Kind::PartialAck,
    when: Facts::PARTIAL_ACK,
    rfc: "RFC 6582 3.2",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let recover = case.seen.recover?;
    let data = case.receiver();
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        let (ack, recover) = (note.number_of("ack"), note.number_of("recover"));
        format!(
            "acknowledges up to {ack}, but {recover} had been reached when recovery began: {} of it are still missing",
            units::bytes(recover.saturating_sub(ack))
        )
    });
    Some(
        note.with("ack", Quantity::Seq(case.ack()))
            .with("recover", Quantity::Seq(data.relative(recover)))
            .frame(case.seen.frame),
    )
}
