//! Taking what came to a socket: messages, and the errors in its queue.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrLike, SockaddrStorage, getsockopt, recvmsg, sockopt,
};
use nix::sys::time::TimeSpec;

use super::socket::{Ready, Way};
use crate::frame::Timestamp;
use crate::io::clock::{self, Steady};
use crate::probe::{Queued, Received, Reported, Session};

/// Room for the longest message.
const LONGEST: usize = 1 << 16;
/// Longest time between two readings of clocks that are taken for one: several times what they take.
const AT_ONCE: Duration = Duration::from_micros(1);
/// Errors taken at once: a socket that is told one after the other has to send again in between.
const MOST_ERRORS: usize = 1 << 10;

/// Memory to receive into, used again and again.
#[derive(Debug)]
pub(in crate::io) struct Buffer {
    pub(in crate::io) bytes: Vec<u8>,
    control: Vec<u8>,
    /// How far the time of day was from our own clock, in nanoseconds, when both were last read.
    apart: u64,
}

impl Buffer {
    pub(in crate::io) fn new() -> Self {
        Self {
            bytes: vec![0; LONGEST],
            // The error with either kind of address, times of either kind, IP options, and TTL.
            control: cmsg_space!(
                libc::sock_extended_err,
                libc::sockaddr_in6,
                libc::timespec,
                [libc::timespec; 3],
                [u8; 40],
                [libc::c_int; 4]
            ),
            apart: 0,
        }
    }
}

/// What a call to receive gave.
pub(in crate::io) struct Message {
    pub(in crate::io) len: usize,
    pub(in crate::io) from: Option<IpAddr>,
    /// TTL or hop limit it had left; a raw IPv4 socket has it in the header.
    pub(in crate::io) ttl: Option<u8>,
    /// Of a datagram socket; a raw one has them in the packet.
    pub(in crate::io) options: Vec<u8>,
    /// When the kernel had received it, by the time of day.
    pub(in crate::io) stamp: Option<Timestamp>,
}

/// Takes one message, if there is one, and tells the session of it. Gives when it had that; `None` where
/// there was none.
pub(super) fn message(
    ready: &Ready,
    session: &mut Session,
    buffer: &mut Buffer,
    stamps_from: Option<u64>,
    clock: Steady,
) -> Option<Timestamp> {
    let got = match receive(&ready.socket, buffer) {
        Ok(got) => got,
        Err(Errno::EINTR) => return Some(clock.now()),
        Err(Errno::EAGAIN) => return None,
        // An error that is told here is in the queue as well.
        Err(_) => {
            let taken = errors(ready, session, buffer, stamps_from, clock);
            return (taken > 0).then(|| clock.now());
        }
    };
    let (now, kernel_lag) = match got.stamp {
        Some(stamp) => when(stamp, clock, &mut buffer.apart),
        None => (clock.now(), None),
    };
    let bytes = buffer.bytes.get(..got.len).unwrap_or_default();
    let (message, ttl, options) = match (ready.way, ready.to.is_ipv6(), bytes.first()) {
        // A raw IPv4 socket gives the IP header as well.
        (Way::Raw, false, Some(first)) => {
            let len = usize::from(first & 0x0f) * 4;
            (
                bytes.get(len..).unwrap_or_default(),
                bytes.get(8).copied(),
                bytes.get(20..len).unwrap_or_default(),
            )
        }
        _ => (bytes, got.ttl, got.options.as_slice()),
    };
    let Some(from) = got.from else {
        return Some(now);
    };
    let is_v6 = ready.to.is_ipv6();
    if message.get(4..6) != Some(&ready.id.to_be_bytes()) {
        ready.is_not_alone();
    }
    if message.first() == Some(&crate::wire::echo::reply(is_v6)) {
        let received = Received {
            from,
            message,
            ttl,
            options,
            kernel_lag,
            stamp: got.stamp,
        };
        session.handle_reply(now, received);
    } else {
        session.handle_reported(now, &Reported { from, message });
    }
    Some(now)
}

