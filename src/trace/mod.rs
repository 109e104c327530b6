//! The path to a host, found by packets that die on the way (RFC 792 type 11, RFC 4443 section 3.3).
//!
//! Each router takes one from a packet's TTL, and the one that finds nothing left says so. So a packet
//! that leaves with TTL 1 is answered by the first router, one with 2 by the second, until the
//! destination itself answers.
//!
//! A [`Tracer`] is all that `trace` knows, without a socket and without a clock. It is asked what to
//! send and when to ask again, and told what came:
//!
//! ```text
//! poll_transmit(now) ─▶ a probe     handle_message(now, …)   handle_queued(now, …)
//! poll_timeout(now) ─▶ when         handle_tcp(now, …)       handle_unsent(now, …)
//!                                   handle_segment(now, …)
//! poll_event() ─▶ what happened     handle_timeout(now)      stop(now)
//! ```
//!
//! An answer finds its probe by what it quotes, never by when it comes: the sequence number of ICMP, the
//! number in a UDP datagram's data or its checksum, the sequence number of a SYN of our own, or the port
//! that the kernel sent its SYN from.

mod changes;
mod mtu;
mod plan;
mod quote;
mod report;
mod tracer;

pub use plan::{Plan, SMALLEST_V4, SMALLEST_V6};
pub use quote::{Queued, Received};
pub use tracer::{TcpAnswer, Tracer, Transmit, Unsent};

#[cfg(test)]
mod tests;
