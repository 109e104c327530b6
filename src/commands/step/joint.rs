//! Two captures in step: both ends of a run, or of one connection captured at two places.
//!
//! They are read once, joined, and kept, as many rows as there is room for: what is compared are experiments and
//! their like. Where there are more, that is said, and one capture alone can be walked through to its end.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;

use anyhow::{Result, anyhow, bail};

use crate::analysis::{Analysis, Hindsight, Limits};
use crate::commands::ends::{Ends, Merged, Next, Told as Truth};
use crate::commands::peer;
use crate::commands::pipeline::learn;
use crate::event::{Board, Endpoint, Event, Host, Joint, Kept};
use crate::frame::Frame;
use crate::lab::truth::Happening;
use crate::pair::{Meeting, Pair};
use crate::tui::{Extent, Hit, Measured, PAGE_ROWS, Page, Query, Seeker, Told, Wish};
use crate::view::BothEnds;

/// Rows that are kept, and bytes of them.
const MOST_ROWS: usize = 100_000;
const MOST_BYTES: usize = 256 << 20;
/// Steps of reading between two looks at what is wished.
const SLICE: usize = 1024;

/// Which two captures.
#[derive(Clone, Debug)]
pub(super) enum Two {
    /// The two ends of a recording; whether calls and figures are wanted, too.
    Ends(String, bool),
    /// Captures of the same connections.
    Peers(String, String),
}

/// Starts reading them. What there is to tell goes to `tell`, until that gives false. Gives where wishes go, and
/// what there is to be shown beside packets.
///
/// # Errors
///
/// When there are no two, or they can't be read.
pub(super) fn start(
    two: Two,
    tell: impl FnMut(Told) -> bool + Send + 'static,
) -> Result<(Sender<Wish>, BothEnds)> {
    let (wishes, wished) = mpsc::channel();
    let (to_say, said) = mpsc::channel();
    // Made in its thread, which sources do not leave.
    let work = move || match Both::open(&two) {
        Ok(both) => {
            let mut tell = tell;
            if to_say.send(Ok(both.shows)).is_ok() {
                both.run(&wished, &mut tell);
            }
        }
        Err(error) => {
            let _ = to_say.send(Err(error));
        }
    };
    thread::Builder::new()
        .name("reader".to_owned())
        .spawn(work)
        .map_err(|error| anyhow!("can't start a thread to read with: {error}"))?;
    let shows = said
        .recv()
        .map_err(|_| anyhow!("reading has ended before it began"))??;
    Ok((wishes, shows))
}

/// Both, as they are read.
struct Both {
    ends: Ends,
    merged: Merged,
    pair: Pair,
    shows: BothEnds,
    meeting: Option<Rc<Meeting>>,
    rows: Vec<Kept>,
    bytes: usize,
    /// Frames that rows to come may be about, by host and number.
    frames: HashMap<(Host, u64), Arc<Kept>>,
    /// Whether there is nothing more to read.
    complete: bool,
    /// The rows of the connection that is looked at alone, if one is.
    chosen: Option<Vec<usize>>,
    view: u64,
}

impl Both {
    fn open(two: &Two) -> Result<Self> {
        let (ends, meeting, calls) = match two {
            Two::Ends(name, calls) => (Ends::find(name)?, None, *calls),
            Two::Peers(first, second) => match peer::meet(first, second)? {
                Some(peers) => (peers.ends, Some(Rc::new(peers.meeting)), true),
                None => bail!(
                    "{} and {} don't seem to be captures of the same connections: too few packets of one are in \
                     the other",
                    first.escape_debug(),
                    second.escape_debug()
                ),
            },
        };
        let merged = Merged::open(&ends, meeting.clone())?;
        let learned = |host| -> Result<Hindsight> {
            Ok(learn(
                ends.open(host)?.as_mut(),
                &mut None,
                Limits::default(),
            ))
        };
        let hindsight = [learned(Host::Client)?, learned(Host::Server)?];
        let mut pair = Pair::new(merged.join(), Limits::default()).with_hindsight(hindsight);
        if let Some(meeting) = &meeting {
            pair = pair.with_meeting(Rc::clone(meeting));
        }
        let figures = calls && merged.has_truth();
        Ok(Self {
            ends,
            merged,
            pair,
            shows: BothEnds { calls, figures },
            meeting,
            rows: Vec::new(),
            bytes: 0,
            frames: HashMap::new(),
            complete: false,
            chosen: None,
            view: 0,
        })
    }

