//! IPv6 (RFC 8200 section 3) and its extension headers (section 4).

use std::net::{IpAddr, Ipv6Addr};

use etherparse::err::ipv6::{HeaderError, HeaderSliceError};
use etherparse::{Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Fault, Fragment, Ip, LayerKind};

/// Bytes of the fixed header, and of a fragment header.
const HEADER: u32 = 40;
const FRAGMENT_HEADER: u32 = 8;
/// Protocol numbers of extension headers.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
/// Option types.
const JUMBO_PAYLOAD: u8 = 0xc2;
const HOME_ADDRESS: u8 = 0xc9;

impl<'a> Walk<'a, '_> {
    /// Whether the innermost IP header is IPv6.
    pub(super) fn in_ipv6(&self) -> bool {
        self.packet.ip.is_some_and(|ip| ip.src.is_ipv6())
    }

    /// Reads an IPv6 header.
    pub(super) fn ipv6(&mut self) -> Next {
        let at = self.at;
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
        if protocol == HOP_BY_HOP {
            // The only place a hop-by-hop header may stand, and the one that may hold the length.
            let jumbo = (payload_len == 0).then(|| jumbo_length(payload)).flatten();
            if payload_len > 0 || jumbo.is_some() {
                let claimed = jumbo.unwrap_or(payload_len);
                payload = self.limit(LayerKind::Ipv6, at, payload, claimed);
            }
            self.at = payload;
            return self.ipv6_options(protocol);
        }
        if payload_len > 0 || protocol == NO_NEXT_HEADER {
            payload = self.limit(LayerKind::Ipv6, at, payload, payload_len);
        }
        // Otherwise zero means that segmentation offload will fill it in, or that the packet is too
        // long for the field (BIG TCP): the frame's own length is all there is.
        self.go(Next::Protocol(protocol), payload)
    }

    /// Says why a header can't be read.
    #[cold]
    fn ipv6_unreadable(&mut self, at: Span<'a>, error: &HeaderSliceError) -> Next {
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

    /// Reads an extension header of the common shape: next header, length in 8 bytes less one.
    pub(super) fn ipv6_extension(&mut self, protocol: u8) -> Next {
        let at = self.at;
        if protocol == HOP_BY_HOP {
            let fault = Fault::Misplaced { header: protocol };
            self.problem(LayerKind::Ipv6Extension, at, fault);
        }
        self.ipv6_options(protocol)
    }

    fn ipv6_options(&mut self, protocol: u8) -> Next {
        let at = self.at;
        let header = match Ipv6RawExtHeaderSlice::from_slice(at.bytes) {
            Ok(header) => header,
            Err(error) => {
                self.too_short(LayerKind::Ipv6Extension, at, error.required_len as u32);
                return self.done(Body::Other { protocol });
            }
        };
        let bytes = header.slice();
        let len = bytes.len() as u32;
        self.layer(LayerKind::Ipv6Extension, at, len);
        if let Some(ip) = &mut self.packet.ip {
            match protocol {
                ROUTING => {
                    if let Some(dst) = final_destination(bytes, ip.dst) {
                        ip.dst = dst.into();
                    }
                }
                DESTINATION_OPTIONS => {
                    if let Some(home) = option(bytes, HOME_ADDRESS) {
                        ip.src = Ipv6Addr::from(home).into();
                    }
                }
                _ => {}
            }
        }
        let next = header.next_header().0;
        self.set_protocol(next);
        self.go(Next::Protocol(next), at.skip(len))
    }

    /// Reads a fragment header; one that stands for the whole datagram is passed over (RFC 6946).
    pub(super) fn ipv6_fragment(&mut self) -> Next {
        let at = self.at;
        let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(at.bytes) else {
            self.too_short(LayerKind::Ipv6Extension, at, FRAGMENT_HEADER);
            return self.done(Body::Other { protocol: FRAGMENT });
        };
        self.layer(LayerKind::Ipv6Extension, at, FRAGMENT_HEADER);
        let next = header.next_header().0;
        let id = header.identification();
        if let Some(ip) = &mut self.packet.ip {
            ip.id = Some(id);
            ip.protocol = next;
        }
        let payload = at.skip(FRAGMENT_HEADER);
        if !header.is_fragmenting_payload() {
            return self.go(Next::Protocol(next), payload);
        }
        let fragment = Fragment {
            id,
            offset: u32::from(header.fragment_offset().value()) * 8,
            more: header.more_fragments(),
            len: payload.wire,
            protocol: next,
        };
        self.fragment((LayerKind::Ipv6Extension, at), payload, fragment, 0)
    }
}

/// The data of option `wanted` in the options of a hop-by-hop or destination options header
/// (RFC 8200 section 4.2), when it is as long as it should be.
fn option<const N: usize>(header: &[u8], wanted: u8) -> Option<[u8; N]> {
    let mut rest = header.get(2..)?;
    loop {
        match *rest {
            // Pad1, the only option without a length.
            [0, ..] => rest = rest.get(1..)?,
            [kind, len, ..] => {
                let len = usize::from(len);
                if kind == wanted && len == N {
                    return rest.get(2..).and_then(<[u8]>::first_chunk).copied();
                }
                rest = rest.get(2 + len..)?;
            }
            _ => return None,
        }
    }
}

/// Payload length by the jumbo payload option of the hop-by-hop header at `at` (RFC 2675
/// section 2).
fn jumbo_length(at: Span<'_>) -> Option<u32> {
    let header = Ipv6RawExtHeaderSlice::from_slice(at.bytes).ok()?;
    option(header.slice(), JUMBO_PAYLOAD).map(u32::from_be_bytes)
}

/// Where the packet will end up, when its routing header has segments left: that address is the
/// one in the checksum (RFC 8200 section 8.1).
fn final_destination(header: &[u8], dst: IpAddr) -> Option<Ipv6Addr> {
    let &[_, _, kind, segments_left, ..] = header else {
        return None;
    };
    if segments_left == 0 {
        return None;
    }
    match kind {
        // Types 0 (RFC 5095) and 2 (RFC 6275): addresses after 8 bytes, the last one is final.
        0 | 2 => header.get(8..)?.as_chunks::<16>().0.last().copied(),
        // Segment routing (RFC 8754): the list is backwards.
        4 => header.get(8..).and_then(<[u8]>::first_chunk).copied(),
        3 => rpl_destination(header, dst),
        _ => None,
    }
    .map(Ipv6Addr::from)
}

/// The last address of an RPL source route (RFC 6554 section 3): the bytes it shares with the
/// destination are left out.
fn rpl_destination(header: &[u8], dst: IpAddr) -> Option<[u8; 16]> {
    let IpAddr::V6(dst) = dst else {
        return None;
    };
    let &[_, _, _, _, elided, pad, ..] = header else {
        return None;
    };
    let elided = usize::from(elided & 0x0f);
    let end = header.len().checked_sub(usize::from(pad >> 4))?;
    let start = end.checked_sub(16 - elided)?;
    let tail = header.get(start.max(8)..end)?;
    let mut address = dst.octets();
    let place = address.get_mut(elided..)?;
    (place.len() == tail.len()).then(|| place.copy_from_slice(tail))?;
    Some(address)
}
