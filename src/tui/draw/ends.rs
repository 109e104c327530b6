//! The pane of both endpoints: what the segment looked at made of each (RFC 9293 section 3.3), the stream of bytes
//! that it sends as a tape, and what its kernel had in mind where that was recorded.
//!
//! ```text
//! 10.0.0.1:44184  ESTABLISHED                            in flight 8,688 of 65,535
//! ▒▒▒▒▒▒▒▒▒▒▒▒╳╳╳▓▓▓▓▓▓▓▓▓▓▓▓██████············································
//!             ▲UNA 2,897        ▲NXT 11,585                        edge 68,432→
//! 10.0.0.2:8080   SYN-RECEIVED → ESTABLISHED              wants 2,897, takes 65,535
//! ```
//!
//! Lines have ranks: those of the lowest are there on the smallest screen, the others as far as there is room.

mod kernel;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::lines::{self, span};
use super::tape::{self, Ink, Scale};
use super::tape_marks::marks;
use crate::event::{
    Board, Endpoint, Event, HalfBoard, Host, How, Kept, Part, Segment, Side, TcpState, units,
};
use crate::frame::Timestamp;
use crate::tui::ends;
use crate::tui::model::Model;
use crate::view::bars::{Ink as BarInk, Piece, bar};
use crate::view::{Paint, text};

/// Columns of a bar of a queue or a window.
const BAR: usize = 10;
/// Most stretches of what is outstanding that are told in words.
const TOLD: usize = 12;

/// A line, and how much it is to be missed: the greater, the sooner it is left out.
type Ranked = (u8, Line<'static>);

/// Draws it for that row.
pub(super) fn draw(model: &Model, row: &Kept, area: Rect, frame: &mut Frame<'_>) {
    let known = model.ends.known.as_ref();
    // Until the board of this row comes, that of the row before stands there, of the same connection at least.
    let board = known.and_then(|(_, board)| board.as_deref());
    let of_it = |segment: &Segment<'_>| board.filter(|board| board.flow == segment.flow);
    // A call moves nothing by itself: the connection stands as the packets before it have left it.
    let anchor = match row.segment() {
        None => model.anchor().and_then(|row| Some((row, row.segment()?))),
        own => own.map(|segment| (row, segment)),
    };
    let anchor = anchor.filter(|(_, it)| row.segment().is_some() || of_it(it).is_some());
    let Some((anchor, segment)) = anchor else {
        return frame.render_widget(Paragraph::new(no_segment(model, row, area.width)), area);
    };
    let pane = Pane {
        model,
        row,
        segment,
        left: match anchor.sender() {
            None => Side::Initiator,
            Some(Host::Client) => segment.dir.0,
            Some(Host::Server) => segment.dir.0.other(),
        },
        board: of_it(segment),
        next: model.pages.row(model.cursor + 1).map(|next| next.time),
        width: usize::from(area.width),
    };
    let lines = fitting(pane.lines(), usize::from(area.height));
    frame.render_widget(Paragraph::new(lines), area);
}

/// What there is to say where no endpoint of TCP moves: the whole of what the ladder had no room for.
fn no_segment(model: &Model, row: &Kept, width: u16) -> Vec<Line<'static>> {
    let summary = row.with(|event| match event {
        Event::Packet(_, packet) => Some(packet.summary()),
        _ => None,
    });
    if !row.has_frame() {
        let none = "No segment of TCP has passed here.";
        let mut words = super::why::beside_packets(model, row, width).lines;
        words.push(span(model, Paint::Dim, none).into());
        return words;
    }
    let why = "No TCP segment: there is no connection that it moves.";
    let lines = summary.map(|summary| text::wrap(&text::escape(&summary), width.into()));
    let lines = lines.into_iter().flatten();
    let lines = lines.map(|line| span(model, Paint::Plain, line).into());
    lines.chain([span(model, Paint::Dim, why).into()]).collect()
}

/// As many of the lines as there is room for, those that are most to be missed.
fn fitting(mut lines: Vec<Ranked>, room: usize) -> Vec<Line<'static>> {
    while lines.len() > room {
        let last = lines.iter().map(|line| line.0).max();
        let Some(at) = lines.iter().rposition(|line| Some(line.0) == last) else {
            break;
        };
        lines.remove(at);
    }
    lines.into_iter().map(|line| line.1).collect()
}

/// What the pane is made of.
struct Pane<'a> {
    model: &'a Model,
    row: &'a Kept,
    /// The row's segment, or where it is none, one of the connection that there is to tell of.
    segment: &'a Segment<'static>,
    /// The side that stands at the left of the ladder.
    left: Side,
    board: Option<&'a Board>,
    /// When the next row was captured.
    next: Option<Timestamp>,
    width: usize,
}

