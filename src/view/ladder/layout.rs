//! Which column is for what, at a given width.
//!
//! ```text
//! frame      time     gap 10.0.0.1:40312                    10.0.0.2:80 window
//!     1  0.000000         ├─ SYN seq 0 win 64240 ───────────────────▶│
//! └─────── gutter ───────┘└───────────────── body ──────────────────┘└ meter ┘└ panel
//! ```
//!
//! From [`WIDE`] columns on notes stand beside the arrows in a panel of their own, and the meter
//! says its numbers; below, notes stand under the arrows.

/// From this width on there is a panel for notes.
const WIDE: usize = 140;
/// Below this width the gaps and the meter are given up for the arrows.
const NARROW: usize = 72;
/// The longest pair of amounts: `65.5k of 65.5k`.
const AMOUNTS: usize = 14;

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// All of them.
    pub(super) width: usize,
    /// Whether connections are interleaved, and each row says which it is of.
    pub(super) tagged: bool,
    /// Whether there is room for the time since the row before.
    pub(super) gaps: bool,
    /// Columns before the left host's line.
    pub(super) gutter: usize,
    /// Columns between the two hosts' lines.
    pub(super) inner: usize,
    /// Cells of the window meter; 0 for none.
    pub(super) meter: usize,
    /// Columns of the panel for notes; 0 when they stand under the arrows.
    pub(super) panel: usize,
}

impl Layout {
    /// The same without a panel, however wide it is: notes have another place.
    pub(super) fn narrow(width: u16, tagged: bool) -> Self {
        let mut layout = Self::new(width.min(WIDE as u16 - 1), tagged);
        let more = usize::from(width).saturating_sub(layout.width);
        layout.width += more;
        layout.inner += more;
        layout
    }

    pub(super) fn new(width: u16, tagged: bool) -> Self {
        let width = usize::from(width).max(40);
        let gaps = width >= NARROW;
        let gutter = 16 + if gaps { 8 } else { 0 } + if tagged { 4 } else { 0 };
        let (meter, amounts) = match width {
            WIDE.. => (8, AMOUNTS + 2),
            NARROW.. => (6, 0),
            _ => (0, 0),
        };
        let aside = if meter > 0 { 1 + meter + amounts } else { 0 };
        let rest = width - gutter - aside - 2;
        let panel = if width >= WIDE {
            (rest * 45 / 100).saturating_sub(2)
        } else {
            0
        };
        Self {
            width,
            tagged,
            gaps,
            gutter,
            inner: rest - if panel > 0 { panel + 2 } else { 0 },
            meter,
            panel,
        }
    }

    /// Whether the meter says its numbers.
    pub(super) const fn amounts(&self) -> bool {
        self.panel > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_add_up_at_every_width() {
        for width in 40..400_u16 {
            for tagged in [false, true] {
                let l = Layout::new(width, tagged);
                let meter = if l.meter > 0 { 1 + l.meter } else { 0 };
                let aside = if l.panel > 0 {
                    2 + AMOUNTS + 2 + l.panel
                } else {
                    0
                };
                assert_eq!(l.gutter + l.inner + 2 + meter + aside, l.width, "{l:?}");
                assert!(l.inner >= 18, "{l:?}");
            }
        }
    }

    #[test]
    fn eighty_columns_leave_room_for_a_data_segment() {
        let narrow = Layout::new(80, false);
        assert_eq!((narrow.inner, narrow.panel, narrow.meter), (47, 0, 6));
        let wide = Layout::new(160, false);
        assert!(wide.inner > 55 && wide.panel > 45, "{wide:?}");
    }
}