/// Takes one message, whatever it is.
pub(in crate::io) fn receive(socket: &OwnedFd, buffer: &mut Buffer) -> nix::Result<Message> {
    let mut slices = [IoSliceMut::new(&mut buffer.bytes)];
    let fd = socket.as_raw_fd();
    let control = Some(buffer.control.as_mut_slice());
    let message = recvmsg::<SockaddrStorage>(fd, &mut slices, control, MsgFlags::MSG_DONTWAIT)?;
    let mut got = Message {
        len: message.bytes,
        from: message.address.as_ref().and_then(address),
        ttl: None,
        options: Vec::new(),
        stamp: None,
    };
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                got.ttl = u8::try_from(ttl).ok();
            }
            ControlMessageOwned::ScmTimestampns(time) => got.stamp = timestamp(time),
            ControlMessageOwned::Unknown(other)
                if other.cmsg_header.cmsg_type == libc::IP_RECVOPTS =>
            {
                got.options = other.data_bytes;
            }
            _ => {}
        }
    }
    Ok(got)
}

/// The kernel's time of day.
fn timestamp(time: TimeSpec) -> Option<Timestamp> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanos = u64::try_from(time.tv_nsec()).ok()?;
    let all = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    (all > 0).then(|| Timestamp::from_nanos(all))
}

/// The time by our clock, and how long ago by the time of day the kernel stamped it. Whoever is put to
/// sleep between the two readings has to read them again; who was not finds the clocks as far `apart` as
/// the last time.
fn when(stamp: Timestamp, clock: Steady, apart: &mut u64) -> (Timestamp, Option<Duration>) {
    let mut now = clock.now();
    let mut day = clock::now();
    let apart_now = |now: Timestamp, day: Timestamp| day.as_nanos().wrapping_sub(now.as_nanos());
    let off = apart_now(now, day).wrapping_sub(*apart).cast_signed();
    let alike = Duration::from_nanos(off.unsigned_abs()) < AT_ONCE;
    let tries = if alike { 0 } else { 4 };
    for _ in 0..tries {
        let after = clock.now();
        if after.since(now) < AT_ONCE {
            break;
        }
        (now, day) = (after, clock::now());
    }
    *apart = apart_now(now, day);
    (now, (day >= stamp).then(|| day.since(stamp)))
}

/// How long ago that was by the time of day; `None` if it is still to come.
pub(in crate::io) fn lag(stamp: Option<Timestamp>) -> Option<Duration> {
    let (stamp, now) = (stamp?, clock::now());
    (now >= stamp).then(|| now.since(stamp))
}

fn address(address: &SockaddrStorage) -> Option<IpAddr> {
    socket_address(address).map(|it| it.ip())
}

/// Empties the error queue (ip(7), `IP_RECVERR`), and tells the session of each. Gives how many. What
/// the kernel stamped on their departure is there as well; the first of those is of request
/// `stamps_from`.
pub(super) fn errors(
    ready: &Ready,
    session: &mut Session,
    buffer: &mut Buffer,
    stamps_from: Option<u64>,
    clock: Steady,
) -> usize {
    // The pending error is one of the queue's; asking for it takes it away.
    let _ = getsockopt(&ready.socket, sockopt::SocketError);
    let mut taken = 0;
    while taken < MOST_ERRORS {
        let Some(error) = next_error(&ready.socket, buffer) else {
            break;
        };
        taken += 1;
        if let Some((number, stamp)) = error.departed {
            if let Some(first) = stamps_from {
                session.handle_departed(first + u64::from(number), stamp);
            }
            continue;
        }
        // On a raw socket the ICMP message itself comes as well, and says more.
        if error.icmp.is_some() && ready.way == Way::Raw {
            continue;
        }
        let reason = error.errno.desc().to_lowercase();
        let queued = Queued {
            from: error.from,
            icmp: error.icmp,
            reason: &reason,
            info: error.info,
            quoted: buffer.bytes.get(..error.len).unwrap_or_default(),
        };
        // What was found here is told by the call that failed for it.
        if queued.icmp.is_some() {
            session.handle_queued(clock.now(), &queued);
        }
    }
    taken
}

/// The MTU that an oversized packet was refused for, from the queue, which is emptied.
pub(in crate::io) fn refused_mtu(socket: &OwnedFd, buffer: &mut Buffer) -> Option<u32> {
    let _ = getsockopt(socket, sockopt::SocketError);
    let mut mtu = None;
    for _ in 0..MOST_ERRORS {
        let Some(error) = next_error(socket, buffer) else {
            break;
        };
        mtu = Some(error.info).filter(|&it| it > 0).or(mtu);
    }
    mtu
}

