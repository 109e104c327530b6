//! A socket's buffers while its program talks: so few lines that they stand below the talk, each as wide as
//! the terminal at most.

use super::{
    BEHIND, Ink, Paint, Piece, Style, WIDEST, bar, end, piece, queued, round_trips, runs, sentence,
};
use crate::event::{TcpState, units};
use crate::sockets::{Detail, TIME_WAIT_S, Wait, Watched};
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

/// What becomes of a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Long {
    /// It is cut: there are only so many lines on the screen, and the next look may be shorter.
    Cut,
    /// It goes on in the next line.
    Wrapped,
}

/// Buffers, windows, times, and who waits for whom.
pub fn live(of: &Watched, style: &Style, long: Long) -> Vec<String> {
    let (near, mut lines) = (&of.near, Lines::new(style, long));
    if near.state == TcpState::TimeWait {
        time_wait(&mut lines, near);
    }
    if !matches!(near.state, TcpState::TimeWait | TcpState::Closed) {
        outgoing(&mut lines, near);
        incoming(&mut lines, near);
        if let Some(far) = &of.far {
            far_end(&mut lines, far);
        }
        lines.said(Paint::Dim, &times(near, style), 1);
    }
    let waits = near.waits();
    let calm = waits
        .iter()
        .all(|it| matches!(it, Wait::Nobody | Wait::TimeWait));
    let said: Vec<_> = waits.into_iter().map(|it| sentence(it, near)).collect();
    let paint = if calm { Paint::Plain } else { Paint::Caution };
    lines.said(paint, &said.join(" "), SENTENCES);
    lines.all
}

/// Lines in the making.
struct Lines<'s> {
    all: Vec<String>,
    style: &'s Style,
    long: Long,
}

impl<'s> Lines<'s> {
    const fn new(style: &'s Style, long: Long) -> Self {
        Self {
            all: Vec::new(),
            style,
            long,
        }
    }

    /// Words, in so many lines at most where they are cut.
    fn said(&mut self, paint: Paint, said: &str, most: usize) {
        let room = usize::from(self.style.width).saturating_sub(3).max(20);
        let mut wrapped = text::wrap(said, room);
        if self.long == Long::Cut && wrapped.len() > most {
            let rest = wrapped.split_off(most - 1).join(" ");
            wrapped.push(text::fit(&rest, room).into_owned());
        }
        let painted = wrapped.into_iter().map(|it| self.style.paint(paint, it));
        self.all.extend(painted.map(|it| format!("  {it}")));
    }

    /// A bar with its name before it and what is said of it behind, or where that is too long below it.
    fn bar(&mut self, label: &str, pieces: &[Piece], limit: u64, said: &str) {
        let width = usize::from(self.style.width);
        let behind = if self.style.width >= ROOMY {
            SAID + BEHIND / 2
        } else {
            SAID
        };
        let columns = width.saturating_sub(LABEL + behind + 1).clamp(8, WIDEST);
        let bar = bar(self.style, pieces, limit, columns);
        let inner = LABEL - 2;
        let (said, room) = (said.trim_end(), width.saturating_sub(LABEL + columns + 1));
        let mut parts = match self.long {
            Long::Cut => vec![text::fit(said, room).into_owned()],
            Long::Wrapped => text::wrap(said, room.max(20)),
        }
        .into_iter();
        let first = parts.next().unwrap_or_default();
        self.all.push(format!("  {label:<inner$}{bar} {first}"));
        let indent = LABEL + columns + 1;
        self.all
            .extend(parts.map(|part| format!("{:indent$}{part}", "")));
    }
}

/// How much of TIME-WAIT is over (RFC 9293 section 3.4.2).
fn time_wait(lines: &mut Lines<'_>, of: &Detail) {
    let Some(timer) = of.timer else { return };
    let whole = u64::from(TIME_WAIT_S) * 1_000;
    let left = u64::from(timer.left_ms);
    let pieces = [piece(left, Ink::Full, Paint::State)];
    let said = format!(
        "another {} of {}",
        units::nanos(left * 1_000_000),
        units::nanos(whole * 1_000_000)
    );
    lines.bar("TIME-WAIT", &pieces, whole, &said);
}

