//! Which way a packet would go: the kernel's own answer, joined with what the interface is. Needs no
//! rights, and sends nothing.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{CraftError, said};
use crate::io::interfaces::{NetworkInterface, interfaces};
use crate::io::machine::path_to;
use crate::io::sys::ifreq;

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
    let index = named.as_ref().map_or(0, |it| it.index);
    let path = match to.map(|to| (to, path_to(to, index))) {
        Some((_, Ok(path))) => Some(path),
        // Whoever names the interface needs no route: a frame goes out where it is told to.
        _ if named.is_some() => None,
        Some((to, Err(error))) => {
            return Err(CraftError::NoWay {
                to: to.to_string(),
                reason: format!(
                    "{}; a packet may leave all the same by an interface named with -i",
                    said(&error)
                ),
            });
        }
        None => {
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
            .find(|it| path.is_some_and(|path| it.index == path.interface))
            .ok_or_else(|| CraftError::NoInterface {
                name: "that of the route".to_owned(),
            })?,
    };
    let same_version = |it: &IpAddr| to.is_none_or(|to| to.is_ipv6() == it.is_ipv6());
    let first = interface.addresses.iter().map(|it| it.address);
    Ok(Route {
        link: link(&interface),
        source: path
            .and_then(|it| it.source)
            .or_else(|| first.into_iter().find(same_version)),
        gateway: path.and_then(|it| it.gateway),
        index: interface.index,
        mac: interface.mac,
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
