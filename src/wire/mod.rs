//! Headers by hand: the bytes of each protocol, their names and meanings.
//!
//! Every header has a file with the same things in it: `FIELDS`, the table of its fields with place, width,
//! meaning and RFC; `layout`, which finds the fields in bytes, options included, and never fails; and
//! `Repr`, what a header says, which `emit`s bytes and is `parse`d from them. In a `Repr` `None` is what the
//! sender should put there, and a number goes there right or wrong. [`checksum::Sum`] is the sum that
//! most of them have.
//!
//! ```
//! use wirelab::wire::{icmpv4, ipv4};
//!
//! // An echo request, from the inside out.
//! let mut message = Vec::new();
//! icmpv4::Repr::echo_request(7, 1).emit(b"by hand", &mut message);
//! let header = ipv4::Repr {
//!     src: [192, 0, 2, 1].into(),
//!     dst: [192, 0, 2, 2].into(),
//!     protocol: icmpv4::PROTOCOL,
//!     ..ipv4::Repr::default()
//! };
//! let mut packet = Vec::new();
//! header.emit(&message, &mut packet);
//!
//! // Read again, field by field.
//! let layout = ipv4::layout(&packet[..ipv4::MIN_LEN]);
//! for laid in &layout.fields {
//!     let value = laid.field.value(laid.base(&packet)).unwrap_or_default();
//!     assert!(!value.is_empty(), "{} at bit {}", laid.field.name, laid.first_bit());
//! }
//! assert_eq!(layout.fields.len(), ipv4::FIELDS.len());
//! ```
//!
//! `docs/examples/echo_by_hand.rs` sends one, and [`crate::craft`] builds packets from words.

pub mod ah;
pub mod arp;
pub mod checksum;
pub mod cooked;
pub mod echo;
pub mod esp;
pub mod ethernet;
pub mod field;
pub mod gre;
pub mod icmp;
pub mod icmp_extension;
pub mod icmpv4;
pub mod icmpv6;
pub mod igmp;
pub mod ipv4;
mod ipv4_options;
pub mod ipv6;
pub mod ipv6_ext;
mod ipv6_options;
pub mod layout;
pub mod link;
pub mod mpls;
pub mod names;
pub mod ndp;
pub mod ppp;
pub mod seq;
pub mod tcp;
mod tcp_flags;
mod tcp_layout;
mod tcp_mptcp;
mod tcp_options;
pub mod udp;
pub mod vxlan;