impl Pane<'_> {
    fn lines(&self) -> Vec<Ranked> {
        let ends = ends::ends(self.segment.dir.0, self.segment.src, self.segment.dst);
        let mut lines = Vec::new();
        let mut taped = false;
        for side in [self.left, self.left.other()] {
            if side != self.left {
                lines.push((8, Line::default()));
            }
            let [end, far] = [ends[side.index()], ends[side.other().index()]];
            lines.push((0, self.head(side, end)));
            if let Some(board) = self.board {
                let half = board.of(side);
                if half.sends() {
                    taped = true;
                    lines.extend(self.tape(side, half));
                }
                lines.extend(self.words(half, board.of(side.other()).sends()));
            }
            lines.extend(self.kernel(side, [end, far]));
        }
        if taped {
            lines.push((8, Line::default()));
            lines.push((2, self.legend()));
        }
        if let Some(frame) = self.board.and_then(|board| board.gave_up_at) {
            let text =
                format!("from frame {frame} on some of it had to be forgotten, to hold memory");
            lines.push((3, self.line(Paint::Caution, &text)));
        }
        lines
    }

    fn line(&self, paint: Paint, text: &str) -> Line<'static> {
        Line::from(span(self.model, paint, text::fit(text, self.width)))
    }

    /// Its colour in the ladder.
    fn side(&self, side: Side) -> Paint {
        if side == self.left {
            Paint::Initiator
        } else {
            Paint::Responder
        }
    }

    /// The end, its state and the transition just made; at the right what it has on its way, or takes.
    fn head(&self, side: Side, end: Endpoint) -> Line<'static> {
        let (before, now) = self.states(side);
        let arrow = if self.model.look.style.unicode {
            "→"
        } else {
            "->"
        };
        let name = format!("{:<15}", end.to_string());
        let mut used = text::width(&name) + 2;
        let mut spans = vec![span(self.model, self.side(side), name), Span::raw("  ")];
        if before == now {
            spans.push(span(self.model, Paint::State, now));
        } else {
            let was = format!("{before} {arrow} ");
            used += text::width(&was);
            spans.push(span(self.model, Paint::Plain, was));
            spans.push(span(self.model, Paint::Caution, now).bold());
        }
        used += text::width(now.name());
        if let Some(told) = self.board.map(|board| Self::beside(board, side)) {
            let room = self.width.saturating_sub(used + 2);
            if !told.is_empty() && text::width(&told) <= room {
                let pad = " ".repeat(self.width - used - text::width(&told));
                spans.push(Span::raw(pad));
                spans.push(span(self.model, Paint::Plain, told));
            }
        }
        Line::from(spans)
    }

    /// Its state before the row and after it. Where two captures are in step each host knows its own, and only what
    /// was at that host has moved it.
    fn states(&self, side: Side) -> (TcpState, TcpState) {
        let at = side.index();
        let own = (self.segment.state_before[at], self.segment.state[at]);
        match self.board.filter(|_| self.row.joint.is_some()) {
            None => own,
            Some(board) => {
                let stays = (board.of(side).state, board.of(side).state);
                self.stop(side).map_or(stays, |(_, states)| states)
            }
        }
    }

    /// When the packet of the row was at that end, where two captures are in step, and what it did to its state.
    fn stop(&self, side: Side) -> Option<(Timestamp, (TcpState, TcpState))> {
        self.row.joint.as_ref()?.with(|event| {
            let Event::Passage(passage) = event else {
                return None;
            };
            let sends = side == self.segment.dir.0;
            let stop = match passage.part {
                Part::Arrives if sends => None,
                Part::Departs if !sends => None,
                _ if sends => passage.sent,
                _ => passage.arrived,
            };
            let stop = stop?;
            Some((stop.time, stop.state?))
        })
    }

    fn beside(board: &Board, side: Side) -> String {
        let (half, other) = (board.of(side), board.of(side.other()));
        if half.sends() {
            let of = match (half.wnd, half.wnd_field) {
                (Some(0), _) => ", window closed".to_owned(),
                (Some(wnd), _) => format!(" of {}", units::count(wnd.into())),
                (None, Some(field)) => format!(", window field {field} of unknown scale"),
                (None, None) => String::new(),
            };
            return format!("in flight {}{of}", units::count(half.in_flight.into()));
        }
        match (half.rcv_nxt, half.rcv_wnd) {
            (Some(nxt), Some(wnd)) if other.sends() => format!(
                "wants {}, takes {}",
                units::count(nxt.into()),
                units::count(wnd.into())
            ),
            (Some(nxt), None) if other.sends() => format!("wants {}", units::count(nxt.into())),
            _ => String::new(),
        }
    }

    /// The tape, and the marks below it.
    fn tape(&self, side: Side, half: &HalfBoard) -> Vec<Ranked> {
        let Some(una) = half.una else {
            return Vec::new();
        };
        let cells = u32::try_from(self.width).unwrap_or(u32::MAX);
        let scale = Scale::new(self.model.ends.reach.1[side.index()], una, cells);
        let unicode = self.model.look.style.unicode;
        let mut spans = Vec::new();
        for run in tape::cells(half, scale).chunk_by(|a, b| a == b) {
            let text: String = run.iter().map(|ink| ink.glyph(unicode)).collect();
            let paint = run[0].paint(self.side(side));
            spans.push(span(self.model, paint, text));
        }
        let marks = marks(half, scale, unicode);
        vec![
            (0, Line::from(spans)),
            (1, self.line(Paint::Plain, &marks)),
            (5, self.sentence(half, una, scale)),
        ]
    }

    /// The marks in words.
    fn sentence(&self, half: &HalfBoard, una: u32, scale: Scale) -> Line<'static> {
        let count = |number: u32| units::count(number.into());
        let mut groups = vec![format!(
            "sent 1..{}, acknowledged to {}",
            count(half.nxt.unwrap_or(una)),
            count(una)
        )];
        if let (Some(edge), Some(usable)) = (half.edge, half.usable()) {
            groups.push(format!(", window to {}", count(edge)));
            groups.push(format!(", {} more fit", count(usable)));
        }
        groups.push(format!(
            "  (a cell: {})",
            units::bytes(scale.bytes().into())
        ));
        let groups = groups.into_iter().map(|text| vec![Span::raw(text)]);
        self.cut(groups.collect())
    }

    /// What there is to say of a side beside its tape; `hears` when data comes to it.
    fn words(&self, half: &HalfBoard, hears: bool) -> Vec<Ranked> {
        let mut lines = Vec::new();
        let number = |number: Option<u32>| {
            number.map_or("?".to_owned(), |number| units::count(number.into()))
        };
        let variables = format!(
            "SND.UNA {}  SND.NXT {}  SND.WND {}   RCV.NXT {}  RCV.WND {}",
            number(half.una),
            number(half.nxt),
            number(half.wnd),
            number(half.rcv_nxt),
            number(half.rcv_wnd),
        );
        // Where there is no tape, they are what there is to see.
        let rank = if half.sends() || hears { 6 } else { 1 };
        lines.push((rank, self.line(Paint::Plain, &variables)));
        let trouble = trouble(half);
        if !trouble.is_empty() {
            lines.push((4, self.line(Paint::Caution, &trouble.join(", "))));
        }
        if let (Some(srtt), Some(rto)) = (half.srtt_ns, half.rto_ns) {
            let text = format!(
                "round trip from here {}, timeout by estimate {}",
                units::nanos(srtt),
                units::nanos(rto)
            );
            lines.push((7, self.line(Paint::Plain, &text)));
        }
        // A SYN alone is told by the state.
        let listed = if half.sends() { TOLD } else { 0 };
        for stretch in half.stretches.iter().take(listed) {
            let ink = Ink::Out(stretch.how);
            let text = format!(
                "  {} {}..{}  {}",
                ink.glyph(self.model.look.style.unicode),
                units::count(stretch.from.into()),
                units::count(stretch.to.into()),
                told(stretch.how)
            );
            lines.push((9, self.line(Paint::Plain, &text)));
        }
        let rest = half.stretches.len().saturating_sub(listed) as u64 + u64::from(half.more);
        if rest > 0 && listed > 0 {
            let text = format!("  and {} more", units::count(rest));
            lines.push((9, self.line(Paint::Dim, &text)));
        }
        lines
    }

    /// Those of the groups that there is room for.
    fn cut(&self, groups: Vec<Vec<Span<'static>>>) -> Line<'static> {
        let mut line = Line::default();
        for group in groups {
            let width: usize = group.iter().map(Span::width).sum();
            if line.width() + width <= self.width {
                line.extend(group);
            }
        }
        line
    }

    /// What the characters of a tape mean.
    fn legend(&self) -> Line<'static> {
        let unicode = self.model.look.style.unicode;
        let group = |(index, (ink, name)): (usize, (Ink, &str))| {
            let gap = if index == 0 { "" } else { "  " };
            let glyph = span(self.model, ink.paint(Paint::Strong), ink.glyph(unicode));
            let name = span(self.model, Paint::Dim, format!(" {name}"));
            vec![Span::raw(gap), glyph, name]
        };
        self.cut(Ink::LEGEND.into_iter().enumerate().map(group).collect())
    }
}

