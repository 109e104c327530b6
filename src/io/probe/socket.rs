//! Opening a socket for echo messages, and setting it up for a host.

use std::cell::Cell;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage,
    bind, connect, getsockname, setsockopt, socket, sockopt,
};

use super::options::{self, Options};
use super::{ProbeError, filter, no_socket};
use crate::io::sys::{filter as bpf, sockopt as numbered};

/// `IPV6_CHECKSUM` at `SOL_RAW`: where the kernel keeps its hands off the checksum of ICMPv6, below -1.
const SOL_RAW: i32 = 255;
const IPV6_CHECKSUM: i32 = 7;

/// The kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `SOCK_RAW`: every byte of the ICMP message is ours, and we see every one that comes.
    Raw,
    /// `SOCK_DGRAM`: the kernel puts in identifier and checksum, and gives us our replies alone.
    Datagram,
}

impl Way {
    /// As it is called on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Datagram => "datagram",
        }
    }
}

/// A socket that was opened, and is set up for nothing yet.
#[derive(Debug)]
struct Opened {
    socket: OwnedFd,
    way: Way,
    id: u16,
}

/// The sockets for one host, of each version that it can turn out to have.
#[derive(Debug)]
pub struct Sockets {
    of: [Option<Result<Opened, ProbeError>>; 2],
}

/// A socket ready to send to a host.
#[derive(Debug)]
pub struct Ready {
    pub(super) socket: OwnedFd,
    /// Its kind.
    pub way: Way,
    /// Where it sends to.
    pub to: SocketAddr,
    /// The identifier on the wire.
    pub id: u16,
    /// The identifier that is written; the kernel replaces it on a datagram socket.
    pub written_id: u16,
    /// The address that requests leave from, where it is known.
    pub source: Option<IpAddr>,
    /// Whether others may answer for the one that is asked.
    pub many: bool,
    /// TTL or hop limit that requests leave with.
    pub ttl: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// Flow label of IPv6.
    pub flow_label: Option<u32>,
    /// Whether it has its filter, or is to have none.
    settled: Cell<bool>,
}

impl Ready {
    /// Sees to it that what came for somebody else is the last of it that wakes us. Only now: every message goes
    /// through the filter, which takes a thirtieth of the time of an echo over the loopback interface.
    pub(super) fn is_not_alone(&self) {
        if !self.settled.replace(true) {
            // Without it each of those is looked at and thrown away here, which comes to the same.
            let _ = bpf::attach(self.socket.as_fd(), &filter::of(self.to.is_ipv6(), self.id));
        }
    }
}

impl Sockets {
    /// Opens what `host` may need. This is what needs rights, and nothing after it does.
    ///
    /// # Errors
    ///
    /// When there is no socket of any version that it may have.
    pub fn open(host: &str, options: &Options, id: u16) -> Result<Self, ProbeError> {
        let [v4, v6] = options.version.possible(host);
        let open = |v6: bool| open(v6, options, id);
        let mut of = [v4.then(|| open(false)), v6.then(|| open(true))];
        // One is enough: which one it is to be, the name will tell.
        if of.iter().flatten().all(Result::is_err)
            && let Some(Err(error)) = of.iter_mut().find_map(Option::take)
        {
            return Err(error);
        }
        Ok(Self { of })
    }

    /// Sets the socket up for the host, whose address is known now. Needs no rights.
    ///
    /// # Errors
    ///
    /// When there is none for that version of IP, or an option won't do.
    pub fn ready(self, to: SocketAddr, options: &Options) -> Result<Ready, ProbeError> {
        let [v4, v6] = self.of;
        let opened = if to.is_ipv6() { v6 } else { v4 };
        let refused = || no_socket(to.is_ipv6(), Some(Errno::EAFNOSUPPORT), None);
        set_up(opened.ok_or_else(refused)??, to, options)
    }
}

