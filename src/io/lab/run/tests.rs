//! The thread that carries, between two sockets that stand for hosts.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use etherparse::PacketBuilder;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use super::carrier::{Carried, Carrier, Port};
use super::control::{Control, Ended};
use super::life::{End, Life};
use super::queue::{MAX_BYTES, Receiver, queue};
use super::*;
use crate::frame::Timestamp;
use crate::io::clock::Steady;
use crate::lab::experiment::Experiment;
use crate::lab::truth::{FateLine, Happening, HostFrame, Line};
use crate::lab::{Both, Wire};

/// The end of a cable.
struct Plug(OwnedFd);

impl Port for Plug {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(self.0.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            // The other end is closed.
            Ok(0) => Err(io::ErrorKind::BrokenPipe.into()),
            Ok(len) => Ok(Some(len)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, frame: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

/// Two hosts by hand: what the test sends on `near` comes to the carrier at `far`.
struct Bench {
    near: Both<Plug>,
    far: Both<Plug>,
    control: Control,
    clock: Steady,
}

impl Bench {
    fn new() -> Self {
        let pair = || {
            let flags = SockFlag::SOCK_CLOEXEC;
            let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags);
            let (near, far) = pair.unwrap();
            (Plug(near), Plug(far))
        };
        let ((client, client_far), (server, server_far)) = (pair(), pair());
        Self {
            near: Both { client, server },
            far: Both {
                client: client_far,
                server: server_far,
            },
            control: Control::new().unwrap(),
            clock: Steady::start(),
        }
    }

    /// Carries for `programs` programs, while `play` does what hosts do, in a thread of its own.
    fn carry(
        &self,
        wire: &str,
        programs: usize,
        play: impl FnOnce(&Self) + Send,
    ) -> (Result<Carried, RunError>, Receiver) {
        let text = format!("title = ''\nlook_for = ''\nquiet_ms = 50\nlongest_s = 5\n{wire}");
        let experiment = Experiment::parse(&text).unwrap();
        let (out, happenings) = queue(MAX_BYTES);
        let carrier = Carrier {
            ports: Both {
                client: &self.far.client,
                server: &self.far.server,
            },
            wire: Wire::new(experiment.wire.clone()),
            clock: self.clock,
            watch: None,
            life: Life::new(&experiment, false, programs, self.clock.now()),
            control: &self.control,
            signals: None,
            out,
        };
        let carried = std::thread::scope(|scope| {
            scope.spawn(|| play(self));
            carrier.carry()
        });
        (carried, happenings)
    }

    fn send(&self, side: Side, payload: &[u8]) -> Vec<u8> {
        let (from, to) = match side {
            Side::Client => ([10, 0, 0, 1], [10, 0, 0, 2]),
            Side::Server => ([10, 0, 0, 2], [10, 0, 0, 1]),
        };
        let mut frame = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64);
        builder.udp(4000, 53).write(&mut frame, payload).unwrap();
        self.near.of(side).write(&frame).unwrap();
        frame
    }

    /// Waits for a frame that comes to a host.
    fn receive(&self, side: Side) -> Vec<u8> {
        let mut buffer = vec![0; 2000];
        let socket = self.near.of(side).0.as_raw_fd();
        let len = recv(socket, &mut buffer, MsgFlags::empty()).unwrap();
        buffer.truncate(len);
        buffer
    }

    fn end(&self, side: Side, result: Result<(), String>) {
        self.control.program_ended(Ended {
            side,
            program: String::new(),
            result,
        });
    }
}

/// Everything in order, frames and fates apart.
fn sorted(happenings: &Receiver) -> (Vec<HostFrame>, Vec<FateLine>) {
    let (mut frames, mut fates) = (Vec::new(), Vec::new());
    while let Some(batch) = happenings.recv() {
        for happening in batch {
            match happening {
                Happening::Frame(frame) => frames.push(frame),
                Happening::Line(Line::Fate(fate)) => fates.push(fate),
                Happening::Line(other) => panic!("{other:?}"),
            }
        }
    }
    (frames, fates)
}

#[test]
fn frames_are_carried_numbered_and_told_at_both_ends() {
    let bench = Bench::new();
    let faults = "[wire]\ndelay_ms = 1\n[[wire.fault]]\npacket = 'client udp 2'\ndrop = true\n\
                  [[wire.fault]]\npacket = 'server udp 1'\nduplicate = 1";
    let (carried, happenings) = bench.carry(faults, 1, |bench| {
        let first = bench.send(Side::Client, b"1");
        assert_eq!(bench.receive(Side::Server), first);
        bench.send(Side::Client, b"2, which is lost");
        let answer = bench.send(Side::Server, b"an answer, and a copy");
        assert_eq!(bench.receive(Side::Client), answer);
        assert_eq!(bench.receive(Side::Client), answer);
        bench.end(Side::Client, Ok(()));
    });
    let carried = carried.unwrap();
    assert_eq!((carried.end, carried.packets), (End::Done, 3));
    assert_eq!(carried.ended.len(), 1);
    assert!(carried.lateness.max_ns() > 0);
    let (frames, fates) = sorted(&happenings);

    // Each capture counts for itself, in order of time.
    let mut last: BTreeMap<_, (u64, Timestamp)> = BTreeMap::new();
    for frame in &frames {
        let (number, time) = last.entry(frame.side.name()).or_default();
        *number += 1;
        assert_eq!(frame.number, *number);
        assert!(frame.time >= *time);
        *time = frame.time;
    }
    assert_eq!(last.values().map(|&(number, _)| number).sum::<u64>(), 3 + 3);

    // Each fate names the frames that show it.
    let frame = |side: Side, number: Option<u64>| {
        let found = frames
            .iter()
            .find(|it| it.side == side && Some(it.number) == number);
        found.map(|it| (it.sent, &*it.bytes, it.time))
    };
    let said: Vec<_> = fates.iter().map(|it| (&*it.from, &*it.fate)).collect();
    assert!(said.contains(&("client", "dropped")));
    assert_eq!(said.iter().filter(|it| it.0 == "server").count(), 2);
    for fate in &fates {
        let (from, to) = match fate.sender().unwrap() {
            Side::Client => (
                frame(Side::Client, fate.frame.client),
                frame(Side::Server, fate.frame.server),
            ),
            Side::Server => (
                frame(Side::Server, fate.frame.server),
                frame(Side::Client, fate.frame.client),
            ),
        };
        let (sent, bytes, time) = from.expect("each was sent");
        assert!(sent);
        assert_eq!(time, fate.time);
        match to {
            None => assert_eq!(&*fate.fate, "dropped"),
            Some((sent, received, time)) => {
                assert!(!sent);
                assert_eq!((received, Some(time)), (bytes, fate.delivered_at));
                assert!(time.since(fate.time) >= Duration::from_millis(1));
            }
        }
    }
    let dropped = fates.iter().find(|it| it.fate == "dropped").unwrap();
    assert_eq!((dropped.fault, dropped.frame.server), (Some(0), None));
}

#[test]
fn a_program_that_fails_ends_it_though_another_goes_on() {
    let bench = Bench::new();
    let (carried, _) = bench.carry("", 2, |bench| {
        bench.end(Side::Server, Err("it broke".to_owned()));
    });
    let carried = carried.unwrap();
    assert_eq!(carried.end, End::Done);
    assert_eq!(carried.ended[0].result, Err("it broke".to_owned()));
    assert!(
        bench.clock.elapsed() < Duration::from_secs(4),
        "not by the limit"
    );
}

#[test]
fn when_nobody_watches_any_more_it_ends() {
    let bench = Bench::new();
    let (carried, _) = bench.carry("", 1, |bench| bench.control.unwatched());
    assert_eq!(carried.unwrap().end, End::Unwatched);
    assert!(bench.clock.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_host_that_is_gone_is_an_error_that_says_whose() {
    let mut bench = Bench::new();
    // The far end of this one closes at once.
    bench.far.server = Bench::new().far.server;
    let (carried, _) = bench.carry("", 1, |_| {});
    let error = carried.unwrap_err().to_string();
    assert!(error.contains("the server's interface"), "{error}");
}
