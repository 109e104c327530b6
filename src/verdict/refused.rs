//! Refused: an RST answers a SYN (RFC 9293 section 3.10.7.1).

use super::{Case, Rule, reset};
use crate::event::{Kind, Note, Quantity, TcpState, units};
use crate::track::{Base, Facts};

/// An RST for a SYN that nothing else answered.
pub(super) const RULE: Rule = Rule {
    kind: Kind::Refused,
    when: Facts::RST,
    rfc: "RFC 9293 3.10.7.1",
    judge,
};

/// Whether the RST answers a SYN that was not answered otherwise.
pub(super) fn answers_syn(case: &Case<'_>) -> bool {
    let opener = case.receiver();
    case.seen.state_before[case.seen.side.other().index()] == TcpState::SynSent
        && case.sender().base_from != Base::Syn
        && case.seen.ack == Some(opener.nxt)
}

fn judge(case: &Case<'_>) -> Option<Note> {
    if !answers_syn(case) {
        return None;
    }
    let syn = case.connection.opening()[0].unwrap_or(case.seen.peer_frame);
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        format!(
            "an RST answers the SYN of frame {} after {}: nothing listens on that port, or a firewall says so",
            note.of_frame.unwrap_or(0),
            units::nanos(note.number_of("after")),
        )
    })
    .with("after", Quantity::Nanos(case.seen.time.nanos_since(case.seen.peer_time)))
    .frame(syn)
    .frame(case.seen.frame);
    note.of_frame = Some(syn);
    Some(reset::with_marks(case, note))
}