fn open(v6: bool, options: &Options, id: u16) -> Result<Opened, ProbeError> {
    let wanted = options.way;
    let family = if v6 {
        AddressFamily::Inet6
    } else {
        AddressFamily::Inet
    };
    let protocol = if v6 {
        SockProtocol::IcmpV6
    } else {
        SockProtocol::Icmp
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let of_kind = |kind| socket(family, kind, flags, protocol);
    let raw = (wanted != Some(Way::Datagram)).then(|| of_kind(SockType::Raw));
    let (socket, way) = match raw {
        Some(Ok(socket)) => (socket, Way::Raw),
        Some(Err(errno)) if wanted == Some(Way::Raw) => {
            return Err(no_socket(v6, Some(errno), None));
        }
        other => {
            let raw = other.and_then(Result::err);
            let datagram = of_kind(SockType::Datagram);
            let socket = datagram.map_err(|errno| no_socket(v6, raw, Some(errno)))?;
            (socket, Way::Datagram)
        }
    };
    let opened = Opened { socket, way, id };
    options::privileged(&opened.socket, options)?;
    if way == Way::Raw {
        options::refuse_types(&opened.socket, v6, options.verbose);
    }
    Ok(opened)
}

pub(in crate::io) fn failed(option: impl Into<String>, errno: Errno) -> ProbeError {
    ProbeError::Option {
        option: option.into(),
        reason: errno.desc().to_lowercase(),
    }
}

fn set_up(opened: Opened, to: SocketAddr, options: &Options) -> Result<Ready, ProbeError> {
    let Opened { socket, way, id } = opened;
    let v6 = to.is_ipv6();
    options.check(v6)?;
    options::tell_all(&socket, v6, way, options)?;
    let (ttl, tos) = options::header_fields(&socket, v6, options)?;
    if options.broadcast {
        setsockopt(&socket, sockopt::Broadcast, &true).map_err(|it| failed("-b", it))?;
    }
    let device = match options
        .from
        .as_deref()
        .map(|from| (from, from.parse::<IpAddr>()))
    {
        None => None,
        Some((_, Ok(address))) => {
            let bound = bind_to(
                &socket,
                address,
                to,
                options.id.filter(|_| way == Way::Datagram),
            );
            bound.map_err(|errno| failed(format!("-I {address}"), errno))?;
            None
        }
        Some((name, Err(_))) => {
            bind_to_device(&socket, name)?;
            Some(name)
        }
    };
    if let Some(bytes) = options.send_buffer {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        setsockopt(&socket, sockopt::SndBuf, &bytes).map_err(|it| failed("-S", it))?;
    }
    if options.on_link {
        setsockopt(&socket, sockopt::DontRoute, &true).map_err(|it| failed("-r", it))?;
    }
    let asked_from: Option<IpAddr> = options.from.as_deref().and_then(|from| from.parse().ok());
    let source = match asked_from {
        Some(address) => Some(address),
        None => match source_for(to, device) {
            Err(Errno::EACCES) if !options.broadcast => return Err(broadcast_refused(to)),
            found => found.ok(),
        },
    };
    if let (true, None, Some(source)) = (options.sticky, asked_from, source) {
        let id = options.id.filter(|_| way == Way::Datagram);
        bind_to(&socket, source, to, id).map_err(|errno| failed("-B", errno))?;
    }
    let bound = asked_from.or(source.filter(|_| options.sticky)).is_some();
    let id = match way {
        Way::Raw => id,
        Way::Datagram => port_of(&socket, v6, options.id.map(|_| id), bound)?,
    };
    let mut seals = way == Way::Raw;
    if let (true, Way::Raw, Some(source)) = (v6, way, source) {
        // The checksum covers the source, so it has to stay what it is; then it is ours to write, and
        // replies whose checksum is wrong come to us and are not dropped.
        seals = bound || bind_to(&socket, source, to, None).is_ok();
        if seals {
            let set = numbered::set(
                socket.as_fd(),
                SOL_RAW,
                IPV6_CHECKSUM,
                &(-1_i32).to_ne_bytes(),
            );
            seals = set.is_ok();
        }
    }
    let many = options.broadcast || to.ip().is_multicast();
    let datagram = way == Way::Datagram;
    Ok(Ready {
        socket,
        way,
        to,
        id,
        // What a datagram socket is given there counts for nothing, so it is left zero.
        written_id: if datagram {
            options.id.map_or(0, |_| id)
        } else {
            id
        },
        source: source.filter(|_| !v6 || seals || datagram),
        many,
        ttl,
        tos,
        flow_label: options.flow_label,
        // A datagram socket gets nothing else by itself.
        settled: Cell::new(datagram || options.verbose),
    })
}

/// Binds to an address of this host; on a datagram socket, with the identifier as its port.
pub(in crate::io) fn bind_to(
    socket: &OwnedFd,
    address: IpAddr,
    to: SocketAddr,
    id: Option<u16>,
) -> nix::Result<()> {
    let mut from = SocketAddr::new(address, id.unwrap_or(0));
    if let (SocketAddr::V6(from), SocketAddr::V6(to)) = (&mut from, to)
        && from.ip().is_unicast_link_local()
    {
        from.set_scope_id(to.scope_id());
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(from))
}

pub(in crate::io) fn bind_to_device(socket: &OwnedFd, name: &str) -> Result<(), ProbeError> {
    if if_nametoindex(name).is_err() {
        return Err(ProbeError::Option {
            option: format!("-I {}", name.escape_debug()),
            reason: "no such interface, and no address; see wirelab interfaces".to_owned(),
        });
    }
    setsockopt(socket, sockopt::BindToDevice, &OsString::from(name))
        .map_err(|errno| failed(format!("-I {}", name.escape_debug()), errno))
}

fn broadcast_refused(to: SocketAddr) -> ProbeError {
    ProbeError::Option {
        option: to.ip().to_string(),
        reason:
            "a broadcast address, which every host of that network hears; give -b if it is to be \
                 asked"
                .to_owned(),
    }
}

/// The address that packets to `to` leave from: the kernel chooses one for a UDP socket as it does for
/// ours. Nothing is sent for it.
pub(in crate::io) fn source_for(to: SocketAddr, device: Option<&str>) -> nix::Result<IpAddr> {
    let family = if to.is_ipv6() {
        AddressFamily::Inet6
    } else {
        AddressFamily::Inet
    };
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    if let Some(device) = device {
        setsockopt(&socket, sockopt::BindToDevice, &OsString::from(device))?;
    }
    let mut to = to;
    // Any port but 0, to which nothing connects.
    to.set_port(7);
    connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
    let (address, _) = name_of(&socket, to.is_ipv6())?;
    Ok(address)
}

/// A datagram socket's identifier: the port that it is bound to (icmp(7)).
pub(in crate::io) fn port_of(
    socket: &OwnedFd,
    v6: bool,
    wanted: Option<u16>,
    bound: bool,
) -> Result<u16, ProbeError> {
    if !bound {
        let any: IpAddr = if v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let address = SocketAddr::new(any, wanted.unwrap_or(0));
        bind(socket.as_raw_fd(), &SockaddrStorage::from(address)).map_err(|errno| {
            let option = wanted.map_or("binding the socket".to_owned(), |id| format!("-e {id}"));
            failed(option, errno)
        })?;
    }
    let (_, port) = name_of(socket, v6).map_err(|errno| failed("the identifier", errno))?;
    Ok(port)
}

pub(in crate::io) fn name_of(socket: &OwnedFd, v6: bool) -> nix::Result<(IpAddr, u16)> {
    let fd = socket.as_raw_fd();
    Ok(if v6 {
        let name: SockaddrIn6 = getsockname(fd)?;
        (name.ip().into(), name.port())
    } else {
        let name: SockaddrIn = getsockname(fd)?;
        (name.ip().into(), name.port())
    })
}
