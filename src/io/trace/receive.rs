//! Taking what came: ICMP messages, the errors in sockets' queues, and what became of connections.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, getpeername, getsockopt, sockopt};

use super::socket::Link;
use crate::event::Method;
use crate::frame::Timestamp;
use crate::io::clock::Steady;
use crate::io::probe::Way;
use crate::io::probe::receive::{self, Buffer, lag};
use crate::trace::{Queued, Received, TcpAnswer, Tracer};

/// Messages and errors taken at once.
const MOST: usize = 1 << 10;
/// How long a connection attempt is kept after its time: the kernel gives it up then.
const KEPT: Duration = Duration::from_secs(3);

impl Link {
    /// Takes all that came.
    pub(super) fn take(&mut self, tracer: &mut Tracer, buffer: &mut Buffer, clock: Steady) {
        if let Some(icmp) = &self.icmp {
            self.messages(icmp, tracer, buffer, clock);
            self.errors(icmp, None, tracer, buffer, clock);
        }
        for socket in &self.udp {
            self.errors(socket, None, tracer, buffer, clock);
            datagrams(socket, tracer, buffer, clock);
        }
        if let Some(socket) = &self.tcp {
            self.segments(socket, tracer, buffer, clock);
        }
        self.connections(tracer, buffer, clock);
    }

    fn segments(&self, socket: &OwnedFd, tracer: &mut Tracer, buffer: &mut Buffer, clock: Steady) {
        self.each(socket, buffer, clock, &mut |now, lag, got| {
            tracer.handle_segment(now, lag, got);
        });
    }

    fn messages(&self, socket: &OwnedFd, tracer: &mut Tracer, buffer: &mut Buffer, clock: Steady) {
        self.each(socket, buffer, clock, &mut |now, lag, got| {
            tracer.handle_message(now, lag, got);
        });
    }

    /// Takes what came to a raw socket or a datagram ICMP socket, one by one.
    fn each(
        &self,
        socket: &OwnedFd,
        buffer: &mut Buffer,
        clock: Steady,
        take: &mut dyn FnMut(Timestamp, Duration, &Received<'_>),
    ) {
        for _ in 0..MOST {
            let got = match receive::receive(socket, buffer) {
                Ok(got) => got,
                Err(Errno::EAGAIN) => return,
                // An error that is told here is in the queue as well.
                Err(_) => continue,
            };
            let now = clock.now();
            let bytes = buffer.bytes.get(..got.len).unwrap_or_default();
            let (message, ttl) = match (self.way, self.to.is_ipv6(), bytes.first()) {
                // A raw IPv4 socket gives the IP header as well.
                (Way::Raw, false, Some(first)) => {
                    let header = usize::from(first & 0x0f) * 4;
                    (
                        bytes.get(header..).unwrap_or_default(),
                        bytes.get(8).copied(),
                    )
                }
                _ => (bytes, got.ttl),
            };
            if let Some(from) = got.from {
                let lag = lag(got.stamp).unwrap_or_default();
                take(now, lag, &Received { from, ttl, message });
            }
        }
    }

    /// Empties a socket's error queue. Gives whether an ICMP error was in it.
    fn errors(
        &self,
        socket: &OwnedFd,
        number: Option<u16>,
        tracer: &mut Tracer,
        buffer: &mut Buffer,
        clock: Steady,
    ) -> bool {
        let mut any = false;
        for _ in 0..MOST {
            let Some(error) = receive::next_error(socket, buffer) else {
                break;
            };
            any |= error.icmp.is_some();
            // A raw socket gets the ICMP message itself, which says more.
            if self.way == Way::Raw && self.icmp.is_some() {
                continue;
            }
            let queued = Queued {
                from: error.from,
                ttl: error.ttl,
                icmp: error.icmp,
                info: error.info,
                number,
                port: error.to.map(|to| to.port()),
                quoted: buffer.bytes.get(..error.len).unwrap_or_default(),
                extension_at: error.extension_at,
            };
            let lag = lag(error.stamp).unwrap_or_default();
            tracer.handle_queued(clock.now(), lag, &queued);
        }
        any
    }

    /// Looks at the connection attempts, and lets those go that have come to something.
    fn connections(&mut self, tracer: &mut Tracer, buffer: &mut Buffer, clock: Steady) {
        if self.method != Method::Tcp || self.tcp.is_some() {
            return;
        }
        let now = clock.now();
        let wait = tracer.plan().wait + KEPT;
        let mut attempts = std::mem::take(&mut self.attempts);
        attempts.retain_mut(|attempt| {
            if attempt.since == Timestamp::default() {
                attempt.since = now;
            }
            let by_icmp = self.errors(&attempt.socket, Some(attempt.number), tracer, buffer, clock);
            if by_icmp {
                return false;
            }
            if let Some(answer) = attempt.at_once {
                tracer.handle_tcp(clock.now(), attempt.number, answer, true);
                return false;
            }
            match getsockopt(&attempt.socket, sockopt::SocketError) {
                Ok(0) if is_connected(&attempt.socket) => {
                    tracer.handle_tcp(clock.now(), attempt.number, TcpAnswer::SynAck, true);
                    false
                }
                Ok(0) => now.since(attempt.since) < wait,
                Ok(libc::ECONNREFUSED | libc::ECONNRESET) => {
                    tracer.handle_tcp(clock.now(), attempt.number, TcpAnswer::Reset, true);
                    false
                }
                // It has failed for want of an answer, or for what a raw socket tells.
                Ok(_) | Err(_) => false,
            }
        });
        self.attempts = attempts;
    }
}

fn is_connected(socket: &OwnedFd) -> bool {
    getpeername::<SockaddrStorage>(socket.as_raw_fd()).is_ok()
}

/// Takes what came to a UDP socket.
fn datagrams(socket: &OwnedFd, tracer: &mut Tracer, buffer: &mut Buffer, clock: Steady) {
    for _ in 0..MOST {
        let got = match receive::receive(socket, buffer) {
            Ok(got) => got,
            Err(Errno::EAGAIN) => return,
            Err(_) => continue,
        };
        let now = clock.now();
        let message = buffer.bytes.get(..got.len).unwrap_or_default();
        if let Some(from) = got.from {
            let lag = lag(got.stamp).unwrap_or_default();
            let ttl = got.ttl;
            tracer.handle_datagram(now, lag, &Received { from, ttl, message });
        }
    }
}
