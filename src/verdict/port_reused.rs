//! Port reused: a new connection on an earlier one's addresses and ports (RFC 9293 section 3.4.1).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::Facts;

/// A SYN with another initial sequence number than the connection known before.
pub(super) const RULE: Rule = Rule {
    kind: Kind::PortReused,
    when: Facts::PORT_REUSED,
    rfc: "RFC 9293 3.4.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let earlier = case.seen.earlier?;
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "a new connection on the addresses and ports of connection {}, {} after its last segment (frame {})",
            note.number_of("earlier"),
            units::nanos(note.number_of("since")),
            note.of_frame.unwrap_or(0),
        )
    })
    .with("earlier", Quantity::Count(u64::from(earlier.flow)))
    .with("since", Quantity::Nanos(case.seen.time.nanos_since(earlier.time)))
    .frame(earlier.frame)
    .frame(case.seen.frame);
    note.of_frame = Some(earlier.frame);
    Some(note)
}
