//! Netlink, by which the kernel's network is configured (RFC 3549; rtnetlink(7)): messages built and
//! read by hand.
//!
//! A message is a header of 16 bytes (length, kind, flags, sequence number, port), a fixed part that
//! depends on its kind, and attributes: length, kind, value, padded to four bytes. Numbers are in the
//! machine's own byte order, addresses in the network's.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Room for an answer; the kernel never makes a longer one for what is asked here (netlink(7)).
const ANSWER_BYTES: usize = 32 * 1024;
/// The kernel answers at once or not at all.
const PATIENCE_S: libc::time_t = 2;

/// A message to the kernel.
pub(in crate::io) struct Message(Vec<u8>);

impl Message {
    /// Has something done: `kind`, with the fixed part `body`. For [`Netlink::order`].
    pub(in crate::io) fn order(kind: u16, flags: libc::c_int, body: &[u8]) -> Self {
        Self::new(kind, flags | libc::NLM_F_ACK, body)
    }

    /// Asks for all there is. For [`Netlink::list`].
    pub(in crate::io) fn list(kind: u16, body: &[u8]) -> Self {
        Self::new(kind, libc::NLM_F_DUMP, body)
    }

    fn new(kind: u16, flags: libc::c_int, body: &[u8]) -> Self {
        let flags = (flags | libc::NLM_F_REQUEST) as u16;
        let mut bytes = Vec::with_capacity(128);
        // The length is known last, and the kernel fills in who asks.
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        Self(bytes)
    }

    /// With an attribute.
    #[must_use]
    pub(in crate::io) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        put_attribute(&mut self.0, kind, value);
        self
    }

    /// The bytes to send.
    fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() as u32).to_ne_bytes();
        for (to, from) in self.0.iter_mut().zip(length) {
            *to = from;
        }
        self.0
    }
}

/// Writes an attribute behind what is there.
pub(in crate::io) fn put_attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len();
    to.extend((length as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len() + length.next_multiple_of(4) - length, 0);
}

/// A message from the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::io) struct Answer {
    /// Its kind, such as `RTM_NEWADDR`.
    pub(in crate::io) kind: u16,
    /// The fixed part, and the attributes behind it.
    pub(in crate::io) body: Vec<u8>,
}

/// A connection to the kernel, in the namespace of the thread that opened it.
pub(in crate::io) struct Netlink(OwnedFd);

impl Netlink {
    /// Opens one that also hears of the changes in `groups` (`RTMGRP_…`).
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(in crate::io) fn open(groups: libc::c_int) -> io::Result<Self> {
        Self::speaking(SockProtocol::NetlinkRoute, groups)
    }

    /// Opens one that is asked about sockets (`sock_diag(7)`).
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(in crate::io) fn about_sockets() -> io::Result<Self> {
        Self::speaking(SockProtocol::NetlinkSockDiag, 0)
    }

    fn speaking(protocol: SockProtocol, groups: libc::c_int) -> io::Result<Self> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups as u32))?;
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE_S, 0))?;
        Ok(Self(fd))
    }

    /// Has something done, and waits for the kernel's word that it is.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub(in crate::io) fn order(&self, message: Message) -> io::Result<()> {
        self.send(message)?;
        loop {
            for answer in self.receive()? {
                if answer.kind == libc::NLMSG_ERROR as u16 {
                    return outcome(&answer.body);
                }
            }
        }
    }

    /// Asks for all there is of a kind, or for one thing by a message that wants an answer.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub(in crate::io) fn list(&self, message: Message) -> io::Result<Vec<Answer>> {
        self.send(message)?;
        let mut all = Vec::new();
        loop {
            for answer in self.receive()? {
                if answer.kind == libc::NLMSG_DONE as u16 {
                    return Ok(all);
                }
                if answer.kind == libc::NLMSG_ERROR as u16 {
                    outcome(&answer.body)?;
                    return Ok(all);
                }
                all.push(answer);
            }
        }
    }

    /// Takes what has come; an error of kind `WouldBlock` when nothing has for two seconds.
    pub(in crate::io) fn receive(&self) -> io::Result<Vec<Answer>> {
        let mut buffer = vec![0; ANSWER_BYTES];
        let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        buffer.truncate(length);
        Ok(split(&buffer))
    }

    fn send(&self, message: Message) -> io::Result<()> {
        send(self.0.as_raw_fd(), &message.finish(), MsgFlags::empty())?;
        Ok(())
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The messages that came in one piece; what is not whole is left out.
fn split(mut bytes: &[u8]) -> Vec<Answer> {
    let mut all = Vec::new();
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else {
            break;
        };
        let body = body.to_vec();
        all.push(Answer { kind, body });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

/// What an `NLMSG_ERROR` says: an errno, negative, or 0 for done.
fn outcome(body: &[u8]) -> io::Result<()> {
    let Some(errno) = u32_at(body, 0) else {
        return Err(io::Error::other("the kernel's answer was cut short"));
    };
    match (errno as i32).checked_neg() {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::Error::other("the kernel's answer makes no sense")),
    }
}

/// The two bytes at that place, in the machine's order.
pub(in crate::io) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

/// The four bytes at that place, in the machine's order.
pub(in crate::io) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// The attributes that stand behind a fixed part of `skip` bytes: kind and value. What is not whole
/// ends them.
pub(in crate::io) fn attributes(body: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(skip..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, kind) = (usize::from(u16_at(rest, 0)?), u16_at(rest, 2)?);
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_rtnetlink_has_it() {
        let message = Message::new(16, libc::NLM_F_ACK, &[7; 16]).with(4, &[1, 2, 3, 4, 5]);
        let bytes = message.finish();
        assert_eq!(bytes.len(), 16 + 16 + 12);
        assert_eq!(u32_at(&bytes, 0), Some(44));
        assert_eq!(u16_at(&bytes, 4), Some(16));
        // NLM_F_REQUEST and NLM_F_ACK.
        assert_eq!(u16_at(&bytes, 6), Some(5));
        assert_eq!(u16_at(&bytes, 32), Some(9), "the length leaves padding out");
        let read: Vec<_> = attributes(&bytes, 32).collect();
        assert_eq!(read, [(4, &[1, 2, 3, 4, 5][..])]);
    }

    #[test]
    fn messages_are_read_one_after_another_and_a_torn_one_is_left_out() {
        let one = Message::new(20, 0, &[1; 5]).finish();
        let mut both = one.clone();
        both.resize(one.len().next_multiple_of(4), 0);
        both.extend(Message::new(21, 0, &[2; 8]).finish());
        let kinds = |bytes: &[u8]| split(bytes).iter().map(|it| it.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&both), [20, 21]);
        for cut in 0..both.len() {
            let whole = usize::from(cut >= one.len());
            assert_eq!(kinds(&both[..cut]).len(), whole, "{cut}");
        }
    }

    #[test]
    fn lengths_that_make_no_sense_end_the_reading() {
        for length in [0_u32, 3, 15, 17, u32::MAX] {
            let mut bytes = Message::new(20, 0, &[]).finish();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(split(&bytes), [], "{length}");
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend([1; 6]);
            assert_eq!(attributes(&bytes, 0).count(), 0, "{length}");
        }
    }

    #[test]
    fn an_answer_is_done_or_the_kernels_error() {
        assert!(outcome(&0_i32.to_ne_bytes()).is_ok());
        let error = outcome(&(-libc::EPERM).to_ne_bytes()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        assert!(outcome(&i32::MIN.to_ne_bytes()).is_err());
        assert!(outcome(&[]).is_err());
    }
}
