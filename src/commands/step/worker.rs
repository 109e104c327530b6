//! Serves the wishes of the screen, and reads the capture on in between.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;

use crate::analysis::{Analysis, Limits};
use crate::commands::input;
use crate::event::{Board, Kept};
use crate::io::{Source, SourceError};
use crate::tui::{Extent, PAGE_ROWS, Page, Query, Told, Wish};

/// Frames read between two looks at what is wished.
const SLICE: u64 = 4096;

/// Reads a capture for a screen.
pub(super) struct Worker {
    name: String,
    tell: Box<dyn FnMut(Told) -> bool>,
    view: u64,
    flow: Option<u32>,
    extent: Extent,
    /// Reads on, to know how much there is.
    ahead: Option<Walk>,
    /// Reads the rows that are looked at.
    near: Option<Walk>,
}

/// A walk through the capture, row by row.
struct Walk {
    source: Box<dyn Source>,
    analysis: Analysis,
    flow: Option<u32>,
    /// Number of the next row.
    row: u64,
}

impl Worker {
    /// Starts it. What it has to tell goes to `tell`, until that gives false.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub(super) fn start(
        name: String,
        tell: impl FnMut(Told) -> bool + Send + 'static,
    ) -> io::Result<Sender<Wish>> {
        let (wishes, wished) = mpsc::channel();
        // Made in its thread, which sources do not leave.
        let work = move || {
            let mut worker = Self {
                name,
                tell: Box::new(tell),
                view: 0,
                flow: None,
                extent: Extent::default(),
                ahead: None,
                near: None,
            };
            worker.run(&wished);
        };
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(work)?;
        Ok(wishes)
    }

    fn run(&mut self, wished: &Receiver<Wish>) {
        loop {
            let wish = if self.extent.complete || self.ahead.is_none() {
                wished.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                wished.try_recv()
            };
            let go_on = match wish {
                Ok(wish) => self.grant(wish),
                Err(TryRecvError::Empty) => self.read_on(),
                Err(TryRecvError::Disconnected) => return,
            };
            if !go_on {
                return;
            }
        }
    }

    fn grant(&mut self, wish: Wish) -> bool {
        match wish {
            Wish::Quit => false,
            Wish::View { number, flow } => {
                (self.view, self.flow) = (number, flow);
                self.extent = Extent::default();
                self.near = None;
                match self.walk() {
                    Ok(walk) => {
                        self.ahead = Some(walk);
                        true
                    }
                    Err(why) => (self.tell)(Told::Failed(why)),
                }
            }
            Wish::Board(row) => {
                let board = self.board(row);
                (self.tell)(Told::Board(self.view, row, board.map(Box::new)))
            }
            Wish::Find { from, back, query } => {
                let found = self.find(from, back, &query);
                (self.tell)(Told::Found(self.view, found))
            }
            Wish::Flows | Wish::Copy(_) => true,
            Wish::Page(number) => match self.page(number) {
                Ok(page) => (self.tell)(Told::Page(self.view, page)),
                Err(why) => (self.tell)(Told::Failed(why)),
            },
        }
    }

    /// A walk from the beginning.
    fn walk(&self) -> Result<Walk, String> {
        let (source, _) = input::capture(&self.name).map_err(|error| format!("{error:#}"))?;
        Ok(Walk {
            source,
            analysis: Analysis::new(Limits::default()),
            flow: self.flow,
            row: 0,
        })
    }

    /// Reads on a little, and says how far that is.
    fn read_on(&mut self) -> bool {
        let Some(walk) = &mut self.ahead else {
            return true;
        };
        for _ in 0..SLICE {
            match walk.next() {
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.extent.complete = true;
                    break;
                }
                Err(error) => {
                    self.extent.complete = true;
                    (self.tell)(Told::Failed(error.to_string()));
                    break;
                }
            }
        }
        let progress = walk.source.progress();
        self.extent = Extent {
            rows: walk.row,
            read: progress.read,
            total: progress.total,
            complete: self.extent.complete,
        };
        (self.tell)(Told::Extent(self.view, self.extent))
    }

    /// How the connection stands after a row.
    fn board(&self, row: u64) -> Option<Board> {
        let mut walk = self.walk().ok()?;
        let mut kept = None;
        while walk.row <= row {
            kept = Some(walk.next().ok()??);
        }
        let segment = kept.as_ref()?.segment()?;
        let mut board = walk.analysis.board([segment.src, segment.dst], 0)?;
        board.frame = segment.frame;
        Some(board)
    }

    fn find(&self, from: u64, back: bool, query: &Query) -> Option<u64> {
        let mut walk = self.walk().ok()?;
        let mut found = None;
        loop {
            let row = walk.row;
            if back && row >= from {
                return found;
            }
            let kept = walk.next().ok()??;
            if (back || row > from) && query.fits(&kept) {
                if !back {
                    return Some(row);
                }
                found = Some(row);
            }
        }
    }

    fn page(&mut self, number: u64) -> Result<Page, String> {
        let first = number * PAGE_ROWS;
        let mut walk = match self.near.take() {
            Some(walk) if walk.row <= first => walk,
            _ => self.walk()?,
        };
        let mut rows = Vec::new();
        while walk.row < first + PAGE_ROWS {
            let row = walk.row;
            match walk.next().map_err(|error| error.to_string())? {
                Some(kept) if row >= first => rows.push(kept),
                Some(_) => {}
                None => break,
            }
        }
        self.near = Some(walk);
        Ok(Page {
            number,
            rows: rows.into(),
        })
    }
}

impl Walk {
    /// The next row.
    fn next(&mut self) -> Result<Option<Kept>, SourceError> {
        loop {
            let Some(frame) = self.source.next_frame()? else {
                return Ok(None);
            };
            let (flow, mut kept) = (self.flow, None);
            let done: Result<(), std::convert::Infallible> =
                self.analysis.handle(&frame, &mut |event| {
                    let of = match event {
                        crate::event::Event::Segment(segment) => Some(segment.flow),
                        _ => None,
                    };
                    if flow.is_none() || flow == of {
                        kept = Kept::of(&frame, event).or(kept.take());
                    }
                    Ok(())
                });
            let Ok(()) = done;
            if kept.is_some() {
                self.row += 1;
                return Ok(kept);
            }
        }
    }
}
