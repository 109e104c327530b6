//! Connections: what a program does with TCP (RFC 9293 section 3.9.1, in the words of the sockets API).

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{self, Backlog, MsgFlags, Shutdown, SockaddrStorage, sockopt};

use super::Program;
use super::failure::{Done, Failure};
use super::marks::Mark;
use super::options::{Setting, reuse_address};
use super::record::{Blocking, End, Entry, Series};
use super::sockets::Kind;
use super::text;
use crate::io::clock::Stopwatch;
use crate::lab::experiment::{Amount, Connect, Listen, Payload, Receive, Send};

/// How often a second a slow reader reads, unless it was told how much at once.
const READS_A_SECOND: u64 = 50;
/// Most bytes of a buffer to receive into.
const BUFFER: usize = 16 << 20;

impl Program<'_> {
    pub(super) fn listen(&mut self, on: &str, listen: &Listen) -> Done {
        self.sockets.no_listener(on)?;
        let socket = self.socket(on, Kind::Stream)?;
        match self.bind_and_listen(on, &socket, listen) {
            Ok(()) => {
                self.sockets.add_listener(on, TcpListener::from(socket));
                let mark = Mark::listens(self.recorder.stage.side(), listen.port);
                self.recorder.stage.marks().set(&mark);
                Ok(())
            }
            Err(failure) => Err(self.give_up(on, socket, failure)),
        }
    }

    fn bind_and_listen(&mut self, on: &str, socket: &OwnedFd, listen: &Listen) -> Done {
        let mut options = self.sockets.coming(on);
        if listen.reuse_address {
            reuse_address(&mut options);
        }
        self.recorder.set_all(on, socket.as_fd(), &options)?;
        self.bind(on, socket, listen.port)?;
        let most = i32::from(Backlog::MAXCONN);
        let backlog = i32::try_from(listen.backlog).map_or(most, |backlog| backlog.min(most));
        let entry = Entry::new(on, "listen", format!("backlog {}", listen.backlog));
        self.recorder
            .at_once(entry, || socket::listen(socket, Backlog::new(backlog)?))
    }

    pub(super) fn accept(&mut self, on: &str) -> Done {
        self.sockets.nothing_open(on)?;
        let (name, listener) = self.sockets.listener(on)?;
        let made = self
            .recorder
            .attempt(Blocking::until(listener.as_fd(), PollFlags::POLLIN), || {
                listener.accept().map_err(|error| errno(&error))
            });
        let from = match &made.end {
            End::Done((_, peer)) => format!("from {peer}"),
            _ => listener_words(name),
        };
        let entry = Entry::new(on, "accept", from);
        let (stream, _) = self.recorder.conclude(made, entry, |_| 0)?;
        let nonblocking = stream.set_nonblocking(true);
        nonblocking.map_err(|error| Failure::of("fcntl(O_NONBLOCK)", errno(&error)))?;
        self.sockets.add(on, stream.into());
        let options = self.sockets.coming(on);
        let socket = self.sockets.connection(on)?;
        self.recorder.set_all(on, socket, &options)
    }

    pub(super) fn connect(&mut self, on: &str, connect: &Connect) -> Done {
        self.sockets.nothing_open(on)?;
        let stage = self.recorder.stage;
        let other = stage.side().other();
        if let Some(moment) = stage.marks().moment(&Mark::listens(other, connect.port)) {
            let what = format!("waiting until the {other} listens on port {}", connect.port);
            self.recorder.await_moment(moment, &what)?;
        }
        let socket = self.socket(on, Kind::Stream)?;
        match self.bind_and_connect(on, &socket, connect) {
            Ok(()) => {
                self.sockets.add(on, socket);
                Ok(())
            }
            Err(failure) => Err(self.give_up(on, socket, failure)),
        }
    }

    fn bind_and_connect(&mut self, on: &str, socket: &OwnedFd, connect: &Connect) -> Done {
        let mut options = self.sockets.coming(on);
        if connect.reuse_address {
            reuse_address(&mut options);
        }
        self.recorder.set_all(on, socket.as_fd(), &options)?;
        if let Some(port) = connect.from_port {
            self.bind(on, socket, port)?;
        }
        let limit = connect.timeout_ms.map(Duration::from_millis);
        let to = self.recorder.stage.there(connect.port);
        let arguments = match connect.timeout_ms {
            Some(longest) => format!("{to}, {longest} ms at most"),
            None => to.to_string(),
        };
        let address = SockaddrStorage::from(to);
        let mut begun = false;
        let on_what = Blocking {
            limit: limit.map(|limit| (limit, Errno::ETIMEDOUT)),
            ..Blocking::until(socket.as_fd(), PollFlags::POLLOUT)
        };
        let made = self.recorder.attempt(on_what, || {
            if begun {
                // It is decided; how, is left with the socket.
                return match socket::getsockopt(socket, sockopt::SocketError)? {
                    0 => Ok(()),
                    errno => Err(Errno::from_raw(errno)),
                };
            }
            begun = true;
            match socket::connect(socket.as_raw_fd(), &address) {
                Err(Errno::EINPROGRESS) => Err(Errno::EAGAIN),
                // It is never EAGAIN itself: no free port to connect from is EADDRNOTAVAIL.
                ended => ended,
            }
        });
        let entry = Entry::new(on, "connect", arguments);
        self.recorder.conclude(made, entry, |()| 0)
    }

    pub(super) fn send(&mut self, on: &str, send: &Send) -> Done {
        let mut series = Series::new(&self.recorder);
        let watch = Stopwatch::start();
        for turn in 0..send.times {
            self.keep_pace(watch, turn, send.every_ms)?;
            self.send_all(on, &send.payload, &mut series)?;
        }
        Ok(())
    }

    /// Sends a payload as a loop around a blocking `send` does. One call takes all of it, unless the
    /// connection breaks in between: then it gives what it has taken, and the next one fails.
    fn send_all(&self, on: &str, payload: &Payload, series: &mut Series<'_, '_>) -> Done {
        let socket = self.sockets.connection(on)?;
        let mut rest = payload.bytes();
        let mut broken = None;
        loop {
            let mut taken = 0;
            let on_what = Blocking::until(socket, PollFlags::POLLOUT);
            let made = self.recorder.attempt(on_what, || {
                if let Some(errno) = broken {
                    return Err(errno);
                }
                let more = rest.get(taken..).unwrap_or_default();
                match socket::send(socket.as_raw_fd(), more, MsgFlags::MSG_NOSIGNAL) {
                    Ok(len) => taken += len,
                    Err(errno @ (Errno::EAGAIN | Errno::EINTR)) => return Err(errno),
                    Err(errno) if taken == 0 => return Err(errno),
                    Err(errno) => {
                        broken = Some(errno);
                        return Ok(taken);
                    }
                }
                if taken < rest.len() {
                    return Err(Errno::EAGAIN);
                }
                Ok(taken)
            });
            let bytes = format!("{} bytes", rest.len());
            let entry = Entry::new(on, "send", bytes).with_data(text::of_payload(payload));
            let sent =
                series.conclude(made, entry, |sent| i64::try_from(*sent).unwrap_or(i64::MAX))?;
            rest = rest.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) fn receive(&mut self, on: &str, receive: &Receive) -> Done {
        let mut series = Series::new(&self.recorder);
        let (mut got, watch) = (0_u64, Stopwatch::start());
        let mut due = Duration::ZERO;
        let mut buffer = vec![0; chunk(receive)];
        loop {
            let left = match receive.amount {
                Amount::Bytes(all) => all.saturating_sub(got),
                Amount::End | Amount::Once => u64::MAX,
            };
            if left == 0 {
                return Ok(());
            }
            if receive.rate.is_some() {
                let early = due.saturating_sub(watch.elapsed());
                self.recorder.pause(early, "a slow reader's pause")?;
            }
            let ask = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let len =
                self.receive_once(on, buffer.get_mut(..ask).unwrap_or_default(), &mut series)?;
            let more = u64::try_from(len).unwrap_or(u64::MAX);
            got = got.saturating_add(more);
            match receive.amount {
                Amount::Once => return Ok(()),
                Amount::End if len == 0 => return Ok(()),
                Amount::Bytes(all) if len == 0 => {
                    return Err(Failure::Other(format!(
                        "recv: the other side ended after {got} of {all} bytes"
                    )));
                }
                _ => {}
            }
            // From now, not from the plan: a reader that had to wait does not hurry afterwards.
            due = due.max(watch.elapsed().saturating_sub(tick(receive)))
                + time_of(more, receive.rate);
        }
    }

    fn receive_once(
        &self,
        on: &str,
        buffer: &mut [u8],
        series: &mut Series<'_, '_>,
    ) -> Done<usize> {
        let socket = self.sockets.connection(on)?;
        let on_what = Blocking::until(socket, PollFlags::POLLIN);
        let made = self.recorder.attempt(on_what, || {
            socket::recv(socket.as_raw_fd(), buffer, MsgFlags::empty())
        });
        let data = match &made.end {
            End::Done(len) => {
                let bytes = buffer.get(..*len).unwrap_or_default();
                text::of_bytes(bytes, self.recorder.stage.encodings())
            }
            _ => None,
        };
        let entry = Entry::new(on, "recv", format!("{} bytes at most", buffer.len()));
        series.conclude(made, entry.with_data(data), |len| {
            i64::try_from(*len).unwrap_or(i64::MAX)
        })
    }

    pub(super) fn shutdown(&mut self, on: &str) -> Done {
        let socket = self.sockets.connection(on)?;
        let entry = Entry::new(on, "shutdown", "SHUT_WR");
        self.recorder.at_once(entry, || {
            socket::shutdown(socket.as_raw_fd(), Shutdown::Write)
        })
    }

    pub(super) fn abort(&mut self, on: &str) -> Done {
        let socket = self.sockets.connection(on)?;
        self.recorder.set(on, socket, &Setting::abort())?;
        self.close(on)
    }

    pub(super) fn stop_listening(&mut self, on: &str) -> Done {
        let listener = self.sockets.remove_listener(on)?;
        self.close_socket(on, listener.into())
    }

    fn bind(&self, on: &str, socket: &OwnedFd, port: u16) -> Done {
        self.bind_to(on, socket, self.recorder.stage.here(port))
    }

    pub(super) fn bind_to(&self, on: &str, socket: &OwnedFd, to: SocketAddr) -> Done {
        let entry = Entry::new(on, "bind", to.to_string());
        let address = SockaddrStorage::from(to);
        self.recorder
            .at_once(entry, || socket::bind(socket.as_raw_fd(), &address))
    }
}

/// What an attempt to accept is called that gave no connection.
fn listener_words(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!("listener '{name}'")
    }
}

/// How many bytes a call of `recv` asks for.
fn chunk(receive: &Receive) -> usize {
    let least = match receive.rate {
        Some(rate) if receive.at_once == Receive::AT_ONCE => {
            usize::try_from(rate / READS_A_SECOND).unwrap_or(usize::MAX)
        }
        _ => receive.at_once,
    };
    least.clamp(1, BUFFER)
}

/// How long so many bytes take at that rate.
fn time_of(bytes: u64, rate: Option<u64>) -> Duration {
    let Some(rate) = rate else {
        return Duration::ZERO;
    };
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How long what one call asks for takes.
fn tick(receive: &Receive) -> Duration {
    time_of(
        u64::try_from(chunk(receive)).unwrap_or(u64::MAX),
        receive.rate,
    )
}

/// What the standard library was told by the kernel.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::UnknownErrno, Errno::from_raw)
}
