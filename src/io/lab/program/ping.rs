//! Echo requests (RFC 792, RFC 4443 section 4) over a datagram ICMP socket, as `ping` makes them: no
//! rights are needed where `net.ipv4.ping_group_range` has the group of the program.
//!
//! The kernel numbers the identifier and computes checksums. Whatever comes of a request is put on
//! record when it is settled: a `recvmsg` that took from the request to the answer, to the ICMP error
//! that names it, or to the end of the wait.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{self, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use super::Program;
use super::failure::{Done, Failure};
use super::icmp;
use super::options::Setting;
use super::record::{Blocking, Entry};
use super::sockets::Kind;
use super::wait::{Woken, wait};
use crate::frame::Timestamp;
use crate::io::clock::Stopwatch;
use crate::lab::experiment::{Options, Payload, Ping};

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// A run of requests.
struct Echo<'a> {
    on: &'a str,
    socket: BorrowedFd<'a>,
    v6: bool,
    /// When each request was made that is not settled yet.
    open: BTreeMap<u16, Timestamp>,
}

impl Program<'_> {
    pub(super) fn ping(&mut self, on: &str, ping: &Ping) -> Done {
        let options = self.sockets.coming(on);
        let socket = self
            .socket(on, Kind::Echo)
            .map_err(|failure| match failure {
                Failure::Errno {
                    errno: Errno::EACCES,
                    ..
                } => failure.with_hint(
                    "this host's net.ipv4.ping_group_range leaves the program's group out"
                        .to_owned(),
                ),
                other => other,
            })?;
        let mut echo = Echo {
            on,
            socket: socket.as_fd(),
            v6: self.v6(),
            open: BTreeMap::new(),
        };
        let done = self.ping_all(&mut echo, ping, &options);
        if matches!(done, Err(Failure::Over { .. })) {
            self.recorder.stage.keep(socket);
            return done;
        }
        done.and(self.close_socket(on, socket))
    }

    fn ping_all(&self, echo: &mut Echo<'_>, ping: &Ping, options: &[Options]) -> Done {
        let (on, socket) = (echo.on, echo.socket);
        self.recorder
            .set(on, socket, &Setting::keep_errors(echo.v6))?;
        self.recorder.set(on, socket, &Setting::tell_ttl(echo.v6))?;
        self.recorder.set_all(on, socket, options)?;
        let count = u16::try_from(ping.count).map_err(|_| {
            Failure::Other(format!(
                "count = {}: at most 65535 can be told apart",
                ping.count
            ))
        })?;
        let mut last_ttl = None;
        for number in 1..=count {
            let ttl = ttl_of(&ping.ttl, number);
            if let Some(ttl) = ttl.filter(|_| ttl != last_ttl) {
                self.recorder.set(on, socket, &Setting::ttl(echo.v6, ttl))?;
                last_ttl = Some(ttl);
            }
            self.request(echo, number, ping.bytes)?;
            let long = if number == count {
                ping.wait_ms
            } else {
                ping.every_ms
            };
            self.collect(echo, Duration::from_millis(long), number < count)?;
        }
        self.lost(echo);
        Ok(())
    }

    /// Sends a request.
    fn request(&self, echo: &mut Echo<'_>, number: u16, bytes: usize) -> Done {
        let to = self.recorder.stage.there(0);
        let kind = if echo.v6 { 128 } else { 8 };
        let [high, low] = number.to_be_bytes();
        let mut message = vec![kind, 0, 0, 0, 0, 0, high, low];
        message.extend_from_slice(Payload::numbered(bytes).bytes());
        let address = SockaddrStorage::from(to);
        let time = self.recorder.stage.now();
        let fd = echo.socket.as_raw_fd();
        let mut told = Vec::new();
        let on_what = Blocking::until(echo.socket, PollFlags::POLLOUT);
        let made = self.recorder.attempt(on_what, || {
            let sent = socket::sendto(fd, &message, &address, MsgFlags::empty());
            // The kernel tells the error that an earlier request met to whatever call comes next. That
            // request is settled by it, and this one has not been sent yet.
            let open = echo.open.len();
            match sent {
                Err(errno) if errno != Errno::EAGAIN => {
                    told = self.take_errors(echo).unwrap_or_default();
                    if echo.open.len() < open {
                        Err(Errno::EINTR)
                    } else {
                        Err(errno)
                    }
                }
                sent => sent,
            }
        });
        let arguments = format!("echo request {number}, {bytes} bytes, to {}", to.ip());
        let entry = Entry::new(echo.on, "sendto", arguments);
        let sent = self
            .recorder
            .conclude(made, entry, |sent| i64::try_from(*sent).unwrap_or(i64::MAX));
        match sent {
            Ok(_) => {
                echo.open.insert(number, time);
                Ok(())
            }
            Err(failure) => Err(failure.with_hint(told.join(", "))),
        }
    }

    /// Takes what comes in, for so long; when nothing is owed any more, only while `whole`.
    fn collect(&self, echo: &mut Echo<'_>, long: Duration, whole: bool) -> Done {
        let watch = Stopwatch::start();
        loop {
            self.take_errors(echo)?;
            self.take_answers(echo)?;
            if !whole && echo.open.is_empty() {
                return Ok(());
            }
            let left = long.saturating_sub(watch.elapsed());
            let readable = Some((echo.socket, PollFlags::POLLIN));
            let over = self.recorder.stage.over_event();
            match wait(readable, over, Some(left)) {
                Ok(Woken::Ready) => {}
                Ok(Woken::TimedOut) => return Ok(()),
                Ok(Woken::Over) => {
                    return Err(Failure::Over {
                        what: "recvmsg(echo replies)".to_owned(),
                        blocked: watch.elapsed(),
                    });
                }
                Err(errno) => return Err(Failure::of("poll for echo replies", errno)),
            }
        }
    }

    /// Empties the error queue, and settles the requests that the errors are about. Gives what they say.
    fn take_errors(&self, echo: &mut Echo<'_>) -> Done<Vec<String>> {
        let mut told = Vec::new();
        // The pending error is one of the queue's; asking for it takes it away.
        let _ = socket::getsockopt(&echo.socket, socket::sockopt::SocketError);
        loop {
            let next = icmp::next(echo.socket);
            let next = next.map_err(|errno| Failure::of("recvmsg(MSG_ERRQUEUE)", errno))?;
            let Some(queued) = next else {
                return Ok(told);
            };
            let number = sequence(&queued.quoted);
            let time = number.and_then(|number| echo.open.remove(&number));
            let (end, about) = match (time, number) {
                (Some(_), Some(number)) => (
                    Err(queued.errno),
                    format!("MSG_ERRQUEUE, echo request {number}"),
                ),
                // What is wrong here and now: the call that fails for it tells the error.
                _ => (Ok(0), "MSG_ERRQUEUE".to_owned()),
            };
            let entry = Entry::new(echo.on, "recvmsg", about);
            let entry = entry.with_data(Some(queued.words.clone()));
            let time = time.unwrap_or_else(|| self.recorder.stage.now());
            self.recorder.settle(time, end, entry);
            told.push(queued.words);
        }
    }

    fn take_answers(&self, echo: &mut Echo<'_>) -> Done {
        let mut buffer = vec![0; 65536];
        loop {
            let (len, ttl) = match receive(echo.socket, &mut buffer) {
                Ok(received) => received,
                // An error that was told here is in the queue as well.
                Err(Errno::EAGAIN) => return Ok(()),
                Err(_) => return self.take_errors(echo).map(drop),
            };
            let message = buffer.get(..len).unwrap_or_default();
            let reply = if echo.v6 { 129 } else { 0 };
            let number = sequence(message).filter(|_| message.first() == Some(&reply));
            let time = number.and_then(|number| echo.open.remove(&number));
            let (Some(number), Some(time)) = (number, time) else {
                // Nobody asked for it, or not any more: a duplicate.
                let now = self.recorder.stage.now();
                let entry = Entry::new(echo.on, "recvmsg", "an echo reply that is not awaited");
                self.recorder
                    .settle(now, Ok(i64::try_from(len).unwrap_or(0)), entry);
                continue;
            };
            let data = len.saturating_sub(HEADER);
            let ttl = ttl.map(|ttl| format!("{data} bytes of data, TTL {ttl}"));
            let entry = Entry::new(
                echo.on,
                "recvmsg",
                format!("answer to echo request {number}"),
            );
            let result = Ok(i64::try_from(len).unwrap_or(i64::MAX));
            self.recorder.settle(time, result, entry.with_data(ttl));
        }
    }

    /// Settles what nobody has answered.
    fn lost(&self, echo: &mut Echo<'_>) {
        for (number, time) in std::mem::take(&mut echo.open) {
            let entry = Entry::new(
                echo.on,
                "recvmsg",
                format!("answer to echo request {number}"),
            );
            let entry = entry.with_data(Some("lost: no answer".to_owned()));
            self.recorder.settle(time, Err(Errno::EAGAIN), entry);
        }
    }
}

/// Receives a message, with the TTL that it had left.
fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> nix::Result<(usize, Option<i32>)> {
    let mut slices = [IoSliceMut::new(buffer)];
    let mut space = cmsg_space!(libc::c_int, libc::c_int);
    let flags = MsgFlags::MSG_DONTWAIT;
    let fd = socket.as_raw_fd();
    let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut space), flags)?;
    let ttl = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => Some(ttl),
        _ => None,
    });
    Ok((message.bytes, ttl))
}

/// The sequence number of an echo message.
fn sequence(message: &[u8]) -> Option<u16> {
    let bytes = message.get(6..HEADER)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// The TTL of a request: its own, or the one that all have.
fn ttl_of(all: &[u8], number: u16) -> Option<u8> {
    match all {
        [one] => Some(*one),
        _ => all.get(usize::from(number).saturating_sub(1)).copied(),
    }
}
