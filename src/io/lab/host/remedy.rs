//! What to do when a machine does not let us make hosts.
//!
//! The texts are those of `wirelab doctor` ([`crate::io::doctor::remedy`]), so that what the lab says
//! and what the doctor says of one machine is the same.

use std::fs;
use std::io;

use super::error::{HostError, Step};
use crate::io::doctor::remedy::{self, Step as Tried};

/// The error when a namespace is refused.
pub(super) fn namespace(step: Step, error: &io::Error) -> HostError {
    let tried = match step {
        Step::UserNamespace => Tried::UserNamespace,
        Step::UserMap => Tried::UserIds,
        Step::NetworkNamespace => Tried::NetworkNamespace,
    };
    let threads = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    HostError::Namespace {
        step,
        reason: error.to_string(),
        remedy: if threads > 1 && error.raw_os_error() == Some(libc::EINVAL) {
            ONE_THREAD.to_owned()
        } else {
            remedy::in_a_line(tried, error)
        },
    }
}

/// The error when we may not become root of a user namespace. In it we are nobody yet, so that the
/// caller has to say whether we were root before.
pub(super) fn user_map(root: bool, error: &io::Error) -> HostError {
    HostError::Namespace {
        step: Step::UserMap,
        reason: error.to_string(),
        remedy: remedy::in_a_line_for(root, Tried::UserIds, error),
    }
}

/// What to do when there are several threads.
const ONE_THREAD: &str = "only a process with a single thread may enter a user namespace; make the \
                          hosts before threads are started, or run with sudo";

/// The error when `/dev/net/tun` is refused.
pub(super) fn device(error: &io::Error) -> HostError {
    tap(Tried::TunOpen, error)
}

/// The error when it is open, and a TAP device is refused.
pub(super) fn attach(error: &io::Error) -> HostError {
    tap(Tried::TunAttach, error)
}

fn tap(tried: Tried, error: &io::Error) -> HostError {
    HostError::Tap {
        reason: error.to_string(),
        remedy: remedy::in_a_line(tried, error),
    }
}

/// What to do when the network can't be set up in a namespace that is there.
pub(super) fn network(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ERANGE) => {
            "correct the [network] of the experiment: an MTU is 68 bytes at least, 1280 for IPv6"
        }
        _ => "wirelab doctor tells what this machine allows",
    }
}
