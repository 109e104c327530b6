//! The checksum that TCP, UDP and ICMPv6 share (RFC 9293 section 3.1, RFC 8200 section 8.1), and
//! how offload shows in it.

use std::net::IpAddr;

use super::Checksum;
use super::span::Span;
use crate::wire::checksum::Sum;

/// Largest MTU of Ethernet equipment (jumbo frames). Loopback has a larger one, but leaves its
/// checksums undone.
const LONGEST_ON_A_LINK: u32 = 9_216;

/// The checksum field at `at` bytes from the transport header's start; zero if it wasn't captured.
#[inline]
pub(super) fn field(header: Span<'_>, at: usize) -> u16 {
    header.u16(at).unwrap_or(0)
}

/// The verdict, between these addresses, over the transport header and payload in `at`, whose checksum field holds `field`.
#[inline]
pub(super) fn checksum(
    (src, dst): (IpAddr, IpAddr),
    protocol: u8,
    at: Span<'_>,
    field: u16,
) -> Checksum {
    checksum_from(Sum::pseudo_header(src, dst, protocol, 0), at, field)
}

/// The same where the pseudo-header is summed already, all of it but the length.
#[inline]
pub(super) fn checksum_from(without_length: Sum, at: Span<'_>, field: u16) -> Checksum {
    if at.is_cut() {
        return Checksum::Unverified;
    }
    let pseudo = without_length.add_u32(at.wire);
    if pseudo.add_bytes(at.bytes).fold() == 0xffff {
        return Checksum::Good;
    }
    if is_partial(at.wire, pseudo, without_length, field) {
        Checksum::Partial
    } else {
        Checksum::Bad
    }
}

/// Whether the field holds only the sum of the pseudo-header, for the network card to go on from.
/// Cards that segment want the length left out, as it differs from segment to segment.
///
/// A segment too long for any link was never on one in this form: the card has merged several, and
/// the field is that of the first.
#[cold]
fn is_partial(len: u32, pseudo: Sum, without_length: Sum, field: u16) -> bool {
    len > LONGEST_ON_A_LINK || field == pseudo.fold() || field == without_length.fold()
}
