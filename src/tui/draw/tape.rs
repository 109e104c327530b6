//! The stream of bytes that a side sends as a tape, with its window (RFC 9293 section 3.3.1, figures 4 and 5):
//!
//! ```text
//! ▒▒▒▒▒▒▒▒▒▒▒▒╳╳╳▓▓▓▓▓▓▓▓▓▓▓▓██████······························→
//!             ▲UNA 2,897        ▲NXT 11,585            edge 68,432→
//! ```
//!
//! A cell stands for a power of two of bytes, the same as long as one steps. The left end stays, too, while SND.UNA
//! goes through a quarter of the tape, and then moves on by as much: what is acknowledged leaves at the left.

use crate::event::{HalfBoard, How, units};
use crate::view::Paint;

/// Of so many parts of the tape SND.UNA goes through one before the tape moves on.
const STEPS: u32 = 4;
/// One of so many parts shows what was acknowledged before.
const PAST: u32 = 8;
/// So many of a hundred parts are for what is outstanding: what the other two leave.
const AHEAD: u32 = 60;

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Acknowledged by an earlier segment.
    Acked,
    /// Acknowledged by this one.
    Fresh,
    /// How outstanding bytes stand.
    Out(How),
    /// What the window still takes.
    Window,
    /// Nothing: before the stream, or beyond the window.
    Blank,
}

impl Ink {
    /// Those of which the legend tells, with its words.
    pub(super) const LEGEND: [(Self, &'static str); 7] = [
        (Self::Acked, "acked"),
        (Self::Out(How::Sent), "sent"),
        (Self::Out(How::Sacked), "held (SACK)"),
        (Self::Out(How::Lacking), "asked for"),
        (Self::Out(How::Again(1)), "sent again"),
        (Self::Out(How::Unseen), "unseen"),
        (Self::Window, "window"),
    ];

    /// Its character, in Unicode or in ASCII.
    pub(super) const fn glyph(self, unicode: bool) -> char {
        let (wide, ascii) = match self {
            Self::Acked | Self::Fresh => ('▒', '-'),
            Self::Out(How::Sent) => ('█', '#'),
            Self::Out(How::Sacked) => ('▓', 's'),
            Self::Out(How::Lacking) => ('╳', 'x'),
            Self::Out(How::Again(_)) => ('▞', 'R'),
            Self::Out(How::Unseen) => ('?', '?'),
            Self::Window => ('·', '.'),
            Self::Blank => (' ', ' '),
        };
        if unicode { wide } else { ascii }
    }

    /// Its look; `side` is that of the side that sends.
    pub(super) const fn paint(self, side: Paint) -> Paint {
        match self {
            Self::Acked | Self::Window | Self::Blank => Paint::Dim,
            Self::Fresh => Paint::Plain,
            Self::Out(How::Sent) => side,
            Self::Out(How::Sacked) => Paint::Good,
            Self::Out(How::Lacking) => Paint::Trouble,
            Self::Out(How::Again(_) | How::Unseen) => Paint::Caution,
        }
    }

    /// How much it is to be seen where several would share a cell and one of them has no other.
    const fn rank(self) -> u8 {
        match self {
            Self::Blank | Self::Window => 0,
            Self::Acked => 1,
            Self::Fresh => 2,
            Self::Out(How::Sent) => 3,
            Self::Out(How::Sacked) => 4,
            Self::Out(How::Unseen) => 5,
            Self::Out(How::Again(_)) => 6,
            Self::Out(How::Lacking) => 7,
        }
    }
}

/// Which numbers the cells of a tape stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// The number at its left end.
    left: u32,
    /// A cell is `1 << shift` bytes.
    shift: u32,
    cells: u32,
}

impl Scale {
    /// For a tape of so many cells that has to show `reach` outstanding numbers, while the oldest is `una`.
    pub(super) fn new(reach: u32, una: u32, cells: u32) -> Self {
        let ahead = (cells * AHEAD / 100).max(1);
        let shift = (0..31).find(|shift| reach >> shift < ahead).unwrap_or(31);
        let step = (cells / STEPS).max(1);
        let at = una >> shift;
        let left = (at / step * step).saturating_sub(cells / PAST);
        Self {
            left: left << shift,
            shift,
            cells,
        }
    }

    /// Bytes that a cell stands for.
    pub(super) const fn bytes(self) -> u32 {
        1 << self.shift
    }

    /// How far a number is from the left end; what is before that is negative.
    fn offset(self, number: u32) -> i64 {
        i64::from(number.wrapping_sub(self.left) as i32)
    }

    /// The cell of a number, which may lie outside.
    fn cell(self, number: u32) -> i64 {
        self.offset(number) >> self.shift
    }
}

