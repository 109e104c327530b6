//! The lab on a real kernel: two hosts, their programs, the run that joins them by a wire, and what is
//! kept of it.

pub mod handmade;
pub mod host;
pub mod program;
pub mod record;
pub mod run;
