//! AH and ESP: the authentication header is read through (RFC 4302 section 2), an encrypted payload ends
//! the walk (RFC 4303 section 2).

use etherparse::IpAuthHeaderSlice;
use etherparse::err::ip_auth::{HeaderError, HeaderSliceError};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Esp, Fault, LayerKind};

/// Bytes of an authentication header without integrity value.
const MIN_AH: u32 = 12;

impl<'a> Walk<'a, '_> {
    /// Reads an authentication header; what it protects is in the clear.
    pub(super) fn ah(&mut self, at: Span<'a>) -> Next<'a> {
        let header = match IpAuthHeaderSlice::from_slice(at.bytes) {
            Ok(header) => header,
            Err(HeaderSliceError::Len(error)) => {
                self.too_short(LayerKind::Ah, at, error.required_len as u32);
                return self.done(Body::Other { protocol: 51 });
            }
            Err(HeaderSliceError::Content(HeaderError::ZeroPayloadLen)) => {
                self.layer(LayerKind::Ah, at, MIN_AH);
                let fault = Fault::HeaderLength {
                    required: MIN_AH,
                    actual: 8,
                };
                self.problem(LayerKind::Ah, at, fault);
                return self.done(Body::Other { protocol: 51 });
            }
        };
        let len = header.slice().len() as u32;
        let next = header.next_header().0;
        self.layer(LayerKind::Ah, at, len);
        self.set_protocol(next);
        Next::Protocol(next, at.skip(len))
    }

    /// Reads what is in the clear of an encrypted payload.
    pub(super) fn esp(&mut self, at: Span<'a>) -> Next<'a> {
        let Some(&[s0, s1, s2, s3, n0, n1, n2, n3]) = at.array(0) else {
            self.too_short(LayerKind::Esp, at, 8);
            return self.done(Body::Other { protocol: 50 });
        };
        self.layer(LayerKind::Esp, at, 8);
        self.done(Body::Esp(Esp {
            spi: u32::from_be_bytes([s0, s1, s2, s3]),
            seq: u32::from_be_bytes([n0, n1, n2, n3]),
        }))
    }

    /// The IP header's payload is `protocol`, as an extension header says.
    pub(super) fn set_protocol(&mut self, protocol: u8) {
        if let Some(ip) = &mut self.packet.ip {
            ip.protocol = protocol;
        }
    }
}
