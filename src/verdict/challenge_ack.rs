//! Challenge ACK: a segment that its receiver does not simply believe is answered with where that stands
//! (RFC 5961, RFC 9293 sections 3.5.1 and 3.10.7.4).

use super::{Case, Rule};
use crate::event::{Confidence, Kind, Note, Quantity};
use crate::track::{Facts, Suspicion};

/// A bare ACK where a SYN-ACK was due, of a number that the SYN's sender never sent in this connection.
pub(super) const RULE: Rule = Rule {
    kind: Kind::ChallengeAck,
    when: Facts::REFUSES_SYN,
    rfc: "RFC 5961 4",
    judge,
};

/// A bare ACK that says nothing new, after a segment that calls for one.
pub(super) const ANSWER: Rule = Rule {
    kind: Kind::ChallengeAck,
    when: Facts::CHALLENGE,
    rfc: "RFC 5961",
    judge: answer,
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

fn answer(case: &Case<'_>) -> Option<Note> {
    let suspect = case.seen.challenges?;
    let (rfc, sentence, number): (_, fn(&Note) -> String, _) = match suspect.why {
        Suspicion::Syn => ("RFC 5961 4", of_syn, None),
        Suspicion::Reset => ("RFC 5961 3", of_reset, Some(case.receiver())),
        Suspicion::AckAhead => ("RFC 5961 5", of_ack_ahead, Some(case.sender())),
        Suspicion::AckBehind => ("RFC 5961 5", of_ack_behind, Some(case.sender())),
        // That is refused with an RST.
        Suspicion::WrongAnswer => return None,
    };
    let mut note = Note::new(ANSWER.kind, rfc, sentence)
        .with("ack", Quantity::Seq(case.ack()))
        .frame(suspect.frame)
        .frame(case.seen.frame);
    if let Some(half) = number {
        note = note.with("number", Quantity::Seq(half.relative(suspect.number)));
    }
    note.of_frame = Some(suspect.frame);
    // An ACK that was under way already looks the same, but a SYN is never answered otherwise.
    if suspect.why != Suspicion::Syn {
        note.confidence = Confidence::Likely;
    }
    Some(note)
}

fn of(note: &Note) -> u64 {
    note.of_frame.unwrap_or(0)
}

fn of_syn(note: &Note) -> String {
    format!(
        "answers the SYN of frame {}, which has no place in an open connection: says that {} is expected next, \
         and nothing else changes",
        of(note),
        note.number_of("ack"),
    )
}

fn of_reset(note: &Note) -> String {
    format!(
        "does not believe the RST of frame {}, at {} where {} is expected next: whoever really has no such \
         connection will answer this with an RST that fits",
        of(note),
        note.number_of("number"),
        note.number_of("ack"),
    )
}

fn of_ack_ahead(note: &Note) -> String {
    format!(
        "answers frame {}, which acknowledges {}, more than was sent",
        of(note),
        note.number_of("number"),
    )
}

fn of_ack_behind(note: &Note) -> String {
    format!(
        "answers frame {}, which acknowledges {}, longer ago than any window reaches: old, or forged",
        of(note),
        note.number_of("number"),
    )
}
