//! Why a program could not go on.

use std::time::Duration;

use nix::errno::Errno;

pub(super) use crate::io::errno::name;

/// What a step of a program ends with.
pub(super) type Done<T = ()> = Result<T, Failure>;

/// Why a step did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A system call failed.
    Errno {
        /// What was asked: `bind 10.0.0.2:8080`.
        what: String,
        /// What the kernel said.
        errno: Errno,
        /// What a person can do about it, or should know.
        hint: String,
    },
    /// The run was over before it.
    Over {
        /// What it was blocked in.
        what: String,
        /// For how long.
        blocked: Duration,
    },
    /// Anything else, as a sentence.
    Other(String),
}

impl Failure {
    /// A call that failed, without more to say about it.
    pub(super) fn of(what: impl Into<String>, errno: Errno) -> Self {
        Self::Errno {
            what: what.into(),
            errno,
            hint: String::new(),
        }
    }

    /// With something to add for the person who reads it.
    pub(super) fn with_hint(self, told: String) -> Self {
        match self {
            Self::Errno { what, errno, .. } => Self::Errno {
                what,
                errno,
                hint: told,
            },
            other => other,
        }
    }

    /// What happened, as part of a sentence.
    pub(super) fn tell(&self, over: Option<&str>) -> String {
        match self {
            Self::Errno { what, errno, hint } => {
                let more = if hint.is_empty() { "" } else { "; " };
                format!("{what}: {} ({}){more}{hint}", name(*errno), errno.desc())
            }
            Self::Over { what, blocked } => {
                let reason = over.unwrap_or("it was stopped");
                let blocked = blocked.as_secs_f64();
                format!(
                    "{what} was still blocked, for {blocked:.3} s, when the run was over: {reason}"
                )
            }
            Self::Other(sentence) => sentence.clone(),
        }
    }
}
