//! The outermost IP header of a frame, as a router reads and changes it (RFC 791 section 3.1,
//! RFC 8200 section 3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::checksum::Sum;

/// Bytes of an IPv4 header without options.
pub(super) const V4_LEN: usize = 20;
/// Bytes of an IPv6 header.
pub(super) const V6_LEN: usize = 40;

/// What routers look at. It is only made of a header that is whole and whose lengths fit the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes from the frame's start.
    pub(super) at: usize,
    pub(super) v6: bool,
    /// Bytes of the header, without IPv6's extensions.
    pub(super) len: usize,
    /// Bytes of header and payload.
    pub(super) total: usize,
    pub(super) ttl: u8,
    /// What follows; in IPv6 it may be an extension header.
    pub(super) protocol: u8,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// IPv4's flags and fragment offset.
    pub(super) fragment: u16,
}

/// IPv4's don't-fragment bit, in [`Header::fragment`].
pub(super) const DONT_FRAGMENT: u16 = 0x4000;
/// IPv4's more-fragments bit.
pub(super) const MORE_FRAGMENTS: u16 = 0x2000;
/// The bits of IPv4's fragment offset, in units of 8 bytes.
pub(super) const OFFSET: u16 = 0x1fff;

impl Header {
    /// The header at `at`; `None` when it is none that a router would forward.
    pub(super) fn read(frame: &[u8], at: usize) -> Option<Self> {
        let bytes = frame.get(at..)?;
        match bytes.first()? >> 4 {
            4 => Self::read_v4(bytes, at),
            6 => Self::read_v6(bytes, at),
            _ => None,
        }
    }

    fn read_v4(bytes: &[u8], at: usize) -> Option<Self> {
        let fixed = bytes.first_chunk::<V4_LEN>()?;
        let words = fixed.as_chunks::<4>().0;
        let &[
            [first, _, t0, t1],
            [_, _, f0, f1],
            [ttl, protocol, _, _],
            src,
            dst,
        ] = words
        else {
            return None;
        };
        let len = usize::from(first & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([t0, t1]));
        let header = bytes.get(..len).filter(|header| header.len() >= V4_LEN)?;
        let whole = total >= len && total <= bytes.len();
        let right = Sum::new().add_bytes(header).fold() == 0xffff;
        (whole && right).then_some(Self {
            at,
            v6: false,
            len,
            total,
            ttl,
            protocol,
            src: Ipv4Addr::from(src).into(),
            dst: Ipv4Addr::from(dst).into(),
            fragment: u16::from_be_bytes([f0, f1]),
        })
    }

    fn read_v6(bytes: &[u8], at: usize) -> Option<Self> {
        let fixed = bytes.first_chunk::<V6_LEN>()?;
        let &[_, _, _, _, l0, l1, protocol, ttl] = fixed.first_chunk()?;
        let src = fixed.get(8..)?.first_chunk::<16>()?;
        let dst = fixed.get(24..)?.first_chunk::<16>()?;
        let total = V6_LEN + usize::from(u16::from_be_bytes([l0, l1]));
        (total <= bytes.len()).then_some(Self {
            at,
            v6: true,
            len: V6_LEN,
            total,
            ttl,
            protocol,
            src: Ipv6Addr::from(*src).into(),
            dst: Ipv6Addr::from(*dst).into(),
            fragment: 0,
        })
    }

    /// Header and payload, without what pads the frame.
    pub(super) fn datagram<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        let end = self.at + self.total;
        frame.get(self.at..end).unwrap_or_default()
    }

    /// Whether it may be cut into fragments on the way.
    pub(super) const fn may_fragment(&self) -> bool {
        !self.v6 && self.fragment & DONT_FRAGMENT == 0
    }

    /// Whether a router would carry it to another link at all: not what is meant for one link
    /// (multicast of small scope, link-local addresses, broadcast), nor neighbor discovery, which
    /// must arrive with a hop limit of 255 (RFC 4861 section 6.1). The two hosts are on one link, in
    /// spite of the routers between them, and need these to find each other.
    pub(super) fn is_routed(&self, frame: &[u8]) -> bool {
        let local = |address: IpAddr| match address {
            IpAddr::V4(address) => {
                address.is_multicast()
                    || address.is_broadcast()
                    || address.is_link_local()
                    || address.is_unspecified()
            }
            IpAddr::V6(address) => {
                address.is_multicast()
                    || address.is_unicast_link_local()
                    || address.is_unspecified()
            }
        };
        let kind = self.icmp_type(frame);
        let discovery = self.v6 && kind.is_some_and(|kind| matches!(kind, 133..=137));
        !local(self.src) && !local(self.dst) && !discovery
    }

    /// Whether no ICMP error may answer it: because it is one itself, or a redirect, or a fragment
    /// other than the first (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4).
    pub(super) fn is_unanswerable(&self, frame: &[u8]) -> bool {
        if self.fragment & OFFSET != 0 {
            return true;
        }
        match self.icmp_type(frame) {
            // Queries and their replies are the ones that are no errors.
            Some(kind) if self.v6 => kind < 128 || kind == 137,
            Some(kind) => !matches!(kind, 0 | 8..=10 | 13..=18 | 30 | 42 | 43),
            None => false,
        }
    }

    /// The type of the ICMP message right after the header.
    fn icmp_type(&self, frame: &[u8]) -> Option<u8> {
        let number = if self.v6 { 58 } else { 1 };
        let icmp = self.protocol == number && self.fragment & OFFSET == 0;
        let payload = self.datagram(frame).get(self.len..)?;
        payload.first().copied().filter(|_| icmp)
    }

    /// Takes `hops` from the time to live of the header, and mends its checksum.
    pub(super) fn travel(&mut self, frame: &mut [u8], hops: u8) {
        self.ttl = self.ttl.saturating_sub(hops);
        let field = self.at + if self.v6 { 7 } else { 8 };
        if let Some(byte) = frame.get_mut(field) {
            *byte = self.ttl;
        }
        if !self.v6
            && let Some(header) = frame.get_mut(self.at..self.at + self.len)
        {
            seal(header);
        }
    }
}

/// Puts the right checksum into an IPv4 header.
pub(super) fn seal(header: &mut [u8]) {
    put(header, 10, 0);
    let checksum = Sum::new().add_bytes(header).checksum();
    put(header, 10, checksum);
}

/// Puts a number at `at`, where there is room for it.
pub(super) fn put(bytes: &mut [u8], at: usize, number: u16) {
    if let Some(field) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = number.to_be_bytes();
    }
}