/// What is out of the ordinary about what a side sends.
fn trouble(half: &HalfBoard) -> Vec<String> {
    let mut said = Vec::new();
    if half.dup_acks > 0 {
        said.push(units::plural(half.dup_acks.into(), "duplicate ACK"));
    }
    if half.timeouts > 0 {
        said.push(format!(
            "{} in a row",
            units::plural(half.timeouts.into(), "timeout")
        ));
    }
    if let Some(until) = half.recovery {
        said.push(format!("in recovery until {}", units::count(until.into())));
    }
    if half.unseen > 0 {
        said.push(format!("{} not in this capture", units::bytes(half.unseen)));
    }
    said
}

fn told(how: How) -> String {
    match how {
        How::Sent => "on its way, or just there".to_owned(),
        How::Again(times) => format!("sent again, {}", units::times(times.into())),
        How::Sacked => "held out of order by the receiver (SACK)".to_owned(),
        How::Lacking => "asked for by the receiver: lost, or late".to_owned(),
        How::Unseen => "not seen here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use crate::tui::Look;
    use crate::tui::tests::read::{read, screen};
    use crate::view::Style;

    fn shows(name: &str, shown: &str) {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    }

    /// The screen with the cursor on each of those rows, counted from 1; `recording` without its slash.
    fn walk(recording: &str, rows: &[usize], size: (u16, u16)) {
        let read = read(recording);
        let mut model = read.model(Look::default(), size);
        let mut shown = String::new();
        let mut at = 1;
        for &row in rows {
            read.press(&mut model, KeyCode::Down, row - at);
            at = row;
            shown.push_str(&screen(&model));
            shown.push('\n');
        }
        let name = recording.replace('/', "-");
        shows(&format!("{name}-{}", size.0), &shown);
    }

    #[test]
    fn a_handshake() {
        walk("handshake", &[1, 2, 3], (80, 24));
        walk("handshake", &[2], (200, 60));
    }

    #[test]
    fn a_loss_found_by_duplicate_acks() {
        walk("retransmission", &[8, 13, 16, 17, 19, 20], (80, 24));
        walk("retransmission", &[16], (200, 60));
        walk("retransmission/server", &[8, 9], (80, 24));
    }

    #[test]
    fn a_window_that_closes() {
        walk("zero-window", &[4, 5, 8, 17], (80, 24));
        walk("zero-window", &[8], (200, 60));
    }

    #[test]
    fn without_a_kernels_word_the_congestion_window_is_an_estimate() {
        let look = |unicode| Look {
            style: Style {
                unicode,
                ..Style::default()
            },
            ..Look::default()
        };
        let told = read("queue-overflow-20");
        let untold = told.clone().without_truth();
        for (unicode, sign) in [(true, "cwnd ≈ "), (false, "cwnd ~ ")] {
            let mut model = untold.model(look(unicode), (80, 24));
            untold.press(&mut model, KeyCode::Down, 150);
            let shown = screen(&model);
            assert!(shown.contains(&format!("by estimate {sign}")), "{shown}");
            assert!(!shown.contains("kernel"), "{shown}");
            let mut model = told.model(look(unicode), (80, 24));
            told.press(&mut model, KeyCode::Down, 150);
            let shown = screen(&model);
            assert!(shown.contains("kernel cwnd "), "{shown}");
            assert!(!shown.contains("estimate"), "{shown}");
        }
        // Too few segments have filled it, and near the receiver it does not show.
        for (recording, down) in [("retransmission", 15), ("queue-overflow-20/server", 150)] {
            let read = read(recording).without_truth();
            let mut model = read.model(look(true), (80, 24));
            read.press(&mut model, KeyCode::Down, down);
            let shown = screen(&model);
            assert!(!shown.contains("cwnd"), "{recording}: {shown}");
        }
    }

    #[test]
    fn rows_of_all_kinds_are_drawn_at_any_size_and_without_unicode() {
        for recording in [
            "abort",
            "arp",
            "half-close",
            "ipv6-neighbours",
            "refused",
            "reorder",
            "silly-window",
            "simultaneous-open",
            "two-losses",
            "udp-flood",
        ] {
            let read = read(recording);
            for (size, unicode) in [((40, 8), true), ((41, 9), false), ((140, 30), true)] {
                let style = Style {
                    unicode,
                    color: unicode,
                    ..Style::default()
                };
                let look = Look {
                    style,
                    ..Look::default()
                };
                let mut model = read.model(look, size);
                // The long ones have nothing else further on.
                for _ in 0..30 {
                    read.press(&mut model, KeyCode::Down, 1);
                    let shown = screen(&model);
                    assert!(shown.contains("both ends"), "{recording}: {shown}");
                    let pane = shown.split("both ends").nth(1).unwrap_or_default();
                    let tape = pane.contains(['█', '▓', '╳', '▞', '▒']);
                    assert!(unicode || !tape, "{recording}: {shown}");
                }
            }
        }
    }
}
