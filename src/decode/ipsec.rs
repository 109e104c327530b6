//! AH, ESP and `IPComp`: the authentication header is read through (RFC 4302 section 2), an
//! encrypted payload ends the walk (RFC 4303 section 2), a compressed one is inflated (RFC 3173,
//! RFC 2394).

use etherparse::IpAuthHeaderSlice;
use etherparse::err::ip_auth::{HeaderError, HeaderSliceError};

use flate2::{Decompress, FlushDecompress, Status};

use super::reassembly::Datagram;
use super::walk::{Next, Walk};
use super::{Body, Esp, Fault, LayerKind};

/// Bytes of an authentication header without integrity value.
const MIN_AH: u32 = 12;
/// Compression parameter index of DEFLATE (RFC 2394 section 3.2).
const DEFLATE: u16 = 2;
/// Longest payload an IP datagram can have.
const MAX_INFLATED: usize = 65_535;

impl Walk<'_, '_> {
    /// Reads an authentication header; what it protects is in the clear.
    pub(super) fn ah(&mut self) -> Next {
        let at = self.at;
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
        self.go(Next::Protocol(next), at.skip(len))
    }

    /// Reads what is in the clear of an encrypted payload.
    pub(super) fn esp(&mut self) -> Next {
        let at = self.at;
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

    /// Reads a payload that was compressed, when it was with DEFLATE and captured whole; what comes
    /// out is walked next, as a datagram put together from fragments is.
    pub(super) fn ipcomp(&mut self) -> Next {
        let at = self.at;
        let body = Body::Other { protocol: 108 };
        let Some(&[protocol, _, i0, i1]) = at.array(0) else {
            self.too_short(LayerKind::Ipcomp, at, 4);
            return self.done(body);
        };
        self.layer(LayerKind::Ipcomp, at, 4);
        // Indexes below 256 name an algorithm; those above were agreed on by the two ends, and
        // DEFLATE is the likely one. If it is not, inflating fails and the walk ends here.
        let index = u16::from_be_bytes([i0, i1]);
        let compressed = at.skip(4);
        if (index == DEFLATE || index >= 256)
            && !compressed.is_cut()
            && let Some(bytes) = inflate(compressed.bytes)
        {
            self.set_protocol(protocol);
            self.completed = Some(Datagram {
                len: bytes.len() as u32,
                bytes,
                protocol,
                fragments: 0,
            });
        }
        self.done(body)
    }

    /// The IP header's payload is `protocol`, as an extension header says.
    pub(super) fn set_protocol(&mut self, protocol: u8) {
        if let Some(ip) = &mut self.packet.ip {
            ip.protocol = protocol;
        }
    }
}

/// The inflated bytes, if that is what they are and they fit in a datagram. Its tables take 40 KB of
/// stack, which no other packet shall pay for.
#[cold]
#[inline(never)]
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::with_capacity(MAX_INFLATED);
    let status =
        Decompress::new(false).decompress_vec(bytes, &mut inflated, FlushDecompress::Finish);
    matches!(status, Ok(Status::StreamEnd)).then_some(inflated)
}
