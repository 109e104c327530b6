//! IPv4 (RFC 791 section 3.1).

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Fault, Ip, LayerKind};
use crate::wire::checksum::Sum;

/// Bytes of a header without options.
const MIN_HEADER: u32 = 20;

impl<'a> Walk<'a, '_> {
    /// Reads an IPv4 header.
    pub(super) fn ipv4(&mut self, at: Span<'a>) -> Next<'a> {
        let header = match Ipv4HeaderSlice::from_slice(at.bytes) {
            Ok(header) => header,
            Err(error) => return self.ipv4_unreadable(at, &error),
        };
        let header_len = header.slice().len() as u32;
        self.layer(LayerKind::Ipv4, at, header_len);
        let protocol = header.protocol().0;
        self.packet.ip = Some(Ip {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
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
        if header.is_fragmenting_payload() {
            return self.done(Body::Other { protocol });
        }
        Next::Protocol(protocol, whole.skip(header_len))
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
        if total_len > at.wire {
            let fault = Fault::LengthBeyond {
                claimed: total_len,
                actual: at.wire,
            };
            self.problem(LayerKind::Ipv4, at, fault);
        }
        Some(at.limit(total_len))
    }

    /// Says why a header can't be read; keeps what is certain of one whose options were cut off.
    #[cold]
    fn ipv4_unreadable(&mut self, at: Span<'a>, error: &HeaderSliceError) -> Next<'a> {
        match error {
            HeaderSliceError::Len(error) => {
                self.too_short(LayerKind::Ipv4, at, error.required_len as u32);
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
