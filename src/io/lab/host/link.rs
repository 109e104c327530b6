//! A host's network: its interface, addresses, neighbour and routes.
//!
//! Everything is known before the first packet, so that nothing but what the experiment is about is on
//! the wire; or, where the experiment asks for it, addresses and neighbours are learnt as hosts do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::io::clock::Stopwatch;
use crate::io::netlink::{Message, Netlink, put_attribute, u32_at};
use crate::lab::Side;
use crate::lab::experiment::{Experiment, Ip, Neighbours};

/// The interface of a host, as most have it.
pub const INTERFACE: &str = "eth0";

/// Frames that the TAP keeps for a wire that is busy elsewhere. When they are more, the kernel drops
/// them and nobody on the wire knows. A thousand connections' first windows fit.
const QUEUE_FRAMES: u32 = 10_000;

/// `RTAX_…` of linux/rtnetlink.h, which libc does not have for Linux.
mod metric {
    pub(super) const LOCK: u16 = 1;
    pub(super) const INITCWND: u16 = 11;
    pub(super) const RTO_MIN: u16 = 13;
    pub(super) const QUICKACK: u16 = 15;
    pub(super) const CC_ALGO: u16 = 16;
}

/// Bytes of `struct ifinfomsg`.
const LINK_BODY: usize = 16;
/// Bytes of `struct ifaddrmsg`.
const ADDRESS_BODY: usize = 8;
/// Bytes of `struct rtmsg`.
const ROUTE_BODY: usize = 12;
/// A link is up within microseconds; this is for machines that are drowned in work.
const LINK_PATIENCE: Duration = Duration::from_secs(5);

/// The address of a host.
pub(super) const fn address(side: Side, ip: Ip) -> IpAddr {
    let number = number(side);
    match ip {
        Ip::V4 => IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
        Ip::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number as u16)),
    }
}

/// The hardware address of a host: one that is locally administered.
pub(super) const fn hardware(side: Side) -> [u8; 6] {
    [2, 0, 0, 0, 0, number(side)]
}

const fn number(side: Side) -> u8 {
    match side {
        Side::Client => 1,
        Side::Server => 2,
    }
}

/// What was tried, and what the kernel said.
pub(super) type Failure = (String, io::Error);

/// Turns an error into one that says what was tried.
fn tried(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
    move |error| (what.into(), error)
}

/// Sets up the network of the namespace that this thread is in; its TAP is there already.
/// `congestion` is the algorithm that connections get by their route.
pub(super) fn set_up(
    side: Side,
    experiment: &Experiment,
    congestion: Option<&str>,
) -> Result<(), Failure> {
    let netlink = Netlink::open(0).map_err(tried("talk to the kernel by netlink"))?;
    let index = index(INTERFACE).map_err(tried(format!("find {INTERFACE}")))?;
    let loopback = index_message(1, libc::IFF_UP, libc::IFF_UP);
    let loopback = Message::order(libc::RTM_NEWLINK, 0, &loopback);
    netlink
        .order(loopback)
        .map_err(tried("bring the interface lo up"))?;
    bring_up(&netlink, index, side, experiment)?;

    let network = &experiment.network;
    let (own, peer) = (address(side, network.ip), address(side.other(), network.ip));
    netlink
        .order(address_message(index, own, network.neighbours))
        .map_err(tried(format!("give {INTERFACE} the address {own}")))?;
    if network.neighbours == Neighbours::Known {
        netlink
            .order(neighbour_message(index, peer, hardware(side.other())))
            .map_err(tried(format!("enter the neighbour {peer}")))?;
    }
    let metrics = metrics(experiment, congestion);
    netlink
        .order(route_message(index, own, None, &metrics))
        .map_err(tried(format!("enter the route to the network of {own}")))?;
    // Routers on the wire have addresses beyond; their packets go the only way there is.
    netlink
        .order(route_message(index, own, Some(peer), &metrics))
        .map_err(tried(format!("enter the route by way of {peer}")))?;
    if detects_duplicates(experiment) {
        return Ok(());
    }
    wait_until_usable(own, LINK_PATIENCE).map_err(tried(format!("see {own} taken into use")))
}

/// Whether hosts first see that nobody else has their address: the wire has to be there for that.
pub(super) fn detects_duplicates(experiment: &Experiment) -> bool {
    let network = &experiment.network;
    network.ip == Ip::V6 && network.neighbours == Neighbours::Learnt
}

