//! Zero-window probes and their answers (RFC 9293 section 3.8.6.1).

use super::{Case, Rule};
use crate::event::{Kind, Note, Quantity, units};
use crate::track::{Facts, Probe};

/// Sent against a closed window: one byte at its edge, or (Linux) an empty segment one before
/// SND.UNA, which must be answered too.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ZeroWindowProbe,
    when: Facts::PROBE,
    rfc: "RFC 9293 3.8.6.1",
    judge,
};

/// The answer, while the window is still closed.
pub(super) const ANSWER: Rule = Rule {
    kind: Kind::ZeroWindowProbeAck,
    when: Facts::PROBE_ANSWER,
    rfc: "RFC 9293 3.8.6.1",
    judge: answer,
};

fn judge(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.probe != Some(Probe::ZeroWindow) {
        return None;
    }
    let mut note = Note::new(RULE.kind, RULE.rfc, |note| {
        let nth = units::ordinal(note.number_of("number"));
        match note.number_of("len") {
            0 => format!(
                "{nth} probe of a closed window: an empty segment at byte {}, one before what is \
                 acknowledged, so that it must be answered",
                note.number_of("seq"),
            ),
            _ => format!(
                "{nth} probe of a closed window: the byte at {}, beyond its edge",
                note.number_of("seq")
            ),
        }
    })
    .with("seq", Quantity::Seq(case.seq()))
    .with("len", Quantity::Bytes(u64::from(seen.len)))
    .with("number", Quantity::Count(u64::from(seen.probe_number)))
    // What it was told last is that there is no room.
    .frame(seen.peer_frame)
    .frame(seen.frame);
    note.number = Some(seen.probe_number);
    Some(note)
}

fn answer(case: &Case<'_>) -> Option<Note> {
    let seen = case.seen;
    if seen.answers != Some(Probe::ZeroWindow) {
        return None;
    }
    let mut note = Note::new(ANSWER.kind, ANSWER.rfc, |note| {
        format!(
            "answers the probe in frame {}: the window is still closed",
            note.of_frame.unwrap_or(0)
        )
    })
    .with("ack", Quantity::Seq(case.ack()))
    .with("window", Quantity::Bytes(u64::from(seen.field)))
    .with(
        "after",
        Quantity::Nanos(seen.time.nanos_since(seen.peer_time)),
    )
    .frame(seen.peer_frame)
    .frame(seen.frame);
    note.number = Some(seen.probe_number);
    note.of_frame = Some(seen.peer_frame);
    Some(note)
}
