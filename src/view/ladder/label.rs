//! What an arrow says: flags, numbers, options, and a glimpse of the payload.

use super::remark::Remark;
use crate::event::{Kind, Segment, units};
use crate::view::{Paint, Style, text};
use crate::wire::tcp::Flags;

/// A piece of a label and its look.
pub(super) type Piece = (Paint, String);

/// Flags as words, in the order people say them.
const WORDS: [(Flags, &str); 9] = [
    (Flags::SYN, "SYN"),
    (Flags::FIN, "FIN"),
    (Flags::RST, "RST"),
    (Flags::PSH, "PSH"),
    (Flags::URG, "URG"),
    (Flags::ECE, "ECE"),
    (Flags::CWR, "CWR"),
    (Flags::AE, "AE"),
    (Flags::ACK, "ACK"),
];

/// `SYN ACK`, `PSH ACK`, `no flags`.
pub(super) fn flags(flags: Flags) -> String {
    let set: Vec<_> = WORDS
        .iter()
        .filter(|(f, _)| flags.has(*f))
        .map(|(_, word)| *word)
        .collect();
    if set.is_empty() {
        "no flags".to_owned()
    } else {
        set.join(" ")
    }
}

/// The pieces of a segment's label that fit into `room` columns with a space between them, in
/// reading order, which is the order of their importance too.
pub(super) fn label(s: &Segment<'_>, style: &Style, room: usize) -> Vec<Piece> {
    label_with(s, style, room, Ack::Said)
}

fn label_with(s: &Segment<'_>, style: &Style, room: usize, ack: Ack) -> Vec<Piece> {
    let mut label = Label::new(room);
    numbers(&mut label, s, ack);
    if s.len == 0 && !s.flags.rst() {
        let window = s
            .window_bytes
            .map_or_else(|| format!("win {}?", s.window), |w| format!("win {w}"));
        label.push(Paint::Plain, window);
    }
    if s.flags.syn() {
        options(&mut label, s);
    }
    let left = room.saturating_sub(label.used + 1);
    if let Some(glimpse) = text::glimpse(s.payload, style.encoding, left.min(60)) {
        label.push(Paint::Good, glimpse);
    }
    label.pieces
}

/// A segment's label with the names of notes on it, `room` columns in all.
pub(super) struct Fitted {
    pub(super) pieces: Vec<Piece>,
    /// The names that found a place.
    pub(super) tags: Vec<Piece>,
    /// Whose they are: indices of the remarks.
    pub(super) inline: Vec<usize>,
}

/// Columns that pieces take with a space after each.
pub(super) fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(_, piece)| text::width(piece) + 1).sum()
}

/// Whether an acknowledgment number is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ack {
    Said,
    /// Not that of data.
    LeftOut,
}

/// How a note is called.
type Naming = fn(&Remark) -> &str;

/// Names of notes come before windows and payload, but never before flags and numbers.
pub(super) fn fitted(s: &Segment<'_>, remarks: &[Remark], style: &Style, room: usize) -> Fitted {
    fit(s, remarks, style, room, (Remark::full, Ack::Said))
}

/// The same where nothing is said under the arrow: a note may be called by less than its whole name then, and comes
/// before the acknowledgment number of data, which the rows around it tell, too.
pub(super) fn terse(s: &Segment<'_>, remarks: &[Remark], style: &Style, room: usize) -> Fitted {
    let ways: [(Naming, Ack); 5] = [
        (Remark::full, Ack::Said),
        (Remark::name, Ack::Said),
        (Remark::short, Ack::Said),
        (Remark::name, Ack::LeftOut),
        (Remark::short, Ack::LeftOut),
    ];
    let wanted = remarks.iter().filter(|it| it.why.is_none()).count();
    let mut best = fitted(s, remarks, style, room);
    for way in ways {
        if best.inline.len() == wanted {
            break;
        }
        let next = fit(s, remarks, style, room, way);
        if next.inline.len() > best.inline.len() {
            best = next;
        }
    }
    best
}

/// Notes called so, with an acknowledgment number or without.
fn fit(
    s: &Segment<'_>,
    remarks: &[Remark],
    style: &Style,
    room: usize,
    (name, ack): (Naming, Ack),
) -> Fitted {
    let mut tags: Vec<Piece> = Vec::new();
    let mut inline = Vec::new();
    let mut free = room.saturating_sub(width(&essence(s, ack)));
    for (at, remark) in remarks.iter().enumerate().filter(|(_, r)| r.why.is_none()) {
        let needs = text::width(name(remark)) + 2;
        if needs <= free {
            free -= needs;
            tags.push((remark.paint, name(remark).to_owned()));
            inline.push(at);
        }
    }
    let left = room.saturating_sub(width(&tags) + tags.len());
    let pieces = label_with(s, style, left, ack);
    Fitted {
        pieces,
        tags,
        inline,
    }
}

