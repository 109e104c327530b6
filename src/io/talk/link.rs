//! One connection: what is still to be sent, what has come, and how far its end is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{self, MsgFlags, Shutdown};

use super::teller::{Ended, Teller};
use super::{Options, Payload, TalkError};
use crate::event::units;
use crate::frame::Timestamp;
use crate::talk::{Decoder, Message, Way};

/// Bytes of a file that one `send` takes.
const PIECE: usize = 64 << 10;
/// Most bytes that wait to be sent before no more are taken in.
const QUEUE: usize = 1 << 20;
/// Most pieces that do.
const PIECES: usize = 4_096;
/// Calls in one direction before others get their turn.
const TURN: u32 = 32;
/// A `send` that blocks so long is told before it ends.
const LONG: Duration = Duration::from_millis(200);
/// Longest text in the `data` of a call, in characters.
const DATA: usize = 80;

/// A `send` under way.
#[derive(Debug)]
struct Sending {
    bytes: Vec<u8>,
    taken: usize,
    time: Timestamp,
    blocked_since: Option<Timestamp>,
    told: bool,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    /// Which of a server's it is, from 1; 0 for a client's only one.
    pub(super) number: u64,
    /// `#1` of a server's; empty for a client's.
    pub(super) name: String,
    fd: OwnedFd,
    pub(super) peer: SocketAddr,
    incoming: Decoder,
    outgoing: Decoder,
    file: Option<(Rc<File>, u64)>,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    sending: Option<Sending>,
    /// When the `recv` that blocks now was called.
    receiving: Option<Timestamp>,
    /// A slow reader's next `recv`.
    due: Option<Timestamp>,
    /// The peer sends no more.
    pub(super) peer_ended: bool,
    /// We send no more.
    pub(super) shut: bool,
    /// Our FIN was before the peer's.
    first: bool,
    /// What broke it.
    pub(super) broken: Option<String>,
    /// When something happened on it last.
    pub(super) latest: Timestamp,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Link {
    /// What the connection of that number is called.
    pub(super) fn name_of(number: u64) -> String {
        if number == 0 {
            String::new()
        } else {
            format!("#{number}")
        }
    }

    pub(super) fn new(
        number: u64,
        fd: OwnedFd,
        peer: SocketAddr,
        options: &Options,
        now: Timestamp,
    ) -> Self {
        let encoding = options.coding.encoding();
        let mut link = Self {
            number,
            name: Self::name_of(number),
            fd,
            peer,
            incoming: Decoder::new(encoding),
            outgoing: Decoder::new(encoding),
            file: None,
            queue: VecDeque::new(),
            queued: 0,
            sending: None,
            receiving: None,
            due: None,
            peer_ended: false,
            shut: false,
            first: false,
            broken: None,
            latest: now,
            sent: 0,
            received: 0,
        };
        match &options.payload {
            Some(Payload::Bytes(bytes)) => link.put(bytes.to_vec()),
            Some(Payload::File(file)) => link.file = Some((Rc::clone(file), 0)),
            None => {}
        }
        link
    }

    pub(super) const fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Queues a piece, for one `send`.
    pub(super) fn put(&mut self, piece: Vec<u8>) {
        if !piece.is_empty() && !self.shut {
            self.queued += piece.len();
            self.queue.push_back(piece);
        }
    }

    /// Whether so much waits to be sent that no more should be taken in.
    pub(super) fn is_full(&self) -> bool {
        self.queued >= QUEUE || self.queue.len() >= PIECES
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.sending.is_some() || self.file.is_some() || !self.queue.is_empty()
    }

    pub(super) const fn wants_to_send(&self) -> bool {
        self.sending.is_some()
    }

    /// Whether it would call `recv` now; else `due` says when, or the queue has to drain first.
    pub(super) fn wants_to_receive(&self, now: Timestamp, echo: bool) -> bool {
        let has_time = self.due.is_none_or(|due| due <= now);
        !self.peer_ended && self.broken.is_none() && has_time && !(echo && self.is_full())
    }

    /// The `recv` that finds nothing blocks from now on.
    pub(super) fn blocks(&mut self, now: Timestamp) {
        self.receiving.get_or_insert(now);
    }

    /// When it has to be looked at again, whatever comes.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let long = u64::try_from(LONG.as_nanos()).unwrap_or(u64::MAX);
        let untold = self.sending.as_ref().filter(|it| !it.told);
        let since = untold.and_then(|it| it.blocked_since);
        let told = since.map(|since| Timestamp::from_nanos(since.as_nanos() + long));
        [self.due.filter(|_| !self.peer_ended), told]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends what can be sent.
    pub(super) fn send(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        for _ in 0..TURN {
            if self.broken.is_some() || self.shut {
                return Ok(());
            }
            let Some(mut sending) = self
                .sending
                .take()
                .map_or_else(|| self.next(teller), |it| Ok(Some(it)))?
            else {
                return Ok(());
            };
            let rest = sending.bytes.get(sending.taken..).unwrap_or_default();
            let end = match socket::send(self.fd.as_raw_fd(), rest, MsgFlags::MSG_NOSIGNAL) {
                Ok(len) if sending.taken + len < sending.bytes.len() => {
                    sending.taken += len;
                    self.latest = teller.now();
                    None
                }
                Ok(_) => Some(Ok(sending.bytes.len())),
                Err(Errno::EAGAIN | Errno::EINTR) => None,
                Err(errno) => Some(Err(errno)),
            };
            let now = teller.now();
            let Some(end) = end else {
                let since = *sending.blocked_since.get_or_insert(now);
                if !sending.told && now.since(since) >= LONG {
                    sending.told = true;
                    teller.remark(&self.name, &format!(
                        "send blocks: the send buffer is full, it took {} of {} bytes so far. The peer reads more slowly than we write, or its acknowledgments are late.",
                        units::count(sending.taken as u64), units::count(sending.bytes.len() as u64),
                    ))?;
                    teller.pause()?;
                }
                self.sending = Some(sending);
                return Ok(());
            };
            self.sent_one(&sending, end, teller)?;
        }
        Ok(())
    }

    /// Tells a `send` that has ended.
    fn sent_one(
        &mut self,
        sending: &Sending,
        end: Result<usize, Errno>,
        teller: &mut Teller<'_>,
    ) -> Result<(), TalkError> {
        let now = teller.now();
        self.latest = now;
        let blocked = sending
            .blocked_since
            .map_or(Duration::ZERO, |it| now.since(it));
        let decoded = self.outgoing.feed(&sending.bytes);
        let ended = Ended {
            socket: &self.name,
            call: "send",
            arguments: format!("{} bytes", sending.bytes.len()),
            time: sending.time,
            blocked,
            data: cut(&decoded.text),
        };
        let number = end.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        teller.call(ended, number)?;
        match end {
            Ok(len) => {
                self.sent += len as u64;
                let message = Message {
                    socket: self.name.clone(),
                    time: sending.time,
                    way: Way::Sent,
                    bytes: len as u64,
                    encoding: self.outgoing.name(),
                    decoded,
                };
                teller.message(&message)
            }
            Err(errno) => {
                self.breaks("send", errno);
                Ok(())
            }
        }
    }

    fn breaks(&mut self, call: &str, errno: Errno) {
        self.broken =
            Some(TalkError::refused(format!("{call}, with {}", self.peer), errno).to_string());
    }

    /// The next piece to send: of the file first.
    fn next(&mut self, teller: &Teller<'_>) -> Result<Option<Sending>, TalkError> {
        let mut piece = None;
        if let Some((file, at)) = &mut self.file {
            let mut bytes = vec![0; PIECE];
            let len = file.read_at(&mut bytes, *at).map_err(|error| {
                TalkError::File(format!("can't read on in the file to send: {error}"))
            })?;
            bytes.truncate(len);
            *at += len as u64;
            if len == 0 {
                self.file = None;
            } else {
                piece = Some(bytes);
            }
        }
        if piece.is_none() {
            piece = self.queue.pop_front();
            self.queued -= piece.as_ref().map_or(0, Vec::len);
        }
        Ok(piece.map(|bytes| Sending {
            bytes,
            taken: 0,
            time: teller.now(),
            blocked_since: None,
            told: false,
        }))
    }

    /// Receives what there is.
    pub(super) fn receive(
        &mut self,
        options: &Options,
        buffer: &mut [u8],
        teller: &mut Teller<'_>,
    ) -> Result<(), TalkError> {
        for _ in 0..TURN {
            if !self.wants_to_receive(teller.now(), options.echo) {
                return Ok(());
            }
            let end = match socket::recv(self.fd.as_raw_fd(), buffer, MsgFlags::empty()) {
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                end => end,
            };
            let now = teller.now();
            self.latest = now;
            let time = self.receiving.take().unwrap_or(now);
            let bytes = buffer.get(..end.unwrap_or(0)).unwrap_or_default();
            let decoded = self.incoming.feed(bytes);
            let ended = Ended {
                socket: &self.name,
                call: "recv",
                arguments: format!("{} bytes at most", buffer.len()),
                time,
                blocked: now.since(time),
                data: cut(&decoded.text),
            };
            // What woke us came before the call returned.
            teller.frames()?;
            teller.call(ended, end.map(|it| i64::try_from(it).unwrap_or(i64::MAX)))?;
            match end {
                Ok(0) => return self.peer_ends(teller),
                Ok(len) => {
                    self.received += len as u64;
                    let message = Message {
                        socket: self.name.clone(),
                        time: now,
                        way: Way::Received,
                        bytes: len as u64,
                        encoding: self.incoming.name(),
                        decoded,
                    };
                    teller.message(&message)?;
                    self.keep(bytes, options)?;
                    self.due = options.slow_read.map(|rate| {
                        let nanos =
                            u128::from(len as u64) * 1_000_000_000 / u128::from(rate.max(1));
                        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
                        Timestamp::from_nanos(now.as_nanos().saturating_add(nanos))
                    });
                }
                Err(errno) => {
                    self.breaks("recv", errno);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Saves and echoes what came, as far as that was asked for.
    fn keep(&mut self, bytes: &[u8], options: &Options) -> Result<(), TalkError> {
        if let Some(file) = &options.save {
            (&**file)
                .write_all(bytes)
                .map_err(|error| TalkError::File(format!("can't save what came: {error}")))?;
        }
        if options.echo {
            self.put(bytes.to_vec());
        }
        Ok(())
    }

    /// `recv` gave nothing: the peer's FIN was read.
    fn peer_ends(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        self.peer_ended = true;
        self.due = None;
        let rest = self.incoming.finish();
        if let Some(cut) = rest.malformed.first() {
            teller.remark(
                &self.name,
                &format!(
                    "The peer ended inside a character: {} of {} without the rest.",
                    hex(&cut.bytes),
                    self.incoming.name(),
                ),
            )?;
        }
        let said = if self.shut {
            "0 bytes is the end: the peer's FIN has come too, both directions are closed."
        } else {
            "0 bytes is the end: the peer's FIN has come, it sends no more. It may still read; this side is in CLOSE-WAIT until we close too."
        };
        teller.remark(&self.name, said)
    }

    /// Ends our direction.
    pub(super) fn shut(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        self.shut = true;
        self.first = !self.peer_ended;
        let fd = self.fd.as_raw_fd();
        let done = teller.at_once(&self.name, "shutdown", "SHUT_WR", || {
            socket::shutdown(fd, Shutdown::Write)
        })?;
        if let Err(errno) = done {
            self.breaks("shutdown", errno);
        }
        self.latest = teller.now();
        Ok(())
    }

    /// Closes it, and says what that brings about.
    pub(super) fn close(self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        let mut byte = [0];
        let unread = !self.peer_ended
            && matches!(
                socket::recv(
                    self.fd.as_raw_fd(),
                    &mut byte,
                    MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT
                ),
                Ok(1..)
            );
        let unsent = self.queued
            + self
                .sending
                .as_ref()
                .map_or(0, |it| it.bytes.len() - it.taken.min(it.bytes.len()));
        let said = if self.broken.is_some() {
            String::new()
        } else if unread {
            "What came and was not read is thrown away, so the kernel sends an RST and no FIN: the peer gets ECONNRESET.".to_owned()
        } else if self.first || !(self.shut || self.peer_ended) {
            "We ended first: the pair of ports stays in TIME-WAIT at this end for a minute, in case something late arrives (RFC 9293 3.6).".to_owned()
        } else {
            "The peer ended first: TIME-WAIT, if any, is on its side.".to_owned()
        };
        let (name, fd) = (self.name, self.fd);
        teller
            .at_once(&name, "close", "", || {
                drop(fd);
                Ok(())
            })?
            .ok();
        if unsent > 0 {
            teller.remark(
                &name,
                &format!(
                    "Never given to the kernel: {}.",
                    units::bytes(unsent as u64)
                ),
            )?;
        }
        if said.is_empty() {
            return Ok(());
        }
        teller.remark(&name, &said)
    }
}

/// Bytes in hexadecimal: `e4 bd`.
fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|it| format!("{it:02x}")).collect();
    bytes.join(" ")
}

/// Text as far as it is short; `None` when there is none.
fn cut(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    Some(match text.char_indices().nth(DATA) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    })
}
