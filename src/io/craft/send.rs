//! The sockets that packets leave by: raw(7), ipv6(7), packet(7).

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, sendto,
    setsockopt, socket, sockopt,
};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use std::time::Duration;

use super::route::Route;
use super::{CraftError, no_socket, said};
use crate::craft::Way;
use crate::io::doctor::Step;
use crate::io::sys::sockopt as numbered;

/// `IPV6_CHECKSUM` at `SOL_RAW`: where the kernel keeps its hands off the checksum, below -1.
const SOL_RAW: i32 = 255;
const IPV6_CHECKSUM: i32 = 7;
/// linux/in6.h, which libc lacks: whether the kernel makes flow labels up.
const IPV6_AUTOFLOWLABEL: i32 = 70;
/// Room for the longest frame there is.
const FRAME: usize = 1 << 16;
/// What to do about what is too long.
const TOO_LONG: &str =
    "it is longer than the interface takes, and nobody cuts it up unasked; see --fragment";
/// How long a channel waits at a time for a frame to come.
const PATIENCE: Duration = Duration::from_millis(20);

/// Something that packets leave by.
pub enum Sender {
    /// A raw IPv4 socket; packets are whole.
    Ipv4(OwnedFd),
    /// A raw IPv6 socket; packets are whole.
    Ipv6(OwnedFd, u32),
    /// A raw IPv6 socket whose header the kernel writes.
    Ipv6Payload(OwnedFd, u32),
    /// A packet socket, and what comes in by it.
    Ether(Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>),
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ipv4(_) => "Ipv4",
            Self::Ipv6(..) => "Ipv6",
            Self::Ipv6Payload(..) => "Ipv6Payload",
            Self::Ether(..) => "Ether",
        })
    }
}

impl Sender {
    /// Opens what packets of that way leave by. This is what needs rights, and nothing after it does.
    /// `packet` is the first of them, `named` whether the interface was asked for.
    ///
    /// # Errors
    ///
    /// When there is no such socket for us.
    pub fn open(way: Way, route: &Route, named: bool, packet: &[u8]) -> Result<Self, CraftError> {
        let device = named.then_some(route.interface.as_str());
        match way {
            Way::Ether => {
                let (sender, receiver) = channel(&route.interface)?;
                Ok(Self::Ether(sender, receiver))
            }
            Way::Ipv4 => {
                // A socket of this protocol has IP_HDRINCL from the beginning (raw(7)).
                let socket = raw(AddressFamily::Inet, SockProtocol::Raw, device)?;
                setsockopt(&socket, sockopt::Broadcast, &true)
                    .map_err(|errno| refused("SO_BROADCAST", errno))?;
                Ok(Self::Ipv4(socket))
            }
            Way::Ipv6 => {
                let socket = raw(AddressFamily::Inet6, SockProtocol::Raw, device)?;
                Ok(Self::Ipv6(socket, route.index))
            }
            Way::Ipv6Payload => {
                let protocol = match packet.get(6) {
                    Some(58) => SockProtocol::IcmpV6,
                    Some(6) => SockProtocol::Tcp,
                    _ => SockProtocol::Udp,
                };
                let socket = raw(AddressFamily::Inet6, protocol, device)?;
                as_built(&socket, packet, route.index)?;
                Ok(Self::Ipv6Payload(socket, route.index))
            }
        }
    }

    /// Sends a packet, or on a packet socket a frame.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn send(&mut self, packet: &[u8]) -> Result<(), CraftError> {
        let refused = |reason: String| CraftError::Refused {
            len: packet.len(),
            reason,
        };
        let (socket, bytes, to) = match self {
            Self::Ether(sender, _) => {
                return match sender.send_to(packet, None) {
                    Some(Ok(())) => Ok(()),
                    Some(Err(error)) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                        Err(refused(TOO_LONG.to_owned()))
                    }
                    Some(Err(error)) => Err(refused(said(&error))),
                    None => Err(refused("there is no room for it".to_owned())),
                };
            }
            Self::Ipv4(socket) => {
                let to: [u8; 4] = packet
                    .get(16..20)
                    .and_then(|bytes| bytes.try_into().ok())
                    .unwrap_or_default();
                (&*socket, packet, SocketAddr::new(IpAddr::from(to), 0))
            }
            Self::Ipv6(socket, scope) => (&*socket, packet, to_v6(packet, *scope)),
            Self::Ipv6Payload(socket, scope) => {
                let payload = packet.get(40..).unwrap_or_default();
                (&*socket, payload, to_v6(packet, *scope))
            }
        };
        loop {
            let fd = socket.as_raw_fd();
            match sendto(fd, bytes, &SockaddrStorage::from(to), MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EMSGSIZE) => return Err(refused(TOO_LONG.to_owned())),
                Err(errno) => return Err(refused(errno.desc().to_lowercase())),
            }
        }
    }

    /// The next frame that came by a packet socket; `None` when none came for a moment, or there is no
    /// such socket.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Ether(_, receiver) => receiver.next().ok().map(<[u8]>::to_vec),
            _ => None,
        }
    }
}

