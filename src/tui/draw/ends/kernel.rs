//! What the kernel of an end had in mind, where that was recorded: its congestion window (RFC 5681 section 3.1) and its
//! queues; elsewhere the window as the capture shows it.

use ratatui::text::{Line, Span};

use super::{BAR, BarInk, Pane, Piece, Ranked, bar, lines, span};
use crate::event::{Endpoint, Figures, Side, units};
use crate::view::Paint;

impl Pane<'_> {
    /// What its kernel had in mind.
    pub(super) fn kernel(&self, side: Side, ends: [Endpoint; 2]) -> Vec<Ranked> {
        let time = self.stop(side).map_or(self.row.time, |(time, _)| time);
        let mind = self.model.ends.mind(ends, time, self.next);
        let Some((figures, longest)) = mind else {
            return self.by_estimate(side).into_iter().collect();
        };
        let board = self.board;
        let sends = board.is_some_and(|board| board.of(side).sends());
        let hears = board.is_some_and(|board| board.of(side.other()).sends());
        let mut lines = Vec::new();
        if let Some(line) = self.sending(side, &figures, longest) {
            lines.push((if sends { 3 } else { 10 }, line));
        }
        if let Some(line) = self.receiving(&figures) {
            lines.push((if hears { 3 } else { 10 }, line));
        }
        lines
    }

    /// Its congestion window as the capture shows it, and how full that is: what there is to say where no kernel has
    /// said it.
    fn by_estimate(&self, side: Side) -> Option<Ranked> {
        let half = self.board?.of(side);
        let cwnd = half.cwnd?;
        let about = if self.model.look.style.unicode {
            "≈"
        } else {
            "~"
        };
        let piece = Piece {
            amount: half.in_flight.into(),
            ink: BarInk::Full,
            paint: self.side(side),
        };
        let mut window = vec![
            span(self.model, Paint::Dim, "by estimate "),
            Span::raw(format!("cwnd {about} {} ", units::count(cwnd.bytes.into()))),
        ];
        window.extend(self.bar(&[piece], cwnd.bytes.into()));
        let flight = units::count(half.in_flight.into());
        let segments = units::plural(cwnd.segments.into(), "segment");
        let groups = vec![
            window,
            vec![Span::raw(format!(" in flight {flight}"))],
            vec![span(self.model, Paint::Dim, format!(", {segments}"))],
        ];
        Some((3, self.cut(groups)))
    }

    fn bar(&self, pieces: &[Piece], limit: u64) -> Vec<Span<'static>> {
        let drawn = bar(&self.model.look.style, pieces, limit, BAR);
        lines::line(&drawn).spans
    }

    /// Its congestion window and how full it is, and what waits to be sent.
    fn sending(&self, side: Side, figures: &Figures, longest: u64) -> Option<Line<'static>> {
        let (cwnd, pipe) = (figures.cwnd?, figures.pipe?);
        let paint = self.side(side);
        let piece = |amount: u64, ink| Piece { amount, ink, paint };
        let mut window = vec![
            span(self.model, Paint::Strong, "kernel "),
            Span::raw("cwnd "),
        ];
        window.extend(self.bar(&[piece(pipe.into(), BarInk::Full)], cwnd.into()));
        window.push(Span::raw(format!(" {pipe} of {cwnd}")));
        let mut groups = vec![window];
        if let Some(ssthresh) = figures.ssthresh {
            groups.push(vec![Span::raw(format!(", ssthresh {ssthresh}"))]);
        }
        if let Some(mood) = figures.mood.filter(|mood| *mood != "open") {
            let mood = span(self.model, Paint::Caution, mood);
            groups.push(vec![Span::raw(", "), mood]);
        }
        if let Some(queue) = figures.send_queue.filter(|_| longest > 0) {
            // Of what is written and not acknowledged, some was sent; the last segment of that may be short.
            let unacked = u64::from(figures.unacked.unwrap_or(0));
            let sent = (unacked * u64::from(figures.mss.unwrap_or(0))).min(queue);
            let pieces = [
                piece(sent, BarInk::Full),
                piece(queue - sent, BarInk::Shade),
            ];
            let mut waiting = vec![Span::raw("  to send ")];
            waiting.extend(self.bar(&pieces, longest));
            waiting.push(Span::raw(format!(" {}", units::count(queue))));
            groups.push(waiting);
        }
        if let Some(rto) = figures.rto_ns {
            groups.push(vec![Span::raw(format!("  RTO {}", units::nanos(rto)))]);
        }
        Some(self.cut(groups))
    }

    /// How full its receive buffer is: what was not read, of that and the window.
    fn receiving(&self, figures: &Figures) -> Option<Line<'static>> {
        let (queue, window) = (figures.recv_queue?, u64::from(figures.rcv_wnd?));
        let piece = Piece {
            amount: queue,
            ink: BarInk::Full,
            paint: if window == 0 {
                Paint::Trouble
            } else {
                Paint::Good
            },
        };
        let mut spans = vec![
            span(self.model, Paint::Strong, "kernel "),
            Span::raw("unread "),
        ];
        spans.extend(self.bar(&[piece], queue + window));
        let (queue, window) = (units::count(queue), units::count(window));
        let rest = format!(" {queue}, room for {window}");
        Some(self.cut(vec![spans, vec![Span::raw(rest)]]))
    }
}