    fn run(mut self, wished: &Receiver<Wish>, tell: &mut dyn FnMut(Told) -> bool) {
        if let Some(meeting) = &self.meeting {
            tell(Told::Notice(meeting.clock().to_string()));
        }
        loop {
            let wish = if self.complete {
                wished.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                wished.try_recv()
            };
            let go_on = match wish {
                Ok(wish) => self.grant(wish, tell),
                Err(TryRecvError::Empty) => self.read_on(tell),
                Err(TryRecvError::Disconnected) => return,
            };
            if !go_on {
                return;
            }
        }
    }

    /// Reads on a little, and says how far that is.
    fn read_on(&mut self, tell: &mut dyn FnMut(Told) -> bool) -> bool {
        let mut told = true;
        for _ in 0..SLICE {
            match self.step() {
                Ok(true) if self.rows.len() < MOST_ROWS && self.bytes < MOST_BYTES => {}
                Ok(true) => {
                    self.complete = true;
                    let rows = self.rows.len();
                    told &= tell(Told::Notice(format!(
                        "only the first {rows} rows of both: there is no room for more; one capture alone can be \
                         walked through to its end"
                    )));
                    break;
                }
                Ok(false) => {
                    self.complete = true;
                    if let Some(problem) = self.merged.problem() {
                        told &= tell(Told::Failed(problem.to_owned()));
                    }
                    break;
                }
                Err(error) => {
                    self.complete = true;
                    told &= tell(Told::Failed(error.to_string()));
                    break;
                }
            }
        }
        told && tell(Told::Extent(self.view, self.extent()))
    }

    fn extent(&self) -> Extent {
        let rows = self.chosen.as_ref().map_or(self.rows.len(), Vec::len);
        Extent {
            rows: rows as u64,
            complete: self.complete,
            // Both captures are read for what they prove before any row is made.
            settled: true,
            ..Extent::default()
        }
    }

