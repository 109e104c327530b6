//! The way through a capture, or through one connection of it: how far it has been read, and places on it
//! from which it can be walked on, so that any row is near one of them.

use std::sync::Arc;

use super::capture::{Capture, Checkpoint, Step, Walk};
use super::flows::{Flows, Listed};
use super::overview::Overview;
use crate::event::{Board, Event, Kept};
use crate::io::clock::Stopwatch;
use crate::io::{Source, SourceError};
use crate::tui::{Bucket, Extent, PAGE_ROWS, Page};

/// Frames between two looks at the clock.
const LOOK_EVERY: u64 = 64;
/// Most places that are kept.
const MOST: usize = 512;
/// Frames from one to the next at first.
const FIRST_DISTANCE: u64 = 512;
/// So many bytes before the end of a capture there is a place, too: the last rows are asked for most.
const TAIL_BYTES: u64 = 512 << 10;
/// Most places that were come by lately, from which rows are walked to again.
const RECENT: usize = 16;
/// Rows between two such places on the way on through what grows, where a place is heavy.
const FAR_ROWS: u64 = 16 * PAGE_ROWS;
/// Memory that places on the way to a page may take, in bytes: who goes back page by page finds them.
const LOCAL_BYTES: usize = 16 << 20;

/// The way through a capture.
pub(super) struct Trail {
    /// The connection; `None` for all frames.
    pub(super) flow: Option<u32>,
    /// The frame after which nothing of it comes, where that is known.
    pub(super) until: Option<u64>,
    checkpoints: Vec<Checkpoint>,
    /// What they weigh, and may.
    weight: usize,
    room: usize,
    /// Frames from one to the next.
    distance: u64,
    /// Reads on, to know how much there is; `None` at the end.
    ahead: Option<Walk>,
    /// Reads the rows that are looked at.
    near: Option<Walk>,
    /// Where the end was met within a page that may grow: its number and rows, and the walk that goes on there.
    begun: Option<(u64, Vec<Kept>, Walk)>,
    /// Reads them again, a row at a time; and how the connection stood after its latest row.
    boards: Option<Walk>,
    recent: Vec<Checkpoint>,
    /// One shortly before the end.
    tail: Option<Checkpoint>,
    pub(super) extent: Extent,
    overview: Overview,
    pub(super) flows: Flows,
}

/// What reading on came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There is more.
    More,
    /// There may be more later.
    NotYet,
    /// That was all.
    All,
}

impl Trail {
    /// A way that begins at `first`, with so many bytes for places on it.
    pub(super) fn new(
        first: &Checkpoint,
        capture: &Capture,
        flow: Option<u32>,
        room: usize,
    ) -> Self {
        let ahead = first.walk(capture);
        Self {
            flow,
            until: None,
            weight: first.weight,
            // Who goes there again need not learn.
            checkpoints: vec![first.anew()],
            room,
            distance: FIRST_DISTANCE,
            ahead: Some(ahead),
            near: None,
            begun: None,
            boards: None,
            recent: Vec::new(),
            tail: None,
            extent: Extent::default(),
            overview: Overview::default(),
            flows: Flows::default(),
        }
    }

    /// Whether all of it was read.
    pub(super) const fn is_read(&self) -> bool {
        self.ahead.is_none()
    }

    /// The connections so far.
    pub(super) fn listed(&mut self) -> Vec<Listed> {
        self.flows.all(self.ahead.as_ref())
    }

    /// The pieces of what was read.
    pub(super) fn overview(&self) -> Arc<[Bucket]> {
        self.overview.told()
    }

    /// The last place before a frame.
    pub(super) fn before_frame(&self, frame: u64) -> Option<&Checkpoint> {
        let after = self
            .checkpoints
            .partition_point(|place| place.frames() < frame);
        self.checkpoints.get(after.saturating_sub(1))
    }

    /// The last place at which no row from `row` on has been passed.
    pub(super) fn before_row(&self, row: u64) -> Option<&Checkpoint> {
        let after = self.checkpoints.partition_point(|place| place.row <= row);
        self.checkpoints.get(after.saturating_sub(1))
    }

