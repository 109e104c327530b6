//! The ladder of both ends: the client's line at the left, the server's at the right, each with the
//! clock of its own capture, and the packets between them.
//!
//! A packet is one row where nothing happened at the far end while it was on its way. Else it is two,
//! its arrow broken off at the first and taken up again at the second, so that each line, read from the
//! top, is what happened at that host in the order in which it did. What the wire loses ends in mid-air.
//! Rows of the programs' calls and of the kernels' changes of mind stand at the host they are of.

mod arrow;
mod aside;
mod at_host;
mod calls;
mod layout;
mod line;
pub(super) mod parts;
mod queues;

use std::collections::HashMap;
use std::io::{self, Write};

use super::fold::{Fold, Left, Turn};
use super::heading;
use super::pen::{Glyphs, Pen, glyphs};
use super::remark::{self, Kinds};
use super::row::flow_paint;
use crate::event::{
    Because, Change, Event, Fate, Figures, Host, Part, Passage, Phase, TcpState, units,
};
use crate::frame::Timestamp;
use crate::view::{Paint, Style, View, text};
use crate::wire::tcp::TcpOptions;
use aside::Says;
use layout::Layout;
pub use line::BothLines;
use parts::{segment, side, stops};
use queues::Queues;
pub(super) use queues::is_told;

/// What is drawn beside the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BothEnds {
    /// Whether the programs' calls are.
    pub calls: bool,
    /// Whether the kernels' figures are, and in columns of their own where there is room.
    pub figures: bool,
}

/// What is remembered of a connection while it lasts.
#[derive(Debug, Default)]
struct Known {
    phase: Option<Phase>,
    /// What has been said at each host.
    said: [Kinds; 2],
    offers: [Option<TcpOptions>; 2],
    /// What was changed of what each host sent lately.
    changes: [Vec<String>; 2],
}

/// The view.
#[derive(Debug)]
pub(in crate::view) struct Both {
    style: Style,
    shows: BothEnds,
    layout: Layout,
    known: HashMap<u32, Known>,
    begun: Option<Timestamp>,
    rows: u64,
    fold: Fold,
    pen: Pen,
    /// Whether a row is a line and no more, so that what finds no place on its arrow is not told.
    terse: bool,
    /// Whether the latest line is part of the drawing.
    drawn: bool,
    /// Rows of what happened before there was a packet: they stand below the heading, which is made
    /// of the first.
    early: Vec<u8>,
    /// The figures of each host that stand on the screen.
    figures: [Option<Figures>; 2],
    /// What has been said of the kernels' reasons, and where: a few at most.
    reasons: Vec<(Host, Because)>,
    /// What the sockets' buffers hold, where it has no columns.
    queues: Queues,
}

impl Both {
    pub(in crate::view) fn new(style: Style, shows: BothEnds) -> Self {
        Self {
            layout: Layout::new(style.width, false, shows.figures),
            style,
            shows,
            known: HashMap::new(),
            begun: None,
            rows: 0,
            fold: Fold::default(),
            pen: Pen::default(),
            terse: false,
            drawn: false,
            early: Vec::new(),
            figures: [None; 2],
            reasons: Vec::new(),
            queues: Queues::default(),
        }
    }

