//! A port that was tried: what each call said, and what that means (bind(2), listen(2), socket(7)).

use std::net::SocketAddr;

use super::{Limits, Listed, Owner, Protocol};
use crate::event::{TcpState, units};

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The call with its arguments.
    pub call: String,
    /// Why it failed; `None`: it did not.
    pub refusal: Option<Refusal>,
}

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// As in errno(3): `EADDRINUSE`.
    pub name: String,
    /// What the C library says of it.
    pub text: String,
}

/// A port that was tried, first as it is and then with `SO_REUSEADDR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which protocol.
    pub protocol: Protocol,
    /// Where; port 0 lets the kernel choose.
    pub at: SocketAddr,
    /// The calls as a program makes them that asks for nothing special.
    pub plain: Vec<Step>,
    /// The same with `SO_REUSEADDR`, where the first failed.
    pub reuse: Option<Vec<Step>>,
    /// What port it was, where it worked.
    pub got: Option<u16>,
}

impl Attempt {
    /// What stood in the way, if anything did.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.plain.iter().find_map(|step| step.refusal.as_ref())
    }

    fn reuse_works(&self) -> Option<bool> {
        let steps = self.reuse.as_ref()?;
        Some(steps.iter().all(|step| step.refusal.is_none()))
    }
}

/// What an attempt means: why it went as it did, who is in the way, and what would help. Sentences, each
/// with its full stop.
pub fn conclusions(attempt: &Attempt, sockets: &[Listed], limits: &Limits) -> Vec<String> {
    let Some(refusal) = attempt.refusal() else {
        return free(attempt, limits);
    };
    match refusal.name.as_str() {
        "EADDRINUSE" => in_use(attempt, sockets),
        "EACCES" => vec![
            format!(
                "Ports below {} are for who has the right: root, or a program with cap_net_bind_service.",
                limits.first_free_for_all
            ),
            format!(
                "Take a port from {} on, or give the program that right: sudo setcap cap_net_bind_service+ep PROGRAM.",
                limits.first_free_for_all
            ),
            "SO_REUSEADDR changes nothing about it.".to_owned(),
        ],
        "EADDRNOTAVAIL" => vec![format!(
            "{} is no address of this machine: `wirelab addr` shows those it has. A server binds its own address, or 0.0.0.0 for all of them.",
            attempt.at.ip()
        )],
        "EAFNOSUPPORT" => vec!["This machine has no such version of IP.".to_owned()],
        _ => vec![format!("The kernel says: {}.", refusal.text)],
    }
}

/// It worked.
fn free(attempt: &Attempt, limits: &Limits) -> Vec<String> {
    let port = attempt.got.unwrap_or(attempt.at.port());
    let mut said = Vec::new();
    if attempt.at.port() == 0 {
        said.push(format!(
            "No port was asked for, so the kernel chose {port}, by chance out of {} to {} (its ip_local_port_range), one that nobody has.",
            limits.ephemeral.start(),
            limits.ephemeral.end()
        ));
    } else {
        let calls = match attempt.protocol {
            Protocol::Tcp => "a server could listen there now",
            Protocol::Udp => "a program could receive there now",
        };
        said.push(format!(
            "Port {port} is free: {calls}. It was given back at once."
        ));
        if limits.ephemeral.contains(&port) {
            said.push(format!(
                "It lies among the ports that the kernel gives to clients ({} to {}), so some day one may have it first.",
                limits.ephemeral.start(),
                limits.ephemeral.end()
            ));
        }
    }
    said
}

