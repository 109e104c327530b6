//! What two programs say to each other over TCP, from the side of the application: text that becomes bytes
//! and bytes that become text again, the calls of the sockets API, and what their errors mean.
//!
//! TCP carries bytes and keeps no boundaries (RFC 9293 section 3.9.1): one `send` may come out of many
//! `recv`, also cut inside a character. What is here knows how to deal with that, and opens no socket.

mod coding;
mod decoder;
mod meaning;
mod typed;

pub use coding::{Coding, Lacking};
pub use decoder::{Decoded, Decoder, Malformed};
pub use meaning::{of_call, of_errno, of_past_errno, purpose_of};
pub use typed::Typed;

pub use crate::lab::truth::{CallLine, Line};

use crate::frame::Timestamp;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// This program sent it.
    Sent,
    /// This program received it.
    Received,
}

impl Way {
    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// What one `send` took or one `recv` gave, read as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// On which connection: `#1`; empty for a client's only one.
    pub socket: String,
    /// When.
    pub time: Timestamp,
    /// Which way.
    pub way: Way,
    /// Bytes of it.
    pub bytes: u64,
    /// The encoding that it was read in.
    pub encoding: &'static str,
    /// The text, and what stood in the way of reading it.
    pub decoded: Decoded,
}
