//! A socket's buffers while its program talks: so few lines that they stand below the talk, each as wide as
//! the terminal at most.

use super::{
    BEHIND, Ink, Paint, Piece, Style, WIDEST, bar, end, piece, queued, round_trips, runs, sentence,
};
use crate::event::{TcpState, units};
use crate::sockets::{Detail, Wait, Watched};
use crate::view::text;

/// Columns before a bar.
const LABEL: usize = 18;
/// Columns for what is said behind one.
const SAID: usize = 46;
/// Where there are so many columns, amounts are written out.
const ROOMY: u16 = 110;
/// Most lines of sentences.
const SENTENCES: usize = 3;

/// Who is connected with whom, and its state.
pub fn live_heading(of: &Watched, style: &Style) -> String {
    let arrow = if style.unicode { "→" } else { ">" };
    let near = &of.near;
    let name = if of.name.is_empty() {
        String::new()
    } else {
        format!("{} ", of.name)
    };
    format!(
        "{name}{} {arrow} {}  {}",
        end(near.local),
        end(near.peer),
        near.state.name()
    )
}

/// One of several that is not shown in full.
pub fn brief(of: &Watched, style: &Style) -> String {
    let near = &of.near;
    let amount = |n: Option<u64>| n.map_or("?".to_owned(), units::amount);
    let said = format!(
        "  {:<4} {:<12} {:>6} sent, {:>6} not sent, {:>6} unread  {}",
        of.name,
        near.state.name(),
        amount(near.sent_unacked()),
        amount(near.unsent),
        units::amount(near.receive_queue),
        end(near.peer),
    );
    let busy = near.send_queue > 0 || near.receive_queue > 0;
    let paint = if busy { Paint::Caution } else { Paint::Dim };
    let said = text::fit(&said, style.width.into()).into_owned();
    style.paint(paint, said).to_string()
}

/// Buffers, windows, times, and who waits for whom.
pub fn live(of: &Watched, style: &Style) -> Vec<String> {
    let (near, mut lines) = (&of.near, Vec::new());
    if !matches!(near.state, TcpState::TimeWait | TcpState::Closed) {
        outgoing(&mut lines, near, style);
        incoming(&mut lines, near, style);
        if let Some(far) = &of.far {
            far_end(&mut lines, far, style);
        }
        let said = format!("  {}", times(near, style));
        let said = text::fit(&said, style.width.into()).into_owned();
        lines.push(style.paint(Paint::Dim, said).to_string());
    }
    let waits = near.waits();
    let calm = waits
        .iter()
        .all(|it| matches!(it, Wait::Nobody | Wait::TimeWait));
    let said: Vec<_> = waits.into_iter().map(|it| sentence(it, near)).collect();
    let room = usize::from(style.width).saturating_sub(3).max(20);
    let mut wrapped = text::wrap(&said.join(" "), room);
    if wrapped.len() > SENTENCES {
        let rest = wrapped.split_off(SENTENCES - 1).join(" ");
        wrapped.push(text::fit(&rest, room).into_owned());
    }
    let paint = if calm { Paint::Plain } else { Paint::Caution };
    lines.extend(
        wrapped
            .into_iter()
            .map(|it| format!("  {}", style.paint(paint, it))),
    );
    lines
}

fn outgoing(lines: &mut Vec<String>, of: &Detail, style: &Style) {
    let amount = |n: u64| amount(n, style);
    let (full, shade) = (Ink::Full.glyph(style), Ink::Shade.glyph(style));
    let sent = of.sent_unacked().unwrap_or(of.send_queue);
    let split = match of.unsent {
        Some(unsent) => format!(
            "{full} {} sent {shade} {} not",
            amount(sent),
            amount(unsent)
        ),
        None => format!("{} not acknowledged", amount(of.send_queue)),
    };
    if let Some(memory) = of.memory {
        let is_full = if of.is_full() == Some(true) {
            ", full"
        } else {
            ""
        };
        let taken = format!("{} of {}", amount(memory.queued), amount(memory.send_limit));
        let said = format!("{taken}: {split}{is_full}");
        let pieces = queued(of, memory);
        drawn(
            lines,
            style,
            "send buffer",
            &pieces,
            memory.send_limit,
            &said,
        );
    } else {
        drawn(lines, style, "send buffer", &[], 0, &split);
    }
    if let (Some(flight), Some(cwnd)) = (of.in_flight(), of.info.cwnd) {
        let pieces = [piece(flight, Ink::Full, Paint::Initiator)];
        let ssthresh = of.info.ssthresh.map_or("none yet".to_owned(), units::count);
        let said = format!("{flight} of cwnd {cwnd} segments, ssthresh {ssthresh}");
        drawn(lines, style, "on the wire", &pieces, cwnd, &said);
    }
    match of.info.snd_wnd {
        Some(0) => drawn(lines, style, "peer's window", &[], 0, "closed: 0 bytes"),
        Some(window) => {
            let pieces = [piece(sent, Ink::Full, Paint::Initiator)];
            let said = format!("{} of {}", amount(sent), amount(window));
            drawn(lines, style, "peer's window", &pieces, window, &said);
        }
        None => {}
    }
}

