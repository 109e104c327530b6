//! Where packets go from here (`RTM_GETROUTE`): the routes that are set, and the one that a packet to
//! an address would take.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ip, octets};
use crate::address::{Network, Path, Route, RouteKind};
use crate::io::netlink::{Answer, Message, Netlink, attributes, u32_at};

/// Bytes of `struct rtmsg`: family, two prefix lengths, TOS, table, protocol, scope, type, flags.
const BODY: usize = 12;

/// `RTA_…` of `linux/rtnetlink.h`.
mod attribute {
    pub(super) const DST: u16 = 1;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const PREFSRC: u16 = 7;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const VIA: u16 = 18;
}
/// Bytes of `struct rtnexthop`: length, flags, hops, interface.
const NEXT_HOP: usize = 8;

/// The routes of the main table, IPv4 then IPv6, in the kernel's order.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn routes() -> io::Result<Vec<Route>> {
    let netlink = Netlink::open(0)?;
    let mut all = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut body = [0; BODY];
        body[0] = family as u8;
        let answers = match netlink.list(Message::list(libc::RTM_GETROUTE, &body)) {
            // A kernel without IPv6 has no such table.
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => continue,
            answers => answers?,
        };
        let main = |it: &&Answer| it.body.get(4) == Some(&libc::RT_TABLE_MAIN);
        all.extend(answers.iter().filter(main).filter_map(read));
    }
    Ok(all)
}

/// The way to an address; `Err` with the kernel's reason if there is none (`ENETUNREACH`,
/// `EHOSTUNREACH`, `EACCES` …). `interface` is that of a link-local address, 0 for any.
///
/// # Errors
///
/// When there is no way, or the kernel does not answer.
pub fn path_to(address: IpAddr, interface: u32) -> io::Result<Path> {
    let bytes = octets(address);
    let mut body = [0; BODY];
    body[0] = family(address);
    body[1] = bytes.len() as u8 * 8;
    let mut message = Message::order(libc::RTM_GETROUTE, 0, &body).with(attribute::DST, &bytes);
    if interface != 0 {
        message = message.with(attribute::OIF, &interface.to_ne_bytes());
    }
    let answers = Netlink::open(0)?.list(message)?;
    let route = answers.iter().find_map(read);
    let route = route.ok_or_else(|| io::Error::from_raw_os_error(libc::ENETUNREACH))?;
    Ok(Path {
        kind: route.kind,
        gateway: route.gateway,
        interface: route.interface,
        source: route.source,
    })
}

const fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

fn read(answer: &Answer) -> Option<Route> {
    if answer.kind != libc::RTM_NEWROUTE {
        return None;
    }
    let body = &answer.body;
    let (family, prefix, kind) = (*body.first()?, *body.get(1)?, *body.get(7)?);
    let any = match i32::from(family) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let find = |kind| {
        attributes(body, BODY)
            .find(|(it, _)| *it == kind)
            .map(|it| it.1)
    };
    let number = |kind| find(kind).and_then(|bytes| u32_at(bytes, 0));
    let (gateway, interface) = first_hop(body);
    Some(Route {
        to: Network {
            address: find(attribute::DST).and_then(ip).unwrap_or(any),
            prefix,
        },
        kind: match kind {
            libc::RTN_UNICAST => RouteKind::Unicast,
            libc::RTN_LOCAL => RouteKind::Local,
            libc::RTN_BROADCAST | libc::RTN_MULTICAST | libc::RTN_ANYCAST => RouteKind::Broadcast,
            libc::RTN_BLACKHOLE => RouteKind::Blackhole,
            libc::RTN_UNREACHABLE => RouteKind::Unreachable,
            libc::RTN_PROHIBIT => RouteKind::Prohibited,
            _ => RouteKind::Other,
        },
        gateway,
        interface,
        metric: number(attribute::PRIORITY).unwrap_or(0),
        source: find(attribute::PREFSRC).and_then(ip),
    })
}

/// Router and interface; of a route with several next hops, the first.
fn first_hop(body: &[u8]) -> (Option<IpAddr>, u32) {
    let mut gateway = None;
    let mut interface = 0;
    for (kind, value) in attributes(body, BODY) {
        match kind {
            attribute::GATEWAY => gateway = ip(value),
            // An IPv6 router on the way to IPv4 addresses (RFC 5549): two bytes of family before it.
            attribute::VIA => gateway = value.get(2..).and_then(ip),
            attribute::OIF => interface = u32_at(value, 0).unwrap_or(0),
            attribute::MULTIPATH => {
                interface = u32_at(value, 4).unwrap_or(0);
                let router = attributes(value, NEXT_HOP).find(|it| it.0 == attribute::GATEWAY);
                gateway = router.and_then(|it| ip(it.1));
            }
            _ => {}
        }
    }
    (gateway, interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_this_machine_is_local() {
        let path = path_to("127.0.0.1".parse().unwrap(), 0).unwrap();
        assert_eq!(path.kind, RouteKind::Local);
        assert_eq!(path.gateway, None);
        assert_eq!(path.source, Some("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_panic() {
        let mut bytes = vec![
            libc::AF_INET as u8,
            0,
            0,
            0,
            libc::RT_TABLE_MAIN,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
        ];
        // A route of two hops: 10.0.0.1 by interface 2.
        bytes.extend([
            24, 0, 9, 0, 16, 0, 0, 0, 2, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1,
        ]);
        let answer = |length: usize| Answer {
            kind: libc::RTM_NEWROUTE,
            body: bytes[..length].to_vec(),
        };
        for length in 0..bytes.len() {
            let _ = read(&answer(length));
        }
    }

    #[test]
    fn of_several_next_hops_the_first_is_shown() {
        let mut bytes = vec![
            libc::AF_INET as u8,
            0,
            0,
            0,
            libc::RT_TABLE_MAIN,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
        ];
        let hop = |interface: u32, last: u8| {
            let mut hop = 16_u16.to_ne_bytes().to_vec();
            hop.extend([0, 0]);
            hop.extend(interface.to_ne_bytes());
            hop.extend(8_u16.to_ne_bytes());
            hop.extend(attribute::GATEWAY.to_ne_bytes());
            hop.extend([10, 0, 0, last]);
            hop
        };
        bytes.extend(36_u16.to_ne_bytes());
        bytes.extend(attribute::MULTIPATH.to_ne_bytes());
        bytes.extend(hop(2, 1));
        bytes.extend(hop(3, 9));
        let route = read(&Answer {
            kind: libc::RTM_NEWROUTE,
            body: bytes,
        })
        .unwrap();
        assert_eq!(
            (route.gateway, route.interface),
            (Some("10.0.0.1".parse().unwrap()), 2)
        );
    }
}
