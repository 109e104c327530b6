//! IPv6 (RFC 8200 section 3).

use etherparse::Ipv6HeaderSlice;
use etherparse::err::ipv6::{HeaderError, HeaderSliceError};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Fault, Ip, LayerKind};

/// Bytes of the fixed header.
const HEADER: u32 = 40;

impl<'a> Walk<'a, '_> {
    /// Reads an IPv6 header.
    pub(super) fn ipv6(&mut self, at: Span<'a>) -> Next<'a> {
        let header = match Ipv6HeaderSlice::from_slice(at.bytes) {
            Ok(header) => header,
            Err(error) => return self.ipv6_unreadable(at, &error),
        };
        self.layer(LayerKind::Ipv6, at, HEADER);
        let protocol = header.next_header().0;
        self.packet.ip = Some(Ip {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
            ttl: header.hop_limit(),
            traffic_class: header.traffic_class(),
            id: None,
            dont_fragment: true,
            protocol,
            checksum: Checksum::Absent,
        });
        let payload_len = u32::from(header.payload_length());
        let mut payload = at.skip(HEADER);
        if payload_len > payload.wire {
            let fault = Fault::LengthBeyond {
                claimed: payload_len,
                actual: payload.wire,
            };
            self.problem(LayerKind::Ipv6, at, fault);
        } else if payload_len > 0 {
            payload = payload.limit(payload_len);
        }
        Next::Protocol(protocol, payload)
    }

    /// Says why a header can't be read.
    #[cold]
    fn ipv6_unreadable(&mut self, at: Span<'a>, error: &HeaderSliceError) -> Next<'a> {
        match error {
            HeaderSliceError::Len(_) => self.too_short(LayerKind::Ipv6, at, HEADER),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                self.layer(LayerKind::Ipv6, at, HEADER);
                let fault = Fault::Version {
                    required: 6,
                    actual: *version_number,
                };
                self.problem(LayerKind::Ipv6, at, fault);
            }
        }
        self.done(Body::NotIp { ethertype: 0x86dd })
    }
}
