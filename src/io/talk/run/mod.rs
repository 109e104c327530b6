//! The loop: takes in, sends, receives and accepts whatever can be, and sleeps in between.

mod typed;
mod watch;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::input::Input;
use super::link::Link;
use super::open::Listening;
use super::teller::{Ended, Teller};
use super::{MOST, Options, Outcome, TalkError};
use crate::frame::Timestamp;
use crate::io::Signals;
use watch::Watch;

/// How often to see whether the terminal is ours again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long the last segments may take to be captured after the last `close`.
const LAST_SEGMENTS: Duration = Duration::from_millis(150);

/// All that is open.
struct Talk<'o> {
    options: &'o Options,
    serves: bool,
    listener: Option<TcpListener>,
    /// When the `accept` that blocks now was called.
    accepting: Option<Timestamp>,
    links: Vec<Link>,
    input: Input,
    buffer: Vec<u8>,
    outcome: Outcome,
    /// When something happened last.
    latest: Timestamp,
    /// Whom typed lines go to; everybody if nobody.
    addressee: Option<u64>,
    /// Whether it was told how to address one of several.
    told_how: bool,
    watch: Option<Watch>,
}

/// Serves who comes, until there were enough or a signal comes.
///
/// # Errors
///
/// When it can't go on; that a connection broke is in the [`Outcome`].
pub fn server(
    listening: Listening,
    options: &Options,
    signals: Signals,
    teller: &mut Teller<'_>,
) -> Result<Outcome, TalkError> {
    let listener = listening.socket;
    Talk::new(options, Some(listener), teller).run(signals, teller)
}

/// Talks over a connection, until both sides have ended or a signal comes.
///
/// # Errors
///
/// When it can't go on; that the connection broke is in the [`Outcome`].
pub fn client(
    (fd, peer): (OwnedFd, SocketAddr),
    options: &Options,
    signals: Signals,
    teller: &mut Teller<'_>,
) -> Result<Outcome, TalkError> {
    let mut talk = Talk::new(options, None, teller);
    let mut link = Link::new(0, fd, peer, options, teller.now());
    // What is to be sent once is sent before anything is read, as a program would that talks first.
    link.send(teller)?;
    talk.links.push(link);
    talk.outcome.connections = 1;
    talk.run(signals, teller)
}

impl<'o> Talk<'o> {
    fn new(options: &'o Options, listener: Option<TcpListener>, teller: &Teller<'_>) -> Self {
        Self {
            options,
            serves: listener.is_some(),
            listener,
            accepting: None,
            links: Vec::new(),
            input: Input::new(),
            buffer: vec![0; options.recv_size],
            outcome: Outcome::default(),
            latest: teller.now(),
            addressee: None,
            told_how: false,
            watch: options.watch.map(Watch::new),
        }
    }

    fn run(mut self, signals: Signals, teller: &mut Teller<'_>) -> Result<Outcome, TalkError> {
        if self.watch.is_some() {
            signals.catch_stop()?;
        }
        while signals.caught().is_none() && !(self.links.is_empty() && self.listener.is_none()) {
            self.look(teller)?;
            let ready = self.wait(signals, teller)?;
            teller.frames()?;
            if signals.caught().is_some() {
                break;
            }
            if signals.is_to_stop() {
                teller.stopping()?;
                signals.stop()?;
            }
            if ready.input {
                self.take_in(teller)?;
            }
            for link in &mut self.links {
                link.receive(self.options, &mut self.buffer, teller)?;
                link.send(teller)?;
            }
            if ready.listener {
                self.accept(teller)?;
            }
            self.end_what_has_ended(teller)?;
            if self.gives_up(teller)? {
                break;
            }
        }
        self.close_all(signals, teller)?;
        Ok(self.outcome)
    }

    /// Whether it may accept one more.
    fn may_accept(&self) -> bool {
        self.listener.is_some() && self.links.len() < MOST
    }

    /// Whether what is typed has somebody to go to, and there is room for it.
    fn may_take_in(&self) -> bool {
        !self.links.is_empty() && !self.links.iter().any(Link::is_full)
    }

    /// When something has to be done, whatever comes.
    fn deadline(&self) -> Option<Timestamp> {
        let giving_up = self.options.timeout.map(|long| {
            let long = u64::try_from(long.as_nanos()).unwrap_or(u64::MAX);
            Timestamp::from_nanos(self.latest().as_nanos().saturating_add(long))
        });
        let links = self.links.iter().filter_map(Link::deadline);
        links.chain(giving_up).min()
    }

