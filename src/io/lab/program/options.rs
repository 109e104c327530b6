//! Options of sockets: from an experiment's words to `setsockopt` (socket(7), tcp(7), ip(7), ipv6(7)).

use std::fs;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::failure::{Done, Failure};
use super::record::{Entry, Recorder};
use crate::io::sys::sockopt;
use crate::lab::experiment::Options;

/// An option as `setsockopt` takes it.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) level: i32,
    pub(super) option: i32,
    pub(super) value: Vec<u8>,
    /// The value for a person.
    shown: String,
}

impl Setting {
    fn number(name: &'static str, level: i32, option: i32, value: i32) -> Self {
        Self {
            name,
            level,
            option,
            value: value.to_ne_bytes().to_vec(),
            shown: value.to_string(),
        }
    }

    /// `SO_LINGER` for no time at all: `close` throws away what is unsent, and sends an RST.
    pub(super) fn abort() -> Self {
        Self {
            name: "SO_LINGER",
            level: libc::SOL_SOCKET,
            option: libc::SO_LINGER,
            // `struct linger`: whether, and for how many seconds.
            value: [1_i32, 0].iter().flat_map(|n| n.to_ne_bytes()).collect(),
            shown: "on, 0 s".to_owned(),
        }
    }

    /// Errors of ICMP messages are kept, each with who sent it.
    pub(super) fn keep_errors(v6: bool) -> Self {
        if v6 {
            Self::number("IPV6_RECVERR", libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
        } else {
            Self::number("IP_RECVERR", libc::IPPROTO_IP, libc::IP_RECVERR, 1)
        }
    }

    /// What is received comes with the TTL it had left.
    pub(super) fn tell_ttl(v6: bool) -> Self {
        if v6 {
            let level = libc::IPPROTO_IPV6;
            Self::number("IPV6_RECVHOPLIMIT", level, libc::IPV6_RECVHOPLIMIT, 1)
        } else {
            Self::number("IP_RECVTTL", libc::IPPROTO_IP, libc::IP_RECVTTL, 1)
        }
    }

    pub(super) fn ttl(v6: bool, ttl: u8) -> Self {
        let ttl = ttl.into();
        if v6 {
            let level = libc::IPPROTO_IPV6;
            Self::number("IPV6_UNICAST_HOPS", level, libc::IPV6_UNICAST_HOPS, ttl)
        } else {
            Self::number("IP_TTL", libc::IPPROTO_IP, libc::IP_TTL, ttl)
        }
    }

    fn fragments(v6: bool, forbidden: bool) -> Self {
        let (name, level, option, value) = match (v6, forbidden) {
            (false, true) => (
                "IP_MTU_DISCOVER",
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_DO,
            ),
            (false, false) => (
                "IP_MTU_DISCOVER",
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_DONT,
            ),
            (true, true) => (
                "IPV6_MTU_DISCOVER",
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_DO,
            ),
            (true, false) => (
                "IPV6_MTU_DISCOVER",
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_DONT,
            ),
        };
        let shown = if forbidden {
            "IP_PMTUDISC_DO"
        } else {
            "IP_PMTUDISC_DONT"
        };
        Self {
            shown: shown.to_owned(),
            ..Self::number(name, level, option, value)
        }
    }

    fn congestion(algorithm: &str) -> Self {
        Self {
            name: "TCP_CONGESTION",
            level: libc::IPPROTO_TCP,
            option: libc::TCP_CONGESTION,
            value: algorithm.as_bytes().to_vec(),
            shown: algorithm.to_owned(),
        }
    }
}

/// The settings that options ask for, in the order in which they are made.
pub(super) fn settings(options: &Options, v6: bool) -> Vec<Setting> {
    let socket = [
        (
            "SO_REUSEADDR",
            libc::SO_REUSEADDR,
            options.reuse_address.map(i32::from),
        ),
        ("SO_SNDBUF", libc::SO_SNDBUF, options.send_buffer.map(int)),
        (
            "SO_RCVBUF",
            libc::SO_RCVBUF,
            options.receive_buffer.map(int),
        ),
        (
            "SO_KEEPALIVE",
            libc::SO_KEEPALIVE,
            options.keep_alive_s.map(|_| 1),
        ),
    ];
    let every = options.keep_alive_every_s.or(options.keep_alive_s);
    let tcp = [
        (
            "TCP_NODELAY",
            libc::TCP_NODELAY,
            options.nodelay.map(i32::from),
        ),
        (
            "TCP_QUICKACK",
            libc::TCP_QUICKACK,
            options.quick_ack.map(i32::from),
        ),
        (
            "TCP_WINDOW_CLAMP",
            libc::TCP_WINDOW_CLAMP,
            options.window_clamp.map(int),
        ),
        ("TCP_MAXSEG", libc::TCP_MAXSEG, options.max_segment.map(int)),
        (
            "TCP_KEEPIDLE",
            libc::TCP_KEEPIDLE,
            options.keep_alive_s.map(int),
        ),
        ("TCP_KEEPINTVL", libc::TCP_KEEPINTVL, every.map(int)),
        (
            "TCP_KEEPCNT",
            libc::TCP_KEEPCNT,
            options.keep_alive_probes.map(int),
        ),
        (
            "TCP_USER_TIMEOUT",
            libc::TCP_USER_TIMEOUT,
            options.user_timeout_ms.map(int),
        ),
    ];
    let at = |level| {
        move |(name, option, value): (_, _, Option<i32>)| {
            value.map(|value| Setting::number(name, level, option, value))
        }
    };
    let mut all: Vec<_> = socket
        .into_iter()
        .filter_map(at(libc::SOL_SOCKET))
        .collect();
    all.extend(tcp.into_iter().filter_map(at(libc::IPPROTO_TCP)));
    all.extend(options.congestion.as_deref().map(Setting::congestion));
    all.extend(options.ttl.map(|ttl| Setting::ttl(v6, ttl)));
    all.extend(options.dont_fragment.map(|not| Setting::fragments(v6, not)));
    all
}

/// The kernel takes an `int`; what is too much for one is asked for as the most there is.
fn int(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}

impl Recorder<'_> {
    /// Sets an option of a socket.
    pub(super) fn set(&self, on: &str, socket: BorrowedFd<'_>, setting: &Setting) -> Done {
        let arguments = format!("{}, {}", setting.name, setting.shown);
        let set = self.at_once(Entry::new(on, "setsockopt", arguments), || {
            sockopt::set(socket, setting.level, setting.option, &setting.value)
        });
        set.map_err(|failure| match failure {
            Failure::Errno { errno, .. } if setting.option == libc::TCP_CONGESTION => {
                failure.with_hint(algorithms(errno))
            }
            other => other,
        })
    }

