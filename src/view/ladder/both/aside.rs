//! What is said beside the arrows of both ends: notes at the host they are of, what became of packets,
//! calls, the kernels' figures, and the sums at the end.

use std::io::{self, Write};

use super::super::heading::Flowing;
use super::super::pen::{Pen, glyphs};
use super::super::row::put_says;
use super::layout::Layout;
use crate::event::{
    Call, CallPart, Crossing, Fate, Figures, Flow, Host, Origin, Part, Passage, Reading, Stop,
    units,
};
use crate::view::{Paint, Style, text};

/// What is to be said at each host under a row.
#[derive(Debug, Default)]
pub(super) struct Says(pub(super) Vec<(Host, Paint, String)>);

impl Says {
    pub(super) fn add(&mut self, host: Host, paint: Paint, what: String) {
        self.0.push((host, paint, what));
    }

    /// What is wrong with the packet, and what the capture says of it, each once.
    pub(super) fn problems<'a>(&mut self, stops: impl Iterator<Item = (Host, Stop<'a>)>) {
        let mut said: Vec<String> = Vec::new();
        for (host, stop) in stops {
            let Some(s) = stop.segment else { continue };
            let problems = s.packet.problems.iter().filter(|p| p.rfc().is_some());
            for problem in problems.map(|problem| format!("packet: {problem}")) {
                if !said.contains(&problem) {
                    self.add(host, Paint::Caution, problem.clone());
                    said.push(problem);
                }
            }
            if let Some(comment) = s.comment {
                let comment = format!("comment: {}", text::escape_bytes(comment));
                self.add(host, Paint::Good, comment);
            }
        }
    }

    /// What became of the packet on its way, where that is worth a word.
    pub(super) fn fate(&mut self, p: &Passage<'_>) {
        let cause = |what: &str| match p.cause {
            Some(cause) => format!("{what}: {}", text::escape(cause)),
            None => what.to_owned(),
        };
        let near = p.to.other();
        let router = match p.from {
            Origin::Router(number) => Some(number),
            _ => None,
        };
        match p.fate {
            // Of what is on its way no more is said where it leaves.
            _ if p.part == Part::Departs => {}
            Fate::Dropped => self.add(near, Paint::Trouble, cause("lost")),
            Fate::Missing => {
                let what = format!("missing: lost on the way, or not captured at the {}", p.to);
                self.add(near, Paint::Trouble, what);
            }
            Fate::Flying => self.add(
                near,
                Paint::Caution,
                "on its way: when all ended".to_owned(),
            ),
            Fate::Corrupted => self.add(p.to, Paint::Trouble, cause("corrupted on the way")),
            Fate::Altered => self.add(p.to, Paint::Caution, cause("altered on the way")),
            Fate::Uncaptured if p.arrived.is_none() => {
                let what = format!(
                    "not captured: the {}'s capture does not cover this time",
                    p.to
                );
                self.add(near, Paint::Caution, what);
            }
            Fate::Uncaptured => {
                let what = format!("not captured: the {near}'s capture does not cover this time");
                self.add(p.to, Paint::Caution, what);
            }
            Fate::Duplicated => self.add(p.to, Paint::Caution, cause("a copy, made on the way")),
            Fate::Delayed => self.add(p.to, Paint::Caution, cause("delayed")),
            Fate::Unsent => {
                let what = format!("unsent: the {near}'s capture does not show it leave");
                self.add(p.to, Paint::Caution, what);
            }
            Fate::Reordered if p.overtaken_by == 0 => {
                self.add(p.to, Paint::Caution, cause("reordered"));
            }
            Fate::Delivered if p.cause.is_some() && router.is_none() => {
                self.add(p.to, Paint::Caution, cause("on the way"));
            }
            Fate::Reordered | Fate::Delivered => {}
        }
        if let Some(number) = router {
            let what = format!("from router {number}");
            self.add(p.to, Paint::Caution, cause(&what));
        }
        if p.overtaken_by > 0 && p.part != Part::Departs {
            let by = units::plural(p.overtaken_by.into(), "packet");
            let mut what = format!("overtaken: {by} that left later arrived before it");
            if let Some(cause) = p.cause.filter(|_| p.fate == Fate::Reordered) {
                what.push_str(" (");
                what.push_str(&text::escape(cause));
                what.push(')');
            }
            self.add(p.to, Paint::Caution, what);
        }
    }

    /// As how many segments it was captured, where that is not one at each end.
    pub(super) fn pieces(&mut self, p: &Passage<'_>) {
        if p.part == Part::Departs {
            return;
        }
        let hosts = [Host::Client, Host::Server].into_iter();
        for (host, segments) in hosts.zip(p.captured_as.unwrap_or([1, 1])) {
            if segments > 1 {
                let what = format!("captured as {segments} segments at the {host}");
                self.add(p.to, Paint::Dim, what);
            }
        }
    }

    /// Which fields are not as they left.
    pub(super) fn changes(&mut self, p: &Passage<'_>, news: &[String]) {
        if !news.is_empty() {
            let what = format!("changed on the way: {}", news.join(", "));
            self.add(p.to, Paint::Caution, what);
        }
    }

    /// Writes it, each at its host.
    pub(super) fn write(
        self,
        pen: &mut Pen,
        style: &Style,
        layout: Layout,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let line = glyphs(style).line.to_string();
        // A host's words keep to its side, so that it is seen whose they are.
        let indent = layout.inner / 5;
        let room = layout.inner.saturating_sub(indent + 4).min(72);
        for (host, paint, what) in self.0 {
            let lines = text::wrap(&what, room);
            let widest = lines.iter().map(|line| text::width(line)).max();
            let widest = widest.unwrap_or(0).min(room);
            for (at, words) in lines.iter().enumerate() {
                pen.clear().pad_to(layout.left);
                pen.put(style, Paint::Dim, &line);
                if host == Host::Server {
                    pen.pad_to(layout.right().saturating_sub(widest + 4));
                }
                put_says(pen, style, paint, words, at == 0);
                pen.pad_to(layout.right());
                pen.put(style, Paint::Dim, &line);
                writeln!(out, "{}", pen.finish())?;
            }
        }
        Ok(())
    }
}

