//! Runs of rows with nothing to see in them, folded into one that counts.
//!
//! A run starts with the rows after the last one that mattered. The first of them are shown, so
//! that it can be seen what the run is made of; the rest are counted. Bulk data soon looks all
//! alike, small messages are read: so a full segment or a bare ACK uses up more of what is shown
//! at the start of a run than a short message does.

use super::remark::{self, Kinds};
use crate::event::{Kind, NoteCounts, Segment, Side, units};
use crate::frame::Timestamp;

/// How much is shown of a run before folding begins, and what rows cost.
const BUDGET: u32 = 24;
const BULK: u32 = 4;
const SMALL: u32 = 1;
/// From this payload on a segment is bulk data.
const BULK_BYTES: u32 = 512;
/// A pause this long ends a run: what comes after it is another matter.
const PAUSE_NS: u64 = 1_000_000_000;
/// Rows that are kept rather than folded: fewer are not worth a line that says so.
const KEPT: usize = 12;

/// A run, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Fold {
    spent: u32,
    /// The first folded rows as drawn, in case there are no more.
    kept: Vec<String>,
    segments: u64,
    packets: u64,
    calls: u64,
    bytes: [u64; 2],
    flow: Option<u32>,
    several: bool,
    first: Option<(u64, Timestamp)>,
    last: (u64, Timestamp),
    notes: NoteCounts,
    noted: bool,
}

/// What to do with an uneventful row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Show it.
    Show,
    /// Draw it and hand it to [`Fold::keep`].
    Keep,
    /// It has been counted; there is nothing to draw.
    Counted,
}

/// What a run left: rows to be shown as they are, or one that counts them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Rows(Vec<String>),
    Folded { frames: (u64, u64), text: String },
}

impl Fold {
    /// Whether so long a time went by since the last row that this is no longer the same run.
    pub(super) fn is_over(&self, time: Timestamp) -> bool {
        self.spent > 0 && time.nanos_since(self.last.1) >= PAUSE_NS
    }

    /// Takes an uneventful segment.
    pub(super) fn segment(&mut self, s: &Segment<'_>) -> Turn {
        self.segment_from(s, s.dir.0.index())
    }

    /// The same where the sides are told apart in another way: 0 for the left one.
    pub(super) fn segment_from(&mut self, s: &Segment<'_>, side: usize) -> Turn {
        let cost = if is_bulk(s) { BULK } else { SMALL };
        let turn = self.take(s.frame, s.time, cost);
        if turn != Turn::Show {
            self.segments += 1;
            self.bytes[side] += u64::from(s.len);
            self.several |= *self.flow.get_or_insert(s.flow) != s.flow;
            for note in s.notes {
                self.notes.add(note.kind);
                self.noted = true;
            }
        }
        turn
    }

    /// Takes a frame that is no segment.
    pub(super) fn packet(&mut self, frame: u64, time: Timestamp) -> Turn {
        let turn = self.take(frame, time, SMALL);
        self.packets += u64::from(turn != Turn::Show);
        turn
    }

    /// Takes an uneventful call.
    pub(super) fn call(&mut self, frame: u64, time: Timestamp) -> Turn {
        let turn = self.take(frame, time, SMALL);
        self.calls += u64::from(turn != Turn::Show);
        turn
    }

    fn take(&mut self, frame: u64, time: Timestamp, cost: u32) -> Turn {
        self.last = (frame, time);
        // Once folding has begun a cheap row may not slip through: rows stand in order.
        if self.first.is_none() && self.spent + cost <= BUDGET {
            self.spent += cost;
            return Turn::Show;
        }
        self.first.get_or_insert((frame, time));
        if self.kept.len() < KEPT && self.counted() == self.kept.len() as u64 {
            Turn::Keep
        } else {
            Turn::Counted
        }
    }

    /// Takes the drawn row that [`Turn::Keep`] asked for.
    pub(super) fn keep(&mut self, row: String) {
        self.kept.push(row);
    }

    /// Whether rows are folded by now.
    pub(super) const fn is_folding(&self) -> bool {
        self.first.is_some()
    }

