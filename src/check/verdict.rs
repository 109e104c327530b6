//! What each answer means, and what to try where a link is broken.

use std::net::IpAddr;

use super::{Answer, Check, Finding, Link, Standing, Step};
use crate::address::{Card, NeighbourState, RouteKind, Scope, kind};
use crate::event::units;

impl Check {
    /// Whether the loopback interface can be asked at all; if not, that is the finding.
    pub(super) fn own_stack_is_there(&mut self) -> bool {
        let loopback = self.loopback();
        let card = self
            .machine
            .cards
            .iter()
            .find(|card| card.what == "loopback");
        let has = |card: &Card| {
            card.addresses
                .iter()
                .any(|it| it.network.address == loopback)
        };
        let (result, advice) = match card {
            Some(card) if card.state != "down" && has(card) => return true,
            Some(card) if card.state == "down" => (
                format!("the loopback interface {} is down", escaped(&card.name)),
                format!("sudo ip link set {} up", escaped(&card.name)),
            ),
            Some(card) if self.v6 => {
                // An IPv6 that is switched off is a choice, and no fault of the stack.
                self.found(Finding {
                    link: Link::OwnStack,
                    standing: Standing::Broken,
                    tried: loopback.to_string(),
                    result: format!("{} has no address ::1", escaped(&card.name)),
                    rtt_ns: None,
                    meaning: "IPv6 is switched off on this machine.".to_owned(),
                    advice: vec!["sudo sysctl net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0".to_owned()],
                });
                return false;
            }
            Some(card) => (
                format!("{} has no address {loopback}", escaped(&card.name)),
                format!("sudo ip addr add {loopback}/8 dev {}", escaped(&card.name)),
            ),
            None => (
                "this machine has no loopback interface".to_owned(),
                "a machine without one is set up wrongly: look at how its network namespace was made".to_owned(),
            ),
        };
        self.found(Finding {
            link: Link::OwnStack,
            standing: Standing::Broken,
            tried: loopback.to_string(),
            result,
            rtt_ns: None,
            meaning: "Programs on this machine can't reach even each other. No packet left it; the network outside has nothing to do with it.".to_owned(),
            advice: vec![advice],
        });
        false
    }

    pub(super) fn own_stack(&mut self, answer: &Answer) {
        let tried = self.loopback().to_string();
        if let Answer::Reply { rtt_ns } = answer {
            self.fine(Link::OwnStack, tried, reply(*rtt_ns), Some(*rtt_ns));
            let is_all = self.literal() == Some(self.loopback());
            self.step = Step::OwnAddress;
            if is_all {
                self.name_is_known();
                self.step = Step::Done;
            }
            return;
        }
        let version = self.version();
        self.broken(
            Link::OwnStack,
            tried,
            told(answer),
            "This machine does not answer itself: its own TCP/IP, or a filter in it, is the reason; the network outside has nothing to do with it.",
            vec![
                format!("look for a rule about lo: sudo nft list ruleset, or sudo {}", if version == 6 { "ip6tables -S" } else { "iptables -S" }),
                "sysctl net.ipv4.icmp_echo_ignore_all (0 is usual)".to_owned(),
            ],
        );
    }