/// A sentence that is no part of the drawing.
pub(super) fn notice(what: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for line in text::wrap(what, usize::from(style.width).max(40)) {
        writeln!(out, "{}", style.paint(Paint::Caution, line))?;
    }
    Ok(())
}

/// A call as a person reads it, in `room` columns: `send(1448) → 1448`. What it gave is worth more than
/// what it was asked, and that more than the data.
pub(super) fn call(call: &Call<'_>, style: &Style, room: usize) -> String {
    let glyphs = glyphs(style);
    let owner: Vec<_> = [call.program, call.socket]
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(text::escape)
        .collect();
    let owner = if owner.is_empty() {
        String::new()
    } else {
        format!("{}: ", owner.join(" "))
    };
    let name = text::escape(call.call);
    let mut gave = match (call.part, call.errno, call.result) {
        (CallPart::Begins, ..) => format!(" {}", glyphs.dots),
        (_, Some(errno), _) => format!(" {} {}", glyphs.to, text::escape(errno)),
        (_, None, Some(0)) if !call.routine => format!(" {} ok", glyphs.to),
        (_, None, Some(result)) => format!(" {} {result}", glyphs.to),
        (_, None, None) => String::new(),
    };
    if call.blocked && call.part != CallPart::Begins {
        gave.push_str(" after ");
        gave.push_str(&units::nanos(call.blocked_ns));
    }
    if call.part == CallPart::Returns {
        gave = format!("{owner}{}{name}{gave}", glyphs.dots);
    } else {
        let used = text::width(&owner) + text::width(&name) + text::width(&gave) + 2;
        let arguments = text::escape(call.arguments);
        let arguments = text::fit(&arguments, room.saturating_sub(used).max(1));
        gave = format!("{owner}{name}({arguments}){gave}");
    }
    let left = room.saturating_sub(text::width(&gave) + 3);
    if let Some(data) = call
        .data
        .filter(|_| left >= 6 && call.part != CallPart::Begins)
    {
        let data = text::escape(data);
        gave = format!("{gave} \"{}\"", text::fit(&data, left));
    }
    gave
}

/// What a kernel has in mind now: `cwnd 10 → 5, ssthresh 5, recovery`.
pub(super) fn reading(reading: &Reading, style: &Style) -> String {
    let to = glyphs(style).to;
    let now = &reading.now;
    let mut parts = Vec::new();
    match (reading.cwnd_was, now.cwnd) {
        (Some(was), Some(cwnd)) => parts.push(format!("cwnd {was} {to} {cwnd}")),
        (None, Some(cwnd)) if reading.ssthresh_is_new || reading.mood_is_new => {
            parts.push(format!("cwnd {cwnd}"));
        }
        _ => {}
    }
    if let Some(ssthresh) = now.ssthresh.filter(|_| reading.ssthresh_is_new) {
        parts.push(format!("ssthresh {ssthresh}"));
    }
    match now.rto_ns.filter(|_| reading.backed_off) {
        Some(rto) if reading.rto_is_new => parts.push(format!("rto {}", units::nanos(rto))),
        Some(_) => {
            let times = units::times(now.backoff.unwrap_or(0).into());
            parts.push(format!("probe timer doubled {times}"));
        }
        None => {}
    }
    let mood = now.mood.filter(|_| reading.mood_is_new).unwrap_or("");
    let separator = if mood.is_empty() { "" } else { ": " };
    format!("{}{separator}{mood}", parts.join(", "))
}

