//! The loop: sends what is due, takes what came, and sleeps in between.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::socket::Link;
use crate::event::{Trace, TraceEvent};
use crate::io::Signals;
use crate::io::clock::Steady;
use crate::io::probe::ProbeError;
use crate::io::probe::receive::Buffer;
use crate::trace::Tracer;

/// Probes sent before what came is looked at.
const BURST: usize = 64;

/// What whoever runs it is told.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something happened.
    Event(&'a TraceEvent),
    /// Nothing more may come for a while.
    Pause,
    /// All is over.
    Over(&'a Trace),
}

/// Runs until the path is known, or a signal came.
///
/// # Errors
///
/// When the kernel won't let us wait, or `tell` fails.
pub fn run(
    link: &mut Link,
    tracer: &mut Tracer,
    signals: Signals,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let mut buffer = Buffer::new();
    loop {
        let stopping = signals.caught().is_some();
        // What came before the signal, or while we were busy, still counts.
        link.take(tracer, &mut buffer, clock);
        tracer.handle_timeout(clock.now());
        if stopping {
            tracer.stop(clock.now());
        }
        for _ in 0..BURST {
            let Some(probe) = tracer.poll_transmit(clock.now()) else {
                break;
            };
            link.send(&probe, tracer, &mut buffer);
            // Where the kernel does not stamp what it receives, we have to be quick.
            link.take(tracer, &mut buffer, clock);
        }
        while let Some(event) = tracer.poll_event() {
            tell(Told::Event(&event))?;
        }
        if tracer.is_over() {
            tell(Told::Over(&tracer.trace()))?;
            return Ok(());
        }
        wait(link, tracer, signals, clock, tell)?;
    }
}

/// Sleeps until something comes, is due, or a signal asks for an end.
fn wait(
    link: &Link,
    tracer: &Tracer,
    signals: Signals,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
) -> Result<(), ProbeError> {
    let now = clock.now();
    let next = tracer.poll_timeout(now);
    let left = next.map(|next| next.since(now));
    if left == Some(Duration::ZERO) {
        return Ok(());
    }
    tell(Told::Pause)?;
    let readable = PollFlags::POLLIN;
    let sockets = link.icmp.iter().chain(&link.udp).chain(&link.tcp);
    let mut fds: Vec<PollFd<'_>> = sockets
        .map(|socket| PollFd::new(socket.as_fd(), readable))
        .collect();
    fds.push(PollFd::new(signals.event(), readable));
    let connecting = PollFlags::POLLOUT | PollFlags::POLLERR;
    fds.extend(
        link.attempts
            .iter()
            .map(|it| PollFd::new(it.socket.as_fd(), connecting)),
    );
    // An hour at a time: a timespec that overflows would be refused.
    let left = left.map(|left| TimeSpec::from_duration(left.min(Duration::from_hours(1))));
    match ppoll(&mut fds, left, None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(ProbeError::Wait(errno)),
    }
}
