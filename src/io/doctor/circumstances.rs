//! What surrounds this process and explains why it is refused something: rights, namespaces,
//! security modules, a container.
//!
//! Nothing here decides whether something works: that is tried. This is read to say why it did
//! not, and whom to ask. Sources: proc(5), capabilities(7), `user_namespaces`(7), os-release(5).

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use caps::{CapSet, Capability};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Uid, geteuid};

use crate::io::interfaces;

/// How packages are installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Debian, Ubuntu and what is made of them.
    Debian,
    /// Fedora, RHEL and what is made of them.
    Fedora,
    /// Arch.
    Arch,
    /// Alpine.
    Alpine,
    /// openSUSE and SLE.
    Suse,
    /// Something else.
    Other,
}

/// What this process runs in, where that is no machine of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// A pod of Kubernetes.
    Kubernetes,
    /// LXC or Incus.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
    /// A container of some other make.
    Other,
}

impl Container {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
            Self::Kubernetes => "Kubernetes",
            Self::Lxc => "LXC",
            Self::Nspawn => "systemd-nspawn",
            Self::Other => "a container",
        }
    }
}

/// Where we are and what we hold.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The effective user.
    pub uid: Uid,
    /// Whether whoever asks is root of this machine, and needs no sudo.
    pub root_at_hand: bool,
    /// The effective capabilities.
    pub held: BTreeSet<String>,
    /// Capabilities that an executed file could still give.
    pub bounding: BTreeSet<String>,
    /// Whether nothing executed from here on gains rights: sudo and file capabilities do nothing.
    pub no_new_privs: bool,
    /// Whether a seccomp filter is installed.
    pub seccomp: bool,
    /// Whether we are in a user namespace that is not the first.
    pub in_user_namespace: bool,
    /// The container, as far as there are hints of one.
    pub container: Option<Container>,
    /// Whether the kernel is that of Windows.
    pub wsl: bool,
    /// The family of the distribution.
    pub family: Family,
    /// The active Linux security modules, where they can be read.
    pub modules: Vec<String>,
    /// The AppArmor profile or SELinux context that confines us.
    pub confined_by: Option<String>,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    pub apparmor_userns: Option<u64>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, Debian's own.
    pub unprivileged_userns_clone: Option<u64>,
    /// `net.ipv4.ping_group_range`: the first and the last group.
    pub ping_groups: Option<(u64, u64)>,
    /// Whether the loopback interface is up.
    pub loopback_up: bool,
    /// The permission bits of `/dev/net/tun`.
    pub tun_mode: Option<u32>,
    /// Our own path.
    pub binary: PathBuf,
    /// Whether the file system of our binary takes no notice of file capabilities.
    pub binary_nosuid: bool,
}

impl Circumstances {
    /// Looks around. What can't be read stays unknown.
    pub fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let binary = env::current_exe().unwrap_or_else(|_| PathBuf::from("/path/to/wirelab"));
        let release = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
        let kernel = read("/proc/sys/kernel/osrelease").unwrap_or_default();
        let uid = geteuid();
        let in_user_namespace = read("/proc/self/uid_map").is_some_and(|map| !is_whole(&map));
        Self {
            uid,
            root_at_hand: uid.is_root() && !in_user_namespace,
            held: capabilities(CapSet::Effective),
            bounding: capabilities(CapSet::Bounding),
            no_new_privs: field(&status, "NoNewPrivs") == Some("1"),
            seccomp: field(&status, "Seccomp").is_some_and(|mode| mode != "0"),
            in_user_namespace,
            container: container(),
            wsl: kernel.to_lowercase().contains("microsoft"),
            family: family(&release.unwrap_or_default()),
            modules: read("/sys/kernel/security/lsm")
                .map(|list| list.trim().split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            confined_by: confinement(),
            apparmor_userns: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            ping_groups: ping_groups(),
            loopback_up: interfaces::is_up("lo") != Some(false),
            tun_mode: fs::metadata("/dev/net/tun")
                .ok()
                .map(|found| found.permissions().mode() & 0o777),
            binary_nosuid: is_nosuid(&binary),
            binary,
        }
    }