    /// Takes what happens next. Gives whether there was anything.
    fn step(&mut self) -> io::Result<bool> {
        let Self {
            merged,
            pair,
            rows,
            bytes,
            frames,
            shows,
            ..
        } = self;
        let mut keep = |frame: Option<(Host, &Frame<'_>)>, event: &Event<'_>| {
            keep_event(rows, bytes, frames, *shows, frame, event);
            Ok::<(), crate::io::SourceError>(())
        };
        let more = merged.next(|next| match next {
            Next::Frame(host, frame, sent) => pair.frame(host, &frame, sent, &mut |event| {
                keep(Some((host, &frame)), event)
            }),
            Next::Told(Truth::Begins(call)) => {
                pair.begins(&call);
                Ok(())
            }
            Next::Told(Truth::Line(line)) => {
                pair.happening(&Happening::Line(line), &mut |event| keep(None, event))
            }
        });
        let more = more.map_err(|error| io::Error::other(error.to_string()))?;
        if !more {
            let end = crate::event::End::default();
            pair.finish(&end, &mut |event| keep(None, event))
                .map_err(|error| io::Error::other(error.to_string()))?;
            frames.clear();
        }
        Ok(more)
    }

    fn grant(&mut self, wish: Wish, tell: &mut dyn FnMut(Told) -> bool) -> bool {
        match wish {
            Wish::Quit => false,
            Wish::View { number, flow } => {
                self.view = number;
                self.chosen = flow.map(|flow| self.of_flow(flow));
                tell(Told::Extent(self.view, self.extent()))
            }
            Wish::Page(number) => {
                let rows = (number * PAGE_ROWS..(number + 1) * PAGE_ROWS)
                    .map_while(|row| self.row(row).cloned())
                    .collect();
                tell(Told::Page(self.view, Page { number, rows }))
            }
            Wish::Board(row) => {
                let board = self.board(row).map(Box::new);
                tell(Told::Board(self.view, row, board))
            }
            Wish::Find {
                search,
                from,
                back,
                query,
            } => {
                let found = self.find(from, back, &query);
                tell(Told::Found(self.view, search, Ok(found)))
            }
            Wish::Frames { host, frames } => {
                let of = |row: &&Kept| frames.iter().any(|frame| row.shows(host, *frame));
                let found = self.rows.iter().filter(of).cloned().collect();
                tell(Told::Frames(self.view, found))
            }
            Wish::Measure { from, to } => {
                let sum = Measured::of((from..=to).map(|row| self.row(row)));
                tell(Told::Measured(self.view, from, to, sum))
            }
            Wish::Flows | Wish::Copy(_) | Wish::LetBe => true,
        }
    }

    fn row(&self, row: u64) -> Option<&Kept> {
        let row = usize::try_from(row).ok()?;
        match &self.chosen {
            None => self.rows.get(row),
            Some(chosen) => self.rows.get(*chosen.get(row)?),
        }
    }

    /// The rows of that connection.
    fn of_flow(&self, flow: u32) -> Vec<usize> {
        let is_of = |row: &Kept| row.segment().is_some_and(|segment| segment.flow == flow);
        (0..self.rows.len())
            .filter(|&at| self.rows.get(at).is_some_and(is_of))
            .collect()
    }

    fn find(&self, from: u64, back: bool, query: &Query) -> Option<Hit> {
        let (mut row, mut seeker) = if back {
            (0, Seeker::last(query.clone(), from))
        } else {
            (from + 1, Seeker::first(query.clone(), from + 1))
        };
        while let Some(kept) = self.row(row)
            && seeker.wants(row)
        {
            seeker.look(row, kept);
            row += 1;
        }
        seeker.found()
    }

    /// How the connection stands after a row, as the capture has it that the row is best looked at in.
    fn board(&self, row: u64) -> Option<Board> {
        let kept = self.row(row)?;
        let segment = kept.segment()?;
        let Some(Joint::Passage(passage)) = kept.joint.as_deref() else {
            return None;
        };
        let (host, number) = passage.shown_at()?;
        let mut source = self.ends.open(host).ok()?;
        let mut analysis = Analysis::new(Limits::default());
        let mut tunnel = 0;
        while let Some(frame) = source.next_frame().ok()? {
            let done: Result<(), std::convert::Infallible> =
                analysis.handle(&frame, &mut |event| {
                    if let Event::Segment(segment) = event {
                        tunnel = segment.packet.tunnel;
                    }
                    Ok(())
                });
            let Ok(()) = done;
            if frame.number >= number {
                break;
            }
        }
        let ends: [Endpoint; 2] = [segment.src, segment.dst];
        analysis.board(ends, tunnel)
    }
}

/// Keeps what a row is made of.
fn keep_event(
    rows: &mut Vec<Kept>,
    bytes: &mut usize,
    frames: &mut HashMap<(Host, u64), Arc<Kept>>,
    shows: BothEnds,
    frame: Option<(Host, &Frame<'_>)>,
    event: &Event<'_>,
) {
    if let (Event::At(host, event), Some((_, frame))) = (event, frame) {
        if let Some(kept) = Kept::of(frame, event) {
            *bytes += kept.weight();
            frames.insert((*host, frame.number), Arc::new(kept));
        }
        return;
    }
    let wanted = match event {
        Event::Call(_) => shows.calls,
        Event::Reading(_) => shows.figures,
        _ => true,
    };
    let joint = Joint::of(event, |host, number| frames.get(&(host, number)).cloned());
    let Some(joint) = joint.filter(|_| wanted) else {
        return;
    };
    let frame = match &joint {
        Joint::Passage(passage) => passage.shown_at().and_then(|at| frames.get(&at).cloned()),
        _ => None,
    };
    let row = Kept::joined(joint, frame.as_deref());
    *bytes += row.weight();
    rows.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings;
    use crate::view::{Json, Lines, View};

    fn both(name: &str, calls: bool) -> Both {
        Both::open(&Two::Ends(name.to_owned(), calls)).unwrap()
    }

    fn lines(event: &Event<'_>) -> String {
        let mut out = Vec::new();
        let mut json = Json::new(Lines::Everything);
        json.event(event, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_what_replay_tells_of_both_ends() {
        let mut passages = 0;
        for recording in recordings::all() {
            let mut told = Vec::new();
            let Both {
                mut merged,
                mut pair,
                ..
            } = both(recording.name, true);
            let mut tell = |event: &Event<'_>| -> Result<(), crate::io::SourceError> {
                let row = matches!(
                    event,
                    Event::Passage(_) | Event::Call(_) | Event::Reading(_)
                );
                told.extend(row.then(|| lines(event)));
                Ok(())
            };
            let next = |next: Next<'_>| match next {
                Next::Frame(host, frame, sent) => pair.frame(host, &frame, sent, &mut tell),
                Next::Told(Truth::Begins(call)) => {
                    pair.begins(&call);
                    Ok(())
                }
                Next::Told(Truth::Line(line)) => pair.happening(&Happening::Line(line), &mut tell),
            };
            let mut next = next;
            while merged.next(&mut next).unwrap() {}
            let end = crate::event::End::default();
            pair.finish(&end, &mut tell).unwrap();

            let mut kept = both(recording.name, true);
            while kept.step().unwrap() {}
            let rows: Vec<String> = kept
                .rows
                .iter()
                .map(|row| row.joint.as_ref().unwrap().with(lines))
                .collect();
            assert_eq!(rows, told, "{}", recording.name);
            passages += rows.len();
        }
        assert!(passages > 1000, "{passages}");
    }

    #[test]
    fn the_frames_that_a_row_rests_on_are_found_at_its_host() {
        let mut both = both("retransmission", false);
        while both.step().unwrap() {}
        let (mut found, last) = (0, both.extent().rows);
        for row in (0..last).filter_map(|row| both.row(row)) {
            let host = row.host().unwrap();
            assert!(row.shows(Some(host), row.frame));
            for frame in row.notes.iter().flat_map(|note| &note.frames) {
                let query = Query::Frame(Some(host), *frame);
                let rests = both.find(last, true, &query);
                let rests = rests.or_else(|| both.find(0, false, &query));
                let rests = both.row(rests.unwrap().row).unwrap();
                assert!(rests.shows(Some(host), *frame));
                found += 1;
            }
        }
        assert!(found > 10, "{found}");
        let all = Measured::of((0..last).map(|row| both.row(row))).unwrap();
        // Each packet once: as many as the client sent by its own capture, and what it got.
        let packets = |host: Host| {
            let rows = (0..last).filter_map(|row| both.row(row));
            let rows = rows.filter(|row| row.joint.as_ref().is_some_and(|it| !it.is_arrival()));
            rows.filter(|row| row.host() == Some(host)).count() as u64
        };
        assert_eq!(
            all.segments.iter().sum::<u64>(),
            packets(Host::Client) + packets(Host::Server)
        );
        assert!(all.rows > all.segments.iter().sum());
    }

    #[test]
    fn a_row_has_its_board_and_a_search_goes_both_ways() {
        let mut both = both("retransmission", false);
        while both.step().unwrap() {}
        let again = both.find(0, false, &Query::Problem).unwrap();
        assert_eq!(
            both.find(both.extent().rows, true, &Query::Problem),
            Some(again)
        );
        let board = both.board(again.row).unwrap();
        assert_eq!(board.frame, both.row(again.row).unwrap().frame);
        let half = &board.halves[0];
        assert!(half.una < half.nxt, "{half:?}");
        assert!(
            both.rows.iter().all(Kept::has_frame),
            "no calls were wanted"
        );
    }
}
