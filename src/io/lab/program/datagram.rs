//! Datagrams: what a program does with UDP (RFC 768, RFC 1122 section 4.1.3).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{self, MsgFlags, SockaddrStorage};

use super::Program;
use super::failure::{Done, Failure};
use super::icmp;
use super::marks::Mark;
use super::options::Setting;
use super::record::{Blocking, End, Entry, Series};
use super::sockets::Kind;
use super::text;
use crate::io::clock::Stopwatch;
use crate::lab::experiment::{Options, UdpReceive, UdpSend};

/// The longest datagram there is, and then some.
const LONGEST: usize = 65536;

impl Program<'_> {
    pub(super) fn udp_send(&mut self, on: &str, send: &UdpSend) -> Done {
        let stage = self.recorder.stage;
        let other = stage.side().other();
        if let Some(moment) = stage.marks().moment(&Mark::receives(other, send.port)) {
            let what = format!("waiting until the {other} has UDP port {}", send.port);
            self.recorder.await_moment(moment, &what)?;
        }
        let options = self.sockets.coming(on);
        if let Some(socket) = self.sockets.datagram(on) {
            self.recorder.set_all(on, socket, &options)?;
        } else {
            self.new_sender(on, &options, send.port)?;
        }
        let socket = self.udp(on)?;
        let mut series = Series::new(&self.recorder);
        let watch = Stopwatch::start();
        for turn in 0..send.times {
            self.keep_pace(watch, turn, send.every_ms)?;
            let sent = self.send_one(on, socket, send, &mut series);
            self.with_errors(on, socket, sent)?;
        }
        Ok(())
    }

    /// Makes a socket that is connected: errors that ICMP brings find their way to it.
    fn new_sender(&mut self, on: &str, options: &[Options], port: u16) -> Done {
        let socket = self.socket(on, Kind::Datagram)?;
        match self.prepare_sender(on, &socket, options, port) {
            Ok(()) => {
                self.sockets.add_datagram(on, socket);
                Ok(())
            }
            Err(failure) => Err(self.give_up(on, socket, failure)),
        }
    }

    fn prepare_sender(&self, on: &str, socket: &OwnedFd, options: &[Options], port: u16) -> Done {
        let keep = Setting::keep_errors(self.v6());
        self.recorder.set(on, socket.as_fd(), &keep)?;
        self.recorder.set_all(on, socket.as_fd(), options)?;
        let to = self.recorder.stage.there(port);
        let entry = Entry::new(on, "connect", to.to_string());
        let address = SockaddrStorage::from(to);
        self.recorder
            .at_once(entry, || socket::connect(socket.as_raw_fd(), &address))
    }

    fn send_one(
        &self,
        on: &str,
        socket: BorrowedFd<'_>,
        send: &UdpSend,
        series: &mut Series<'_, '_>,
    ) -> Done {
        let to = self.recorder.stage.there(send.port);
        let bytes = send.payload.bytes();
        let connected = socket::getpeername::<SockaddrStorage>(socket.as_raw_fd())
            .is_ok_and(|peer| peer == SockaddrStorage::from(to));
        let on_what = Blocking::until(socket, PollFlags::POLLOUT);
        let made = self.recorder.attempt(on_what, || {
            let flags = MsgFlags::MSG_NOSIGNAL;
            if connected {
                socket::send(socket.as_raw_fd(), bytes, flags)
            } else {
                let address = SockaddrStorage::from(to);
                socket::sendto(socket.as_raw_fd(), bytes, &address, flags)
            }
        });
        let len = bytes.len();
        let (call, arguments) = if connected {
            ("send", format!("{len} bytes"))
        } else {
            ("sendto", format!("{len} bytes, {to}"))
        };
        let entry = Entry::new(on, call, arguments).with_data(text::of_payload(&send.payload));
        let sent = series.conclude(made, entry, |sent| i64::try_from(*sent).unwrap_or(i64::MAX));
        sent.map(drop)
    }

    pub(super) fn udp_receive(&mut self, on: &str, receive: &UdpReceive) -> Done {
        let mut options = self.sockets.coming(on);
        options.push(Options {
            receive_buffer: receive.receive_buffer,
            ..Options::default()
        });
        if let Some(socket) = self.sockets.datagram(on) {
            self.recorder.set_all(on, socket, &options)?;
        } else {
            self.new_receiver(on, &options, receive.port)?;
        }
        let socket = self.udp(on)?;
        let mut series = Series::new(&self.recorder);
        let mut buffer = vec![0; LONGEST];
        let mut got = 0_u32;
        while receive.count.is_none_or(|count| got < count) {
            if receive.every_ms > 0 {
                let pause = Duration::from_millis(receive.every_ms);
                self.recorder.pause(pause, "a slow reader's pause")?;
            }
            let wait = Duration::from_millis(receive.wait_ms);
            let one = self.receive_one(on, socket, wait, &mut buffer, &mut series);
            match (self.with_errors(on, socket, one), receive.count) {
                (Ok(()), _) => got = got.saturating_add(1),
                // The silence that was waited for.
                (
                    Err(Failure::Errno {
                        errno: Errno::EAGAIN,
                        ..
                    }),
                    None,
                ) => return Ok(()),
                (Err(failure), Some(count)) => {
                    let hint = format!("{got} of {count} datagrams had come");
                    return Err(failure.with_hint(hint));
                }
                (Err(failure), None) => return Err(failure),
            }
        }
        Ok(())
    }

    fn new_receiver(&mut self, on: &str, options: &[Options], port: u16) -> Done {
        let stage = self.recorder.stage;
        let socket = self.socket(on, Kind::Datagram)?;
        let set = self.recorder.set_all(on, socket.as_fd(), options);
        let bound = set.and_then(|()| self.bind_to(on, &socket, stage.here(port)));
        match bound {
            Ok(()) => {
                self.sockets.add_datagram(on, socket);
                stage.marks().set(&Mark::receives(stage.side(), port));
                Ok(())
            }
            Err(failure) => Err(self.give_up(on, socket, failure)),
        }
    }

    /// The UDP socket of that name, which has just been made if it was not there.
    fn udp(&self, on: &str) -> Done<BorrowedFd<'_>> {
        let socket = self.sockets.datagram(on);
        socket.ok_or_else(|| Failure::Other("there is no UDP socket".to_owned()))
    }

    fn receive_one(
        &self,
        on: &str,
        socket: BorrowedFd<'_>,
        wait: Duration,
        buffer: &mut [u8],
        series: &mut Series<'_, '_>,
    ) -> Done {
        let on_what = Blocking {
            limit: Some((wait, Errno::EAGAIN)),
            ..Blocking::until(socket, PollFlags::POLLIN)
        };
        let made = self.recorder.attempt(on_what, || {
            socket::recvfrom::<SockaddrStorage>(socket.as_raw_fd(), buffer)
        });
        let (data, arguments) = match &made.end {
            End::Done((len, from)) => {
                let bytes = buffer.get(..*len).unwrap_or_default();
                let data = text::of_bytes(bytes, self.recorder.stage.encodings());
                let from = from.map(|from| format!("from {from}"));
                (data, from.unwrap_or_default())
            }
            _ => (None, format!("{} ms at most", wait.as_millis())),
        };
        let entry = Entry::new(on, "recvfrom", arguments).with_data(data);
        let received = series.conclude(made, entry, |(len, _)| {
            i64::try_from(*len).unwrap_or(i64::MAX)
        });
        received.map(drop)
    }

    /// After a call that failed: what the kernel knows about why is put on record, and becomes part
    /// of the failure.
    fn with_errors(&self, on: &str, socket: BorrowedFd<'_>, done: Done) -> Done {
        let Err(failure) = done else {
            return Ok(());
        };
        let mut told = Vec::new();
        // What stays in the queue would make the socket look ready for ever.
        while let Ok(Some(queued)) = icmp::next(socket) {
            let len = i64::try_from(queued.quoted.len()).unwrap_or(i64::MAX);
            let entry = Entry::new(on, "recvmsg", "MSG_ERRQUEUE");
            let entry = entry.with_data(Some(queued.words.clone()));
            let now = self.recorder.stage.now();
            self.recorder.settle(now, Ok(len), entry);
            told.push(queued.words);
        }
        if told.is_empty() {
            return Err(failure);
        }
        Err(failure.with_hint(told.join(", ")))
    }
}