fn outgoing(lines: &mut Lines<'_>, of: &Detail) {
    let style = lines.style;
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
        lines.bar("send buffer", &pieces, memory.send_limit, &said);
    } else {
        lines.bar("send buffer", &[], 0, &split);
    }
    if let (Some(flight), Some(cwnd)) = (of.in_flight(), of.info.cwnd) {
        let pieces = [piece(flight, Ink::Full, Paint::Initiator)];
        let ssthresh = of.info.ssthresh.map_or("none yet".to_owned(), units::count);
        let said = format!("{flight} of cwnd {cwnd} segments, ssthresh {ssthresh}");
        lines.bar("on the wire", &pieces, cwnd, &said);
    }
    match of.info.snd_wnd {
        Some(0) => lines.bar("peer's window", &[], 0, "closed: 0 bytes"),
        Some(window) => {
            let pieces = [piece(sent, Ink::Full, Paint::Initiator)];
            let said = format!("{} of {}", amount(sent), amount(window));
            lines.bar("peer's window", &pieces, window, &said);
        }
        None => {}
    }
}

fn incoming(lines: &mut Lines<'_>, of: &Detail) {
    let window = match of.info.rcv_wnd {
        Some(0) => ", window closed".to_owned(),
        Some(window) => format!(", window {}", amount(window, lines.style)),
        None => String::new(),
    };
    received(lines, "receive buffer", of, &window);
}

/// The other end's receive buffer, which is where our bytes go.
fn far_end(lines: &mut Lines<'_>, of: &Detail) {
    let window = match of.info.rcv_wnd {
        Some(0) => ", window closed",
        _ => "",
    };
    received(lines, "peer's buffer", of, window);
}

fn received(lines: &mut Lines<'_>, label: &str, of: &Detail, window: &str) {
    let style = lines.style;
    let unread = format!("{} to be read{window}", amount(of.receive_queue, style));
    let Some(memory) = of.memory else {
        return lines.bar(label, &[], 0, &unread);
    };
    let pieces = [piece(memory.received, Ink::Full, Paint::Responder)];
    let taken = format!(
        "{} of {}",
        amount(memory.received, style),
        amount(memory.receive_limit, style)
    );
    let said = format!("{taken}: {unread}");
    lines.bar(label, &pieces, memory.receive_limit, &said);
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
                    let lines = live(&watched, &style, Long::Cut);
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
    fn where_there_is_room_below_nothing_is_cut() {
        let mut tight = sending(14_480, 12_000);
        tight.info.ssthresh = None;
        let watched = Watched {
            name: String::new(),
            near: tight,
            far: None,
        };
        for width in [60, 70, 80] {
            let style = Style {
                width,
                ..Style::default()
            };
            let cut = live(&watched, &style, Long::Cut).join("\n");
            let whole = live(&watched, &style, Long::Wrapped);
            assert!(
                whole.iter().all(|it| text::width(it) <= width.into()),
                "{whole:#?}"
            );
            let whole = whole.join(" ");
            let words: Vec<_> = whole.split_whitespace().collect();
            let words = words.join(" ");
            assert!(
                !words.contains('…') && words.contains("ssthresh none yet"),
                "{words}"
            );
            assert!(words.contains("an ACK must make room"), "{words}");
            assert!(width > 60 || cut.contains('…'), "{cut}");
        }
    }

    #[test]
    fn time_wait_is_a_bar_that_runs_out() {
        let bars = [60_000, 30_000, 1_000].map(|left_ms| {
            let mut near = open();
            near.state = TcpState::TimeWait;
            near.timer = Some(crate::sockets::Timer {
                alarm: crate::sockets::Alarm::TimeWait,
                left_ms,
                tries: 0,
            });
            let watched = Watched {
                name: String::new(),
                near,
                far: None,
            };
            let lines = live(&watched, &Style::default(), Long::Cut);
            assert!(
                lines[0].contains("TIME-WAIT") && lines[0].contains("of 1m00s"),
                "{lines:#?}"
            );
            lines[0].matches('█').count()
        });
        let [all, half, last] = bars;
        assert!(all > half && half > last && last > 0, "{bars:?}");
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
                    live(&it, &style, Long::Cut).join("\n"),
                    brief(&it, &style)
                )
            })
            .join("\n")
        });
        insta::assert_snapshot!("live", pages.join("\n"));
    }
}