    pub(super) fn no_own_address(&mut self) {
        let cards: Vec<&Card> = self
            .machine
            .cards
            .iter()
            .filter(|card| card.what != "loopback")
            .collect();
        let version = format!("IPv{}", self.version());
        let up = cards.iter().find(|card| card.state == "up");
        let no_carrier = cards.iter().find(|card| card.state == "no carrier");
        let duplicate = cards
            .iter()
            .flat_map(|card| &card.addresses)
            .find(|it| it.duplicate && it.network.address.is_ipv6() == self.v6);
        let (result, meaning, advice) = if let Some(it) = duplicate {
            (
                format!("another host on the link has {} too", it.network.address),
                "The address is not used as long as that is so (RFC 4862 5.4).".to_owned(),
                vec!["give one of the two another address".to_owned()],
            )
        } else if let Some((card, address)) = self.not_usable_yet() {
            let name = escaped(&card.name);
            (
                format!("{address} of {name} is not usable yet"),
                "The kernel still asks whether another host has it (duplicate address detection, RFC 4862 5.4), which takes a second or two after a link came up.".to_owned(),
                vec![format!("wait a moment, and check again; ip -6 addr show {name} says tentative until then")],
            )
        } else if let Some(card) = up.filter(|_| self.v6) {
            let name = escaped(&card.name);
            (
                format!("{name} is up but has no {version} address"),
                "Not even a link-local one, which the kernel gives every interface by itself: most likely IPv6 is switched off there.".to_owned(),
                vec![
                    format!("switch it on: sudo sysctl net.ipv6.conf.{name}.disable_ipv6=0; routers then announce what more it takes"),
                    format!("where addresses come by DHCPv6 instead: sudo dhclient -6 {name}"),
                ],
            )
        } else if let Some(card) = up {
            let name = escaped(&card.name);
            (
                format!("{name} is up but has no {version} address"),
                "The link is there; nobody gave this machine an address: no DHCP server or router answered, or none was asked.".to_owned(),
                vec![
                    format!("ask for one: sudo dhclient {name}, or let NetworkManager or systemd-networkd do it"),
                    format!("or set one of the network's: sudo ip addr add ADDRESS/PREFIX dev {name}"),
                ],
            )
        } else if let Some(card) = no_carrier {
            let name = escaped(&card.name);
            (
                format!("{name} has no carrier"),
                "Nothing is at the other end of the cable, or no Wi-Fi is joined.".to_owned(),
                vec![format!(
                    "plug the cable in, or join a Wi-Fi; then: ip link show {name}"
                )],
            )
        } else if let Some(card) = cards.first() {
            let name = escaped(&card.name);
            (
                format!(
                    "{} down",
                    if cards.len() == 1 {
                        format!("{name} is")
                    } else {
                        "all interfaces are".to_owned()
                    }
                ),
                "The network card is switched off.".to_owned(),
                vec![format!("sudo ip link set {name} up")],
            )
        } else {
            (
                "no interface but the loopback one".to_owned(),
                "This machine, or this network namespace, has no network card.".to_owned(),
                vec![
                    "wirelab interfaces lists what there is; is the card's driver loaded?"
                        .to_owned(),
                ],
            )
        };
        self.broken(Link::OwnAddress, version, result, &meaning, advice);
    }

    /// An interface that is up, and an address of it that may still turn out to be another host's.
    fn not_usable_yet(&self) -> Option<(&Card, IpAddr)> {
        let up = self.machine.cards.iter().filter(|card| card.state == "up");
        let mut all = up.flat_map(|card| card.addresses.iter().map(move |it| (card, it)));
        let (card, it) = all.find(|(_, it)| {
            it.tentative && !it.duplicate && it.network.address.is_ipv6() == self.v6
        })?;
        Some((card, it.network.address))
    }

    pub(super) fn own_address_answered(&mut self, answer: &Answer) {
        let Some((address, _)) = self.own_address() else {
            return;
        };
        let tried = address.to_string();
        match answer {
            Answer::Reply { rtt_ns } => {
                let mut result = reply(*rtt_ns);
                if kind(address).scope == Scope::Link {
                    result += "; link-local: valid on this link only";
                }
                self.fine(Link::OwnAddress, tried, result, Some(*rtt_ns));
                self.step = Step::Router;
            }
            _ => self.broken(
                Link::OwnAddress,
                tried,
                told(answer),
                "This machine does not answer on its own address: a filter, or a rule of its routing (ip rule), is the reason.",
                vec!["sudo nft list ruleset".to_owned(), format!("ip route get {address}")],
            ),
        }
    }

    pub(super) fn no_router(&mut self) {
        if self.host_is_near() {
            self.skipped(
                Link::Router,
                "not needed: the host is on a network of ours".to_owned(),
            );
            self.step = Step::Names;
            return;
        }
        let routes = self.machine.ways_out(self.v6);
        let version = format!("IPv{}", self.version());
        match routes.first() {
            Some(route) if route.kind == RouteKind::Unicast => {
                let card = self
                    .machine
                    .card_name(route.interface)
                    .map(escaped)
                    .unwrap_or_default();
                self.skipped(
                    Link::Router,
                    format!("none: {card} leads straight to the other side"),
                );
                self.step = Step::Names;
            }
            Some(_) => self.broken(
                Link::Router,
                "default route".to_owned(),
                format!("the default route of {version} is shut"),
                "A route was set that throws away whatever is for other networks.",
                vec!["ip route show default".to_owned()],
            ),
            None => {
                let link_local = self
                    .own_address()
                    .is_some_and(|(it, _)| kind(it).scope == Scope::Link);
                let meaning = if link_local {
                    "This machine has only the address it gave itself: no DHCP server or router told it of the network. It can talk to hosts on the same link."
                } else {
                    "Nobody told this machine which router leads out of its own network. It can talk to hosts of its own network only."
                };
                let v6 = if self.v6 { "-6 " } else { "" };
                self.broken(
                    Link::Router,
                    "default route".to_owned(),
                    format!("there is no default route for {version}"),
                    meaning,
                    vec![
                        "ask for one by DHCP, as for an address".to_owned(),
                        format!("or set it: sudo ip {v6}route add default via ROUTER"),
                    ],
                );
            }
        }
    }