/// Somebody has it.
fn in_use(attempt: &Attempt, sockets: &[Listed]) -> Vec<String> {
    let port = attempt.at.port();
    let holds = |it: &&Listed| {
        it.protocol == attempt.protocol && it.port == port && it.meets(attempt.at.ip())
    };
    let holders: Vec<_> = sockets.iter().filter(holds).collect();
    let listening: Vec<_> = holders.iter().filter(|it| it.is_listening()).collect();
    let waiting: Vec<_> = holders
        .iter()
        .filter(|it| it.state == TcpState::TimeWait)
        .collect();
    let bound = |it: &&&Listed| it.protocol == Protocol::Tcp && it.state == TcpState::Closed;
    let bound: Vec<_> = holders.iter().filter(bound).collect();
    let open = |it: &&&Listed| {
        it.protocol == Protocol::Tcp
            && !it.is_listening()
            && !matches!(it.state, TcpState::TimeWait | TcpState::Closed)
    };
    let open: Vec<_> = holders.iter().copied().filter(|it| open(&it)).collect();
    let mut said = Vec::new();
    for it in &listening {
        said.push(format!(
            "{} has {}:{port}{}.",
            owner(&it.owners),
            bracketed(it.address),
            match attempt.protocol {
                Protocol::Tcp if it.address.is_ipv6() && attempt.at.is_ipv4() => {
                    " and listens there, for IPv4 too, as IPv6 sockets do unless told not to"
                }
                Protocol::Tcp => " and listens there",
                Protocol::Udp => "",
            }
        ));
    }
    for it in &bound {
        said.push(format!(
            "{} has bound {}:{port} and does not listen.",
            owner(&it.owners),
            bracketed(it.address)
        ));
    }
    if !open.is_empty() {
        said.push(not_over(&open));
    }
    let longest = waiting.iter().filter_map(|it| it.waits_ms).max();
    if let Some(ms) = longest {
        said.push(format!(
            "{} in TIME-WAIT, the last for another {}: this side closed first, and keeps the port so that a late segment meets nobody it is not for (RFC 9293 3.6.1).",
            connections_are(waiting.len()),
            units::nanos(u64::from(ms) * 1_000_000)
        ));
    }
    if holders.is_empty() {
        said.push("Who has it is not to be seen from here: a socket that is bound and does not listen, or one that was closed meanwhile.".to_owned());
    }
    said.push(match attempt.reuse_works() {
        Some(true) if longest.is_some() && listening.is_empty() => "With SO_REUSEADDR it works, as was tried: what is in TIME-WAIT is no obstacle then. Servers set it, so that they can start again at once.".to_owned(),
        Some(true) if !open.is_empty() => "With SO_REUSEADDR it works, as was tried: connections are no obstacle to who wants to listen where their program had set it too.".to_owned(),
        Some(true) => "With SO_REUSEADDR it works, as was tried.".to_owned(),
        Some(false) if attempt.protocol == Protocol::Udp => "SO_REUSEADDR does not help, as was tried: Linux wants it on both sockets, and the other has not set it. Where both have, both get the port, and the one that came last most datagrams.".to_owned(),
        Some(false) if !bound.is_empty() && listening.is_empty() => "SO_REUSEADDR does not help, as was tried: Linux wants it on both sockets, and the other has not set it. End the other program, or take another port.".to_owned(),
        Some(false) if !listening.is_empty() => "SO_REUSEADDR does not help, as was tried: two sockets can't listen on one port, unless both set SO_REUSEPORT and are of one user: then the kernel shares the connections out between them (socket(7)). End the other program, or take another port.".to_owned(),
        Some(false) if longest.is_some() => "SO_REUSEADDR does not help, as was tried: Linux wants it on both sockets, and the program that had the port before had not set it. Wait, or take another port; and let the server set it from now on.".to_owned(),
        Some(false) if !open.is_empty() => "SO_REUSEADDR does not help, as was tried: Linux wants it on both sockets, and the one of the connection had not set it. Wait for its end, or take another port; and let the server set it from now on.".to_owned(),
        Some(false) => "SO_REUSEADDR does not help, as was tried.".to_owned(),
        None => "SO_REUSEADDR was not tried.".to_owned(),
    });
    said
}

/// Connections that hold a port: in which states, and whose.
fn not_over(open: &[&Listed]) -> String {
    let mut states: Vec<_> = open.iter().map(|it| it.state.name()).collect();
    states.sort_unstable();
    states.dedup();
    let owned = open.iter().find(|it| !it.owners.is_empty());
    let of = owned.map_or_else(String::new, |it| format!(", of {}", owner(&it.owners)));
    format!(
        "{} not over yet: {}{of}.",
        connections_are(open.len()),
        units::list(&states)
    )
}

/// `1 connection is`, `2 connections are`.
fn connections_are(n: usize) -> String {
    let verb = if n == 1 { "is" } else { "are" };
    format!("{} {verb}", units::plural(n as u64, "connection"))
}

/// Who has a socket open.
fn owner(owners: &[Owner]) -> String {
    match owners {
        [] => "A program whose name only root may know".to_owned(),
        [one] => format!("{} (process {})", one.name.escape_debug(), one.pid),
        [one, rest @ ..] => format!(
            "{} (process {}) and {} more",
            one.name.escape_debug(),
            one.pid,
            rest.len()
        ),
    }
}

