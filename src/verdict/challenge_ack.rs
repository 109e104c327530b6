//! Challenge ACK: a SYN meets a connection that is still known (RFC 5961 section 4, RFC 9293 section
//! 3.5.1).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity};
use crate::track::Facts;

/// A bare ACK where a SYN-ACK was due, of a number that the SYN's sender never sent in this connection.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ChallengeAck,
    when: Facts::REFUSES_SYN,
    rfc: "RFC 5961 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        let syn = note.frames.first().copied().unwrap_or(0);
        format!(
            "answers the SYN of frame {syn} with what it knows of an earlier connection: if that is \
             over, an RST has to say so"
        )
    });
    note.confidence = Confidence::Likely;
    Some(
        note.with("ack_raw", Quantity::Count(u64::from(seen.ack?.0)))
            .frame(seen.peer_frame)
            .frame(seen.frame),
    )
}
