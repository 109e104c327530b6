//! What can be looked for among rows.

mod parse;
mod seeker;
mod stream;

pub use seeker::Seeker;

use std::net::IpAddr;

use crate::event::{Cause, Event, Host, Kept, Kind, Segment};
use crate::wire::tcp::Flags;

/// What a row has to be or to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A note of any kind, or a flag that opens, closes or breaks a connection.
    Event,
    /// A note that tells of trouble.
    Problem,
    /// A note of any kind.
    Noted,
    /// A note of that kind.
    Note(Kind),
    /// A retransmission that was needless.
    Needless,
    /// A retransmission that this brought about.
    Cause(Cause),
    /// All of these flags.
    Flags(Flags),
    /// The frame of that number, in the capture of that host where two are looked at.
    Frame(Option<Host>, u64),
    /// A segment of any connection.
    AnyFlow,
    /// A segment of that connection.
    Flow(u32),
    /// That sequence number, relative or as on the wire, is one of those it takes; of a segment that takes none,
    /// the one it stands at.
    Seq(u32),
    /// It is the first to acknowledge up to that number, relative or as on the wire, or beyond; or it acknowledges
    /// exactly up to there, as those do that say so once more.
    Ack(u32),
    /// That figure of it compares so with that number.
    Figure(Figure, Relation, u64),
    /// One of its ports.
    Port(u16),
    /// One of its addresses.
    Address(IpAddr),
    /// Payload with these bytes one after another.
    Bytes(Box<[u8]>),
    /// The same where small letters stand for capital ones, too.
    Letters(Box<[u8]>),
    /// All of these.
    All(Vec<Self>),
}

/// A number of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Relative sequence number.
    Seq,
    /// Relative acknowledgment number.
    Ack,
    /// Payload bytes.
    Len,
    /// The window in bytes, or as on the wire while its scale is not known.
    Window,
}

/// How a number compares with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Other,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Query {
    /// What such a row is called, of those kinds that have a key of their own.
    pub(super) const fn called(&self) -> &'static str {
        match self {
            Self::Problem => "problem",
            _ => "event",
        }
    }

    /// Whether that row is one.
    pub fn fits(&self, row: &Kept) -> bool {
        match self {
            Self::Frame(None, frame) if row.joint.is_some() => {
                let of = |host| row.shows(Some(host), *frame);
                of(Host::Client) || of(Host::Server)
            }
            Self::Frame(host, frame) => row.shows(*host, *frame),
            Self::Bytes(_) | Self::Letters(_) => self.needle().is_some_and(|needle| {
                has_payload(row, |payload| needle.place_in(payload).is_some())
            }),
            Self::All(queries) => queries.iter().all(|query| query.fits(row)),
            Self::Address(host) if row.segment().is_none() => row.with(|event| match event {
                Event::Packet(_, packet) => packet
                    .ip
                    .as_ref()
                    .is_some_and(|ip| ip.src == *host || ip.dst == *host),
                _ => false,
            }),
            _ => row
                .segment()
                .is_some_and(|segment| self.fits_segment(segment, row)),
        }
    }

    /// The bytes that are looked for, where it is one text.
    fn needle(&self) -> Option<Needle<'_>> {
        match self {
            Self::Bytes(bytes) => Some(Needle {
                bytes,
                letters: false,
            }),
            Self::Letters(bytes) => Some(Needle {
                bytes,
                letters: true,
            }),
            Self::All(queries) => {
                let mut needles = queries.iter().filter_map(Self::needle);
                needles.next().filter(|_| needles.next().is_none())
            }
            _ => None,
        }
    }

    /// Whether it can be more than one row that has what is looked for: then looking at rows one by one does not
    /// find it, and a [`Seeker`] does.
    pub fn is_text(&self) -> bool {
        self.needle().is_some()
    }

    /// Whether all but the text is so of that row.
    fn fits_beside_text(&self, row: &Kept) -> bool {
        match self {
            Self::Bytes(_) | Self::Letters(_) => true,
            Self::All(queries) => queries.iter().all(|query| query.fits_beside_text(row)),
            _ => self.fits(row),
        }
    }

    fn fits_segment(&self, s: &Segment<'_>, row: &Kept) -> bool {
        match self {
            Self::Event => {
                let turns = s.flags.syn() || s.flags.fin() || s.flags.rst();
                turns || !row.notes.is_empty()
            }
            Self::Problem => row.notes.iter().any(|note| note.kind.is_trouble()),
            Self::Noted => !row.notes.is_empty(),
            Self::Note(kind) => row.notes.iter().any(|note| note.kind == *kind),
            Self::Needless => row.notes.iter().any(|note| note.spurious == Some(true)),
            Self::Cause(cause) => row.notes.iter().any(|note| note.cause == Some(*cause)),
            Self::Flags(flags) => s.flags.has(*flags),
            Self::AnyFlow => true,
            Self::Flow(flow) => s.flow == *flow,
            Self::Seq(number) => {
                let covers = |first: u32| number.wrapping_sub(first) < s.seq_len().max(1);
                covers(s.seq) || covers(s.seq_raw)
            }
            Self::Ack(number) => s.ack.is_some_and(|ack| {
                let reaches = |up_to: u32| up_to.wrapping_sub(*number) < s.newly_acked.max(1);
                reaches(ack) || reaches(s.ack_raw)
            }),
            Self::Figure(figure, relation, number) => figure
                .of(s)
                .is_some_and(|value| relation.holds(value, *number)),
            Self::Port(port) => s.src.port == *port || s.dst.port == *port,
            Self::Address(host) => s.src.addr == *host || s.dst.addr == *host,
            Self::Frame(..) | Self::Bytes(_) | Self::Letters(_) | Self::All(_) => false,
        }
    }
}

