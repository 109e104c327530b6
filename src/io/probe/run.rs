//! The loop: sends what is due, takes what came, and sleeps in between.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{MsgFlags, SockaddrStorage, getsockopt, sendto, sockopt};
use nix::sys::time::TimeSpec;

use super::ProbeError;
use super::receive::{self, Buffer};
use super::show::{Shown, Witness};
use super::socket::Ready;
use crate::event::EchoEvent;
use crate::io::Signals;
use crate::io::clock::Steady;
use crate::probe::{Session, Unsent};

/// A host that is asked, and by what.
#[derive(Debug)]
pub struct Target {
    /// The socket.
    pub ready: Ready,
    /// What is known.
    pub session: Session,
    ended: bool,
    address: SockaddrStorage,
}

impl Target {
    /// A host that nothing was sent to yet.
    pub fn new(ready: Ready, session: Session) -> Self {
        let address = SockaddrStorage::from(ready.to);
        Self {
            ready,
            session,
            ended: false,
            address,
        }
    }
}

/// What whoever runs it is told.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something happened to a request to the host of that number.
    Event(usize, EchoEvent),
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
                tell(Told::Event(index, event))?;
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
    // Bounded, so that other hosts get their turn.
    for _ in 0..64 {
        let Some(step) = send_one(target, buffer, clock) else {
            return Ok(());
        };
        if let (Some(built), Some(witness)) = (step.first, witness) {
            let shown = witness.look(&target.ready, built);
            tell(Told::Shown(index, &shown))?;
        }
        receive::message(&target.ready, &mut target.session, buffer, clock);
        while let Some(event) = target.session.poll_event() {
            tell(Told::Event(index, event))?;
        }
    }
    Ok(())
}

/// A request that was made, with its message if it was the first.
struct Step {
    first: Option<Vec<u8>>,
}

/// Sends the next request, if one is due.
fn send_one(target: &mut Target, buffer: &mut Buffer, clock: Steady) -> Option<Step> {
    let (ready, session) = (&target.ready, &mut target.session);
    let fd = ready.socket.as_raw_fd();
    let request = session.poll_transmit(clock.now())?;
    let first = (request.count == 1).then(|| request.message.to_vec());
    let try_once = || loop {
        match sendto(fd, request.message, &target.address, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    };
    let mut sent = try_once();
    if let Err(errno) = sent
        && !matches!(errno, Errno::EMSGSIZE | Errno::ENOBUFS | Errno::EAGAIN)
    {
        // The kernel tells the error that an earlier request met to whatever call comes next. Asking
        // for it takes it away; the queue still has it.
        let _ = getsockopt(&ready.socket, sockopt::SocketError);
        sent = try_once();
    }
    let now = clock.now();
    match sent {
        Ok(()) => session.handle_sent(),
        Err(Errno::ENOBUFS | Errno::EAGAIN) => session.handle_unsent(now, Unsent::Busy),
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
            session.handle_unsent(now, Unsent::Refused { reason, mtu });
        }
    }
    Some(Step { first })
}

/// Takes all that came.
fn take(target: &mut Target, buffer: &mut Buffer, clock: Steady) {
    let (ready, session) = (&target.ready, &mut target.session);
    receive::errors(ready, session, buffer, clock);
    // Bounded: who is flooded has to send and stop as well.
    for _ in 0..256 {
        if !receive::message(ready, session, buffer, clock) {
            return;
        }
    }
}

/// Sleeps until something comes, is due, or a signal asks for something.
fn wait(
    targets: &[Target],
    signals: Signals,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let now = clock.now();
    let open = || targets.iter().filter(|target| !target.ended);
    let next = open()
        .filter_map(|target| target.session.poll_timeout(now))
        .min();
    let left = next.map(|next| next.since(now));
    if left == Some(Duration::ZERO) {
        return Ok(());
    }
    tell(Told::Pause)?;
    let mut fds: Vec<PollFd<'_>> = open()
        .map(|target| PollFd::new(target.ready.socket.as_fd(), PollFlags::POLLIN))
        .collect();
    fds.push(PollFd::new(signals.event(), PollFlags::POLLIN));
    // An hour at a time: a timespec that overflows would be refused.
    let left = left.map(|left| TimeSpec::from_duration(left.min(Duration::from_hours(1))));
    match ppoll(&mut fds, left, None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(ProbeError::Wait(errno)),
    }
}
