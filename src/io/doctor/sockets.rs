//! Sockets for packets made by hand: an echo request to ourselves over each kind.
//!
//! raw(7), icmp(7), packet(7); RFC 792 and RFC 4443 for the echo.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use crate::io::clock::Stopwatch;
use crate::wire::checksum::Sum;

/// The two ways to an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `SOCK_RAW`: all of ICMP.
    Raw,
    /// `SOCK_DGRAM`: echo only, and no rights needed.
    Datagram,
}

/// What came of it when the socket could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// The answer came after this long.
    Answered(Duration),
    /// None came: the host does not answer.
    Silence,
    /// It could not even be sent.
    Unsent(Errno),
}

/// Longest wait for our own answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// Sends an echo request to the loopback address and waits for the reply.
///
/// # Errors
///
/// When there is no such socket for us.
pub(super) fn echo(way: Way, v6: bool) -> Result<Echo, Errno> {
    let (family, protocol) = if v6 {
        (AddressFamily::Inet6, SockProtocol::IcmpV6)
    } else {
        (AddressFamily::Inet, SockProtocol::Icmp)
    };
    let kind = match way {
        Way::Raw => SockType::Raw,
        Way::Datagram => SockType::Datagram,
    };
    let fd = socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol)?;
    let wait = TimeVal::new(0, PATIENCE.as_micros() as i64);
    setsockopt(&fd, sockopt::ReceiveTimeout, &wait)?;
    let to: IpAddr = if v6 {
        Ipv6Addr::LOCALHOST.into()
    } else {
        Ipv4Addr::LOCALHOST.into()
    };
    let to = SockaddrStorage::from(SocketAddr::new(to, 0));
    let watch = Stopwatch::start();
    let request = request(v6);
    if let Err(errno) = sendto(fd.as_raw_fd(), &request, &to, MsgFlags::empty()) {
        return Ok(Echo::Unsent(errno));
    }
    Ok(await_reply(&fd, way, v6, watch))
}

/// An echo request of ours. Over a datagram socket the kernel puts its own identifier in, and over
/// IPv6 its own checksum.
fn request(v6: bool) -> Vec<u8> {
    let id = (std::process::id() as u16).to_be_bytes();
    let mut bytes = vec![if v6 { 128 } else { 8 }, 0, 0, 0, id[0], id[1], 0, 1];
    bytes.extend(MARK);
    if !v6 {
        let sum = Sum::new().add_bytes(&bytes).checksum().to_be_bytes();
        bytes.splice(2..4, sum);
    }
    bytes
}

/// By which a reply is known as ours.
const MARK: &[u8] = b"wirelab doctor";

fn await_reply(fd: &OwnedFd, way: Way, v6: bool, watch: Stopwatch) -> Echo {
    let mut packet = [0; 2048];
    // A raw socket hears its own request too, and everybody's replies.
    while watch.elapsed() < PATIENCE {
        let length = match recv(fd.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(length) => length,
            Err(Errno::EINTR) => continue,
            Err(_) => return Echo::Silence,
        };
        let packet = packet.get(..length).unwrap_or_default();
        // A raw IPv4 socket gives the IP header as well.
        let header = match (way, v6, packet.first()) {
            (Way::Raw, false, Some(first)) => usize::from(first & 0x0f) * 4,
            _ => 0,
        };
        let message = packet.get(header..).unwrap_or_default();
        let is_reply = message.first() == Some(if v6 { &129 } else { &0 });
        if is_reply && message.ends_with(MARK) {
            return Echo::Answered(watch.elapsed());
        }
    }
    Echo::Silence
}

/// Opens a packet socket, as a capture does.
///
/// # Errors
///
/// What the kernel says.
pub(super) fn packet() -> Result<(), Errno> {
    // Protocol 0: it would receive nothing.
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Packet, SockType::Raw, flags, None).map(drop)
}
