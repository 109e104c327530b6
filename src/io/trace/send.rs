//! Sending a probe.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    MsgFlags, SockType, SockaddrStorage, connect, getsockopt, sendto, setsockopt, sockopt,
};

use super::socket::{Attempt, Link, level, new};
use crate::event::Method;
use crate::frame::Timestamp;
use crate::io::probe::receive::{self, Buffer};
use crate::io::probe::socket as probes;
use crate::io::sys::sockopt as numbered;
use crate::trace::{TcpAnswer, Tracer, Transmit, Unsent};

/// How often a probe is tried for which the kernel has no room just now.
const RETRIES: u32 = 10;

impl Link {
    /// Sends a probe, and tells the tracer when that fails.
    pub(super) fn send(&mut self, probe: &Transmit, tracer: &mut Tracer, buffer: &mut Buffer) {
        if let Err(why) = self.try_to_send(probe, tracer, buffer) {
            tracer.handle_unsent(probe.number, why);
        }
    }

    fn try_to_send(
        &mut self,
        probe: &Transmit,
        tracer: &mut Tracer,
        buffer: &mut Buffer,
    ) -> Result<(), Unsent> {
        if self.method == Method::Tcp && self.tcp.is_none() {
            return self.connect(probe, tracer).map_err(refused);
        }
        if probe.whole != self.whole {
            self.whole = probe.whole;
            let sockets = self.icmp.iter().chain(&self.udp);
            for socket in sockets {
                let set = self.keep_whole(socket, probe.whole);
                set.map_err(|error| Unsent::Refused(error.to_string()))?;
            }
        }
        let mut message = Vec::new();
        tracer
            .plan()
            .write(probe.number, probe.flow, probe.size, &mut message);
        let mut to = self.to;
        let socket = match self.method {
            Method::Udp => {
                to.set_port(tracer.plan().dst_port(probe.number, probe.flow));
                self.udp.get(usize::from(probe.flow))
            }
            Method::Icmp => self.icmp.as_ref(),
            Method::Tcp => self.tcp.as_ref(),
        };
        let socket = socket.ok_or_else(|| refused(Errno::EBADF))?;
        set_ttl(socket, to.is_ipv6(), probe.ttl).map_err(refused)?;
        match send_patiently(socket, &message, to) {
            Err(Errno::EMSGSIZE) => {
                let mtu = receive::refused_mtu(socket, buffer);
                let mtu = mtu.and_then(|mtu| usize::try_from(mtu).ok());
                Err(Unsent::TooBig { mtu })
            }
            other => other.map_err(refused),
        }
    }

    /// Starts a connection: its SYN is the probe.
    fn connect(&mut self, probe: &Transmit, tracer: &mut Tracer) -> nix::Result<()> {
        let v6 = self.to.is_ipv6();
        let socket = new(v6, SockType::Stream, None)?;
        self.set_up(&socket).map_err(|_| Errno::EINVAL)?;
        set_ttl(&socket, v6, probe.ttl)?;
        // One repetition is the least that the kernel can be talked into (tcp(7)).
        let once = 1_i32.to_ne_bytes();
        let _ = numbered::set(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_SYNCNT, &once);
        // Closed with RST, at once: there is nothing to say.
        let with_reset = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&socket, sockopt::Linger, &with_reset)?;
        if let Some(address) = self.bound {
            probes::bind_to(&socket, address, self.to, None)?;
        }
        let mut to = self.to;
        to.set_port(tracer.plan().port);
        let at_once = match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
            Ok(()) => Some(TcpAnswer::SynAck),
            Err(Errno::ECONNREFUSED) => Some(TcpAnswer::Reset),
            Err(Errno::EINPROGRESS | Errno::EINTR) => None,
            Err(errno) => return Err(errno),
        };
        if let Ok((_, port)) = probes::name_of(&socket, v6) {
            tracer.handle_port(probe.number, port);
        }
        self.attempts.push(Attempt {
            number: probe.number,
            socket,
            since: Timestamp::default(),
            at_once,
        });
        Ok(())
    }
}

fn refused(errno: Errno) -> Unsent {
    Unsent::Refused(errno.desc().to_lowercase())
}

fn set_ttl(socket: &OwnedFd, v6: bool, ttl: u8) -> nix::Result<()> {
    let option = if v6 {
        libc::IPV6_UNICAST_HOPS
    } else {
        libc::IP_TTL
    };
    let value = i32::from(ttl).to_ne_bytes();
    numbered::set(socket.as_fd(), level(v6), option, &value)
}

/// Sends, and waits for room where there is none.
fn send_patiently(socket: &OwnedFd, message: &[u8], to: SocketAddr) -> nix::Result<()> {
    let address = SockaddrStorage::from(to);
    let mut tries = 0;
    loop {
        let flags = MsgFlags::MSG_DONTWAIT;
        match sendto(socket.as_raw_fd(), message, &address, flags) {
            Ok(_) => return Ok(()),
            Err(Errno::EMSGSIZE) => return Err(Errno::EMSGSIZE),
            Err(errno) if tries >= RETRIES => return Err(errno),
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {
                let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
                let wait = Duration::from_millis(5);
                let _ = poll(
                    &mut fds,
                    PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO),
                );
            }
            Err(Errno::EINTR) => {}
            Err(_) => {
                // The kernel tells the error that an earlier probe met to whatever call comes next.
                // Asking for it takes it away; the queue still has it.
                let _ = getsockopt(socket, sockopt::SocketError);
                tries += RETRIES / 2;
            }
        }
        tries += 1;
    }
}
