//! Two captures in step: both ends of a run, or of one connection captured at two places.
//!
//! They are read once, joined, and kept, as many rows as there is room for: what is compared are experiments and
//! their like. Where there are more, that is said, and one capture alone can be walked through to its end.

mod rows;
mod standing;

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;

use anyhow::{Result, anyhow, bail};

use self::rows::Rows;
use self::standing::Standing;
use super::overview::Overview;
use crate::analysis::{Hindsight, Limits};
use crate::commands::ends::{Ends, Merged, Next, Told as Truth};
use crate::commands::peer;
use crate::commands::pipeline::learn;
use crate::event::{Board, End, Event, Host, Kept};
use crate::frame::Frame;
use crate::lab::truth::Happening;
use crate::pair::{Meeting, Pair};
use crate::tui::{Extent, Hit, Measured, PAGE_ROWS, Page, Query, Seeker, Told, Wish};
use crate::view::BothEnds;

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
    rows: Rows,
    standing: Standing,
    /// Whether there is nothing more to read.
    complete: bool,
    /// The connection that is looked at alone, if one is.
    chosen: Option<Chosen>,
    view: u64,
    /// Whether the list of connections was asked for.
    flows_wanted: bool,
}

/// A connection that is looked at alone.
struct Chosen {
    flow: u32,
    /// Places of its rows among all.
    rows: Vec<usize>,
    /// As many of all rows have been looked through for them.
    seen: usize,
    overview: Overview,
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
        let shows = BothEnds {
            calls,
            figures: calls && merged.has_truth(),
        };
        Ok(Self {
            ends,
            merged,
            pair,
            shows,
            meeting,
            rows: Rows::new(shows),
            standing: Standing::default(),
            complete: false,
            chosen: None,
            view: 0,
            flows_wanted: false,
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
                Ok(true) if self.rows.have_room() => {}
                Ok(true) => {
                    self.complete = true;
                    self.sum_up();
                    let rows = self.rows.all().len();
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
        self.look_on();
        told &= tell(Told::Extent(self.view, self.extent()));
        if self.complete {
            told &= tell(self.overview());
            told &= !self.flows_wanted || tell(self.flows());
        }
        told
    }

    /// Has the connections summed up that are not over, and no row made of what is still on its way: there is more,
    /// for which there is no room.
    fn sum_up(&mut self) {
        let (end, rows) = (End::default(), &mut self.rows);
        let done: Result<(), Infallible> = self.pair.finish(&end, &mut |event| {
            rows.sum_up(event);
            Ok(())
        });
        let Ok(()) = done;
    }

    /// Finds the new rows of the connection that is looked at alone.
    fn look_on(&mut self) {
        let Some(chosen) = &mut self.chosen else {
            return;
        };
        let all = self.rows.all();
        for (place, row) in all.iter().enumerate().skip(chosen.seen) {
            if row.segment().is_some_and(|it| it.flow == chosen.flow) {
                rows::count(&mut chosen.overview, chosen.rows.len() as u64, row);
                chosen.rows.push(place);
            }
        }
        chosen.seen = all.len();
    }

    fn overview(&self) -> Told {
        let of_one = self.chosen.as_ref().map(|chosen| &chosen.overview);
        let overview = of_one.unwrap_or_else(|| self.rows.overview());
        Told::Overview(self.view, overview.told())
    }

    fn flows(&self) -> Told {
        Told::Flows(self.rows.flows())
    }

    fn extent(&self) -> Extent {
        let rows = self.chosen.as_ref();
        let rows = rows.map_or(self.rows.all().len(), |chosen| chosen.rows.len());
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
            merged, pair, rows, ..
        } = self;
        let mut keep = |frame: Option<(Host, &Frame<'_>)>, event: &Event<'_>| {
            rows.keep(frame, event);
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
            pair.finish(&End::default(), &mut |event| keep(None, event))
                .map_err(|error| io::Error::other(error.to_string()))?;
            rows.done();
        }
        Ok(more)
    }

    fn grant(&mut self, wish: Wish, tell: &mut dyn FnMut(Told) -> bool) -> bool {
        match wish {
            Wish::Quit => false,
            Wish::View { number, flow } => {
                self.view = number;
                self.chosen = flow.map(Chosen::new);
                self.look_on();
                tell(Told::Extent(self.view, self.extent())) && tell(self.overview())
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
                let found = self.rows.all().iter().filter(of).cloned().collect();
                tell(Told::Frames(self.view, found))
            }
            Wish::Measure { from, to } => {
                let sum = Measured::of((from..=to).map(|row| self.row(row)));
                tell(Told::Measured(self.view, from, to, sum))
            }
            Wish::Flows => {
                self.flows_wanted = true;
                tell(self.flows())
            }
            Wish::Places(frames) => {
                let places = frames.into_iter().map(|(host, frame)| {
                    let shows = |row: &u64| self.row(*row).is_some_and(|it| it.shows(host, frame));
                    (host, frame, (0..self.extent().rows).find(shows))
                });
                let places = places.collect();
                tell(Told::Places(self.view, places))
            }
            Wish::Copy(_) | Wish::LetBe => true,
        }
    }

    /// Where a row of what is looked at is among all.
    fn place(&self, row: u64) -> Option<usize> {
        let row = usize::try_from(row).ok()?;
        match &self.chosen {
            None => Some(row),
            Some(chosen) => chosen.rows.get(row).copied(),
        }
    }

    fn row(&self, row: u64) -> Option<&Kept> {
        self.rows.all().get(self.place(row)?)
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

    /// How the connection stands after a row, each end as its own capture has it.
    fn board(&mut self, row: u64) -> Option<Board> {
        let place = self.place(row)?;
        self.standing.board(&self.ends, &self.rows, place)
    }
}

impl Chosen {
    fn new(flow: u32) -> Self {
        Self {
            flow,
            rows: Vec::new(),
            seen: 0,
            overview: Overview::default(),
        }
    }
}

#[cfg(test)]
mod tests;
