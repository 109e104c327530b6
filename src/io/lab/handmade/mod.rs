//! A connection by hand, on a wire: this program holds one end, a kernel's TCP the other.
//!
//! ```text
//!  this thread                                     a host of the lab, or this machine
//!  handmade::Session  <── frames ──>  TAP  <── frames ──>  the kernel's own TCP
//!        ^                                            │ sock_diag        ^ calls
//!        └────────────── what it thinks of us ────────┘            its program
//! ```
//!
//! The address at this end belongs to no kernel, so that none resets a connection that it knows nothing of.

mod ground;
mod observe;
mod order;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

pub use ground::{Ground, GroundError};

use crate::event::{HandmadeEnd, HandmadeEvent};
use crate::frame::Timestamp;
use crate::handmade::Session;
use crate::io::Signals;
use crate::io::clock::Steady;
use crate::lab::truth::Line;
use observe::Observer;
use order::Order;

/// Longest frame, in bytes.
const LONGEST: usize = 14 + 65535;
/// How long the other end is watched when all is done.
const FAREWELL: Duration = Duration::from_millis(20);

/// Something to keep or to show.
#[derive(Debug)]
pub enum Told<'a> {
    /// What happened.
    Event(&'a HandmadeEvent),
    /// The same of kernel and program at the far end, in full.
    Line(&'a Line),
    /// A frame on the wire, and what is wrong with it on purpose.
    Frame(Timestamp, &'a [u8], Option<&'a str>),
    /// Nothing will happen for a while.
    Pause,
}

/// Why it could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum HandmadeError {
    /// The TAP fails.
    #[error("can't {0} the TAP device: {1}")]
    Tap(&'static str, io::Error),
    /// The kernel does not tell of its sockets.
    #[error("can't ask the far kernel about its connection (sock_diag): {0}")]
    Sample(io::Error),
    /// What is told can't be kept or shown.
    #[error("{0}")]
    Output(#[from] io::Error),
}

/// Runs a session until it is over, `longest` has passed, or a signal comes.
///
/// # Errors
///
/// When the TAP or the far kernel does not do its part, or `tell` fails.
pub fn run(
    session: &mut Session,
    ground: &mut Ground,
    signals: Signals,
    longest: Duration,
    clock: Steady,
    tell: &mut dyn FnMut(Told<'_>) -> io::Result<()>,
) -> Result<HandmadeEnd, HandmadeError> {
    ground
        .start(clock)
        .map_err(|error| HandmadeError::Tap("start the program behind", error))?;
    let ends = (session.peer(), session.own());
    let diag = ground.diag();
    let mut observer = Observer::new(diag.as_ref(), ends, ground.is_lab());
    let mut buffer = vec![0; LONGEST];
    let mut deadline = after(clock.now(), longest);
    let mut stopped = false;
    let mut order = Order::default();
    loop {
        let mut at_work = AtWork {
            session: &mut *session,
            ground: &*ground,
            observer: &mut observer,
            clock,
            order: &mut order,
            tell: &mut *tell,
        };
        at_work.transmit()?;
        let mut more = at_work.receive(&mut buffer)?;
        at_work.look(more)?;
        more |= at_work.transmit()?;
        at_work.release()?;
        let now = clock.now();
        let caught = signals.caught();
        if let Some(end) = session.ended() {
            if !stopped {
                stopped = true;
                deadline = after(now, FAREWELL);
            }
            if deadline <= now || caught.is_some() {
                while let Some(event) = order.pop(None) {
                    tell(Told::Event(&event))?;
                }
                return Ok(end.clone());
            }
        } else if let Some(name) = caught {
            session.stop(now, &format!("ended by {name}"));
            continue;
        } else if deadline <= now {
            let seconds = longest.as_secs_f64();
            session.stop(
                now,
                &format!("the time is up, {seconds} s; --timeout gives it more"),
            );
            continue;
        }
        if !more {
            tell(Told::Pause)?;
            let next = session.poll_timeout().into_iter();
            let next = next.chain(observer.next()).chain(order.due());
            let next = next.chain([deadline]).min();
            wait(ground, signals, next.unwrap_or(now).since(now))?;
        }
    }
}

/// What is at hand in a round of the loop.
struct AtWork<'a, 'b> {
    session: &'a mut Session,
    ground: &'a Ground,
    observer: &'a mut Observer<'b>,
    clock: Steady,
    order: &'a mut Order,
    tell: &'a mut dyn FnMut(Told<'_>) -> io::Result<()>,
}

impl AtWork<'_, '_> {
    /// Sends what is to be sent. Gives whether there was anything.
    fn transmit(&mut self) -> Result<bool, HandmadeError> {
        let mut any = false;
        loop {
            let now = self.clock.now();
            let transmit = self.session.poll_transmit(now);
            self.events();
            let Some(transmit) = transmit else {
                return Ok(any);
            };
            any = true;
            let mistake = transmit.mistake.as_deref();
            (self.tell)(Told::Frame(now, &transmit.bytes, mistake))?;
            let written = self.ground.held().write(&transmit.bytes);
            written.map_err(|error| HandmadeError::Tap("write to", error))?;
            self.look(true)?;
        }
    }

    /// Takes what has come. Gives whether there was anything.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, HandmadeError> {
        let mut any = false;
        // One at a time: what it leads to comes before the next.
        let read = self.ground.held().read(buffer);
        let read = read.map_err(|error| HandmadeError::Tap("read from", error))?;
        if let Some(len) = read {
            any = true;
            let frame = buffer.get(..len).unwrap_or_default();
            let now = self.clock.now();
            self.session.handle_frame(now, frame);
            (self.tell)(Told::Frame(now, frame, None))?;
            self.events();
        }
        Ok(any)
    }

    /// Looks at the other end: after a frame for certain, else if it is time.
    fn look(&mut self, for_certain: bool) -> Result<(), HandmadeError> {
        for call in self.ground.calls() {
            if let Some(event) = observe::call(&call) {
                self.order.push(HandmadeEvent::Call(event));
            }
            (self.tell)(Told::Line(&Line::Call(call)))?;
        }
        let looked = self.observer.look(self.clock.now(), for_certain);
        let Some(seen) = looked.map_err(HandmadeError::Sample)? else {
            return Ok(());
        };
        self.session.kernel(seen.state);
        if let Some(news) = seen.news {
            self.order.push(HandmadeEvent::Kernel(news));
        }
        if let Some(sample) = seen.sample {
            (self.tell)(Told::Line(&Line::Sample(Box::new(sample))))?;
        }
        Ok(())
    }

    fn events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.order.push(event);
        }
    }

    /// Tells what nothing can overtake any more.
    fn release(&mut self) -> Result<(), HandmadeError> {
        let now = self.clock.now();
        while let Some(event) = self.order.pop(Some(now)) {
            (self.tell)(Told::Event(&event))?;
        }
        Ok(())
    }
}

/// Waits until something comes, or `left` has passed.
fn wait(ground: &Ground, signals: Signals, left: Duration) -> Result<(), HandmadeError> {
    let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut fds = vec![readable(ground.held().as_fd())];
    if signals.caught().is_none() {
        fds.push(readable(signals.event()));
    }
    let program: Option<BorrowedFd<'_>> = ground.program();
    fds.extend(program.map(readable));
    let left = TimeSpec::from_duration(left.min(Duration::from_hours(1)));
    match ppoll(&mut fds, Some(left), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(HandmadeError::Tap("wait for", error.into())),
    }
}

/// The moment `by` after `time`.
fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}
