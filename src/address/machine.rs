//! A machine's network as a whole, and a name with what it leads to: what `wirelab addr` shows.

use std::net::IpAddr;
use std::time::Duration;

use super::{Assigned, Candidate, HostsLine, Route, Rule, preferred};

/// An interface with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its name, not yet escaped.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// What it is: "Ethernet", "loopback" …
    pub what: &'static str,
    /// "up", "no carrier", "down".
    pub state: &'static str,
    /// Largest packet it sends, in bytes.
    pub mtu: Option<u32>,
    /// Its hardware address.
    pub hardware: Option<[u8; 6]>,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<Assigned>,
}

/// A machine's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub hostname: Option<String>,
    /// Its interfaces, by number.
    pub cards: Vec<Card>,
    /// Where packets go: the main table.
    pub routes: Vec<Route>,
}

impl Machine {
    /// The default routes of a version of IP, the one that is taken first.
    pub fn ways_out(&self, v6: bool) -> Vec<Route> {
        let is_default = |it: &&Route| it.to.prefix == 0 && it.to.address.is_ipv6() == v6;
        let mut all: Vec<_> = self.routes.iter().filter(is_default).copied().collect();
        all.sort_by_key(|route| route.metric);
        all
    }

    /// The name of an interface.
    pub fn card_name(&self, index: u32) -> Option<&str> {
        let card = self.cards.iter().find(|card| card.index == index)?;
        Some(&card.name)
    }

    /// How this machine has an address, if it does.
    pub fn own(&self, address: IpAddr) -> Option<&Assigned> {
        let mut all = self.cards.iter().flat_map(|card| &card.addresses);
        all.find(|it| it.network.address == address)
    }
}

/// A name, and what looking it up gave.
#[derive(Clone, Debug)]
pub struct Name {
    /// As it was asked for, not yet escaped.
    pub name: String,
    /// In which order it was looked up: `files` is the hosts file, `dns` is DNS.
    pub ways: Vec<String>,
    /// The lines of the hosts file that have it.
    pub hosts: Vec<HostsLine>,
    /// The servers that DNS is asked at.
    pub servers: Vec<String>,
    /// Whether this machine has an order of its own (gai.conf(5)).
    pub order_is_set: bool,
    /// How long it took.
    pub took: Duration,
    /// Its addresses, in the order in which a program should try them.
    pub candidates: Vec<Candidate>,
}

impl Name {
    /// For each neighbouring pair of addresses the rule of RFC 6724 that decides between them, and whether
    /// the order is the one that it asks for.
    pub fn reasons(&self) -> Vec<(Rule, bool)> {
        let pairs = self.candidates.windows(2);
        let reason = |pair: &[Candidate]| {
            let (order, rule) = preferred(&pair[0], &pair[1]);
            (rule, order.is_le())
        };
        pairs.map(reason).collect()
    }

    /// Whether an address of it is from the hosts file.
    pub fn in_hosts_file(&self, address: IpAddr) -> Option<&HostsLine> {
        self.hosts.iter().find(|line| line.address == address)
    }
}
