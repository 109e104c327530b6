//! What can be looked for among rows.

mod parse;

use std::net::IpAddr;

use crate::event::{Event, Host, Kept, Kind, Segment};
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
    /// Whether that row is one.
    pub fn fits(&self, row: &Kept) -> bool {
        match self {
            Self::Frame(host, frame) => row.shows(*host, *frame),
            Self::Bytes(bytes) => has_payload(row, |payload| contains(payload, bytes, false)),
            Self::Letters(bytes) => has_payload(row, |payload| contains(payload, bytes, true)),
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

    fn fits_segment(&self, s: &Segment<'_>, row: &Kept) -> bool {
        match self {
            Self::Event => {
                let turns = s.flags.syn() || s.flags.fin() || s.flags.rst();
                turns || !row.notes.is_empty()
            }
            Self::Problem => row.notes.iter().any(|note| note.kind.is_trouble()),
            Self::Noted => !row.notes.is_empty(),
            Self::Note(kind) => row.notes.iter().any(|note| note.kind == *kind),
            Self::Flags(flags) => s.flags.has(*flags),
            Self::AnyFlow => true,
            Self::Flow(flow) => s.flow == *flow,
            Self::Seq(number) => {
                let covers = |first: u32| number.wrapping_sub(first) < s.seq_len().max(1);
                covers(s.seq) || covers(s.seq_raw)
            }
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

fn contains(hay: &[u8], needle: &[u8], letters: bool) -> bool {
    !needle.is_empty()
        && hay.windows(needle.len()).any(|window| {
            if letters {
                window.eq_ignore_ascii_case(needle)
            } else {
                window == needle
            }
        })
}

#[cfg(test)]
mod tests;
