//! The hardware address of the next hop: what the kernel knows already, else what it
//! says itself when it is asked by ARP (RFC 826) or a neighbor solicitation (RFC 4861).

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::CraftError;
use super::route::{Link, Route};
use super::send::Sender;
use crate::address::{Neighbour, NeighbourState};
use crate::craft::{Around, Asked, Recipe};
use crate::frame::LinkType;
use crate::io::clock::Stopwatch;
use crate::io::machine::neighbours;

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
    let here = |it: &Neighbour| {
        (it.address, it.interface, it.state) == (hop, interface, NeighbourState::Known)
    };
    let all = neighbours()?;
    Ok(all.into_iter().find(here).and_then(|it| it.hardware))
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
