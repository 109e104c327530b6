//! Serves the wishes of the screen, and reads the capture on in between.
//!
//! The capture is read once from its beginning for how much there is, and on the way places are kept from
//! which it can be walked on ([`Trail`]). When that reading has proved something of earlier frames, it is
//! read once more knowing it, and what is told from then on is what `replay` tells. Whatever takes longer
//! is done in slices, with a look at what is wished between them.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::capture::{Capture, Checkpoint, Wanted};
use super::find::{Find, Search};
use super::flows;
use super::measure::{Adding, Measure};
use super::trail::{Read, Trail};
use crate::event::units;
use crate::io::clock::Stopwatch;
use crate::io::file::{Place, Store};
use crate::io::{Source, SourceError};
use crate::tui::{Extent, Query, Told, Wish};

/// How long work goes on before it is looked what is wished, in milliseconds.
const SLICE_MS: u128 = 8;
/// How long a capture that grows is left alone when there is nothing new.
const NOTHING_NEW: Duration = Duration::from_millis(20);
/// How often it is told how far reading is, and what is known of all.
const EXTENT_EVERY: Duration = Duration::from_millis(50);
const OVERVIEW_EVERY: Duration = Duration::from_millis(300);
const FLOWS_EVERY: Duration = Duration::from_millis(500);
/// Making the list of connections takes at most such a part of the time.
const FLOWS_SHARE: u32 = 20;
/// Memory that places on the way through all frames may take, in bytes; and through one connection.
const ROOM: usize = 48 << 20;
const ROOM_OF_ONE: usize = 16 << 20;

/// Reads a capture for a screen.
pub(super) struct Worker {
    capture: Capture,
    tell: Box<dyn FnMut(Told) -> bool>,
    wished: Receiver<Wish>,
    /// What was wished and not yet granted.
    wishes: VecDeque<Wish>,
    /// Pages of which nothing is there yet.
    later: Vec<u64>,
    view: u64,
    /// Where the capture begins, and the way through it.
    begin: Option<(Place, Trail)>,
    /// The same once more, with what was learned the first time.
    again: Option<Trail>,
    /// The way through the connection that is looked at alone.
    one: Option<Trail>,
    find: Option<Find>,
    measure: Option<Measure>,
    settled: bool,
    told: Times,
    /// The list of connections was asked for; and how long it took to make it.
    flows_wanted: bool,
    flows_took: Duration,
    told_growth: bool,
    over: bool,
}

/// When what was told last.
struct Times {
    extent: Option<Stopwatch>,
    overview: Option<Stopwatch>,
    flows: Option<Stopwatch>,
}

/// Whether so much time has passed since something was told.
fn is_due(last: Option<Stopwatch>, every: Duration) -> bool {
    last.is_none_or(|watch| watch.elapsed() >= every)
}

