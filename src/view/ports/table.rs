//! Sockets in columns.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::event::units;
use crate::sockets::{Listed, Owner, Protocol, Services};
use crate::view::{Paint, Style, text};

/// Widest column of addresses: an IPv6 one in full is cut rather than all lines be broken.
const ENDS: usize = 28;

/// Who listens: address, service, program, and how many wait to be accepted.
pub(super) fn listening(out: &mut String, sockets: &[&Listed], services: &Services, style: &Style) {
    let mut sorted = sockets.to_vec();
    sorted.sort_by_key(|it| (it.port, it.protocol, it.address));
    let widest = column(sorted.iter().map(|it| end(it.address, it.port)));
    for it in sorted {
        let service = services.name(it.port, it.protocol).unwrap_or("");
        let queue = match it.protocol {
            Protocol::Tcp if it.receive_queue > 0 => {
                let wait = if it.receive_queue == 1 {
                    "waits"
                } else {
                    "wait"
                };
                format!(
                    "{} of {} {wait} to be accepted",
                    it.receive_queue, it.send_queue
                )
            }
            Protocol::Udp if it.receive_queue > 0 => {
                format!("{} to be read", units::bytes(it.receive_queue.into()))
            }
            Protocol::Tcp | Protocol::Udp => reach(it).to_owned(),
        };
        let at = padded(&end(it.address, it.port), widest);
        let service = padded(&text::escape(service), 12);
        let who = padded(&owners(&it.owners), 18);
        row(
            out,
            &format!(
                "  {}  {}  {service}  {who}  {queue}",
                it.protocol.name(),
                style.paint(Paint::Good, at)
            ),
        );
    }
}

/// What is in TIME-WAIT: ends, and how much longer.
pub(super) fn waiting(out: &mut String, sockets: &[&Listed], style: &Style) {
    let mut sorted = sockets.to_vec();
    sorted.sort_by_key(|it| it.waits_ms);
    let widest = column(sorted.iter().map(|it| end(it.address, it.port)));
    let peers = column(sorted.iter().map(|it| end(it.peer.0, it.peer.1)));
    for it in sorted {
        let own = padded(&end(it.address, it.port), widest);
        let peer = padded(&end(it.peer.0, it.peer.1), peers);
        let left = units::nanos(u64::from(it.waits_ms.unwrap_or(0)) * 1_000_000);
        row(
            out,
            &format!(
                "  {}  {peer}  for another {left}",
                style.paint(Paint::Good, own)
            ),
        );
    }
}

/// Connections: ends, state, program.
pub(super) fn connections(out: &mut String, sockets: &[&Listed], style: &Style) {
    let widest = column(sockets.iter().map(|it| end(it.address, it.port)));
    let peers = column(sockets.iter().map(|it| end(it.peer.0, it.peer.1)));
    for it in sockets {
        let own = padded(&end(it.address, it.port), widest);
        let peer = padded(&end(it.peer.0, it.peer.1), peers);
        let state = match it.protocol {
            Protocol::Tcp => it.state.name(),
            Protocol::Udp => "UDP",
        };
        let ends = format!("  {own}  {peer}");
        let who = owners(&it.owners);
        let fits = text::width(&ends) + 2 + 12 + 2 + text::width(&who) <= usize::from(style.width);
        let state = style.paint(Paint::State, format!("{state:<12}"));
        if fits {
            row(out, &format!("{ends}  {state}  {who}"));
        } else {
            row(out, &ends);
            row(out, &format!("      {state}  {who}"));
        }
    }
}

/// From where it can be reached, where that does not show by the address.
fn reach(it: &Listed) -> &'static str {
    match it.address {
        address if address.is_loopback() => "from this machine only",
        IpAddr::V6(address) if address.is_unspecified() && !it.only_v6 => "IPv4 too",
        _ => "",
    }
}

/// An end as everybody writes it.
fn end(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(it) => format!("{it}:{port}"),
        IpAddr::V6(it) => format!("[{it}]:{port}"),
    }
}

/// The programs that have a socket open, the first by name.
fn owners(owners: &[Owner]) -> String {
    match owners {
        [] => "-".to_owned(),
        [one] => format!("{} ({})", text::escape(&one.name), one.pid),
        [one, rest @ ..] => format!("{} ({}) +{}", text::escape(&one.name), one.pid, rest.len()),
    }
}

fn column(texts: impl Iterator<Item = String>) -> usize {
    texts
        .map(|it| text::width(&it))
        .max()
        .unwrap_or(0)
        .min(ENDS)
}

/// Exactly so wide, unless it is too long to cut honestly: an address is shown whole.
fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text::width(text));
    format!("{text}{:missing$}", "")
}

fn row(out: &mut String, row: &str) {
    let _ = writeln!(out, "{}", row.trim_end());
}
