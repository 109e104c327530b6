//! Sending packets that were built by hand, and seeing what comes back.
//!
//! `route` asks the kernel which way a packet would go, `neighbour` who the next hop is, `send` has the
//! sockets, `watch` sees what passes on the interface.

mod neighbour;
mod route;
mod send;
mod watch;

pub use neighbour::find as find_neighbour;
pub use route::{Link, Route, route};
pub use send::Sender;
pub use watch::Watch;

use std::io;

use super::doctor::Step;
use super::doctor::remedy::in_a_line;

/// Why a packet can't be sent. Each says what was tried, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CraftError {
    /// There is no way to where it goes.
    #[error("no way to {to}: {reason}")]
    NoWay {
        /// Where.
        to: String,
        /// What the kernel said.
        reason: String,
    },
    /// There is no such interface.
    #[error("{name}: no such interface; see wirelab interfaces")]
    NoInterface {
        /// As it was given, escaped.
        name: String,
    },
    /// There is no socket for us.
    #[error("no {what}: {reason}")]
    NoSocket {
        /// Which.
        what: &'static str,
        /// What the kernel said, and what to do.
        reason: String,
    },
    /// The next hop does not say where it is.
    #[error(
        "nobody says who has {hop} on {interface}: asked three times, without an answer; give its hardware address in a layer of its own, as in ether dst=02:00:00:00:00:01"
    )]
    NoNeighbour {
        /// Who was asked for.
        hop: std::net::IpAddr,
        /// Where.
        interface: String,
    },
    /// The kernel would not send it.
    #[error("the kernel refused to send {len} bytes: {reason}")]
    Refused {
        /// How many.
        len: usize,
        /// What it said.
        reason: String,
    },
}

/// Why there is no socket, and what to do.
fn no_socket(what: &'static str, step: Step, error: &io::Error) -> CraftError {
    let reason = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => in_a_line(step, error),
        _ => said(error),
    };
    CraftError::NoSocket { what, reason }
}

/// What the system said, without its number.
fn said(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}