    fn glyphs(&self) -> &'static Glyphs {
        glyphs(&self.style)
    }

    /// Remembers when it all began; the headline comes first.
    fn begin(&mut self, time: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        if self.begun.is_some() {
            return Ok(());
        }
        self.begun = Some(time);
        heading::headline(&self.style, out)
    }

    fn passage(&mut self, p: &Passage<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Some(time) = p.time() else {
            return Ok(());
        };
        self.begin(time, out)?;
        if self.fold.is_over(time) {
            self.unfold(out)?;
        }
        let mut turn = Turn::Show;
        if !self.style.all {
            if !self.is_uneventful(p) {
                self.unfold(out)?;
            } else if p.part != Part::Arrives {
                turn = match segment(p) {
                    Some(s) => self.fold.segment_from(s, side(p)),
                    None => self.fold.packet(p.packet, time),
                };
            } else if self.fold.is_folding() {
                // The second half of what is folded is folded with it.
                let mut text = Vec::new();
                self.row(p, &mut text)?;
                self.fold.append(&String::from_utf8_lossy(&text));
                return Ok(());
            }
        }
        if turn == Turn::Counted {
            return Ok(());
        }
        let mut text = Vec::new();
        if turn == Turn::Show {
            self.headings(p, &mut text)?;
        }
        self.row(p, &mut text)?;
        self.drawn = true;
        if turn == Turn::Keep {
            self.fold.keep(String::from_utf8_lossy(&text).into_owned());
            return Ok(());
        }
        out.write_all(&text)
    }

    /// Whether nothing about this packet needs to be seen.
    fn is_uneventful(&self, p: &Passage<'_>) -> bool {
        if p.fate != Fate::Delivered && !(p.part == Part::Departs && p.fate == Fate::Flying)
            || p.overtaken_by > 0
            || p.cause.is_some()
        {
            return false;
        }
        let known = p.flow.and_then(|flow| self.known.get(&flow));
        let to = self.glyphs().to;
        let news = |change: &Change| {
            known.is_none_or(|known| !known.changes[side(p)].contains(&change.shown(to)))
        };
        if p.changes.iter().any(news) {
            return false;
        }
        stops(p).all(|(host, stop)| {
            let Some(s) = stop.segment else {
                // Where the rest of it is told: an arrival says only when it left.
                return segment(p).is_some() || p.flow.is_none();
            };
            let said = known.map_or(Kinds::default(), |known| known.said[host.index()]);
            known.is_some_and(|known| known.phase >= Some(s.phase))
                && stop.notes.iter().all(|note| remark::is_quiet(note, said))
                && stop.state.is_none_or(|(before, after)| before == after)
                && s.comment.is_none()
                && !(s.flags.syn() || s.flags.fin() || s.flags.rst() || s.flags.urg())
                && s.packet
                    .problems
                    .iter()
                    .all(|problem| problem.rfc().is_none())
        })
    }

    /// Shows what is left of the run that ends here.
    fn unfold(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let glyphs = self.glyphs();
        match self.fold.end([glyphs.to, glyphs.from]) {
            Left::Nothing => Ok(()),
            Left::Rows(rows) => rows
                .iter()
                .try_for_each(|row| out.write_all(row.as_bytes())),
            Left::Folded { text: what, .. } => {
                let (layout, style) = (self.layout, &self.style);
                let line = glyphs.fold.to_string();
                let room = layout.inner.saturating_sub(2);
                let mut what = what;
                if text::width(&what) + " (--all unfolds)".len() <= room {
                    what.push_str(" (--all unfolds)");
                }
                let pen = self.pen.clear().pad_to(layout.left);
                pen.put(style, Paint::Dim, &line).plain(" ");
                pen.put(style, Paint::Dim, &text::fit(&what, room));
                pen.pad_to(layout.right()).put(style, Paint::Dim, &line);
                writeln!(out, "{}", pen.finish())
            }
        }
    }

    /// Says which connection this is and which phase it is in, when that is news.
    fn headings(&mut self, p: &Passage<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (Some(flow), Some(s)) = (p.flow, segment(p)) else {
            if self.rows == 0 {
                self.hosts(None, out)?;
            }
            return out.write_all(&std::mem::take(&mut self.early));
        };
        let new = !self.known.contains_key(&flow);
        if new && !self.known.is_empty() && !self.layout.tagged {
            self.layout = Layout::new(self.style.width, true, self.shows.figures);
        }
        let known = self.known.entry(flow).or_default();
        if s.flags.syn() && !s.options_cut {
            known.offers[s.dir.0.index()].get_or_insert(s.options);
        }
        // Phases are entered once: what is still on its way when the other side goes on is no return.
        let phase = Some(s.phase).filter(|phase| known.phase < Some(*phase));
        known.phase = known.phase.max(Some(s.phase));
        let offers = known.offers;
        if new {
            let ends = if side(p) == 0 {
                [s.src, s.dst]
            } else {
                [s.dst, s.src]
            };
            let ends = ends.map(|end| end.to_string());
            self.hosts(Some((flow, &ends)), out)?;
        }
        out.write_all(&std::mem::take(&mut self.early))?;
        if let Some(phase) = phase {
            let tag = self.layout.tagged.then_some(flow);
            heading::phase(&mut self.pen, &self.style, tag, phase, Some(offers));
            writeln!(out, "{}", self.pen.finish())?;
        }
        Ok(())
    }

    /// The two hosts at the top of their columns.
    fn hosts(&mut self, flow: Option<(u32, &[String; 2])>, out: &mut dyn Write) -> io::Result<()> {
        if self.rows > 0 {
            writeln!(out)?;
        }
        let (layout, style) = (self.layout, &self.style);
        let number = if layout.frames { "  fr " } else { "" };
        let (left, right) = match flow {
            Some((_, [left, right])) => (format!("client {left}"), format!("server {right}")),
            None => ("client".to_owned(), "server".to_owned()),
        };
        let pen = self.pen.clear();
        let columns = aside::figures_heading(layout.figures);
        pen.put(style, Paint::Dim, &columns);
        pen.put(style, Paint::Dim, &format!("{number}  seconds "));
        if let Some((flow, _)) = flow.filter(|_| layout.tagged) {
            pen.put(
                style,
                flow_paint(Some(flow)),
                &format!("{:<4}", format!("#{flow}")),
            );
        }
        pen.pad_to(layout.left);
        pen.put(style, Paint::Initiator, &left);
        if pen.used() + text::width(&right) + 1 > layout.right() + 1 {
            writeln!(out, "{}", pen.finish())?;
            pen.clear();
        }
        pen.pad_to((layout.right() + 1).saturating_sub(text::width(&right)));
        pen.put(style, Paint::Responder, &right);
        pen.put(style, Paint::Dim, &format!("   seconds{number}"));
        pen.put(style, Paint::Dim, &columns);
        writeln!(out, "{}", pen.finish())
    }

    /// What a host's cell says: the frame, and a time.
    fn cell(&self, frame: Option<u64>, time: &str, left: bool) -> String {
        let frame = frame.map(|frame| frame.to_string()).unwrap_or_default();
        match (left, self.layout.frames) {
            (true, true) => format!("{frame:>4} {time:>9} "),
            (false, true) => format!(" {time:>9} {frame:>4}"),
            (true, false) => format!("{time:>9} "),
            (false, false) => format!(" {time:>9}"),
        }
    }

    fn seconds(&self, time: Timestamp) -> String {
        units::seconds(time.nanos_since(self.begun.unwrap_or(time)))
    }

    /// What stands beside a host's line: when the packet was there.
    fn cell_of(&self, p: &Passage<'_>, host: Host) -> String {
        let left = host == Host::Client;
        let sender = p.to != host;
        match (sender, p.part) {
            (true, Part::Whole | Part::Departs) => p.sent.map_or_else(
                || self.cell(None, "", left),
                |stop| self.cell(Some(stop.frame), &self.seconds(stop.time), left),
            ),
            (false, Part::Whole) => p.arrived.map_or_else(
                || self.cell(None, "", left),
                |stop| {
                    let after = p.one_way_ns.map(|ns| format!("+{}", units::nanos(ns)));
                    self.cell(Some(stop.frame), &after.unwrap_or_default(), left)
                },
            ),
            (false, Part::Arrives) => p.arrived.map_or_else(
                || self.cell(None, "", left),
                |stop| self.cell(Some(stop.frame), &self.seconds(stop.time), left),
            ),
            _ => self.cell(None, "", left),
        }
    }

    /// The rows of one packet, or of one half of its way.
    fn row(&mut self, p: &Passage<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        let all = self.style.all;
        let mut said = p
            .flow
            .and_then(|flow| Some(self.known.get(&flow)?.said))
            .unwrap_or_default();
        let mut remarks = [Vec::new(), Vec::new()];
        for (host, stop) in stops(p) {
            remarks[host.index()] = remark::remarks(stop.notes, &mut said[host.index()], all);
        }
        if let Some(known) = p.flow.and_then(|flow| self.known.get_mut(&flow)) {
            known.said = said;
        }
        let placed = self.line(p, &remarks);
        writeln!(out, "{}", self.pen.finish())?;
        self.states(p, out)?;
        let near = p.to.other();
        let mut says = Says::default();
        if let Some(rest) = placed.rest {
            says.add(near, Paint::Dim, rest);
        }
        says.fate(p);
        says.pieces(p);
        let changes = self.changes(p);
        says.changes(p, &changes);
        for host in [near, p.to] {
            for (at, remark) in remarks[host.index()].iter().enumerate() {
                match &remark.why {
                    Some(why) => {
                        says.add(host, remark.paint, format!("{}: {why}", remark.tag));
                    }
                    None if host == near && placed.inline.contains(&at) => {}
                    None => says.add(host, remark.paint, remark.tag.clone()),
                }
            }
        }
        says.problems(stops(p));
        says.write(&mut self.pen, &self.style, self.layout, out)
    }

    /// What was changed of a packet on its way, when the one before it was not changed in the same way.
    fn changes(&mut self, p: &Passage<'_>) -> Vec<String> {
        let to = self.glyphs().to;
        let known = p.flow.and_then(|flow| self.known.get_mut(&flow));
        let Some(known) = known.filter(|_| p.arrived.is_some() && p.part != Part::Departs) else {
            return Vec::new();
        };
        let now: Vec<String> = p.changes.iter().map(|change| change.shown(to)).collect();
        let before = &mut known.changes[side(p)];
        let news = now.iter().filter(|what| !before.contains(what)).cloned();
        let news = news.collect();
        *before = now;
        news
    }

    /// The arrow with what stands beside it; which words found a place on it.
    fn line(&mut self, p: &Passage<'_>, remarks: &[Vec<remark::Remark>; 2]) -> arrow::Placed {
        let layout = self.layout;
        let [left, right] = [Host::Client, Host::Server].map(|host| self.cell_of(p, host));
        let figures = |host: Host| {
            let mut stops = stops(p).filter(|(of, _)| *of == host);
            stops.find_map(|(_, stop)| stop.figures)
        };
        // What stands there already is not said again.
        let mut news = |host: Host| {
            let now = figures(host)?;
            let shown = self.figures[host.index()].replace(now);
            (shown.map(aside::shown) != Some(aside::shown(now))).then_some(now)
        };
        let [before, after] = [news(Host::Client), news(Host::Server)];
        self.queues.see(&self.figures);
        let style = &self.style;
        let pen = self.pen.clear();
        if layout.figures > 0 {
            aside::figures(pen, style, before);
            pen.pad_to(layout.figures);
        }
        let time = |pen: &mut Pen, cell: &str| {
            pen.put(
                style,
                if cell.contains('+') {
                    Paint::Dim
                } else {
                    Paint::Plain
                },
                cell,
            );
        };
        time(pen, &left);
        if layout.tagged {
            let tag = p.flow.map(|flow| format!("#{flow}")).unwrap_or_default();
            pen.put(style, flow_paint(p.flow), &format!("{tag:<3} "));
        }
        pen.pad_to(layout.left);
        let placed = arrow::draw(pen, style, (layout, self.terse), p, remarks);
        time(pen, &right);
        if layout.figures > 0 {
            pen.pad_to(layout.width - layout.figures);
            aside::figures(pen, style, after);
        }
        placed
    }

    /// States of either host that this packet changed, as words inside the ladder.
    fn states(&mut self, p: &Passage<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut names = [""; 2];
        for (host, stop) in stops(p) {
            if let Some((before, after)) = stop.state
                && before != after
            {
                names[host.index()] = TcpState::name(after);
            }
        }
        if names == ["", ""] {
            return Ok(());
        }
        self.at_hosts(names.map(|name| (Paint::State, name)), None);
        writeln!(out, "{}", self.pen.finish())
    }
}

