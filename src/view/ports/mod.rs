//! `wirelab ports`: the classes of ports, who has which, what waits, and a port that was tried.

mod json;
mod table;

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{Paint, Style, text};
use crate::event::{TcpState, units};
use crate::sockets::{
    Attempt, Class, DYNAMIC, Limits, Listed, Protocol, REGISTERED, Services, Step, TIME_WAIT_S,
    WELL_KNOWN, class,
};

pub use json::{attempt_line, socket_lines};

/// What is known of this machine's ports.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Its sockets.
    pub sockets: Vec<Listed>,
    /// The kernel's rules.
    pub limits: Limits,
    /// Names of services.
    pub services: Services,
    /// Whether there are processes that we may not look into.
    pub some_hidden: bool,
}

/// The classes, how many ports are in use, and who listens.
pub fn overview(ports: &Ports, style: &Style) -> String {
    let mut out = String::new();
    let title = "65,536 ports, 0 to 65535: which program on this machine a segment is for";
    line(&mut out, style.paint(Paint::Strong, title));
    out.push('\n');
    let limits = &ports.limits;
    let free = limits.first_free_for_all;
    classes(
        &mut out,
        style,
        &[
            (
                WELL_KNOWN,
                "well-known",
                format!(
                    "of services everybody knows, given by IANA; here ports below {free} are for root"
                ),
            ),
            (
                REGISTERED,
                "registered",
                "of services too, on request; anybody may use them".to_owned(),
            ),
            (
                DYNAMIC,
                "dynamic",
                "of nobody: for whoever needs one for a while (RFC 6335 6)".to_owned(),
            ),
            (
                limits.ephemeral.clone(),
                "ephemeral",
                format!(
                    "where this kernel chooses for programs that name none, such as clients: {} ports, wider than IANA's dynamic ones",
                    units::count(limits.choices().into())
                ),
            ),
        ],
    );
    out.push('\n');
    wrapped(&mut out, style, 0, &in_use(&ports.sockets));
    out.push('\n');
    out.push_str(&listening(ports, style));
    out.push('\n');
    let more = "wirelab ports 80 or ports http shows one; --waiting what is in TIME-WAIT; --try 8080 tries to take one.";
    wrapped(&mut out, style, 0, more);
    out
}

/// Who listens, a line each.
pub fn listening(ports: &Ports, style: &Style) -> String {
    let of: Vec<_> = ports
        .sockets
        .iter()
        .filter(|it| it.is_listening())
        .collect();
    let mut out = String::new();
    if of.is_empty() {
        line(
            &mut out,
            "Nobody listens: no program here can be reached from outside.",
        );
        return out;
    }
    line(&mut out, style.paint(Paint::Strong, "Who can be reached"));
    table::listening(&mut out, &of, &ports.services, style);
    if of.iter().any(|it| it.owners.is_empty()) {
        let why = if ports.some_hidden {
            "- : a program of another user; run with sudo to see its name."
        } else {
            "- : no program of this machine has it open, as far as can be seen from here."
        };
        wrapped(&mut out, style, 0, why);
    }
    out
}

/// What is in TIME-WAIT, and why.
pub fn waiting(ports: &Ports, style: &Style) -> String {
    let of: Vec<_> = ports
        .sockets
        .iter()
        .filter(|it| it.state == TcpState::TimeWait)
        .collect();
    let mut out = String::new();
    if of.is_empty() {
        wrapped(
            &mut out,
            style,
            0,
            "Nothing is in TIME-WAIT: no connection was closed from here within the last minute.",
        );
        return out;
    }
    let title = format!(
        "{} in TIME-WAIT",
        units::plural(of.len() as u64, "connection")
    );
    line(&mut out, style.paint(Paint::Strong, title));
    table::waiting(&mut out, &of, style);
    let why = format!(
        "The side that closes first keeps the port, {TIME_WAIT_S} s on Linux (RFC 9293 3.6.1 says twice the life of a segment, 4 minutes): it may have to answer the other's FIN again, and a late segment must not meet a new connection. Towards other hosts or ports the port is free meanwhile; a server that wants to listen on it needs SO_REUSEADDR."
    );
    out.push('\n');
    wrapped(&mut out, style, 0, &why);
    out
}

