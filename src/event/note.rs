//! Notes: what the verdict rules say of a segment, with their reasons. Vocabulary of `contract.md`.

use arrayvec::ArrayVec;
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a note says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// All of them, in the order of `contract.md`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// Bytes (or SYN, FIN) sent before are sent again.
    Retransmission = "retransmission",
    /// First sight of bytes that come after later ones.
    OutOfOrder = "out-of-order",
    /// Starts beyond the next expected byte.
    Hole = "hole",
    /// Acknowledges data that the capture never saw.
    AckedUnseen = "acked-unseen",
    /// Duplicate ACK in the sense of RFC 5681 section 2.
    DupAck = "dup-ack",
    /// Reports a duplicate (RFC 2883).
    Dsack = "dsack",
    /// Advances, but not past recovery (RFC 6582).
    PartialAck = "partial-ack",
    /// Changes the window and nothing else.
    WindowUpdate = "window-update",
    /// Takes back window that was offered (RFC 9293 section 3.8.6.2.1).
    WindowShrunk = "window-shrunk",
    /// Offers no window at all.
    ZeroWindow = "zero-window",
    /// Data reaches or passes the edge of the peer's window.
    WindowFull = "window-full",
    /// Data passes the edge of the peer's window.
    WindowExceeded = "window-exceeded",
    /// Sent against a closed window to see whether it has opened.
    ZeroWindowProbe = "zero-window-probe",
    /// The answer to that.
    ZeroWindowProbeAck = "zero-window-probe-ack",
    /// An old sequence number sent to see whether the peer is there (RFC 9293 section 3.8.4).
    KeepAlive = "keep-alive",
    /// The answer to that.
    KeepAliveAck = "keep-alive-ack",
    /// A new connection on an earlier one's addresses and ports.
    PortReused = "port-reused",
    /// The same packet captured twice.
    CaptureDuplicate = "capture-duplicate",
    /// Larger than the path allows: seen before segmentation or after merging.
    OffloadSegment = "offload-segment",
    /// The receiver will discard it.
    ChecksumBad = "checksum-bad",
    /// An RST that answers a SYN.
    Refused = "refused",
    /// An RST within a connection.
    Reset = "reset",
    /// RFC 5961.
    ChallengeAck = "challenge-ack",
    /// Both sides sent a SYN before seeing the other's.
    SimultaneousOpen = "simultaneous-open",
    /// Both sides sent a FIN before seeing the other's.
    SimultaneousClose = "simultaneous-close",
    /// One side is done sending, the other goes on.
    HalfClose = "half-close",
    /// Its receiver drops it, since it can't be so (RFC 9293 section 3.10.7).
    Unacceptable = "unacceptable",
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it tells of something that went wrong, or that held the connection up.
    pub const fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Retransmission
                | Self::ZeroWindow
                | Self::WindowFull
                | Self::WindowExceeded
                | Self::WindowShrunk
                | Self::ChecksumBad
                | Self::Refused
                | Self::Reset
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What made the sender send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Its retransmission timer ran out (RFC 6298).
    Rto,
    /// A tail loss probe (RFC 8985 section 7).
    Tlp,
    /// Duplicate ACKs, SACK or RACK drove it.
    Fast,
    /// The capture does not tell.
    Unknown,
}

