//! What is wrong with a packet: where reading stopped or a rule was broken, and which.

use super::LayerKind;

/// One thing wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The header it is in.
    pub layer: LayerKind,
    /// Bytes from the frame's start.
    pub offset: u32,
}
