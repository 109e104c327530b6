//! Echo requests on sockets: raw ones where there is the right to them, else datagram ICMP sockets
//! (raw(7), icmp(7), ip(7), ipv6(7)).
//!
//! The order is what keeps the rights small: sockets are opened first, then every right is given up
//! ([`super::privileges`]), and only then names are looked up and packets read. What is to be sent and
//! what came of it is [`crate::probe`]'s business.

pub(in crate::io) mod filter;
mod host;
pub(in crate::io) mod options;
pub(in crate::io) mod receive;
mod run;
mod show;
pub(in crate::io) mod socket;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use nix::errno::Errno;

pub use host::{Resolved, resolve};
pub use options::{Options, PathMtu};
pub use run::{Target, Told, run};
pub use show::{Shown, Witness};
pub use socket::{Ready, Sockets, Way};

use super::privileges;

/// Why nothing can be sent. Each says what was tried, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no socket for us.
    #[error("no ICMP socket for IPv{version}: {reason}")]
    NoSocket {
        /// 4 or 6.
        version: u8,
        /// What the kernel said of each kind, and what to do.
        reason: String,
    },
    /// A name has no address of the wanted kind.
    #[error("{host}: {reason}")]
    Unknown {
        /// The name, escaped.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// An option can't be set.
    #[error("{option}: {reason}")]
    Option {
        /// As on the command line.
        option: String,
        /// What the kernel said, and what to do.
        reason: String,
    },
    /// Waiting failed.
    #[error("can't wait for replies: {0}")]
    Wait(Errno),
    /// Whoever is told of events can't take them.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// The version of IP that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Whichever the name has first.
    #[default]
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Version {
    const fn fits(self, v6: bool) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => !v6,
            Self::V6 => v6,
        }
    }

    /// What a host that was named so can turn out to be: IPv4, IPv6.
    pub(in crate::io) fn possible(self, host: &str) -> [bool; 2] {
        let bare = host.split('%').next().unwrap_or(host);
        let literal = bare.parse::<IpAddr>().ok().map(|address| address.is_ipv6());
        [false, true].map(|v6| self.fits(v6) && literal.is_none_or(|it| it == v6))
    }
}

/// Whether short intervals and floods are for us, as iputils decides: the user is root.
pub fn may_flood() -> bool {
    nix::unistd::getuid().is_root()
}

/// The error for a machine that gives no socket of either kind.
pub(in crate::io) fn no_socket(
    v6: bool,
    raw: Option<Errno>,
    datagram: Option<Errno>,
) -> ProbeError {
    let version = if v6 { 6 } else { 4 };
    let words = |errno: Errno| errno.desc().to_lowercase();
    if let Some(errno) = raw.or(datagram)
        && errno == Errno::EAFNOSUPPORT
    {
        let reason = format!("{}; this kernel runs without it", words(errno));
        return ProbeError::NoSocket { version, reason };
    }
    let raw = raw.map(|errno| format!("a raw one needs CAP_NET_RAW ({})", words(errno)));
    let Some(datagram) = datagram else {
        let reason = format!("{}; {}", raw.unwrap_or_default(), privileges::remedy());
        return ProbeError::NoSocket { version, reason };
    };
    let remedy = raw
        .as_ref()
        .map(|_| format!("{}, or ", privileges::remedy()));
    let raw = raw.map(|it| format!("{it}, ")).unwrap_or_default();
    let groups = std::fs::read_to_string(PathBuf::from("/proc/sys/net/ipv4/ping_group_range"));
    let groups = groups.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let groups = groups.unwrap_or_else(|_| "unreadable".to_owned());
    let gid = nix::unistd::getegid();
    // One setting for both versions of IP, whatever its name says.
    let reason = format!(
        "{raw}a datagram one that net.ipv4.ping_group_range ('{groups}') has group {gid} ({}); {}let \
         everyone ping: sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'",
        words(datagram),
        remedy.unwrap_or_default(),
    );
    ProbeError::NoSocket { version, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_needs_a_socket_of_its_kind_only() {
        assert_eq!(Version::Any.possible("10.0.0.1"), [true, false]);
        assert_eq!(Version::Any.possible("fe80::1%eth0"), [false, true]);
        assert_eq!(Version::Any.possible("localhost"), [true, true]);
        assert_eq!(Version::V4.possible("localhost"), [true, false]);
        assert_eq!(Version::V4.possible("::1"), [false, false]);
    }
}
