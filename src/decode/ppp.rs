//! PPP (RFC 1661 section 2, RFC 1662 section 3.1) and PPP over Ethernet (RFC 2516 section 4).

use super::walk::{Next, Walk};
use super::{Body, Fault, LayerKind};

/// Bytes of a PPPoE header.
const PPPOE: u32 = 6;

impl Walk<'_, '_> {
    /// Reads a PPP header: address and control where they were not compressed away, then a protocol
    /// number of two bytes, or of one when it is odd.
    pub(super) fn ppp(&mut self) -> Next {
        let at = self.at;
        let framing = if at.bytes.starts_with(&[0xff, 0x03]) {
            2
        } else {
            0
        };
        let (protocol, len) = match at.bytes.get(framing as usize..) {
            Some([short, ..]) if short & 1 == 1 => (u16::from(*short), framing + 1),
            Some([high, low, ..]) => (u16::from_be_bytes([*high, *low]), framing + 2),
            _ => {
                self.too_short(LayerKind::Ppp, at, framing + 2);
                return Next::Done;
            }
        };
        self.layer(LayerKind::Ppp, at, len);
        self.go(Next::Ppp(protocol), at.skip(len))
    }

    /// What a PPP protocol number names (IANA's PPP numbers).
    pub(super) fn ppp_protocol(&mut self, protocol: u16) -> Next {
        match protocol {
            0x0021 => self.ipv4(),
            0x0057 => self.ipv6(),
            0x0281 | 0x0283 => self.mpls(),
            _ => self.done(Body::NotIp { ethertype: 0x880b }),
        }
    }

    /// Reads a PPPoE session header.
    pub(super) fn pppoe(&mut self) -> Next {
        let at = self.at;
        self.packet.body = Body::NotIp { ethertype: 0x8864 };
        let Some(&[version_type, code, _, _, l0, l1]) = at.array(0) else {
            self.too_short(LayerKind::Pppoe, at, PPPOE);
            return Next::Done;
        };
        self.layer(LayerKind::Pppoe, at, PPPOE);
        if version_type != 0x11 || code != 0 {
            let fault = Fault::Version {
                required: 0x11,
                actual: version_type,
            };
            self.problem(LayerKind::Pppoe, at, fault);
            return Next::Done;
        }
        let len = u32::from(u16::from_be_bytes([l0, l1]));
        self.at = self.limit(LayerKind::Pppoe, at, at.skip(PPPOE), len);
        self.ppp()
    }
}
