//! `wirelab sockets`: what is in the buffers of a TCP socket, on its wire and in its windows, as bars with
//! their limits; and who waits for whom.

mod json;
mod live;
mod sentence;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::IpAddr;

use super::bars::{Ink, Piece, bar};
use super::{Paint, Style, text};
use crate::event::{TcpState, units};
use crate::sockets::{Alarm, Detail, Memory, Owner, Timer, Wait};
use sentence::milliseconds;

pub use json::line as json_line;
pub use live::{Long, brief, live, live_heading};
pub use sentence::sentence;

/// Columns before a bar.
const LABEL: usize = 20;
/// Columns for what is said behind a bar.
const BEHIND: usize = 36;
/// Widest bar.
const WIDEST: usize = 62;

/// One socket: its buffers as bars, its figures, and who waits for whom.
pub fn detail(of: &Detail, style: &Style) -> String {
    let mut out = String::new();
    heading(&mut out, of, style);
    match of.state {
        TcpState::Listen => accept_queue(&mut out, of, style),
        TcpState::TimeWait | TcpState::Closed => {}
        _ => {
            outgoing(&mut out, of, style);
            incoming(&mut out, of, style);
            figures(&mut out, of, style);
        }
    }
    for wait in of.waits() {
        let paint = match wait {
            Wait::Nobody | Wait::Callers | Wait::TimeWait => Paint::Plain,
            Wait::Retransmission => Paint::Trouble,
            _ => Paint::Caution,
        };
        wrapped(&mut out, style, 2, paint, &sentence(wait, of));
    }
    out
}

/// Connections, a line each (two where addresses are long).
pub fn overview(all: &[Detail], some_hidden: bool, style: &Style) -> String {
    let mut out = String::new();
    if all.is_empty() {
        wrapped(
            &mut out,
            style,
            0,
            Paint::Plain,
            "No TCP connections here now. wirelab ports --listening shows who could be connected to.",
        );
        return out;
    }
    let own = all.iter().map(|it| text::width(&end(it.local)));
    let own = own.max().unwrap_or(0);
    let peer = all.iter().map(|it| text::width(&end(it.peer)));
    let peer = peer.max().unwrap_or(0);
    // Ends, state, three numbers and a program.
    let fits = own + peer + 2 + 12 + 3 * 8 + 10 <= usize::from(style.width);
    let indent = if fits { own + peer + 3 } else { 4 };
    let title = format!(
        "{:indent$}{:<12}{:>7} {:>7} {:>7}  program",
        "", "state", "sent", "unsent", "unread"
    );
    line(&mut out, style.paint(Paint::Strong, title));
    for it in all {
        let ends = format!("{:<own$} {:<peer$}", end(it.local), end(it.peer));
        let ends = if fits {
            format!("{ends}  ")
        } else {
            line(&mut out, ends.trim_end());
            " ".repeat(indent)
        };
        let amount = |n: Option<u64>| n.map_or("?".to_owned(), units::amount);
        let numbers = format!(
            "{:>7} {:>7} {:>7}",
            amount(it.sent_unacked().or((it.send_queue == 0).then_some(0))),
            amount(it.unsent.or((it.send_queue == 0).then_some(0))),
            amount(Some(it.receive_queue))
        );
        let busy = it.send_queue > 0 || it.receive_queue > 0;
        let paint = if busy { Paint::Caution } else { Paint::Plain };
        let room = usize::from(style.width).saturating_sub(indent + 12 + 23 + 2);
        let who = match (owners(&it.owners), it.owners.first()) {
            (who, Some(first)) if text::width(&who) > room => {
                text::escape(&first.name).into_owned()
            }
            (who, _) => who,
        };
        let who = text::fit(&who, room.max(8));
        let state = style.paint(Paint::State, format!("{:<12}", it.state.name()));
        line(
            &mut out,
            format!("{ends}{state}{}  {who}", style.paint(paint, numbers)).trim_end(),
        );
    }
    out.push('\n');
    let mut more = String::from(
        "In bytes: sent and not acknowledged, written and not sent, received and not read. wirelab sockets PORT or PID shows one in full; --watch goes on.",
    );
    if some_hidden && all.iter().any(|it| it.owners.is_empty()) {
        more.push_str(" -: another user's program; sudo shows its name.");
    }
    wrapped(&mut out, style, 0, Paint::Dim, &more);
    out
}

