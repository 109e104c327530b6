//! The stream of bytes that a side sends as a tape, with its window (RFC 9293 section 3.3.1, figures 4 and 5):
//!
//! ```text
//! ▒▒▒▒▒▒▒▒▒▒▒▒╳╳╳▓▓▓▓▓▓▓▓▓▓▓▓██████······························→
//!             ▲UNA 2,897        ▲NXT 11,585            edge 68,432→
//! ```
//!
//! A cell stands for a power of two of bytes, the same as long as one steps. The left end stays, too, while SND.UNA
//! goes through a quarter of the tape, and then moves on by as much: what is acknowledged leaves at the left.

use crate::event::{HalfBoard, How};
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
    /// Where the window ends.
    Edge,
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
            Self::Edge => ('┃', '|'),
            Self::Blank => (' ', ' '),
        };
        if unicode { wide } else { ascii }
    }

    /// Its look; `side` is that of the side that sends.
    pub(super) const fn paint(self, side: Paint) -> Paint {
        match self {
            Self::Acked | Self::Window | Self::Blank => Paint::Dim,
            Self::Fresh | Self::Edge => Paint::Plain,
            Self::Out(How::Sent) => side,
            Self::Out(How::Sacked) => Paint::Good,
            Self::Out(How::Lacking) => Paint::Trouble,
            Self::Out(How::Again(_) | How::Unseen) => Paint::Caution,
        }
    }

    /// How much it is to be seen where several would share a cell and one of them has no other.
    const fn rank(self) -> u8 {
        match self {
            Self::Blank | Self::Window | Self::Edge => 0,
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
    /// The number at its left end, and how far SND.UNA is from it.
    left: u32,
    una: (u32, i64),
    /// A cell is `1 << shift` bytes.
    shift: u32,
    pub(super) cells: u32,
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
            una: (una, i64::from(una) - (i64::from(left) << shift)),
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
        // From SND.UNA all that counts is within half the number space.
        let (una, at) = self.una;
        at + i64::from(number.wrapping_sub(una) as i32)
    }

    /// The cell that begins nearest to a number, which may lie outside: there what comes before it ends.
    pub(super) fn mark(self, number: u32) -> i64 {
        (self.offset(number) + (1 << self.shift >> 1)) >> self.shift
    }

    /// The cell that holds a number.
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
    // The end of the window is a wall, where nothing else stands.
    let edge = half
        .edge
        .and_then(|edge| usize::try_from(scale.mark(edge)).ok());
    if let Some(cell) = edge.and_then(|edge| cells.get_mut(edge))
        && *cell == Ink::Blank
    {
        *cell = Ink::Edge;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Moved, Stretch};
    use crate::tui::draw::marks::marks;

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
            drawn(&half, 9_000, 64),
            [
                "▒▒▒▒▒▒▒▒╳╳╳╳▓▓▓▓▓▓▓▓▓▓▓████····················┃                ",
                "        ▲UNA 2,001         ▲NXT 7,001          ▲edge 12,001"
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
        assert_eq!(scale(19 * 256).left, 0);
        // Twenty cells on, ten of them of what is acknowledged.
        assert_eq!(scale(20 * 256).left, 10 * 256);
        assert_eq!(scale(39 * 256).left, 10 * 256);
        assert_eq!(scale(40 * 256).left, 30 * 256);
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
