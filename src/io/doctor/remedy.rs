//! Why a step was refused, and what to do about it: the one place where remedies are written.
//!
//! The kernel gives a number; what it means depends on where we are. `EPERM` from `unshare` is a
//! container's seccomp filter here, a chroot there, Debian's old switch elsewhere. Everything is
//! decided from the [`Circumstances`], so every case can be tested without the machine that has it.
//! Sources: unshare(2), `user_namespaces`(7), raw(7), icmp(7), packet(7), tun in the kernel's
//! `Documentation/networking/tuntap.rst`.

use nix::errno::Errno;

use super::circumstances::{Circumstances, Family};
use super::fix::{Fix, Grant, LAB};
use crate::io::privileges::quoted;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A raw ICMP socket.
    RawSocket,
    /// A datagram ICMP socket.
    PingSocket,
    /// A packet socket.
    PacketSocket,
    /// A network namespace of our own, by our own right.
    NetworkNamespace,
    /// A user namespace.
    UserNamespace,
    /// Becoming root in that user namespace.
    UserIds,
    /// A network namespace inside that user namespace.
    NamespaceInside,
    /// Bringing the namespace's loopback interface up.
    Interface,
    /// Opening `/dev/net/tun`.
    TunOpen,
    /// Making a TAP device of it.
    TunAttach,
    /// A setting in `/proc/sys/net`.
    Setting,
    /// A congestion control algorithm.
    CongestionControl,
    /// Asking the kernel about sockets (`sock_diag`).
    SocketDiagnosis,
}

/// Why it was refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The reason, a fragment of a sentence.
    pub reason: String,
    /// What to do, where something can be done.
    pub fix: Option<Fix>,
}

impl Remedy {
    fn new(reason: impl Into<String>, fix: impl Into<Option<Fix>>) -> Self {
        Self {
            reason: reason.into(),
            fix: fix.into(),
        }
    }
}

/// Why `step` ended with `errno`, and what to do about it.
pub fn remedy(step: Step, errno: Errno, at: &Circumstances) -> Remedy {
    match step {
        Step::RawSocket | Step::PacketSocket => raw(step, errno, at),
        Step::PingSocket => ping(errno, at),
        Step::NetworkNamespace if at.is_root() || at.holds_lab() => namespace_as_root(errno, at),
        // In a user namespace, which the lab makes where it has no right of its own.
        Step::NetworkNamespace => inside(Step::NamespaceInside, errno, at),
        Step::UserNamespace => user_namespace(errno, at),
        Step::UserIds | Step::NamespaceInside | Step::Interface | Step::TunAttach => {
            inside(step, errno, at)
        }
        Step::TunOpen => tun(errno, at),
        Step::Setting => setting(errno, at),
        Step::CongestionControl => congestion_control(errno, at),
        Step::SocketDiagnosis => Remedy::new(
            format!(
                "the kernel does not tell about its sockets: {}",
                text(errno)
            ),
            machine(at, "load the kernel's part for it", "modprobe tcp_diag"),
        ),
    }
}

/// The same for an error message, in one line, of this machine as it is now.
pub(in crate::io) fn in_a_line(step: Step, error: &std::io::Error) -> String {
    in_words(step, errno_of(error), &Circumstances::look().outside())
}

