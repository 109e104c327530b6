//! Text that begins in one segment and goes on in others.
//!
//! Of each direction of a connection only the edges of what has passed are kept, one byte less than the text has on
//! each side, for a few runs of bytes that follow one another: so what is lost on the way and comes again is joined
//! as the receiver joins it (RFC 9293 section 3.10.7.4), and memory stays bounded whatever passes.

use std::collections::{HashMap, VecDeque};

use super::Needle;
use crate::event::{Dir, Segment};

/// Memory for edges, in bytes.
const ROOM: usize = 4 << 20;
/// Most directions of connections at once; those that were silent for longest are forgotten.
const MOST_STREAMS: usize = 1024;
/// Most runs of a direction: as many holes can be open at a time.
const MOST_RUNS: usize = 8;
/// A run that is longer forgets how it began: sequence numbers come round.
const LONGEST_RUN: u32 = 1 << 30;

/// What has passed of all connections, as far as text may yet be found in it.
#[derive(Debug, Default)]
pub(super) struct Streams {
    known: HashMap<(u32, Dir), Stream>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Stream {
    /// The one that grew last at the end.
    runs: Vec<Run>,
    /// The row of its latest payload.
    latest: u64,
}

/// Bytes that follow one another.
#[derive(Debug, Default)]
struct Run {
    /// Sequence numbers of the first byte and just past the last.
    start: u32,
    end: u32,
    /// Its first bytes, and its last.
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Where the last bytes come from.
    pieces: VecDeque<Piece>,
}

/// Bytes of one row.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: Origin,
    len: usize,
}

/// A row that has payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) row: u64,
    /// Whether text that begins in it is what is looked for.
    pub(super) counts: bool,
}

impl Streams {
    /// Takes in a segment with its payload. Gives the row in which the text begins that is whole now, the first one
    /// that counts.
    pub(super) fn add(&mut self, needle: Needle<'_>, from: Origin, s: &Segment<'_>) -> Option<u64> {
        if s.payload.is_empty() || needle.bytes.len() < 2 {
            return None;
        }
        let key = (s.flow, s.dir);
        let most = (ROOM / (2 * MOST_RUNS * needle.bytes.len())).clamp(1, MOST_STREAMS);
        if self.known.len() >= most && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, stream)| stream.latest);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.known.remove(&oldest);
            }
        }
        let stream = self.known.entry(key).or_default();
        stream.latest = from.row;
        let seq = s.seq.wrapping_add(s.flags.syn().into());
        stream.add(needle, from, seq, s.payload)
    }

    /// Whether text may have begun in a row before that one, and yet go on; `lately` is the row from which on it
    /// would have to have been gone on with.
    pub(super) fn is_open(&self, needle: Needle<'_>, before: u64, lately: u64) -> bool {
        let streams = self.known.values();
        let live = streams.filter(|stream| stream.latest >= lately);
        live.flat_map(|stream| &stream.runs)
            .any(|run| run.is_open(needle, before))
    }
}

impl Stream {
    fn add(&mut self, needle: Needle<'_>, from: Origin, seq: u32, payload: &[u8]) -> Option<u64> {
        let (seq, payload) = self.news(seq, payload)?;
        let end = seq.wrapping_add(payload.len() as u32);
        let empty = |at| Run {
            start: at,
            end: at,
            ..Run::default()
        };
        let left = self.runs.iter().position(|run| run.end == seq);
        let left = left.map_or_else(|| empty(seq), |at| self.runs.remove(at));
        let right = self.runs.iter().position(|run| run.start == end);
        let right = right.map_or_else(|| empty(end), |at| self.runs.remove(at));
        let found = begins_in(needle, &left, (from, payload), &right.head);
        if self.runs.len() >= MOST_RUNS {
            self.runs.remove(0);
        }
        let edge = needle.bytes.len() - 1;
        self.runs.push(left.joined(edge, (from, payload), &right));
        found
    }

    /// What of it has not passed before; `None` if there is nothing.
    fn news<'a>(&self, mut seq: u32, mut payload: &'a [u8]) -> Option<(u32, &'a [u8])> {
        for run in &self.runs {
            let (into, len) = (seq.wrapping_sub(run.start), run.end.wrapping_sub(run.start));
            if into < len {
                payload = payload.get((len - into) as usize..)?;
                seq = run.end;
            }
            let until = run.start.wrapping_sub(seq) as usize;
            payload = payload.get(..until).unwrap_or(payload);
        }
        (!payload.is_empty()).then_some((seq, payload))
    }
}

impl Run {
    /// This, what came, and what follows, as one.
    fn joined(mut self, edge: usize, (from, payload): (Origin, &[u8]), right: &Self) -> Self {
        for bytes in [payload, &right.head] {
            let room = edge - self.head.len();
            self.head.extend(bytes.iter().take(room));
        }
        self.push(edge, from, payload);
        let mut bytes = right.tail.as_slice();
        for piece in &right.pieces {
            let (of_it, rest) = bytes.split_at_checked(piece.len).unwrap_or_default();
            self.push(edge, piece.from, of_it);
            bytes = rest;
        }
        self.end = right.end;
        if self.end.wrapping_sub(self.start) > LONGEST_RUN {
            self.start = self.end.wrapping_sub(LONGEST_RUN / 2);
            // Nothing comes before it any more.
            self.head.clear();
            self.head.resize(edge, 0);
        }
        self
    }

