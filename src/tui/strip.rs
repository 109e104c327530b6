//! The whole view in one line: how much was sent in each part of its time, and where something was lost or a window
//! closed.

use super::message::Bucket;
use crate::frame::Timestamp;

/// A column of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Column {
    /// Payload bytes of both sides in its part of the time.
    pub(super) bytes: f64,
    /// Retransmissions that began there.
    pub(super) resent: u32,
    /// Windows that were closed.
    pub(super) zero_windows: u32,
    /// Other rows with trouble.
    pub(super) problems: u32,
}

/// From the first to the last row.
fn span(buckets: &[Bucket]) -> Option<(Timestamp, u64)> {
    let first = buckets.first()?.times.0;
    let last = buckets.iter().map(|bucket| bucket.times.1).max()?;
    // What takes no time at all is taken to take some.
    Some((first, last.nanos_since(first).max(1)))
}

/// Where a moment is among so many columns.
pub(super) fn column_of(buckets: &[Bucket], time: Timestamp, columns: usize) -> Option<usize> {
    let (first, span) = span(buckets)?;
    let at = u128::from(time.nanos_since(first)) * columns as u128 / u128::from(span);
    Some((at as usize).min(columns.saturating_sub(1)))
}

/// The row with which a part of the time begins, of `parts` that are equally long: as near as the buckets tell.
pub(super) fn row_at(buckets: &[Bucket], part: u64, parts: u64) -> Option<u64> {
    let (first, span) = span(buckets)?;
    let time = u128::from(span) * u128::from(part) / u128::from(parts.max(1));
    let time = Timestamp::from_nanos(first.as_nanos() + time as u64);
    let bucket = buckets
        .iter()
        .find(|bucket| bucket.times.1 >= time)
        .or(buckets.last())?;
    let whole = bucket.times.1.nanos_since(bucket.times.0).max(1);
    let into = time.nanos_since(bucket.times.0).min(whole);
    let rows = u128::from(bucket.rows.saturating_sub(1)) * u128::from(into) / u128::from(whole);
    Some(bucket.first_row + rows as u64)
}

/// The columns, the time of each equally long. What a bucket holds is spread over the time that it takes.
pub(super) fn columns(buckets: &[Bucket], count: usize) -> Vec<Column> {
    let mut columns = vec![Column::default(); count];
    let Some((first, span)) = span(buckets).filter(|_| count > 0) else {
        return columns;
    };
    let place = |time: Timestamp| {
        let at = time.nanos_since(first) as f64 / span as f64 * count as f64;
        at.min(count as f64)
    };
    for bucket in buckets {
        let (from, to) = (place(bucket.times.0), place(bucket.times.1));
        let bytes = bucket.bytes.iter().sum::<u64>() as f64;
        let (start, end) = (
            (from as usize).min(count - 1),
            (to.ceil() as usize).clamp(from as usize, count),
        );
        // What stays within a column is not divided, be it of no length at all.
        if end <= start + 1 {
            columns[start].bytes += bytes;
        } else {
            for (at, column) in columns.iter_mut().enumerate().take(end).skip(start) {
                let part = to.min(at as f64 + 1.0) - from.max(at as f64);
                column.bytes += bytes * part.max(0.0) / (to - from);
            }
        }
        let column = &mut columns[start];
        column.resent += bucket.resent;
        column.zero_windows += bucket.zero_windows;
        column.problems += bucket.problems;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(first_row: u64, rows: u64, times: (u64, u64), bytes: u64) -> Bucket {
        let at = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        Bucket {
            first_row,
            rows,
            times: (at(times.0), at(times.1)),
            bytes: [bytes, 0],
            ..Bucket::default()
        }
    }

    #[test]
    fn a_column_holds_what_was_sent_in_its_time() {
        let mut lost = bucket(10, 10, (50, 100), 600);
        lost.resent = 1;
        let buckets = [bucket(0, 10, (0, 25), 1000), lost];
        let columns = columns(&buckets, 4);
        let bytes: Vec<f64> = columns.iter().map(|column| column.bytes).collect();
        assert_eq!(bytes, [1000.0, 0.0, 300.0, 300.0]);
        let resent: Vec<u32> = columns.iter().map(|column| column.resent).collect();
        assert_eq!(resent, [0, 0, 1, 0]);
    }

    #[test]
    fn places_and_rows_go_both_ways() {
        let buckets = [bucket(0, 11, (0, 10), 0), bucket(11, 11, (10, 20), 0)];
        assert_eq!(row_at(&buckets, 0, 10), Some(0));
        assert_eq!(row_at(&buckets, 5, 10), Some(10));
        assert_eq!(row_at(&buckets, 10, 10), Some(21));
        let end = buckets[1].times.1;
        assert_eq!(column_of(&buckets, end, 40), Some(39));
        assert_eq!(column_of(&buckets, buckets[1].times.0, 40), Some(20));
        assert_eq!((row_at(&[], 1, 2), column_of(&[], end, 3)), (None, None));
    }

    #[test]
    fn one_row_is_a_strip_too() {
        let buckets = [bucket(0, 1, (5, 5), 7)];
        assert!(columns(&buckets, 3)[0].bytes > 6.9);
        assert!(columns(&buckets, 0).is_empty());
        assert_eq!(row_at(&buckets, 9, 10), Some(0));
    }
}
