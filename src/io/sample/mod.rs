//! What a kernel has in mind about a TCP connection: `TCP_INFO` and the queues of one socket, asked
//! for through `NETLINK_SOCK_DIAG` (`sock_diag(7)`), by the ends of its connection.
//!
//! A socket is looked up by address and port, as the kernel does for a segment that arrives: that
//! takes microseconds. Asking for all sockets (`NLM_F_DUMP`) would walk the kernel's whole table each
//! time. No program takes part: it need not know that it is watched.

mod message;
pub(in crate::io) mod tcp_info;

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use crate::lab::truth::Sample;
pub(in crate::io) use message::queues;
use message::{Answer, LONGEST};

/// Most messages read in search of an answer: what came before is left of a question that was given up.
const MAX_STRAY: usize = 8;

/// The ends of a connection, as one host sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::io) struct Ends {
    /// This host's address and port.
    pub(in crate::io) local: (IpAddr, u16),
    /// The other's; port 0 for a socket that listens.
    pub(in crate::io) peer: (IpAddr, u16),
}

impl Ends {
    /// The listening socket that such a connection would come to.
    pub(in crate::io) const fn listener(self) -> Self {
        let any = match self.local.0 {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        Self {
            local: self.local,
            peer: (any, 0),
        }
    }
}

/// Asks one host's kernel about its sockets.
#[derive(Debug)]
pub(in crate::io) struct Diag<'a> {
    socket: BorrowedFd<'a>,
    sequence: u32,
    buffer: Box<[u8; LONGEST]>,
}

impl<'a> Diag<'a> {
    /// Over a socket of the host's namespace: `AF_NETLINK`, `NETLINK_SOCK_DIAG`.
    pub(in crate::io) fn new(socket: BorrowedFd<'a>) -> Self {
        Self {
            socket,
            sequence: 0,
            buffer: Box::new([0; LONGEST]),
        }
    }

    /// The socket that a segment with these ends would come to, now. That is the connection's own, or
    /// else one that listens on the port; `None` when there is neither. Host, time and packet of the
    /// sample are the caller's to say.
    ///
    /// # Errors
    ///
    /// When the kernel does not answer such questions.
    pub(in crate::io) fn lookup(&mut self, ends: &Ends) -> io::Result<Option<Sample>> {
        self.sequence = self.sequence.wrapping_add(1);
        let Some(question) = message::question(ends, self.sequence) else {
            return Ok(None);
        };
        let socket = self.socket.as_raw_fd();
        send(socket, &question, MsgFlags::MSG_DONTWAIT)?;
        // The kernel answers before `send` comes back.
        for _ in 0..MAX_STRAY {
            let len = match recv(socket, &mut *self.buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => len,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = self.buffer.get(..len).unwrap_or_default();
            match message::answer(bytes, self.sequence) {
                Some(Answer::Socket(sample)) => return Ok(Some(*sample)),
                Some(Answer::None) => return Ok(None),
                Some(Answer::Error(error)) => return Err(error),
                None => {}
            }
        }
        Err(io::Error::other("the kernel's answer makes no sense"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::{AsFd, OwnedFd};

    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

    use super::*;

    fn diag_socket() -> OwnedFd {
        socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )
        .unwrap()
    }

    fn ends(local: SocketAddr, peer: SocketAddr) -> Ends {
        Ends {
            local: (local.ip(), local.port()),
            peer: (peer.ip(), peer.port()),
        }
    }

    fn look_through_a_life(listener: &TcpListener) {
        let socket = diag_socket();
        let mut diag = Diag::new(socket.as_fd());
        let at = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(at).unwrap();
        let from = client.local_addr().unwrap();
        let (ours, theirs) = (ends(from, at), ends(at, from));

        let waiting = diag.lookup(&ours.listener()).unwrap();
        assert_eq!(waiting, None, "nobody listens there");
        let waiting = diag.lookup(&theirs.listener()).unwrap().unwrap();
        assert_eq!((&*waiting.state, waiting.port), ("LISTEN", at.port()));
        assert_eq!(waiting.peer_port, 0);
        assert_eq!(waiting.recv_queue, Some(1), "one connection to accept");
        let (mut server, _) = listener.accept().unwrap();
        let waiting = diag.lookup(&theirs.listener()).unwrap().unwrap();
        assert_eq!(waiting.recv_queue, Some(0));

        client.write_all(&[7; 1000]).unwrap();
        let ours_now = diag.lookup(&ours).unwrap().unwrap();
        let theirs_now = diag.lookup(&theirs).unwrap().unwrap();
        assert_eq!(ours_now.state, "ESTABLISHED");
        assert_eq!(
            (ours_now.port, ours_now.peer_port),
            (from.port(), at.port())
        );
        assert_eq!(theirs_now.recv_queue, Some(1000));
        assert_eq!(ours_now.ca_state.as_deref(), Some("open"));
        assert!(ours_now.cwnd.unwrap() > 0);
        assert!(ours_now.snd_mss.unwrap() > 500);
        // A clock's tick is 1 to 10 ms; an RTO below 200 ms or above a second would be another unit.
        let rto_ms = ours_now.rto_ns.unwrap() / 1_000_000;
        assert!((200..=1200).contains(&rto_ms), "{rto_ms}");
        let srtt = ours_now.srtt_ns.unwrap();
        assert!((1..200_000_000).contains(&srtt), "{srtt}");
        server.read_exact(&mut [0; 1000]).unwrap();

        // A FIN takes a number, but it is no byte of the queue.
        drop(client);
        let theirs_now = diag.lookup(&theirs).unwrap().unwrap();
        assert_eq!(theirs_now.state, "CLOSE-WAIT");
        assert_eq!(theirs_now.recv_queue, Some(0));
        let ours_now = diag.lookup(&ours).unwrap().unwrap();
        // The ACK of the FIN may be delayed.
        assert!(
            ours_now.state.starts_with("FIN-WAIT-"),
            "{}",
            ours_now.state
        );
        assert_eq!(ours_now.send_queue, Some(0));
        drop(server);
        let ours_now = diag.lookup(&ours).unwrap().unwrap();
        assert_eq!((&*ours_now.state, ours_now.cwnd), ("TIME-WAIT", None));
        let gone = diag.lookup(&theirs).unwrap().unwrap();
        assert_eq!((&*gone.state, gone.peer_port), ("LISTEN", 0));
    }

    #[test]
    fn a_connection_is_found_by_its_ends_in_every_state() {
        look_through_a_life(&TcpListener::bind("127.0.0.1:0").unwrap());
    }

    #[test]
    fn so_it_is_over_ipv6() {
        match TcpListener::bind("[::1]:0") {
            Ok(listener) => look_through_a_life(&listener),
            // The kernel's word that there is no IPv6 here, and nothing else.
            Err(error) => assert_eq!(
                error.raw_os_error(),
                Some(Errno::EADDRNOTAVAIL as i32),
                "{error}"
            ),
        }
    }

    #[test]
    fn where_there_is_no_socket_there_is_no_sample() {
        let socket = diag_socket();
        let ends = Ends {
            local: ([127, 0, 0, 1].into(), 1),
            peer: ([127, 0, 0, 1].into(), 2),
        };
        assert_eq!(Diag::new(socket.as_fd()).lookup(&ends).unwrap(), None);
    }
}
