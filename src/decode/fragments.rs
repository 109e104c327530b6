//! Fragments on their way to the reassembly: what IPv4 and IPv6 have in common.

use super::reassembly::{Key, Piece};
use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, Fragment, LayerKind};

impl<'a> Walk<'a, '_> {
    /// Takes a fragment whose header `kind` is at `header` and whose part of the datagram is at
    /// `at`; `header_len` counts towards the longest datagram.
    pub(super) fn fragment(
        &mut self,
        (kind, header): (LayerKind, Span<'a>),
        at: Span<'a>,
        fragment: Fragment,
        header_len: u32,
    ) -> Next {
        if let Some(ip) = self.packet.ip {
            let key = Key {
                src: ip.src,
                dst: ip.dst,
                id: fragment.id,
                protocol: if ip.src.is_ipv4() {
                    fragment.protocol
                } else {
                    0
                },
                tunnel: self.packet.tunnel,
            };
            let piece = Piece {
                offset: fragment.offset,
                more: fragment.more,
                len: fragment.len,
                bytes: at.bytes,
                protocol: fragment.protocol,
                header_len,
            };
            let (datagram, fault) = self.reassembly.add(key, piece, self.time);
            if let Some(fault) = fault {
                self.problem(kind, header, fault);
            }
            if let Some(datagram) = datagram {
                self.set_protocol(datagram.protocol);
                self.completed = Some(datagram);
            }
        }
        self.done(Body::Fragment(fragment))
    }
}
