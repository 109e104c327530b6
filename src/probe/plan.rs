//! What a run of echo requests is to be.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;
use std::{fmt, iter};

use crate::wire::echo;

/// Bytes at the beginning of the data that hold the request's count, where there is room for them.
const TAG: usize = 8;
/// Where in the ICMP message the bytes are that no other run has.
const NONCE: Range<usize> = echo::HEADER + TAG..echo::HEADER + TAG + 8;
/// So many of them are not damaged at once: then they are somebody else's.
const OTHERS: usize = 4;

/// Each byte its own offset.
const OFFSETS: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

/// What the data of a request is filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// Most bytes of a pattern, as iputils has it.
    pub const LONGEST: usize = 16;

    /// These bytes over and over; none: each byte is its own offset, as iputils fills.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Reads hexadecimal digits, two a byte; one alone is a byte as well.
    ///
    /// # Errors
    ///
    /// In words, when there is none, one is no digit, or there are too many.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!(
                "'{}' is no pattern: give hexadecimal digits, as in ff00",
                text.escape_debug()
            ));
        }
        let digits: Vec<u8> = text
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        if bytes.len() > Self::LONGEST {
            return Err(format!(
                "a pattern has at most {} bytes, this one {}",
                Self::LONGEST,
                bytes.len()
            ));
        }
        Ok(Self(bytes))
    }

    /// Appends so many bytes of data. It is done twice for each request, so in as few pieces as can be.
    fn fill(&self, out: &mut Vec<u8>, size: usize) {
        let piece = if self.0.is_empty() {
            &OFFSETS
        } else {
            &*self.0
        };
        let end = out.len() + size;
        while out.len() < end {
            let left = end - out.len();
            out.extend_from_slice(piece.get(..left).unwrap_or(piece));
        }
    }
}

/// As hexadecimal digits.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// When the next request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// One every interval.
    #[default]
    Steady,
    /// When the last one is answered, or the interval is over; never sooner than `least` after the last.
    Adaptive {
        /// Shortest time between two.
        least: Duration,
    },
    /// When the last one is answered, or the interval is over.
    Flood,
}

/// What a run of echo requests to one host is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who is asked.
    pub target: IpAddr,
    /// The address of this host that requests leave from; the checksum of ICMPv6 covers it.
    pub source: Option<IpAddr>,
    /// Whether `target` is a group or a broadcast address, which others answer for.
    pub many: bool,
    /// The identifier that is on the wire.
    pub id: u16,
    /// The identifier that is written; another one where the kernel puts in its own.
    pub written_id: u16,
    /// Eight bytes that no other run has. Two programs can have the same identifier; where there is room for
    /// these in the data, they are told apart.
    pub nonce: Option<[u8; 8]>,
    /// What the data holds.
    pub pattern: Pattern,
    /// Bytes of data.
    pub size: usize,
    /// End after so many: requests, or with a deadline, answered requests.
    pub count: Option<u64>,
    /// When the next is made.
    pub pace: Pace,
    /// Time from one request to the next.
    pub interval: Duration,
    /// How long a reply may take; `None`: twice the longest that was seen, at least a second, and ten
    /// seconds before anything was seen.
    pub timeout: Option<Duration>,
    /// When to end whatever came.
    pub deadline: Option<Duration>,
    /// The TTL or hop limit that requests leave with.
    pub ttl: u8,
    /// The DSCP and ECN bits that requests leave with.
    pub tos: u8,
    /// So many requests may be under way before the pace counts, at least 1.
    pub preload: u32,
    /// Whether messages that settle nothing are told as well.
    pub verbose: bool,
}

impl Plan {
    /// Requests of the usual size to that host, once a second.
    pub fn new(target: IpAddr, id: u16) -> Self {
        Self {
            target,
            source: None,
            many: false,
            id,
            written_id: id,
            nonce: None,
            pattern: Pattern::default(),
            size: 56,
            count: None,
            pace: Pace::Steady,
            interval: Duration::from_secs(1),
            timeout: None,
            deadline: None,
            ttl: 64,
            tos: 0,
            preload: 1,
            verbose: false,
        }
    }

    /// Whether it is about ICMPv6.
    pub const fn is_v6(&self) -> bool {
        self.target.is_ipv6()
    }

    /// Writes an echo message of that type with the data of request `count`.
    pub(super) fn write(&self, message: &mut Vec<u8>, kind: u8, id: u16, count: u64) {
        // The low bits of the count: after 65535 comes 0.
        echo::emit(message, kind, id, count as u16, iter::empty());
        self.pattern.fill(message, self.size);
        if self.size >= TAG
            && let Some(tag) = message.get_mut(echo::HEADER..echo::HEADER + TAG)
        {
            tag.copy_from_slice(&count.to_be_bytes());
        }
        if let (Some(nonce), Some(field)) = (self.nonce, message.get_mut(NONCE)) {
            field.copy_from_slice(&nonce);
        }
    }

    /// Writes request `count` as it is on the wire; its checksum stays zero where it isn't known.
    pub(super) fn write_request(&self, message: &mut Vec<u8>, count: u64) {
        self.write(message, echo::request(self.is_v6()), self.id, count);
        if self.knows_checksum() {
            echo::seal(message, self.ends());
        }
    }

    /// Whether everything is known that the checksum of a request covers.
    pub(super) const fn knows_checksum(&self) -> bool {
        !self.is_v6() || self.source.is_some()
    }

    /// The count that the data of a message has, where there is room for one.
    pub(super) fn tag_of(&self, message: echo::Echo<'_>) -> Option<u64> {
        let tag = message.data.get(..TAG).filter(|_| self.size >= TAG)?;
        Some(u64::from_be_bytes(tag.try_into().ok()?))
    }

    /// Whether a message with our identifier is of another run all the same.
    pub(super) fn is_of_others(&self, message: &[u8]) -> bool {
        let (Some(nonce), Some(found)) = (self.nonce, message.get(NONCE)) else {
            return false;
        };
        let fits = self.size >= NONCE.end - echo::HEADER;
        fits && nonce.iter().zip(found).filter(|(a, b)| a != b).count() >= OTHERS
    }

    /// What the checksum of a request covers besides itself; `None` for IPv4.
    pub(super) fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.is_v6().then_some(())?;
        Some((self.source?, self.target))
    }
}
