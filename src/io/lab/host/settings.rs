//! Kernel settings of a host (sysctl(8)), written and read back through `/proc/sys`, which shows each
//! thread its own namespace.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::Gid;

use super::allowed;
use super::error::HostError;
use super::link::INTERFACE;
use crate::lab::Side;
use crate::lab::experiment::{Experiment, Ip, Neighbours};

/// Who may send echo requests without rights.
const PINGERS: &str = "net.ipv4.ping_group_range";
/// The algorithm that connections use.
const CONGESTION: &str = "net.ipv4.tcp_congestion_control";

/// What makes a host of a namespace, whatever the machine's own settings are. An experiment may say
/// otherwise.
const HOST: &[(&str, &str)] = &[
    // A new namespace takes these from the machine, which may be a router: of containers, say.
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    // Each segment is acknowledged for itself, also while a program is just reading the socket: how many
    // ACKs there are must not depend on that.
    ("net.ipv4.tcp_backlog_ack_defer", "0"),
    // Programs have no rights, and may still want to be an HTTP server.
    ("net.ipv4.ip_unprivileged_port_start", "0"),
];

/// Where IPv6 is the subject.
const HOST_V6: &[(&str, &str)] = &[
    ("net.ipv6.conf.all.forwarding", "0"),
    // Duplicate address detection at once, and by one probe.
    ("net.ipv6.conf.default.dad_transmits", "1"),
    ("net.ipv6.conf.default.router_solicitation_delay", "0"),
];

/// The settings of a host.
#[derive(Debug)]
pub(super) struct Settings {
    side: Side,
    /// What is wanted and not written yet.
    wanted: Vec<(String, String)>,
    /// What was pinned, as read back.
    pub(super) pinned: BTreeMap<String, String>,
    /// What this kernel does not have, or does not let us change.
    pub(super) missing: Vec<String>,
    /// The congestion control that a network namespace may not have by default, so that the route has
    /// to say it.
    pub(super) congestion: Option<String>,
}

impl Settings {
    /// Those of that host; `group` is the one that its programs run as.
    pub(super) fn new(side: Side, experiment: &Experiment, group: Gid) -> Self {
        let mut by_experiment = experiment.sysctls(side);
        // The profile means: whoever runs the experiment.
        if let Some(pingers) = by_experiment.get_mut(PINGERS)
            && pingers == "0 0"
        {
            *pingers = format!("{group} {group}");
        }
        let network = &experiment.network;
        let mut host = HOST.to_vec();
        if network.ip == Ip::V6 {
            host.extend(HOST_V6);
            // Link-local addresses only where neighbours are the subject.
            let mode = match network.neighbours {
                Neighbours::Known => "1",
                Neighbours::Learnt => "0",
            };
            host.push(("net.ipv6.conf.default.addr_gen_mode", mode));
        }
        // In this order, for `ip_forward` changes others.
        let host = host
            .iter()
            .filter(|(key, _)| !by_experiment.contains_key(*key));
        let host = host.map(|&(key, value)| (key.to_owned(), value.to_owned()));
        let mut wanted: Vec<_> = host.collect();
        wanted.extend(by_experiment);
        Self {
            side,
            wanted,
            pinned: BTreeMap::new(),
            missing: allowed::refused(side, experiment),
            congestion: None,
        }
    }

