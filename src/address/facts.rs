//! What a machine knows of its network, as plain facts: its addresses, where packets go, who its
//! neighbours are. `io::machine` asks the kernel for them.

use std::net::IpAddr;

use super::Network;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The interface's number.
    pub interface: u32,
    /// The address and the length of its prefix.
    pub network: Network,
    /// The other end, on a link with two.
    pub peer: Option<IpAddr>,
    /// The broadcast address that is set, which need not be the one that the prefix gives.
    pub broadcast: Option<IpAddr>,
    /// Made at random and replaced from time to time (RFC 8981).
    pub temporary: bool,
    /// Going out of use: no new connection is made from it (RFC 4862 section 5.5.4).
    pub deprecated: bool,
    /// Not usable yet: whether another host has it is being asked (RFC 4862 section 5.4).
    pub tentative: bool,
    /// Not usable: another host has it.
    pub duplicate: bool,
    /// How much longer it is valid, in seconds; `None` for good.
    pub valid_s: Option<u32>,
}

/// What a route does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends it on.
    Unicast,
    /// Keeps it: the address is this machine's own.
    Local,
    /// Sends it to every host of the link, or to a group.
    Broadcast,
    /// Throws it away, silently.
    Blackhole,
    /// Throws it away, and says that the host can't be reached.
    Unreachable,
    /// Throws it away, and says that it is prohibited.
    Prohibited,
    /// Something else.
    Other,
}

/// A line of the table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// For which destinations; a prefix of no bits is the default route.
    pub to: Network,
    /// What it does.
    pub kind: RouteKind,
    /// The router that gets the packet; `None` where the destination is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The number of the interface; 0 where it has none, as a black hole.
    pub interface: u32,
    /// Of two routes for a destination, the one with less is taken; 0 if none is set.
    pub metric: u32,
    /// The source address that it prefers.
    pub source: Option<IpAddr>,
}

/// The way that a packet to an address takes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// What is done with it.
    pub kind: RouteKind,
    /// The first router, if it is not on a link of ours.
    pub gateway: Option<IpAddr>,
    /// The number of the interface.
    pub interface: u32,
    /// The source address that it gets.
    pub source: Option<IpAddr>,
}

/// What is known of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighbourState {
    /// Its hardware address is known.
    Known,
    /// It is being asked for.
    Asked,
    /// It did not answer.
    Silent,
}

/// A host on a link of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// The number of the interface that it is behind.
    pub interface: u32,
    /// Its hardware address, where it has one of six bytes.
    pub hardware: Option<[u8; 6]>,
    /// What is known.
    pub state: NeighbourState,
}