impl Cause {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rto => "rto",
            Self::Tlp => "tlp",
            Self::Fast => "fast",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confidence {
    /// Nothing else could look like this.
    Certain,
    /// Something else could, but it would take a coincidence.
    Likely,
    /// The capture cannot tell; see the alternatives.
    Ambiguous,
}

impl Confidence {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// A number that a rule compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A relative sequence number.
    Seq(u32),
    /// An amount of data.
    Bytes(u64),
    /// How many.
    Count(u64),
    /// A duration in nanoseconds.
    Nanos(u64),
}

impl Quantity {
    /// The bare number.
    pub const fn value(self) -> u64 {
        match self {
            Self::Seq(seq) => seq as u64,
            Self::Bytes(n) | Self::Count(n) | Self::Nanos(n) => n,
        }
    }
}

/// The numbers a rule compared, by name, and how to say them.
///
/// Rules run for every eventful segment, sentences are read for few: so a note carries the numbers
/// and the sentence is written when asked for.
#[derive(Clone, Debug)]
pub struct Why {
    /// The numbers, in the order the sentence uses them.
    pub numbers: ArrayVec<(&'static str, Quantity), 8>,
    /// Writes the sentence.
    pub sentence: fn(&Note) -> String,
}

/// One judgement of one rule.
#[derive(Clone, Debug)]
pub struct Note {
    /// What it says.
    pub kind: Kind,
    /// For a retransmission, what made the sender send again.
    pub cause: Option<Cause>,
    /// For a retransmission, `Some(true)` only when it is proved to have been needless.
    pub spurious: Option<bool>,
    /// The frame this one repeats or answers.
    pub of_frame: Option<u64>,
    /// For duplicate ACKs, probes and retransmissions: the how-manieth.
    pub number: Option<u32>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What else it could be, when ambiguous.
    pub alternatives: &'static [Kind],
    /// The numbers and the sentence.
    pub why: Why,
    /// Where it is written.
    pub rfc: &'static str,
    /// Frames that are the evidence, in order.
    pub frames: ArrayVec<u64, 6>,
    /// The later frame that proves a retransmission to have been needless, and how; known where the capture was
    /// read before.
    pub proof: Option<(u64, &'static str)>,
}

impl Note {
    /// A note that is certain, with nothing else filled in.
    pub fn new(kind: Kind, rfc: &'static str, sentence: fn(&Self) -> String) -> Self {
        Self {
            kind,
            cause: None,
            spurious: None,
            of_frame: None,
            number: None,
            confidence: Confidence::Certain,
            alternatives: &[],
            why: Why {
                numbers: ArrayVec::new(),
                sentence,
            },
            rfc,
            frames: ArrayVec::new(),
            proof: None,
        }
    }

    /// All frames that it rests on: those that came before, and what proves it afterwards.
    pub fn evidence(&self) -> impl Iterator<Item = u64> + '_ {
        let proof = self.proof.map(|(frame, _)| frame);
        self.frames.iter().copied().chain(proof)
    }

    /// Adds a number that was compared; a ninth is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, quantity: Quantity) -> Self {
        let _ = self.why.numbers.try_push((name, quantity));
        self
    }

    /// Adds a frame to the evidence; a seventh is left out, and so is 0, which is how "none so far"
    /// is kept where frames are counted from 1.
    #[must_use]
    pub fn frame(mut self, frame: u64) -> Self {
        if frame > 0 && !self.frames.contains(&frame) {
            let _ = self.frames.try_push(frame);
        }
        self
    }

    /// The number of that name, 0 if the rule gave none.
    pub fn number_of(&self, name: &str) -> u64 {
        self.why
            .numbers
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(0, |(_, q)| q.value())
    }

    /// Whether the rule gave a number of that name.
    pub fn has(&self, name: &str) -> bool {
        self.why.numbers.iter().any(|(n, _)| *n == name)
    }

    /// The reason in one plain sentence.
    pub fn why(&self) -> String {
        (self.why.sentence)(self)
    }
}

/// A frame in a chain of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub frame: u64,
    /// Over how many steps the first frame of the chain rests on it: 0 for that frame itself.
    pub step: usize,
}

/// How often each kind was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteCounts([u32; Kind::COUNT]);

impl Default for NoteCounts {
    fn default() -> Self {
        Self([0; Kind::COUNT])
    }
}

impl NoteCounts {
    /// Counts one more.
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] = self.0[kind as usize].saturating_add(1);
    }

    /// How often that kind was noted.
    pub fn of(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// The kinds noted at least once, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u32)> + '_ {
        // Most connections have none, which is told sooner than by asking for each.
        let kinds = if *self == Self::default() {
            &[]
        } else {
            Kind::ALL
        };
        kinds
            .iter()
            .map(|&kind| (kind, self.of(kind)))
            .filter(|&(_, n)| n > 0)
    }
}