    /// Reads on until the watch shows `slice_ms`. At the end gives the walk, for what it has learned.
    pub(super) fn read_on(
        &mut self,
        capture: &mut Capture,
        watch: Stopwatch,
        slice_ms: u128,
    ) -> Result<(Read, Option<Walk>), SourceError> {
        let Some(mut walk) = self.ahead.take() else {
            return Ok((Read::All, None));
        };
        let total = capture.store.ending().map(|_| capture.store.len());
        let tail = total.map_or(u64::MAX, |total| total.saturating_sub(TAIL_BYTES));
        let (overview, flows) = (&mut self.overview, &mut self.flows);
        let read = loop {
            if self.until.is_some_and(|until| walk.frames() >= until) {
                break Read::All;
            }
            let row = walk.row;
            let step = walk.step(
                capture,
                self.flow,
                &mut |frame, event| match event {
                    Event::Segment(s) => overview.add(row, frame.time, Some(s), s.notes),
                    _ => overview.add(row, frame.time, None, &[]),
                },
                &mut |flow| flows.ended(flow),
            );
            match step {
                // What was read before holds; the walk does not go on.
                Err(error) => {
                    self.settle_extent(&walk, capture, true);
                    return Err(error);
                }
                Ok(Step::End) => {
                    // Asked in this order, nothing that came in between is missed.
                    let ended = capture.store.ending().is_some();
                    let place = walk.source.place();
                    let more = capture.store.len() > place.offset();
                    if !ended {
                        walk.again(capture);
                        break Read::NotYet;
                    }
                    if !more || walk.at_its_end {
                        break Read::All;
                    }
                    // It came between the last look and the end; what is no whole frame now never will be.
                    walk.again(capture);
                    walk.at_its_end = true;
                    continue;
                }
                Ok(Step::Row | Step::Other) => {}
            }
            if walk.frames().is_multiple_of(LOOK_EVERY) {
                let last = self.checkpoints.last().map_or(0, Checkpoint::frames);
                if walk.frames() >= last + self.distance {
                    let place = walk.checkpoint();
                    self.weight += place.weight;
                    self.checkpoints.push(place);
                    thin(
                        &mut self.checkpoints,
                        &mut self.weight,
                        self.room,
                        &mut self.distance,
                    );
                }
                if self.tail.is_none() && walk.source.progress().read >= tail {
                    self.tail = Some(walk.checkpoint());
                }
                if watch.elapsed().as_millis() >= slice_ms {
                    break Read::More;
                }
            }
        };
        self.settle_extent(&walk, capture, read == Read::All);
        if read == Read::All {
            let flows = &mut self.flows;
            walk.followed(&mut |flow| flows.ended(flow));
            return Ok((read, Some(walk)));
        }
        self.ahead = Some(walk);
        Ok((read, None))
    }

    fn settle_extent(&mut self, walk: &Walk, capture: &Capture, complete: bool) {
        let known = capture.store.ending().is_some();
        self.extent = Extent {
            rows: walk.row.max(self.extent.rows),
            read: walk.source.progress().read,
            total: known.then(|| capture.store.len()),
            complete,
            ..self.extent
        };
    }

    /// A walk from the nearest place at or before a row.
    fn walk_to(&mut self, capture: &Capture, row: u64, near: Option<Walk>) -> Option<Walk> {
        let fits = |place: &&Checkpoint| place.row <= row;
        let recent = self.recent.iter().chain(&self.tail).filter(fits);
        let place = recent
            .chain(self.before_row(row))
            .max_by_key(|place| (place.row, place.frames()));
        match (near, place) {
            (Some(walk), Some(place))
                if walk.row <= row && (walk.row, walk.frames()) >= (place.row, place.frames()) =>
            {
                Some(walk)
            }
            (_, Some(place)) => Some(place.walk(capture)),
            (near, None) => near.filter(|walk| walk.row <= row),
        }
    }

    /// The rows of a page, as far as they are there.
    pub(super) fn page(&mut self, capture: &mut Capture, number: u64) -> Result<Page, SourceError> {
        let first = number.saturating_mul(PAGE_ROWS);
        let grows = capture.store.ending().is_none();
        let mut near = self.near.take();
        if let Some((begun, rows, mut walk)) = self.begun.take().filter(|_| grows) {
            walk.again(capture);
            if begun == number {
                return self.rest_of_page(capture, number, rows, walk, grows);
            }
            near = near.or(Some(walk));
        }
        let from = near.as_ref().map(|walk| walk.row);
        let Some(mut walk) = self.walk_to(capture, first, near) else {
            return Ok(Page {
                number,
                rows: [].into(),
            });
        };
        let goes_on = grows && from == Some(walk.row);
        let mut half = first.saturating_sub((first - walk.row) / 2);
        while walk.row < first {
            // Places nearer and nearer to it: the page before will be wanted next.
            if walk.row >= half && first - walk.row > PAGE_ROWS && walk.weight() < LOCAL_BYTES / 8 {
                let place = walk.checkpoint();
                self.remember(place);
                half = first - (first - walk.row) / 2;
            }
            if !walk.next(capture, self.flow, &mut |_, _| ())? {
                break;
            }
        }
        // Who follows the end goes through page after page; a heavy place at each would take more time than walking.
        let latest = self.recent.last().map_or(0, |place| place.row);
        let is_near = first < latest.saturating_add(FAR_ROWS);
        if !(goes_on && is_near && walk.weight() >= LOCAL_BYTES / 8) {
            let place = walk.checkpoint();
            self.remember(place);
        }
        self.rest_of_page(capture, number, Vec::new(), walk, grows)
    }

