//! A wire for tests: it carries every frame at once, and keeps a copy.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wirelab::io::clock::Stopwatch;
use wirelab::io::lab::host::Host;
use wirelab::lab::{Both, Side};

use super::PATIENCE;

/// A port that only root may listen on elsewhere.
const PORT: u16 = 80;

/// A frame that went over the wire.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) side: Side,
    pub(super) at: Duration,
    pub(super) bytes: Vec<u8>,
}

/// What it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    Arp,
    Solicitation,
    Advertisement,
    /// Its flags but PSH.
    Tcp(&'static str),
    Other,
}

impl Frame {
    fn sliced(&self) -> SlicedPacket<'_> {
        SlicedPacket::from_ethernet(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn carried(&self) -> Carried {
        let packet = self.sliced();
        if matches!(packet.net, Some(NetSlice::Arp(_))) {
            return Carried::Arp;
        }
        match packet.transport {
            Some(TransportSlice::Icmpv6(it)) if it.type_u8() == 135 => Carried::Solicitation,
            Some(TransportSlice::Icmpv6(it)) if it.type_u8() == 136 => Carried::Advertisement,
            Some(TransportSlice::Tcp(it)) => {
                Carried::Tcp(match (it.syn(), it.fin(), it.rst(), it.ack()) {
                    (true, false, false, false) => "S",
                    (true, false, false, true) => "SA",
                    (false, true, false, true) => "FA",
                    (false, false, true, _) => "R",
                    (false, false, false, true) => "A",
                    other => panic!("{other:?}"),
                })
            }
            _ => Carried::Other,
        }
    }

    /// Sequence number and payload bytes of a segment that carries data.
    pub(super) fn data(&self) -> Option<(u32, usize)> {
        match self.sliced().transport {
            Some(TransportSlice::Tcp(it)) if !it.payload().is_empty() => {
                Some((it.sequence_number(), it.payload().len()))
            }
            _ => None,
        }
    }

    /// Source and destination address.
    pub(super) fn ends(&self) -> (String, String) {
        match self.sliced().net {
            Some(NetSlice::Ipv4(it)) => {
                let it = it.header();
                (
                    it.source_addr().to_string(),
                    it.destination_addr().to_string(),
                )
            }
            Some(NetSlice::Ipv6(it)) => {
                let it = it.header();
                (
                    it.source_addr().to_string(),
                    it.destination_addr().to_string(),
                )
            }
            _ => panic!("no addresses: {self:?}"),
        }
    }

    /// The checksums of IP and TCP are filled in, and right.
    pub(super) fn assert_checksums(&self) {
        let packet = self.sliced();
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
            panic!("no segment: {self:?}");
        };
        let (header, payload) = (tcp.to_header(), tcp.payload());
        let right = match packet.net {
            Some(NetSlice::Ipv4(ip)) => {
                let ip = ip.header().to_header();
                assert_eq!(ip.header_checksum, ip.calc_header_checksum(), "{self:?}");
                header.calc_checksum_ipv4(&ip, payload)
            }
            Some(NetSlice::Ipv6(ip)) => {
                header.calc_checksum_ipv6(&ip.header().to_header(), payload)
            }
            _ => panic!("no addresses: {self:?}"),
        };
        assert_eq!(header.checksum, right.expect("a length"), "{self:?}");
    }
}

/// Carries the frames between two hosts.
pub(super) struct Carrier<'a> {
    hosts: &'a Both<Host>,
    clock: Stopwatch,
    /// Those that were sent so far, carried or not.
    pub(super) frames: Vec<Frame>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(hosts: &'a Both<Host>) -> Self {
        Self {
            hosts,
            clock: Stopwatch::start(),
            frames: Vec::new(),
        }
    }

    /// Carries those frames that `passes` says, until `done`.
    pub(super) fn run(
        &mut self,
        mut passes: impl FnMut(&Frame) -> bool,
        mut done: impl FnMut(&[Frame]) -> bool,
    ) {
        let mut buffer = vec![0; 65536];
        while !done(&self.frames) {
            assert!(self.clock.elapsed() < PATIENCE, "{:?}", self.frames);
            let sides = [Side::Client, Side::Server];
            let mut fds =
                sides.map(|side| PollFd::new(self.hosts.of(side).tap().as_fd(), PollFlags::POLLIN));
            // Short, for a program may be done without a last frame.
            poll(&mut fds, PollTimeout::from(5_u8)).expect("poll");
            for side in sides {
                while let Some(length) = self.hosts.of(side).tap().read(&mut buffer).expect("read")
                {
                    let frame = Frame {
                        side,
                        at: self.clock.elapsed(),
                        bytes: buffer[..length].to_vec(),
                    };
                    if passes(&frame) {
                        let far = self.hosts.of(side.other()).tap();
                        far.write(&frame.bytes).expect("write");
                    }
                    self.frames.push(frame);
                }
            }
        }
    }

    /// Carries everything until both programs are done; gives what they say.
    pub(super) fn until_done(
        &mut self,
        programs: &Both<Receiver<io::Result<String>>>,
    ) -> Both<String> {
        let mut said = Both {
            client: None,
            server: None,
        };
        self.run(
            |_| true,
            |_| {
                for side in [Side::Client, Side::Server] {
                    match programs.of(side).try_recv() {
                        Ok(it) => *said.of_mut(side) = Some(it),
                        Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
                    }
                }
                said.client.is_some() && said.server.is_some()
            },
        );
        let well = |it: Option<io::Result<String>>| it.expect("done").expect("goes well");
        Both {
            client: well(said.client),
            server: well(said.server),
        }
    }
}

/// Starts a program on each host, with the connection between the two.
pub(super) fn connect(
    hosts: &Both<Host>,
    serve: impl FnOnce(TcpStream) -> io::Result<String> + Send + 'static,
    ask: impl FnOnce(TcpStream) -> io::Result<String> + Send + 'static,
) -> Both<Receiver<io::Result<String>>> {
    let at = SocketAddr::new(hosts.server.address(), PORT);
    let (listening, listens) = channel();
    let server = run(&hosts.server, move || {
        let listener = TcpListener::bind(at)?;
        let _ = listening.send(());
        serve(listener.accept()?.0)
    });
    let client = run(&hosts.client, move || {
        let _ = listens.recv();
        ask(TcpStream::connect(at)?)
    });
    Both { client, server }
}

/// Runs something on a host; gives what comes of it.
pub(super) fn run<T: Send + 'static>(
    host: &Host,
    job: impl FnOnce() -> T + Send + 'static,
) -> Receiver<T> {
    let (say, heard) = channel();
    let job = move || {
        let _ = say.send(job());
    };
    host.spawn("test", job).expect("a thread");
    heard
}
