//! A TCP endpoint by hand: small enough to read in one go, whole enough to talk to a real one (RFC 9293).
//!
//! ```text
//!  frames ──> Link ──> Segment ──> Endpoint ──> Sending ──> Link ──> frames
//!             ARP, ND,              SND.UNA, SND.NXT, RCV.NXT,
//!             checksums             states, timer (RFC 6298)
//!                          └── Session: a script that forgets, errs, and judges the answer ──┘
//! ```
//!
//! [`Endpoint`] is the protocol, without mistakes: its variables have RFC 9293's names, and every segment it
//! makes says why each number is what it is. [`Link`] is its place on an Ethernet. [`Session`] is a person at
//! it: opens, sends, closes, and where it was asked for forgets an ACK or sends a wrong number, and knows
//! what the other side has to answer. None has a socket or a clock: what is asked and told is
//!
//! ```text
//! handle_frame(now, frame)   poll_transmit(now)   poll_timeout()   poll_event()
//! ```
//!
//! so that it runs in virtual time under tests, over the lab's wire, as it does against a kernel.
//!
//! Where it is simpler than a kernel's: only one segment is on its way at a time, so that no congestion
//! control is needed; what comes out of order is not kept (RFC 9293 section 3.10.7.4 lets it); no option but
//! the MSS is offered, so that windows and sequence numbers mean what they say.

mod acts;
mod demand;
mod endpoint;
mod link;
mod receive;
mod rto;
mod script;
mod segment;
mod session;
mod why;

#[cfg(test)]
mod tests;

pub use endpoint::{Config, Ended, Endpoint, Sending};
pub use link::{Heard, Link};
pub use script::{Mistake, Plan, isn};
pub use segment::Segment;
pub use session::{Session, Transmit};
