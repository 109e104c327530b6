//! The loop: sends what is due, takes what came, and sleeps in between.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6, getsockopt, sendto, sockopt};
use nix::sys::time::TimeSpec;

use super::receive::{self, Buffer};
use super::show::{Shown, Witness};
use super::socket::Ready;
use super::{ProbeError, options};
use crate::event::EchoEvent;
use crate::frame::Timestamp;
use crate::io::Signals;
use crate::io::clock::Steady;
use crate::probe::{Pace, Session, Unsent};

/// The shortest interval at which departures are stamped.
const LEAST_TO_STAMP: Duration = Duration::from_millis(10);

/// Where to send to, no longer than it is: the kernel copies it with each request.
#[derive(Debug)]
enum Address {
    V4(SockaddrIn),
    V6(SockaddrIn6),
}

impl Address {
    fn send(&self, fd: RawFd, message: &[u8]) -> nix::Result<usize> {
        let flags = MsgFlags::MSG_DONTWAIT;
        match self {
            Self::V4(to) => sendto(fd, message, to, flags),
            Self::V6(to) => sendto(fd, message, to, flags),
        }
    }
}

/// A host that is asked, and by what.
#[derive(Debug)]
pub struct Target {
    /// The socket.
    pub ready: Ready,
    /// What is known.
    pub session: Session,
    ended: bool,
    address: Address,
    /// The request whose departure the kernel stamps as number 0; `None` where it stamps none.
    stamps_from: Option<u64>,
    /// Whether there is something in its error queue.
    erred: bool,
}

impl Target {
    /// A host that nothing was sent to yet.
    pub fn new(ready: Ready, session: Session) -> Self {
        let mut to = ready.to;
        if let (SocketAddr::V6(to), Some(label)) = (&mut to, ready.flow_label) {
            to.set_flowinfo(label.to_be());
        }
        let address = match to {
            SocketAddr::V4(to) => Address::V4(to.into()),
            SocketAddr::V6(to) => Address::V6(to.into()),
        };
        let plan = session.plan();
        // It takes one more call for each request, and who is in a hurry has better use for that.
        let stamps = plan.pace != Pace::Flood && plan.interval >= LEAST_TO_STAMP;
        let stamps_from = (stamps && options::stamp_departures(&ready.socket, true)).then_some(1);
        Self {
            stamps_from,
            erred: false,
            ready,
            session,
            ended: false,
            address,
        }
    }
}

impl Target {
    /// Has the kernel count anew which departure it stamps, from request `count` on: after a call that
    /// failed, kernels differ in whether they counted it.
    fn count_stamps_from(&mut self, count: u64, buffer: &mut Buffer, clock: Steady) {
        if self.stamps_from.is_none() {
            return;
        }
        receive::errors(
            &self.ready,
            &mut self.session,
            buffer,
            self.stamps_from,
            clock,
        );
        let again = options::stamp_departures(&self.ready.socket, false)
            && options::stamp_departures(&self.ready.socket, true);
        self.stamps_from = again.then_some(count);
    }
}

