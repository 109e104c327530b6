//! Is the network all right, and if not, where does it end? The test of every course, link by link: the
//! own stack (127.0.0.1), the own address, the router of the own network, names, a host far away.
//!
//! [`Check`] asks questions and is given answers; it sends nothing itself. It stops at the first link that
//! is broken, since what lies behind it can't be told.

mod verdict;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::{Machine, NeighbourState, Scope, kind};

/// A link of the chain from this machine to a host far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// This machine's own TCP/IP, over the loopback interface.
    OwnStack,
    /// The address that others know this machine by.
    OwnAddress,
    /// The first router, on the own network.
    Router,
    /// Names to addresses.
    Names,
    /// The host.
    Host,
}

impl Link {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnStack => "own stack",
            Self::OwnAddress => "own address",
            Self::Router => "router",
            Self::Names => "names",
            Self::Host => "host",
        }
    }
}

/// What has to be found out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does that address answer an echo request? The number is that of the interface a link-local address
    /// is on, else 0.
    Ping(IpAddr, u32),
    /// Is that neighbour's hardware address known, after it was pinged?
    Neighbour(IpAddr),
    /// Which addresses of this version of IP has that name?
    Name(String),
    /// Can a TCP connection be opened to it, on the port of the web? For hosts that answer no echo.
    Connect(IpAddr),
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An echo reply came after so many nanoseconds.
    Reply {
        /// Round trip in nanoseconds.
        rtt_ns: u64,
    },
    /// No reply came.
    Silence,
    /// An ICMP error came instead: who said what.
    Error {
        /// The router or host that said it.
        from: IpAddr,
        /// What, in words.
        what: String,
    },
    /// This machine's kernel would not send: its error.
    Refused(String),
    /// Of a neighbour; `None` if the kernel knows nothing of it.
    Neighbour(Option<NeighbourState>),
    /// The addresses of a name.
    Addresses(Vec<IpAddr>),
    /// It can be no name, so nobody was asked: why.
    NoName(String),
    /// The name has none: what the resolver said, and the servers that were asked.
    NoAddress {
        /// Whether it was said that the name does not exist, rather than nothing at all.
        certain: bool,
        /// What was said.
        said: String,
        /// Servers that DNS is asked at.
        servers: Vec<String>,
    },
    /// A TCP connection was opened, or refused by the host itself: it is there.
    Connected,
}

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Fine,
    /// It can't be tested, or need not be.
    Skipped,
    /// The chain ends here.
    Broken,
}

/// A link that was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub link: Link,
    /// How it stands.
    pub standing: Standing,
    /// What was tried: an address, a name.
    pub tried: String,
    /// What came of it, in words.
    pub result: String,
    /// The round trip of an echo, in nanoseconds, where one was answered.
    pub rtt_ns: Option<u64>,
    /// What that means; empty where the result says all.
    pub meaning: String,
    /// What to try, in order; only where it is broken.
    pub advice: Vec<String>,
}

/// The test of one version of IP.
#[derive(Clone, Debug)]
pub struct Check {
    machine: Machine,
    v6: bool,
    host: String,
    /// Its address, where the hosts file has its name.
    known: Option<IpAddr>,
    step: Step,
    findings: Vec<Finding>,
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    OwnStack,
    OwnAddress,
    Router,
    /// The router did not answer: is it there at all?
    RouterSilent(IpAddr),
    Names,
    Host(IpAddr),
    /// The host did not answer an echo request.
    HostSilent(IpAddr),
    /// Nor did one of our own network: is it there at all?
    NearHostSilent(IpAddr),
    Done,
}

impl Check {
    /// A test of the way to a host, by name or address, over one version of IP.
    pub fn new(machine: Machine, host: &str, v6: bool) -> Self {
        Self {
            machine,
            v6,
            host: host.to_owned(),
            known: None,
            step: Step::OwnStack,
            findings: Vec::new(),
        }
    }

    /// The same where the hosts file has the host's name, so that nobody has to be asked for its address.
    #[must_use]
    pub const fn known(mut self, address: Option<IpAddr>) -> Self {
        self.known = address;
        self
    }

