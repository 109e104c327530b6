//! What to do about a blocker: commands to paste, for this very situation.

use std::collections::BTreeSet;

use super::circumstances::Container;

/// Something that whoever starts a container has to allow in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// `CAP_NET_RAW`: raw and packet sockets.
    NetRaw,
    /// `CAP_NET_ADMIN`: interfaces and their addresses.
    NetAdmin,
    /// `CAP_SYS_ADMIN`: namespaces.
    SysAdmin,
    /// The device `/dev/net/tun`.
    Tun,
    /// No filter of system calls.
    Seccomp,
    /// No profile of the security module.
    AppArmor,
    /// A `/proc/sys` that can be written to.
    SystemPaths,
    /// ICMP sockets for everybody.
    PingGroups,
    /// IPv6.
    Ipv6,
}

/// All that the lab's hosts need.
pub(super) const LAB: &[Grant] = &[
    Grant::NetAdmin,
    Grant::SysAdmin,
    Grant::Tun,
    Grant::Seccomp,
    Grant::AppArmor,
    Grant::SystemPaths,
];

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Run these, and why.
    Run {
        /// What they do, or where to run them.
        say: String,
        /// One line each.
        commands: Vec<String>,
        /// What makes it outlive a restart.
        lasting: Option<String>,
    },
    /// Start the container with more.
    Start {
        /// What runs the container.
        container: Container,
        /// What it has to be given.
        grants: BTreeSet<Grant>,
    },
    /// Nothing can be pasted; this is what there is to say.
    Say(String),
}

impl Fix {
    /// One command, and why.
    pub(super) fn run(say: &str, command: impl Into<String>) -> Self {
        Self::Run {
            say: say.to_owned(),
            commands: vec![command.into()],
            lasting: None,
        }
    }

    /// A container with more.
    pub(super) fn start(container: Container, grants: &[Grant]) -> Self {
        Self::Start {
            container,
            grants: grants.iter().copied().collect(),
        }
    }

    /// In one line, for an error: what it does, and the first thing to paste.
    pub(super) fn in_a_line(&self) -> String {
        match self {
            Self::Run { say, commands, .. } => format!("{say}: {}", commands.join(" && ")),
            Self::Say(say) => say.clone(),
            Self::Start { .. } => format!("{}: {}", self.say(), self.commands().join(" && ")),
        }
    }

    /// What it does, in a sentence.
    pub fn say(&self) -> String {
        match self {
            Self::Run {
                say,
                lasting: Some(_),
                ..
            } => format!("{say}; the last line makes it outlive a restart"),
            Self::Run { say, .. } | Self::Say(say) => say.clone(),
            Self::Start { container, .. } => match container {
                Container::Docker | Container::Podman => {
                    "outside, start the container with more (IMAGE is yours)".to_owned()
                }
                Container::Kubernetes => "give the pod's container more".to_owned(),
                Container::Lxc => "outside, give the container more (CONTAINER is its name)".to_owned(),
                Container::Nspawn => "outside, start the container with more (DIR is its root)".to_owned(),
                Container::Other => "start the container with more rights: ask whoever runs it for a privileged one with /dev/net/tun, or run outside it".to_owned(),
            },
        }
    }

    /// The lines to paste; may be none.
    pub fn commands(&self) -> Vec<String> {
        match self {
            Self::Run {
                commands, lasting, ..
            } => commands.iter().chain(lasting).cloned().collect(),
            Self::Say(_) => Vec::new(),
            Self::Start { container, grants } => start(*container, grants),
        }
    }

    /// Joins what can be done in one go: a container is started once, with all it needs.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        match (&mut *self, other) {
            (
                Self::Start { container, grants },
                Self::Start {
                    container: of,
                    grants: more,
                },
            ) if container == of => {
                grants.extend(more);
                true
            }
            (one, other) => one == other,
        }
    }
}

/// The command that starts a container with `grants`, or gives them to it.
fn start(container: Container, grants: &BTreeSet<Grant>) -> Vec<String> {
    match container {
        Container::Docker | Container::Podman => vec![run(container, grants)],
        Container::Kubernetes => vec![kubernetes(grants)],
        Container::Lxc => lxc(grants),
        Container::Nspawn => vec![nspawn(grants)],
        Container::Other => Vec::new(),
    }
}