/// Ends, state and program.
fn heading(out: &mut String, of: &Detail, style: &Style) {
    let arrow = if style.unicode { '→' } else { '>' };
    let ends = if of.peer.1 == 0 {
        end(of.local)
    } else {
        format!("{} {arrow} {}", end(of.local), end(of.peer))
    };
    let who = match owners(&of.owners) {
        who if who == "-" => String::new(),
        who => format!("  {who}"),
    };
    let state = of.state.name();
    let room = usize::from(style.width);
    if text::width(&ends) + 2 + state.len() + text::width(&who) <= room {
        let state = style.paint(Paint::State, state);
        line(
            out,
            format!("{}  {state}{who}", style.paint(Paint::Strong, ends)),
        );
        return;
    }
    line(out, style.paint(Paint::Strong, ends));
    let who = text::fit(&who, room.saturating_sub(2 + state.len()));
    let state = style.paint(Paint::State, state);
    line(out, format!("  {state}{who}"));
}

/// From the application to the peer.
fn outgoing(out: &mut String, of: &Detail, style: &Style) {
    let arrow = if style.unicode { '→' } else { '>' };
    let way = format!("  application {arrow} send buffer {arrow} wire {arrow} peer");
    line(out, style.paint(Paint::Dim, way));
    let sent = of.sent_unacked().unwrap_or(of.send_queue);
    let unsent = of.unsent.unwrap_or(0);
    if let Some(memory) = of.memory {
        let pieces = queued(of, memory);
        let full = if of.is_full() == Some(true) {
            ", full"
        } else {
            ""
        };
        let behind = of_limit(memory.queued, memory.send_limit);
        let behind = format!("memory {behind}{full}");
        drawn(
            out,
            style,
            "send buffer",
            &pieces,
            memory.send_limit,
            &behind,
        );
    }
    let split = if of.unsent.is_some() {
        format!(
            "{} {} sent, not acknowledged   {} {} not sent",
            Ink::Full.glyph(style),
            units::count(sent),
            Ink::Shade.glyph(style),
            units::count(unsent)
        )
    } else {
        format!(
            "{} not acknowledged, sent or not",
            units::bytes(of.send_queue)
        )
    };
    line(out, format!("{:LABEL$}{split}", ""));
    if let (Some(flight), Some(cwnd)) = (of.in_flight(), of.info.cwnd) {
        let pieces = [piece(flight, Ink::Full, Paint::Initiator)];
        let behind = format!(
            "{} of cwnd {} segments",
            units::count(flight),
            units::count(cwnd)
        );
        drawn(out, style, "on the wire", &pieces, cwnd, &behind);
    }
    match of.info.snd_wnd {
        Some(0) => {
            drawn(out, style, "peer's window", &[], 0, "closed: 0 bytes");
        }
        Some(window) => {
            let pieces = [piece(sent, Ink::Full, Paint::Initiator)];
            let behind = of_limit(sent, window);
            drawn(out, style, "peer's window", &pieces, window, &behind);
        }
        None => line(out, "    peer's window   unknown: this kernel does not say"),
    }
}

/// What a send buffer's memory is taken by: what was sent, and what was not.
fn queued(of: &Detail, memory: Memory) -> [Piece; 2] {
    let sent = of.sent_unacked().unwrap_or(of.send_queue);
    // The bar is of memory; data share it by their bytes.
    let all = u128::from(of.send_queue.max(1));
    let share = u128::from(memory.queued) * u128::from(sent.min(of.send_queue)) / all;
    let share = u64::try_from(share).unwrap_or(memory.queued);
    let rest = memory.queued.saturating_sub(share);
    [
        piece(share, Ink::Full, Paint::Initiator),
        piece(rest, Ink::Shade, Paint::Caution),
    ]
}

/// From the peer to the application.
fn incoming(out: &mut String, of: &Detail, style: &Style) {
    let arrow = if style.unicode { '→' } else { '>' };
    let way = format!("  peer {arrow} wire {arrow} receive buffer {arrow} application");
    line(out, style.paint(Paint::Dim, way));
    if let Some(memory) = of.memory {
        let pieces = [piece(memory.received, Ink::Full, Paint::Responder)];
        let behind = of_limit(memory.received, memory.receive_limit);
        let behind = format!("memory {behind}");
        drawn(
            out,
            style,
            "receive buffer",
            &pieces,
            memory.receive_limit,
            &behind,
        );
    }
    let window = match of.info.rcv_wnd {
        Some(0) => style.paint(Paint::Trouble, "window closed").to_string(),
        Some(window) => format!("window offered {}", units::count(window)),
        None => "window unknown here".to_owned(),
    };
    line(
        out,
        format!(
            "{:LABEL$}{} {} to be read   {window}",
            "",
            Ink::Full.glyph(style),
            units::count(of.receive_queue)
        ),
    );
}