    /// Adds bytes at its end.
    fn push(&mut self, edge: usize, from: Origin, bytes: &[u8]) {
        let bytes = bytes
            .get(bytes.len().saturating_sub(edge)..)
            .unwrap_or_default();
        let len = bytes.len();
        self.pieces.push_back(Piece { from, len });
        self.tail.extend(bytes);
        let mut surplus = self.tail.len().saturating_sub(edge);
        self.tail.drain(..surplus);
        while let Some(first) = self.pieces.front_mut() {
            let less = surplus.min(first.len);
            first.len -= less;
            surplus -= less;
            if first.len > 0 {
                break;
            }
            self.pieces.pop_front();
        }
    }

    /// Whether text may begin in its last bytes, in a row before that one, and go on in what follows.
    fn is_open(&self, needle: Needle<'_>, before: u64) -> bool {
        let mut at = 0;
        for Piece { from, len } in &self.pieces {
            let begins = |at: usize| {
                self.tail
                    .get(at..)
                    .is_some_and(|end| needle.begins_with(end))
            };
            if from.counts && from.row < before && (at..at + len).any(begins) {
                return true;
            }
            at += len;
        }
        false
    }
}

/// The row in which text begins that is whole with this payload between what was before and behind it.
fn begins_in(
    needle: Needle<'_>,
    left: &Run,
    (from, payload): (Origin, &[u8]),
    right: &[u8],
) -> Option<u64> {
    let edge = needle.bytes.len() - 1;
    let first = |counts: &dyn Fn(usize) -> Option<u64>, hay: &[u8]| {
        let mut at = 0;
        while let Some(by) = hay.get(at..).and_then(|hay| needle.place_in(hay)) {
            if let Some(row) = counts(at + by) {
                return Some(row);
            }
            at += by + 1;
        }
        None
    };
    let own = |_| from.counts.then_some(from.row);
    let either = |at: usize| left.origin(at).map_or_else(|| own(at), Piece::counting);
    if payload.len() <= 2 * edge {
        return first(&either, &[&left.tail, payload, right].concat());
    }
    let (begin, end) = (payload.get(..edge), payload.get(payload.len() - edge..));
    let begin = [&left.tail, begin.unwrap_or_default()].concat();
    let end = [end.unwrap_or_default(), right].concat();
    first(&either, &begin).or_else(|| first(&own, &end))
}

impl Piece {
    fn counting(self) -> Option<u64> {
        self.from.counts.then_some(self.from.row)
    }
}

impl Run {
    /// Where that one of its last bytes comes from.
    fn origin(&self, at: usize) -> Option<Piece> {
        let mut end = 0;
        self.pieces.iter().copied().find(|piece| {
            end += piece.len;
            at < end
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::tests::sample;

    fn segment() -> Segment<'static> {
        let rows = sample::rows("data");
        *rows.iter().find_map(|row| row.segment()).unwrap()
    }

    /// Adds pieces of a stream that begins at `isn`, in this order. Gives what each came to.
    fn added(text: &str, isn: u32, pieces: &[(usize, &[u8])]) -> Vec<Option<u64>> {
        let (mut streams, segment) = (Streams::default(), segment());
        let needle = Needle {
            bytes: text.as_bytes(),
            letters: false,
        };
        let mut row = 0;
        let add = |(at, payload): &(usize, &[u8])| {
            let s = Segment {
                flags: crate::wire::tcp::Flags::ACK,
                seq: isn.wrapping_add(*at as u32),
                payload,
                ..segment
            };
            row += 1;
            let from = Origin {
                row: row - 1,
                counts: true,
            };
            streams.add(needle, from, &s)
        };
        pieces.iter().map(add).collect()
    }

    #[test]
    fn what_is_lost_and_comes_again_joins_what_is_before_and_behind_it() {
        let pieces: [(usize, &[u8]); 5] = [
            (0, b"see the nee"),
            (13, b"e in the hay"),
            (0, b"see the nee"),
            (11, b"dl"),
            (25, b"needle"),
        ];
        let found = added("needle", u32::MAX - 12, &pieces);
        assert_eq!(found, [None, None, None, Some(0), Some(4)]);
        let found = added("e in the h", 7, &[pieces[1], pieces[3]]);
        assert_eq!(found, [Some(0), None], "once only, where it is whole");
        // One byte at a time, as a person types.
        let typed: Vec<(usize, &[u8])> = (0..6).map(|at| (at, &b"needle"[at..=at])).collect();
        let found = added("needle", 1, &typed);
        assert_eq!(found, [None, None, None, None, None, Some(0)]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_and_mixed_up_it_is_found_where_it_begins(
            isn: u32,
            before in "[nedl]{0,40}",
            behind in "[nedl]{0,40}",
            cuts in proptest::collection::vec(1_usize..12, 90),
            swaps in proptest::collection::vec(0_usize..4, 90),
        ) {
            let text = "NEEDLE";
            let stream = [before.as_str(), text, behind.as_str()].concat();
            let (mut pieces, mut at) = (Vec::new(), 0);
            for cut in cuts {
                let end = (at + cut).min(stream.len());
                if at < end {
                    pieces.push((at, &stream.as_bytes()[at..end]));
                }
                at = end;
            }
            for (at, by) in swaps.into_iter().enumerate() {
                if at + by < pieces.len() {
                    pieces.swap(at, at + by);
                }
            }
            // Each comes twice.
            pieces = pieces.iter().flat_map(|piece| [*piece, *piece]).collect();
            let has = |(from, bytes): &(usize, &[u8]), place| (*from..from + bytes.len()).contains(&place);
            let row = pieces.iter().position(|piece| has(piece, before.len())).unwrap();
            let alone = has(&pieces[row], before.len() + text.len() - 1);
            let found: Vec<u64> = added(text, isn, &pieces).into_iter().flatten().collect();
            let expected = vec![row as u64];
            prop_assert!(found == expected || (alone && found.is_empty()), "{found:?} {expected:?}");
        }
    }
}
