//! What this machine knows of its network: addresses, routes, neighbours, names (rtnetlink(7)).
//!
//! All of it is read, nothing is sent, and no rights are needed.

mod addresses;
mod names;
mod neighbours;
mod owners;
mod ports;
mod routes;
mod socket_detail;
mod sockets;

pub use addresses::addresses;
pub use names::{Lookup, Sources, hostname, look_up};
pub use neighbours::neighbours;
pub use owners::Owners;
pub use ports::{limits, services, try_port};
pub use routes::{path_to, routes};
pub use socket_detail::{detail, details};
pub use sockets::sockets;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as the kernel writes it: 4 or 16 bytes in the network's order.
fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

/// The bytes of an address in the network's order.
fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
