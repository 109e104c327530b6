//! The thread that carries frames: takes them from the hosts, gives them to the wire, and hands over
//! what the wire gives back when it is due. Nothing else may make it wait, so it neither writes files
//! nor shows anything: what happens goes into a queue.
//!
//! After each frame that a host receives it takes at once what that host sends in reply, so that
//! captures have both in the order in which they were.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;

use super::RunError;
use super::control::{Control, Ended};
use super::lateness::Lateness;
use super::ledger::Ledger;
use super::life::{End, Life, after};
use super::queue::{MAX_BYTES, Sender};
use super::watch::{Pair, Watch, ends};
use crate::frame::Timestamp;
use crate::io::Signals;
use crate::io::clock::Steady;
use crate::lab::truth::{Happening, HostFrame, Line};
use crate::lab::{Both, Side, Wire};

/// Most frames taken from a host, or handed over, before something else has its turn.
const BURST: usize = 64;
/// What happens within this time is put into the queue together: waking up the thread at its other end
/// takes longer than carrying a frame.
const GATHER: Duration = Duration::from_millis(1);
/// Most happenings that are gathered.
const MANY: usize = 1024;
/// Longest frame, in bytes: an IPv4 packet with an Ethernet header.
const LONGEST: usize = 14 + 65535;

/// Where a host's frames come from and go to; neither call waits.
pub(super) trait Port {
    /// Readable when the host has sent something.
    fn fd(&self) -> BorrowedFd<'_>;

    /// The next frame that the host has sent; `None` when there is none now.
    ///
    /// # Errors
    ///
    /// When the interface is gone.
    fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>>;

    /// Gives the host a frame; when this comes back, its kernel has dealt with it.
    ///
    /// # Errors
    ///
    /// When the interface is gone or down.
    fn write(&self, frame: &[u8]) -> io::Result<()>;
}

/// What was carried, and why no more.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) end: End,
    /// How programs ended, as far as they have.
    pub(super) ended: Vec<Ended>,
    /// The first and the last frame.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Packets that hosts gave to the wire.
    pub(super) packets: u64,
    pub(super) lateness: Lateness,
}

/// Carries frames between two hosts.
pub(super) struct Carrier<'a, P> {
    pub(super) ports: Both<&'a P>,
    pub(super) wire: Wire,
    pub(super) clock: Steady,
    pub(super) watch: Option<Watch<'a>>,
    pub(super) life: Life,
    pub(super) control: &'a Control,
    pub(super) signals: Option<Signals>,
    pub(super) out: Sender,
}

impl<P: Port> Carrier<'_, P> {
    /// Carries until the run is over.
    ///
    /// # Errors
    ///
    /// When a host's interface fails, or what happens is taken too slowly from the queue.
    pub(super) fn carry(self) -> Result<Carried, RunError> {
        // The kernel would else wake this thread up to 50 µs late, to save power.
        prctl::set_timerslack(1).map_err(|error| RunError::Wait(error.into()))?;
        let at_work = AtWork {
            it: self,
            ledger: Ledger::default(),
            batch: Vec::new(),
            flushed: Timestamp::default(),
            unwatched: false,
            buffer: vec![0; LONGEST],
            carried: Carried {
                end: End::Done,
                ended: Vec::new(),
                span: None,
                packets: 0,
                lateness: Lateness::new(),
            },
        };
        at_work.run()
    }
}

/// A carrier with what it keeps while it works.
struct AtWork<'a, P> {
    it: Carrier<'a, P>,
    ledger: Ledger,
    /// What has happened and is not in the queue yet.
    batch: Vec<Happening>,
    /// When it was last put there.
    flushed: Timestamp,
    unwatched: bool,
    buffer: Vec<u8>,
    carried: Carried,
}