    /// The same, as it is outside of a user namespace that holds nobody but whoever made it: the one
    /// that the lab makes, or `unshare -r`. What stands in the way is there, and so are the remedies.
    #[must_use]
    pub(super) fn outside(self) -> Self {
        let map = read("/proc/thread-self/uid_map").unwrap_or_default();
        // Empty as long as nobody is in it.
        let uid = if map.trim().is_empty() {
            Some(self.uid.as_raw())
        } else {
            alone_in(&map)
        };
        match uid {
            Some(uid) => Self {
                uid: Uid::from_raw(uid),
                in_user_namespace: false,
                root_at_hand: uid == 0,
                held: BTreeSet::new(),
                ..self
            },
            None => self,
        }
    }

    /// The same, as a root without rights has it.
    #[must_use]
    pub(super) fn as_root(&self) -> Self {
        Self {
            uid: Uid::from_raw(0),
            root_at_hand: true,
            held: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// The same, as a user without rights has it whom this root asks for.
    #[must_use]
    pub(super) fn as_user(&self) -> Self {
        Self {
            uid: Uid::from_raw(65_534),
            held: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// Whether we are root, be it only in a container.
    pub fn is_root(&self) -> bool {
        self.uid.is_root()
    }

    /// Whether we hold this capability, named as in capabilities(7).
    pub fn holds(&self, capability: &str) -> bool {
        self.held.contains(capability)
    }

    /// Whether we may make namespaces by our own right.
    pub fn holds_lab(&self) -> bool {
        self.holds("CAP_SYS_ADMIN") && self.holds("CAP_NET_ADMIN")
    }

    /// The container, if it is what limits us: a privileged one does not, nor does a machine that
    /// was made from a container's image.
    pub fn engine(&self) -> Option<Container> {
        let lacks = WANTED.iter().any(|name| !self.bounding.contains(*name));
        self.container
            .filter(|_| lacks || self.seccomp || self.in_user_namespace)
    }

    /// What stands out, in a line; empty on a plain machine.
    pub fn summary(&self) -> Vec<String> {
        let mut parts = Vec::new();
        parts.push(match (self.uid.as_raw(), self.held.len()) {
            (0, _) if self.in_user_namespace => "root of a user namespace".to_owned(),
            (0, _) => "root".to_owned(),
            (uid, 0) => format!("user {uid}, no capabilities"),
            (uid, _) => format!("user {uid} with {}", join(&self.held)),
        });
        let lacks: BTreeSet<String> = WANTED
            .iter()
            .filter(|name| self.is_root() && !self.holds(name))
            .map(|name| (*name).to_owned())
            .collect();
        if !lacks.is_empty() {
            parts.push(format!("without {}", join(&lacks)));
        }
        if let Some(container) = self.container {
            parts.push(format!("signs of {}", container.name()));
        }
        if self.wsl {
            parts.push("WSL".to_owned());
        }
        if self.seccomp {
            parts.push("a seccomp filter".to_owned());
        }
        if self.no_new_privs {
            parts.push("no_new_privs".to_owned());
        }
        if let Some(profile) = &self.confined_by {
            parts.push(format!("confined by {profile}"));
        }
        if self.apparmor_userns == Some(1) {
            parts.push("AppArmor restricts user namespaces".to_owned());
        }
        parts
    }
}

/// The capabilities that anything here asks for.
const WANTED: [&str; 3] = ["CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"];

fn join(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn capabilities(set: CapSet) -> BTreeSet<String> {
    caps::read(None, set)
        .map(|held| held.iter().map(Capability::to_string).collect())
        .unwrap_or_default()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn number(path: &str) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

/// A line of `/proc/self/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

/// Whether a uid map is that of the first user namespace: all ids onto themselves.
fn is_whole(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Who is root of a user namespace that holds nobody else, by their id outside.
fn alone_in(map: &str) -> Option<u32> {
    let mut words = map.split_whitespace();
    let (inside, outside, count) = (words.next()?, words.next()?, words.next()?);
    let alone = inside == "0" && count == "1" && words.next().is_none();
    alone.then(|| outside.parse().ok()).flatten()
}

fn ping_groups() -> Option<(u64, u64)> {
    let text = read("/proc/sys/net/ipv4/ping_group_range")?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The profile or context that the security module has us in, unless it is none.
fn confinement() -> Option<String> {
    let text =
        read("/proc/self/attr/apparmor/current").or_else(|| read("/proc/self/attr/current"))?;
    let text = text.trim_matches(['\0', '\n', ' ']);
    let free = text.is_empty() || text == "unconfined" || text.contains(":unconfined_t:");
    (!free).then(|| text.escape_debug().to_string())
}

fn is_nosuid(binary: &Path) -> bool {
    statvfs(binary).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOSUID))
}

/// The container, by what container engines leave: files of theirs, the environment of the first
/// process where it may be read, the names of control groups.
fn container() -> Option<Container> {
    if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Some(Container::Kubernetes);
    }
    if Path::new("/run/.containerenv").exists() {
        return Some(Container::Podman);
    }
    if Path::new("/.dockerenv").exists() {
        return Some(Container::Docker);
    }
    let told = read("/run/systemd/container")
        .or_else(|| read("/run/host/container-manager"))
        .or_else(|| env::var("container").ok());
    if let Some(told) = told {
        return Some(match told.trim() {
            "docker" => Container::Docker,
            "podman" => Container::Podman,
            "lxc" | "lxc-libvirt" | "incus" => Container::Lxc,
            "systemd-nspawn" => Container::Nspawn,
            _ => Container::Other,
        });
    }
    let groups = read("/proc/1/cgroup").unwrap_or_default();
    let kinds = [
        ("kubepods", Container::Kubernetes),
        ("docker", Container::Docker),
        ("libpod", Container::Podman),
        ("lxc", Container::Lxc),
        ("containerd", Container::Other),
    ];
    let found = kinds.iter().find(|(word, _)| groups.contains(word));
    found.map(|(_, container)| *container)
}

/// The family from `ID` and `ID_LIKE`.
fn family(release: &str) -> Family {
    let value = |key: &str| {
        let mut lines = release.lines();
        let line = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default()
            .trim_matches(['"', '\''])
            .to_lowercase()
    };
    let words = format!("{} {}", value("ID"), value("ID_LIKE"));
    for word in words.split_whitespace() {
        match word {
            "debian" | "ubuntu" => return Family::Debian,
            "fedora" | "rhel" | "centos" => return Family::Fedora,
            "arch" => return Family::Arch,
            "alpine" => return Family::Alpine,
            "suse" | "opensuse" | "sles" => return Family::Suse,
            _ => {}
        }
    }
    Family::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_name_or_what_it_is_like() {
        let cases = [
            ("NAME=x\nID=debian\n", Family::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"",
                Family::Fedora,
            ),
            ("ID=arch", Family::Arch),
            ("ID=alpine", Family::Alpine),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"",
                Family::Suse,
            ),
            ("ID=void", Family::Other),
            ("", Family::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(family(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_first_user_namespace_maps_all_ids_onto_themselves() {
        assert!(is_whole("         0          0 4294967295\n"));
        assert!(!is_whole("         0       1000          1\n"));
        assert!(!is_whole("0 0 1\n1 100000 65535\n"));
    }

    #[test]
    fn who_is_alone_in_a_namespace_is_known_by_the_id_outside() {
        assert_eq!(alone_in("         0       1000          1\n"), Some(1000));
        assert_eq!(alone_in("         0          0 4294967295\n"), None);
        assert_eq!(alone_in("0 1000 1\n1 100000 65536\n"), None);
        assert_eq!(alone_in(""), None);
    }

    #[test]
    fn a_field_of_the_status_is_found_by_its_whole_name() {
        let status = "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(field(status, "NoNewPrivs"), Some("1"));
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert_eq!(field(status, "Sec"), None);
    }
}
