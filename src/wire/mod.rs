//! Headers by hand: the bytes of each protocol, their names and meanings.

pub mod checksum;
pub mod echo;
pub mod field;
pub mod icmp;
pub mod names;
pub mod seq;
pub mod tcp;
mod tcp_flags;
mod tcp_options;
pub mod udp;
