//! The name of a packet: `client data 3`, `server syn-ack 1`, `ack 5`, `packet 17`.
//!
//! # How packets are counted
//!
//! A number counts *matching* packets only, from 1, so nothing else on the wire can shift it: ARP and
//! IPv6 housekeeping don't change which one `client data 3` is, nor do connections to other ports
//! than [`super::Config::port`]. It counts *first transmissions*: a segment that carries nothing new
//! is no third data segment, whatever else was sent before it. New is what has not entered the wire
//! in this direction of this connection, by sequence numbers; a segment with new bytes and old ones
//! counts. What takes no sequence numbers (pure ACKs, RST, ARP, ICMP, UDP) is always new.
//!
//! # The grammar
//!
//! ```text
//! packet NUMBER                                            as it enters the wire, from 1
//! [connection N] [client|server] KIND WHICH [TIMES]
//! [connection N] [client|server] bytes FROM..TO [TIMES]    relative; TO itself is not among them
//!
//! KIND    syn, syn-ack, data, ack, fin, rst, segment, udp, icmp, arp, any
//! WHICH   3        the third
//!         2..4     the second, third and fourth
//!         2..      the second and all after it
//!         every    each one, retransmissions too
//! TIMES   x2       its first retransmission too
//!         every    all its retransmissions too
//! ```
//!
//! Without `client` or `server` it is either's, counted together. Without `connection` the number
//! counts over all connections: `client syn 2` opens the second one. With it, within the one that
//! was the Nth to appear.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::Side;

/// What a packet is. One can be several things: the last data of a connection often has the FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A TCP segment with SYN and without ACK.
    Syn,
    /// One with SYN and ACK.
    SynAck,
    /// One with payload.
    Data,
    /// A pure ACK: without payload, SYN, FIN and RST.
    Ack,
    /// One with FIN.
    Fin,
    /// One with RST.
    Rst,
    /// Any TCP segment.
    Segment,
    /// A UDP datagram.
    Udp,
    /// An ICMPv4 or ICMPv6 message; neighbor discovery is `any`, as ARP is no ICMP either.
    Icmp,
    /// An ARP packet.
    Arp,
    /// Any packet at all.
    Any,
}

/// Every kind, in the order of their numbers.
pub(super) const KINDS: [(Kind, &str); 11] = [
    (Kind::Syn, "syn"),
    (Kind::SynAck, "syn-ack"),
    (Kind::Data, "data"),
    (Kind::Ack, "ack"),
    (Kind::Fin, "fin"),
    (Kind::Rst, "rst"),
    (Kind::Segment, "segment"),
    (Kind::Udp, "udp"),
    (Kind::Icmp, "icmp"),
    (Kind::Arp, "arp"),
    (Kind::Any, "any"),
];

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        let entry = KINDS.iter().find(|(kind, _)| *kind == self);
        entry.map_or("", |(_, name)| name)
    }

    /// Whether it is about TCP, where connections and retransmissions are.
    pub const fn is_tcp(self) -> bool {
        !matches!(self, Self::Udp | Self::Icmp | Self::Arp | Self::Any)
    }
}

/// The name of a packet, or of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The one that was the Nth to enter the wire, from 1.
    Packet(u64),
    /// By what it is.
    Named {
        /// Only within the connection that was the Nth to appear, from 1.
        connection: Option<u64>,
        /// Only what this side sends.
        from: Option<Side>,
        /// What it is.
        what: What,
        /// How many transmissions of each packet are meant; `None`: every one.
        times: Option<NonZeroU32>,
    },
}

