//! Diagnoses of situations that this machine is not in, and what a report makes of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nix::errno::Errno::{self, EACCES, EINVAL, ENOENT, ENOSPC, ENXIO, EPERM, EROFS};
use nix::unistd::Uid;

use super::remedy::{in_words, ipv6, libpcap, net_raw, remedy};
use super::*;

/// A user of a plain Debian machine where nothing is unusual.
fn user() -> Circumstances {
    let all = ["CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"];
    Circumstances {
        uid: Uid::from_raw(1000),
        root_at_hand: false,
        held: BTreeSet::new(),
        bounding: all.map(str::to_owned).into(),
        no_new_privs: false,
        seccomp: false,
        in_user_namespace: false,
        container: None,
        wsl: false,
        family: Family::Debian,
        modules: Vec::new(),
        confined_by: None,
        apparmor_userns: None,
        max_user_namespaces: Some(30_000),
        unprivileged_userns_clone: None,
        ping_groups: Some((1, 0)),
        loopback_up: true,
        tun_mode: Some(0o600),
        binary: PathBuf::from("/usr/bin/wirelab"),
        binary_nosuid: false,
    }
}

/// Root of that machine.
fn root() -> Circumstances {
    let user = user();
    Circumstances {
        uid: Uid::from_raw(0),
        root_at_hand: true,
        held: user.bounding.clone(),
        ..user
    }
}

/// Root of a container of Docker's, as it starts one by itself.
fn docker() -> Circumstances {
    let few: BTreeSet<_> = ["CAP_NET_RAW".to_owned()].into();
    Circumstances {
        held: few.clone(),
        bounding: few,
        seccomp: true,
        container: Some(Container::Docker),
        ..root()
    }
}

fn with(mut at: Circumstances, change: impl FnOnce(&mut Circumstances)) -> Circumstances {
    change(&mut at);
    at
}

fn in_text(found: &Remedy) -> String {
    let fix = found.fix.as_ref();
    let commands = fix.map(Fix::commands).unwrap_or_default();
    let say = fix.map(Fix::say).unwrap_or_default();
    format!("{} | {say} | {}", found.reason, commands.join(" ; "))
}

/// Each situation, and what has to be in its diagnosis and what must not.
#[rustfmt::skip] // a table reads best as one
#[test]
fn each_refusal_is_explained_by_the_situation() {
    let ubuntu = with(user(), |at| at.apparmor_userns = Some(1));
    let cases: &[(Step, Errno, Circumstances, &[&str], &str)] = &[
        (Step::UserNamespace, ENOSPC, with(user(), |at| at.max_user_namespaces = Some(0)),
            &["user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=15000", "60-wirelab.conf"], "docker"),
        (Step::UserNamespace, EPERM, with(user(), |at| at.unprivileged_userns_clone = Some(0)),
            &["sudo sysctl -w kernel.unprivileged_userns_clone=1"], "chroot"),
        (Step::UserNamespace, EPERM, user(), &["chroot", "with sudo"], "sysctl"),
        (Step::UserNamespace, EPERM, with(user(), |at| at.seccomp = true), &["seccomp", "sandbox"], "sysctl"),
        (Step::UserNamespace, EINVAL, user(), &["CONFIG_USER_NS"], "sysctl"),
        (Step::UserNamespace, EACCES, with(user(), |at| at.modules = vec!["selinux".to_owned()]),
            &["SELinux", "sudo ausearch"], "apparmor"),
        (Step::UserNamespace, EPERM, with(docker(), |at| at.uid = Uid::from_raw(1000)),
            &["seccomp filter", "docker run", "--security-opt=seccomp=unconfined"], "sysctl"),
        (Step::UserIds, EPERM, ubuntu.clone(),
            &["AppArmor", "apparmor_parser -r /etc/apparmor.d/wirelab", "/usr/bin/wirelab", "userns,"], "docker"),
        (Step::UserIds, EPERM, with(root(), |at| at.held.clear()), &["CAP_SETFCAP"], "docker"),
        (Step::Interface, EPERM, ubuntu.clone(), &["AppArmor", "apparmor_parser"], "CAP_"),
        (Step::NetworkNamespace, EPERM, ubuntu, &["AppArmor", "apparmor_parser"], "CAP_SYS_ADMIN"),
        (Step::NetworkNamespace, EPERM, docker(),
            &["CAP_SYS_ADMIN", "docker run", "--cap-add=SYS_ADMIN", "--device=/dev/net/tun"], "sudo"),
        (Step::NamespaceInside, ENOSPC, user(), &["user.max_net_namespaces"], "docker"),
        (Step::TunOpen, ENOENT, user(), &["no /dev/net/tun", "sudo modprobe tun", "sudo mknod -m 0666"], "docker"),
        (Step::TunOpen, ENOENT, root(), &["modprobe tun"], "sudo"),
        (Step::TunOpen, ENOENT, docker(), &["docker run --device=/dev/net/tun IMAGE"], "modprobe"),
        (Step::TunOpen, EPERM, docker(), &["docker run --device=/dev/net/tun IMAGE"], "chmod"),
        (Step::TunOpen, EACCES, user(), &["mode 0600", "sudo chmod 0666 /dev/net/tun", "udev"], "docker"),
        (Step::TunOpen, EACCES, with(user(), |at| at.tun_mode = Some(0o666)), &["security module"], "chmod"),
        (Step::TunOpen, ENXIO, user(), &["sudo modprobe tun"], "mknod"),
        (Step::TunAttach, EPERM, docker(), &["docker run", "--cap-add=NET_ADMIN"], "sudo"),
        (Step::Setting, EROFS, docker(), &["read-only", "systempaths=unconfined"], "remount"),
        (Step::Setting, EROFS, root(), &["mount -o remount,rw,bind /proc/sys"], "sudo"),
        (Step::CongestionControl, ENOENT, user(), &["sudo modprobe tcp_cubic"], "docker"),
        (Step::PingSocket, EACCES, user(), &["'1 0': no group", "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'"], "setcap"),
        (Step::PingSocket, EACCES, with(user(), |at| at.ping_groups = Some((5, 6))), &["'5 6', and no group of ours"], "setcap"),
        (Step::PingSocket, EACCES, docker(), &["docker run --sysctl=net.ipv4.ping_group_range='0 2147483647'"], "sudo"),
        (Step::PacketSocket, EPERM, user(), &["CAP_NET_RAW", "sudo setcap cap_net_raw+ep /usr/bin/wirelab"], "docker"),
        (Step::RawSocket, EPERM, with(docker(), |at| { at.held.clear(); at.bounding.clear(); }),
            &["docker run --cap-add=NET_RAW IMAGE"], "setcap"),
        (Step::RawSocket, Errno::EAFNOSUPPORT, user(), &["without IPv6", "ipv6.disable=1"], "setcap"),
    ];
    for (step, errno, at, has, has_not) in cases {
        let text = in_text(&remedy(*step, *errno, at));
        for part in *has {
            assert!(text.contains(part), "{step:?} {errno}: no {part:?} in: {text}");
        }
        assert!(!text.contains(has_not), "{step:?} {errno}: {has_not:?} in: {text}");
    }
}