    pub(super) fn router_answered(&mut self, answer: &Answer) {
        let Some((router, _)) = self.router() else {
            return;
        };
        match answer {
            Answer::Reply { rtt_ns } => {
                self.fine(Link::Router, router.to_string(), reply(*rtt_ns), Some(*rtt_ns));
                self.step = Step::Names;
            }
            Answer::Refused(said) => self.broken(
                Link::Router,
                router.to_string(),
                format!("not sent: {said}"),
                "The router is on no network of ours, or a filter of this machine keeps packets to it from leaving.",
                vec![format!("ip route get {router}"), "sudo nft list ruleset".to_owned()],
            ),
            _ => self.step = Step::RouterSilent(router),
        }
    }

    pub(super) fn router_as_neighbour(&mut self, router: IpAddr, answer: &Answer) {
        let by = if self.v6 {
            "neighbour discovery"
        } else {
            "ARP"
        };
        if let Answer::Neighbour(Some(NeighbourState::Known)) = answer {
            let result = format!(
                "no echo reply, but it answers {by}: it is there, and does not answer pings"
            );
            self.fine(Link::Router, router.to_string(), result, None);
            self.step = Step::Names;
            return;
        }
        self.broken(
            Link::Router,
            router.to_string(),
            format!("no echo reply, and no answer to {by} either"),
            "Nobody on this link has the router's address. It is off, the address is wrong, or this machine is on another network than it thinks.",
            vec![
                "is the router on? is the cable, or the Wi-Fi, that of the right network?".to_owned(),
                "compare with a machine that works: wirelab addr".to_owned(),
            ],
        );
    }

    /// Where the hosts file has the name, that is told; where the host was given as an address, nothing.
    pub(super) fn name_is_known(&mut self) {
        if let Some(address) = self.known {
            let said = format!("{address}, by the hosts file: nobody is asked");
            self.fine(Link::Names, escaped(&self.host), said, None);
        }
    }