/// What is counted, and which of it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Packets of a kind, by number, from 1.
    Kind {
        /// The kind.
        kind: Kind,
        /// The first that is meant.
        first: u64,
        /// The last that is meant; `None`: there is none.
        last: Option<u64>,
    },
    /// Segments that carry any of these bytes. The SYN is number 0, the first byte of data 1; in a
    /// connection whose SYN did not pass, the first byte seen is 1.
    Bytes {
        /// The first byte.
        from: u64,
        /// The byte after the last.
        to: u64,
    },
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connection, from, what, times) = match *self {
            Self::Packet(number) => return write!(f, "packet {number}"),
            Self::Named {
                connection,
                from,
                what,
                times,
            } => (connection, from, what, times),
        };
        if let Some(connection) = connection {
            write!(f, "connection {connection} ")?;
        }
        if let Some(side) = from {
            write!(f, "{side} ")?;
        }
        match what {
            What::Kind { kind, first, last } => {
                write!(f, "{} ", kind.name())?;
                match last {
                    None if first == 1 && times.is_none() => return f.write_str("every"),
                    None => write!(f, "{first}..")?,
                    Some(last) if last == first => write!(f, "{first}")?,
                    Some(last) => write!(f, "{first}..{last}")?,
                }
            }
            What::Bytes { from, to } => write!(f, "bytes {from}..{to}")?,
        }
        match times {
            None => f.write_str(" every"),
            Some(NonZeroU32::MIN) => Ok(()),
            Some(times) => write!(f, " x{times}"),
        }
    }
}

/// A text that names no packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' names no packet: {problem}")]
pub struct SelectorError {
    /// The text.
    pub text: String,
    /// What is wrong with it, and how to write it.
    pub problem: String,
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut words = text.split_whitespace();
        parse(&mut words)
            .and_then(|selector| match words.next() {
                Some(word) => Err(format!("'{word}' is a word too many")),
                None => Ok(selector),
            })
            .map_err(|problem| SelectorError {
                text: text.to_owned(),
                problem,
            })
    }
}

type Words<'a> = std::str::SplitWhitespace<'a>;

fn parse(words: &mut Words<'_>) -> Result<Selector, String> {
    let mut word = words.next();
    if word == Some("packet") {
        return Ok(Selector::Packet(count(words.next())?));
    }
    let mut connection = None;
    if word == Some("connection") {
        connection = Some(count(words.next())?);
        word = words.next();
    }
    let mut from = None;
    for side in [Side::Client, Side::Server] {
        if from.is_none() && word == Some(side.name()) {
            from = Some(side);
            word = words.next();
        }
    }
    let names = KINDS.map(|(_, name)| name).join(", ");
    let name = word.ok_or_else(|| format!("say what it is: {names}, bytes"))?;
    let which = words.next();
    if name == "bytes" {
        let what = bytes(which)?;
        let times = times(words.next())?;
        return Ok(Selector::Named {
            connection,
            from,
            what,
            times,
        });
    }
    let &(kind, _) = KINDS
        .iter()
        .find(|(_, known)| *known == name)
        .ok_or_else(|| format!("'{name}' is none of {names}, bytes"))?;
    if connection.is_some() && !kind.is_tcp() {
        return Err(format!("'{name}' belongs to no connection"));
    }
    let ((first, last), again) = match which {
        Some("every") => ((1, None), None),
        which => (numbers(which)?, times(words.next())?),
    };
    Ok(Selector::Named {
        connection,
        from,
        what: What::Kind { kind, first, last },
        times: again,
    })
}

/// `3`.
fn count(word: Option<&str>) -> Result<u64, String> {
    let word = word.ok_or("a number is missing: the first is 1")?;
    match word.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("'{word}' is no number from 1 on")),
    }
}

/// `3`, `2..4`, `2..`.
fn numbers(word: Option<&str>) -> Result<(u64, Option<u64>), String> {
    let word = word.ok_or("say which: a number, a range such as 2..4, or every")?;
    let Some((first, last)) = word.split_once("..") else {
        let number = count(Some(word))?;
        return Ok((number, Some(number)));
    };
    let first = count(Some(first))?;
    if last.is_empty() {
        return Ok((first, None));
    }
    match count(Some(last))? {
        last if last < first => Err(format!("'{word}' ends before it begins")),
        last => Ok((first, Some(last))),
    }
}