/// The cells of what a side sends, from the left. What is there is seen, be it ever so little.
pub(super) fn cells(half: &HalfBoard, scale: Scale) -> Vec<Ink> {
    let mut cells = vec![(0_i64, Ink::Blank); scale.cells as usize];
    let (Some(una), Some(nxt)) = (half.una, half.nxt) else {
        return vec![Ink::Blank; scale.cells as usize];
    };
    let mut ranges = vec![];
    let fresh = una.wrapping_sub(half.moved.una);
    if scale.offset(fresh) > 0 {
        ranges.push((scale.left, fresh, Ink::Acked));
    }
    ranges.push((fresh, una, Ink::Fresh));
    let mut end = una;
    for stretch in &half.stretches {
        ranges.push((stretch.from, stretch.to, Ink::Out(stretch.how)));
        end = stretch.to;
    }
    // What is too much to be listed stands as most of it does.
    ranges.push((end, nxt, Ink::Out(How::Sent)));
    if let Some(edge) = half.edge {
        ranges.push((nxt, edge, Ink::Window));
    }
    for &(from, to, ink) in &ranges {
        fill(
            &mut cells,
            (scale.offset(from), scale.offset(to)),
            ink,
            scale.shift,
        );
    }
    let mut cells: Vec<Ink> = cells.into_iter().map(|(_, ink)| ink).collect();
    for &(from, to, ink) in &ranges {
        let (first, last) = (scale.cell(from), scale.cell(to.wrapping_sub(1)));
        let (Ok(first), Ok(last)) = (usize::try_from(first), usize::try_from(last)) else {
            continue;
        };
        let shown = cells.get(first..=last.min(cells.len().saturating_sub(1)));
        let hidden = from != to && shown.is_some_and(|shown| !shown.contains(&ink));
        if let Some(cell) = cells
            .get_mut(first)
            .filter(|cell| hidden && cell.rank() < ink.rank())
        {
            *cell = ink;
        }
    }
    cells
}

/// Gives `ink` to the cells of which `from..to` takes more than what has them so far.
fn fill(cells: &mut [(i64, Ink)], (from, to): (i64, i64), ink: Ink, shift: u32) {
    let width = 1_i64 << shift;
    for (at, cell) in (0_i64..).zip(cells.iter_mut()) {
        let start = at * width;
        let share = to.min(start + width) - from.max(start);
        if share > cell.0 {
            *cell = (share, ink);
        }
    }
}

/// A number to be marked below a tape.
#[derive(Clone, Debug)]
struct Mark {
    at: i64,
    text: String,
}

/// The line below a tape: where SND.UNA, SND.NXT and the window's edge are, and by how much they have moved.
pub(super) fn marks(half: &HalfBoard, scale: Scale, unicode: bool) -> String {
    let mut named: Vec<(&str, u32, i64)> = Vec::new();
    let moved = half.moved;
    named.extend(half.una.map(|una| ("UNA", una, i64::from(moved.una))));
    named.extend(half.nxt.map(|nxt| ("NXT", nxt, i64::from(moved.nxt))));
    named.extend(half.edge.map(|edge| ("edge", edge, i64::from(moved.edge))));
    let mut marks: Vec<Mark> = Vec::new();
    let mut names = String::new();
    for (at, &(name, number, by)) in named.iter().enumerate() {
        names.push_str(if names.is_empty() { "" } else { "=" });
        names.push_str(name);
        // What stands at one number is one mark.
        if named
            .get(at + 1)
            .is_some_and(|next| next.1 == number && (by == 0 || next.2 == by || next.2 == 0))
        {
            continue;
        }
        let by = named[..=at]
            .iter()
            .rev()
            .take_while(|it| it.1 == number)
            .map(|it| it.2)
            .find(|by| *by != 0);
        let mut text = format!(
            "{} {}",
            std::mem::take(&mut names),
            units::count(number.into())
        );
        if let Some(by) = by {
            let sign = if by < 0 { '-' } else { '+' };
            text.push_str(&format!(" {sign}{}", units::count(by.unsigned_abs())));
        }
        marks.push(Mark {
            at: scale.cell(number),
            text,
        });
    }
    lay_out(&marks, scale.cells as usize, unicode)
}