    /// Writes those that don't need the interface: before it is there, so that it begins with them.
    pub(super) fn write_general(&mut self) -> Result<(), HostError> {
        let of_interface = format!(".{INTERFACE}.");
        let (later, now): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wanted)
            .into_iter()
            .partition(|(key, _)| key.contains(&of_interface));
        self.wanted = later;
        now.iter()
            .try_for_each(|(key, value)| self.write(key, value))
    }

    /// Writes those of the interface, and reads all of them back.
    pub(super) fn write_rest(&mut self) -> Result<(), HostError> {
        for (key, value) in std::mem::take(&mut self.wanted) {
            self.write(&key, &value)?;
        }
        for (key, value) in &mut self.pinned {
            if let Some(stands) = stands(key) {
                *value = stands;
            }
        }
        if let Some(algorithm) = &self.congestion {
            self.pinned.insert(CONGESTION.to_owned(), algorithm.clone());
        }
        Ok(())
    }

    fn write(&mut self, key: &str, value: &str) -> Result<(), HostError> {
        let fail = |reason: String, remedy| HostError::Setting {
            side: self.side,
            key: key.to_owned(),
            value: value.to_owned(),
            reason,
            remedy,
        };
        let Some(path) = path(key) else {
            return Err(fail(
                "this is no setting of a network".to_owned(),
                "settings are named as sysctl(8) does, and begin with net.",
            ));
        };
        let Err(error) = fs::write(&path, value) else {
            self.pinned.insert(key.to_owned(), value.to_owned());
            return Ok(());
        };
        let stands = match read(&path) {
            Ok(stands) => stands,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // What only makes a host of a namespace, an older kernel need not have.
                if !HOST.iter().chain(HOST_V6).any(|(own, _)| *own == key) {
                    self.missing.push(key.to_owned());
                }
                return Ok(());
            }
            Err(error) => return Err(fail(error.to_string(), "run wirelab doctor")),
        };
        if stands == words(value) {
            self.pinned.insert(key.to_owned(), stands);
            return Ok(());
        }
        match error.raw_os_error() {
            // What the machine itself does not use by default is kept from namespaces, but a route may
            // ask for it.
            Some(libc::EPERM) if key == CONGESTION => {
                self.congestion = Some(value.to_owned());
                self.pinned.insert(key.to_owned(), value.to_owned());
            }
            Some(libc::ENOENT | libc::EPERM | libc::EACCES) => {
                self.missing
                    .push(format!("{key} = \"{value}\" ({error}; it is \"{stands}\")"));
                self.pinned.insert(key.to_owned(), stands);
            }
            Some(libc::EROFS) => {
                return Err(fail(
                    error.to_string(),
                    "in a container, start it with --privileged, or with \
                     --security-opt systempaths=unconfined",
                ));
            }
            _ => {
                let reason = format!("{error}; it is \"{stands}\"");
                return Err(fail(reason, "correct the value"));
            }
        }
        Ok(())
    }
}

/// Where a setting is found; `None` when it is none of a network's, which alone are a host's own.
fn path(key: &str) -> Option<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_one = key.starts_with("net.") && key.chars().all(plain) && !key.contains("..");
    is_one.then(|| PathBuf::from("/proc/sys").join(key.replace('.', "/")))
}

fn read(path: &Path) -> io::Result<String> {
    Ok(words(&fs::read_to_string(path)?))
}

/// What a setting is in this thread's namespace; `None` when it is not to be seen there.
pub(super) fn stands(key: &str) -> Option<String> {
    read(&path(key)?).ok()
}

/// The value as people write it: words with a space between them, where the kernel has tabs.
fn words(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_of_a_network_are_ones_of_a_host() {
        let found = path("net.ipv4.tcp_sack").unwrap();
        assert_eq!(found, PathBuf::from("/proc/sys/net/ipv4/tcp_sack"));
        for wrong in ["kernel.hostname", "net..", "net.a/../b", "net.é", "net", ""] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_an_experiment_says_comes_last_and_once() {
        let text = "title = 't'\nlook_for = 'l'\n[sysctl]\n'net.ipv4.ip_forward' = '1'";
        let experiment = Experiment::parse(text).unwrap();
        let settings = Settings::new(Side::Client, &experiment, Gid::from_raw(1000));
        let values = |key: &str| -> Vec<&str> {
            let all = settings.wanted.iter().filter(|(name, _)| name == key);
            all.map(|(_, value)| &**value).collect()
        };
        assert_eq!(values("net.ipv4.ip_forward"), ["1"]);
        assert_eq!(values(PINGERS), ["1000 1000"]);
        assert_eq!(values("net.ipv4.conf.all.rp_filter"), ["0"]);
    }
}
