//! Capture duplicate: one packet, twice in the capture (a span port, the `any` device), and sent once.
//!
//! Which of the two made the copy, the capture or the network, shows in the time between. Who sends again makes
//! a new packet, so it is no retransmission either way.

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity, units};
use crate::track::Facts;

/// Everything equal, the IP identification too where there is one.
pub(super) const RULE: Rule = Rule {
    kind: Kind::CaptureDuplicate,
    when: Facts::CAPTURED_TWICE,
    rfc: "RFC 6864 4",
    judge,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    let mut note = Note::new(RULE.kind, RULE.rfc, at_once).with("seq", Quantity::Seq(case.seq()));
    note.of_frame = seen.original_frame;
    if let Some(frame) = note.of_frame {
        let after_ns = seen.time.nanos_since(seen.sender_time);
        note = note.frame(frame).with("after", Quantity::Nanos(after_ns));
    }
    let sentence: Option<fn(&Note) -> String> = match (case.proved.copied, seen.copied_at_once) {
        (true, _) => Some(on_the_way),
        (false, false) => Some(somewhere),
        (false, true) => None,
    };
    if let Some(sentence) = sentence {
        note.why.sentence = sentence;
        note.confidence = Confidence::Ambiguous;
        note.alternatives = &[Kind::Retransmission];
    }
    Some(note.frame(seen.frame))
}

fn at_once(note: &Note) -> String {
    let original = note
        .of_frame
        .map_or_else(String::new, |frame| format!(" as frame {frame}"));
    format!(
        "the same packet{original}, within 0.1 ms, everything in it equal: captured twice, not sent twice"
    )
}

/// Which packet it is, and when it came again.
fn same(note: &Note) -> String {
    let Some(frame) = note.of_frame else {
        return "the same packet as one of the last few".to_owned();
    };
    let after = units::nanos(note.number_of("after"));
    format!("the same packet as frame {frame}, {after} after it")
}

fn somewhere(note: &Note) -> String {
    format!(
        "{}, everything in it equal, the IP identification too: sent once, and copied on the way or by the \
         capture, unless its sender repeats packets as they were",
        same(note),
    )
}

fn on_the_way(note: &Note) -> String {
    format!(
        "{}, everything in it equal, and its receiver reports both: sent once and copied on the way, unless its \
         sender repeats packets as they were",
        same(note),
    )
}
