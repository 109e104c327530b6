//! The lab on a real kernel: two hosts, their programs, and the run that joins them by a wire.

pub mod host;
pub mod program;
pub mod run;
mod sample;
