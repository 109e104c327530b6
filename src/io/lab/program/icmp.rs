//! Errors that ICMP messages brought, as the kernel keeps them for a socket (ip(7), `IP_RECVERR`).

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use crate::wire::icmp;

/// Most of a quoted packet that is looked at.
const QUOTED: usize = 512;

/// An error from the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// What the kernel makes of it.
    pub(super) errno: Errno,
    /// In words, with who sent it: `fragmentation needed (MTU 1400) from 10.0.1.1`.
    pub(super) words: String,
    /// What the error is about: of a packet that was sent, what follows the IP header; the data
    /// alone for UDP.
    pub(super) quoted: Vec<u8>,
}

/// Takes the next error from the queue of a socket; `None` when there is none.
///
/// # Errors
///
/// What `recvmsg` says.
pub(super) fn next(socket: BorrowedFd<'_>) -> nix::Result<Option<Queued>> {
    let mut buffer = [0; QUOTED];
    let mut slices = [IoSliceMut::new(&mut buffer)];
    // The larger of the two kinds of address that an error may come from, and what else is asked for.
    let mut space = cmsg_space!(
        libc::sock_extended_err,
        libc::sockaddr_in6,
        [libc::c_int; 4]
    );
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags);
    let message = match message {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let len = message.bytes;
    let mut told = None;
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                let from = from.map(|from| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)));
                told = Some((error, from.map(IpAddr::from)));
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                let from = from.map(|from| Ipv6Addr::from(from.sin6_addr.s6_addr));
                told = Some((error, from.map(IpAddr::from)));
            }
            _ => {}
        }
    }
    let quoted = buffer.get(..len).unwrap_or_default().to_vec();
    // Without a control message there is nothing to tell but that something was there.
    let (errno, words) = told.map_or((Errno::UnknownErrno, String::new()), |(error, from)| {
        let number = i32::try_from(error.ee_errno).unwrap_or(0);
        (Errno::from_raw(number), words(&error, from))
    });
    Ok(Some(Queued {
        errno,
        words,
        quoted,
    }))
}

/// What the error says, and who says so.
fn words(error: &libc::sock_extended_err, from: Option<IpAddr>) -> String {
    let v6 = error.ee_origin == libc::SO_EE_ORIGIN_ICMP6;
    let mtu = |known: bool| match error.ee_info {
        mtu if known && mtu > 0 => format!(" (MTU {mtu})"),
        _ => String::new(),
    };
    if v6 || error.ee_origin == libc::SO_EE_ORIGIN_ICMP {
        let name = icmp::name(v6, error.ee_type, error.ee_code);
        let too_long = (error.ee_type, error.ee_code) == if v6 { (2, 0) } else { (3, 4) };
        let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
        return format!("{name}{}{from}", mtu(too_long));
    }
    let number = i32::try_from(error.ee_errno).unwrap_or(0);
    let errno = Errno::from_raw(number);
    // Who it comes from is this host itself.
    format!(
        "{}{}, found here",
        errno.desc().to_lowercase(),
        mtu(errno == Errno::EMSGSIZE)
    )
}
