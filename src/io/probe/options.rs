//! What is asked of a socket for echo messages, and telling it (ip(7), ipv6(7), socket(7)).

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{TimestampingFlag, getsockopt, setsockopt, sockopt};

use super::socket::{Way, failed};
use super::{ProbeError, Version};
use crate::io::privileges;
use crate::io::sys::sockopt as numbered;
use crate::probe::Trace;

/// Room for what comes while we are busy.
const RECEIVE_BUFFER: usize = 1 << 20;
/// `ICMP_FILTER` and `ICMPV6_FILTER` (raw(7); RFC 3542 section 3.2): types that are not for us, set
/// bits refused.
const FILTER: i32 = 1;
const SOL_RAW: i32 = 255;

/// What to do about packets that are too big for the path (ip(7), `IP_MTU_DISCOVER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMtu {
    /// Never fragment, not even here: DF is set.
    Do,
    /// Fragment here if need be; DF is set on what fits.
    Want,
    /// DF is not set.
    Dont,
    /// DF is set, and what the kernel knows of the path is ignored.
    Probe,
}

impl PathMtu {
    const fn value(self) -> i32 {
        match self {
            Self::Dont => libc::IP_PMTUDISC_DONT,
            Self::Want => libc::IP_PMTUDISC_WANT,
            Self::Do => libc::IP_PMTUDISC_DO,
            Self::Probe => libc::IP_PMTUDISC_PROBE,
        }
    }
}

/// What is asked of sockets.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Options {
    /// A kind of socket, or whichever can be had, raw first.
    pub way: Option<Way>,
    /// Which version of IP.
    pub version: Version,
    /// The identifier of the first host; each further one has one more.
    pub id: Option<u16>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// TOS or traffic class.
    pub tos: Option<u8>,
    /// What to do about big packets.
    pub path_mtu: Option<PathMtu>,
    /// An interface or an address of this host to send from.
    pub from: Option<String>,
    /// Whether a broadcast address may be asked.
    pub broadcast: bool,
    /// Whether the address that is sent from stays the one that was chosen at first.
    pub sticky: bool,
    /// Whether only hosts on the same link may be asked, past the routing table.
    pub on_link: bool,
    /// Whether what is sent to a group also comes back to this host; it does unless that is switched off.
    pub no_echo_of_groups: bool,
    /// Bytes that may wait to be sent (socket(7), `SO_SNDBUF`).
    pub send_buffer: Option<u32>,
    /// A mark for this host's routing and filters.
    pub mark: Option<u32>,
    /// The flow label of IPv6.
    pub flow_label: Option<u32>,
    /// What routers are to leave in the options of IPv4.
    pub trace: Option<Trace>,
    /// Whether messages that are about others are wanted as well.
    pub verbose: bool,
}

impl Options {
    /// Whether they make sense for that version of IP.
    pub(super) fn check(&self, v6: bool) -> Result<(), ProbeError> {
        let wrong = |option: &str, reason: &str| {
            Err(ProbeError::Option {
                option: option.to_owned(),
                reason: reason.to_owned(),
            })
        };
        match (v6, &self.trace, self.flow_label) {
            (true, Some(Trace::Addresses), _) => wrong("-R", NO_OPTIONS),
            (true, Some(_), _) => wrong("-T", NO_OPTIONS),
            (false, _, Some(_)) => wrong("-F", "only IPv6 has flow labels; ask for it with -6"),
            _ => Ok(()),
        }
    }
}

const NO_OPTIONS: &str = "only IPv4 has options that routers fill in; ask for it with -4";

/// Sets what the IP header is to have; gives TTL and TOS.
pub(super) fn header_fields(
    socket: &OwnedFd,
    v6: bool,
    options: &Options,
) -> Result<(u8, u8), ProbeError> {
    let number = |level, option, value: i32, name: &str| {
        numbered::set(socket.as_fd(), level, option, &value.to_ne_bytes())
            .map_err(|errno| failed(name, errno))
    };
    let (level, tos, mtu) = if v6 {
        (
            libc::IPPROTO_IPV6,
            libc::IPV6_TCLASS,
            libc::IPV6_MTU_DISCOVER,
        )
    } else {
        (libc::IPPROTO_IP, libc::IP_TOS, libc::IP_MTU_DISCOVER)
    };
    if let Some(ttl) = options.ttl {
        let (one, many) = if v6 {
            (libc::IPV6_UNICAST_HOPS, libc::IPV6_MULTICAST_HOPS)
        } else {
            (libc::IP_TTL, libc::IP_MULTICAST_TTL)
        };
        number(level, one, ttl.into(), "-t")?;
        number(level, many, ttl.into(), "-t")?;
    }
    if let Some(value) = options.tos {
        number(level, tos, value.into(), "-Q")?;
    }
    if let Some(path_mtu) = options.path_mtu {
        number(level, mtu, path_mtu.value(), "-M")?;
    }
    if let Some(trace) = &options.trace {
        let name = if matches!(trace, Trace::Addresses) {
            "-R"
        } else {
            "-T"
        };
        let bytes = trace.options();
        numbered::set(socket.as_fd(), libc::IPPROTO_IP, libc::IP_OPTIONS, &bytes)
            .map_err(|errno| failed(name, errno))?;
    }
    if options.flow_label.is_some() {
        // The label itself goes with the address of each packet.
        number(libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO_SEND, 1, "-F")?;
    }
    if options.no_echo_of_groups {
        let option = if v6 {
            libc::IPV6_MULTICAST_LOOP
        } else {
            libc::IP_MULTICAST_LOOP
        };
        number(level, option, 0, "-L")?;
    }
    let ttl = if v6 {
        getsockopt(socket, sockopt::Ipv6Ttl)
    } else {
        getsockopt(socket, sockopt::Ipv4Ttl)
    };
    let ttl = ttl.ok().and_then(|ttl| u8::try_from(ttl).ok());
    Ok((ttl.unwrap_or(64), options.tos.unwrap_or(0)))
}