/// The same where we are nobody for the moment, and whether we are `root` is known from before.
pub(in crate::io) fn in_a_line_for(root: bool, step: Step, error: &std::io::Error) -> String {
    let at = Circumstances::look().outside();
    let at = if root { at.as_root() } else { at.as_user() };
    in_words(step, errno_of(error), &at)
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

pub(super) fn in_words(step: Step, errno: Errno, at: &Circumstances) -> String {
    let Remedy { reason, fix } = remedy(step, errno, at);
    let what = fix.map_or_else(String::new, |fix| format!("; {}", fix.in_a_line()));
    // Some fixes say so themselves.
    let sudo = if at.is_root() || what.contains("sudo)") || what.contains("with sudo") {
        ""
    } else {
        ", or run with sudo"
    };
    format!("{reason}{what}{sudo}; wirelab doctor tells more")
}

/// What to do where there is no libpcap, or a `broken` one.
pub fn libpcap(at: &Circumstances, broken: bool) -> Fix {
    let command = match at.family {
        Family::Debian if broken => "apt-get install --reinstall libpcap0.8",
        Family::Fedora if broken => "dnf reinstall libpcap",
        Family::Debian => "apt-get install libpcap0.8",
        Family::Fedora => "dnf install libpcap",
        Family::Arch => "pacman -S libpcap",
        Family::Alpine => "apk add libpcap",
        Family::Suse => "zypper install libpcap1",
        Family::Other => {
            return Fix::Say("install your system's libpcap package (no -dev needed)".to_owned());
        }
    };
    machine(at, "install libpcap (no -dev package needed)", command)
}

/// What to do where `::1` is not to be had: the loopback interface, or all of IPv6.
pub fn ipv6(errno: Errno, at: &Circumstances) -> Remedy {
    if errno == Errno::EAFNOSUPPORT {
        return Remedy::new(
            "this kernel runs without IPv6",
            Fix::Say(
                "start the machine without ipv6.disable=1 on the kernel's command line".to_owned(),
            ),
        );
    }
    let fix = match at.engine() {
        _ if !at.loopback_up => loopback(at),
        Some(engine) => Fix::start(engine, &[Grant::Ipv6]),
        None => machine(
            at,
            "switch IPv6 on, on the loopback interface at least",
            "sysctl -w net.ipv6.conf.lo.disable_ipv6=0",
        ),
    };
    Remedy::new(format!("::1 can't be used: {}", text(errno)), fix)
}

/// A command for this machine's root, run from where that root is to be had.
fn machine(at: &Circumstances, say: &str, command: &str) -> Fix {
    if at.root_at_hand {
        return Fix::run(say, command);
    }
    let say = if at.in_user_namespace {
        format!("{say}; outside of this user namespace")
    } else if at.no_new_privs {
        format!("{say}; in another session: no_new_privs keeps sudo from working in this one")
    } else {
        say.to_owned()
    };
    Fix::run(&say, format!("sudo {command}"))
}

/// The same, with what makes it outlive a restart: text for a file.
fn lasting(at: &Circumstances, say: &str, command: &str, text: &str, file: &str) -> Fix {
    let mut fix = machine(at, say, command);
    if let Fix::Run { lasting, .. } = &mut fix {
        let tee = if at.root_at_hand { "tee" } else { "sudo tee" };
        *lasting = Some(format!("echo '{text}' | {tee} -a {file}"));
    }
    fix
}

/// A setting, now and after the next start.
fn sysctl(at: &Circumstances, say: &str, name: &str, value: &str) -> Fix {
    let quote = if value.contains(' ') { "'" } else { "" };
    lasting(
        at,
        say,
        &format!("sysctl -w {name}={quote}{value}{quote}"),
        &format!("{name} = {value}"),
        "/etc/sysctl.d/60-wirelab.conf",
    )
}

/// Raw and packet sockets need `CAP_NET_RAW` (packet(7), raw(7)).
fn raw(step: Step, errno: Errno, at: &Circumstances) -> Remedy {
    if errno == Errno::EAFNOSUPPORT {
        return match step {
            Step::RawSocket => ipv6(errno, at),
            _ => Remedy::new(
                "this kernel has no packet sockets (CONFIG_PACKET)",
                machine(
                    at,
                    "load them, where they are a module",
                    "modprobe af_packet",
                ),
            ),
        };
    }
    if !matches!(errno, Errno::EPERM | Errno::EACCES) {
        return Remedy::new(text(errno), None);
    }
    let held = at.holds("CAP_NET_RAW");
    let reason = match (held, &at.confined_by) {
        (false, _) => "it takes CAP_NET_RAW".to_owned(),
        (true, Some(profile)) => format!("refused in spite of CAP_NET_RAW: confined by {profile}"),
        (true, None) if at.seccomp => {
            "refused in spite of CAP_NET_RAW, by a seccomp filter".to_owned()
        }
        (true, None) => "refused in spite of CAP_NET_RAW, by a security module".to_owned(),
    };
    Remedy::new(reason, net_raw(at))
}

/// How this process comes by `CAP_NET_RAW`.
pub fn net_raw(at: &Circumstances) -> Fix {
    let binary = quoted(&at.binary.to_string_lossy());
    let given = format!("sudo setcap cap_net_raw+ep {binary}");
    if let Some(engine) = at.engine()
        && !at.bounding.contains("CAP_NET_RAW")
    {
        return Fix::start(engine, &[Grant::NetRaw]);
    }
    if at.in_user_namespace {
        return Fix::run(
            "give the binary the right, outside of this user namespace; run it there",
            given,
        );
    }
    if at.is_root() {
        return Fix::Say(
            "this root lacks CAP_NET_RAW: run wirelab from a shell that has it".to_owned(),
        );
    }
    if at.no_new_privs {
        return Fix::run(
            "give the binary the right, and run it in another session: no_new_privs keeps it from taking effect in this one",
            given,
        );
    }
    if !at.bounding.contains("CAP_NET_RAW") {
        return Fix::Say(
            "not even sudo gives CAP_NET_RAW here (it is not in the bounding set): run wirelab from another session".to_owned(),
        );
    }
    if at.binary_nosuid {
        return Fix::run(
            "run with sudo (wirelab gives the rights up once it has opened the capture): the file system it is on is mounted nosuid, so setcap would have no effect",
            format!("sudo {binary} capture -i any"),
        );
    }
    Fix::run(
        "give the binary the right once (or run it with sudo)",
        given,
    )
}

/// Datagram ICMP sockets are for the groups of `net.ipv4.ping_group_range` (icmp(7)).
fn ping(errno: Errno, at: &Circumstances) -> Remedy {
    match errno {
        Errno::EAFNOSUPPORT => return ipv6(errno, at),
        Errno::EACCES | Errno::EPERM => {}
        other => return Remedy::new(text(other), None),
    }
    let name = "net.ipv4.ping_group_range";
    let reason = match at.ping_groups {
        // Groups that are not mapped are shown as another.
        Some(_) if at.in_user_namespace => format!("{name} has none of our groups"),
        Some((low, high)) if low > high => format!("{name} is '{low} {high}': no group at all"),
        Some((low, high)) => format!("{name} is '{low} {high}', and no group of ours is in it"),
        None => "not for our groups".to_owned(),
    };
    let fix = match at.engine() {
        Some(engine) => Fix::start(engine, &[Grant::PingGroups]),
        None => sysctl(at, "let every group use ICMP sockets", name, "0 2147483647"),
    };
    Remedy::new(reason, fix)
}

/// `unshare(CLONE_NEWNET)` by someone who counts as root.
fn namespace_as_root(errno: Errno, at: &Circumstances) -> Remedy {
    let fix = || match at.engine() {
        Some(engine) => Fix::start(engine, LAB),
        None => {
            Fix::Say("run wirelab as a root that has CAP_SYS_ADMIN and CAP_NET_ADMIN".to_owned())
        }
    };
    match errno {
        Errno::EPERM if !at.holds("CAP_SYS_ADMIN") => {
            Remedy::new("network namespaces take CAP_SYS_ADMIN", fix())
        }
        Errno::EPERM => Remedy::new(
            format!("network namespaces are refused {}", by_whom(at)),
            fix(),
        ),
        Errno::EINVAL | Errno::ENOSYS => Remedy::new(
            "this kernel has no network namespaces (CONFIG_NET_NS)",
            Fix::Say("use a kernel that has them: every distribution's own does".to_owned()),
        ),
        Errno::ENOSPC => too_many_networks(at),
        other => Remedy::new(text(other), None),
    }
}

fn too_many_networks(at: &Circumstances) -> Remedy {
    Remedy::new(
        "no more network namespaces are allowed (user.max_net_namespaces)",
        sysctl(at, "allow more", "user.max_net_namespaces", "15000"),
    )
}

/// Who refuses what capabilities would allow, as far as can be told.
fn by_whom(at: &Circumstances) -> String {
    match (&at.confined_by, at.seccomp) {
        (Some(profile), _) => format!("by the profile {profile}"),
        (None, true) => "by a seccomp filter".to_owned(),
        (None, false) => "by a security module".to_owned(),
    }
}

/// `unshare(CLONE_NEWUSER)` (`user_namespaces`(7)).
fn user_namespace(errno: Errno, at: &Circumstances) -> Remedy {
    let limit = "user.max_user_namespaces";
    match errno {
        Errno::ENOSPC | Errno::EUSERS => {
            let reason = match at.max_user_namespaces {
                Some(0) => format!("{limit} is 0: user namespaces are switched off"),
                Some(n) => format!("no more user namespaces are allowed ({limit} is {n} here)"),
                None => format!("no more user namespaces are allowed ({limit})"),
            };
            Remedy::new(reason, sysctl(at, "allow them", limit, "15000"))
        }
        Errno::EINVAL | Errno::ENOSYS => Remedy::new(
            "this kernel has no user namespaces (CONFIG_USER_NS)",
            Fix::Say("run the lab with sudo, or use a kernel that has them".to_owned()),
        ),
        Errno::EPERM | Errno::EACCES => user_namespace_refused(errno, at),
        other => Remedy::new(text(other), None),
    }
}

fn user_namespace_refused(errno: Errno, at: &Circumstances) -> Remedy {
    if at.unprivileged_userns_clone == Some(0) {
        let name = "kernel.unprivileged_userns_clone";
        return Remedy::new(
            format!("{name} is 0: user namespaces are for root only"),
            sysctl(at, "allow them to users", name, "1"),
        );
    }
    if let Some(engine) = at.engine() {
        let by = by_whom(at);
        return Remedy::new(
            format!("user namespaces are refused {by}, as containers do"),
            Fix::start(engine, LAB),
        );
    }
    if at.apparmor_userns.is_some_and(|restricts| restricts != 0) {
        return apparmor(
            "AppArmor keeps user namespaces from programs without a profile",
            at,
        );
    }
    if errno == Errno::EACCES && at.modules.iter().any(|module| module == "selinux") {
        return Remedy::new(
            "SELinux refuses user namespaces",
            machine(
                at,
                "see what refused it, and allow that",
                "ausearch -m avc -ts recent",
            ),
        );
    }
    if at.seccomp {
        return Remedy::new(
            "a seccomp filter refuses user namespaces",
            Fix::Say("run wirelab outside of the sandbox (systemd's RestrictNamespaces=, Flatpak, a container)".to_owned()),
        );
    }
    Remedy::new(
        "user namespaces are refused: as in a chroot, or by a security module",
        Fix::Say("run wirelab outside of the chroot, or the lab with sudo".to_owned()),
    )
}

/// AppArmor as in Ubuntu 24.04: the namespace is made, and then nothing may be done in it.
fn apparmor(reason: &str, at: &Circumstances) -> Remedy {
    let binary = at.binary.to_string_lossy();
    let sudo = if at.root_at_hand { "" } else { "sudo " };
    let profile = format!(
        "printf 'abi <abi/4.0>,\\nprofile wirelab \"%s\" flags=(unconfined) {{\\n  userns,\\n}}\\n' {} | {sudo}tee /etc/apparmor.d/wirelab && {sudo}apparmor_parser -r /etc/apparmor.d/wirelab",
        quoted(&binary)
    );
    Remedy::new(
        reason,
        Fix::Run {
            say: "give wirelab a profile that allows it; or allow it to every program: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned(),
            commands: vec![profile],
            lasting: None,
        },
    )
}

/// What is refused inside a namespace of our own, where we are root by all rules.
fn inside(step: Step, errno: Errno, at: &Circumstances) -> Remedy {
    let what = match step {
        Step::UserIds => "the user namespace is made, but becoming root in it is refused",
        Step::NamespaceInside => {
            "the user namespace is made, but a network namespace in it is refused"
        }
        Step::TunAttach => "/dev/net/tun opens, but making a TAP of it is refused",
        _ => "the namespace is made, but changing its interfaces is refused",
    };
    if errno == Errno::ENOSPC && step == Step::NamespaceInside {
        return too_many_networks(at);
    }
    let refused = matches!(errno, Errno::EPERM | Errno::EACCES);
    // Since Linux 5.12 root may be mapped only by who has that right (capabilities(7)).
    if refused && step == Step::UserIds && at.is_root() && !at.holds("CAP_SETFCAP") {
        let fix = match at.engine() {
            Some(engine) => Fix::start(engine, LAB),
            None => {
                Fix::Say("run the lab as a user, or as a root that has CAP_SYS_ADMIN".to_owned())
            }
        };
        return Remedy::new(
            "this root has too few rights for namespaces: CAP_SYS_ADMIN, or CAP_SETFCAP",
            fix,
        );
    }
    if refused && at.apparmor_userns.is_some_and(|restricts| restricts != 0) {
        return apparmor(
            &format!("{what}, by AppArmor (kernel.apparmor_restrict_unprivileged_userns)"),
            at,
        );
    }
    if refused && let Some(engine) = at.engine() {
        return Remedy::new(format!("{what} {}", by_whom(at)), Fix::start(engine, LAB));
    }
    if refused && !at.holds("CAP_NET_ADMIN") && at.is_root() {
        return Remedy::new(
            format!("{what}: it takes CAP_NET_ADMIN"),
            Fix::Say("run wirelab as a root that has CAP_NET_ADMIN, or as a user".to_owned()),
        );
    }
    let fix = refused.then(|| Fix::Say("run the lab with sudo".to_owned()));
    let by = if refused {
        format!(" {}", by_whom(at))
    } else {
        String::new()
    };
    Remedy::new(format!("{what}{by}: {}", text(errno)), fix)
}

/// Opening `/dev/net/tun`.
fn tun(errno: Errno, at: &Circumstances) -> Remedy {
    let device = "/dev/net/tun";
    if let Some(engine) = at.engine()
        && matches!(
            errno,
            Errno::ENOENT | Errno::EPERM | Errno::ENXIO | Errno::ENODEV
        )
    {
        return Remedy::new(
            format!("{device} is not given to this container: {}", text(errno)),
            Fix::start(engine, &[Grant::Tun]),
        );
    }
    match errno {
        Errno::ENOENT => {
            let sudo = if at.root_at_hand { "" } else { "sudo " };
            let say = "load the driver; if the device still is not there, make it";
            let mut fix = machine(at, say, "modprobe tun");
            if let Fix::Run { commands, .. } = &mut fix {
                commands.push(format!(
                    "test -e {device} || ({sudo}mkdir -p /dev/net && {sudo}mknod -m 0666 {device} c 10 200)"
                ));
            }
            Remedy::new(format!("there is no {device}"), fix)
        }
        Errno::ENXIO | Errno::ENODEV => Remedy::new(
            format!("{device} is there, its driver is not"),
            machine(at, "load the driver", "modprobe tun"),
        ),
        Errno::EPERM => Remedy::new(
            format!("{device} is kept from us by the device rules of our control group"),
            Fix::Say("run wirelab outside of the service or container, or allow it there: DeviceAllow=/dev/net/tun rw".to_owned()),
        ),
        Errno::EACCES if at.tun_mode.is_none_or(|mode| mode & 0o006 != 0o006) => {
            let mode = at
                .tun_mode
                .map_or_else(String::new, |mode| format!(" (mode {mode:04o})"));
            let fix = lasting(
                at,
                "open it to everybody, as most distributions do",
                "chmod 0666 /dev/net/tun",
                "KERNEL==\"tun\", MODE=\"0666\", OPTIONS+=\"static_node=net/tun\"",
                "/etc/udev/rules.d/60-tun.rules",
            );
            Remedy::new(format!("{device} may not be opened by users{mode}"), fix)
        }
        Errno::EACCES => Remedy::new(
            format!("{device} is kept from us {}", by_whom(at)),
            Fix::Say("run the lab with sudo".to_owned()),
        ),
        other => Remedy::new(format!("{device} can't be opened: {}", text(other)), None),
    }
}

/// Writing to `/proc/sys/net` in a namespace of our own.
fn setting(errno: Errno, at: &Circumstances) -> Remedy {
    let what = "settings of a namespace of our own can't be changed";
    match (errno, at.engine()) {
        (Errno::EROFS | Errno::EACCES | Errno::EPERM, Some(engine)) => Remedy::new(
            format!("{what}: /proc/sys is read-only in this container"),
            Fix::start(engine, LAB),
        ),
        (Errno::EROFS, None) => Remedy::new(
            format!("{what}: /proc/sys is mounted read-only"),
            machine(
                at,
                "mount it writable",
                "mount -o remount,rw,bind /proc/sys",
            ),
        ),
        (Errno::ENOENT, _) => Remedy::new(
            format!("{what}: /proc/sys/net is not there"),
            machine(at, "mount proc", "mount -t proc proc /proc"),
        ),
        (Errno::EPERM | Errno::EACCES, None) if at.apparmor_userns.is_some_and(|r| r != 0) => {
            apparmor(&format!("{what}, by AppArmor"), at)
        }
        (other, _) => Remedy::new(format!("{what}: {}", text(other)), None),
    }
}

/// A congestion control algorithm that connections asked for and did not get.
fn congestion_control(errno: Errno, at: &Circumstances) -> Remedy {
    if errno != Errno::ENOENT {
        return Remedy::new(text(errno), None);
    }
    Remedy::new(
        "not in this kernel, or not loaded",
        machine(at, "load it", "modprobe tcp_cubic"),
    )
}

/// The system's words for an error, without the number.
pub(super) fn text(errno: Errno) -> String {
    errno.desc().to_lowercase()
}

/// What to do where not even this machine itself is to be reached.
pub fn loopback(at: &Circumstances) -> Fix {
    machine(at, "bring the loopback interface up", "ip link set lo up")
}