/// The number of an interface in this thread's namespace.
fn index(name: &str) -> io::Result<u32> {
    Ok(if_nametoindex(name)?)
}

/// Gives the interface its hardware address, MTU and queue, brings it up, and sees that it is.
fn bring_up(
    netlink: &Netlink,
    index: u32,
    side: Side,
    experiment: &Experiment,
) -> Result<(), Failure> {
    let network = &experiment.network;
    let mtu = network.mtu;
    let changes = Netlink::open(libc::RTMGRP_LINK).map_err(tried("listen to netlink"))?;
    // A queue that takes what comes in order, whatever the machine's default is: fq would pace.
    let queue = Message::order(
        libc::RTM_NEWQDISC,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &queue_body(index),
    )
    .with(libc::TCA_KIND, b"pfifo\0");
    let mut flags = libc::IFF_UP;
    if network.ip == Ip::V6 && network.neighbours == Neighbours::Known {
        // Without neighbour discovery there is no solicited-node group to join and to report, so that
        // nothing is sent that the experiment did not ask for.
        flags |= libc::IFF_NOARP;
    }
    let body = index_message(index, flags, libc::IFF_UP | libc::IFF_NOARP);
    let up = Message::order(libc::RTM_NEWLINK, 0, &body)
        .with(libc::IFLA_ADDRESS, &hardware(side))
        .with(libc::IFLA_MTU, &u32::from(mtu).to_ne_bytes())
        .with(libc::IFLA_TXQLEN, &QUEUE_FRAMES.to_ne_bytes());
    netlink.order(up).map_err(tried(format!(
        "bring {INTERFACE} up with an MTU of {mtu} bytes"
    )))?;
    match netlink.order(queue) {
        // A kernel without traffic control has nothing that would pace either.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOENT)) => {
            return Err((format!("give {INTERFACE} a queue"), error));
        }
        _ => {}
    }
    wait_until_running(netlink, &changes, index).map_err(tried(format!("see {INTERFACE} run")))
}

/// Waits until the interface may carry frames: it says so in its flags.
fn wait_until_running(netlink: &Netlink, changes: &Netlink, index: u32) -> io::Result<()> {
    let since = Stopwatch::start();
    loop {
        let links = netlink.list(Message::list(libc::RTM_GETLINK, &index_message(0, 0, 0)))?;
        let running = links.iter().any(|link| {
            let flags = u32_at(&link.body, 8).unwrap_or_default() as i32;
            u32_at(&link.body, 4) == Some(index) && flags & libc::IFF_RUNNING != 0
        });
        if running {
            return Ok(());
        }
        wait_for_change(changes, since, LINK_PATIENCE)?;
    }
}