fn bracketed(address: std::net::IpAddr) -> String {
    if address.is_ipv6() {
        format!("[{address}]")
    } else {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{listening, waiting};
    use super::*;

    fn step(call: &str, refusal: &str) -> Step {
        Step {
            call: call.to_owned(),
            refusal: (!refusal.is_empty()).then(|| Refusal {
                name: refusal.to_owned(),
                text: "why".to_owned(),
            }),
        }
    }

    /// What `bind` said, and with `SO_REUSEADDR` if it was tried; "" for ok.
    fn attempt(plain: &str, reuse: Option<&str>) -> Attempt {
        Attempt {
            protocol: Protocol::Tcp,
            at: "0.0.0.0:8080".parse().unwrap(),
            plain: vec![step("bind", plain)],
            reuse: reuse.map(|it| vec![step("bind", it)]),
            got: plain.is_empty().then_some(8080),
        }
    }

    fn told(attempt: &Attempt, sockets: &[Listed]) -> String {
        conclusions(attempt, sockets, &Limits::default()).join("\n")
    }

    #[test]
    fn a_port_that_somebody_listens_on_stays_theirs() {
        let attempt = attempt("EADDRINUSE", Some("EADDRINUSE"));
        let said = told(
            &attempt,
            &[listening("10.0.0.2", 8080), listening("0.0.0.0", 80)],
        );
        assert!(
            said.contains("serv\\u{1b}er (process 4321) has 10.0.0.2:8080 and listens there."),
            "{said}"
        );
        assert!(
            said.contains("two sockets can't listen on one port, unless both set SO_REUSEPORT"),
            "{said}"
        );
        assert!(!said.contains("TIME-WAIT"), "{said}");
    }

    #[test]
    fn a_port_in_time_wait_can_be_had_again() {
        let attempt = attempt("EADDRINUSE", Some(""));
        let said = told(&attempt, &[waiting(8080, 41_500), waiting(8080, 2_000)]);
        assert!(
            said.contains("2 connections are in TIME-WAIT, the last for another 41.5s"),
            "{said}"
        );
        assert!(said.contains("With SO_REUSEADDR it works"), "{said}");
    }

    #[test]
    fn time_wait_of_a_program_without_reuse_has_to_be_waited_out() {
        let attempt = attempt("EADDRINUSE", Some("EADDRINUSE"));
        let said = told(&attempt, &[waiting(8080, 41_500)]);
        assert!(said.contains("Linux wants it on both sockets"), "{said}");
    }

    #[test]
    fn who_has_bound_a_port_without_listening_is_named() {
        let mut bound = listening("0.0.0.0", 8080);
        bound.state = TcpState::Closed;
        let attempt = attempt("EADDRINUSE", Some("EADDRINUSE"));
        let said = told(&attempt, &[bound]);
        assert!(
            said.contains("has bound 0.0.0.0:8080 and does not listen"),
            "{said}"
        );
        assert!(said.contains("the other has not set it"), "{said}");
    }

    #[test]
    fn udp_is_not_told_to_listen() {
        let mut socket = listening("0.0.0.0", 8080);
        (socket.protocol, socket.state) = (Protocol::Udp, TcpState::Closed);
        let attempt = Attempt {
            protocol: Protocol::Udp,
            ..attempt("EADDRINUSE", Some("EADDRINUSE"))
        };
        let said = told(&attempt, &[socket]);
        assert!(!said.contains("listen"), "{said}");
    }

    #[test]
    fn a_low_port_needs_a_right() {
        let said = told(&attempt("EACCES", None), &[]);
        assert!(said.contains("below 1024"), "{said}");
        assert!(said.contains("cap_net_bind_service"), "{said}");
    }

    #[test]
    fn a_free_port_is_free_and_a_chosen_one_is_named() {
        let said = told(&attempt("", None), &[]);
        assert!(said.starts_with("Port 8080 is free"), "{said}");
        let chosen = Attempt {
            at: "0.0.0.0:0".parse().unwrap(),
            got: Some(40_001),
            ..attempt("", None)
        };
        assert!(told(&chosen, &[]).contains("chose 40001"));
    }

    #[test]
    fn nobody_to_be_seen_is_said_so() {
        let said = told(
            &attempt("EADDRINUSE", Some("EADDRINUSE")),
            &[listening("10.0.0.2", 81)],
        );
        assert!(said.contains("not to be seen"), "{said}");
    }
}
