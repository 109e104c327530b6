//! The stage: all that the programs of a run share, as one host's programs see it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::sys::socket::{setsockopt, sockopt};

use super::marks::{Marks, Moment};
use crate::frame::Timestamp;
use crate::lab::experiment::{Call, Encoding, Experiment, Step};
use crate::lab::truth::CallLine;
use crate::lab::{Both, Side};

/// What the programs of one host need of the run. Copies are the same stage.
///
/// What programs leave open stays open, on the stage: closing a connection sends a FIN, and only a
/// script may have one sent. The sockets are closed by [`Stage::close_all`], or when the last copy of
/// both hosts' stages is gone; until then they keep their namespace in being.
#[derive(Clone)]
pub struct Stage {
    side: Side,
    run: Arc<Run>,
}

/// What both hosts share.
struct Run {
    addresses: Both<IpAddr>,
    marks: Marks,
    over: Moment,
    /// Why it is over.
    reason: OnceLock<String>,
    /// The encodings that the experiment's texts are in, other than UTF-8.
    encodings: Vec<Encoding>,
    left_open: Mutex<Vec<OwnedFd>>,
    log: Box<dyn Fn(CallLine) + Send + Sync>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Stage {
    /// The stages of a run's two hosts. Each call that a program makes goes to `log` when it has
    /// ended, with the times of `clock`, from the thread that made it.
    ///
    /// # Errors
    ///
    /// When the process has no descriptors left.
    pub fn for_run(
        experiment: &Experiment,
        addresses: Both<IpAddr>,
        log: impl Fn(CallLine) + Send + Sync + 'static,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> io::Result<Both<Self>> {
        let run = Arc::new(Run {
            addresses,
            marks: Marks::of(experiment)?,
            over: Moment::new()?,
            reason: OnceLock::new(),
            encodings: encodings(experiment),
            left_open: Mutex::default(),
            log: Box::new(log),
            clock: Box::new(clock),
        });
        let of = |side| Self {
            side,
            run: Arc::clone(&run),
        };
        Ok(Both {
            client: of(Side::Client),
            server: of(Side::Server),
        })
    }

    /// Whose stage it is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Ends the run for the programs of both hosts: whatever call is blocking ends, and no other that
    /// could is begun. `reason` completes "the run was over: …". Only the first reason counts.
    pub fn end(&self, reason: &str) {
        // A second call changes nothing.
        let _ = self.run.reason.set(reason.to_owned());
        self.run.over.come();
    }

    /// Why the run is over; `None` while it is not.
    pub fn over(&self) -> Option<&str> {
        self.run.reason.get().map(String::as_str)
    }

    /// Readable once the run is over; to poll, not to read.
    pub fn over_event(&self) -> BorrowedFd<'_> {
        self.run.over.event()
    }

    /// Closes what the programs of both hosts left open when they ended, and says how many sockets
    /// that were. The kernel then sends what it always sends when a socket is closed.
    pub fn close_all(&self) -> usize {
        let mut left = self.left_open();
        let open = std::mem::take(&mut *left);
        open.len()
    }

    /// Does the same without a word to the other side (`SO_LINGER` 0): when nobody carries frames any
    /// more, a kernel that waits for the ACK of its FIN would keep the connection, and the namespace
    /// with it, for a minute and a half.
    pub fn abort_all(&self) -> usize {
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        for socket in self.left_open().iter() {
            // Where it can't be said, the socket is closed in the usual way.
            let _ = setsockopt(socket, sockopt::Linger, &at_once);
        }
        self.close_all()
    }

    /// Keeps a socket open until the run is over.
    pub(super) fn keep(&self, socket: OwnedFd) {
        self.left_open().push(socket);
    }

    fn left_open(&self) -> std::sync::MutexGuard<'_, Vec<OwnedFd>> {
        // A list of descriptors is whole whatever happened to the thread that held it.
        let left = self.run.left_open.lock();
        left.unwrap_or_else(PoisonError::into_inner)
    }

    /// A port of this host.
    pub(super) fn here(&self, port: u16) -> SocketAddr {
        SocketAddr::new(*self.run.addresses.of(self.side), port)
    }

    /// A port of the other host.
    pub(super) fn there(&self, port: u16) -> SocketAddr {
        SocketAddr::new(*self.run.addresses.of(self.side.other()), port)
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.run.marks
    }

    pub(super) fn encodings(&self) -> &[Encoding] {
        &self.run.encodings
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.run.clock)()
    }

    pub(super) fn log(&self, line: CallLine) {
        (self.run.log)(line);
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("side", &self.side)
            .field("addresses", &self.run.addresses)
            .field("over", &self.run.reason)
            .finish_non_exhaustive()
    }
}

/// The encodings of what is sent, each once: what they have in common with bytes received is all that
/// tells which encoding those are in.
fn encodings(experiment: &Experiment) -> Vec<Encoding> {
    let mut found = Vec::new();
    let hosts = [&experiment.client, &experiment.server];
    let calls = hosts.iter().flat_map(|host| host.programs());
    for encoding in calls.flat_map(|(_, calls)| calls).filter_map(encoding) {
        if encoding != Encoding::default() && !found.contains(&encoding) {
            found.push(encoding);
        }
    }
    found
}

fn encoding(call: &Call) -> Option<Encoding> {
    match &call.step {
        Step::Send(send) => send.payload.encoding(),
        Step::UdpSend(send) => send.payload.encoding(),
        _ => None,
    }
}
