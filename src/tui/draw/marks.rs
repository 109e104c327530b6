//! The line below a tape: where SND.UNA, SND.NXT and the window's edge are, and by how much they have moved.

use super::tape::Scale;
use crate::event::{HalfBoard, units};

/// A number to be marked, or several that are the same.
#[derive(Clone, Debug)]
struct Mark {
    /// Its cell, which may lie beyond the tape.
    at: usize,
    /// Name and number; and that with how far it moved.
    short: String,
    long: String,
}

/// The line for what a side sends, no wider than its tape.
pub(super) fn marks(half: &HalfBoard, scale: Scale, unicode: bool) -> String {
    let moved = half.moved;
    let named = [
        ("UNA", half.una, i64::from(moved.una)),
        ("NXT", half.nxt, i64::from(moved.nxt)),
        ("edge", half.edge, i64::from(moved.edge)),
    ];
    let named: Vec<_> = named
        .into_iter()
        .filter_map(|(name, number, by)| Some((name, number?, by)))
        .collect();
    // What stands at one number is one mark.
    let marks = named.chunk_by(|a, b| a.1 == b.1).filter_map(|same| {
        let &(_, number, _) = same.first()?;
        let names: Vec<_> = same.iter().map(|it| it.0).collect();
        let short = format!("{} {}", names.join("="), units::count(number.into()));
        let by = same.iter().map(|it| it.2).find(|by| *by != 0);
        let by = by.map_or(String::new(), |by| {
            let sign = if by < 0 { '-' } else { '+' };
            format!(" {sign}{}", units::count(by.unsigned_abs()))
        });
        Some(Mark {
            at: usize::try_from(scale.mark(number)).unwrap_or(0),
            long: format!("{short}{by}"),
            short,
        })
    });
    lay_out(&marks.collect::<Vec<_>>(), scale.cells as usize, unicode)
}

/// Puts the marks into one line.
fn lay_out(marks: &[Mark], width: usize, unicode: bool) -> String {
    let mut line: Vec<char> = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let free = line.len() + usize::from(!line.is_empty());
        let next = marks
            .get(index + 1)
            .map_or(width, |next| next.at.min(width));
        if let Some((start, text)) = mark.place(free, next, width, unicode) {
            line.resize(start, ' ');
            line.extend(text.chars());
        }
    }
    line.into_iter().collect()
}

impl Mark {
    /// Where it stands from column `free` on, and how: with an arrow at its cell, if that can be without hiding the
    /// next one's, which is at `next`.
    fn place(
        &self,
        free: usize,
        next: usize,
        width: usize,
        unicode: bool,
    ) -> Option<(usize, String)> {
        let [up, right] = if unicode { ['▲', '→'] } else { ['^', '>'] };
        let texts = [&self.long, &self.short];
        for text in texts {
            // The characters are ASCII, and the arrow is one column.
            let len = text.len() + 1;
            if self.at >= width {
                if let Some(start) = width.checked_sub(len).filter(|start| *start >= free) {
                    return Some((start, format!("{text}{right}")));
                }
                continue;
            }
            if self.at >= free && self.at + len <= next {
                return Some((self.at, format!("{up}{text}")));
            }
            let start = (self.at + 1).checked_sub(len);
            if let Some(start) = start.filter(|start| *start >= free) {
                return Some((start, format!("{text}{up}")));
            }
        }
        let here = |text: &&&String| self.at >= free && self.at + text.len() < width;
        if let Some(text) = texts.iter().find(here) {
            return Some((self.at, format!("{up}{text}")));
        }
        // Without an arrow it says at least what it is.
        (free + self.short.len() <= width && self.at < width).then(|| (free, self.short.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Moved;

    fn drawn(una: u32, nxt: u32, edge: u32, moved: Moved, width: u32) -> String {
        let half = HalfBoard {
            una: Some(una),
            nxt: Some(nxt),
            edge: Some(edge),
            moved,
            ..HalfBoard::default()
        };
        marks(&half, Scale::new(10_000, una, width), false)
    }

    #[test]
    fn marks_that_would_overlap_stand_beside_each_other() {
        assert_eq!(
            drawn(1, 101, 60_000, Moved::default(), 60),
            "^UNA 1 NXT 101                                  edge 60,000>"
        );
    }

    #[test]
    fn what_is_the_same_number_is_one_mark() {
        let moved = Moved {
            una: 50,
            nxt: 0,
            edge: -7,
        };
        assert_eq!(
            drawn(5000, 5000, 5000, moved, 60).trim_start(),
            "^UNA=NXT=edge 5,000 +50"
        );
        assert_eq!(
            drawn(5000, 5000, 19_000, moved, 60),
            "          ^UNA=NXT 5,000 +50         ^edge 19,000 -7"
        );
    }

    #[test]
    fn how_far_it_moved_is_left_out_before_the_number_is() {
        let moved = Moved {
            una: 0,
            nxt: 1448,
            edge: 0,
        };
        let wide = drawn(9000, 18_000, 90_000, moved, 70);
        assert!(wide.contains("^NXT 18,000 +1,448"), "{wide}");
        let narrow = drawn(9000, 15_000, 90_000, moved, 36);
        assert!(!narrow.contains("+1,448"), "{narrow}");
        assert!(narrow.contains("NXT 15,000"), "{narrow}");
    }
}
