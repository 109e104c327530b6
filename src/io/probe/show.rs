//! A packet as it was on the wire, captured back with a packet socket (packet(7)).

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
use nix::sys::time::TimeSpec;

use super::socket::Ready;
use crate::io::clock::Stopwatch;
use crate::wire::echo;

/// How long the packet is looked for.
const PATIENCE: Duration = Duration::from_millis(200);
const IPV6_HEADER: usize = 40;

/// A packet built and seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The ICMP message that was given to the socket.
    pub built: Vec<u8>,
    /// The IP packet that left, or why it is not known.
    pub on_wire: Result<Vec<u8>, String>,
}

impl Shown {
    /// The length of the IP header of the packet that left.
    pub fn ip_header(&self) -> usize {
        self.on_wire.as_ref().map_or(0, |packet| header_len(packet))
    }
}

/// Sees what leaves this host. To be opened while there is the right to.
#[derive(Debug)]
pub struct Witness(Result<OwnedFd, Errno>);

impl Witness {
    /// Begins to look. Where that is not permitted, it says so for each packet.
    pub fn open() -> Self {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Without the link's header, and with what we send ourselves: only "all" has that.
        let all = SockProtocol::EthAll;
        Self(socket(
            AddressFamily::Packet,
            SockType::Datagram,
            flags,
            all,
        ))
    }

    /// Looks for the packet that `built` became.
    pub(super) fn look(&self, ready: &Ready, built: Vec<u8>) -> Shown {
        let on_wire = match &self.0 {
            Ok(socket) => find(socket, ready, &built),
            Err(errno) => Err(format!(
                "not captured: a packet socket is refused ({})",
                errno.desc().to_lowercase()
            )),
        };
        Shown { built, on_wire }
    }
}

fn find(socket: &OwnedFd, ready: &Ready, built: &[u8]) -> Result<Vec<u8>, String> {
    let watch = Stopwatch::start();
    let mut packet = vec![0; 1 << 16];
    loop {
        match recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(len) => {
                let packet = packet.get(..len).unwrap_or_default();
                if is_it(packet, ready, built) {
                    return Ok(packet.to_vec());
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let left = PATIENCE.saturating_sub(watch.elapsed());
                let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
                if left.is_zero()
                    || ppoll(&mut fds, Some(TimeSpec::from_duration(left)), None) == Ok(0)
                {
                    return Err(format!("not seen within {} ms", PATIENCE.as_millis()));
                }
            }
            Err(errno) => return Err(format!("not captured: {}", errno.desc().to_lowercase())),
        }
        if watch.elapsed() > PATIENCE {
            return Err(format!("not seen within {} ms", PATIENCE.as_millis()));
        }
    }
}

/// Bytes of the IP header that a packet begins with.
fn header_len(packet: &[u8]) -> usize {
    match packet.first() {
        Some(first) if first >> 4 == 4 => usize::from(first & 0x0f) * 4,
        _ => IPV6_HEADER,
    }
}

/// Whether it is the first packet with that message: same host, same identifier and sequence number, same
/// data as far as a first fragment has it.
fn is_it(packet: &[u8], ready: &Ready, built: &[u8]) -> bool {
    let (version, at) = if ready.to.is_ipv6() { (6, 24) } else { (4, 16) };
    let to = match ready.to.ip() {
        IpAddr::V4(to) => packet.get(at..at + 4) == Some(&to.octets()),
        IpAddr::V6(to) => packet.get(at..at + 16) == Some(&to.octets()),
    };
    let message = packet.get(header_len(packet)..).unwrap_or_default();
    let (Some(seen), Some(sent)) = (echo::Echo::parse(message), echo::Echo::parse(built)) else {
        return false;
    };
    let ours = packet.first().is_some_and(|first| first >> 4 == version)
        && seen.kind == sent.kind
        && seen.id == ready.id
        && seen.seq == sent.seq;
    to && ours && sent.data.starts_with(seen.data)
}
