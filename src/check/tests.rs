//! Each link broken in turn, and the whole chain.

use std::net::IpAddr;

use super::*;
use crate::address::{Assigned, Card, Network, Route, RouteKind};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn card(name: &str, index: u32, what: &'static str, networks: &[&str]) -> Card {
    let assigned = |text: &&str| Assigned {
        interface: index,
        network: text.parse::<Network>().unwrap(),
        peer: None,
        broadcast: None,
        temporary: false,
        deprecated: false,
        tentative: false,
        duplicate: false,
        valid_s: None,
    };
    Card {
        name: name.to_owned(),
        index,
        what,
        state: "up",
        mtu: Some(1500),
        hardware: None,
        addresses: networks.iter().map(assigned).collect(),
    }
}

fn route(via: &str) -> Route {
    let gateway = ip(via);
    Route {
        to: if gateway.is_ipv4() {
            "0.0.0.0/0"
        } else {
            "::/0"
        }
        .parse()
        .unwrap(),
        kind: RouteKind::Unicast,
        gateway: Some(gateway),
        interface: 2,
        metric: 0,
        source: None,
    }
}

fn machine() -> Machine {
    Machine {
        hostname: None,
        cards: vec![
            card("lo", 1, "loopback", &["127.0.0.1/8", "::1/128"]),
            card(
                "eth0",
                2,
                "Ethernet",
                &["10.0.0.7/24", "fe80::7/64", "2001:db8::7/64"],
            ),
        ],
        routes: vec![route("10.0.0.1"), route("fe80::1")],
    }
}

const HERE: Answer = Answer::Reply { rtt_ns: 50_000 };

/// Runs a test with what `world` says; the last finding.
fn end(mut check: Check, world: impl Fn(&Question) -> Answer) -> (Check, Finding) {
    let mut questions = 0;
    while let Some(question) = check.question() {
        questions += 1;
        assert!(questions < 20, "{question:?}");
        check.answer(&world(&question));
    }
    let last = check.findings().last().unwrap().clone();
    (check, last)
}

/// A world in which everything works, but for what `odd` says.
fn world(odd: impl Fn(&Question) -> Option<Answer>) -> impl Fn(&Question) -> Answer {
    move |question| {
        odd(question).unwrap_or_else(|| match question {
            Question::Ping(..) => HERE,
            Question::Neighbour(_) => Answer::Neighbour(Some(NeighbourState::Known)),
            Question::Name(_) => Answer::Addresses(vec![ip("198.51.100.9")]),
            Question::Connect(_) => Answer::Connected,
        })
    }
}

fn broken_at(machine: Machine, host: &str, odd: impl Fn(&Question) -> Option<Answer>) -> Finding {
    let (check, last) = end(Check::new(machine, host, false), world(odd));
    assert!(!check.is_fine());
    assert_eq!(last.standing, Standing::Broken);
    assert!(
        !last.meaning.is_empty() && !last.advice.is_empty(),
        "{last:?}"
    );
    last
}

#[test]
fn a_whole_chain_is_fine() {
    let (check, last) = end(Check::new(machine(), "far.example", false), world(|_| None));
    assert!(check.is_fine());
    assert_eq!((last.link, &*last.tried), (Link::Host, "198.51.100.9"));
    let links: Vec<_> = check.findings().iter().map(|it| it.link).collect();
    assert_eq!(
        links,
        [
            Link::OwnStack,
            Link::OwnAddress,
            Link::Router,
            Link::Names,
            Link::Host
        ]
    );
}

#[test]
fn ipv6_goes_by_its_own_addresses_and_routers() {
    let (check, _) = end(
        Check::new(machine(), "2001:db8:9::9", true),
        world(|_| None),
    );
    assert!(check.is_fine());
    let tried: Vec<_> = check
        .findings()
        .iter()
        .map(|it| it.tried.as_str())
        .collect();
    assert_eq!(tried, ["::1", "2001:db8::7", "fe80::1", "2001:db8:9::9"]);
}

