//! The two hosts: what the client's kernel does with packets, and a host that answers echo requests as a
//! kernel does, or deviates where it is told to.

use std::collections::HashMap;
use std::net::IpAddr;

use wirelab::frame::Timestamp;
use wirelab::probe::{Queued, Received, Reported, Session};
use wirelab::wire::checksum::Sum;
use wirelab::wire::echo;

/// The identifier on the wire.
pub(crate) const ID: u16 = 0x1234;
const ETHERNET: usize = 14;
const ICMP_V4: u8 = 1;
const ICMP_V6: u8 = 58;

/// The kind of socket that the client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Raw,
    Datagram,
}

/// What a host makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deviation {
    /// It returns less than it got.
    Truncated,
    /// It answers from another address.
    WrongSource,
    /// Its reply has a code, which no echo has.
    Code,
}

impl Deviation {
    pub(crate) const ALL: [Self; 3] = [Self::Truncated, Self::WrongSource, Self::Code];
}

/// The client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) v6: bool,
    pub(crate) way: Way,
}

/// A packet taken apart.
pub(crate) struct Seen<'a> {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) message: &'a [u8],
}

fn address(v6: bool, host: u8) -> IpAddr {
    if v6 {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)])
    } else {
        IpAddr::from([10, 0, 0, host])
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(it) => it.octets().to_vec(),
        IpAddr::V6(it) => it.octets().to_vec(),
    }
}

fn ends(v6: bool, from: IpAddr, to: IpAddr) -> Option<(IpAddr, IpAddr)> {
    v6.then_some((from, to))
}

fn frame(from: IpAddr, to: IpAddr, ttl: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let len = message.len() as u16;
    let addresses = [octets(from), octets(to)].concat();
    if from.is_ipv6() {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(len.to_be_bytes());
        frame.extend([ICMP_V6, ttl]);
        frame.extend(addresses);
    } else {
        frame.extend([8, 0]);
        let mut header = vec![0x45, 0];
        header.extend((20 + len).to_be_bytes());
        header.extend([0, 0, 0x40, 0, ttl, ICMP_V4, 0, 0]);
        header.extend(addresses);
        let sum = Sum::new().add_bytes(&header).checksum();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(header);
    }
    frame.extend(message);
    frame
}

/// What a kernel takes for an ICMP message; `None` where it drops the packet: a header that is not
/// right, a length beyond the end, another protocol.
pub(crate) fn receive(v6: bool, frame: &[u8]) -> Option<Seen<'_>> {
    let packet = frame.get(ETHERNET..)?;
    if v6 {
        let (header, rest) = packet.split_at_checked(40)?;
        let len = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&header[at..at + 16]).unwrap());
        let right = header[0] >> 4 == 6 && header[6] == ICMP_V6;
        return right.then_some(Seen {
            from: address(8),
            to: address(24),
            ttl: header[7],
            message: rest.get(..len)?,
        });
    }
    let (header, _) = packet.split_at_checked(20)?;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let whole = Sum::new().add_bytes(header).fold() == 0xffff;
    let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&header[at..at + 4]).unwrap());
    let right = whole && header[0] == 0x45 && header[9] == ICMP_V4;
    right.then_some(Seen {
        from: address(12),
        to: address(16),
        ttl: header[8],
        message: packet.get(20..len)?,
    })
}

impl Client {
    pub(crate) fn address(self) -> IpAddr {
        address(self.v6, 1)
    }

    pub(crate) fn peer(self) -> IpAddr {
        address(self.v6, 2)
    }

    /// The frame that a request becomes. On a datagram socket the kernel puts in identifier and checksum.
    pub(crate) fn send(self, message: &[u8], ttl: u8) -> Vec<u8> {
        let mut message = message.to_vec();
        if self.way == Way::Datagram {
            message[echo::ID].copy_from_slice(&ID.to_be_bytes());
            message[echo::CHECKSUM].fill(0);
            echo::seal(&mut message, ends(self.v6, self.address(), self.peer()));
        }
        frame(self.address(), self.peer(), ttl, &message)
    }

    /// What of a frame the kernel gives to the socket: a datagram socket gets what has a right checksum.
    pub(crate) fn heard(self, frame: &[u8]) -> Option<Seen<'_>> {
        let seen = receive(self.v6, frame).filter(|seen| seen.to == self.address())?;
        let sound = echo::is_sound(seen.message, ends(self.v6, seen.from, seen.to));
        (sound || self.way == Way::Raw).then_some(seen)
    }

    /// Tells the session of a frame that came.
    pub(crate) fn receive(self, frame: &[u8], session: &mut Session, now: Timestamp) {
        let Some(seen) = self.heard(frame) else {
            return;
        };
        let (from, message) = (seen.from, seen.message);
        if message.first() == Some(&echo::reply(self.v6)) {
            let received = Received {
                from,
                message,
                ttl: Some(seen.ttl),
                options: &[],
                kernel_lag: None,
                stamp: None,
            };
            return session.handle_reply(now, received);
        }
        if self.way == Way::Raw {
            return session.handle_reported(now, &Reported { from, message });
        }
        // What the kernel keeps for a datagram socket: the quoted request from its ICMP header on.
        let header = if self.v6 { 40 } else { 20 };
        let queued = Queued {
            from: Some(from),
            icmp: Some((message[0], message[1])),
            reason: "",
            info: 0,
            quoted: message.get(8 + header..).unwrap_or_default(),
        };
        session.handle_queued(now, &queued);
    }
}

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Responder {
    /// By the count of the request.
    pub(crate) deviations: HashMap<u64, Deviation>,
    /// The TTL that the client sends with.
    pub(crate) ttl: u8,
}

impl Default for Responder {
    fn default() -> Self {
        Self {
            deviations: HashMap::new(),
            ttl: 64,
        }
    }
}

impl Responder {
    /// The frame of the reply to a frame that came with request `count`, and how it deviates. What is not
    /// whole gets none.
    pub(crate) fn answer(
        &self,
        client: Client,
        bytes: &[u8],
        count: u64,
    ) -> Option<(Vec<u8>, Option<Deviation>)> {
        let seen = receive(client.v6, bytes)?;
        let v6 = client.v6;
        let asked = seen.to == client.peer()
            && seen.message.first() == Some(&echo::request(v6))
            && echo::is_sound(seen.message, ends(v6, seen.from, seen.to));
        if !asked {
            return None;
        }
        let how = self.deviations.get(&count).copied();
        let mut message = seen.message.to_vec();
        message[echo::KIND] = echo::reply(v6);
        let mut from = seen.to;
        match how {
            Some(Deviation::Truncated) => {
                let data = message.len() - echo::HEADER;
                // Not into what tells which request it was.
                message.truncate(echo::HEADER + (data / 2).max(8));
            }
            Some(Deviation::WrongSource) => from = address(v6, 3),
            Some(Deviation::Code) => message[echo::CODE] = 9,
            None => {}
        }
        message[echo::CHECKSUM].fill(0);
        echo::seal(&mut message, ends(v6, from, seen.from));
        Some((frame(from, seen.from, 64, &message), how))
    }
}
