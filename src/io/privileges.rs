//! Giving up, for good, the rights that opening a capture needs.
//!
//! What follows the opening reads bytes that anyone on the network may have made. So the process
//! first becomes one that can do nothing else:
//!
//! | started as                  | becomes                                                      |
//! |-----------------------------|--------------------------------------------------------------|
//! | root by `sudo`              | the user who called `sudo`, with that user's groups          |
//! | root otherwise (container)  | root in name only: it keeps its files, and no capability     |
//! | a user, file capabilities   | that user, without them                                      |
//!
//! In every case all capability sets are emptied (capabilities(7); the bounding set where the
//! right to do so is there), `no_new_privs` is set (prctl(2)), and the outcome is verified: a drop
//! that only seems to have worked is an error. Both are per thread, so this must come before any
//! thread is started; that is verified too.

use std::env;
use std::ffi::OsString;
use std::io;

use caps::{CapSet, Capability};
use nix::sys::prctl;
use nix::unistd::{
    Gid, ROOT, Uid, User, geteuid, getgroups, getresgid, getresuid, initgroups, setfsgid, setfsuid,
    setgroups, setresgid, setresuid,
};

/// Why privileges could not be given up. Nothing may go on after this.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// sudo's account of who called it makes no sense.
    #[error("can't tell who called sudo: {variable} is '{value}', which is no {what}")]
    Invoker {
        /// The environment variable.
        variable: &'static str,
        /// What it holds, escaped.
        value: String,
        /// What it should hold.
        what: &'static str,
    },
    /// A step was refused.
    #[error("can't give up root's rights: {step}: {reason}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        reason: String,
    },
    /// Every step seemed to work, and yet rights are left.
    #[error("can't give up root's rights: afterwards {0}; nothing was captured or sent")]
    Left(String),
}

/// Whom the process becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// The user who called sudo.
    Invoker {
        /// Their user id.
        uid: Uid,
        /// Their group id.
        gid: Gid,
    },
    /// Nobody else: it stays who it is, without capabilities.
    Same,
}

impl Becomes {
    /// Decides from who we are and what sudo says about its caller.
    ///
    /// # Errors
    ///
    /// When we are root and `SUDO_UID` or `SUDO_GID` is not a number.
    pub fn find() -> Result<Self, PrivilegeError> {
        Self::decide(geteuid(), env::var_os("SUDO_UID"), env::var_os("SUDO_GID"))
    }

    fn decide(
        euid: Uid,
        sudo_uid: Option<OsString>,
        sudo_gid: Option<OsString>,
    ) -> Result<Self, PrivilegeError> {
        // Only root can become someone else, and only a root that came from a user should.
        let (Some(uid), true) = (sudo_uid, euid.is_root()) else {
            return Ok(Self::Same);
        };
        let uid = Uid::from_raw(number("SUDO_UID", Some(uid), "user id")?);
        if uid.is_root() {
            return Ok(Self::Same);
        }
        let gid = Gid::from_raw(number("SUDO_GID", sudo_gid, "group id")?);
        Ok(Self::Invoker { uid, gid })
    }

    /// Whether files that this process makes after the drop belong to someone else than those it
    /// makes before.
    pub const fn is_someone_else(self) -> bool {
        matches!(self, Self::Invoker { .. })
    }
}

/// Parses a user or group id; the highest one means "unchanged" to the system calls.
fn number(
    variable: &'static str,
    value: Option<OsString>,
    what: &'static str,
) -> Result<u32, PrivilegeError> {
    let text = value.unwrap_or_default();
    match text.to_str().map(str::parse::<u32>) {
        Some(Ok(number)) if number != u32::MAX => Ok(number),
        _ => Err(PrivilegeError::Invoker {
            variable,
            value: text.to_string_lossy().escape_debug().to_string(),
            what,
        }),
    }
}

/// Does `work`, which makes files, as the user who called sudo, if there is one: the files are that
/// user's, and may be made only where that user may. It holds for this thread alone.
pub fn making_files<T>(becomes: Becomes, work: impl FnOnce() -> T) -> T {
    let Becomes::Invoker { uid, gid } = becomes else {
        return work();
    };
    // The kernel takes root's rights over files away with the user id, and gives them back with it
    // (capabilities(7)). Neither call says whether it worked; for root both do.
    let group = setfsgid(gid);
    let user = setfsuid(uid);
    let done = work();
    setfsuid(user);
    setfsgid(group);
    done
}

