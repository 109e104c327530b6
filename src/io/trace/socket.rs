//! Opening sockets for a trace, and setting them up for a host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, socket,
};

use crate::event::Method;
use crate::frame::Timestamp;
use crate::io::probe::options::tell;
use crate::io::probe::socket as probes;
use crate::io::probe::{ProbeError, Version, Way, filter, no_socket};
use crate::io::sys::{filter as bpf, sockopt as numbered};
use crate::trace::TcpAnswer;

/// What asks for the extension structure (linux/in.h `IP_RECVERR_RFC4884`, linux/in6.h).
const RECVERR_RFC4884: [i32; 2] = [26, 31];

/// What is asked of sockets.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What probes are; `None`: ICMP where that can be had, else UDP.
    pub method: Option<Method>,
    /// Raw sockets and nothing else, or none of them.
    pub way: Option<Way>,
    /// Which version of IP.
    pub version: Version,
    /// TOS or traffic class.
    pub tos: u8,
    /// An interface or an address of this host to send from.
    pub from: Option<String>,
    /// Flows to follow: each takes a UDP socket.
    pub flows: u16,
}

/// What was opened while there were rights.
#[derive(Debug)]
struct Opened {
    raw: nix::Result<OwnedFd>,
    datagram: nix::Result<OwnedFd>,
    /// For SYNs of our own, where those are asked for.
    tcp: Option<OwnedFd>,
}

/// The sockets for a host, of each version that it can turn out to have.
#[derive(Debug)]
pub struct Sockets {
    of: [Option<Opened>; 2],
    id: u16,
}

/// A connection attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) number: u16,
    pub(super) socket: OwnedFd,
    pub(super) since: Timestamp,
    /// What `connect()` said at once, as it does when the other end is on this host.
    pub(super) at_once: Option<TcpAnswer>,
}

/// Sockets ready to probe a host.
#[derive(Debug)]
pub struct Link {
    /// Where probes go.
    pub to: SocketAddr,
    /// What they are.
    pub method: Method,
    /// Whether ICMP messages come whole.
    pub way: Way,
    /// The address they leave from, where it is known.
    pub source: Option<IpAddr>,
    /// ICMP's identifier.
    pub id: u16,
    /// Source ports of UDP and of our own SYNs, one for each flow.
    pub src_ports: Vec<u16>,
    /// The upper half of our own SYNs' sequence numbers; `None`: the kernel makes the SYNs.
    pub syn_mark: Option<u16>,
    /// Why it is UDP, where nobody asked for that.
    pub instead: Option<String>,
    pub(super) tos: u8,
    pub(super) bound: Option<IpAddr>,
    pub(super) device: Option<String>,
    /// A raw ICMP socket, or with datagram ICMP the one that sends and receives.
    pub(super) icmp: Option<OwnedFd>,
    pub(super) udp: Vec<OwnedFd>,
    /// A raw TCP socket, which sends SYNs and gets what answers them.
    pub(super) tcp: Option<OwnedFd>,
    /// Sockets that do nothing but hold the ports of our own SYNs, so that nobody else gets them. The
    /// kernel resets what is answered there, as nothing listens.
    held: Vec<OwnedFd>,
    pub(super) attempts: Vec<Attempt>,
    /// Whether packets are to go as they are, whatever is known of the path.
    pub(super) whole: bool,
}

impl Sockets {
    /// Opens what `host` may need. This is what needs rights, and nothing after it does.
    ///
    /// # Errors
    ///
    /// When what was asked for can't be had.
    pub fn open(host: &str, options: &Options, id: u16) -> Result<Self, ProbeError> {
        let [v4, v6] = options.version.possible(host);
        let open = |v6: bool| open(v6, options, id);
        Ok(Self {
            of: [v4.then(|| open(false)), v6.then(|| open(true))],
            id,
        })
    }