    /// The page, of which these rows are there and the walk comes to the others.
    fn rest_of_page(
        &mut self,
        capture: &mut Capture,
        number: u64,
        mut rows: Vec<Kept>,
        mut walk: Walk,
        grows: bool,
    ) -> Result<Page, SourceError> {
        let first = number.saturating_mul(PAGE_ROWS);
        let end = first.saturating_add(PAGE_ROWS);
        while walk.row < end {
            let over = self.until.is_some_and(|until| walk.frames() >= until);
            if over {
                break;
            }
            let more = walk.next(capture, self.flow, &mut |frame, event| {
                rows.extend(Kept::of(frame, event));
            });
            match more {
                Ok(true) => {}
                Ok(false) => break,
                // The frames before the one that can't be read are there. Who reads on has told of it, or will.
                Err(_) if !rows.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        if walk.row == end {
            self.near = Some(walk);
        } else if grows && walk.row >= first {
            self.begun = Some((number, rows.clone(), walk));
        }
        // Elsewhere the end is to be looked for again where it was met.
        Ok(Page {
            number,
            rows: rows.into(),
        })
    }

    /// The row of a frame; `None` where it is none of this way, or has not been read yet.
    pub(super) fn row_of(
        &self,
        capture: &mut Capture,
        frame: u64,
    ) -> Result<Option<u64>, SourceError> {
        let read = self
            .ahead
            .as_ref()
            .is_none_or(|ahead| ahead.frames() >= frame);
        let Some(place) = self.before_frame(frame).filter(|_| read) else {
            return Ok(None);
        };
        let mut walk = place.walk(capture);
        while walk.frames() < frame {
            let row = walk.row;
            match walk.step(capture, self.flow, &mut |_, _| (), &mut |_| ())? {
                Step::Row if walk.frames() == frame => return Ok(Some(row)),
                Step::End => break,
                Step::Row | Step::Other => {}
            }
        }
        Ok(None)
    }

    /// What became of a frame, on this way or a part of it, whichever has the nearer place.
    pub(super) fn frame(
        &self,
        part: Option<&Self>,
        capture: &mut Capture,
        number: u64,
    ) -> Result<Option<Kept>, SourceError> {
        let trails = [Some(self), part].into_iter().flatten();
        let places = trails.filter_map(|trail| trail.before_frame(number));
        let before = places.filter(|place| place.frames() < number);
        match before.max_by_key(|place| place.frames()) {
            Some(place) => place.walk(capture).into_frame(capture, number),
            None => Ok(None),
        }
    }

    /// Keeps a place that was come by, as long as others are not come by later.
    fn remember(&mut self, place: Checkpoint) {
        self.recent.retain(|known| known.row != place.row);
        self.recent.push(place);
        let weight = |all: &[Checkpoint]| all.iter().map(|place| place.weight).sum::<usize>();
        while self.recent.len() > 1
            && (self.recent.len() > RECENT || weight(&self.recent) > LOCAL_BYTES)
        {
            self.recent.remove(0);
        }
    }

    /// How the connection of a row stands after it; `None` for a row that is no segment.
    pub(super) fn board(
        &mut self,
        capture: &mut Capture,
        row: u64,
    ) -> Result<Option<Board>, SourceError> {
        let near = self.boards.take();
        let Some(mut walk) = self.walk_to(capture, row, near) else {
            return Ok(None);
        };
        let mut segment = None;
        while walk.row <= row {
            let wanted = walk.row == row;
            let more = walk.next(capture, self.flow, &mut |_, event| {
                if let (true, Event::Segment(at)) = (wanted, event) {
                    segment = Some((at.frame, [at.src, at.dst], at.packet.tunnel));
                }
            })?;
            if !more {
                return Ok(None);
            }
        }
        let board = segment.and_then(|(frame, ends, tunnel)| walk.board(frame, ends, tunnel));
        self.boards = Some(walk);
        Ok(board)
    }
}

/// Drops every second place while there are too many, or too heavy ones, and keeps further ones at twice the
/// distance. The first stays: everything can be walked to from there.
fn thin(places: &mut Vec<Checkpoint>, weight: &mut usize, room: usize, distance: &mut u64) {
    while places.len() > 2 && (places.len() > MOST || *weight > room) {
        let mut at = 0;
        places.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        *weight = places.iter().map(|place| place.weight).sum();
        *distance = distance.saturating_mul(2);
    }
}