    fn latest(&self) -> Timestamp {
        let links = self.links.iter().map(|link| link.latest);
        links.chain([self.latest]).max().unwrap_or(self.latest)
    }

    /// Sleeps until something can be done.
    fn wait(&mut self, signals: Signals, teller: &mut Teller<'_>) -> Result<Ready, TalkError> {
        let now = teller.now();
        let echo = self.options.echo;
        let mut longest = self.deadline().map(|it| it.since(now));
        let mut shorten = |to: Duration| longest = Some(longest.map_or(to, |it| it.min(to)));
        if let Some(rest) = teller.until_rest() {
            // A moment that has come while others wait to send is told by the next one that comes.
            shorten(rest.max(Duration::from_millis(1)));
        }
        let take_in = self.may_take_in();
        if take_in && (self.input.in_background() || self.input.flows(now)) {
            shorten(LOOK_AGAIN);
        }
        if self
            .links
            .iter()
            .any(|it| it.has_unsent() && !it.wants_to_send() && !it.shut)
        {
            shorten(Duration::ZERO);
        }
        if let Some(watch) = &self.watch {
            shorten(watch.until(now, self.latest()));
        }
        for link in &mut self.links {
            if link.wants_to_receive(now, echo) {
                link.blocks(now);
            }
        }
        let accept = self.may_accept();
        if accept {
            self.accepting.get_or_insert(now);
        }
        if longest != Some(Duration::ZERO) {
            teller.pause()?;
        }
        let (mut fds, at) = self.descriptors(signals, teller, take_in, accept, now);
        // An hour at a time: a timespec that overflows would be refused.
        let longest = longest.map(|it| TimeSpec::from_duration(it.min(Duration::from_hours(1))));
        let woken = match ppoll(&mut fds, longest, None) {
            Err(Errno::EINTR) => return Ok(Ready::default()),
            woken => woken.map_err(TalkError::Wait)?,
        };
        let is_ready = |at: Option<usize>| {
            at.and_then(|at| fds.get(at))
                .is_some_and(|it| it.any() == Some(true))
        };
        let ready = Ready {
            input: is_ready(at.input),
            listener: is_ready(at.listener),
        };
        drop(fds);
        if woken == 0 && teller.until_rest() == Some(Duration::ZERO) {
            teller.idle()?;
        }
        Ok(ready)
    }

