//! A chain of virtual routers: each takes one from the time to live and may have a small MTU, so that
//! traceroute and path MTU discovery need no third host (RFC 1812 section 5.3.1, RFC 8200 section 3;
//! RFC 1191, RFC 8201).
//!
//! They route what is routed. ARP, neighbor discovery, and what is meant for one link pass untouched:
//! the hosts are neighbours and don't know of the routers until one of them speaks. A router answers
//! as often as it has reason to, and its answers meet no faults.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::answer::{self, Error};
use super::fate::Cause;
use super::fragment;
use super::ip::Header;
use super::side::Side;

/// Every IPv4 link carries datagrams of this many bytes (RFC 791 section 3.2).
const MIN_MTU_V4: u16 = 68;
/// Every IPv6 link carries packets of this many bytes (RFC 8200 section 5).
const MIN_MTU_V6: u16 = 1280;

/// A router on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Router {
    /// The address it answers from.
    pub v4: Ipv4Addr,
    /// The same for IPv6.
    pub v6: Ipv6Addr,
    /// The longest IP packet it passes on, to either side, in bytes; `None`: any. Links have an MTU of
    /// at least 68 for IPv4 and 1280 for IPv6, so anything less counts as that.
    ///
    /// A longer IPv4 datagram is dropped and answered with Fragmentation Needed when it says don't
    /// fragment, else it is cut into fragments. IPv6 is never cut on the way: Packet Too Big.
    pub mtu: Option<u16>,
}

/// What leaves the chain of routers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It goes on to the far host, in one piece or as one of several.
    Through {
        frame: Vec<u8>,
        /// The router that cut it.
        cut_by: Option<usize>,
    },
    /// It ends here.
    Lost {
        cause: Cause,
        /// How many routers it reached: the last one spoke.
        hops: usize,
        /// What that router sends back to where the packet came from.
        answer: Option<(usize, Vec<u8>)>,
    },
}

/// A chain of routers, as it lies before a packet.
pub(super) struct Chain<'a> {
    /// From the client's end to the server's.
    pub(super) routers: &'a [Router],
    /// Where the packet comes from.
    pub(super) from: Side,
    /// Bytes before its IP header.
    pub(super) ip_at: usize,
}

impl Chain<'_> {
    /// Sends a frame along, and puts what leaves the chain into `exits`.
    pub(super) fn pass(&self, frame: Vec<u8>, exits: &mut Vec<Exit>) {
        self.pass_from(0, frame, None, exits);
    }

    /// The same for a frame that `hops` routers have passed. Fragments go on from where they were
    /// cut, so this calls itself no deeper than there are routers.
    fn pass_from(
        &self,
        mut hops: usize,
        mut frame: Vec<u8>,
        cut_by: Option<usize>,
        exits: &mut Vec<Exit>,
    ) {
        loop {
            let index = match self.from {
                Side::Client => hops,
                Side::Server => self.routers.len().wrapping_sub(hops + 1),
            };
            let Some(router) = self.routers.get(index) else {
                exits.push(Exit::Through { frame, cut_by });
                return;
            };
            let forwarded = forward(router, &mut frame, self.ip_at, hops);
            hops += 1;
            match forwarded {
                Forwarded::On => {}
                Forwarded::Cut { header, mtu } => {
                    let mut pieces = Vec::new();
                    fragment::cut(&frame, &header, mtu, &mut pieces);
                    for piece in pieces {
                        self.pass_from(hops, piece, Some(index), exits);
                    }
                    return;
                }
                Forwarded::Lost(loss, answer) => {
                    let cause = match loss {
                        Loss::Malformed => Cause::Malformed(index),
                        Loss::Error(Error::TimeExceeded) => Cause::TimeExceeded(index),
                        Loss::Error(Error::TooBig(_)) => Cause::TooBig(index),
                    };
                    let answer = answer.map(|answer| (index, answer));
                    exits.push(Exit::Lost {
                        cause,
                        hops,
                        answer,
                    });
                    return;
                }
            }
        }
    }
}

enum Forwarded {
    On,
    Cut { header: Header, mtu: usize },
    Lost(Loss, Option<Vec<u8>>),
}

enum Loss {
    Malformed,
    Error(Error),
}

/// What one router does, after `before` others.
fn forward(router: &Router, frame: &mut [u8], ip_at: usize, before: usize) -> Forwarded {
    let Some(mut header) = Header::read(frame, ip_at) else {
        return Forwarded::Lost(Loss::Malformed, None);
    };
    if !header.is_routed(frame) {
        return Forwarded::On;
    }
    let address: IpAddr = if header.v6 {
        router.v6.into()
    } else {
        router.v4.into()
    };
    let hops = u8::try_from(before).unwrap_or(u8::MAX);
    let lost = |error, frame: &[u8], header: &Header| {
        let answer = answer::build(error, address, frame, header, hops);
        Forwarded::Lost(Loss::Error(error), answer)
    };
    if header.ttl <= 1 {
        return lost(Error::TimeExceeded, frame, &header);
    }
    let smallest = if header.v6 { MIN_MTU_V6 } else { MIN_MTU_V4 };
    let mtu = router.mtu.unwrap_or(u16::MAX).max(smallest);
    let too_big = header.total > usize::from(mtu);
    if too_big && !header.may_fragment() {
        return lost(Error::TooBig(mtu), frame, &header);
    }
    header.travel(frame, 1);
    if too_big {
        let mtu = usize::from(mtu);
        return Forwarded::Cut { header, mtu };
    }
    Forwarded::On
}
