//! GRE (RFC 2784, key and sequence number RFC 2890), its PPTP variant (RFC 2637 section 4.1), and
//! Ethernet in IP (RFC 3378).

use super::tunnel::Kind;
use super::walk::{Next, Walk};
use super::{Body, Fault, LayerKind};

/// The protocol number.
const PROTOCOL: u8 = 47;
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// PPTP only: an acknowledgment number follows.
const ACKNOWLEDGMENT: u16 = 0x0080;

impl Walk<'_, '_> {
    /// Reads a GRE header.
    pub(super) fn gre(&mut self) -> Next {
        let at = self.at;
        self.packet.body = Body::Other { protocol: PROTOCOL };
        let (Some(flags), Some(protocol)) = (at.u16(0), at.u16(2)) else {
            self.too_short(LayerKind::Gre, at, 4);
            return Next::Done;
        };
        let has = |bit: u16| u32::from(flags & bit != 0) * 4;
        let version = (flags & 7) as u8;
        let (len, key) = match version {
            0 => {
                let key_at = 4 + has(CHECKSUM | ROUTING);
                let key = (flags & KEY != 0).then(|| at.array(key_at as usize));
                (key_at + has(KEY) + has(SEQUENCE), key.flatten().copied())
            }
            // The key holds the call, which differs by direction: the two ends must do.
            1 => (8 + has(SEQUENCE) + has(ACKNOWLEDGMENT), None),
            _ => {
                self.layer(LayerKind::Gre, at, 4);
                let fault = Fault::Version {
                    required: 0,
                    actual: version,
                };
                self.problem(LayerKind::Gre, at, fault);
                return Next::Done;
            }
        };
        if at.bytes.len() < len as usize {
            self.too_short(LayerKind::Gre, at, len);
            return Next::Done;
        }
        self.layer(LayerKind::Gre, at, len);
        if version == 0 && flags & ROUTING != 0 {
            // Source routes (RFC 1701) are long gone from use, and of no length known here.
            return Next::Done;
        }
        self.enter_tunnel(Kind::Gre, key.map(u32::from_be_bytes));
        self.at = at.skip(len);
        match protocol {
            0x6558 => Next::Ethernet,
            0x880b => self.ppp(),
            // ERSPAN: type I has no header of its own and no sequence number.
            0x88be if flags & SEQUENCE == 0 => Next::Ethernet,
            0x88be => self.erspan(8),
            0x22eb => self.erspan(12),
            _ => Next::EtherType(protocol),
        }
    }

    /// Reads the header of a mirrored Ethernet frame, types II (8 bytes) and III (12, and 8 more
    /// with the platform bit set).
    fn erspan(&mut self, len: u32) -> Next {
        let at = self.at;
        let platform = len == 12 && at.bytes.get(11).is_some_and(|last| last & 1 == 1);
        let len = len + u32::from(platform) * 8;
        if at.bytes.len() < len as usize {
            self.too_short(LayerKind::Erspan, at, len);
            return Next::Done;
        }
        self.layer(LayerKind::Erspan, at, len);
        self.go(Next::Ethernet, at.skip(len))
    }

    /// Reads the two bytes that Ethernet in IP puts first.
    pub(super) fn etherip(&mut self) -> Next {
        let at = self.at;
        self.packet.body = Body::Other { protocol: 97 };
        let Some(&[version, _]) = at.array(0) else {
            self.too_short(LayerKind::EtherIp, at, 2);
            return Next::Done;
        };
        if version >> 4 != 3 {
            let fault = Fault::Version {
                required: 3,
                actual: version >> 4,
            };
            self.problem(LayerKind::EtherIp, at, fault);
            return Next::Done;
        }
        self.layer(LayerKind::EtherIp, at, 2);
        self.enter_tunnel(Kind::EtherIp, None);
        self.go(Next::Ethernet, at.skip(2))
    }
}