    /// What to wait for, and where in the list input and listener are.
    fn descriptors<'t>(
        &'t self,
        signals: Signals,
        teller: &'t Teller<'_>,
        take_in: bool,
        accept: bool,
        now: Timestamp,
    ) -> (Vec<PollFd<'t>>, Places) {
        let mut fds = vec![PollFd::new(signals.event(), PollFlags::POLLIN)];
        let mut at = Places::default();
        if let Some(capture) = teller.capture() {
            fds.push(PollFd::new(capture, PollFlags::POLLIN));
        }
        if take_in && let Some(input) = self.input.descriptor() {
            at.input = Some(fds.len());
            fds.push(PollFd::new(input, PollFlags::POLLIN));
        }
        if accept && let Some(listener) = &self.listener {
            at.listener = Some(fds.len());
            fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        for link in &self.links {
            let mut events = PollFlags::empty();
            events.set(
                PollFlags::POLLIN,
                link.wants_to_receive(now, self.options.echo),
            );
            events.set(PollFlags::POLLOUT, link.wants_to_send());
            // One that wants nothing now would only wake us with its errors, which it finds by itself in time.
            if !events.is_empty() {
                fds.push(PollFd::new(link.fd().as_fd(), events));
            }
        }
        (fds, at)
    }

    fn accept(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        while self.may_accept() {
            let Some(listener) = &self.listener else {
                break;
            };
            let accepted = listener.accept();
            let now = teller.now();
            let errno = accepted.as_ref().err().map(|error| {
                error
                    .raw_os_error()
                    .map_or(Errno::UnknownErrno, Errno::from_raw)
            });
            if matches!(errno, Some(Errno::EAGAIN | Errno::EINTR)) {
                break;
            }
            let time = self.accepting.take().unwrap_or(now);
            let number = self.outcome.connections + 1;
            let from = accepted.as_ref().ok().map(|(_, peer)| *peer);
            let name = from.map_or(String::new(), |_| Link::name_of(number));
            let ended = Ended {
                socket: &name,
                call: "accept",
                arguments: from.map_or(String::new(), |peer| format!("from {peer}")),
                time,
                blocked: now.since(time),
                data: None,
            };
            // The handshake was over before the call returned.
            teller.frames()?;
            let descriptor = accepted.as_ref().map_or(0, |it| it.0.as_raw_fd().into());
            teller.call(ended, errno.map_or(Ok(descriptor), Err))?;
            let (stream, peer) = match (accepted, errno) {
                (Ok(accepted), _) => accepted,
                (Err(_), Some(Errno::ECONNABORTED)) => continue,
                (Err(_), errno) => {
                    let errno = errno.unwrap_or(Errno::UnknownErrno);
                    return Err(TalkError::refused("accept".to_owned(), errno));
                }
            };
            stream.set_nonblocking(true)?;
            self.outcome.connections = number;
            self.latest = now;
            let mut link = Link::new(number, stream.into(), peer, self.options, now);
            // Before anything is read: the client may have talked already.
            link.send(teller)?;
            self.links.push(link);
            self.tell_how_to_address(teller)?;
            if self.options.count == Some(number) {
                self.stop_listening(teller)?;
                teller.remark(
                    "",
                    "No more clients were asked for: who tries now is refused.",
                )?;
            } else if self.links.len() == MOST {
                let said = format!(
                    "{MOST} clients at once are the most: the next wait in the kernel's queue."
                );
                teller.remark("", &said)?;
            }
        }
        Ok(())
    }

    fn stop_listening(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        if let Some(listener) = self.listener.take() {
            teller
                .at_once("", "close", "the listening socket", || {
                    drop(listener);
                    Ok(())
                })?
                .ok();
        }
        Ok(())
    }

    /// Shuts down and closes what is at that point.
    fn end_what_has_ended(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        let now = teller.now();
        let mut open = Vec::with_capacity(self.links.len());
        for mut link in std::mem::take(&mut self.links) {
            let idle = !link.has_unsent();
            let more = !self.serves && self.input.flows(now);
            if link.broken.is_some() || (link.peer_ended && idle && !more) {
                self.close(link, teller)?;
                continue;
            }
            let answered = !self.options.echo || link.peer_ended;
            if self.input.has_ended() && idle && answered && !link.shut {
                link.shut(teller)?;
            }
            open.push(link);
        }
        self.links = open;
        Ok(())
    }

    fn close(&mut self, link: Link, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        self.outcome.sent += link.sent;
        self.outcome.received += link.received;
        self.latest = teller.now();
        if let Some(broken) = &link.broken {
            self.outcome.trouble.get_or_insert_with(|| broken.clone());
        }
        let number = link.number;
        link.close(teller)?;
        self.has_gone(number, teller)
    }

    /// Whether nothing has happened for too long.
    fn gives_up(&mut self, teller: &mut Teller<'_>) -> Result<bool, TalkError> {
        let Some(long) = self.options.timeout else {
            return Ok(false);
        };
        let open = !self.links.is_empty() || self.listener.is_some();
        if !open || teller.now().since(self.latest()) < long {
            return Ok(false);
        }
        let who = if self.links.is_empty() {
            "Nobody came"
        } else {
            "Nothing happened"
        };
        let said = format!("{who} for {} s (--timeout): closing.", long.as_secs_f64());
        teller.remark("", &said)?;
        if !self.links.is_empty() || self.outcome.connections == 0 {
            self.outcome.trouble.get_or_insert(said);
        }
        Ok(true)
    }

    fn close_all(&mut self, signals: Signals, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        if let Some(signal) = signals.caught() {
            teller.remark(
                "",
                &format!("{signal}: what is open is closed, connections first."),
            )?;
        }
        self.addressee = None;
        for link in std::mem::take(&mut self.links) {
            self.close(link, teller)?;
        }
        self.stop_listening(teller)?;
        let start = teller.now();
        loop {
            let left = LAST_SEGMENTS.saturating_sub(teller.now().since(start));
            let Some(capture) = teller.capture().filter(|_| !left.is_zero()) else {
                return Ok(());
            };
            let mut fds = [PollFd::new(capture, PollFlags::POLLIN)];
            let left = Some(TimeSpec::from_duration(left));
            if !matches!(ppoll(&mut fds, left, None), Ok(_) | Err(Errno::EINTR)) {
                return Ok(());
            }
            teller.frames()?;
        }
    }
}

/// Where in a list of descriptors these are.
#[derive(Default)]
struct Places {
    input: Option<usize>,
    listener: Option<usize>,
}

/// What can be done.
#[derive(Default)]
struct Ready {
    input: bool,
    listener: bool,
}