/// What whoever runs it is told.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something happened to a request to the host of that number.
    Event(usize, &'a EchoEvent),
    /// The first packet to the host of that number, as it was built and as it was on the wire.
    Shown(usize, &'a Shown),
    /// All is over for the host of that number.
    Over(usize, &'a Session),
    /// Somebody asks how it stands with the host of that number.
    Asked(usize, &'a Session),
    /// Nothing more may come for a while.
    Pause,
}

/// Runs until every host has come to its end, or a signal came. The first packet of each is looked for
/// on the wire with `witness`.
///
/// # Errors
///
/// When the kernel won't let us wait, or `tell` fails.
pub fn run(
    targets: &mut [Target],
    witness: Option<&Witness>,
    signals: Signals,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let mut buffer = Buffer::new();
    loop {
        let stopping = signals.caught().is_some();
        if signals.was_asked() {
            for (index, target) in targets.iter_mut().enumerate() {
                target.session.handle_timeout(clock.now());
                tell(Told::Asked(index, &target.session))?;
            }
        }
        for (index, target) in targets.iter_mut().enumerate() {
            if target.ended {
                continue;
            }
            // What came before the signal still counts.
            take(target, &mut buffer, clock);
            if !stopping {
                send(target, index, &mut buffer, witness, clock, tell)?;
            }
            let now = clock.now();
            target.session.handle_timeout(now);
            if stopping || target.session.is_over(now) {
                target.ended = true;
                target.session.stop(now);
            }
            while let Some(event) = target.session.poll_event() {
                tell(Told::Event(index, &event))?;
            }
            if target.ended {
                tell(Told::Over(index, &target.session))?;
            }
        }
        if targets.iter().all(|target| target.ended) {
            return Ok(());
        }
        wait(targets, signals, clock, tell)?;
    }
}

/// Sends what is due. On the loopback interface the reply is there when the call returns, and in a flood
/// it is the sign for the next.
fn send(
    target: &mut Target,
    index: usize,
    buffer: &mut Buffer,
    witness: Option<&Witness>,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let mut now = clock.now();
    // Bounded, so that other hosts get their turn.
    for _ in 0..256 {
        let Some(step) = send_one(target, now, buffer, clock) else {
            return Ok(());
        };
        if let (Some(built), Some(witness)) = (step.first, witness) {
            let shown = witness.look(&target.ready, built);
            tell(Told::Shown(index, &shown))?;
        }
        let (ready, session) = (&target.ready, &mut target.session);
        if target.stamps_from.is_some() {
            receive::errors(ready, session, buffer, target.stamps_from, clock);
        }
        let came = receive::message(ready, session, buffer, target.stamps_from, clock);
        // The time just read will do for when the next is due: clocks are what a flood reads most.
        now = came.unwrap_or_else(|| clock.now());
        while let Some(event) = target.session.poll_event() {
            tell(Told::Event(index, &event))?;
        }
    }
    Ok(())
}

/// A request that was made, with its message if it was the first.
struct Step {
    first: Option<Vec<u8>>,
}

/// Sends the next request, if one is due.
fn send_one(
    target: &mut Target,
    now: Timestamp,
    buffer: &mut Buffer,
    clock: Steady,
) -> Option<Step> {
    let (ready, session) = (&target.ready, &mut target.session);
    let fd = ready.socket.as_raw_fd();
    let request = session.poll_transmit(now)?;
    let count = request.count;
    let first = (request.count == 1).then(|| request.message.to_vec());
    let try_once = || loop {
        match target.address.send(fd, request.message) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    };
    // As late as can be: what went before is our doing, and not the network's.
    let began = clock.now();
    let mut sent = try_once();
    if let Err(errno) = sent
        && !matches!(errno, Errno::EMSGSIZE | Errno::ENOBUFS | Errno::EAGAIN)
    {
        // The kernel tells the error that an earlier request met to whatever call comes next. Asking
        // for it takes it away; the queue still has it.
        let _ = getsockopt(&ready.socket, sockopt::SocketError);
        target.erred = true;
        sent = try_once();
    }
    match sent {
        Ok(()) => session.handle_sent(began),
        Err(Errno::ENOBUFS | Errno::EAGAIN) => {
            session.handle_unsent(clock.now(), Unsent::Busy);
            target.count_stamps_from(count, buffer, clock);
        }
        Err(errno) => {
            let mtu = match errno {
                Errno::EMSGSIZE => receive::refused_mtu(&ready.socket, buffer),
                _ => None,
            };
            let reason = match errno {
                Errno::EACCES if !ready.many => {
                    "permission denied; to ask a broadcast address, give -b".to_owned()
                }
                _ => errno.desc().to_lowercase(),
            };
            session.handle_unsent(clock.now(), Unsent::Refused { reason, mtu });
            target.count_stamps_from(count + 1, buffer, clock);
        }
    }
    Some(Step { first })
}

/// Takes all that came.
fn take(target: &mut Target, buffer: &mut Buffer, clock: Steady) {
    let (ready, session) = (&target.ready, &mut target.session);
    // An error mostly fails the next call too, and is looked for then; stamps don't.
    if target.stamps_from.is_some() || std::mem::take(&mut target.erred) {
        receive::errors(ready, session, buffer, target.stamps_from, clock);
    }
    // Bounded: who is flooded has to send and stop as well.
    for _ in 0..256 {
        if receive::message(ready, session, buffer, target.stamps_from, clock).is_none() {
            return;
        }
    }
}

/// Sleeps until something comes, is due, or a signal asks for something.
fn wait(
    targets: &mut [Target],
    signals: Signals,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let now = clock.now();
    let is_open = |target: &&Target| !target.ended;
    let next = targets
        .iter()
        .filter(is_open)
        .filter_map(|target| target.session.poll_timeout(now))
        .min();
    let left = next.map(|next| next.since(now));
    if left == Some(Duration::ZERO) {
        return Ok(());
    }
    tell(Told::Pause)?;
    let mut fds: Vec<PollFd<'_>> = targets
        .iter()
        .filter(is_open)
        .map(|target| PollFd::new(target.ready.socket.as_fd(), PollFlags::POLLIN))
        .collect();
    fds.push(PollFd::new(signals.event(), PollFlags::POLLIN));
    // An hour at a time: a timespec that overflows would be refused.
    let left = left.map(|left| TimeSpec::from_duration(left.min(Duration::from_hours(1))));
    match ppoll(&mut fds, left, None) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(()),
        Err(errno) => return Err(ProbeError::Wait(errno)),
    }
    let has_error = |fd: &PollFd<'_>| {
        fd.revents()
            .is_some_and(|it| it.contains(PollFlags::POLLERR))
    };
    let erred: Vec<bool> = fds.iter().map(has_error).collect();
    let open = targets.iter_mut().filter(|target| !target.ended);
    for (target, erred) in open.zip(erred) {
        target.erred |= erred;
    }
    Ok(())
}