fn accept_queue(out: &mut String, of: &Detail, style: &Style) {
    let Some((waiting, most)) = of.accept_queue else {
        return;
    };
    let pieces = [piece(waiting.into(), Ink::Full, Paint::Responder)];
    let behind = of_limit(waiting.into(), most.into());
    drawn(out, style, "to be accepted", &pieces, most.into(), &behind);
}

/// What else the kernel has in mind.
fn figures(out: &mut String, of: &Detail, style: &Style) {
    let info = &of.info;
    let mut all = Vec::new();
    if let Some(cwnd) = info.cwnd {
        let ssthresh = info.ssthresh.map_or("none yet".to_owned(), units::count);
        let mss = info.snd_mss.unwrap_or(0);
        let by = of.congestion_control.as_deref().map(text::escape);
        let by = by.map_or_else(String::new, |by| format!(", {by}"));
        let mood = info.mood.map_or_else(String::new, |it| format!(": {it}"));
        let cwnd = units::count(cwnd);
        all.push(format!(
            "cwnd {cwnd}, ssthresh {ssthresh}, MSS {mss}{by}{mood}"
        ));
    }
    all.push(round_trips(of, style));
    match info.total_retrans {
        Some(0) => all.push("nothing sent again".to_owned()),
        Some(n) => all.push(format!("{} sent again", units::plural(n, "segment"))),
        None => {}
    }
    if let Some(busy) = info.busy_ns.filter(|&busy| busy > 0) {
        all.push(limits(of, busy));
    }
    all.push(of.timer.map_or("no timer runs".to_owned(), runs));
    wrapped(out, style, 2, Paint::Dim, &all.join("; "));
}

/// A timer that runs.
fn runs(timer: Timer) -> String {
    let tries = match (timer.tries, timer.alarm) {
        (0, _) => String::new(),
        (n, Alarm::Persist) => format!(", {} so far", units::plural(n.into(), "probe")),
        (n, _) => format!(", {} unanswered", units::plural(n.into(), "time")),
    };
    let (name, left) = (timer.alarm.name(), milliseconds(timer.left_ms));
    format!("{name} timer in {left}{tries}")
}

fn round_trips(of: &Detail, style: &Style) -> String {
    let info = &of.info;
    let rto = info.rto_ns.map_or("?".to_owned(), units::nanos);
    let about = if style.unicode { "±" } else { "+-" };
    match (info.srtt_ns, info.rttvar_ns) {
        (Some(rtt), Some(var)) => {
            let (rtt, var) = (units::nanos(rtt), units::nanos(var));
            format!("RTT {rtt} {about}{var}, RTO {rto}")
        }
        _ => format!("RTT not measured yet, RTO {rto}"),
    }
}

/// How long there was something to send, and what was in the way.
fn limits(of: &Detail, busy: u64) -> String {
    let share = |ns: Option<u64>| {
        let part = u128::from(ns.unwrap_or(0).min(busy)) * 100;
        part.checked_div(u128::from(busy)).unwrap_or(0)
    };
    let mut said = format!("busy {}", units::nanos(busy));
    let ways = [
        (share(of.info.rwnd_limited_ns), "the peer's window"),
        (share(of.info.sndbuf_limited_ns), "the send buffer"),
    ];
    let ways = ways.iter().filter(|(share, _)| *share > 0);
    let ways: Vec<_> = ways
        .map(|(share, what)| format!("{share}% {what}"))
        .collect();
    if !ways.is_empty() {
        let _ = write!(said, " (in the way: {})", units::list(&ways));
    }
    said
}

fn drawn(out: &mut String, style: &Style, label: &str, pieces: &[Piece], limit: u64, behind: &str) {
    let room = usize::from(style.width).saturating_sub(LABEL + BEHIND);
    let bar = bar(style, pieces, limit, room.clamp(8, WIDEST));
    let width = LABEL - 4;
    line(out, format!("    {label:<width$}{bar}  {behind}"));
}

fn piece(amount: u64, ink: Ink, paint: Paint) -> Piece {
    Piece { amount, ink, paint }
}

fn of_limit(taken: u64, limit: u64) -> String {
    format!("{} of {}", units::count(taken), units::count(limit))
}

/// An end as everybody writes it.
fn end((address, port): (IpAddr, u16)) -> String {
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

fn line(out: &mut String, said: impl std::fmt::Display) {
    let _ = writeln!(out, "{said}");
}

fn wrapped(out: &mut String, style: &Style, indent: usize, paint: Paint, said: &str) {
    let columns = usize::from(style.width)
        .min(110)
        .saturating_sub(indent)
        .max(20);
    for words in text::wrap(said, columns) {
        let _ = writeln!(out, "{:indent$}{}", "", style.paint(paint, words));
    }
}
