//! What RFC 9293 demands of who gets a wrong segment, and whether that came.

use super::endpoint::Endpoint;
use super::script::WINDOW;
use super::segment::Segment;
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// A segment that no endpoint would send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    /// The ACK of a handshake, with a sequence number one too low.
    HandshakeSeq,
    /// The same with an acknowledgment number one too low.
    HandshakeAck,
    /// Data right behind their window.
    DataSeq,
    /// An ACK of something long ago.
    OldAck,
    /// An ACK of what they have not sent.
    UnsentAck,
}

/// What has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An ACK without data with exactly these numbers.
    Ack { seq: Seq, ack: Seq },
    /// An RST with this number.
    Reset { seq: Seq },
    /// An RST with that number, or an ACK of ours.
    ResetOrAck { seq: Seq, ack: Seq },
    /// An RST that acknowledges this.
    Refusal { ack: Seq },
    /// Nothing.
    Silence,
}

/// What is demanded of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// What we did.
    pub(super) did: String,
    pub(super) answer: Answer,
    /// The rule in words.
    pub(super) rule: String,
    pub(super) rfc: &'static str,
    /// What is to be known when it is kept, and when it is not.
    pub(super) kept: Option<&'static str>,
    pub(super) broken: Option<&'static str>,
}

impl Demand {
    pub(super) fn new(
        did: impl Into<String>,
        answer: Answer,
        rule: impl Into<String>,
        rfc: &'static str,
    ) -> Self {
        Self {
            did: did.into(),
            answer,
            rule: rule.into(),
            rfc,
            kept: None,
            broken: None,
        }
    }

    /// What came, in words, and whether it is what had to come.
    pub(super) fn judge(&self, came: Option<&Segment>) -> (String, bool) {
        let Some(came) = came else {
            let silence = "silence".to_owned();
            return (silence, self.answer == Answer::Silence);
        };
        let flags = came.flags;
        let acks = flags == Flags::ACK && came.data.is_empty();
        let agrees = match self.answer {
            Answer::Ack { seq, ack } => acks && (came.seq, came.ack) == (seq, ack),
            Answer::Reset { seq } => flags.rst() && !flags.ack() && came.seq == seq,
            Answer::ResetOrAck { seq, ack } => {
                flags.rst() && came.seq == seq || acks && came.ack == ack
            }
            Answer::Refusal { ack } => {
                flags == Flags::RST | Flags::ACK && came.seq == Seq(0) && came.ack == ack
            }
            Answer::Silence => false,
        };
        (words(came), agrees)
    }
}

/// A segment in a few words.
pub(super) fn words(segment: &Segment) -> String {
    let flags = segment.flags;
    let mut names = Vec::new();
    for (flag, name) in [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
    ] {
        if flags.has(flag) {
            names.push(name);
        }
    }
    let mut parts = vec![format!("{} with seq {}", names.join(" "), segment.seq)];
    if flags.ack() {
        parts.push(format!("ack {}", segment.ack));
    }
    if !segment.data.is_empty() {
        parts.push(format!("{} bytes", segment.data.len()));
    }
    parts.join(", ")
}

/// What is wrong with a forged segment: which number, what it should be, and why the mistake is one.
pub(super) struct Wrong {
    pub(super) segment: Segment,
    /// The number that is wrong, and what it is instead of the right one.
    pub(super) what: String,
    pub(super) why: String,
    pub(super) demand: Demand,
}

impl Forgery {
    /// The segment that `end` is to send, and what has to come of it.
    pub(super) fn make(self, end: &Endpoint) -> Wrong {
        let right = end.ack_segment();
        let seq = right.seq;
        let ack = right.ack;
        let expected = Answer::Ack { seq: ack, ack: seq };
        let make = |segment: Segment, why: &str, demand: Demand| Wrong {
            what: if segment.seq == seq {
                format!("ack {}", segment.ack)
            } else {
                format!("seq {}", segment.seq)
            },
            segment,
            why: why.to_owned(),
            demand,
        };
        match self {
            Self::HandshakeSeq => make(
                Segment {
                    seq: seq.minus(1),
                    ..right
                },
                "our ISS: as if our SYN had not taken a number; right would be ISS + 1",
                Demand::new(
                    "completed the handshake with a seq one too low",
                    expected,
                    "SYN-RECEIVED: a segment outside the window is answered by an ACK that says what is expected, and dropped",
                    "RFC 9293 3.10.7.4",
                ),
            ),
            Self::HandshakeAck => make(
                Segment {
                    ack: ack.minus(1),
                    ..right
                },
                "their ISN: as if their SYN had not taken a number; right would be their ISN + 1",
                Demand::new(
                    "completed the handshake with an ack one too low",
                    Answer::Reset { seq: ack.minus(1) },
                    "SYN-RECEIVED: an ACK that is not of the SYN is answered by an RST with <SEQ=SEG.ACK>; the half-open connection stays",
                    "RFC 9293 3.10.7.4",
                ),
            ),
            Self::DataSeq => make(
                Segment {
                    seq: seq.plus(end.snd_wnd),
                    flags: Flags::PSH | Flags::ACK,
                    data: b"beyond the window".to_vec(),
                    ..right
                },
                "SND.NXT + their window: the first number that is not in it any more",
                Demand::new(
                    "sent data just beyond their window",
                    expected,
                    "a segment outside the window is answered by an ACK that says what is expected, and dropped",
                    "RFC 9293 3.10.7.4",
                ),
            ),
            Self::OldAck => make(
                Segment {
                    ack: ack.minus(u32::from(WINDOW) + 1),
                    ..right
                },
                "older than the largest window we ever offered: no segment of this connection can say that",
                Demand::new(
                    "acknowledged something from long ago",
                    expected,
                    "an ACK below SND.UNA - MAX.SND.WND is dropped and answered by an ACK (a challenge ACK)",
                    "RFC 5961 5.2",
                ),
            ),
            Self::UnsentAck => make(
                Segment {
                    ack: ack.plus(1000),
                    ..right
                },
                "RCV.NXT + 1000: a thousand bytes that they have never sent",
                Demand {
                    broken: Some(
                        "Linux 3.8 to 7.0 dropped it without a word; 7.1 answers, and so do later stable releases of older series",
                    ),
                    ..Demand::new(
                        "acknowledged what they have not sent",
                        expected,
                        "an ACK beyond SND.NXT is dropped and answered by an ACK",
                        "RFC 9293 3.10.7.4",
                    )
                },
            ),
        }
    }
}