fn run(container: Container, grants: &BTreeSet<Grant>) -> String {
    let podman = container == Container::Podman;
    let mut words = vec![if podman { "podman run" } else { "docker run" }];
    words.extend(grants.iter().map(|grant| match grant {
        Grant::NetRaw => "--cap-add=NET_RAW",
        Grant::NetAdmin => "--cap-add=NET_ADMIN",
        Grant::SysAdmin => "--cap-add=SYS_ADMIN",
        Grant::Tun => "--device=/dev/net/tun",
        Grant::Seccomp => "--security-opt=seccomp=unconfined",
        Grant::AppArmor => "--security-opt=apparmor=unconfined",
        Grant::SystemPaths if podman => "--security-opt=unmask=ALL",
        Grant::SystemPaths => "--security-opt=systempaths=unconfined",
        Grant::PingGroups => "--sysctl=net.ipv4.ping_group_range='0 2147483647'",
        Grant::Ipv6 => "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
    }));
    words.push("IMAGE");
    words.join(" ")
}

/// Capabilities can be added by name; devices and `/proc` come with a privileged container only.
fn kubernetes(grants: &BTreeSet<Grant>) -> String {
    let mut names = Vec::new();
    for grant in grants {
        match grant {
            Grant::NetRaw => names.push("NET_RAW"),
            Grant::NetAdmin => names.push("NET_ADMIN"),
            Grant::PingGroups | Grant::Ipv6 => {}
            _ => return "securityContext: {privileged: true}".to_owned(),
        }
    }
    if names.is_empty() {
        names.push("NET_RAW");
    }
    format!(
        "securityContext: {{capabilities: {{add: [{}]}}}}",
        names.join(", ")
    )
}

fn lxc(grants: &BTreeSet<Grant>) -> Vec<String> {
    let mut commands = Vec::new();
    let hosts = [
        Grant::SysAdmin,
        Grant::NetAdmin,
        Grant::NetRaw,
        Grant::Seccomp,
    ];
    if hosts.iter().any(|grant| grants.contains(grant)) {
        commands.push("lxc config set CONTAINER security.nesting=true".to_owned());
    }
    if grants.contains(&Grant::Tun) {
        commands.push(
            "lxc config device add CONTAINER tun unix-char path=/dev/net/tun mode=0666".to_owned(),
        );
    }
    commands.push("lxc restart CONTAINER".to_owned());
    commands
}

fn nspawn(grants: &BTreeSet<Grant>) -> String {
    let mut words = vec!["sudo systemd-nspawn -D DIR"];
    for grant in grants {
        match grant {
            Grant::NetRaw => words.push("--capability=CAP_NET_RAW"),
            Grant::NetAdmin => words.push("--private-network --capability=CAP_NET_ADMIN"),
            Grant::Tun => {
                words.push("--bind=/dev/net/tun --property='DeviceAllow=/dev/net/tun rw'");
            }
            Grant::SystemPaths => words.push("--setenv=SYSTEMD_NSPAWN_API_VFS_WRITABLE=network"),
            _ => {}
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_started_once_with_all_that_was_missing() {
        let mut fix = Fix::start(Container::Docker, &[Grant::NetRaw]);
        assert!(fix.merge(&Fix::start(
            Container::Docker,
            &[Grant::Tun, Grant::NetAdmin]
        )));
        assert_eq!(
            fix.commands(),
            ["docker run --cap-add=NET_RAW --cap-add=NET_ADMIN --device=/dev/net/tun IMAGE"]
        );
        assert!(!fix.merge(&Fix::Say("no".to_owned())));
    }

    #[test]
    fn each_engine_is_told_in_its_own_words() {
        let lab = |container| Fix::start(container, LAB).commands().join("\n");
        assert!(lab(Container::Podman).starts_with("podman run --cap-add=NET_ADMIN"));
        assert!(lab(Container::Podman).contains("unmask=ALL"));
        assert_eq!(
            lab(Container::Kubernetes),
            "securityContext: {privileged: true}"
        );
        assert!(lab(Container::Lxc).contains("tun unix-char path=/dev/net/tun"));
        assert!(lab(Container::Nspawn).contains("DeviceAllow=/dev/net/tun rw"));
        assert_eq!(lab(Container::Other), "");
        assert_eq!(
            Fix::start(Container::Kubernetes, &[Grant::NetRaw]).commands(),
            ["securityContext: {capabilities: {add: [NET_RAW]}}"]
        );
    }
}