/// As little as a segment can be told from others by.
pub(super) fn brief(s: &Segment<'_>, room: usize) -> Vec<Piece> {
    let mut label = Label::new(room);
    if s.len == 0 || s.flags.syn() || s.flags.fin() || s.flags.rst() {
        label.push(Paint::Strong, flags(s.flags));
    }
    match s.ack.filter(|_| s.is_pure_ack()) {
        Some(ack) => label.push(Paint::Plain, ack.to_string()),
        None => label.push(Paint::Plain, format!("seq {}", s.seq)),
    };
    if s.len > 0 {
        label.push(Paint::Plain, format!("len {}", s.len));
    }
    if s.is_pure_ack() {
        sack(&mut label, s);
    }
    label.pieces
}

/// The pieces that should be there whatever else has to go.
fn essence(s: &Segment<'_>, ack: Ack) -> Vec<Piece> {
    let mut label = Label::new(usize::MAX);
    numbers(&mut label, s, ack);
    label.pieces
}

/// Flags, sequence and acknowledgment numbers, SACK blocks.
fn numbers(label: &mut Label, s: &Segment<'_>, ack: Ack) {
    label.push(Paint::Strong, flags(s.flags));
    // An empty segment's number is worth saying where it is not simply the next one.
    let odd = s.notes.iter().any(|n| {
        matches!(
            n.kind,
            Kind::ZeroWindowProbe | Kind::KeepAlive | Kind::ChallengeAck
        )
    });
    if s.len > 0 || odd || s.flags.syn() || s.flags.fin() || s.flags.rst() {
        label.push(Paint::Plain, format!("seq {}", s.seq));
    }
    if s.len > 0 {
        label.push(Paint::Plain, format!("len {}", s.len));
    }
    if let Some(ack) = s.ack.filter(|_| ack == Ack::Said || s.len == 0) {
        // A bare ACK is its number.
        let bare = s.is_pure_ack() && s.flags == Flags::ACK && !odd;
        label.push(
            Paint::Plain,
            if bare {
                ack.to_string()
            } else {
                format!("ack {ack}")
            },
        );
    }
    sack(label, s);
}

struct Label {
    room: usize,
    used: usize,
    pieces: Vec<Piece>,
}

impl Label {
    fn new(room: usize) -> Self {
        let (used, pieces) = (0, Vec::new());
        Self { room, used, pieces }
    }

    /// Adds a piece if there is room for it; whether there was.
    fn push(&mut self, paint: Paint, piece: String) -> bool {
        let width = text::width(&piece) + usize::from(self.used > 0);
        let fits = self.used + width <= self.room;
        if fits {
            self.used += width;
            self.pieces.push((paint, piece));
        }
        fits
    }
}

/// SACK blocks as the other side's relative numbers, as many as fit.
fn sack(label: &mut Label, s: &Segment<'_>) {
    let blocks = s.options.sack.as_slice();
    let Some(ack) = s.ack else { return };
    let base = ack.wrapping_sub(s.ack_raw);
    let named = |count: usize| {
        let mut piece = String::from("sack");
        for (left, right) in &blocks[..count] {
            use std::fmt::Write;
            let _ = write!(
                piece,
                " {}-{}",
                left.wrapping_add(base),
                right.wrapping_add(base)
            );
        }
        if count < blocks.len() {
            piece.push('…');
        }
        piece
    };
    let room = label.room.saturating_sub(label.used + 1);
    let most = (1..=blocks.len())
        .rev()
        .find(|&n| text::width(&named(n)) <= room);
    if let Some(count) = most {
        label.push(Paint::Caution, named(count));
    }
}

/// What a SYN offers, as far as there is room; what comes after the first that does not fit is
/// left out too, or its absence would seem to say that it was not offered.
fn options(label: &mut Label, s: &Segment<'_>) {
    let o = &s.options;
    let offers = [
        o.mss.map(|mss| format!("mss {mss}")),
        o.wscale.map(|shift| format!("ws {shift}")),
        o.sack_permitted.then(|| "sack-ok".to_owned()),
        o.ts.map(|_| "ts".to_owned()),
        Some(format!("isn {}", units::count(s.seq_raw.into()))),
    ];
    for offer in offers.into_iter().flatten() {
        if !label.push(Paint::Plain, offer) {
            return;
        }
    }
}
