//! Headers by hand: the bytes of each protocol, their names and meanings.

pub mod ah;
pub mod arp;
pub mod checksum;
pub mod echo;
pub mod ethernet;
pub mod field;
pub mod icmp;
pub mod icmp_extension;
pub mod icmpv4;
pub mod icmpv6;
pub mod ipv4;
mod ipv4_options;
pub mod ipv6;
pub mod ipv6_ext;
pub mod layout;
pub mod names;
pub mod ndp;
pub mod seq;
pub mod tcp;
mod tcp_flags;
mod tcp_layout;
mod tcp_options;
pub mod udp;
