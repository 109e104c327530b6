//! Bad checksum: the receiver will discard the segment (RFC 9293 section 3.1).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity};
use crate::track::Facts;

/// The TCP checksum is wrong, and not merely left to the network card.
///
/// When none of a side's checksums was right so far, the capture is the likelier culprit (rewritten
/// addresses are the usual reason): then that is said once, and its segments count.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ChecksumBad,
    when: Facts::BAD_CHECKSUM.and(Facts::DOUBTFUL_CHECKSUM),
    rfc: "RFC 9293 3.1",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let doubtful = case.seen.facts.any(Facts::DOUBTFUL_CHECKSUM);
    if doubtful && case.noted_before(Kind::ChecksumBad) {
        return None;
    }
    let sentence = if doubtful { of_the_capture } else { discarded };
    let mut note = Note::new(RULE.kind, RULE.rfc, sentence)
        .with("seq", Quantity::Seq(case.seq()))
        .frame(case.seen.frame);
    if doubtful {
        note.confidence = Confidence::Ambiguous;
    }
    Some(note)
}

fn discarded(_: &Note) -> String {
    "the checksum does not match: the receiver discards this, so it neither carries nor acknowledges \
     anything"
        .to_owned()
}

fn of_the_capture(_: &Note) -> String {
    "the checksum does not match, and none from this side has: damaged, or (likelier, if it goes on) \
     rewritten for or by the capture; taken as received"
        .to_owned()
}