/// One port: what it is given to, and who has it.
pub fn one(ports: &Ports, port: u16, style: &Style) -> String {
    let mut out = String::new();
    let name = class(port).name();
    line(
        &mut out,
        style.paint(Paint::Strong, format!("port {port}: {name}")),
    );
    wrapped(&mut out, style, 2, &given_to(ports, port));
    wrapped(&mut out, style, 2, &who_may(ports, port));
    out.push('\n');
    let of: Vec<_> = ports
        .sockets
        .iter()
        .filter(|it| it.port == port || it.peer.1 == port)
        .collect();
    let listening: Vec<_> = of
        .iter()
        .copied()
        .filter(|it| it.port == port && it.is_listening())
        .collect();
    if listening.is_empty() {
        line(&mut out, "  Nobody listens on it here.");
    } else {
        table::listening(&mut out, &listening, &ports.services, style);
    }
    let connections: Vec<_> = of.iter().copied().filter(|it| !it.is_listening()).collect();
    if !connections.is_empty() {
        out.push('\n');
        let title = format!(
            "{} with it",
            units::plural(connections.len() as u64, "connection")
        );
        line(&mut out, style.paint(Paint::Strong, title));
        table::connections(&mut out, &connections, style);
    }
    out
}

/// A port that was tried: each call, and what it means.
pub fn tried(attempt: &Attempt, conclusions: &[String], style: &Style) -> String {
    let mut out = String::new();
    let title = format!("{} {}", attempt.protocol.name(), attempt.at);
    line(&mut out, style.paint(Paint::Strong, title));
    steps(&mut out, &attempt.plain, style);
    if let Some(reuse) = &attempt.reuse {
        line(&mut out, "again, with SO_REUSEADDR:");
        steps(&mut out, reuse, style);
    }
    out.push('\n');
    for said in conclusions {
        wrapped(&mut out, style, 0, said);
    }
    out
}

fn steps(out: &mut String, steps: &[Step], style: &Style) {
    let arrow = if style.unicode { "→" } else { "->" };
    for step in steps {
        let outcome = match &step.refusal {
            None => style.paint(Paint::Good, "ok".to_owned()),
            Some(it) => style.paint(Paint::Trouble, format!("{} ({})", it.name, it.text)),
        };
        line(out, format!("  {} {arrow} {outcome}", step.call));
    }
}

/// Ranges with their names, and what they are for.
fn classes(
    out: &mut String,
    style: &Style,
    rows: &[(std::ops::RangeInclusive<u16>, &str, String)],
) {
    let dash = if style.unicode { '–' } else { '-' };
    for (range, name, meaning) in rows {
        let range = format!("{:>5}{dash}{:<5}", range.start(), range.end());
        let room = usize::from(style.width).min(110).saturating_sub(27).max(20);
        let mut head = format!("  {range}  {name:<10} ");
        for part in text::wrap(meaning, room) {
            line(out, format!("{head} {part}"));
            head = " ".repeat(26);
        }
    }
}

