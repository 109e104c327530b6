//! Programs: the interpreter of an experiment's calls over real sockets.
//!
//! A program runs in a thread of its own, inside its host's namespace, and makes its calls one after
//! another. It behaves as the plain blocking program that a student would write, with one difference:
//! everything that blocks ends when the run does. Each system call is put on record, with its arguments,
//! what came of it and how long it blocked; `signal`, `wait` and `sleep` stand there too, so that the
//! record of a program has no gaps.
//!
//! A program closes what its script closes and nothing else. What it leaves open is kept by the
//! [`Stage`] until the run is over.

mod datagram;
mod failure;
mod icmp;
mod marks;
mod options;
mod ping;
mod record;
mod sockets;
mod stage;
mod stream;
mod text;
mod wait;

use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockProtocol, SockType};

pub use stage::Stage;

use self::failure::{Done, Failure, name};
use self::marks::Mark;
use self::record::{Entry, Recorder};
use self::sockets::{Kind, Sockets};
use crate::io::clock::Stopwatch;
use crate::lab::experiment::{Call, Options, Step};

/// Runs a program: its calls, one after another, on this thread.
///
/// # Errors
///
/// When a call did not end as its script says, or the run was over before it ended. The sentence names
/// the host, the program, the call by its number, and what happened.
pub fn run(name: &str, calls: &[Call], stage: &Stage) -> Result<(), String> {
    let mut program = Program {
        recorder: Recorder {
            stage,
            program: name,
        },
        sockets: Sockets::default(),
    };
    for (number, call) in (1_u32..).zip(calls) {
        let done = program.step(&call.on, &call.step);
        judge(done, call, stage).map_err(|what| {
            let who = if name.is_empty() {
                stage.side().to_string()
            } else {
                format!("{} \"{name}\"", stage.side())
            };
            format!("{who}: call {number}: {}: {what}", call.step.word())
        })?;
    }
    Ok(())
}

/// Whether a call ended as it had to; what is wrong, if not.
fn judge(done: Done, call: &Call, stage: &Stage) -> Result<(), String> {
    match (done, call.expect) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(expected)) => Err(format!("succeeded, but had to end with {expected}")),
        (Err(Failure::Errno { errno, .. }), Some(expected)) if name(errno) == expected.name() => {
            Ok(())
        }
        (Err(failure), None) => Err(failure.tell(stage.over())),
        (Err(failure), Some(expected)) => Err(format!(
            "{}; it had to end with {expected}",
            failure.tell(stage.over())
        )),
    }
}

/// A program that runs.
struct Program<'a> {
    recorder: Recorder<'a>,
    sockets: Sockets,
}

