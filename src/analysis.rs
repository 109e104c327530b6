//! From frames to events: decode, track and judge, joined.

use crate::decode::Decoder;
use crate::event::{End, Event};
use crate::frame::Frame;

/// What is kept at most, so that memory is bounded whatever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections followed at once.
    pub connections: usize,
    /// Sent and missing ranges remembered per direction of a connection.
    pub ranges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            ranges: 8_192,
        }
    }
}

/// Takes frames in the order of the capture and gives events.
#[derive(Debug)]
pub struct Analysis {
    decoder: Decoder,
}

impl Analysis {
    /// Starts with nothing known.
    pub fn new(_limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(),
        }
    }

    /// Takes the next frame and hands the events that come of it to `sink`.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn handle<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let packet = self.decoder.decode(frame);
        sink(&Event::Packet(frame, &packet))
    }

    /// Ends the analysis: the flows still followed, then `end`.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn finish<E>(
        &mut self,
        end: &End,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        sink(&Event::End(end))
    }
}
