//! The arrow of a packet between the two hosts: all of it, its first or its second half, or as far as
//! it came.

use super::super::label::{self, Fitted, Piece};
use super::super::pen::{Pen, glyphs};
use super::super::remark::Remark;
use super::layout::Layout;
use crate::event::{Fate, Host, Kind, Part, Passage, Segment, units};
use crate::view::{Paint, Style, text};

/// Columns an arrow needs beside its label: two pieces of shaft, two spaces, the head.
const AROUND: usize = 5;

/// How the arrow looks.
#[derive(Clone, Copy)]
enum Shape {
    Whole,
    Departs,
    Arrives,
    Lost,
}

/// What became of the words that belong to an arrow.
#[derive(Default)]
pub(super) struct Placed {
    /// Which of the sender's remarks found a place on it.
    pub(super) inline: Vec<usize>,
    /// What there was no room for, of a packet that is no segment.
    pub(super) rest: Option<String>,
}

/// How a label and the names of notes are fitted into columns.
pub(super) type Fit = fn(&Segment<'_>, &[Remark], &Style, usize) -> Fitted;

/// Draws the lines of both hosts and what is between them. `terse` where nothing is said under the arrow. Gives which
/// words found a place on it.
pub(super) fn draw(
    pen: &mut Pen,
    style: &Style,
    (layout, terse): (Layout, bool),
    p: &Passage<'_>,
    remarks: &[Vec<Remark>; 2],
) -> Placed {
    let fit: Fit = if terse { label::terse } else { label::fitted };
    let [near, far] = [p.to.other(), p.to].map(|host| &*remarks[host.index()]);
    let shape = match (p.part, p.fate) {
        (_, Fate::Dropped | Fate::Missing | Fate::Uncaptured | Fate::Flying)
            if p.arrived.is_none() =>
        {
            match p.part {
                Part::Departs => Shape::Departs,
                _ => Shape::Lost,
            }
        }
        (Part::Whole, _) => Shape::Whole,
        (Part::Departs, _) => Shape::Departs,
        (Part::Arrives, _) => Shape::Arrives,
    };
    let glyphs = glyphs(style);
    let paint = paint(p);
    let again = super::stops(p).any(|(host, stop)| {
        host != p.to && stop.notes.iter().any(|n| n.kind == Kind::Retransmission)
    });
    let shaft = if again { glyphs.again } else { glyphs.shaft };
    let from_left = p.to == Host::Server;
    let bend = glyphs.bends[usize::from(!from_left)];
    let head = if from_left {
        glyphs.head_right
    } else {
        glyphs.head_left
    };
    // What is left free at the side of the host that a half of an arrow does not reach.
    let gap = (layout.inner / 12).clamp(2, 8);
    let room = layout.inner.saturating_sub(AROUND);
    let run = |n: usize, c: char| (paint, std::iter::repeat_n(c, n).collect::<String>());

    // From the sender to the receiver, in groups that are read from the left whichever way it goes.
    let mut line: Vec<Vec<Piece>> = Vec::new();
    let mut placed = Placed::default();
    match shape {
        Shape::Whole => {
            let (label, tags) = worded(p, near, style, (room, fit), &mut placed);
            line.extend([vec![run(1, shaft)], padded(label)]);
            let used = width(&line) + tags.iter().map(|t| text::width(&t.1) + 2).sum::<usize>() + 1;
            let free = layout.inner.saturating_sub(used);
            let after = usize::from(!tags.is_empty()).min(free);
            line.push(vec![run(free - after, shaft)]);
            line.extend(tags.into_iter().map(|tag| padded(vec![tag])));
            line.push(vec![run(after, shaft)]);
            line.push(vec![(paint, head.to_string())]);
        }
        Shape::Departs | Shape::Lost => {
            let room = room.saturating_sub(gap + 1);
            let (label, tags) = worded(p, near, style, (room, fit), &mut placed);
            line.extend([vec![run(1, shaft)], padded(label)]);
            for tag in tags {
                line.extend([vec![run(1, shaft)], padded(vec![tag])]);
            }
            let free = layout.inner.saturating_sub(width(&line) + 1);
            let gap = match shape {
                Shape::Lost => layout.inner / 3,
                _ => gap,
            };
            let gap = gap.min(free);
            let end = match shape {
                Shape::Lost => (Paint::Trouble, glyphs.lost.to_string()),
                _ => (paint, bend.to_string()),
            };
            line.extend([vec![run(free - gap, shaft)], vec![end], vec![run(gap, ' ')]]);
        }
        Shape::Arrives => {
            line.extend([vec![run(gap, ' ')], vec![(paint, bend.to_string())]]);
            let took = p.one_way_ns.map(|ns| format!("+{}", units::nanos(ns)));
            let mut took = took.filter(|took| layout.inner > gap + text::width(took) + 24);
            let left = |took: &Option<String>| {
                let taken = took.as_ref().map_or(1, |took| text::width(took) + 5);
                room.saturating_sub(gap + taken)
            };
            let label = brief(p, left(&took), &mut placed);
            let mut tags = Vec::new();
            if terse {
                // What is said of it here is worth more than how long it took, which the margin tells, too.
                tags = noted(far, left(&took).saturating_sub(label::width(&label)));
                if tags.is_empty() {
                    tags = noted(far, left(&None).saturating_sub(label::width(&label)));
                    took = took.filter(|_| tags.is_empty());
                }
            }
            let mut tail = vec![padded(label)];
            for tag in tags {
                tail.extend([vec![run(1, shaft)], padded(vec![tag])]);
            }
            tail.extend([vec![run(1, shaft)], vec![(paint, head.to_string())]]);
            if let Some(took) = took {
                line.extend([vec![run(2, shaft)], padded(vec![(Paint::Dim, took)])]);
            }
            let free = layout.inner.saturating_sub(width(&line) + width(&tail));
            line.push(vec![run(free, shaft)]);
            line.extend(tail);
        }
    }
    let leaves = !matches!(shape, Shape::Arrives) && p.sent.is_some() && p.part != Part::Arrives;
    frame(pen, style, layout, line, from_left, leaves);
    placed
}

/// Puts the arrow between the lines of the hosts.
fn frame(
    pen: &mut Pen,
    style: &Style,
    layout: Layout,
    mut line: Vec<Vec<Piece>>,
    from_left: bool,
    leaves: bool,
) {
    let glyphs = glyphs(style);
    let edge = |tail: char, own: bool| if own && leaves { tail } else { glyphs.line };
    if !from_left {
        line.reverse();
    }
    let left = edge(glyphs.tail_left, from_left).to_string();
    pen.put(style, Paint::Dim, &left);
    for (paint, piece) in line.iter().flatten() {
        if !piece.is_empty() {
            pen.put(style, *paint, piece);
        }
    }
    pen.pad_to(layout.right());
    let right = edge(glyphs.tail_right, !from_left).to_string();
    pen.put(style, Paint::Dim, &right);
}

fn width(line: &[Vec<Piece>]) -> usize {
    let pieces = line.iter().flatten();
    pieces.map(|(_, piece)| text::width(piece)).sum()
}

/// With a space on either side, and between all pieces.
fn padded(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut group = vec![(Paint::Plain, " ".to_owned())];
    for piece in pieces {
        group.push(piece);
        group.push((Paint::Plain, " ".to_owned()));
    }
    group
}

/// The names of notes that fit into so many columns, each with what stands around it.
fn noted(remarks: &[Remark], mut room: usize) -> Vec<Piece> {
    let mut tags = Vec::new();
    for remark in remarks {
        let names = [remark.full(), remark.name(), remark.short()];
        let fits = |name: &&str| text::width(name) + 3 <= room;
        if let Some(name) = names.into_iter().find(fits) {
            room -= text::width(name) + 3;
            tags.push((remark.paint, name.to_owned()));
        }
    }
    tags
}

/// The label of an arrow, and the names of notes on it.
fn worded(
    p: &Passage<'_>,
    remarks: &[Remark],
    style: &Style,
    (room, fit): (usize, Fit),
    placed: &mut Placed,
) -> (Vec<Piece>, Vec<Piece>) {
    let Some(s) = super::segment(p) else {
        return (summary(p, room, placed), Vec::new());
    };
    let Fitted {
        pieces,
        tags,
        inline,
    } = fit(s, remarks, style, room);
    placed.inline = inline;
    (pieces, tags)
}

fn brief(p: &Passage<'_>, room: usize, placed: &mut Placed) -> Vec<Piece> {
    let arrived = p.arrived.and_then(|stop| stop.segment);
    let Some(s) = arrived.or_else(|| super::segment(p)) else {
        return summary(p, room, placed);
    };
    label::brief(s, room)
}

/// What is no segment, in a line; what there is no room for is said under it.
fn summary(p: &Passage<'_>, room: usize, placed: &mut Placed) -> Vec<Piece> {
    let summary = p.sent.or(p.arrived).map_or("", |stop| stop.summary);
    let summary = match p.arrived {
        Some(arrived) if summary.is_empty() => arrived.summary,
        _ => summary,
    };
    let mut summary = text::escape(summary);
    if text::width(&summary) > room
        && let Some(shorter) = without_hosts(&summary)
    {
        summary = shorter.into();
    }
    if text::width(&summary) <= room {
        return vec![(Paint::Dim, summary.into_owned())];
    }
    let lines = text::wrap(&summary, room);
    let first = lines.first().filter(|first| text::width(first) <= room);
    let Some(first) = first else {
        return vec![(Paint::Dim, text::fit(&summary, room).into_owned())];
    };
    placed.rest = Some(lines[1..].join(" "));
    vec![(Paint::Dim, first.clone())]
}

/// `ICMP 10.0.0.1 > 10.0.0.2: echo request` without what the picture says anyhow.
fn without_hosts(summary: &str) -> Option<String> {
    let (protocol, rest) = summary.split_once(' ')?;
    let (hosts, what) = rest.split_once(": ").or_else(|| rest.split_once(", "))?;
    hosts.contains(" > ").then(|| format!("{protocol} {what}"))
}

/// The colour of the shaft.
fn paint(p: &Passage<'_>) -> Paint {
    let loud = super::stops(p)
        .flat_map(|(_, stop)| stop.notes)
        .map(|note| Paint::of(note.kind))
        .find(|paint| *paint == Paint::Trouble);
    let own = match p.to {
        Host::Server => Paint::Initiator,
        Host::Client => Paint::Responder,
    };
    match (p.fate, super::segment(p)) {
        (Fate::Dropped | Fate::Corrupted, _) => Paint::Trouble,
        (_, Some(s)) if s.is_pure_ack() => loud.unwrap_or(Paint::Dim),
        _ => loud.unwrap_or(own),
    }
}