#[test]
fn who_asks_for_no_more_than_the_own_stack_is_told_no_more() {
    let mut alone = machine();
    alone.cards.pop();
    let (check, last) = end(Check::new(alone, "127.0.0.1", false), world(|_| None));
    assert!(check.is_fine());
    assert_eq!(last.link, Link::OwnStack);
}

#[test]
fn for_a_name_of_the_hosts_file_nobody_is_asked() {
    let unasked = |question: &Question| {
        assert!(!matches!(question, Question::Name(_)));
        None
    };
    // Nor is a router needed for this machine itself.
    let mut alone = machine();
    alone.cards.pop();
    alone.routes.clear();
    let check = Check::new(alone, "localhost", false).known(Some(ip("127.0.0.1")));
    let (check, last) = end(check, world(unasked));
    assert!(check.is_fine());
    assert_eq!((last.link, &*last.tried), (Link::Names, "localhost"));

    let far = Check::new(machine(), "far", false).known(Some(ip("198.51.100.9")));
    let (check, last) = end(far, world(unasked));
    assert!(check.is_fine());
    assert_eq!((last.link, &*last.tried), (Link::Host, "198.51.100.9"));
    assert_eq!(check.findings().len(), 5);
}

#[test]
fn no_loopback() {
    let mut without = machine();
    without.cards[0].state = "down";
    let last = broken_at(without, "far.example", |_| None);
    assert_eq!(last.link, Link::OwnStack);
    assert_eq!(last.advice, ["sudo ip link set lo up"]);
    let last = broken_at(machine(), "far.example", |it| {
        (*it == Question::Ping(ip("127.0.0.1"), 0)).then_some(Answer::Silence)
    });
    assert_eq!(last.link, Link::OwnStack);
}

#[test]
fn no_address() {
    let mut without = machine();
    without.cards[1].addresses.clear();
    let last = broken_at(without.clone(), "far.example", |_| None);
    assert_eq!(
        (last.link, &*last.result),
        (Link::OwnAddress, "eth0 is up but has no IPv4 address")
    );
    without.cards[1].state = "no carrier";
    assert!(
        broken_at(without.clone(), "far.example", |_| None)
            .result
            .contains("no carrier")
    );
    without.cards[1].state = "down";
    assert_eq!(
        broken_at(without.clone(), "far.example", |_| None).advice,
        ["sudo ip link set eth0 up"]
    );
    without.cards.pop();
    assert!(
        broken_at(without, "far.example", |_| None)
            .result
            .contains("no interface")
    );
}

#[test]
fn no_route() {
    let mut without = machine();
    without.routes.clear();
    let last = broken_at(without.clone(), "198.51.100.9", |_| None);
    assert_eq!(
        (last.link, &*last.result),
        (Link::Router, "there is no default route for IPv4")
    );
    // A host on the own network needs none.
    let (check, _) = end(Check::new(without, "10.0.0.9", false), world(|_| None));
    assert!(check.is_fine());
}

#[test]
fn no_router() {
    let silent = |question: &Question| match question {
        Question::Ping(it, _) if *it == ip("10.0.0.1") => Some(Answer::Silence),
        Question::Neighbour(_) => Some(Answer::Neighbour(Some(NeighbourState::Silent))),
        _ => None,
    };
    let last = broken_at(machine(), "far.example", silent);
    assert_eq!(last.link, Link::Router);
    assert!(last.result.contains("no answer to ARP"), "{last:?}");
}

#[test]
fn a_router_that_answers_no_pings_is_there_all_the_same() {
    let deaf = |question: &Question| {
        matches!(question, Question::Ping(it, _) if *it == ip("10.0.0.1"))
            .then_some(Answer::Silence)
    };
    let (check, _) = end(Check::new(machine(), "far.example", false), world(deaf));
    assert!(check.is_fine());
    assert!(check.findings()[2].result.contains("answers ARP"));
}

