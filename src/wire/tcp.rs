//! The TCP header (RFC 9293 section 3.1).

pub use super::tcp_flags::Flags;
pub use super::tcp_options::{SackBlocks, TcpOption, TcpOptionIter, TcpOptions, tcp_options};
