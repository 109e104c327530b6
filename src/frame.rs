//! A captured frame and the time it was seen: the one input of everything that is pure.
//!
//! Nothing behind this point reads a clock or a file, so a live run, a file and a simulated run
//! that carry the same frames give the same events.

use std::fmt;
use std::time::Duration;

use arrayvec::ArrayVec;

/// A moment, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it (captures do go backwards).
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Nanoseconds after `earlier`, zero when it is not after it.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Seconds since the epoch with nine decimals, as `contract.md` has it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}

impl std::str::FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (whole, part) = text.split_once('.')?;
            let nanos: u64 = part.parse().ok().filter(|_| part.len() == 9)?;
            let seconds: u64 = whole.parse().ok()?;
            seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
        };
        let expected = "a time is seconds since the epoch with nine decimals";
        parse().map(Self).ok_or(expected)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What the first bytes of a frame are: a `LINKTYPE_` number as registered at tcpdump.org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet II or IEEE 802.3.
    pub const ETHERNET: Self = Self(1);
    /// ARCNET as BSD captures it.
    pub const ARCNET: Self = Self(7);
    /// Point-to-point protocol with a 2-byte or HDLC-like header.
    pub const PPP: Self = Self(9);
    /// `DLT_RAW` as some systems numbered it in files.
    pub const RAW_12: Self = Self(12);
    /// `DLT_RAW` as OpenBSD numbered it in files.
    pub const RAW_14: Self = Self(14);
    /// An IPv4 or IPv6 header comes first; its version nibble tells which.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: like NULL, always in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// ARCNET as Linux captures it.
    pub const ARCNET_LINUX: Self = Self(129);
    /// An IPv4 header comes first.
    pub const IPV4: Self = Self(228);
    /// An IPv6 header comes first.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// One frame of a capture, borrowed from whatever read it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// 1-based number in the capture, as tcpdump and Wireshark count.
    pub number: u64,
    /// When the frame was captured.
    pub time: Timestamp,
    /// How the first bytes are to be read.
    pub link_type: LinkType,
    /// Index of the capturing interface in the capture's list, 0 where there is only one.
    pub interface: u32,
    /// Length on the wire in bytes; more than `bytes.len()` when the capture cut the frame short.
    pub original_len: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// The capture's comment on this frame (pcapng `opt_comment`), not yet escaped.
    pub comment: Option<&'a [u8]>,
}

/// Most frames that are taken at once: enough that waiting for memory overlaps.
pub const BATCH: usize = 16;

/// Frames that follow one another.
pub type Batch<'a> = ArrayVec<Frame<'a>, BATCH>;

impl Frame<'_> {
    /// Whether the capture cut this frame short (snaplen).
    pub const fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.original_len as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_with_nine_decimals() {
        assert_eq!(
            Timestamp::from_nanos(1_000_000_007).to_string(),
            "1.000000007"
        );
    }

    #[test]
    fn time_that_goes_backwards_is_no_time_at_all() {
        let (early, late) = (Timestamp::from_nanos(5), Timestamp::from_nanos(9));
        assert_eq!(late.since(early), Duration::from_nanos(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
