//! Ports and the sockets that hold them, as plain facts; and what follows from them when a program wants
//! a port (RFC 6335; bind(2), socket(7), tcp(7)). `io::machine` asks the kernel.

mod detail;
mod port;
mod services;
mod trying;
mod watched;

use std::net::IpAddr;

pub use detail::{Alarm, Detail, Info, Memory, Timer, Wait};
pub use port::{Class, DYNAMIC, Limits, REGISTERED, WELL_KNOWN, class};
pub use services::{Service, Services};
pub use trying::{Attempt, Refusal, Step, conclusions};
pub use watched::Watched;

use crate::event::TcpState;

/// How long Linux keeps the port of a connection that it closed first (`TCP_TIMEWAIT_LEN`), in seconds.
pub const TIME_WAIT_S: u32 = 60;

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// A process that has a socket open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its number.
    pub pid: u32,
    /// Its name, not yet escaped.
    pub name: String,
}

/// A socket that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its state; of UDP, ESTABLISHED is connected and CLOSED is not.
    pub state: TcpState,
    /// Its own address, unspecified for all of this machine's.
    pub address: IpAddr,
    /// Its own port.
    pub port: u16,
    /// The other end; port 0 for none.
    pub peer: (IpAddr, u16),
    /// An IPv6 socket that takes no IPv4 connections.
    pub only_v6: bool,
    /// Connections that wait to be accepted, of one that listens; else bytes that wait to be read.
    pub receive_queue: u32,
    /// How many connections may wait, of one that listens; else bytes not yet acknowledged.
    pub send_queue: u32,
    /// How much longer it stays in TIME-WAIT, in milliseconds.
    pub waits_ms: Option<u32>,
    /// The user it belongs to.
    pub user: u32,
    /// Who has it open, as far as we may know.
    pub owners: Vec<Owner>,
}

impl Listed {
    /// Whether it waits for whoever comes: listens, or is a UDP socket that nobody connected.
    pub fn is_listening(&self) -> bool {
        match self.protocol {
            Protocol::Tcp => self.state == TcpState::Listen,
            Protocol::Udp => self.peer.1 == 0,
        }
    }

    /// Whether it would keep another socket from an address with its port: the same address, or one of
    /// them is all addresses.
    pub fn meets(&self, address: IpAddr) -> bool {
        let mapped = |it: IpAddr| it.to_canonical();
        let (own, other) = (mapped(self.address), mapped(address));
        if own.is_ipv4() == other.is_ipv4() {
            return own == other || own.is_unspecified() || other.is_unspecified();
        }
        // An IPv6 socket on all addresses has the IPv4 ones too, unless it was told not to.
        let of_v6 = if own.is_ipv6() { own } else { other };
        of_v6.is_unspecified() && !self.only_v6
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    pub(crate) use crate::sockets::detail::samples::{open, sending, stopped};

    /// A socket that listens on that address and port.
    pub(crate) fn listening(address: &str, port: u16) -> Listed {
        Listed {
            protocol: Protocol::Tcp,
            state: TcpState::Listen,
            address: address.parse().unwrap(),
            port,
            peer: ("0.0.0.0".parse().unwrap(), 0),
            only_v6: false,
            receive_queue: 0,
            send_queue: 128,
            waits_ms: None,
            user: 1000,
            owners: vec![Owner {
                pid: 4321,
                name: "serv\u{1b}er".to_owned(),
            }],
        }
    }

    /// A connection in TIME-WAIT on that port for so long.
    pub(crate) fn waiting(port: u16, ms: u32) -> Listed {
        Listed {
            state: TcpState::TimeWait,
            address: "10.0.0.2".parse().unwrap(),
            peer: ("10.0.0.1".parse().unwrap(), 40_000),
            waits_ms: Some(ms),
            owners: Vec::new(),
            ..listening("10.0.0.2", port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::listening;

    #[test]
    fn all_addresses_are_in_the_way_of_each() {
        let meets = |own: &str, other: &str| listening(own, 80).meets(other.parse().unwrap());
        assert!(meets("10.0.0.1", "10.0.0.1"));
        assert!(!meets("10.0.0.1", "10.0.0.2"));
        assert!(meets("0.0.0.0", "10.0.0.2"));
        assert!(meets("10.0.0.1", "0.0.0.0"));
        assert!(
            meets("::", "10.0.0.2"),
            "IPv6 on all addresses takes IPv4 too"
        );
        assert!(meets("0.0.0.0", "::"));
        assert!(!meets("::1", "127.0.0.1"));
        let mut only_v6 = listening("::", 80);
        only_v6.only_v6 = true;
        assert!(!only_v6.meets("10.0.0.2".parse().unwrap()));
    }
}
