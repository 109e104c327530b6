//! The one place that talks to libc and C libraries directly: the only `unsafe` of the project.
//!
//! Each file wraps one thing the safe crates don't offer, behind safe functions, and each block says
//! why it is sound.
#![expect(
    unsafe_code,
    reason = "calls into libc and libpcap, each with its SAFETY comment"
)]

pub(super) mod filter;
pub(super) mod ifreq;
pub(super) mod libpcap;
pub(super) mod name;
pub(super) mod signal;
pub(super) mod sockopt;
pub(super) mod tap;