/// An error of the queue. What it quotes is in the buffer.
pub(in crate::io) struct Error {
    pub(in crate::io) errno: Errno,
    /// Type and code, where it came as an ICMP message.
    pub(in crate::io) icmp: Option<(u8, u8)>,
    /// The MTU, or 0.
    pub(in crate::io) info: u32,
    /// Who sent it.
    pub(in crate::io) from: Option<IpAddr>,
    /// Where the quoted packet went to; the port of UDP.
    pub(in crate::io) to: Option<SocketAddr>,
    /// Bytes in the buffer.
    pub(in crate::io) len: usize,
    /// TTL or hop limit that the message had left.
    pub(in crate::io) ttl: Option<u8>,
    /// When the kernel had received it, by the time of day.
    pub(in crate::io) stamp: Option<Timestamp>,
    /// Bytes in the buffer before a sound extension structure (`IP_RECVERR_RFC4884`).
    pub(in crate::io) extension_at: Option<usize>,
    /// No error, but a packet that left: which one, from 0, and when.
    departed: Option<(u32, Timestamp)>,
}

/// Takes an error from the queue (ip(7), `MSG_ERRQUEUE`).
pub(in crate::io) fn next_error(socket: &OwnedFd, buffer: &mut Buffer) -> Option<Error> {
    let mut slices = [IoSliceMut::new(&mut buffer.bytes)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let fd = socket.as_raw_fd();
    let message = loop {
        let control = Some(buffer.control.as_mut_slice());
        match recvmsg::<SockaddrStorage>(fd, &mut slices, control, flags) {
            Err(Errno::EINTR) => {}
            Err(_) => return None,
            // Borrowed by what is returned, so it can't be returned from within the loop.
            Ok(message) => {
                let to = message.address.as_ref().and_then(socket_address);
                break (message.bytes, to, message.cmsgs().ok()?.collect::<Vec<_>>());
            }
        }
    };
    let (len, to, controls) = message;
    let (mut told, mut ttl, mut stamp, mut left) = (None, None, None, None);
    for control in controls {
        match control {
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                let from = from.map(|from| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)));
                told = Some((error, from.map(IpAddr::from)));
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                let from = from.map(|from| Ipv6Addr::from(from.sin6_addr.s6_addr));
                told = Some((error, from.map(IpAddr::from)));
            }
            ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => {
                ttl = u8::try_from(hops).ok();
            }
            ControlMessageOwned::ScmTimestampns(time) => stamp = timestamp(time),
            ControlMessageOwned::ScmTimestampsns(stamps) => left = timestamp(stamps.system),
            _ => {}
        }
    }
    let (error, from) = told?;
    let by_icmp = matches!(
        error.ee_origin,
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6
    );
    Some(Error {
        errno: Errno::from_raw(i32::try_from(error.ee_errno).unwrap_or(0)),
        icmp: by_icmp.then_some((error.ee_type, error.ee_code)),
        info: error.ee_info,
        from,
        to,
        len,
        ttl,
        stamp,
        departed: left
            .filter(|_| error.ee_origin == libc::SO_EE_ORIGIN_TIMESTAMPING)
            .map(|left| (error.ee_data, left)),
        extension_at: extension_at(error.ee_data),
    })
}

/// `struct sock_ee_data_rfc4884` (linux/errqueue.h): where the extension structure begins, and a bit that
/// says whether it is unsound.
fn extension_at(data: u32) -> Option<usize> {
    let [l0, l1, flags, _] = data.to_ne_bytes();
    let at = usize::from(u16::from_ne_bytes([l0, l1]));
    (at > 0 && flags & 1 == 0).then_some(at)
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    match address.family()? {
        nix::sys::socket::AddressFamily::Inet => {
            let v4 = address.as_sockaddr_in()?;
            Some(SocketAddr::from((v4.ip(), v4.port())))
        }
        nix::sys::socket::AddressFamily::Inet6 => {
            let v6 = address.as_sockaddr_in6()?;
            Some(SocketAddr::from((v6.ip(), v6.port())))
        }
        _ => None,
    }
}