impl View for Both {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Passage(passage) => self.passage(passage, out),
            Event::Call(call) => self.call(call, out),
            Event::Reading(reading) => self.reading(reading, out),
            Event::At(host, event) => match event {
                Event::Flow(flow) => {
                    self.unfold(out)?;
                    if *host == Host::Client {
                        self.known.remove(&flow.flow);
                    }
                    if std::mem::take(&mut self.drawn) {
                        writeln!(out)?;
                    }
                    aside::flow(*host, flow, &self.style, out)
                }
                Event::Notice(notice) => {
                    self.unfold(out)?;
                    let what = format!("{host}: {notice}");
                    writeln!(out, "{}", self.style.paint(Paint::Caution, what))
                }
                _ => Ok(()),
            },
            Event::Notice(notice) => {
                self.unfold(out)?;
                writeln!(out, "{}", self.style.paint(Paint::Caution, notice))
            }
            Event::Clock(clock) => {
                self.unfold(out)?;
                aside::notice(&clock.to_string(), &self.style, out)
            }
            Event::Crossings(crossings) => {
                self.unfold(out)?;
                self.without_packets(out)?;
                if std::mem::take(&mut self.drawn) {
                    writeln!(out)?;
                }
                aside::crossings(crossings, &self.style, out)
            }
            Event::End(end) => {
                self.unfold(out)?;
                if let Some(what) = &end.truncated {
                    let what = format!("the captures end early: {}", text::escape(what));
                    writeln!(out, "{}", self.style.paint(Paint::Caution, what))?;
                }
                if self.begun.is_none() {
                    writeln!(out, "{}", self.style.nothing(end.frames))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.unfold(out)
    }
}
