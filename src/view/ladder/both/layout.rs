//! Which column is for what when both ends are drawn.
//!
//! ```text
//!  cwnd/ss out sendq  rcvq    1  0.000000 ├─ SYN seq 0 ───────────▶│   +10.1ms    1 cwnd/ss …
//! └────── figures ────────┘└─── cell ────┘                           └─── cell ────┘└─ figures
//! ```
//!
//! Each host has its own clock beside its line. The kernels' figures have columns where there is room
//! for them; elsewhere they are told when they change.

/// From this width on figures have columns.
const WIDE: usize = 120;
/// Below this width frame numbers are given up for the arrows.
const NARROW: usize = 72;

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// All of them.
    pub(super) width: usize,
    /// Columns of each host's figures; 0 where they have none.
    pub(super) figures: usize,
    /// Whether the frames are numbered.
    pub(super) frames: bool,
    /// Whether each row says which connection it is of.
    pub(super) tagged: bool,
    /// Columns before the client's line.
    pub(super) left: usize,
    /// Columns between the two lines.
    pub(super) inner: usize,
}

impl Layout {
    pub(super) fn new(width: u16, tagged: bool, figures: bool) -> Self {
        let width = usize::from(width).max(40);
        let figures = if figures && width >= WIDE { 24 } else { 0 };
        let frames = width >= NARROW;
        let cell = 10 + if frames { 5 } else { 0 };
        let left = figures + cell + if tagged { 4 } else { 0 };
        Self {
            width,
            figures,
            frames,
            tagged,
            left,
            inner: width - left - cell - figures - 2,
        }
    }

    /// The column of the server's line.
    pub(super) const fn right(&self) -> usize {
        self.left + 1 + self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_data_segment() {
        for width in 40..400 {
            for (tagged, figures) in [(false, false), (false, true), (true, true)] {
                let l = Layout::new(width, tagged, figures);
                assert!(l.inner >= if width < 80 { 14 } else { 36 }, "{l:?}");
            }
        }
        assert_eq!(Layout::new(80, false, true).inner, 48);
    }
}
