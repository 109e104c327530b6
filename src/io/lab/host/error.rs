//! Why a machine can't have two hosts, and what to do about it.

use std::fmt;

use crate::io::privileges::PrivilegeError;
use crate::lab::Side;

/// A step on the way to a network of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Making a user namespace.
    UserNamespace,
    /// Becoming root in it. `AppArmor` may allow the one and refuse the other.
    UserMap,
    /// Making a network namespace.
    NetworkNamespace,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserNamespace => "make a user namespace",
            Self::UserMap => "become root of a user namespace",
            Self::NetworkNamespace => "make a network namespace",
        })
    }
}

/// Why there are no hosts. Nothing is left behind: what was made goes with the threads that made it.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A namespace can't be made or used.
    #[error("can't {step}: {reason}; {remedy}")]
    Namespace {
        /// What was tried.
        step: Step,
        /// What the system said.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A TAP device can't be made.
    #[error("can't make a network device from /dev/net/tun: {reason}; {remedy}")]
    Tap {
        /// What the system said.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A kernel setting can't be had.
    #[error("{side}: can't set {key} = \"{value}\": {reason}; {remedy}")]
    Setting {
        /// Whose.
        side: Side,
        /// Its name, as sysctl(8) has it.
        key: String,
        /// What it should be.
        value: String,
        /// What the system said.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The network can't be set up inside the namespace.
    #[error("{side}: can't {step}: {reason}; {remedy}")]
    Network {
        /// Whose.
        side: Side,
        /// What was tried.
        step: String,
        /// What the system said.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A host's thread can't be started, or ended before its time.
    #[error("{side}: can't start its thread: {reason}; end programs that have many, and try again")]
    Thread {
        /// Whose.
        side: Side,
        /// What the system said.
        reason: String,
    },
    /// Rights can't be given up; nothing may go on with them.
    #[error(transparent)]
    Rights(#[from] PrivilegeError),
}
