//! What to do when a machine does not let us make hosts: the exact command, by what the machine says of
//! itself.

use std::fs;
use std::io;

use nix::unistd::geteuid;

use super::error::{HostError, Step};
use super::tap::DEVICE;

/// What stands in the way of namespaces on some machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Machine {
    /// We are root, and not one of our own making.
    root: bool,
    /// `AppArmor` takes all rights from user namespaces (Ubuntu since 23.10).
    apparmor: bool,
    /// Debian's own switch for user namespaces is off.
    debian_off: bool,
    /// System calls are filtered, as in containers.
    filtered: bool,
    /// How many threads this process has.
    threads: usize,
}

impl Machine {
    /// Asks this machine.
    fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let number = |path: &str| text(path).trim().parse::<u64>().ok();
        let status = text("/proc/thread-self/status");
        let seccomp = status
            .lines()
            .find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            root: geteuid().is_root() && !is_our_own(&text("/proc/thread-self/uid_map")),
            apparmor: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
            debian_off: number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0),
            filtered: seccomp.is_some_and(|mode| mode.trim() != "0"),
            threads: fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
        }
    }

    /// What to do when a step is refused with that error.
    fn remedy(&self, step: Step, errno: Option<i32>) -> String {
        let or_sudo = if self.root { "" } else { ", or run with sudo" };
        if errno == Some(libc::EINVAL) && self.threads > 1 {
            return "only a process with a single thread may enter a user namespace; make the hosts \
                    before threads are started, or run with sudo"
                .to_owned();
        }
        // How many there may be: none, on some hardened machines.
        if let Some(libc::ENOSPC | libc::EUSERS) = errno {
            let setting = match step {
                Step::NetworkNamespace => "user.max_net_namespaces",
                _ => "user.max_user_namespaces",
            };
            return format!(
                "the machine allows no more of them; allow some: sudo sysctl {setting}=1000{or_sudo}"
            );
        }
        if self.root {
            return format!(
                "this root lacks the rights, as in a container; start it with --privileged and \
                 --device {DEVICE}, or run outside it"
            );
        }
        if self.apparmor {
            return "AppArmor takes the rights from user namespaces; allow them: \
                    sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run with sudo"
                .to_owned();
        }
        if self.debian_off {
            return "the machine keeps user namespaces for root; allow them: \
                    sudo sysctl kernel.unprivileged_userns_clone=1, or run with sudo"
                .to_owned();
        }
        if self.filtered {
            return format!(
                "system calls are filtered here (seccomp), as in a container; start it with \
                 --privileged and --device {DEVICE}, or run outside it"
            );
        }
        "run with sudo".to_owned()
    }

    /// What to do when the TAP device is refused with that error.
    fn tap(&self, errno: Option<i32>) -> String {
        match errno {
            Some(libc::ENOENT) => format!(
                "load its driver: sudo modprobe tun; a container is to be started with --device {DEVICE}"
            ),
            Some(libc::ENODEV | libc::ENXIO) => "load its driver: sudo modprobe tun".to_owned(),
            // From the file's mode; in a user namespace we are root in name only.
            Some(libc::EACCES) => {
                format!("let everybody use it: sudo chmod 0666 {DEVICE}, or run with sudo")
            }
            // From the list of devices that a container may use, or for want of rights.
            _ => self.remedy(Step::NetworkNamespace, errno),
        }
    }
}

/// Whether that is the map of a user namespace with one user: as we make them, and `unshare -r` does.
fn is_our_own(uid_map: &str) -> bool {
    uid_map.split_whitespace().nth(2) == Some("1")
}

/// The error when a namespace is refused.
pub(super) fn namespace(step: Step, error: &io::Error) -> HostError {
    HostError::Namespace {
        step,
        reason: error.to_string(),
        remedy: Machine::read().remedy(step, error.raw_os_error()),
    }
}

/// The error when we may not become root of a user namespace. In it we are nobody yet, so that the
/// caller has to say whether we were root before.
pub(super) fn user_map(root: bool, error: &io::Error) -> HostError {
    let machine = Machine {
        root,
        ..Machine::read()
    };
    HostError::Namespace {
        step: Step::UserMap,
        reason: error.to_string(),
        remedy: machine.remedy(Step::UserMap, error.raw_os_error()),
    }
}

/// The error when the TAP device is refused.
pub(super) fn tap(error: &io::Error) -> HostError {
    HostError::Tap {
        reason: error.to_string(),
        remedy: Machine::read().tap(error.raw_os_error()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_has_its_own_remedy() {
        let plain = Machine {
            threads: 1,
            ..Machine::default()
        };
        let with = |change: fn(&mut Machine)| {
            let mut machine = plain.clone();
            change(&mut machine);
            machine
        };
        let (eperm, enospc) = (Some(libc::EPERM), Some(libc::ENOSPC));
        let (user, net) = (Step::UserNamespace, Step::NetworkNamespace);
        let apparmor = with(|it| it.apparmor = true);
        for (machine, step, errno, remedy) in [
            (&plain, user, eperm, "run with sudo"),
            (&plain, user, enospc, "sysctl user.max_user_namespaces="),
            (&plain, net, enospc, "sysctl user.max_net_namespaces="),
            (&apparmor, Step::UserMap, eperm, "sysctl kernel.apparmor_"),
            (&apparmor, net, eperm, "sysctl kernel.apparmor_"),
            (
                &with(|it| it.debian_off = true),
                user,
                eperm,
                "kernel.unprivileged_userns_clone=1",
            ),
            (&with(|it| it.filtered = true), user, eperm, "seccomp"),
            (&with(|it| it.root = true), net, eperm, "--privileged"),
            (
                &with(|it| it.threads = 2),
                user,
                Some(libc::EINVAL),
                "before threads are started",
            ),
        ] {
            let told = machine.remedy(step, errno);
            assert!(told.contains(remedy), "{machine:?} {errno:?}: {told}");
            // Root can't be helped by sudo.
            assert!(!machine.root || !told.contains("run with sudo"), "{told}");
        }
    }

    #[test]
    fn a_tap_device_that_is_refused_has_one_too() {
        let machine = Machine::default();
        for (errno, remedy) in [
            (libc::EACCES, "sudo chmod 0666 /dev/net/tun"),
            (libc::ENOENT, "--device /dev/net/tun"),
            (libc::ENODEV, "sudo modprobe tun"),
            (libc::EPERM, "run with sudo"),
        ] {
            let told = machine.tap(Some(errno));
            assert!(told.contains(remedy), "{errno}: {told}");
        }
    }

    #[test]
    fn root_of_a_namespace_of_ones_own_is_not_root() {
        assert!(is_our_own("         0       1000          1\n"));
        assert!(!is_our_own("         0          0 4294967295\n"));
        assert!(!is_our_own(""));
    }
}
