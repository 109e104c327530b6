//! MPLS label stacks (RFC 3032 section 2.1) and the Ethernet that may follow them (RFC 4448).

use super::walk::{Next, Walk};
use super::{Body, LayerKind};

/// Bytes of one stack entry, and of a pseudowire's control word.
const ENTRY: u32 = 4;
/// Smallest Ethernet header.
const ETHERNET: usize = 14;

impl Walk<'_, '_> {
    /// Reads one label stack entry. Labels don't count as a tunnel: each direction has its own.
    pub(super) fn mpls(&mut self) -> Next {
        let at = self.at;
        let unknown = Body::NotIp { ethertype: 0x8847 };
        let Some(&[_, _, bottom, _]) = at.array(0) else {
            self.too_short(LayerKind::Mpls, at, ENTRY);
            return self.done(unknown);
        };
        self.layer(LayerKind::Mpls, at, ENTRY);
        let inner = at.skip(ENTRY);
        if bottom & 1 == 0 {
            return self.go(Next::EtherType(0x8847), inner);
        }
        // Nothing names what follows the last label: the first nibble is all there is to go by.
        match inner.bytes.first().map(|first| first >> 4) {
            Some(4 | 6) => self.go(Next::Ip, inner),
            Some(0) if inner.bytes.len() >= ENTRY as usize + ETHERNET => {
                self.layer(LayerKind::ControlWord, inner, ENTRY);
                self.go(Next::Ethernet, inner.skip(ENTRY))
            }
            _ => self.done(unknown),
        }
    }
}