impl Figure {
    fn of(self, s: &Segment<'_>) -> Option<u64> {
        match self {
            Self::Seq => Some(s.seq.into()),
            Self::Ack => s.ack.map(u64::from),
            Self::Len => Some(s.len.into()),
            Self::Window => Some(s.window_bytes.unwrap_or(s.window.into()).into()),
        }
    }
}

impl Relation {
    const fn holds(self, value: u64, number: u64) -> bool {
        match self {
            Self::Less => value < number,
            Self::AtMost => value <= number,
            Self::Equal => value == number,
            Self::Other => value != number,
            Self::AtLeast => value >= number,
            Self::More => value > number,
        }
    }
}

/// Whether the payload is so; of what is no segment all bytes are looked at.
fn has_payload(row: &Kept, is_so: impl Fn(&[u8]) -> bool) -> bool {
    row.with(|event| match event {
        Event::Segment(segment) => is_so(segment.payload),
        Event::Packet(frame, _) => is_so(frame.bytes),
        _ => false,
    })
}

/// Bytes that are looked for.
#[derive(Clone, Copy)]
struct Needle<'a> {
    bytes: &'a [u8],
    /// Whether small letters stand for capital ones, too.
    letters: bool,
}

impl Needle<'_> {
    /// Where it is in these bytes for the first time.
    fn place_in(&self, hay: &[u8]) -> Option<usize> {
        let &first = self.bytes.first()?;
        let other = if self.letters {
            first.to_ascii_uppercase()
        } else {
            first
        };
        let last = hay.len().checked_sub(self.bytes.len())?;
        let begins = |at: &usize| hay.get(*at).is_some_and(|b| *b == first || *b == other);
        (0..=last).filter(begins).find(|at| {
            let there = hay.get(*at..*at + self.bytes.len());
            there.is_some_and(|there| self.is(there))
        })
    }

    /// Whether it is these bytes.
    fn is(&self, bytes: &[u8]) -> bool {
        if self.letters {
            bytes.eq_ignore_ascii_case(self.bytes)
        } else {
            bytes == self.bytes
        }
    }

    /// Whether it could begin with these bytes and go on in others.
    fn begins_with(&self, bytes: &[u8]) -> bool {
        let begin = self.bytes.get(..bytes.len());
        begin.is_some_and(|begin| {
            Needle {
                bytes: begin,
                ..*self
            }
            .is(bytes)
        })
    }
}

#[cfg(test)]
mod tests;
