//! Frames in, packets *with problems* out.

mod ipv4;
mod ipv6;
mod link;
mod next;
mod packet;
mod problem;
mod span;
mod tcp;
mod transport;
mod walk;

pub use packet::{Body, Checksum, Ip, Layer, LayerKind, MAX_LAYERS, MAX_PROBLEMS, Packet, Tcp};
pub use problem::{Fault, Problem};

use crate::frame::Frame;
use span::Span;
use walk::Walk;

/// Decodes frames. It has state only because fragments must be put together.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame; never fails.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Packet<'a> {
        let mut packet = Packet::unread();
        let mut walk = Walk {
            packet: &mut packet,
        };
        let at = Span {
            bytes: frame.bytes,
            offset: 0,
            wire: frame.original_len.max(frame.bytes.len() as u32),
        };
        let next = walk.link(frame.link_type, at);
        walk.run(next);
        packet
    }
}