    /// Sets up what is needed for the host, whose address is known now. Needs no rights.
    ///
    /// # Errors
    ///
    /// When there is no socket to send from, or an option won't do.
    pub fn ready(self, to: SocketAddr, options: &Options) -> Result<Link, ProbeError> {
        let v6 = to.is_ipv6();
        let [first, second] = self.of;
        let opened = if v6 { second } else { first };
        let missing = || no_socket(v6, Some(Errno::EAFNOSUPPORT), None);
        let opened = opened.ok_or_else(missing)?;
        let from = options.from.as_deref();
        let bound = from.and_then(|from| from.parse::<IpAddr>().ok());
        let device = from.filter(|_| bound.is_none());
        let source = bound.or_else(|| probes::source_for(to, device).ok());
        let mut link = Link {
            to,
            method: options.method.unwrap_or(Method::Icmp),
            way: Way::Raw,
            source,
            id: self.id,
            src_ports: Vec::new(),
            syn_mark: None,
            instead: None,
            tos: options.tos,
            bound,
            device: device.map(str::to_owned),
            icmp: None,
            udp: Vec::new(),
            tcp: None,
            held: Vec::new(),
            attempts: Vec::new(),
            whole: false,
        };
        let Opened { raw, datagram, tcp } = opened;
        link.choose(raw, datagram, options)?;
        if let (Some(tcp), Some(_), Way::Raw) = (tcp, link.source, link.way) {
            link.send_syns_by(tcp, options.flows)?;
        }
        if link.method == Method::Udp {
            for _ in 0..options.flows.max(1) {
                let socket = new(v6, SockType::Datagram, None);
                let socket = socket.map_err(|errno| no_socket(v6, Some(errno), None))?;
                link.set_up(&socket)?;
                let port = link.bind(&socket)?;
                link.src_ports.push(port);
                link.udp.push(socket);
            }
        }
        Ok(link)
    }
}

impl Link {
    fn is_v6(&self) -> bool {
        self.to.is_ipv6()
    }

    /// SYNs are ours to make: all of a flow have the same ports.
    fn send_syns_by(&mut self, socket: OwnedFd, flows: u16) -> Result<(), ProbeError> {
        let v6 = self.is_v6();
        self.set_up(&socket)?;
        // Errors come whole over the other raw socket; here they would only make sending fail.
        let option = if v6 {
            libc::IPV6_RECVERR
        } else {
            libc::IP_RECVERR
        };
        let _ = numbered::set(socket.as_fd(), level(v6), option, &0_i32.to_ne_bytes());
        if let Some(address) = self.bound {
            let bound = probes::bind_to(&socket, address, self.to, None);
            bound.map_err(|errno| probes::failed(format!("--from {address}"), errno))?;
        }
        for _ in 0..flows.max(1) {
            let held = new(v6, SockType::Stream, None);
            let held = held.map_err(|errno| probes::failed("holding a port", errno))?;
            let port = self.bind(&held)?;
            self.src_ports.push(port);
            self.held.push(held);
        }
        self.syn_mark = Some(self.id);
        self.tcp = Some(socket);
        Ok(())
    }

