//! The lab on a real kernel: hosts, their programs, and the run that joins them by a wire.

pub mod program;
