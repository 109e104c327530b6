//! Which way a packet would go: the kernel's own answer (`RTM_GETROUTE`, rtnetlink(7)). Needs no rights,
//! and sends nothing.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{CraftError, said};
use crate::io::interfaces::{NetworkInterface, interfaces};
use crate::io::netlink::{Message, Netlink, attributes, u32_at};
use crate::io::sys::ifreq;

/// Bytes of `struct rtmsg`.
const BODY: usize = 12;
/// `RTA_…` of linux/rtnetlink.h.
const DST: u16 = 1;
const OIF: u16 = 4;
const GATEWAY: u16 = 5;
const PREFSRC: u16 = 7;
const VIA: u16 = 18;

/// What an interface puts before a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// One without addresses, which leads back here.
    Loopback,
    /// Nothing.
    Bare,
}

/// The way a packet would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface it leaves by.
    pub interface: String,
    /// The kernel's number for that.
    pub index: u32,
    /// What that puts before it.
    pub link: Link,
    /// The hardware address of the interface.
    pub mac: Option<[u8; 6]>,
    /// Largest packet the interface takes, in bytes.
    pub mtu: Option<usize>,
    /// The address it would leave from.
    pub source: Option<IpAddr>,
    /// The router it goes to first, or nobody.
    pub gateway: Option<IpAddr>,
}

/// The way to `to`, by `interface` if one is named. Without `to` it is the interface alone.
///
/// # Errors
///
/// When there is no such interface, or no way.
pub fn route(to: Option<IpAddr>, interface: Option<&str>) -> Result<Route, CraftError> {
    let named = interface.map(named).transpose()?;
    let found = to.map(|to| {
        let index = named.as_ref().map_or(0, |it| it.index);
        ask(to, index).map_err(|error| CraftError::NoWay {
            to: to.to_string(),
            reason: said(&error),
        })
    });
    let found = match (found, &named) {
        (Some(Ok(found)), _) => found,
        // Whoever names the interface needs no route: a frame goes out where it is told to.
        (Some(Err(_)) | None, Some(_)) => Found::default(),
        (Some(Err(error)), None) => return Err(error),
        (None, None) => {
            return Err(CraftError::NoWay {
                to: "anywhere".to_owned(),
                reason: "the packet names no destination; say which interface it leaves by with -i"
                    .to_owned(),
            });
        }
    };
    let interface = match named {
        Some(interface) => interface,
        None => interfaces()
            .into_iter()
            .find(|it| it.index == found.interface)
            .ok_or_else(|| CraftError::NoInterface {
                name: format!("number {}", found.interface),
            })?,
    };
    let same_version = |it: &IpAddr| to.is_none_or(|to| to.is_ipv6() == it.is_ipv6());
    let first = interface.addresses.iter().map(|it| it.address);
    Ok(Route {
        link: link(&interface),
        source: found
            .source
            .or_else(|| first.into_iter().find(same_version)),
        gateway: found.gateway,
        index: interface.index,
        mac: interface.mac,
        mtu: interface.mtu.map(|mtu| mtu as usize),
        interface: interface.name,
    })
}

fn named(name: &str) -> Result<NetworkInterface, CraftError> {
    let mut all = interfaces().into_iter().filter(|it| it.index != 0);
    all.find(|it| it.name == name)
        .ok_or_else(|| CraftError::NoInterface {
            name: name.escape_debug().to_string(),
        })
}

/// What comes before a packet there, by the kind of hardware (`ARPHRD_…`).
fn link(interface: &NetworkInterface) -> Link {
    if interface.loopback {
        return Link::Loopback;
    }
    let flags = SockFlag::SOCK_CLOEXEC;
    let hardware = socket(AddressFamily::Inet, SockType::Datagram, flags, None)
        .map_err(io::Error::from)
        .and_then(|socket| ifreq::hardware(socket.as_fd(), &interface.name));
    match hardware {
        Ok(libc::ARPHRD_ETHER) => Link::Ethernet,
        Ok(libc::ARPHRD_LOOPBACK) => Link::Loopback,
        _ if interface.mac.is_some() => Link::Ethernet,
        _ => Link::Bare,
    }
}

/// What the kernel said.
#[derive(Default)]
struct Found {
    interface: u32,
    source: Option<IpAddr>,
    gateway: Option<IpAddr>,
}

fn ask(to: IpAddr, interface: u32) -> io::Result<Found> {
    let (family, bytes) = match to {
        IpAddr::V4(to) => (libc::AF_INET, to.octets().to_vec()),
        IpAddr::V6(to) => (libc::AF_INET6, to.octets().to_vec()),
    };
    let mut body = [0; BODY];
    body[0] = family as u8;
    body[1] = bytes.len() as u8 * 8;
    let mut message = Message::order(libc::RTM_GETROUTE, 0, &body).with(DST, &bytes);
    if interface != 0 {
        message = message.with(OIF, &interface.to_ne_bytes());
    }
    let answers = Netlink::open(0)?.list(message)?;
    let mut found = Found::default();
    let routes = answers.iter().filter(|it| it.kind == libc::RTM_NEWROUTE);
    for answer in routes.take(1) {
        for (kind, value) in attributes(&answer.body, BODY) {
            match kind {
                OIF => found.interface = u32_at(value, 0).unwrap_or(0),
                PREFSRC => found.source = address(value),
                GATEWAY => found.gateway = address(value),
                // An IPv6 router for IPv4 packets (RFC 5549): family first.
                VIA => found.gateway = value.get(2..).and_then(address),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The address of so many bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_oneself_is_the_loopback_interface() {
        let route = route(Some([127, 0, 0, 1].into()), None).expect("a loopback interface");
        assert_eq!(route.link, Link::Loopback);
        assert_eq!(route.source, Some([127, 0, 0, 1].into()));
        assert_eq!(route.gateway, None);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let error = super::route(None, Some("no\nsuch")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no\\nsuch: no such interface; see wirelab interfaces"
        );
        let error = super::route(None, None).unwrap_err();
        assert!(error.to_string().contains("with -i"), "{error}");
    }
}