    /// Sets all of these options.
    pub(super) fn set_all(&self, on: &str, socket: BorrowedFd<'_>, options: &[Options]) -> Done {
        let v6 = self.stage.here(0).is_ipv6();
        let settings = options.iter().flat_map(|options| settings(options, v6));
        settings
            .into_iter()
            .try_for_each(|setting| self.set(on, socket, &setting))
    }
}

/// `SO_REUSEADDR`, where the options don't say anything about it themselves.
pub(super) fn reuse_address(options: &mut Vec<Options>) {
    if options
        .iter()
        .all(|options| options.reuse_address.is_none())
    {
        let reuse = Options {
            reuse_address: Some(true),
            ..Options::default()
        };
        options.insert(0, reuse);
    }
}

/// Which algorithms for congestion control there are.
fn algorithms(errno: Errno) -> String {
    // These files show the namespace of the thread that reads them.
    let (which, file) = match errno {
        Errno::EPERM => (
            "those allowed without rights",
            "tcp_allowed_congestion_control",
        ),
        _ => ("this kernel has", "tcp_available_congestion_control"),
    };
    match fs::read_to_string(format!("/proc/sys/net/ipv4/{file}")) {
        Ok(names) => format!("{which}: {}", names.trim().replace(' ', ", ")),
        Err(error) => format!("which ones there are can't be read: {file}: {error}"),
    }
}
