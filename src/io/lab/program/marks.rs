//! Marks: what programs of a run tell each other, so that a script needs no guessed pauses.
//!
//! A mark is a descriptor that becomes readable when its moment has come, and stays so. Waiting for
//! one is then like waiting for a socket, and ends alike when the run is over.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::lab::Side;
use crate::lab::experiment::{Call, Experiment, Step};

/// What can be waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// A program has come to `{ signal = … }`.
    Said(String),
    /// A program of the server (or not) listens on that TCP port.
    Listens(bool, u16),
    /// A program of the server (or not) has that UDP port.
    Receives(bool, u16),
}

impl Mark {
    /// Somebody of that host listens on that port.
    pub(super) const fn listens(side: Side, port: u16) -> Self {
        Self::Listens(matches!(side, Side::Server), port)
    }

    /// Somebody of that host receives datagrams on that port.
    pub(super) const fn receives(side: Side, port: u16) -> Self {
        Self::Receives(matches!(side, Side::Server), port)
    }
}

/// A moment that comes once.
#[derive(Debug)]
pub(super) struct Moment(EventFd);

impl Moment {
    pub(super) fn new() -> nix::Result<Self> {
        // Were it blocking, raising it could wait; it never has to.
        EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map(Self)
    }

    /// It has come, now and for ever.
    pub(super) fn come(&self) {
        // Only a full counter refuses, and what is full is readable.
        let _ = self.0.write(1);
    }

    /// Readable once it has come; to poll, not to read.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The marks of a run. Those that can ever come are known from its script.
#[derive(Debug)]
pub(super) struct Marks(BTreeMap<Mark, Moment>);

impl Marks {
    /// The marks that this experiment's programs set.
    pub(super) fn of(experiment: &Experiment) -> nix::Result<Self> {
        let mut marks = BTreeMap::new();
        for side in [Side::Client, Side::Server] {
            for (_, calls) in experiment.host(side).programs() {
                let mut names = Names::default();
                for call in calls {
                    let Some(mark) = names.mark_of(side, call) else {
                        continue;
                    };
                    marks.insert(mark, Moment::new()?);
                }
            }
        }
        Ok(Self(marks))
    }

    /// Sets a mark.
    pub(super) fn set(&self, mark: &Mark) {
        if let Some(moment) = self.0.get(mark) {
            moment.come();
        }
    }

    /// The moment when it is set; `None` when nobody ever sets it.
    pub(super) fn moment(&self, mark: &Mark) -> Option<&Moment> {
        self.0.get(mark)
    }
}

/// The sockets that a program has by then: receiving on a UDP socket that is there binds no port.
#[derive(Default)]
struct Names<'a> {
    connections: BTreeSet<&'a str>,
    udp: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    /// The mark that the next call sets.
    fn mark_of(&mut self, side: Side, call: &'a Call) -> Option<Mark> {
        let on = &*call.on;
        match &call.step {
            Step::Signal(said) => return Some(Mark::Said(said.clone())),
            // One that has to fail leaves nobody listening.
            Step::Listen(listen) if call.expect.is_none() => {
                return Some(Mark::listens(side, listen.port));
            }
            Step::UdpReceive(receive) if self.udp.insert(on) => {
                return Some(Mark::receives(side, receive.port));
            }
            Step::UdpSend(_) => drop(self.udp.insert(on)),
            Step::Connect(_) | Step::Accept if call.expect.is_none() => {
                self.connections.insert(on);
            }
            Step::Close | Step::Abort if !self.connections.remove(on) => drop(self.udp.remove(on)),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_will_be_can_be_waited_for() {
        let text = r#"
            title = "t"
            look_for = "l"
            [server]
            calls = [{ listen = { port = 1 } }, { listen = { port = 2 }, expect = "EADDRINUSE" },
                { udp_send = { bytes = 1 } }, "connect", "close", { udp_receive = { port = 3 } }, "close",
                { udp_receive = { port = 4 } }, { signal = "x" }]"#;
        let experiment = Experiment::parse(text).unwrap();
        let marks = Marks::of(&experiment).unwrap();
        let known: Vec<_> = marks.0.keys().cloned().collect();
        assert_eq!(
            known,
            [
                Mark::Said("x".to_owned()),
                Mark::Listens(true, 1),
                // Port 3 is not bound: that socket had one already.
                Mark::Receives(true, 4)
            ]
        );
    }
}