    /// Adds to the latest row that was kept, if all have been kept so far.
    pub(super) fn append(&mut self, row: &str) {
        if self.counted() == self.kept.len() as u64
            && let Some(last) = self.kept.last_mut()
        {
            last.push_str(row);
        }
    }

    const fn counted(&self) -> u64 {
        self.segments + self.packets + self.calls
    }

    /// Ends the run and says what is left of it to show.
    pub(super) fn end(&mut self, arrows: [&str; 2]) -> Left {
        let run = std::mem::take(self);
        let Some(first) = run.first else {
            return Left::Nothing;
        };
        if run.counted() <= run.kept.len() as u64 {
            return Left::Rows(run.kept);
        }
        Left::Folded {
            frames: (first.0, run.last.0),
            text: run.text(first.1, arrows),
        }
    }

    fn text(&self, first: Timestamp, arrows: [&str; 2]) -> String {
        let mut parts = Vec::new();
        if self.segments > 0 {
            parts.push(units::plural(self.segments, "segment"));
        }
        let amount = |bytes: u64| format!("{}B", units::amount(bytes));
        if self.several {
            parts.push("several connections".to_owned());
            parts.push(amount(self.bytes.iter().sum()));
        } else {
            for side in [Side::Initiator, Side::Responder] {
                let bytes = self.bytes[side.index()];
                if bytes > 0 {
                    parts.push(format!("{} {}", amount(bytes), arrows[side.index()]));
                }
            }
        }
        if self.packets > 0 {
            parts.push(units::plural(self.packets, "other packet"));
        }
        if self.calls > 0 {
            parts.push(units::plural(self.calls, "call"));
        }
        parts.push(units::nanos(self.last.1.nanos_since(first)));
        if self.noted {
            let kinds = self.notes.iter().map(|(kind, n)| counted(kind, n));
            parts.extend(kinds);
        }
        parts.join(", ")
    }
}

/// Whether it is what bulk data is made of.
pub(super) fn is_bulk(s: &Segment<'_>) -> bool {
    s.len >= BULK_BYTES || s.is_pure_ack()
}

/// Whether nothing about a segment needs to be seen when those kinds of notes have been said, apart from where in
/// its life the connection is.
pub(super) fn is_unremarkable(s: &Segment<'_>, said: Kinds) -> bool {
    s.notes.iter().all(|note| remark::is_quiet(note, said))
        && s.state_before == s.state
        && is_plain(s)
}

/// Whether the segment by itself, without what is judged of it, is like any other.
pub(super) fn is_plain(s: &Segment<'_>) -> bool {
    s.comment.is_none()
        && !s.wireshark.is_some_and(|wireshark| wireshark.differs)
        && !(s.flags.syn() || s.flags.fin() || s.flags.rst() || s.flags.urg())
        && s.packet
            .problems
            .iter()
            .all(|problem| problem.rfc().is_none())
}

/// `3 dup-ack`.
fn counted(kind: Kind, count: u32) -> String {
    format!("{} {kind}", units::count(count.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(fold: &mut Fold, rows: u64) -> Vec<Turn> {
        (1..=rows)
            .map(|n| {
                let turn = fold.packet(n, Timestamp::from_nanos(n * 1_000_000));
                if turn == Turn::Keep {
                    fold.keep(format!("row {n}"));
                }
                turn
            })
            .collect()
    }

    #[test]
    fn a_long_run_shows_its_start_and_counts_the_rest() {
        let mut fold = Fold::default();
        let turns = feed(&mut fold, 40);
        assert_eq!(turns.iter().filter(|t| **t == Turn::Show).count(), 24);
        assert_eq!(
            fold.end(["→", "←"]),
            Left::Folded {
                frames: (25, 40),
                text: "16 other packets, 15.0ms".to_owned()
            }
        );
        assert_eq!(fold.end(["→", "←"]), Left::Nothing);
    }

    #[test]
    fn a_few_rows_more_are_shown_and_not_counted() {
        let mut fold = Fold::default();
        feed(&mut fold, 26);
        assert_eq!(
            fold.end(["→", "←"]),
            Left::Rows(vec!["row 25".to_owned(), "row 26".to_owned()])
        );
    }
}
