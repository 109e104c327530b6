//! What to do when a machine does not let us make hosts: the exact command, by what the machine says of
//! itself.

use std::fs;
use std::io;

use nix::unistd::geteuid;

use super::error::HostError;
use super::tap::DEVICE;

/// What stands in the way of namespaces on some machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// We are root, if perhaps without the rights.
    pub(super) root: bool,
    /// `AppArmor` takes all rights from user namespaces (Ubuntu since 23.10).
    pub(super) apparmor: bool,
    /// Debian's own switch for user namespaces is off.
    pub(super) debian_off: bool,
    /// How many user namespaces there may be.
    pub(super) most_user: Option<u64>,
    /// How many network namespaces there may be.
    pub(super) most_net: Option<u64>,
    /// System calls are filtered, as in containers.
    pub(super) filtered: bool,
    /// How many threads this process has.
    pub(super) threads: usize,
}

impl Machine {
    /// Asks this machine.
    pub(super) fn read() -> Self {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let seccomp = status
            .lines()
            .find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            root: geteuid().is_root(),
            apparmor: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
            debian_off: number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0),
            most_user: number("/proc/sys/user/max_user_namespaces"),
            most_net: number("/proc/sys/user/max_net_namespaces"),
            filtered: seccomp.is_some_and(|mode| mode.trim() != "0"),
            threads: fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
        }
    }

    /// What to do when a namespace is refused.
    pub(super) fn remedy(&self) -> String {
        let or_sudo = if self.root { "" } else { ", or run with sudo" };
        if self.most_net == Some(0) {
            return "the machine allows none; allow them: sudo sysctl user.max_net_namespaces=1000"
                .to_owned();
        }
        if self.root {
            return "this root may not make networks; start the container with --privileged and \
                    --device /dev/net/tun, or run outside it"
                .to_owned();
        }
        if self.most_user == Some(0) {
            return format!(
                "the machine allows no user namespaces; allow them: \
                 sudo sysctl user.max_user_namespaces=1000{or_sudo}"
            );
        }
        if self.apparmor {
            return format!(
                "AppArmor takes the rights from user namespaces; allow them: \
                 sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0{or_sudo}"
            );
        }
        if self.debian_off {
            return format!(
                "the machine allows no user namespaces; allow them: \
                 sudo sysctl kernel.unprivileged_userns_clone=1{or_sudo}"
            );
        }
        if self.filtered {
            return "the system calls of this container are filtered (seccomp); start it with \
                    --privileged and --device /dev/net/tun, or run outside it"
                .to_owned();
        }
        if self.threads > 1 {
            return "this process runs several threads, and only one with a single thread may enter \
                    a user namespace; open hosts before threads are started, or run with sudo"
                .to_owned();
        }
        "run with sudo".to_owned()
    }
}

/// The error when a namespace is refused.
pub(super) fn namespace(step: &'static str, error: &io::Error) -> HostError {
    HostError::Namespace {
        step,
        reason: error.to_string(),
        remedy: Machine::read().remedy(),
    }
}

/// The error when the TAP device is refused.
pub(super) fn tun(error: &io::Error) -> HostError {
    let root = nix::unistd::Uid::effective().is_root();
    HostError::Tap {
        reason: error.to_string(),
        remedy: tun_remedy(error.kind(), error.raw_os_error(), root, &Machine::read()),
    }
}

fn tun_remedy(kind: io::ErrorKind, errno: Option<i32>, root: bool, machine: &Machine) -> String {
    match (kind, errno) {
        (io::ErrorKind::NotFound, _) => format!(
            "load its driver: sudo modprobe tun; in a container, start it with --device {DEVICE}"
        ),
        (_, Some(libc::ENODEV | libc::ENXIO)) => "load its driver: sudo modprobe tun".to_owned(),
        // EPERM comes from the devices that a container may use, EACCES from the file's mode. In a user
        // namespace we are called root, and still the mode is meant.
        (_, Some(libc::EACCES)) => {
            format!("let everybody use it: sudo chmod 0666 {DEVICE}, or run with sudo")
        }
        (_, Some(libc::EPERM)) if machine.apparmor => machine.remedy(),
        (_, Some(libc::EPERM)) if root => {
            format!("in a container, start it with --device {DEVICE} and --cap-add NET_ADMIN")
        }
        _ => "run with sudo".to_owned(),
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