/// Waits until something changes; an error when that takes longer than `patience` in all.
fn wait_for_change(changes: &Netlink, since: Stopwatch, patience: Duration) -> io::Result<()> {
    use std::os::fd::AsFd;
    let left = patience.saturating_sub(since.elapsed());
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(changes.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) => changes.receive().map(drop),
        Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until packets for this address of the namespace are taken.
///
/// For IPv4 that is so at once. The kernel has IPv6 addresses entered by another thread of its own, after
/// duplicate address detection (RFC 4862 section 5.4) where that is done: then somebody has to carry its
/// frames meanwhile.
///
/// # Errors
///
/// When that is not so in time, or the kernel does not tell.
pub(super) fn wait_until_usable(own: IpAddr, patience: Duration) -> io::Result<()> {
    let changes = Netlink::open(libc::RTMGRP_IPV6_ROUTE)?;
    let netlink = Netlink::open(0)?;
    let since = Stopwatch::start();
    while !is_usable(&netlink, own)? {
        wait_for_change(&changes, since, patience)?;
    }
    Ok(())
}

/// Whether the route to an address ends here. A tentative one has none of its own yet.
fn is_usable(netlink: &Netlink, own: IpAddr) -> io::Result<bool> {
    let mut body = [0; ROUTE_BODY];
    let octets = bytes(own);
    body[0] = family(own);
    body[1] = 8 * octets.len() as u8;
    let asked = Message::order(libc::RTM_GETROUTE, 0, &body).with(libc::RTA_DST, &octets);
    let answers = netlink.list(asked)?;
    let mut routes = answers.iter().filter(|it| it.kind == libc::RTM_NEWROUTE);
    Ok(routes.any(|route| route.body.get(7) == Some(&libc::RTN_LOCAL)))
}

/// `struct ifinfomsg`.
fn index_message(index: u32, flags: libc::c_int, change: libc::c_int) -> [u8; LINK_BODY] {
    let mut body = [0; LINK_BODY];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body[12..].copy_from_slice(&change.to_ne_bytes());
    body
}

/// `struct tcmsg` for the queue of an interface: its root.
fn queue_body(index: u32) -> [u8; 20] {
    let mut body = [0; 20];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    // TC_H_ROOT as parent.
    body[12..16].copy_from_slice(&u32::MAX.to_ne_bytes());
    body
}

fn address_message(index: u32, own: IpAddr, neighbours: Neighbours) -> Message {
    let mut body = [0; ADDRESS_BODY];
    body[0] = family(own);
    body[1] = prefix(own);
    body[4..].copy_from_slice(&index.to_ne_bytes());
    // The route to the network is ours to make, for it has to bear the metrics.
    let mut flags = libc::IFA_F_NOPREFIXROUTE;
    if own.is_ipv6() && neighbours == Neighbours::Known {
        flags |= libc::IFA_F_NODAD;
    }
    Message::order(
        libc::RTM_NEWADDR,
        libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        &body,
    )
    .with(libc::IFA_LOCAL, &bytes(own))
    .with(libc::IFA_ADDRESS, &bytes(own))
    .with(libc::IFA_FLAGS, &flags.to_ne_bytes())
}

fn neighbour_message(index: u32, peer: IpAddr, hardware: [u8; 6]) -> Message {
    // `struct ndmsg`: family, index, state, flags, type.
    let mut body = [0; 12];
    body[0] = family(peer);
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..10].copy_from_slice(&libc::NUD_PERMANENT.to_ne_bytes());
    Message::order(
        libc::RTM_NEWNEIGH,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &body,
    )
    .with(libc::NDA_DST, &bytes(peer))
    .with(libc::NDA_LLADDR, &hardware)
}

/// The route to the network of `own`, or to everything else by way of `gateway`.
fn route_message(index: u32, own: IpAddr, gateway: Option<IpAddr>, metrics: &[u8]) -> Message {
    let (length, scope) = match gateway {
        None => (prefix(own), libc::RT_SCOPE_LINK),
        Some(_) => (0, libc::RT_SCOPE_UNIVERSE),
    };
    // `struct rtmsg`: family, lengths of destination and source, tos, table, who made it, scope, type.
    let body: [u8; ROUTE_BODY] = [
        family(own),
        length,
        0,
        0,
        libc::RT_TABLE_MAIN,
        libc::RTPROT_STATIC,
        scope,
        libc::RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    let mut message = Message::order(
        libc::RTM_NEWROUTE,
        libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        &body,
    )
    .with(libc::RTA_OIF, &index.to_ne_bytes());
    message = match gateway {
        None => message.with(libc::RTA_DST, &bytes(network(own))),
        Some(gateway) => message.with(libc::RTA_GATEWAY, &bytes(gateway)),
    };
    // While duplicate address detection runs, IPv6 takes no address as preferred source; there is only
    // one to choose from anyhow.
    if own.is_ipv4() {
        message = message.with(libc::RTA_PREFSRC, &bytes(own));
    }
    if metrics.is_empty() {
        return message;
    }
    message.with(libc::RTA_METRICS, metrics)
}

/// What connections over a route begin with (ip-route(8)).
fn metrics(experiment: &Experiment, congestion: Option<&str>) -> Vec<u8> {
    let network = &experiment.network;
    let mut all = Vec::new();
    let mut number = |kind, value: u32| put_attribute(&mut all, kind, &value.to_ne_bytes());
    if let Some(segments) = network.initial_window {
        number(metric::INITCWND, segments);
    }
    if let Some(ms) = network.rto_min_ms {
        number(metric::RTO_MIN, ms);
        // Only a locked one counts.
        number(metric::LOCK, 1 << metric::RTO_MIN);
    }
    if experiment.quick_ack() {
        number(metric::QUICKACK, 1);
    }
    if let Some(algorithm) = congestion {
        let mut name = algorithm.as_bytes().to_vec();
        name.push(0);
        put_attribute(&mut all, metric::CC_ALGO, &name);
    }
    all
}

const fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

const fn prefix(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 64,
    }
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The network that the address is in.
const fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits() & (u32::MAX << 8);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }
}
