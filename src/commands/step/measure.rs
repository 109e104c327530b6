//! What there is between two rows, for rows that the screen does not have at hand.

use crate::event::Kept;
use crate::tui::Measured;

/// Takes rows from `next`, the first of which is row `at`, and adds up those of the range; `None` when there are
/// not so many.
pub(super) fn measure<E>(
    mut next: impl FnMut() -> Result<Option<Kept>, E>,
    at: u64,
    (from, to): (u64, u64),
) -> Option<Measured> {
    let mut sum: Option<Measured> = None;
    for row in at..=to {
        let kept = next().ok()??;
        if row >= from {
            sum.get_or_insert_with(|| Measured::empty(kept.time))
                .push(&kept);
        }
    }
    sum
}