impl<P: Port> AtWork<'_, P> {
    fn run(mut self) -> Result<Carried, RunError> {
        let end = self.until_over();
        // Also after an error: what was so until then.
        self.it.out.send(self.batch);
        self.carried.end = end?;
        Ok(self.carried)
    }

    fn until_over(&mut self) -> Result<End, RunError> {
        loop {
            let mut more = self.hand_over()?;
            for side in [Side::Client, Side::Server] {
                more |= self.take_from(side)?;
            }
            let now = self.it.clock.now();
            if let Some(watch) = &mut self.it.watch {
                watch.tick(now, &mut self.batch)?;
            }
            self.hear(now);
            self.flush(now)?;
            let empty = self.it.wire.poll_timeout().is_none();
            if empty {
                self.ledger.forget();
            }
            let signal = self.it.signals.and_then(Signals::caught);
            let end = signal.map(End::Signal);
            let end = end.or(self.unwatched.then_some(End::Unwatched));
            if let Some(end) = end.or_else(|| self.it.life.over(now, empty)) {
                return Ok(end);
            }
            if !more {
                self.wait(empty)?;
            }
        }
    }

    /// Hands over what is due, each frame with what it leads to. Gives whether there may be more.
    fn hand_over(&mut self) -> Result<bool, RunError> {
        for _ in 0..BURST {
            let now = self.it.clock.now();
            let Some(transmit) = self.it.wire.poll_transmit(now) else {
                return Ok(false);
            };
            let to = transmit.to;
            let written = self.it.ports.of(to).write(&transmit.bytes);
            written.map_err(|error| RunError::Write { side: to, error })?;
            // Before programs that it woke up have gone on.
            let mut seen = Vec::new();
            let ends = ends(&transmit.bytes, to.other());
            self.look(to, ends, transmit.packet, &mut seen)?;
            let number = self.ledger.received(to);
            self.moved(now);
            self.batch.push(Happening::Frame(HostFrame {
                side: to,
                number,
                time: now,
                sent: false,
                bytes: transmit.bytes,
            }));
            while let Some(fate) = self.it.wire.poll_fate() {
                let delivered = fate.delivery == Some(transmit.delivery);
                if delivered {
                    self.carried.lateness.add(fate.late);
                }
                let line = self.ledger.line(&fate, delivered.then_some((to, number)));
                self.batch.push(Happening::Line(Line::Fate(line)));
            }
            self.batch.append(&mut seen);
            self.take_from(to)?;
        }
        Ok(true)
    }

    /// Takes what a host has sent. Gives whether there may be more.
    fn take_from(&mut self, side: Side) -> Result<bool, RunError> {
        for _ in 0..BURST {
            let read = self.it.ports.of(side).read(&mut self.buffer);
            let Some(len) = read.map_err(|error| RunError::Read { side, error })? else {
                return Ok(false);
            };
            let frame = self.buffer.get(..len).unwrap_or_default().to_vec();
            let now = self.it.clock.now();
            // The calls that came before the one that sent this.
            self.hear(now);
            let packet = self.it.wire.handle_frame(now, side, &frame);
            let number = self.ledger.sent(side, packet);
            self.carried.packets = packet;
            self.moved(now);
            let ends = ends(&frame, side);
            self.batch.push(Happening::Frame(HostFrame {
                side,
                number,
                time: now,
                sent: true,
                bytes: frame,
            }));
            while let Some(fate) = self.it.wire.poll_fate() {
                let line = self.ledger.line(&fate, None);
                self.batch.push(Happening::Line(Line::Fate(line)));
            }
            let mut seen = Vec::new();
            self.look(side, ends, packet, &mut seen)?;
            self.batch.append(&mut seen);
        }
        Ok(true)
    }

    /// Looks at a host's end of the connection that it has just sent or received a packet of.
    fn look(
        &mut self,
        side: Side,
        ends: Option<Pair>,
        packet: u64,
        seen: &mut Vec<Happening>,
    ) -> Result<(), RunError> {
        let (Some(watch), Some(ends)) = (&mut self.it.watch, ends) else {
            return Ok(());
        };
        let now = self.it.clock.now();
        watch.packet(side, ends, packet, now, seen)
    }

    fn moved(&mut self, now: Timestamp) {
        self.it.life.moves(now);
        self.carried.span = match self.carried.span {
            None => Some((now, now)),
            Some((first, _)) => Some((first, now)),
        };
    }

    /// Puts what has happened into the queue, if it is time to.
    fn flush(&mut self, now: Timestamp) -> Result<(), RunError> {
        let due = now.since(self.flushed) >= GATHER || self.batch.len() >= MANY;
        if due && !self.batch.is_empty() {
            self.flushed = now;
            self.it.out.send(std::mem::take(&mut self.batch));
        }
        if self.it.out.is_overrun() {
            return Err(RunError::Overrun(MAX_BYTES >> 20));
        }
        Ok(())
    }

    /// Hears what other threads have to tell.
    fn hear(&mut self, now: Timestamp) {
        let news = self.it.control.take();
        let calls = news.calls.into_iter();
        self.batch
            .extend(calls.map(|call| Happening::Line(Line::Call(call))));
        for ended in news.ended {
            self.it.life.program_ended(ended.result.is_err(), now);
            self.carried.ended.push(ended);
        }
        self.unwatched |= news.unwatched;
    }

    /// Waits until something happens or is due.
    fn wait(&self, empty: bool) -> Result<(), RunError> {
        let now = self.it.clock.now();
        let watch = self.it.watch.as_ref().and_then(Watch::next);
        let flush = (!self.batch.is_empty()).then(|| after(self.flushed, GATHER));
        let life = self.it.life.next(empty);
        let next = [self.it.wire.poll_timeout(), watch, life, flush];
        let left = next.into_iter().flatten().min().map(|next| next.since(now));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
        // A timespec that overflows would be refused.
        let left = left.map(|left| TimeSpec::from_duration(left.min(Duration::from_hours(24))));
        let ports = &self.it.ports;
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![
            readable(ports.client.fd()),
            readable(ports.server.fd()),
            readable(self.it.control.as_fd()),
        ];
        fds.extend(self.it.signals.map(|signals| readable(signals.event())));
        match ppoll(&mut fds, left, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(RunError::Wait(error.into())),
        }
    }
}
