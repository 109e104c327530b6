//! Offload segment: longer than what can be on the wire (RFC 9293 section 3.7.1).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::Facts;

/// More payload than the MSS its receiver announced: captured before a network card cut it into
/// segments (TSO), or after one merged several (GRO).
pub(super) const RULE: Rule = Rule {
    kind: Kind::OffloadSegment,
    when: Facts::OVERSIZED,
    rfc: "RFC 9293 3.7.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let mss = u32::from(case.receiver().offer.mss);
    let segments = case.seen.len.div_ceil(mss.max(1));
    let note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "{} in one segment, where the receiver takes {} at most: {} or more on the wire, cut or \
             merged by a network card on this machine",
            units::bytes(note.number_of("len")),
            note.number_of("mss"),
            note.number_of("segments"),
        )
    });
    Some(
        note.with("len", Quantity::Bytes(u64::from(case.seen.len)))
            .with("mss", Quantity::Bytes(u64::from(mss)))
            .with("segments", Quantity::Count(u64::from(segments)))
            .frame(case.seen.frame),
    )
}