/// Puts the marks into one line, each with an arrow where it stands if there is room for that.
fn lay_out(marks: &[Mark], width: usize, unicode: bool) -> String {
    let arrow = |wide, ascii| if unicode { wide } else { ascii };
    let (up, right) = (arrow('▲', '^'), arrow('→', '>'));
    let mut line: Vec<char> = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let len = mark.text.chars().count() + 1;
        let free = line.len() + usize::from(!line.is_empty());
        let at = usize::try_from(mark.at).unwrap_or(0);
        let next = marks.get(index + 1).map_or(width, |next| {
            usize::try_from(next.at).unwrap_or(0).min(width)
        });
        let beyond = at >= width;
        let place = if beyond {
            Some((width.saturating_sub(len), format!("{}{right}", mark.text)))
        } else if at >= free && at + len <= next.max(at) {
            Some((at, format!("{up}{}", mark.text)))
        } else if (at + 1).saturating_sub(len) >= free && at + 1 >= len {
            Some((at + 1 - len, format!("{}{up}", mark.text)))
        } else {
            None
        };
        // Without room at its place it stands where there is some, without an arrow unless that is its place.
        let (start, text) = place.filter(|place| place.0 >= free).unwrap_or_else(|| {
            if at >= free && !beyond {
                (at, format!("{up}{}", mark.text))
            } else if beyond {
                (free, format!("{}{right}", mark.text))
            } else {
                (free, mark.text.clone())
            }
        });
        let text: Vec<char> = text.chars().collect();
        if start + text.len() > width {
            continue;
        }
        line.resize(start, ' ');
        line.extend(text);
    }
    line.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Moved, Stretch};

    fn half(una: u32, stretches: &[(u32, How)], edge: u32) -> HalfBoard {
        let mut from = una;
        let mut list = Vec::new();
        for &(len, how) in stretches {
            let to = from.wrapping_add(len);
            list.push(Stretch { from, to, how });
            from = to;
        }
        HalfBoard {
            una: Some(una),
            nxt: Some(from),
            edge: Some(edge),
            stretches: list,
            ..HalfBoard::default()
        }
    }

    fn drawn(half: &HalfBoard, reach: u32, width: u32) -> [String; 2] {
        let scale = Scale::new(reach, half.una.unwrap_or(0), width);
        let cells = cells(half, scale).into_iter().map(|ink| ink.glyph(true));
        [cells.collect(), marks(half, scale, true)]
    }

    #[test]
    fn a_loss_as_the_sender_knows_of_it() {
        let how = [(1000, How::Lacking), (3000, How::Sacked), (1000, How::Sent)];
        let half = half(2001, &how, 12_001);
        assert_eq!(
            drawn(&half, 10_000, 64),
            [
                "▒▒▒▒▒▒▒╳╳╳╳▓▓▓▓▓▓▓▓▓▓▓▓████·····································",
                "       ▲UNA 2,001          ▲NXT 7,001              edge 12,001→"
            ]
        );
    }

    #[test]
    fn a_closed_window_is_one_mark() {
        let mut half = half(4345, &[], 4345);
        half.moved = Moved {
            una: 1448,
            nxt: 0,
            edge: 0,
        };
        let [tape, marks] = drawn(&half, 2896, 60);
        assert!(!tape.contains('·'), "{tape}");
        assert!(marks.ends_with("▲UNA=NXT=edge 4,345 +1,448"), "{marks}");
    }

    #[test]
    fn the_tape_moves_by_a_quarter_and_the_scale_stays() {
        let scale = |una| Scale::new(10_000, una, 80);
        assert_eq!((scale(0).bytes(), scale(0).left), (256, 0));
        assert_eq!(scale(19 * 256), scale(1));
        // Twenty cells on, ten of them of what is acknowledged.
        assert_eq!(scale(20 * 256).left, 10 * 256);
        assert_eq!(scale(39 * 256), scale(20 * 256));
        assert_eq!(scale(40 * 256).left, 30 * 256);
    }

    #[test]
    fn marks_that_would_overlap_stand_beside_each_other() {
        let half = half(1, &[(100, How::Sent)], 60_000);
        let [_, marks] = drawn(&half, 10_000, 60);
        assert_eq!(
            marks.trim_end(),
            "▲UNA 1 NXT 101                             edge 60,000→"
        );
    }

    proptest! {
        #[test]
        fn a_tape_fits_shows_what_is_there_and_never_panics(
            una: u32, lens in proptest::collection::vec((1_u32..100_000, 0_u8..5), 0..9),
            reach: u32, edge: u32, width in 1_u32..220, by: u32,
        ) {
            let how = |n| match n {
                0 => How::Sent,
                1 => How::Again(2),
                2 => How::Sacked,
                3 => How::Lacking,
                _ => How::Unseen,
            };
            let list: Vec<_> = lens.iter().map(|&(len, n)| (len, how(n))).collect();
            let mut half = half(una, &list, edge);
            half.moved.una = by % 70_000;
            let outstanding: u32 = lens.iter().map(|it| it.0).sum();
            let scale = Scale::new(reach.max(outstanding), una, width);
            let cells = cells(&half, scale);
            prop_assert_eq!(cells.len(), width as usize);
            prop_assert!(marks(&half, scale, true).chars().count() <= width as usize);
            if width >= 40 && !list.is_empty() {
                prop_assert!(cells.iter().any(|ink| matches!(ink, Ink::Out(_))), "{:?}", cells);
            }
            if width >= 40 && list.iter().any(|(_, how)| *how == How::Lacking) {
                prop_assert!(cells.contains(&Ink::Out(How::Lacking)), "{:?}", cells);
            }
        }
    }
}