/// The names of the columns of figures.
pub(super) fn figures_heading(columns: usize) -> String {
    if columns == 0 {
        return String::new();
    }
    format!("{:<columns$}", " cwnd/ss out sendq  rcvq")
}

/// Those of a kernel's figures that have columns.
pub(super) const fn shown(f: Figures) -> Figures {
    Figures {
        mss: None,
        pipe: None,
        rcv_wnd: None,
        ..f
    }
}

/// A kernel's figures in their columns.
pub(super) fn figures(pen: &mut Pen, style: &Style, figures: Option<Figures>) {
    let Some(f) = figures else { return };
    let number = |n: Option<u64>| n.map_or("-".to_owned(), units::amount);
    let window = format!(
        "{}/{}",
        number(f.cwnd.map(u64::from)),
        number(f.ssthresh.map(u64::from))
    );
    let words = format!(
        " {window:>7} {:>3} {:>5} {:>5}",
        number(f.unacked.map(u64::from)),
        number(f.send_queue),
        number(f.recv_queue)
    );
    let paint = match f.mood {
        Some("open") | None => Paint::Dim,
        Some(_) => Paint::Caution,
    };
    pen.put(style, paint, &words);
}

/// How a connection ended, as one host's capture has it.
pub(super) fn flow(host: Host, flow: &Flow, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut pen = Pen::default();
    pen.put(
        style,
        Paint::Strong,
        &format!("connection {} at the {host}: ", flow.flow),
    );
    let mut line = Flowing {
        out,
        pen: &mut pen,
        style,
        width: usize::from(style.width).max(40),
    };
    let what = format!(
        "{}, {}.",
        flow.shape.meaning(),
        units::plural(flow.packets(), "segment")
    );
    for word in what.split(' ') {
        line.word(Paint::Plain, word)?;
    }
    for caveat in flow.caveats() {
        for word in caveat.split(' ') {
            line.word(Paint::Caution, word)?;
        }
    }
    line.end()
}

/// What went in each direction.
pub(super) fn crossings(
    crossings: &[Crossing; 2],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (c, from) in crossings.iter().zip([Host::Client, Host::Server]) {
        let mut pen = Pen::default();
        let to = glyphs(style).to;
        pen.put(
            style,
            Paint::Strong,
            &format!("{from} {to} {}: ", from.other()),
        );
        let mut parts = vec![(
            Paint::Plain,
            format!("{} sent", units::plural(c.sent, "packet")),
        )];
        parts.push((Paint::Plain, format!("{} arrived", units::count(c.arrived))));
        if c.from_routers > 0 {
            let routers = format!("and {} from routers", units::count(c.from_routers));
            parts.push((Paint::Plain, routers));
        }
        let rare = [
            (Paint::Trouble, c.lost, "lost"),
            (Paint::Trouble, c.corrupted, "corrupted"),
            (Paint::Caution, c.altered, "altered"),
            (Paint::Caution, c.copies, "copied"),
            (Paint::Caution, c.reordered, "overtaken"),
            (Paint::Caution, c.unsent, "not seen to leave"),
            (Paint::Caution, c.uncaptured, "not captured at one end"),
            (Paint::Caution, c.flying, "still on the way"),
        ];
        let some = rare.into_iter().filter(|(_, n, _)| *n > 0);
        parts.extend(some.map(|(paint, n, what)| (paint, format!("{} {what}", units::count(n)))));
        if let (Some(fastest), Some(slowest)) = (c.fastest_ns, c.slowest_ns) {
            let [fastest, slowest] = [fastest, slowest].map(units::nanos);
            let way = if fastest == slowest {
                format!("one way {fastest}")
            } else {
                format!("one way {fastest} to {slowest}")
            };
            parts.push((Paint::Plain, way));
        }
        let mut line = Flowing {
            out,
            pen: &mut pen,
            style,
            width: usize::from(style.width).max(40),
        };
        let last = parts.len() - 1;
        for (at, (paint, part)) in parts.iter().enumerate() {
            let end = if at == last { "." } else { "," };
            line.word(*paint, &format!("{}{end}", part.replace(' ', "\u{a0}")))?;
        }
        line.end()?;
    }
    Ok(())
}