#[test]
fn no_names() {
    let no_address = |certain: bool, servers: &[&str]| {
        let servers = servers.iter().map(|&it| it.to_owned()).collect();
        Answer::NoAddress {
            certain,
            said: "no answer".to_owned(),
            servers,
        }
    };
    for (answer, expected) in [
        (no_address(false, &[]), "nobody was named"),
        (no_address(false, &["10.0.0.1"]), "10.0.0.1 did not answer"),
        (no_address(true, &["10.0.0.1"]), "does not exist"),
        (
            Answer::Addresses(vec![ip("2001:db8::1")]),
            "not to be had over this version",
        ),
    ] {
        let last = broken_at(machine(), "far.example", |it| {
            matches!(it, Question::Name(_)).then(|| answer.clone())
        });
        assert_eq!(last.link, Link::Names);
        assert!(last.meaning.contains(expected), "{last:?}");
    }
}

#[test]
fn no_host() {
    let to_host = |it: &Question| matches!(it, Question::Ping(to, _) if *to == ip("198.51.100.9"));
    let gone = |it: &Question| match it {
        Question::Connect(_) => Some(Answer::Silence),
        it => to_host(it).then_some(Answer::Silence),
    };
    let last = broken_at(machine(), "198.51.100.9", gone);
    assert_eq!(last.link, Link::Host);
    assert!(last.meaning.contains("behind the router"), "{last:?}");

    let said = Answer::Error {
        from: ip("203.0.113.1"),
        what: "network unreachable".to_owned(),
    };
    let last = broken_at(machine(), "198.51.100.9", |it| {
        to_host(it).then(|| said.clone())
    });
    assert!(
        last.meaning
            .contains("203.0.113.1 is as far as packets come"),
        "{last:?}"
    );

    let near = |it: &Question| match it {
        Question::Ping(to, _) if *to == ip("10.0.0.9") => Some(Answer::Silence),
        Question::Neighbour(_) => Some(Answer::Neighbour(None)),
        _ => None,
    };
    let last = broken_at(machine(), "10.0.0.9", near);
    assert!(last.meaning.contains("Nobody on this network"), "{last:?}");
}

#[test]
fn a_host_that_answers_no_pings_is_found_by_tcp() {
    let deaf = |it: &Question| {
        matches!(it, Question::Ping(to, _) if *to == ip("198.51.100.9")).then_some(Answer::Silence)
    };
    let (check, last) = end(Check::new(machine(), "198.51.100.9", false), world(deaf));
    assert!(check.is_fine());
    assert!(last.result.contains("TCP connection"), "{last:?}");
}

#[test]
fn an_answer_to_a_question_that_was_not_asked_changes_nothing_it_should_not() {
    for odd in [
        Answer::Connected,
        Answer::Neighbour(None),
        Answer::Addresses(Vec::new()),
        HERE,
    ] {
        let (_, last) = {
            let mut check = Check::new(machine(), "far.example", false);
            for _ in 0..20 {
                if check.question().is_none() {
                    break;
                }
                check.answer(&odd);
            }
            let last = check.findings().last().cloned();
            (check, last)
        };
        assert!(last.is_some());
    }
}

#[test]
fn an_ipv6_address_that_is_missing_or_not_usable_yet_is_not_asked_of_a_dhcp_server_for_ipv4() {
    let told = |addresses: &[&str], tentative: bool| {
        let mut machine = machine();
        let mut eth0 = card("eth0", 2, "Ethernet", addresses);
        for it in &mut eth0.addresses {
            it.tentative = tentative;
        }
        machine.cards[1] = eth0;
        let (_, last) = end(Check::new(machine, "2001:db8:9::9", true), world(|_| None));
        assert_eq!(
            (&last.standing, &last.link),
            (&Standing::Broken, &Link::OwnAddress)
        );
        last
    };
    let early = told(&["10.0.0.7/24", "fe80::7/64"], true);
    assert_eq!(early.result, "fe80::7 of eth0 is not usable yet");
    assert!(early.meaning.contains("duplicate address detection"));
    let none = told(&["10.0.0.7/24"], false);
    assert_eq!(none.result, "eth0 is up but has no IPv6 address");
    for advice in early.advice.iter().chain(&none.advice) {
        assert!(
            !advice.contains("dhclient") || advice.contains("dhclient -6"),
            "{advice}"
        );
    }
}
