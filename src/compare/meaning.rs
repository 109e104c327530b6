//! What our notes are in Wireshark's words, so that two names of one thing are no difference.

use crate::event::{Cause, Kind, Note, Word, Words};

/// Whether Wireshark's words for a segment say something else than our notes do.
///
/// What it has no word for (a reset, a half-close, a partial ACK …) is no difference when it is
/// silent, only when it says something instead.
pub(super) fn differs(notes: &[Note], words: Words) -> bool {
    // A plain retransmission is, to Wireshark, one by timeout: it gives the RTO.
    let probe = notes.iter().any(|note| note.cause == Some(Cause::Tlp));
    expected(notes) != words || probe
}

/// What Wireshark would say if it saw things as we do.
fn expected(notes: &[Note]) -> Words {
    notes.iter().fold(Words::default(), |words, note| {
        let word = match note.kind {
            Kind::Retransmission if note.spurious == Some(true) => {
                return words.and(Word::Retransmission).and(Word::Spurious);
            }
            Kind::Retransmission if note.cause == Some(Cause::Fast) => {
                return words.and(Word::Retransmission).and(Word::Fast);
            }
            Kind::Retransmission => Word::Retransmission,
            Kind::OutOfOrder => Word::OutOfOrder,
            Kind::Hole => Word::LostSegment,
            Kind::AckedUnseen => Word::AckLost,
            Kind::DupAck => Word::DupAck,
            Kind::WindowUpdate => Word::WindowUpdate,
            Kind::ZeroWindow => Word::ZeroWindow,
            Kind::WindowFull | Kind::WindowExceeded => Word::WindowFull,
            Kind::ZeroWindowProbe => Word::Probe,
            // A window of 0 in an answer is two things to it.
            Kind::ZeroWindowProbeAck => return words.and(Word::ZeroWindow).and(Word::ProbeAck),
            Kind::KeepAlive => Word::KeepAlive,
            Kind::KeepAliveAck => Word::KeepAliveAck,
            Kind::PortReused => Word::PortReused,
            Kind::Dsack
            | Kind::PartialAck
            | Kind::WindowShrunk
            | Kind::CaptureDuplicate
            | Kind::OffloadSegment
            | Kind::ChecksumBad
            | Kind::Refused
            | Kind::Reset
            | Kind::ChallengeAck
            | Kind::SimultaneousOpen
            | Kind::SimultaneousClose
            | Kind::HalfClose
            | Kind::Unacceptable => return words,
        };
        words.and(word)
    })
}