#[test]
fn the_right_to_capture_is_given_where_it_takes_effect() {
    let text = |at: &Circumstances| {
        let fix = net_raw(at);
        format!("{} | {}", fix.say(), fix.commands().join(" ; "))
    };
    assert!(text(&with(user(), |at| at.no_new_privs = true)).contains("another session"));
    let nosuid = with(user(), |at| at.binary_nosuid = true);
    assert!(text(&nosuid).contains("| sudo /usr/bin/wirelab capture"));
    let unbound = with(user(), |at| at.bounding.clear());
    assert!(text(&unbound).contains("not even sudo"));
    assert!(text(&with(root(), |at| at.held.clear())).contains("this root lacks CAP_NET_RAW"));
    let spaced = with(user(), |at| at.binary = PathBuf::from("/my lab/wirelab"));
    assert!(text(&spaced).ends_with("sudo setcap cap_net_raw+ep '/my lab/wirelab'"));
}

#[test]
fn libpcap_is_installed_as_the_distribution_does() {
    for (family, command) in [
        (Family::Debian, "sudo apt-get install libpcap0.8"),
        (Family::Fedora, "sudo dnf install libpcap"),
        (Family::Arch, "sudo pacman -S libpcap"),
        (Family::Alpine, "sudo apk add libpcap"),
        (Family::Suse, "sudo zypper install libpcap1"),
    ] {
        let fix = libpcap(&with(user(), |at| at.family = family), false);
        assert_eq!(fix.commands(), [command]);
    }
    let broken = Fix::commands(&libpcap(&root(), true));
    assert_eq!(broken, ["apt-get install --reinstall libpcap0.8"]);
    assert_eq!(
        libpcap(&root(), false).commands(),
        ["apt-get install libpcap0.8"]
    );
    assert!(
        libpcap(&with(user(), |at| at.family = Family::Other), false)
            .commands()
            .is_empty()
    );
}

#[test]
fn ipv6_is_missing_for_one_of_three_reasons() {
    let text = |errno, at: &Circumstances| in_text(&ipv6(errno, at));
    let none = Errno::EADDRNOTAVAIL;
    assert!(text(none, &user()).contains("sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0"));
    let down = with(root(), |at| at.loopback_up = false);
    assert!(text(none, &down).ends_with("| ip link set lo up"));
    assert!(text(Errno::EAFNOSUPPORT, &user()).contains("ipv6.disable=1"));
}