fn incoming(lines: &mut Vec<String>, of: &Detail, style: &Style) {
    let window = match of.info.rcv_wnd {
        Some(0) => ", window closed".to_owned(),
        Some(window) => format!(", window {}", amount(window, style)),
        None => String::new(),
    };
    received(lines, style, "receive buffer", of, &window);
}

/// The other end's receive buffer, which is where our bytes go.
fn far_end(lines: &mut Vec<String>, of: &Detail, style: &Style) {
    let window = match of.info.rcv_wnd {
        Some(0) => ", closed",
        _ => "",
    };
    received(lines, style, "peer's buffer", of, window);
}

fn received(lines: &mut Vec<String>, style: &Style, label: &str, of: &Detail, window: &str) {
    let unread = format!("{} to be read{window}", amount(of.receive_queue, style));
    let Some(memory) = of.memory else {
        return drawn(lines, style, label, &[], 0, &unread);
    };
    let pieces = [piece(memory.received, Ink::Full, Paint::Responder)];
    let taken = format!(
        "{} of {}",
        amount(memory.received, style),
        amount(memory.receive_limit, style)
    );
    let said = format!("{taken}: {unread}");
    drawn(lines, style, label, &pieces, memory.receive_limit, &said);
}

/// Round trips, mood and timer.
fn times(of: &Detail, style: &Style) -> String {
    let mut said = vec![round_trips(of, style)];
    if let Some(mood) = of.info.mood.filter(|mood| *mood != "open") {
        said.push(mood.to_owned());
    }
    if let Some(again) = of.info.total_retrans.filter(|it| *it > 0) {
        said.push(format!("{} sent again", units::plural(again, "segment")));
    }
    said.extend(of.timer.map(runs));
    said.join("; ")
}

fn amount(n: u64, style: &Style) -> String {
    if style.width >= ROOMY {
        units::count(n)
    } else {
        units::amount(n)
    }
}

fn drawn(
    lines: &mut Vec<String>,
    style: &Style,
    label: &str,
    pieces: &[Piece],
    limit: u64,
    said: &str,
) {
    let width = usize::from(style.width);
    let behind = if style.width >= ROOMY {
        SAID + BEHIND / 2
    } else {
        SAID
    };
    let columns = width.saturating_sub(LABEL + behind + 1).clamp(8, WIDEST);
    let bar = bar(style, pieces, limit, columns);
    let inner = LABEL - 2;
    let said = text::fit(said.trim_end(), width.saturating_sub(LABEL + columns + 1));
    lines.push(format!("  {label:<inner$}{bar} {said}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::samples::{open, sending, stopped};

    #[test]
    fn it_fits_any_terminal_and_is_never_more_than_nine_lines() {
        let mut unread = open();
        unread.receive_queue = 37_000;
        unread.info.rcv_wnd = Some(0);
        let mut huge = sending(1, 1);
        huge.send_queue = u64::MAX;
        huge.unsent = Some(u64::MAX / 2);
        huge.receive_queue = u64::MAX;
        huge.info.cwnd = Some(u64::MAX);
        for near in [
            open(),
            sending(14_480, 12_000),
            stopped(),
            unread.clone(),
            huge,
        ] {
            let watched = Watched {
                name: "#1".to_owned(),
                near,
                far: Some(unread.clone()),
            };
            for width in [20, 40, 79, 80, 110, 160, 300] {
                for unicode in [true, false] {
                    let style = Style {
                        width,
                        unicode,
                        ..Style::default()
                    };
                    let lines = live(&watched, &style);
                    assert!(lines.len() <= 9, "{lines:#?}");
                    for line in lines.iter().chain([&brief(&watched, &style)]) {
                        // A bar takes its few columns wherever it is.
                        let most = usize::from(width).max(LABEL + 9);
                        assert!(text::width(line) <= most, "{width}: {line}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_way_of_the_bytes_is_seen_from_send_to_recv() {
        let mut far = open();
        far.receive_queue = 37_000;
        let pages = [80, 120].map(|width| {
            let style = Style {
                width,
                ..Style::default()
            };
            let watched = |near: Detail, far| Watched {
                name: "#1".to_owned(),
                near,
                far,
            };
            [
                watched(open(), None),
                watched(sending(14_480, 12_000), None),
                watched(stopped(), Some(far.clone())),
            ]
            .map(|it| {
                let heading = live_heading(&it, &style);
                format!(
                    "{heading}\n{}\n{}\n",
                    live(&it, &style).join("\n"),
                    brief(&it, &style)
                )
            })
            .join("\n")
        });
        insta::assert_snapshot!("live", pages.join("\n"));
    }
}
