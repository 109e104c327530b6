//! Probes on sockets: raw ones where there is the right to them, else those that everybody may have
//! (raw(7), icmp(7), udp(7), tcp(7), ip(7)).
//!
//! | probes | with rights | without |
//! |---|---|---|
//! | ICMP | a raw socket sends them and gets every answer | a datagram ICMP socket; errors from its queue |
//! | UDP | UDP sockets; a raw ICMP socket gets the errors whole | errors from their queues |
//! | TCP | SYNs of our own on a raw socket, from ports that are held for them | `connect()` that is given a TTL; errors from their queues |
//!
//! The order is as in [`super::probe`]: what needs rights is opened first, then every right is given up,
//! and only then names are looked up and packets read.

mod receive;
mod run;
mod send;
mod socket;

pub use run::{Told, run};
pub use socket::{Link, Options, Sockets};