    /// What has to be found out next; `None` when all is known.
    pub fn question(&mut self) -> Option<Question> {
        loop {
            let before = self.step.clone();
            match &before {
                Step::OwnStack => {
                    if self.own_stack_is_there() {
                        return Some(Question::Ping(self.loopback(), 0));
                    }
                }
                Step::OwnAddress => match self.own_address() {
                    Some((address, interface)) => return Some(Question::Ping(address, interface)),
                    None => self.no_own_address(),
                },
                Step::Router => match self.router() {
                    Some((router, interface)) => return Some(Question::Ping(router, interface)),
                    None => self.no_router(),
                },
                Step::RouterSilent(it) | Step::NearHostSilent(it) => {
                    return Some(Question::Neighbour(*it));
                }
                Step::Names => match self.literal() {
                    Some(address) => {
                        self.name_is_known();
                        self.step = Step::Host(address);
                    }
                    None => return Some(Question::Name(self.host.clone())),
                },
                Step::Host(address) => return Some(Question::Ping(*address, 0)),
                Step::HostSilent(address) => return Some(Question::Connect(*address)),
                Step::Done => return None,
            }
            debug_assert_ne!(before, self.step, "every step leads on");
        }
    }

    /// The answer to the last question.
    pub fn answer(&mut self, answer: &Answer) {
        match self.step.clone() {
            Step::OwnStack => self.own_stack(answer),
            Step::OwnAddress => self.own_address_answered(answer),
            Step::Router => self.router_answered(answer),
            Step::RouterSilent(router) => self.router_as_neighbour(router, answer),
            Step::Names => self.name_answered(answer),
            Step::Host(address) => self.host_answered(address, answer),
            Step::HostSilent(address) => self.host_connected(address, answer),
            Step::NearHostSilent(address) => self.host_as_neighbour(address, answer),
            Step::Done => {}
        }
    }

    /// The links that were tested so far, the broken one last.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The link that is broken; `None` also while none has been found.
    pub fn broken_link(&self) -> Option<Link> {
        let mut all = self.findings.iter();
        all.find(|it| it.standing == Standing::Broken)
            .map(|it| it.link)
    }

    /// Whether the host was reached.
    pub fn is_fine(&self) -> bool {
        self.step == Step::Done && self.broken_link().is_none()
    }

    /// 4 or 6.
    pub const fn version(&self) -> u8 {
        if self.v6 { 6 } else { 4 }
    }

    /// The loopback address of this version.
    const fn loopback(&self) -> IpAddr {
        if self.v6 {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
    }

    /// The host, if it was given as an address, or has one without anybody being asked.
    fn literal(&self) -> Option<IpAddr> {
        let given = self.host.parse().ok().or(self.known);
        given.filter(|it: &IpAddr| it.is_ipv6() == self.v6)
    }

    /// The address that others know this machine by, and its interface: one that is valid beyond the
    /// link rather than on the link alone, that of the way out rather than another.
    fn own_address(&self) -> Option<(IpAddr, u32)> {
        let out = self
            .machine
            .ways_out(self.v6)
            .first()
            .map(|route| route.interface);
        let up = self.machine.cards.iter().filter(|card| card.state == "up");
        let usable = up.flat_map(|card| card.addresses.iter()).filter(|it| {
            let address = it.network.address;
            address.is_ipv6() == self.v6
                && !it.tentative
                && !it.duplicate
                && kind(address).scope != Scope::Machine
        });
        let best = usable.max_by_key(|it| {
            let beyond = kind(it.network.address).scope != Scope::Link;
            (beyond, Some(it.interface) == out)
        })?;
        let zone = if kind(best.network.address).scope == Scope::Link {
            best.interface
        } else {
            0
        };
        Some((best.network.address, zone))
    }

    /// The first router, if the host is not on a network of ours: the default route's.
    fn router(&self) -> Option<(IpAddr, u32)> {
        if self.host_is_near() {
            return None;
        }
        let routes = self.machine.ways_out(self.v6);
        let route = routes.first()?;
        let gateway = route.gateway?;
        let zone = if kind(gateway).scope == Scope::Link {
            route.interface
        } else {
            0
        };
        Some((gateway, zone))
    }

    /// Whether the host was given as an address of one of our own networks.
    fn host_is_near(&self) -> bool {
        let Some(address) = self.literal() else {
            return false;
        };
        let mut all = self.machine.cards.iter().flat_map(|card| &card.addresses);
        all.any(|it| it.network.contains(address))
    }

    fn found(&mut self, finding: Finding) {
        if finding.standing == Standing::Broken {
            self.step = Step::Done;
        }
        self.findings.push(finding);
    }
}

#[cfg(test)]
mod tests;
