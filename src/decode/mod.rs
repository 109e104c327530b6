//! Frames in, packets *with problems* out.

mod packet;
mod problem;

pub use packet::{Body, Checksum, Ip, Layer, LayerKind, MAX_LAYERS, MAX_PROBLEMS, Packet, Tcp};
pub use problem::Problem;

use crate::frame::Frame;

/// Decodes frames. It has state only because fragments must be put together.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame; never fails.
    pub fn decode<'a>(&'a mut self, _frame: &Frame<'a>) -> Packet<'a> {
        Packet {
            layers: arrayvec::ArrayVec::new(),
            more_layers: 0,
            ip: None,
            tunnel: 0,
            body: Body::Other,
            problems: arrayvec::ArrayVec::new(),
        }
    }
}