/// Gives up everything, for good, and verifies that it is gone.
///
/// # Errors
///
/// When a step is refused or something is left; the caller must end then.
pub fn drop_for_good(becomes: Becomes) -> Result<(), PrivilegeError> {
    empty_bounding()?;
    become_other(becomes)?;
    give_up_thread(becomes)?;
    match threads() {
        // Without /proc it can't be known; nothing in this program starts threads before this.
        Ok(1) | Err(_) => Ok(()),
        Ok(more) => Err(PrivilegeError::Left(format!(
            "{more} threads run, of which one gave them up"
        ))),
    }
}

/// Takes on the ids of whom the process becomes: a step of [`drop_for_good`] for a process with
/// several threads, of which all become that user. None may have lost the right to do so before.
pub(super) fn become_other(becomes: Becomes) -> Result<(), PrivilegeError> {
    match becomes {
        Becomes::Invoker { uid, gid } => become_user(uid, gid),
        Becomes::Same => Ok(()),
    }
}

/// Gives up all capabilities of this thread, and of those it starts, and verifies that they are gone: the
/// last step of [`drop_for_good`], for each of several threads.
pub(super) fn give_up_thread(becomes: Becomes) -> Result<(), PrivilegeError> {
    // The ambient set first: it may not hold what the others lack.
    for (set, step) in [
        (CapSet::Ambient, "emptying the ambient capabilities"),
        (CapSet::Effective, "emptying the effective capabilities"),
        (CapSet::Permitted, "emptying the permitted capabilities"),
        (CapSet::Inheritable, "emptying the inheritable capabilities"),
    ] {
        caps::clear(None, set).map_err(refused(step))?;
    }
    prctl::set_no_new_privs().map_err(refused("setting no_new_privs"))?;
    verify(becomes)
}

/// Turns what a step gave into an error that names it.
fn refused<E: ToString>(step: &'static str) -> impl Fn(E) -> PrivilegeError {
    move |error| PrivilegeError::Refused {
        step,
        reason: error.to_string(),
    }
}

/// Empties the bounding set of this thread, where the right to is there: the first step of
/// [`drop_for_good`].
pub(super) fn empty_bounding() -> Result<(), PrivilegeError> {
    let allowed = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)
        .map_err(refused("reading the capabilities"))?;
    if allowed {
        caps::clear(None, CapSet::Bounding)
            .map_err(refused("emptying the capability bounding set"))?;
    }
    Ok(())
}

/// Takes on a user's ids and groups: groups first, while we still may.
fn become_user(uid: Uid, gid: Gid) -> Result<(), PrivilegeError> {
    let user = User::from_uid(uid).map_err(refused("looking up the user who called sudo"))?;
    let name = user.and_then(|user| std::ffi::CString::new(user.name).ok());
    match name {
        Some(name) => initgroups(&name, gid),
        // A user that is in no list, as in some containers, has no other groups either.
        None => setgroups(&[gid]),
    }
    .map_err(refused("taking on the groups of the user who called sudo"))?;
    setresgid(gid, gid, gid).map_err(refused("taking on the group of the user who called sudo"))?;
    setresuid(uid, uid, uid).map_err(refused("becoming the user who called sudo"))
}

