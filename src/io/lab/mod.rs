//! The lab for real: two hosts with kernel TCP, and the wire between them.

pub mod host;
