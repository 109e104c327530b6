//! Names of hosts: looked up as every program does (getaddrinfo(3)), and where the answer can have come
//! from.

use std::fs;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use crate::address::{HostsLine, hosts_lines, nameservers, ways_of_lookup};
use crate::io::clock::Stopwatch;

/// The hosts file.
const HOSTS: &str = "/etc/hosts";
/// Longest configuration that is read, in bytes: a hosts file can be a list of a million names.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What came of looking a name up.
#[derive(Debug)]
pub struct Lookup {
    /// The addresses in the order in which a program should try them, each once.
    pub addresses: Vec<IpAddr>,
    /// How long it took.
    pub took: Duration,
}

/// Where names are looked up on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// In which order: `files` is the hosts file, `dns` is DNS.
    pub ways: Vec<String>,
    /// The lines of the hosts file that have the name.
    pub hosts: Vec<HostsLine>,
    /// The servers that DNS is asked at.
    pub servers: Vec<String>,
    /// Whether gai.conf(5) changes the order of addresses.
    pub order_is_set: bool,
}

impl Sources {
    /// Reads the configuration, as far as it concerns a name. What is not there says nothing.
    pub fn of(name: &str) -> Self {
        let settings = text("/etc/gai.conf");
        let sets_order = |line: &str| {
            let first = line.split_whitespace().next();
            first.is_some_and(|word| ["label", "precedence", "scopev4"].contains(&word))
        };
        Self {
            ways: ways_of_lookup(&text("/etc/nsswitch.conf")),
            hosts: hosts_lines(&text(HOSTS), name),
            servers: nameservers(&text("/etc/resolv.conf")),
            order_is_set: settings.lines().any(sets_order),
        }
    }
}

/// Looks a name up.
///
/// # Errors
///
/// What the resolver said.
pub fn look_up(name: &str) -> io::Result<Lookup> {
    let watch = Stopwatch::start();
    let found = (name, 0).to_socket_addrs()?;
    let mut addresses = Vec::new();
    for address in found.map(|it| it.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(Lookup {
        addresses,
        took: watch.elapsed(),
    })
}

/// The name of this machine; `None` where it has none.
pub fn hostname() -> Option<String> {
    let name = text("/proc/sys/kernel/hostname");
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.to_owned())
}

/// A file as text, as far as it is one and not longer than [`LONGEST`]; empty if it can't be read.
fn text(path: &str) -> String {
    use io::Read;
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_name() {
        let found = look_up("127.0.0.1").unwrap();
        assert_eq!(found.addresses, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn what_is_no_name_is_an_error() {
        assert!(look_up("no such name").is_err());
    }
}