    pub(super) fn name_answered(&mut self, answer: &Answer) {
        let host = escaped(&self.host);
        match answer {
            Answer::Addresses(all) => {
                let Some(first) = all.iter().find(|it| it.is_ipv6() == self.v6).copied() else {
                    let version = self.version();
                    self.broken(
                        Link::Names,
                        host,
                        format!("has no IPv{version} address"),
                        "Names work; this host is not to be had over this version of IP.",
                        vec!["nothing is wrong here".to_owned()],
                    );
                    return;
                };
                let more = match all.len() - 1 {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                self.fine(Link::Names, host, format!("{first}{more}"), None);
                self.step = Step::Host(first);
            }
            Answer::NoName(fault) => self.broken(
                Link::Names,
                host,
                "can be no name".to_owned(),
                &format!("Nobody was asked: {fault}."),
                vec!["give a name such as www.example.org, or an address".to_owned()],
            ),
            Answer::NoAddress { certain: true, said, .. } => self.broken(
                Link::Names,
                host,
                said.clone(),
                "A server answered, so names work; this one does not exist or has no such address.",
                vec!["is it written as it should be?".to_owned()],
            ),
            Answer::NoAddress { servers, said, .. } if servers.is_empty() => self.broken(
                Link::Names,
                host,
                format!("{said}; no DNS server is set"),
                "Packets would find their way; nobody was named whom to ask for addresses.",
                vec!["name one in /etc/resolv.conf: nameserver ADDRESS, the router's for instance".to_owned()],
            ),
            Answer::NoAddress { servers, said, .. } => self.broken(
                Link::Names,
                host,
                said.clone(),
                &format!(
                    "The way out of this network may be all right, but {} did not answer what was asked.",
                    units::list(servers)
                ),
                vec![
                    format!("can the server be reached at all? wirelab check {}", servers.first().map(|it| escaped(it)).unwrap_or_default()),
                    "or name another one in /etc/resolv.conf".to_owned(),
                ],
            ),
            _ => {}
        }
    }

    pub(super) fn host_answered(&mut self, address: IpAddr, answer: &Answer) {
        if let Answer::Reply { rtt_ns } = answer {
            self.fine(
                Link::Host,
                address.to_string(),
                reply(*rtt_ns),
                Some(*rtt_ns),
            );
            self.step = Step::Done;
            return;
        }
        if matches!(answer, Answer::Silence) {
            self.step = if self.host_is_near() {
                Step::NearHostSilent(address)
            } else {
                Step::HostSilent(address)
            };
            return;
        }
        let (meaning, advice) = match answer {
            Answer::Error { from, .. } if *from == address => (
                "The host is there and refuses.".to_owned(),
                vec!["ask whoever runs it".to_owned()],
            ),
            Answer::Error { from, what } if what.contains("time to live") => (
                format!(
                    "This network is left without trouble, and then packets go round in circles until they are thrown away, last at {from}: each of two routers takes the other for nearer to the host."
                ),
                vec![
                    format!("wirelab trace {address}"),
                    "tell whoever runs those routers".to_owned(),
                ],
            ),
            Answer::Error { from, .. } => (
                format!("This network is left without trouble; {from} is as far as packets come."),
                vec![
                    format!("wirelab trace {address}"),
                    "ask whoever runs that router".to_owned(),
                ],
            ),
            Answer::Refused(_) => (
                "This machine would not send it: no route leads there, or a filter forbids it."
                    .to_owned(),
                vec![
                    format!("ip route get {address}"),
                    "sudo nft list ruleset".to_owned(),
                ],
            ),
            _ => (
                "The answer makes no sense here.".to_owned(),
                vec![format!("wirelab ping {address}")],
            ),
        };
        self.broken(
            Link::Host,
            address.to_string(),
            told(answer),
            &meaning,
            advice,
        );
    }

    pub(super) fn host_as_neighbour(&mut self, address: IpAddr, answer: &Answer) {
        let by = self.asks_by();
        if let Answer::Neighbour(Some(NeighbourState::Known)) = answer {
            let result = format!(
                "no echo reply, but it answers {by}: it is there, and does not answer pings"
            );
            self.fine(Link::Host, address.to_string(), result, None);
            self.step = Step::Done;
            return;
        }
        self.broken(
            Link::Host,
            address.to_string(),
            format!("no echo reply, and no answer to {by} either"),
            "Nobody on this network has that address: the host is off, on another network, or has another address.",
            vec!["look at the host itself: wirelab addr".to_owned()],
        );
    }

    /// How a neighbour's hardware address is asked for.
    const fn asks_by(&self) -> &'static str {
        if self.v6 {
            "neighbour discovery"
        } else {
            "ARP"
        }
    }

    pub(super) fn host_connected(&mut self, address: IpAddr, answer: &Answer) {
        if let Answer::Connected = answer {
            let result =
                "no echo reply, but a TCP connection finds it: it does not answer pings".to_owned();
            self.fine(Link::Host, address.to_string(), result, None);
            self.step = Step::Done;
            return;
        }
        self.broken(
            Link::Host,
            address.to_string(),
            "no echo reply, and no answer on the ports of the web (443, 80)".to_owned(),
            "This network is left without trouble; packets end, or their answers do, somewhere behind the router, or the host is off.",
            vec![
                format!("how far do packets come? wirelab trace {address}"),
                "try another host: wirelab check HOST".to_owned(),
            ],
        );
    }

    fn fine(&mut self, link: Link, tried: String, result: String, rtt_ns: Option<u64>) {
        self.found(Finding {
            link,
            standing: Standing::Fine,
            tried,
            result,
            rtt_ns,
            meaning: String::new(),
            advice: Vec::new(),
        });
    }

    fn skipped(&mut self, link: Link, result: String) {
        self.found(Finding {
            link,
            standing: Standing::Skipped,
            tried: String::new(),
            result,
            rtt_ns: None,
            meaning: String::new(),
            advice: Vec::new(),
        });
    }

    fn broken(
        &mut self,
        link: Link,
        tried: String,
        result: String,
        meaning: &str,
        advice: Vec<String>,
    ) {
        self.found(Finding {
            link,
            standing: Standing::Broken,
            tried,
            result,
            rtt_ns: None,
            meaning: meaning.to_owned(),
            advice,
        });
    }
}

fn reply(rtt_ns: u64) -> String {
    format!("answers after {}", units::nanos(rtt_ns))
}

/// What came instead of a reply.
fn told(answer: &Answer) -> String {
    match answer {
        Answer::Error { from, what } => format!("{from} says: {what}"),
        Answer::Refused(said) => format!("not sent: {said}"),
        _ => "no echo reply".to_owned(),
    }
}

/// Names come from the kernel and the command line: nothing in them may reach a terminal as a command.
fn escaped(name: &str) -> String {
    name.escape_debug().to_string()
}