/// Has the kernel tell when a reply came, with which TTL, and which errors came.
pub(super) fn tell_all(
    socket: &OwnedFd,
    v6: bool,
    way: Way,
    options: &Options,
) -> Result<(), ProbeError> {
    // A raw IPv4 socket has the header itself.
    tell(socket, v6, way == Way::Datagram)?;
    if !v6 && options.trace.is_some() && way == Way::Datagram {
        let on = 1_i32.to_ne_bytes();
        numbered::set(socket.as_fd(), libc::IPPROTO_IP, libc::IP_RECVOPTS, &on)
            .map_err(|errno| failed("a socket option", errno))?;
    }
    Ok(())
}

/// Has the kernel tell when something came and which errors came; of IPv4 the TTL too, if it is asked for.
pub(in crate::io) fn tell(socket: &OwnedFd, v6: bool, ttl: bool) -> Result<(), ProbeError> {
    let said = |errno| failed("a socket option", errno);
    setsockopt(socket, sockopt::ReceiveTimestampns, &true).map_err(said)?;
    // Less room is no reason to give up.
    let _ = setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    if v6 {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true).map_err(said)?;
        setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true).map_err(said)?;
    } else {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true).map_err(said)?;
        if ttl {
            setsockopt(socket, sockopt::Ipv4RecvTtl, &true).map_err(said)?;
        }
    }
    Ok(())
}

/// What needs rights of its own: to be set before these are given up.
pub(super) fn privileged(socket: &OwnedFd, options: &Options) -> Result<(), ProbeError> {
    let Some(mark) = options.mark else {
        return Ok(());
    };
    setsockopt(socket, sockopt::Mark, &mark).map_err(|errno| match errno {
        Errno::EPERM => ProbeError::Option {
            option: format!("-m {mark}"),
            reason: format!(
                "a mark needs CAP_NET_RAW or CAP_NET_ADMIN; {}",
                privileges::remedy()
            ),
        },
        errno => failed(format!("-m {mark}"), errno),
    })
}

/// Has the kernel refuse, before it makes a copy for us, what a raw socket has no use for. It knows of
/// types alone; the rest is for the filter program.
pub(super) fn refuse_types(socket: &OwnedFd, v6: bool, verbose: bool) {
    let wanted: &[u8] = match (v6, verbose) {
        (false, false) => &[0, 3, 11, 12],
        (false, true) => &[0, 3, 4, 5, 11, 12],
        (true, false) => &[1, 2, 3, 4, 129],
        (true, true) => &[1, 2, 3, 4, 129, 137],
    };
    let mut bytes = [0xff_u8; 32];
    for &kind in wanted {
        // A row of native words of 32 bits, of which this is the byte where that bit is.
        let word = usize::from(kind / 32) * 4;
        let bit = 1_u32 << (kind % 32);
        for (byte, mask) in bytes.iter_mut().skip(word).zip(bit.to_ne_bytes()) {
            *byte &= !mask;
        }
    }
    let (level, len) = if v6 {
        (libc::IPPROTO_ICMPV6, bytes.len())
    } else {
        (SOL_RAW, 4)
    };
    let bytes = bytes.get(..len).unwrap_or_default();
    // Without it the same is refused a little later.
    let _ = numbered::set(socket.as_fd(), level, FILTER, bytes);
}

/// Has the kernel say when it gave a packet to the driver (Documentation/networking/timestamping), or
/// no longer. Packets are counted from 0 whenever this is switched on.
pub(super) fn stamp_departures(socket: &OwnedFd, on: bool) -> bool {
    let flags = if on {
        TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_ID
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY
    } else {
        TimestampingFlag::empty()
    };
    setsockopt(socket, sockopt::Timestamping, &flags).is_ok()
}
