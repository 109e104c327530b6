//! What findings are about, by name: the vocabulary of `explain`, beside that of notes.

use std::fmt;

use super::Kind;

macro_rules! topics {
    ($($variant:ident = $name:literal: $told:literal,)*) => {
        /// What a finding is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Topic {
            /// Segments that have a note of that kind.
            Noted(Kind),
            $(#[doc = $told] $variant,)*
        }

        impl Topic {
            /// All that are no kind of note, each with what it tells.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $told),)*];

            /// The name in JSON; that of the kind where it is about notes.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Noted(kind) => kind.name(),
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

topics! {
    Healthy = "healthy": "nothing went wrong",
    LostSegments = "lost-segments": "what was sent again, and what made the sender do it",
    NeedlessRetransmission = "needless-retransmission": "what was sent again though it had arrived",
    PathMtu = "path-mtu": "what was sent again in smaller pieces, after a router asked for that",
    SynIgnored = "syn-ignored": "SYNs that a host had and did not answer",
    NoAnswer = "no-answer": "a connection that nobody answered",
    Opened = "opened": "who opened the connection, and how long that took",
    Agreed = "agreed": "the options that both sides settled on",
    SeenFromMiddle = "seen-from-middle": "the connection is older than the capture",
    ScaleRefuted = "scale-refuted": "a window scale that was given and can't be: what was sent proves a larger one",
    OneWay = "one-way": "only one direction is in the capture",
    Vantage = "vantage": "where the capture was made: near the sender, near the receiver or between",
    Pace = "pace": "what set the pace: the application, the receiver, the network, the repair of losses",
    Nagle = "nagle": "Nagle's algorithm waited for an ACK that was delayed",
    SillyWindow = "silly-window": "small segments for want of window",
    CongestionWindow = "congestion-window": "how much was under way at most, and the congestion window by that",
    LossAndOrder = "loss-and-order": "how much was sent again or came out of order",
    RoundTripSpread = "round-trip-spread": "round trips: least, median, 95 of 100",
    RoundTrips = "round-trips": "the round trip, where there are few samples",
    Queueing = "queueing": "round trips that grow with what is under way",
    Carried = "carried": "how much went each way, and how fast",
    Missed = "missed": "bytes that the capture does not hold",
    Closed = "closed": "who closed first, and how that went",
    HalfClosed = "half-closed": "one direction was closed, the other not",
    StillOpen = "still-open": "no end of it in the capture",
    TimeWait = "time-wait": "who holds the TIME-WAIT, and which port that takes",
    More = "more": "there is more of that kind than is told",
    Limit = "limit": "something was forgotten, to keep within the memory that there is",
    LostBetween = "lost-between": "packets that left one host and did not arrive at the other (two captures)",
    NothingLost = "nothing-lost": "every packet arrived (two captures)",
    OvertakenBetween = "overtaken-between": "packets that arrived after later ones (two captures)",
    CopiedBetween = "copied-between": "packets that arrived more often than they were sent (two captures)",
    NotSeenToLeave = "not-seen-to-leave": "packets that arrived and were not seen to leave (two captures)",
    DamagedBetween = "damaged-between": "packets damaged on the way (two captures)",
    AlteredBetween = "altered-between": "packets rewritten on the way (two captures)",
    RewrittenByRouters = "rewritten-by-routers": "what every router changes (two captures)",
    OutsideOfOne = "outside-of-one": "packets from when only one of the captures ran (two captures)",
    WayTimes = "way-times": "how long packets took from one host to the other (two captures)",
    Neighbour = "neighbour": "a hardware address that was asked for",
    Ping = "ping": "echo requests, and how many were answered",
    Way = "way": "a way that was traced, hop by hop",
    IcmpError = "icmp-error": "an ICMP error, what it is about and what to do",
    Datagrams = "datagrams": "UDP between two ends",
    OtherPackets = "other-packets": "what is neither of these",
}

impl From<Kind> for Topic {
    fn from(kind: Kind) -> Self {
        Self::Noted(kind)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