impl Program<'_> {
    fn step(&mut self, on: &str, step: &Step) -> Done {
        match step {
            Step::Listen(listen) => self.listen(on, listen),
            Step::Accept => self.accept(on),
            Step::Connect(connect) => self.connect(on, connect),
            Step::Send(send) => self.send(on, send),
            Step::Receive(receive) => self.receive(on, receive),
            Step::Shutdown => self.shutdown(on),
            Step::Close => self.close(on),
            Step::Abort => self.abort(on),
            Step::StopListening => self.stop_listening(on),
            Step::Set(options) => self.set(on, options),
            Step::PauseMs(ms) => self.sleep(*ms),
            Step::Signal(mark) => self.signal(mark),
            Step::Wait(mark) => self.wait(mark),
            Step::Ping(ping) => self.ping(on, ping),
            Step::UdpSend(send) => self.udp_send(on, send),
            Step::UdpReceive(receive) => self.udp_receive(on, receive),
        }
    }

    /// Makes a socket.
    fn socket(&self, on: &str, kind: Kind) -> Done<OwnedFd> {
        let v6 = self.v6();
        let family = if v6 {
            AddressFamily::Inet6
        } else {
            AddressFamily::Inet
        };
        let (kind, protocol, kind_name, protocol_name) = match kind {
            Kind::Stream => (SockType::Stream, SockProtocol::Tcp, "SOCK_STREAM", "TCP"),
            Kind::Datagram => (SockType::Datagram, SockProtocol::Udp, "SOCK_DGRAM", "UDP"),
            Kind::Echo if v6 => (
                SockType::Datagram,
                SockProtocol::IcmpV6,
                "SOCK_DGRAM",
                "ICMPV6",
            ),
            Kind::Echo => (SockType::Datagram, SockProtocol::Icmp, "SOCK_DGRAM", "ICMP"),
        };
        let family_name = if v6 { "AF_INET6" } else { "AF_INET" };
        let arguments = format!("{family_name}, {kind_name}, IPPROTO_{protocol_name}");
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        self.recorder
            .at_once(Entry::new(on, "socket", arguments), || {
                socket::socket(family, kind, flags, protocol)
            })
    }

    fn v6(&self) -> bool {
        self.recorder.stage.here(0).is_ipv6()
    }

    fn close(&mut self, on: &str) -> Done {
        let socket = self.sockets.remove(on)?;
        self.close_socket(on, socket)
    }

    fn close_socket(&self, on: &str, socket: OwnedFd) -> Done {
        // A non-blocking socket is closed at once, and Linux closes it whatever `close` then says.
        self.recorder.at_once(Entry::new(on, "close", ""), || {
            drop(socket);
            Ok(())
        })
    }

    /// Closes a socket that came to nothing, as a program does; not when only the run was over.
    fn give_up(&self, on: &str, socket: OwnedFd, failure: Failure) -> Failure {
        if matches!(failure, Failure::Over { .. }) {
            self.recorder.stage.keep(socket);
        } else if let Err(second) = self.close_socket(on, socket) {
            return second;
        }
        failure
    }

    fn set(&mut self, on: &str, options: &Options) -> Done {
        if let Some(socket) = self.sockets.existing(on) {
            let options = std::slice::from_ref(options);
            return self.recorder.set_all(on, socket, options);
        }
        self.sockets.keep_options(on, options);
        Ok(())
    }

    fn sleep(&self, ms: u64) -> Done {
        let time = self.recorder.stage.now();
        self.recorder.pause(Duration::from_millis(ms), "sleep")?;
        let entry = Entry::new("", "sleep", format!("{ms} ms"));
        self.recorder.settle(time, Ok(0), entry);
        Ok(())
    }

    fn signal(&self, mark: &str) -> Done {
        self.recorder
            .at_once(Entry::new("", "signal", format!("'{mark}'")), || {
                let stage = self.recorder.stage;
                stage.marks().set(&Mark::Said(mark.to_owned()));
                Ok(())
            })
    }

    fn wait(&self, mark: &str) -> Done {
        let time = self.recorder.stage.now();
        let marks = self.recorder.stage.marks();
        let moment = marks.moment(&Mark::Said(mark.to_owned()));
        let moment =
            moment.ok_or_else(|| Failure::Other(format!("no program signals '{mark}'")))?;
        let what = format!("waiting for '{mark}'");
        self.recorder.await_moment(moment, &what)?;
        let entry = Entry::new("", "wait", format!("'{mark}'"));
        self.recorder.settle(time, Ok(0), entry);
        Ok(())
    }

    /// Waits until it is time for the next of several sends, by the clock that started with the first.
    fn keep_pace(&self, watch: Stopwatch, turn: u32, every_ms: u64) -> Done {
        let due = Duration::from_millis(every_ms.saturating_mul(turn.into()));
        let early = due.saturating_sub(watch.elapsed());
        if early.is_zero() {
            return Ok(());
        }
        self.recorder.pause(early, "the pause between two sends")
    }
}

impl Drop for Program<'_> {
    /// However it ends: what it leaves open stays so until the run is over.
    fn drop(&mut self) {
        for socket in self.sockets.take() {
            self.recorder.stage.keep(socket);
        }
    }
}

#[cfg(test)]
mod tests;
