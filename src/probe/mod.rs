//! Echo requests made by hand, and what becomes of each (RFC 792, RFC 4443 section 4).
//!
//! A [`Session`] is all that `ping` knows of one host, without a socket and without a clock. It is asked
//! what to send and when to ask again, and told what came:
//!
//! ```text
//! poll_transmit(now) ─▶ a request     handle_reply(now, …)   handle_error(now, …)
//! poll_timeout()     ─▶ when          handle_unsent(now, …)  stop(now)
//! poll_event()       ─▶ what happened, one thing at a time
//! ```
//!
//! So it runs in virtual time under tests as it does on sockets, and over the lab's wire it can be held
//! against the truth.

mod compare;
mod intake;
mod plan;
mod quote;
mod route;
mod samples;
mod session;
mod slot;

pub use intake::Received;
pub use plan::{Pace, Pattern, Plan};
pub use quote::{Queued, Reported};
pub use route::Trace;
pub use session::{Request, Session, Unsent};

#[cfg(test)]
mod tests;