fn in_use(sockets: &[Listed]) -> String {
    let count =
        |test: &dyn Fn(&Listed) -> bool| sockets.iter().filter(|it| test(it)).count() as u64;
    let tcp = |it: &Listed| it.protocol == Protocol::Tcp;
    let listening = count(&|it| tcp(it) && it.is_listening());
    let waiting = count(&|it| it.state == TcpState::TimeWait);
    let bound = count(&|it| tcp(it) && it.state == TcpState::Closed);
    let ends = count(&|it| tcp(it)) - listening - waiting - bound;
    // A connection of two programs of this machine is there twice, once from each end.
    let connected = |it: &&Listed| tcp(it) && it.peer.1 != 0 && it.state != TcpState::TimeWait;
    let ours: HashSet<_> = sockets
        .iter()
        .filter(connected)
        .map(|it| ((it.address, it.port), it.peer))
        .collect();
    let both = ours
        .iter()
        .filter(|(own, peer)| ours.contains(&(*peer, *own)));
    let connections = ends - both.count() as u64 / 2;
    let udp = count(&|it| !tcp(it));
    format!(
        "In use now: {listening} to listen on (TCP), {}, {waiting} in TIME-WAIT, {} of UDP.",
        units::plural(connections, "TCP connection"),
        units::plural(udp, "socket")
    )
}

fn given_to(ports: &Ports, port: u16) -> String {
    let given: Vec<String> = ports
        .services
        .of(port)
        .iter()
        .map(|it| {
            let name = text::escape(&it.name);
            let over = it.protocol.map_or("", |protocol| match protocol {
                Protocol::Tcp => " over TCP",
                Protocol::Udp => " over UDP",
            });
            let what = it.what.map_or_else(String::new, |what| format!(", {what}"));
            format!("{name}{over}{what}")
        })
        .collect();
    match (given.as_slice(), class(port)) {
        ([], Class::Dynamic) => {
            "given to nobody: ports from 49152 on are for whoever needs one for a while".to_owned()
        }
        ([], _) => "no service is known by it here".to_owned(),
        (given, _) => format!(
            "given to {}; any program may use it all the same",
            given.join("; ")
        ),
    }
}

fn who_may(ports: &Ports, port: u16) -> String {
    let limits = &ports.limits;
    if port == 0 {
        "none that a program can have: to ask for port 0 is to let the kernel choose".to_owned()
    } else if port < limits.first_free_for_all {
        format!(
            "to be had by root, or with cap_net_bind_service (all below {})",
            limits.first_free_for_all
        )
    } else if limits.ephemeral.contains(&port) {
        format!(
            "among those that this kernel gives to programs that name none ({} to {})",
            limits.ephemeral.start(),
            limits.ephemeral.end()
        )
    } else {
        "to be had by any program that asks for it".to_owned()
    }
}

fn line(out: &mut String, said: impl std::fmt::Display) {
    let _ = writeln!(out, "{said}");
}

fn wrapped(out: &mut String, style: &Style, indent: usize, said: &str) {
    let columns = usize::from(style.width)
        .min(110)
        .saturating_sub(indent)
        .max(20);
    for line in text::wrap(said, columns) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::samples::{listening as socket, waiting as wait};

    fn ports() -> Ports {
        let mut client = socket("10.0.0.2", 40_002);
        client.state = TcpState::Established;
        client.peer = (
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().unwrap(),
            80,
        );
        let mut hidden = socket("::", 22);
        hidden.owners.clear();
        Ports {
            sockets: vec![socket("0.0.0.0", 80), hidden, client, wait(8080, 41_500)],
            limits: Limits::default(),
            services: Services::new(""),
            some_hidden: true,
        }
    }

    #[test]
    fn every_page_fits_80_columns_and_shows_no_control_characters() {
        let (ports, style) = (ports(), Style::default());
        for page in [
            overview(&ports, &style),
            listening(&ports, &style),
            waiting(&ports, &style),
            one(&ports, 80, &style),
            one(&ports, 65_535, &style),
        ] {
            assert!(page.lines().all(|line| text::width(line) <= 80), "{page}");
            assert!(!page.contains('\u{1b}'), "{page}");
        }
    }

    #[test]
    fn the_first_page() {
        insta::assert_snapshot!(overview(&ports(), &Style::default()));
    }

    #[test]
    fn what_waits_and_one_port() {
        let (ports, style) = (ports(), Style::default());
        insta::assert_snapshot!(waiting(&ports, &style) + "\n" + &one(&ports, 80, &style));
    }
}
