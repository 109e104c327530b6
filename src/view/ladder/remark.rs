//! Notes in plain words: what is said in a sentence, what only by its name, what not at all.

use crate::event::{Cause, Confidence, Kind, Note};
use crate::view::Paint;

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds(u64);

impl Kinds {
    /// Every kind.
    pub(super) const ALL: Self = Self(u64::MAX);

    /// Adds a kind; whether it was new.
    pub(super) fn add(&mut self, kind: Kind) -> bool {
        let bit = 1 << (kind as u32);
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << (kind as u32)) != 0
    }
}

/// Whether one sentence a connection is enough, and after that the name will do.
const fn is_repetitive(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DupAck
            | Kind::PartialAck
            | Kind::WindowUpdate
            | Kind::ZeroWindow
            | Kind::WindowFull
            | Kind::WindowExceeded
            | Kind::Dsack
            | Kind::ZeroWindowProbe
            | Kind::ZeroWindowProbeAck
            | Kind::KeepAlive
            | Kind::KeepAliveAck
            | Kind::CaptureDuplicate
            | Kind::OffloadSegment
            | Kind::ChecksumBad
            | Kind::AckedUnseen
    )
}

/// Whether a note is nothing to stop for, once it has been said.
pub(super) fn is_quiet(note: &Note, said: Kinds) -> bool {
    match note.kind {
        Kind::OffloadSegment | Kind::CaptureDuplicate | Kind::WindowUpdate => said.has(note.kind),
        // Three make a loss; what follows them is the echo.
        Kind::DupAck => said.has(note.kind) && note.number.is_some_and(|n| n > 4),
        _ => false,
    }
}

/// A note as the ladder shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    kind: Kind,
    pub(super) paint: Paint,
    /// Its name, with what belongs to it: `retransmission (rto)`, `dup-ack #3`.
    pub(super) tag: String,
    /// Why, unless that has been said.
    pub(super) why: Option<String>,
}

impl Remark {
    /// All of its name.
    pub(super) fn full(&self) -> &str {
        &self.tag
    }

    /// What kind of note it is.
    pub(super) const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The same in as few letters as one understands.
    pub(super) const fn short(&self) -> &'static str {
        match self.kind {
            Kind::Retransmission => "sent again",
            kind => kind.name(),
        }
    }
}

/// The remarks on a segment, given what has been said on this connection.
pub(super) fn remarks(notes: &[Note], said: &mut Kinds, all: bool) -> Vec<Remark> {
    notes
        .iter()
        .map(|note| {
            let first = said.add(note.kind);
            let why = (first || all || !is_repetitive(note.kind)).then(|| sentence(note));
            Remark {
                kind: note.kind,
                paint: Paint::of(note.kind),
                tag: tag(note),
                why,
            }
        })
        .collect()
}

/// A note's name with its number and cause, as the ladder and the stepping screen write it.
pub fn tag(note: &Note) -> String {
    use std::fmt::Write;
    let mut tag = note.kind.name().to_owned();
    if let Some(number) = note.number {
        let _ = write!(tag, " #{number}");
    }
    let mut aside = Vec::new();
    aside.extend(
        note.cause
            .map(Cause::name)
            .filter(|name| *name != "unknown"),
    );
    if note.spurious == Some(true) {
        aside.push("needless");
    }
    match note.confidence {
        Confidence::Certain => {}
        Confidence::Likely => aside.push("likely"),
        Confidence::Ambiguous => aside.push("can't be told"),
    }
    if !aside.is_empty() {
        let _ = write!(tag, " ({})", aside.join(", "));
    }
    tag
}

fn sentence(note: &Note) -> String {
    let mut why = note.why();
    if !note.alternatives.is_empty() {
        let others: Vec<_> = note.alternatives.iter().map(|kind| kind.name()).collect();
        why.push_str("; could be ");
        why.push_str(&others.join(" or "));
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: Kind, number: Option<u32>) -> Note {
        let mut note = Note::new(kind, "", |_| "because".to_owned());
        note.number = number;
        note
    }

    #[test]
    fn what_repeats_is_explained_once() {
        let mut said = Kinds::default();
        let first = remarks(&[note(Kind::DupAck, Some(1))], &mut said, false);
        let second = remarks(&[note(Kind::DupAck, Some(2))], &mut said, false);
        assert_eq!(first[0].why.as_deref(), Some("because"));
        assert_eq!((&*second[0].tag, &second[0].why), ("dup-ack #2", &None));
        assert!(
            remarks(&[note(Kind::DupAck, None)], &mut said, true)[0]
                .why
                .is_some()
        );
        for _ in 0..2 {
            let loss = remarks(&[note(Kind::Retransmission, None)], &mut said, false);
            assert!(loss[0].why.is_some());
        }
    }

    #[test]
    fn a_tag_says_cause_and_doubt() {
        let mut doubtful = note(Kind::Retransmission, Some(2));
        doubtful.cause = Some(Cause::Rto);
        doubtful.confidence = Confidence::Ambiguous;
        doubtful.alternatives = &[Kind::OutOfOrder];
        assert_eq!(tag(&doubtful), "retransmission #2 (rto, can't be told)");
        assert_eq!(sentence(&doubtful), "because; could be out-of-order");
    }

    #[test]
    fn the_echo_of_a_loss_is_quiet_and_its_beginning_is_not() {
        let mut said = Kinds::default();
        assert!(!is_quiet(&note(Kind::DupAck, Some(9)), said));
        said.add(Kind::DupAck);
        assert!(is_quiet(&note(Kind::DupAck, Some(9)), said));
        assert!(!is_quiet(&note(Kind::DupAck, Some(3)), said));
    }
}
