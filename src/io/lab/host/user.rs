//! Where the right to make networks comes from: from root, or from a user namespace in which anybody is
//! root (`user_namespaces(7)`).

use std::fs;
use std::io;

use caps::{CapSet, Capability};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::unistd::{getegid, geteuid};

use super::error::{HostError, Step};
use super::remedy;
use crate::io::privileges::{self, Becomes};

/// Where the rights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// We have them.
    Own,
    /// From a user namespace that the process is in now.
    UserNamespace,
}

/// Sees that this thread may make networks, by entering a user namespace if need be. Gives who the
/// process has to become when networks are made.
///
/// A namespace knows nobody but who made it, so whoever called sudo has to be the one: root in a
/// container may well become that user and still not make networks.
pub(super) fn acquire(becomes: Becomes) -> Result<(Rights, Becomes), HostError> {
    let has = |right| caps::has_cap(None, CapSet::Effective, right).unwrap_or(false);
    if has(Capability::CAP_SYS_ADMIN) && has(Capability::CAP_NET_ADMIN) {
        return Ok((Rights::Own, becomes));
    }
    privileges::become_other(becomes)?;
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|errno| remedy::namespace(Step::UserNamespace, &errno.into()))?;
    // A binary with file capabilities (setcap) belongs to root in /proc, and could not write its own
    // maps. It has just left those capabilities behind, so that there is nothing to hide.
    let _ = prctl::set_dumpable(true);
    // Root of the namespace is who we are outside, and there is nobody else. Groups could otherwise be
    // dropped that are there to deny something, so that has to be renounced first.
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ];
    for (file, text) in maps {
        match fs::write(format!("/proc/thread-self/{file}"), text) {
            Err(error) if file != "setgroups" || error.kind() != io::ErrorKind::NotFound => {
                return Err(remedy::user_map(user.is_root(), &error));
            }
            _ => {}
        }
    }
    Ok((Rights::UserNamespace, Becomes::Same))
}