#[test]
fn a_machine_made_from_a_containers_image_is_none() {
    let privileged = with(root(), |at| at.container = Some(Container::Docker));
    assert_eq!(privileged.engine(), None);
    assert_eq!(docker().engine(), Some(Container::Docker));
}

#[test]
fn an_error_message_has_the_remedy_in_one_line() {
    let text = in_words(Step::TunOpen, EACCES, &user());
    assert_eq!(
        text,
        "/dev/net/tun may not be opened by users (mode 0600); open it to everybody, as most \
         distributions do: sudo chmod 0666 /dev/net/tun, or run with sudo; wirelab doctor tells more"
    );
    let text = in_words(Step::RawSocket, EPERM, &user());
    assert_eq!(text.matches("with sudo").count(), 1, "{text}");
    // Root can't be helped by sudo.
    let text = in_words(Step::NetworkNamespace, EPERM, &docker());
    assert!(!text.contains("or run with sudo"), "{text}");
}

/// A report where everything works, but for what is changed.
fn report(at: Circumstances, broken: &[(&'static str, Remedy)]) -> Report {
    let names = [
        ("libpcap", Subject::Capture),
        ("bpf", Subject::Capture),
        ("packet-socket", Subject::Capture),
        ("capture", Subject::Capture),
        ("icmp-ipv4", Subject::Packets),
        ("raw-ipv4", Subject::Packets),
        ("network-namespace", Subject::Lab),
        ("tun-device", Subject::Lab),
        ("hosts", Subject::Lab),
        ("cubic", Subject::Lab),
    ];
    let probes =
        names.map(
            |(name, subject)| match broken.iter().find(|(broken, _)| *broken == name) {
                Some((_, remedy)) => Probe::blocked(name, subject, remedy.clone()),
                None => Probe::ok(name, subject, "fine"),
            },
        );
    Report {
        circumstances: at,
        probes: probes.into(),
    }
}

fn ability(report: &Report, name: &str) -> Ability {
    let all = report.abilities();
    all.into_iter()
        .find(|it| it.name == name)
        .expect("it is there")
}

#[test]
fn all_is_well_where_capture_and_lab_work() {
    let well = report(root(), &[]);
    assert!(well.is_well() && well.fixes().is_empty());
    assert!(well.abilities().iter().all(|it| it.works));
    assert_eq!(ability(&well, "lab").how, "as root");
    assert_eq!(
        ability(&report(user(), &[]), "lab").how,
        "without root, in a user namespace"
    );
    // What there is another way for, or the lab does without, is no reason to fail.
    let ping = remedy(Step::PingSocket, EACCES, &user());
    let cubic = remedy(Step::CongestionControl, ENOENT, &user());
    let less = report(user(), &[("icmp-ipv4", ping), ("cubic", cubic)]);
    assert!(less.is_well());
    assert_eq!(ability(&less, "ping").how, "by the right to raw sockets");
    assert!(less.fixes().iter().all(|task| !task.needed));
}

#[test]
fn what_is_blocked_is_told_with_one_fix_for_all_it_blocks() {
    let at = user();
    let raw = |step| remedy(step, EPERM, &at);
    let broken = report(
        at.clone(),
        &[
            ("packet-socket", raw(Step::PacketSocket)),
            ("capture", raw(Step::PacketSocket)),
            ("raw-ipv4", raw(Step::RawSocket)),
            ("tun-device", remedy(Step::TunOpen, EACCES, &at)),
        ],
    );
    assert!(!broken.is_well());
    assert!(!ability(&broken, "capture").works && ability(&broken, "replay").works);
    let lab = ability(&broken, "lab");
    assert!(
        !lab.works && lab.how.ends_with("lab falls back to recordings"),
        "{}",
        lab.how
    );
    let tasks = broken.fixes();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].probes, ["packet-socket", "capture", "raw-ipv4"]);
    assert!(tasks.iter().all(|task| task.needed));
}

#[test]
fn a_container_is_told_once_what_it_has_to_be_given() {
    let at = with(docker(), |at| {
        at.held.clear();
        at.bounding.clear();
    });
    let broken = report(
        at.clone(),
        &[
            ("packet-socket", remedy(Step::PacketSocket, EPERM, &at)),
            (
                "network-namespace",
                remedy(Step::NetworkNamespace, EPERM, &at),
            ),
            ("tun-device", remedy(Step::TunOpen, ENOENT, &at)),
        ],
    );
    let tasks = broken.fixes();
    assert_eq!(tasks.len(), 1);
    let [command] = &tasks[0].fix.commands()[..] else {
        panic!("{tasks:?}");
    };
    for flag in [
        "--cap-add=NET_RAW",
        "--cap-add=SYS_ADMIN",
        "--device=/dev/net/tun",
    ] {
        assert_eq!(command.matches(flag).count(), 1, "{command}");
    }
}