/// `1000..2000`.
fn bytes(word: Option<&str>) -> Result<What, String> {
    let range = word.and_then(|word| word.split_once(".."));
    let range = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match range {
        Some((from, to)) if from < to => Ok(What::Bytes { from, to }),
        _ => Err("say which bytes, as in 1000..2000; the last is the one before 2000".to_owned()),
    }
}

/// Nothing, `every` or `x2`.
fn times(word: Option<&str>) -> Result<Option<NonZeroU32>, String> {
    match word {
        None => Ok(Some(NonZeroU32::MIN)),
        Some("every") => Ok(None),
        Some(word) => match word.strip_prefix('x').map(str::parse) {
            Some(Ok(times)) => Ok(Some(times)),
            _ => Err(format!(
                "'{word}' does not say how often: x2, or every for all retransmissions too"
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for text in [
            "client data 3",
            "server syn-ack 1",
            "client fin 1",
            "ack 5",
            "client data every",
            "client data 2..4",
            "client data 2..",
            "client data 3 x2",
            "client data 3 every",
            "client bytes 1000..2000",
            "bytes 0..1 every",
            "connection 2 server rst 1",
            "any 1..",
            "packet 17",
        ] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.to_string(), text);
        }
        let loose: Selector = "  client   data 3 x1 ".parse().unwrap();
        assert_eq!(loose.to_string(), "client data 3");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            (
                "",
                "say what it is: syn, syn-ack, data, ack, fin, rst, segment, udp, icmp, arp, any, bytes",
            ),
            (
                "client dta 3",
                "'dta' is none of syn, syn-ack, data, ack, fin, rst, segment, udp, icmp, arp, any, bytes",
            ),
            (
                "client data",
                "say which: a number, a range such as 2..4, or every",
            ),
            ("client data 0", "'0' is no number from 1 on"),
            ("client data 4..2", "'4..2' ends before it begins"),
            (
                "client bytes 5..5",
                "say which bytes, as in 1000..2000; the last is the one before 2000",
            ),
            (
                "data 3 twice",
                "'twice' does not say how often: x2, or every for all retransmissions too",
            ),
            ("data every x2", "'x2' is a word too many"),
            ("packet", "a number is missing: the first is 1"),
            ("connection 1 arp 1", "'arp' belongs to no connection"),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert_eq!(error.problem, problem, "{text}");
            let whole = format!("'{text}' names no packet: {problem}");
            assert_eq!(error.to_string(), whole);
        }
    }

    fn any_selector() -> impl Strategy<Value = Selector> {
        let side = prop::option::of(prop::sample::select(vec![Side::Client, Side::Server]));
        let kind = prop::sample::select(KINDS.map(|(kind, _)| kind).to_vec());
        let what = prop_oneof![
            (kind, 1..9_u64, prop::option::of(0..9_u64)).prop_map(|(kind, first, more)| {
                let last = more.map(|more| first + more);
                What::Kind { kind, first, last }
            }),
            (any::<u32>(), 1..9_u64).prop_map(|(from, len)| What::Bytes {
                from: from.into(),
                to: u64::from(from) + len
            }),
        ];
        let times = prop::option::of((1..5_u32).prop_map(|n| NonZeroU32::new(n).unwrap()));
        let named = (prop::option::of(1..9_u64), side, what, times).prop_map(
            |(connection, from, what, times)| {
                let of_tcp = match what {
                    What::Kind { kind, .. } => kind.is_tcp(),
                    What::Bytes { .. } => true,
                };
                Selector::Named {
                    connection: connection.filter(|_| of_tcp),
                    from,
                    what,
                    times,
                }
            },
        );
        prop_oneof![(1..99_u64).prop_map(Selector::Packet), named]
    }

    proptest! {
        #[test]
        fn every_name_survives_being_written(selector in any_selector()) {
            prop_assert_eq!(selector.to_string().parse(), Ok(selector));
        }

        #[test]
        fn no_text_is_too_odd(text in "(client|data|every|x|packet|bytes|[0-9]{1,22}|\\.\\.| |\\PC){0,12}") {
            let _ = text.parse::<Selector>();
        }
    }
}
