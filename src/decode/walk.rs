//! The walk from the first header of a frame to the innermost: what every layer's reader shares.

use super::reassembly::{Datagram, Reassembly};
use super::span::Span;
use super::{Body, Fault, Layer, LayerKind, Packet, Problem, Reassembled};
use crate::frame::Timestamp;

/// What comes next, as the header just read says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// An Ethernet header.
    Ethernet,
    /// Whatever an Ethernet type number names.
    EtherType(u16),
    /// Whatever a PPP protocol number names.
    Ppp(u16),
    /// IPv4 or IPv6, as its version nibble tells.
    Ip,
    /// Whatever an IP protocol number names.
    Protocol(u8),
    /// Nothing: the body is reached, or reading can't go on.
    Done,
}

/// A packet in the making.
#[derive(Debug)]
pub(super) struct Walk<'a, 'p> {
    /// Where the header to be read begins. It is kept here and not handed from reader to reader:
    /// copying it between the two costs more than reading a header.
    pub(super) at: Span<'a>,
    /// What is known so far.
    pub(super) packet: &'p mut Packet<'a>,
    /// Where fragments wait for each other.
    pub(super) reassembly: &'p mut Reassembly,
    /// When the frame was captured.
    pub(super) time: Timestamp,
    /// Where the headers go that a packet has no room for, if somebody wants them.
    pub(super) beyond: Option<Vec<Layer>>,
    /// The datagram this frame completed, to be walked next.
    pub(super) completed: Option<Datagram>,
}

impl<'a, 'p> Walk<'a, 'p> {
    /// Starts with nothing known.
    pub(super) fn new(
        at: Span<'a>,
        packet: &'p mut Packet<'a>,
        reassembly: &'p mut Reassembly,
        time: Timestamp,
    ) -> Self {
        Self {
            at,
            packet,
            reassembly,
            time,
            beyond: None,
            completed: None,
        }
    }

    /// Notes a header of `len` bytes.
    #[inline]
    pub(super) fn layer(&mut self, kind: LayerKind, at: Span<'a>, len: u32) {
        let layer = Layer {
            kind,
            offset: at.offset,
            len: len.min(at.bytes.len() as u32),
        };
        if self.packet.layers.try_push(layer).is_err() {
            self.packet.more_layers += 1;
            if let Some(beyond) = &mut self.beyond {
                // As many as a stack of labels in the longest packet has.
                if beyond.len() < usize::from(u16::MAX) / 4 {
                    beyond.push(layer);
                }
            }
        }
    }

    /// Notes what is wrong with the header at `at`.
    #[cold]
    pub(super) fn problem(&mut self, layer: LayerKind, at: Span<'a>, fault: Fault) {
        let problem = Problem {
            layer,
            offset: at.offset,
            fault,
        };
        // Beyond the limit they are dropped: the first ones say where reading went wrong.
        let _ = self.packet.problems.try_push(problem);
    }

    /// Notes that a header that needs `required` bytes does not have them, because the capture or
    /// because the packet ends.
    #[cold]
    pub(super) fn too_short(&mut self, layer: LayerKind, at: Span<'a>, required: u32) {
        let captured = at.bytes.len() as u32;
        self.layer(layer, at, captured);
        let fault = if at.wire >= required {
            Fault::Cut {
                required,
                actual: captured,
            }
        } else {
            Fault::Short {
                required,
                actual: at.wire,
            }
        };
        self.problem(layer, at, fault);
    }

    /// The span without what lies beyond `claimed` bytes, where a length field says there are so
    /// many; a claim that can't be met is a problem, and what is there is taken.
    #[inline]
    pub(super) fn limit(
        &mut self,
        layer: LayerKind,
        header: Span<'a>,
        at: Span<'a>,
        claimed: u32,
    ) -> Span<'a> {
        if claimed > at.wire {
            let actual = at.wire;
            self.problem(layer, header, Fault::LengthBeyond { claimed, actual });
        }
        at.limit(claimed)
    }

    /// The body is `body`, and there is nothing to read after it.
    #[inline]
    pub(super) fn done(&mut self, body: Body<'a>) -> Next {
        self.packet.body = body;
        Next::Done
    }

    /// What comes next is at `at`.
    #[inline]
    pub(super) fn go(&mut self, next: Next, at: Span<'a>) -> Next {
        self.at = at;
        next
    }

    /// Notes that what is read from here on stands in a datagram that was put together.
    pub(super) fn reassembled(&mut self, at: Span<'a>, protocol: u8, fragments: u16) {
        self.packet.reassembled = Some(Reassembled {
            bytes: at.bytes,
            first_layer: self.packet.layers.len() as u8,
            len: at.wire,
            protocol,
            fragments,
        });
    }

    /// Reads header after header until the body. Every header takes bytes, so the frame's length
    /// bounds the work.
    pub(super) fn run(&mut self, mut next: Next) {
        loop {
            next = match next {
                Next::Ethernet => self.ethernet(),
                Next::EtherType(ethertype) => self.ethertype(ethertype),
                Next::Ppp(protocol) => self.ppp_protocol(protocol),
                Next::Ip => self.ip(),
                Next::Protocol(protocol) => self.protocol(protocol),
                Next::Done => return,
            }
        }
    }
}