impl Worker {
    /// Starts it. What it has to tell goes to `tell`, until that gives false.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub(super) fn start(
        store: Store,
        wanted: Wanted,
        tell: impl FnMut(Told) -> bool + Send + 'static,
    ) -> io::Result<Sender<Wish>> {
        let (wishes, wished) = mpsc::channel();
        // Made in its thread, which filters do not leave.
        let work = move || Self::new(Capture::new(store, wanted), wished, Box::new(tell)).run();
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(work)?;
        Ok(wishes)
    }

    fn new(capture: Capture, wished: Receiver<Wish>, tell: Box<dyn FnMut(Told) -> bool>) -> Self {
        Self {
            capture,
            tell,
            wished,
            wishes: VecDeque::new(),
            later: Vec::new(),
            view: 0,
            begin: None,
            again: None,
            one: None,
            find: None,
            measure: None,
            settled: false,
            told: Times {
                extent: None,
                overview: None,
                flows: None,
            },
            flows_wanted: false,
            flows_took: Duration::ZERO,
            told_growth: false,
            over: false,
        }
    }

    fn run(&mut self) {
        let mut failed = false;
        while !self.over {
            while let Ok(wish) = self.wished.try_recv() {
                self.hear(wish);
            }
            let idle = if self.begin.is_none() && !failed {
                match self.begin() {
                    Ok(begun) => !begun,
                    Err(error) => {
                        failed = true;
                        self.fail(&error);
                        true
                    }
                }
            } else if failed {
                self.wishes.clear();
                true
            } else if let Some(wish) = self.wishes.pop_front() {
                self.grant(wish);
                false
            } else if self.find.is_some() {
                self.search();
                false
            } else if self.measure.is_some() {
                self.measure_on();
                false
            } else {
                !self.read_on()
            };
            if idle && !self.over {
                self.wait(failed);
            }
        }
    }

    /// Waits for a wish; where more may come to the capture, not for long.
    fn wait(&mut self, failed: bool) {
        let grows = self.begin.as_ref().is_none_or(|(_, all)| !all.is_read());
        let wish = if grows && !failed {
            self.wished.recv_timeout(NOTHING_NEW)
        } else {
            let gone = |_| RecvTimeoutError::Disconnected;
            self.wished.recv().map_err(gone)
        };
        match wish {
            Ok(wish) => self.hear(wish),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.over = true,
        }
    }

    /// Takes a wish in. What comes last is granted first; what it makes idle is not granted at all.
    fn hear(&mut self, wish: Wish) {
        match wish {
            Wish::Quit => self.over = true,
            Wish::View { .. } => {
                self.wishes.retain(|wish| *wish == Wish::Flows);
                self.later.clear();
                self.find = None;
                self.measure = None;
                self.wishes.push_front(wish);
            }
            Wish::Find { .. } | Wish::LetBe => {
                self.wishes
                    .retain(|wish| !matches!(wish, Wish::Find { .. }));
                self.find = None;
                if wish != Wish::LetBe {
                    self.wishes.push_back(wish);
                }
            }
            // What was asked of a row that was passed by is not looked at any more.
            Wish::Frames { .. } => {
                self.wishes
                    .retain(|wish| !matches!(wish, Wish::Frames { .. }));
                self.wishes.push_back(wish);
            }
            // A change of the view comes before all that is about it.
            other => {
                let after_view = matches!(self.wishes.front(), Some(Wish::View { .. }));
                self.wishes.insert(usize::from(after_view), other);
            }
        }
    }

    fn tell(&mut self, told: Told) {
        if !(self.tell)(told) {
            self.over = true;
        }
    }

    fn say(&mut self, text: String) {
        self.tell(Told::Notice(text));
    }

    fn fail(&mut self, error: &SourceError) {
        self.tell(Told::Failed(error.to_string()));
    }

    /// Begins to read; false as long as there is too little.
    fn begin(&mut self) -> Result<bool, SourceError> {
        let Some(place) = self.capture.beginning()? else {
            return Ok(false);
        };
        let first = Checkpoint::learning(place.clone(), self.capture.nothing());
        let trail = Trail::new(&first, &self.capture, None, ROOM);
        self.begin = Some((place, trail));
        Ok(true)
    }

    /// The way that is looked at, and the capture.
    fn looked_at(&mut self) -> Option<(&mut Trail, &mut Capture)> {
        let all = self.begin.as_mut().map(|(_, trail)| trail);
        Some((self.one.as_mut().or(all)?, &mut self.capture))
    }

    fn grant(&mut self, wish: Wish) {
        super::panic_on_demand("reader");
        match wish {
            Wish::Quit => self.over = true,
            Wish::View { number, flow } => self.look_at(number, flow),
            Wish::Page(number) => self.page(number),
            Wish::Board(row) => {
                let Some((trail, capture)) = self.looked_at() else {
                    return;
                };
                match trail.board(capture, row) {
                    Ok(board) => self.tell(Told::Board(self.view, row, board.map(Box::new))),
                    Err(error) => self.fail(&error),
                }
            }
            Wish::Find {
                search,
                from,
                back,
                query,
            } => {
                self.find(search, (from, back), query);
            }
            Wish::Places(frames) => {
                let Some((trail, capture)) = self.looked_at() else {
                    return;
                };
                let place = |(host, frame)| match trail.row_of(capture, frame) {
                    Ok(row) => Ok((host, frame, row)),
                    Err(error) => Err(error),
                };
                match frames.into_iter().map(place).collect() {
                    Ok(places) => self.tell(Told::Places(self.view, places)),
                    Err(error) => self.fail(&error),
                }
            }
            Wish::Frames { frames, .. } => self.frames(&frames),
            Wish::Flows => {
                self.flows_wanted = true;
                self.list();
            }
            Wish::Measure { from, to } => {
                let Some((trail, capture)) = self.looked_at() else {
                    return;
                };
                self.measure = Measure::new(trail, capture, (from, to));
            }
            // The screen does the one; the other was done when it was heard.
            Wish::Copy(_) | Wish::LetBe => {}
        }
    }

    /// Looks at all frames, or at one connection.
    fn look_at(&mut self, number: u64, flow: Option<u32>) {
        self.view = number;
        self.one = flow.and_then(|flow| self.way_of(flow));
        self.tell_extent();
        self.tell_overview();
    }

    /// The way through a connection, from the last place before its first frame.
    fn way_of(&mut self, flow: u32) -> Option<Trail> {
        let (_, all) = self.begin.as_mut()?;
        let listed = all.listed();
        let found = listed.iter().find(|listed| listed.line.flow == flow);
        let first_frame = found.map_or(1, |listed| listed.first_frame);
        let first = all.before_frame(first_frame)?.anew();
        let mut trail = Trail::new(&first, &self.capture, Some(flow), ROOM_OF_ONE);
        trail.until = found
            .filter(|_| all.is_read())
            .map(|listed| listed.last_frame);
        Some(trail)
    }

    fn page(&mut self, number: u64) {
        let Some((trail, capture)) = self.looked_at() else {
            return;
        };
        let page = match trail.page(capture, number) {
            Ok(page) => page,
            Err(error) => return self.fail(&error),
        };
        let known = number * crate::tui::PAGE_ROWS + page.rows.len() as u64;
        let should = trail.extent.rows.min((number + 1) * crate::tui::PAGE_ROWS);
        if page.rows.is_empty() && !trail.extent.complete {
            self.later.push(number);
            return;
        }
        if known < should {
            trail.extent.rows = known;
            self.say("the capture has become shorter, or something else, since it was read".into());
            self.tell_extent();
        }
        self.tell(Told::Page(self.view, page));
        self.look_for_growth();
    }

    /// Says so when a file has grown that was read to its end.
    fn look_for_growth(&mut self) {
        let all_read = self.begin.as_ref().is_some_and(|(_, all)| all.is_read());
        let total = self
            .begin
            .as_ref()
            .and_then(|(_, all)| all.extent.total)
            .unwrap_or(u64::MAX);
        if all_read && !self.told_growth && self.capture.store.len() > total {
            self.told_growth = true;
            self.say(
                "the capture has grown since it was read; open it again to see what came".into(),
            );
        }
    }

    /// Begins a search.
    fn find(&mut self, search: u64, from: (u64, bool), query: Query) {
        let looked_at = self.looked_at();
        self.find =
            looked_at.and_then(|(trail, capture)| Find::new(trail, capture, search, from, query));
        if self.find.is_none() {
            self.tell(Told::Found(self.view, search, Ok(None)));
        }
    }

    /// Goes on with a search.
    fn search(&mut self) {
        let Some(mut find) = self.find.take() else {
            return;
        };
        let Some((trail, capture)) = self.looked_at() else {
            return;
        };
        let (number, news) = (find.number, find.news());
        let found = match find.go_on(trail, capture, Stopwatch::start(), SLICE_MS) {
            Ok(Search::More) => {
                self.find = Some(find);
                if let Some(row) = news {
                    self.tell(Told::Searching(self.view, number, row));
                }
                return;
            }
            Ok(Search::Over(hit)) => Ok(hit),
            Err(error) => Err(error.to_string()),
        };
        self.tell(Told::Found(self.view, number, found));
    }

    /// What became of single frames, whatever is looked at.
    fn frames(&mut self, frames: &[u64]) {
        let Some((_, all)) = &self.begin else {
            return;
        };
        let mut found = Vec::new();
        for &frame in frames {
            match all.frame(self.one.as_ref(), &mut self.capture, frame) {
                Ok(kept) => found.extend(kept),
                Err(error) => return self.fail(&error),
            }
        }
        self.tell(Told::Frames(self.view, found));
    }

    fn measure_on(&mut self) {
        let Some(mut measure) = self.measure.take() else {
            return;
        };
        let Some((trail, capture)) = self.looked_at() else {
            return;
        };
        let (from, to) = measure.range;
        match measure.go_on(trail, capture, Stopwatch::start(), SLICE_MS) {
            Ok(Adding::More) => self.measure = Some(measure),
            Ok(Adding::Over(sum)) => self.tell(Told::Measured(self.view, from, to, sum)),
            Err(error) => {
                self.fail(&error);
                self.tell(Told::Measured(self.view, from, to, None));
            }
        }
    }

    /// Reads on a little, and says how far that is; false when there was nothing.
    fn read_on(&mut self) -> bool {
        let watch = Stopwatch::start();
        if let Some(one) = self.one.as_mut().filter(|one| !one.is_read()) {
            let read = one.read_on(&mut self.capture, watch, SLICE_MS);
            let read = self.note(read.map(|(read, _)| read));
            self.tell_progress(read == Read::All);
            if read == Read::More {
                return true;
            }
        }
        let Some((_, all)) = &mut self.begin else {
            return false;
        };
        if !all.is_read() {
            let read = all.read_on(&mut self.capture, watch, SLICE_MS);
            return self.read_first(read);
        }
        let Some(again) = &mut self.again else {
            return false;
        };
        let read = again.read_on(&mut self.capture, watch, SLICE_MS);
        if self.note(read.map(|(read, _)| read)) != Read::More {
            self.settle();
        }
        true
    }

    /// What reading on came to; a failure ends it, and is told.
    fn note(&mut self, read: Result<Read, SourceError>) -> Read {
        read.unwrap_or_else(|error| {
            self.fail(&error);
            Read::All
        })
    }

    /// After a slice of the first reading.
    fn read_first(
        &mut self,
        read: Result<(Read, Option<super::capture::Walk>), SourceError>,
    ) -> bool {
        let (read, walk) = match read {
            Ok(read) => read,
            Err(error) => {
                self.fail(&error);
                (Read::All, None)
            }
        };
        if read == Read::All {
            self.first_reading_is_over(walk);
        }
        let rows = self.begin.as_ref().map_or(0, |(_, all)| all.extent.rows);
        if rows > 0 || read == Read::All {
            for number in std::mem::take(&mut self.later) {
                self.wishes.push_back(Wish::Page(number));
            }
        }
        self.tell_progress(read == Read::All);
        read == Read::More || read == Read::All
    }

    /// All was read: says what is missing, and reads again if something was learned.
    fn first_reading_is_over(&mut self, walk: Option<super::capture::Walk>) {
        let ending = self.capture.store.ending().unwrap_or_default();
        let truncated = walk.as_ref().and_then(|walk| walk.source.truncated());
        match (truncated, ending.cut) {
            (None, None) => {}
            (Some(one), Some(other)) => self.say(format!("{one}; {other}")),
            (Some(why), None) | (None, Some(why)) => self.say(why),
        }
        let last = self.begin.as_ref().and_then(|(place, all)| {
            if let Some(one) = &mut self.one {
                let listed = all.flows.over();
                let found = listed
                    .iter()
                    .find(|listed| Some(listed.line.flow) == one.flow);
                one.until = found.map(|listed| listed.last_frame);
            }
            Some((place.clone(), walk?.learned())).filter(|(_, learned)| !learned.is_empty())
        });
        match last {
            None => self.settled = true,
            Some((place, learned)) => {
                let first = Checkpoint::first(place, self.capture.knowing(learned));
                self.again = Some(Trail::new(&first, &self.capture, None, ROOM));
            }
        }
    }

    /// The second reading is over: what is told from now on stays.
    fn settle(&mut self) {
        if let (Some(again), Some((_, all))) = (self.again.take(), &mut self.begin) {
            *all = again;
        }
        self.settled = true;
        if let Some(before) = self.one.take() {
            self.one = before.flow.and_then(|flow| self.way_of(flow));
            if let Some(one) = &mut self.one {
                one.extent.rows = before.extent.rows;
            }
        }
        if let Some((search, from, query)) = self.find.take().map(Find::asked) {
            self.find(search, from, query);
        }
        self.tell_progress(true);
    }

    /// Tells how far reading is and what is known of all, if that is due, or `now`.
    fn tell_progress(&mut self, now: bool) {
        if now || is_due(self.told.extent, EXTENT_EVERY) {
            self.tell_extent();
        }
        if now || is_due(self.told.overview, OVERVIEW_EVERY) {
            self.tell_overview();
        }
        let every = FLOWS_EVERY.max(self.flows_took * FLOWS_SHARE);
        if self.flows_wanted && (now || is_due(self.told.flows, every)) {
            self.list();
        }
    }

    fn tell_extent(&mut self) {
        self.told.extent = Some(Stopwatch::start());
        let settled = self.settled;
        let extent = self.looked_at().map(|(trail, capture)| Extent {
            settled,
            dropped: capture.store.dropped(),
            ..trail.extent
        });
        if let Some(extent) = extent {
            self.tell(Told::Extent(self.view, extent));
        }
    }

    fn tell_overview(&mut self) {
        self.told.overview = Some(Stopwatch::start());
        if let Some(overview) = self.looked_at().map(|(trail, _)| trail.overview()) {
            self.tell(Told::Overview(self.view, overview));
        }
    }

    /// Tells the connections.
    fn list(&mut self) {
        let watch = Stopwatch::start();
        let Some((_, all)) = &mut self.begin else {
            return;
        };
        let lines = flows::lines(&all.listed());
        let too_many = all.flows.too_many && all.is_read();
        self.flows_took = watch.elapsed();
        self.told.flows = Some(Stopwatch::start());
        if too_many {
            let count = units::count(lines.len() as u64);
            self.say(format!("only the first {count} connections are listed"));
        }
        self.tell(Told::Flows(lines));
    }
}
