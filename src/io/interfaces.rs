//! The network interfaces of this machine, and whether we may capture on them now.
//!
//! Needs neither libpcap nor root: `pnet_datalink` gives names, flags and addresses, an ioctl the
//! rest (netdevice(7)).

use std::os::fd::AsFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::sys::ifreq;
use crate::address::Network;

/// The name that means every interface at once.
pub const ANY: &str = "any";

/// Whether packets can come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Administratively up, with a carrier.
    Up,
    /// Administratively up, but nothing at the other end of the cable.
    NoCarrier,
    /// Administratively down.
    Down,
}

impl State {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::NoCarrier => "no carrier",
            Self::Down => "down",
        }
    }
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Its name, not yet escaped: the kernel allows nearly any byte in it.
    pub name: String,
    /// The kernel's number for it; 0 for `any`.
    pub index: u32,
    /// Whether packets can come and go.
    pub state: State,
    /// Its hardware address, where it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// Largest packet it sends, in bytes; `None` for `any`.
    pub mtu: Option<u32>,
    /// Its IPv4 and IPv6 addresses.
    pub addresses: Vec<Network>,
    /// Whether it leads back to this machine.
    pub loopback: bool,
    /// Whether there is one peer only, as in a tunnel.
    pub point_to_point: bool,
    /// What its hardware is, as far as it matters to a capture: "Ethernet", "loopback", "raw IP" …
    pub kind: &'static str,
}

impl NetworkInterface {
    /// The netmask of its first IPv4 address, which filters such as `ip broadcast` need.
    pub fn ipv4_netmask(&self) -> Option<u32> {
        let prefix = self.addresses.iter().find(|n| n.address.is_ipv4())?.prefix;
        Some(
            u32::MAX
                .checked_shl(32 - u32::from(prefix.min(32)))
                .unwrap_or(0),
        )
    }
}

/// The interfaces of the network namespace we are in, in the kernel's order, and [`ANY`].
pub fn interfaces() -> Vec<NetworkInterface> {
    let mut list: Vec<NetworkInterface> = Vec::new();
    for found in pnet_datalink::interfaces() {
        // An address with an IPv4 label ("eth0:1") is listed under the label.
        let name = String::from_utf8_lossy(found.name.as_bytes());
        let name = name.split(':').next().unwrap_or_default();
        let addresses = found.ips.iter().map(|network| Network {
            address: network.ip(),
            prefix: network.prefix(),
        });
        if let Some(known) = list.iter_mut().find(|i| i.name == name) {
            known.addresses.extend(addresses);
        } else {
            list.push(describe(name, &found, addresses.collect()));
        }
    }
    list.sort_by_key(|interface| interface.index);
    list.push(any());
    list
}

/// The pseudo-interface that captures on all of them.
pub(crate) fn any() -> NetworkInterface {
    NetworkInterface {
        name: ANY.to_owned(),
        index: 0,
        state: State::Up,
        mac: None,
        mtu: None,
        addresses: Vec::new(),
        loopback: false,
        point_to_point: false,
        kind: "every interface at once",
    }
}

/// Adds what `pnet_datalink` does not tell.
fn describe(
    name: &str,
    found: &pnet_datalink::NetworkInterface,
    addresses: Vec<Network>,
) -> NetworkInterface {
    let has = |flag: i32| found.flags & flag as u32 != 0;
    let socket = control_socket().ok();
    let socket = socket.as_ref().map(AsFd::as_fd);
    let hardware = socket.and_then(|s| ifreq::hardware(s, name).ok());
    NetworkInterface {
        name: name.to_owned(),
        index: found.index,
        state: match (has(libc::IFF_UP), has(libc::IFF_RUNNING)) {
            (false, _) => State::Down,
            (true, false) => State::NoCarrier,
            (true, true) => State::Up,
        },
        // Other hardware has addresses of other lengths, of which the first six bytes say nothing.
        mac: found
            .mac
            .filter(|_| hardware == Some(libc::ARPHRD_ETHER))
            .map(|mac| mac.octets()),
        mtu: socket.and_then(|s| ifreq::mtu(s, name).ok()),
        addresses,
        loopback: has(libc::IFF_LOOPBACK),
        point_to_point: has(libc::IFF_POINTOPOINT),
        kind: hardware.map_or("unknown", kind),
    }
}

/// What an `ARPHRD_` number means to someone who captures.
fn kind(hardware: u16) -> &'static str {
    match hardware {
        libc::ARPHRD_ETHER => "Ethernet",
        libc::ARPHRD_LOOPBACK => "loopback",
        libc::ARPHRD_NONE | libc::ARPHRD_RAWHDLC | ARPHRD_RAWIP => "raw IP",
        libc::ARPHRD_PPP => "PPP",
        libc::ARPHRD_TUNNEL | libc::ARPHRD_SIT | libc::ARPHRD_IPGRE => "IPv4 tunnel",
        libc::ARPHRD_TUNNEL6 | ARPHRD_IP6GRE => "IPv6 tunnel",
        libc::ARPHRD_IEEE80211 | libc::ARPHRD_IEEE80211_PRISM | libc::ARPHRD_IEEE80211_RADIOTAP => {
            "Wi-Fi monitor"
        }
        libc::ARPHRD_INFINIBAND => "InfiniBand",
        ARPHRD_CAN => "CAN",
        _ => "other",
    }
}

// From linux/if_arp.h, where the libc crate stops.
const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_IP6GRE: u16 = 823;
const ARPHRD_CAN: u16 = 280;

/// Whether `name` is up: `None` when there is no such interface (any more).
pub(in crate::io) fn is_up(name: &str) -> Option<bool> {
    if name == ANY {
        return Some(true);
    }
    let socket = control_socket().ok()?;
    let flags = ifreq::flags(socket.as_fd(), name).ok()?;
    Some(flags & libc::IFF_UP != 0)
}

/// Whether this process may capture, now: it asks for the kind of socket that a capture needs.
pub fn may_capture() -> bool {
    // Protocol 0: the socket would receive nothing.
    socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .is_ok()
}

/// A socket to ask about interfaces with; any kind will do.
fn control_socket() -> nix::Result<std::os::fd::OwnedFd> {
    socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn the_loopback_interface_is_found_with_what_is_known_of_it() {
        let list = interfaces();
        let lo = list.iter().find(|i| i.name == "lo").expect("lo");
        assert!(lo.loopback && lo.index > 0 && lo.mac.is_none());
        assert_eq!(lo.kind, "loopback");
        assert!(lo.mtu.unwrap() >= 1280);
        assert_eq!(is_up("lo"), Some(lo.state != State::Down));
        assert_eq!(list.last().unwrap().name, ANY);
        assert_eq!(is_up("no-such-iface"), None);
        assert_eq!(is_up("a name longer than any interface has"), None);
    }

    #[test]
    fn a_netmask_is_made_of_the_first_ipv4_prefix() {
        let mut interface = any();
        assert_eq!(interface.ipv4_netmask(), None);
        for (prefix, mask) in [(0, 0), (8, 0xff00_0000), (24, 0xffff_ff00), (32, u32::MAX)] {
            let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
            interface.addresses = vec![Network { address, prefix }];
            assert_eq!(interface.ipv4_netmask(), Some(mask));
        }
    }
}
