//! IGMP (RFC 1112 appendix I, RFC 2236, RFC 3376, RFC 9776).

use std::net::Ipv4Addr;

use super::walk::{Next, Walk};
use super::{Body, Checksum, Igmp, LayerKind};
use crate::wire::checksum::Sum;
use crate::wire::igmp;

/// Bytes that every message has.
const HEADER: u32 = igmp::LEN as u32;

impl Walk<'_, '_> {
    /// Reads an IGMP message.
    pub(super) fn igmp(&mut self) -> Next {
        let at = self.at;
        let Some(&[kind, time, _, _, r0, r1, r2, r3]) = at.array(0) else {
            self.too_short(LayerKind::Igmp, at, HEADER);
            return self.done(Body::Other {
                protocol: igmp::PROTOCOL,
            });
        };
        self.layer(LayerKind::Igmp, at, HEADER);
        let checksum = if at.is_cut() {
            Checksum::Unverified
        } else if Sum::new().add_bytes(at.bytes).fold() == 0xffff {
            Checksum::Good
        } else {
            Checksum::Bad
        };
        let first = at.array::<8>(8).filter(|_| kind == igmp::REPORT_3);
        let first = first.map(|&[kind, _, s0, s1, g0, g1, g2, g3]| {
            let sources = u16::from_be_bytes([s0, s1]);
            (kind, sources, Ipv4Addr::new(g0, g1, g2, g3))
        });
        let group = Ipv4Addr::new(r0, r1, r2, r3);
        let is_of_group = matches!(kind, igmp::QUERY | 0x12 | 0x16 | 0x17);
        self.done(Body::Igmp(Igmp {
            kind,
            name: igmp::name(kind),
            version: igmp::version(at.bytes),
            time,
            group: is_of_group.then_some(group),
            records: u16::from_be_bytes([r2, r3]),
            first,
            checksum,
        }))
    }
}