fn refused(option: &str, errno: Errno) -> CraftError {
    CraftError::NoSocket {
        what: "raw socket",
        reason: format!("{option}: {}", errno.desc().to_lowercase()),
    }
}

fn raw(
    family: AddressFamily,
    protocol: SockProtocol,
    device: Option<&str>,
) -> Result<OwnedFd, CraftError> {
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
        .map_err(|errno| no_socket("raw socket", Step::RawSocket, &errno.into()))?;
    if let Some(device) = device {
        setsockopt(&socket, sockopt::BindToDevice, &OsString::from(device))
            .map_err(|errno| refused("binding it to the interface", errno))?;
    }
    Ok(socket)
}

/// Has the kernel write the header that `packet` has, and leave the rest alone.
fn as_built(socket: &OwnedFd, packet: &[u8], scope: u32) -> Result<(), CraftError> {
    let set = |level, option, value: i32, name| {
        numbered::set(socket.as_fd(), level, option, &value.to_ne_bytes())
            .map_err(|errno| refused(name, errno))
    };
    let v6 = libc::IPPROTO_IPV6;
    let (class, hops) = match packet {
        [first, second, _, _, _, _, _, hops, ..] => ((first & 0x0f) << 4 | second >> 4, *hops),
        _ => (0, 64),
    };
    set(SOL_RAW, IPV6_CHECKSUM, -1, "IPV6_CHECKSUM")?;
    set(
        v6,
        libc::IPV6_UNICAST_HOPS,
        hops.into(),
        "IPV6_UNICAST_HOPS",
    )?;
    set(
        v6,
        libc::IPV6_MULTICAST_HOPS,
        hops.into(),
        "IPV6_MULTICAST_HOPS",
    )?;
    set(v6, libc::IPV6_TCLASS, class.into(), "IPV6_TCLASS")?;
    set(v6, IPV6_AUTOFLOWLABEL, 0, "IPV6_AUTOFLOWLABEL")?;
    set(v6, libc::IPV6_DONTFRAG, 1, "IPV6_DONTFRAG")?;
    // The checksum covers the source, so it has to stay what it is.
    let source = address(packet, 8);
    if !source.is_unspecified() {
        let scope = if source.is_unicast_link_local() {
            scope
        } else {
            0
        };
        let from = SocketAddr::V6(SocketAddrV6::new(source, 0, 0, scope));
        bind(socket.as_raw_fd(), &SockaddrStorage::from(from))
            .map_err(|errno| refused("binding it to the source", errno))?;
    }
    Ok(())
}

fn address(packet: &[u8], at: usize) -> Ipv6Addr {
    let octets = packet.get(at..).and_then(<[u8]>::first_chunk::<16>);
    octets.copied().unwrap_or_default().into()
}

fn to_v6(packet: &[u8], scope: u32) -> SocketAddr {
    let to = address(packet, 24);
    let local = to.is_unicast_link_local() || to.is_multicast();
    SocketAddrV6::new(to, 0, 0, if local { scope } else { 0 }).into()
}

/// Where frames go and come from.
type Ends = (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>);

/// What comes and goes on an interface, frame by frame.
pub(super) fn channel(interface: &str) -> Result<Ends, CraftError> {
    let all = pnet_datalink::interfaces();
    let found = all.iter().find(|it| it.name == interface);
    let found = found.ok_or_else(|| CraftError::NoInterface {
        name: interface.escape_debug().to_string(),
    })?;
    let config = Config {
        read_timeout: Some(PATIENCE),
        read_buffer_size: FRAME,
        write_buffer_size: FRAME,
        promiscuous: false,
        ..Config::default()
    };
    match pnet_datalink::channel(found, config) {
        Ok(Channel::Ethernet(sender, receiver)) => Ok((sender, receiver)),
        Ok(_) => Err(CraftError::NoSocket {
            what: "packet socket",
            reason: "not of a kind known here".to_owned(),
        }),
        Err(error) => Err(no_socket("packet socket", Step::PacketSocket, &error)),
    }
}
