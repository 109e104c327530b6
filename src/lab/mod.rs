//! The laboratory: two hosts, and a wire between them that does exactly what it is told.
//!
//! [`Wire`] is that wire as a state machine without input and output: frames go in with the time and
//! the side they come from, and come out when they are due. It reads no clock and knows no sockets, so
//! it runs in virtual time under tests just as it does between two hosts.
//!
//! What it does to packets is a [`Config`]: a [`Link`] for each direction (delay, rate and queue,
//! jitter, loss), [`Fault`]s that befall packets by name (`client data 3`: see [`matching`]), and
//! [`Router`]s on the way. What became of each packet is a [`Fate`].
//!
//! ```
//! use std::time::Duration;
//! use wirelab::frame::Timestamp;
//! use wirelab::lab::{Action, Config, Fault, Outcome, Side, Wire};
//!
//! // Two frames of which the wire is to lose the second.
//! let frame = |n: u8| {
//!     let mut bytes = Vec::new();
//!     etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
//!         .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
//!         .udp(4000, 53)
//!         .write(&mut bytes, &[n])
//!         .unwrap();
//!     bytes
//! };
//! let mut config = Config::default();
//! config.links.client.delay = Duration::from_millis(20);
//! config.faults.push(Fault {
//!     packet: "client udp 2".parse().unwrap(),
//!     action: Action::Drop,
//! });
//! let mut wire = Wire::new(config);
//!
//! let start = Timestamp::from_nanos(0);
//! wire.handle_frame(start, Side::Client, &frame(1));
//! wire.handle_frame(start, Side::Client, &frame(2));
//!
//! // Whoever drives the wire waits until then, and takes what is due.
//! let wake = wire.poll_timeout().unwrap();
//! assert_eq!(wake.since(start), Duration::from_millis(20));
//! let transmit = wire.poll_transmit(wake).unwrap();
//! assert_eq!((transmit.to, transmit.bytes), (Side::Server, frame(1)));
//! assert_eq!(wire.poll_transmit(wake), None);
//! assert_eq!(wire.poll_timeout(), None);
//!
//! let fates: Vec<_> = std::iter::from_fn(|| wire.poll_fate()).collect();
//! assert_eq!((fates[0].packet, fates[0].outcome), (2, Outcome::Dropped));
//! assert_eq!(fates[0].fault(), Some(0));
//! assert_eq!((fates[1].packet, fates[1].outcome), (1, Outcome::Delivered));
//! ```

mod answer;
mod config;
mod corrupt;
mod counting;
pub mod describe;
pub mod experiment;
mod fate;
mod fault;
mod fragment;
mod hold;
mod impair;
mod ip;
mod link;
pub mod listener;
pub mod matching;
mod parcel;
mod random;
mod router;
mod side;
mod stream;
mod tally;
pub mod truth;
mod wire;

pub use config::Config;
pub use corrupt::{Damage, FieldChange, UnknownField};
pub use fate::{Cause, Fate, Origin, Outcome};
pub use fault::{Action, Fault, HOLD, MAX_COPIES};
pub use impair::Loss;
pub use link::{Jitter, Link, Queue, Rate};
pub use matching::{Kind, Selector, SelectorError, What};
pub use random::Probability;
pub use router::Router;
pub use side::{Both, Side};
pub use tally::Tally;
pub use wire::{MAX_BYTES, MAX_FATES, Transmit, Wire};