/// Asks the kernel what is left.
fn verify(becomes: Becomes) -> Result<(), PrivilegeError> {
    let left = |what: String| Err(PrivilegeError::Left(what));
    if let Becomes::Invoker { uid, gid } = becomes {
        let uids = getresuid().map_err(refused("reading the user ids"))?;
        let gids = getresgid().map_err(refused("reading the group ids"))?;
        if [uids.real, uids.effective, uids.saved] != [uid; 3] {
            return left(format!("the user ids are {uids:?}, not all {uid}"));
        }
        if [gids.real, gids.effective, gids.saved] != [gid; 3] {
            return left(format!("the group ids are {gids:?}, not all {gid}"));
        }
        let groups = getgroups().map_err(refused("reading the groups"))?;
        if groups.contains(&Gid::from_raw(0)) && !is_in_root_group(uid, gid) {
            return left("group 0 is among the groups".to_owned());
        }
        // The proof of the pudding: these must not work.
        if nix::unistd::seteuid(ROOT).is_ok() || setresuid(ROOT, ROOT, ROOT).is_ok() {
            return left("user id 0 can be had again".to_owned());
        }
    }
    for set in [
        CapSet::Effective,
        CapSet::Permitted,
        CapSet::Inheritable,
        CapSet::Ambient,
    ] {
        let held = caps::read(None, set).map_err(refused("reading the capabilities"))?;
        if !held.is_empty() {
            return left(format!("the {set:?} capabilities still hold {held:?}"));
        }
    }
    if !prctl::get_no_new_privs().map_err(refused("reading no_new_privs"))? {
        return left("no_new_privs is not set".to_owned());
    }
    Ok(())
}

/// Whether that user belongs to root's group in their own right.
fn is_in_root_group(uid: Uid, gid: Gid) -> bool {
    let root = Gid::from_raw(0);
    let member = || {
        let user = User::from_uid(uid).ok()??;
        let group = nix::unistd::Group::from_gid(root).ok()??;
        Some(user.gid == root || group.mem.contains(&user.name))
    };
    gid == root || member().unwrap_or(false)
}

/// How many threads this process has.
fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// What to do when a capture is not permitted: the exact commands, with this binary's own path.
pub fn remedy() -> String {
    let binary = env::current_exe().map_or_else(
        |_| "/path/to/wirelab".to_owned(),
        |path| quoted(&path.to_string_lossy()),
    );
    if geteuid().is_root() {
        // Root in a container that was started without the capability: sudo would not help.
        return "this root lacks CAP_NET_RAW; start the container with --cap-add NET_RAW, or run \
                outside it"
            .to_owned();
    }
    format!("run with sudo, or give the binary the right once: sudo setcap cap_net_raw+ep {binary}")
}

/// `path` as a shell takes it for one word.
pub(in crate::io) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,".contains(c);
    if path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(euid: u32, uid: Option<&str>, gid: Option<&str>) -> Result<Becomes, String> {
        Becomes::decide(
            Uid::from_raw(euid),
            uid.map(OsString::from),
            gid.map(OsString::from),
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_root_made_by_sudo_becomes_someone_else() {
        let alice = Becomes::Invoker {
            uid: Uid::from_raw(1000),
            gid: Gid::from_raw(100),
        };
        assert_eq!(decide(0, Some("1000"), Some("100")), Ok(alice));
        assert_eq!(decide(0, None, None), Ok(Becomes::Same));
        assert_eq!(decide(0, Some("0"), Some("0")), Ok(Becomes::Same));
        // A variable left over in a user's environment means nothing.
        assert_eq!(decide(1000, Some("1001"), Some("1")), Ok(Becomes::Same));
    }

    #[test]
    fn what_sudo_says_is_checked() {
        for wrong in ["", "alice", "-1", "4294967295", "4294967296", "1000 "] {
            let error = decide(0, Some(wrong), Some("100")).unwrap_err();
            assert!(error.contains("SUDO_UID is '"), "{error}");
        }
        let error = decide(0, Some("1000"), None).unwrap_err();
        assert!(error.contains("SUDO_GID is ''"), "{error}");
    }

    #[test]
    fn the_verification_finds_what_is_left() {
        // Nothing was given up in this process: it has capabilities, or lacks no_new_privs.
        let error = verify(Becomes::Same).unwrap_err().to_string();
        assert!(
            error.contains("afterwards the Effective capabilities")
                || error.contains("no_new_privs"),
            "{error}"
        );
        let somebody = Becomes::Invoker {
            uid: Uid::from_raw(geteuid().as_raw() + 1),
            gid: Gid::from_raw(1),
        };
        let error = verify(somebody).unwrap_err().to_string();
        assert!(error.contains("afterwards the user ids are"), "{error}");
    }

    #[test]
    fn a_path_is_quoted_when_a_shell_would_split_it() {
        assert_eq!(quoted("/usr/bin/wirelab"), "/usr/bin/wirelab");
        assert_eq!(quoted("/my lab/it's"), r"'/my lab/it'\''s'");
    }
}
