//! IPv4 (RFC 791 section 3.1).

use std::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Fault, Fragment, Ip, LayerKind};
use crate::wire::checksum::Sum;

/// Bytes of a header without options.
const MIN_HEADER: u32 = 20;

impl<'a> Walk<'a, '_> {
    /// Reads an IPv4 header.
    pub(super) fn ipv4(&mut self) -> Next {
        let at = self.at;
        let header = match Ipv4HeaderSlice::from_slice(at.bytes) {
            Ok(header) => header,
            Err(error) => return self.ipv4_unreadable(at, &error),
        };
        let header_len = header.slice().len() as u32;
        self.layer(LayerKind::Ipv4, at, header_len);
        let protocol = header.protocol().0;
        self.packet.ip = Some(Ip {
            src: header.source_addr().into(),
            dst: final_destination(header.options())
                .unwrap_or(header.destination_addr())
                .into(),
            ttl: header.ttl(),
            traffic_class: header.slice().get(1).copied().unwrap_or(0),
            id: Some(u32::from(header.identification())),
            dont_fragment: header.dont_fragment(),
            protocol,
            checksum: header_checksum(header.slice()),
        });
        let Some(whole) = self.ipv4_length(at, u32::from(header.total_len()), header_len) else {
            return self.done(Body::Other { protocol });
        };
        let payload = whole.skip(header_len);
        if header.is_fragmenting_payload() {
            let fragment = Fragment {
                id: u32::from(header.identification()),
                offset: u32::from(header.fragments_offset().value()) * 8,
                more: header.more_fragments(),
                len: payload.wire,
                protocol,
            };
            return self.fragment((LayerKind::Ipv4, at), payload, fragment, header_len);
        }
        self.go(Next::Protocol(protocol), payload)
    }

    /// The datagram without what pads the frame, by its total length.
    #[inline]
    fn ipv4_length(&mut self, at: Span<'a>, total_len: u32, header_len: u32) -> Option<Span<'a>> {
        if total_len == 0 {
            // Left to be filled in by segmentation offload, or too long for the field (BIG TCP):
            // the frame's own length is all there is.
            return Some(at);
        }
        if total_len < header_len {
            let fault = Fault::LengthBelowHeader {
                claimed: total_len,
                header: header_len,
            };
            self.problem(LayerKind::Ipv4, at, fault);
            return None;
        }
        Some(self.limit(LayerKind::Ipv4, at, at, total_len))
    }

    /// Says why a header can't be read; keeps what is certain of one whose options were cut off.
    #[cold]
    fn ipv4_unreadable(&mut self, at: Span<'a>, error: &HeaderSliceError) -> Next {
        match error {
            HeaderSliceError::Len(error) => {
                self.too_short(LayerKind::Ipv4, at, error.required_len as u32);
                if let Some(fixed) = at.array(0) {
                    let ip = fixed_header(fixed);
                    let protocol = ip.protocol;
                    self.packet.ip = Some(ip);
                    return self.done(Body::Other { protocol });
                }
            }
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                self.layer(LayerKind::Ipv4, at, MIN_HEADER);
                let fault = Fault::Version {
                    required: 4,
                    actual: *version_number,
                };
                self.problem(LayerKind::Ipv4, at, fault);
            }
            HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
                self.layer(LayerKind::Ipv4, at, MIN_HEADER);
                let fault = Fault::HeaderLength {
                    required: MIN_HEADER,
                    actual: u32::from(*ihl) * 4,
                };
                self.problem(LayerKind::Ipv4, at, fault);
            }
        }
        self.done(Body::NotIp { ethertype: 0x0800 })
    }
}

/// Where the packet will end up, when a source route has hops left (RFC 791 section 3.1, types 131
/// and 137): that address is the one in the checksum, as RFC 8200 section 8.1 has it for IPv6.
#[inline]
fn final_destination(options: &[u8]) -> Option<Ipv4Addr> {
    let mut rest = options;
    loop {
        match *rest {
            [] | [0, ..] => return None,
            [1, ..] => rest = rest.get(1..)?,
            [kind, len, ..] => {
                let option = rest.get(..usize::from(len))?;
                if let (131 | 137, &[_, _, pointer, ref route @ ..]) = (kind, option) {
                    // The pointer counts from 1, at the option's first byte.
                    let last = route.as_chunks::<4>().0.last()?;
                    return (pointer <= len).then_some(Ipv4Addr::from(*last));
                }
                rest = rest.get(usize::from(len).max(2)..)?;
            }
            [_] => return None,
        }
    }
}

/// What the first 20 bytes say of a header whose options were not all captured.
fn fixed_header(fixed: &[u8; MIN_HEADER as usize]) -> Ip {
    let [
        _,
        tos,
        _,
        _,
        i0,
        i1,
        flags,
        _,
        ttl,
        protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = *fixed;
    Ip {
        src: [s0, s1, s2, s3].into(),
        dst: [d0, d1, d2, d3].into(),
        ttl,
        traffic_class: tos,
        id: Some(u32::from(u16::from_be_bytes([i0, i1]))),
        dont_fragment: flags & 0x40 != 0,
        protocol,
        checksum: Checksum::Unverified,
    }
}

/// Whether the header's checksum is right.
#[inline]
pub(super) fn header_checksum(header: &[u8]) -> Checksum {
    if Sum::new().add_bytes(header).fold() == 0xffff {
        Checksum::Good
    } else if matches!(header, [_, _, _, _, _, _, _, _, _, _, 0, 0, ..]) {
        Checksum::Partial
    } else {
        Checksum::Bad
    }
}
