//! The hardware address of the next hop: what the kernel knows already (`RTM_GETNEIGH`), else what it
//! says itself when it is asked by ARP (RFC 826) or a neighbor solicitation (RFC 4861).

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::CraftError;
use super::route::{Link, Route, address};
use super::send::Sender;
use crate::craft::{Around, Asked, Recipe};
use crate::frame::LinkType;
use crate::io::clock::Stopwatch;
use crate::io::netlink::{Message, Netlink, attributes, u16_at, u32_at};

/// Bytes of `struct ndmsg`: family, padding, interface, state, flags, type.
const BODY: usize = 12;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// States in which an entry's address means nothing: incomplete, failed.
const UNKNOWN: u16 = 0x01 | 0x20;
/// How often the next hop is asked, and how long each time.
const TIMES: usize = 3;
const EACH: Duration = Duration::from_secs(1);

/// The hardware address that frames to `to` go to; `None` where the link has no addresses, or where it
/// is one of a group.
///
/// # Errors
///
/// When nobody says who it is.
pub fn find(route: &Route, to: IpAddr, sender: &mut Sender) -> Result<Option<[u8; 6]>, CraftError> {
    let hop = route.gateway.unwrap_or(to);
    let group = match hop {
        IpAddr::V4(hop) => hop.is_multicast() || hop.is_broadcast(),
        IpAddr::V6(hop) => hop.is_multicast(),
    };
    if route.link != Link::Ethernet || group {
        return Ok(None);
    }
    if let Ok(Some(known)) = known(hop, route.index) {
        return Ok(Some(known));
    }
    ask(route, hop, sender).map(Some)
}

/// What the kernel knows.
fn known(hop: IpAddr, interface: u32) -> io::Result<Option<[u8; 6]>> {
    let mut body = [0; BODY];
    body[0] = if hop.is_ipv6() {
        libc::AF_INET6 as u8
    } else {
        libc::AF_INET as u8
    };
    let answers = Netlink::open(0)?.list(Message::list(libc::RTM_GETNEIGH, &body))?;
    let entry = |body: &[u8]| {
        let mut found = (None, None);
        for (kind, value) in attributes(body, BODY) {
            match kind {
                NDA_DST => found.0 = address(value),
                NDA_LLADDR => found.1 = <[u8; 6]>::try_from(value).ok(),
                _ => {}
            }
        }
        let here = u32_at(body, 4) == Some(interface);
        let holds = u16_at(body, 8).is_some_and(|state| state & UNKNOWN == 0);
        found.1.filter(|_| here && holds && found.0 == Some(hop))
    };
    Ok(answers.iter().find_map(|answer| entry(&answer.body)))
}

/// What it says when it is asked.
fn ask(route: &Route, hop: IpAddr, sender: &mut Sender) -> Result<[u8; 6], CraftError> {
    let nobody = || CraftError::NoNeighbour {
        hop,
        interface: route.interface.clone(),
    };
    let words = match hop {
        IpAddr::V4(hop) => format!("ether / arp request dst={hop}"),
        IpAddr::V6(hop) => {
            let [.., a, b, c] = hop.octets();
            // The group that all with such an end of their address listen to (RFC 4291 section 2.7.1).
            let group = format!("ff02::1:ff{a:02x}:{b:02x}{c:02x}");
            let mac = route
                .mac
                .unwrap_or_default()
                .map(|byte| format!("{byte:02x}"));
            let mac = mac.join(":");
            format!("ether / ipv6 dst={group} / icmp6 ns target={hop} options=slla={mac}")
        }
    };
    let recipe = Recipe::parse(&[words]).map_err(|_| nobody())?;
    let question = recipe.build(&Around {
        source: route.source,
        mac: route.mac,
        next_hop: None,
    });
    let asked = Asked::of(&recipe, &question).ok_or_else(nobody)?;
    for _ in 0..TIMES {
        sender.send(&question.bytes)?;
        let watch = Stopwatch::start();
        while watch.elapsed() < EACH {
            let Some(frame) = sender.next() else { continue };
            if asked.answered_by(LinkType::ETHERNET, &frame).is_some() {
                // The sender of the frame is who answered.
                let from = frame.get(6..12).and_then(|it| it.try_into().ok());
                return from.ok_or_else(nobody);
            }
        }
    }
    Err(nobody())
}