    /// Takes of what could be opened what serves best.
    fn choose(
        &mut self,
        raw: nix::Result<OwnedFd>,
        datagram: nix::Result<OwnedFd>,
        options: &Options,
    ) -> Result<(), ProbeError> {
        let v6 = self.is_v6();
        let refusal = match (raw, datagram) {
            (Ok(raw), _) => {
                self.set_up(&raw)?;
                if let Some(address) = self.bound {
                    let bound = probes::bind_to(&raw, address, self.to, None);
                    bound.map_err(|errno| probes::failed(format!("--from {address}"), errno))?;
                }
                self.icmp = Some(raw);
                return Ok(());
            }
            (Err(raw), _) if options.way == Some(Way::Raw) => {
                return Err(no_socket(v6, Some(raw), None));
            }
            (Err(_), Ok(datagram)) if self.method == Method::Icmp => {
                self.way = Way::Datagram;
                self.set_up(&datagram)?;
                self.id = self.bind(&datagram)?;
                self.icmp = Some(datagram);
                return Ok(());
            }
            (Err(raw), Ok(_)) => (raw, None),
            (Err(raw), Err(datagram)) => (raw, Some(datagram)),
        };
        self.way = Way::Datagram;
        let asked = (options.way != Some(Way::Datagram)).then_some(refusal.0);
        match options.method {
            Some(Method::Icmp) => Err(no_socket(v6, asked, refusal.1)),
            None if self.method == Method::Icmp => {
                self.method = Method::Udp;
                let why = no_socket(v6, asked, refusal.1).to_string();
                self.instead = Some(why);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets what every socket has to have.
    pub(super) fn set_up(&self, socket: &OwnedFd) -> Result<(), ProbeError> {
        let v6 = self.is_v6();
        tell(socket, v6, true)?;
        let level = level(v6);
        let set = |option: i32, value: i32| {
            numbered::set(socket.as_fd(), level, option, &value.to_ne_bytes())
        };
        // Linux before 5.9 has it not; then extensions are seen with rights only.
        let _ = set(RECVERR_RFC4884[usize::from(v6)], 1);
        let tos = if v6 { libc::IPV6_TCLASS } else { libc::IP_TOS };
        if self.tos != 0 {
            set(tos, self.tos.into()).map_err(|errno| probes::failed("--tos", errno))?;
        }
        if let Some(device) = &self.device {
            probes::bind_to_device(socket, device)?;
        }
        self.keep_whole(socket, false)
    }

    /// Whether packets may be cut into fragments. `true` ignores what the kernel has learned of the path:
    /// it would refuse the packets that are to find out (ip(7), `IP_PMTUDISC_PROBE`).
    pub(super) fn keep_whole(&self, socket: &OwnedFd, whole: bool) -> Result<(), ProbeError> {
        let v6 = self.is_v6();
        let level = level(v6);
        let set = |option: i32, value: i32| {
            let set = numbered::set(socket.as_fd(), level, option, &value.to_ne_bytes());
            set.map_err(|errno| probes::failed("path MTU discovery", errno))
        };
        let discover = if v6 {
            libc::IPV6_MTU_DISCOVER
        } else {
            libc::IP_MTU_DISCOVER
        };
        let probe = if v6 {
            libc::IPV6_PMTUDISC_PROBE
        } else {
            libc::IP_PMTUDISC_PROBE
        };
        let dont = if v6 {
            libc::IPV6_PMTUDISC_DONT
        } else {
            libc::IP_PMTUDISC_DONT
        };
        set(discover, if whole { probe } else { dont })?;
        if v6 {
            set(libc::IPV6_DONTFRAG, whole.into())?;
        }
        Ok(())
    }

    /// Binds a socket, and gives its port: for datagram ICMP the identifier.
    pub(super) fn bind(&self, socket: &OwnedFd) -> Result<u16, ProbeError> {
        let any: IpAddr = if self.is_v6() {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let failed = |errno| match self.bound {
            Some(address) => probes::failed(format!("--from {address}"), errno),
            None => probes::failed("binding the socket", errno),
        };
        if let Some(address) = self.bound {
            probes::bind_to(socket, address, self.to, None)
        } else {
            let any = SockaddrStorage::from(SocketAddr::new(any, 0));
            bind(socket.as_raw_fd(), &any)
        }
        .map_err(failed)?;
        let (_, port) = probes::name_of(socket, self.is_v6()).map_err(failed)?;
        Ok(port)
    }
}

/// A socket of that kind.
pub(super) fn new(
    v6: bool,
    kind: SockType,
    protocol: Option<SockProtocol>,
) -> nix::Result<OwnedFd> {
    let family = if v6 {
        AddressFamily::Inet6
    } else {
        AddressFamily::Inet
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(family, kind, flags, protocol)
}

/// The level of IP's own options.
pub(super) const fn level(v6: bool) -> i32 {
    if v6 {
        libc::IPPROTO_IPV6
    } else {
        libc::IPPROTO_IP
    }
}

fn open(v6: bool, options: &Options, id: u16) -> Opened {
    let protocol = if v6 {
        SockProtocol::IcmpV6
    } else {
        SockProtocol::Icmp
    };
    let raw = if options.way == Some(Way::Datagram) {
        Err(Errno::EPERM)
    } else {
        new(v6, SockType::Raw, Some(protocol))
    };
    // At once: from now on it gets every ICMP message there is.
    let filtered = raw.and_then(|raw| {
        if options.method.is_none_or(|method| method == Method::Icmp) {
            bpf::attach(raw.as_fd(), &filter::of(v6, id))?;
        }
        Ok(raw)
    });
    let asked = options.method == Some(Method::Tcp) && filtered.is_ok();
    let tcp = asked.then(|| {
        let socket = new(v6, SockType::Raw, Some(SockProtocol::Tcp))?;
        bpf::attach(socket.as_fd(), &filter::of_syns(v6, id))?;
        Ok::<_, Errno>(socket)
    });
    Opened {
        tcp: tcp.and_then(Result::ok),
        raw: filtered,
        datagram: new(v6, SockType::Datagram, Some(protocol)),
    }
}
