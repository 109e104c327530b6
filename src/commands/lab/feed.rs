//! What happens in a run, on its way to those who keep and show it.
//!
//! The run hands over what happens on one thread; here it is taken on another, written to the recording,
//! added up, and given on. Before this waits for more, the recording is handed to the system: what can
//! be seen on the screen is in the files, whatever ends the program.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::frame::{Frame, LinkType};
use crate::io::lab::record::{RecordError, Recorded, Recorder};
use crate::io::{Interface, Source, SourceError};
use crate::lab::truth::{Happening, HostFrame};
use crate::lab::{Side, Tally};

/// The happenings of a run, in their order.
pub(super) struct Feed {
    from: Receiver<Happening>,
    /// One that is here but not given on yet.
    ahead: Option<Happening>,
    recorder: Option<Recorder>,
    failed: Option<RecordError>,
    tally: Tally,
}

/// What is left when all is over.
pub(super) struct Told {
    /// What it came to.
    pub(super) tally: Tally,
    /// What the recording holds; `None` without one.
    pub(super) recorded: Option<Result<Recorded, RecordError>>,
}

impl Feed {
    /// Takes what comes `from` a run, and keeps it if there is a `recorder`.
    pub(super) fn new(from: Receiver<Happening>, recorder: Option<Recorder>) -> Self {
        Self {
            from,
            ahead: None,
            recorder,
            failed: None,
            tally: Tally::default(),
        }
    }

    /// The next one, waiting for it; `None` at the end, and when it can't be recorded any more.
    pub(super) fn next(&mut self) -> Option<Happening> {
        if self.waits() && self.failed.is_none() {
            self.ahead = self.from.recv().ok();
        }
        let next = self.ahead.take().filter(|_| self.failed.is_none())?;
        self.keep(|recorder| recorder.happening(&next));
        if let Happening::Line(line) = &next {
            self.tally.line(line);
        }
        Some(next)
    }

    /// Whether [`Feed::next`] would have to wait. If so, all that came so far is in the files.
    pub(super) fn waits(&mut self) -> bool {
        if self.ahead.is_none() && self.failed.is_none() {
            match self.from.try_recv() {
                Ok(happening) => self.ahead = Some(happening),
                Err(TryRecvError::Empty) => {
                    self.keep(Recorder::flush);
                    return true;
                }
                Err(TryRecvError::Disconnected) => {}
            }
        }
        false
    }

    /// Whether what happens is recorded.
    pub(super) const fn records(&self) -> bool {
        self.recorder.is_some()
    }

    /// Takes what is left, and closes the recording.
    pub(super) fn finish(mut self) -> Told {
        let recorded = match (self.recorder.take(), self.failed) {
            (_, Some(error)) => Some(Err(error)),
            (Some(recorder), None) => Some(recorder.finish()),
            (None, None) => None,
        };
        Told {
            tally: self.tally,
            recorded,
        }
    }

    fn keep(&mut self, work: impl FnOnce(&mut Recorder) -> Result<(), RecordError>) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = work(recorder)
        {
            self.failed = Some(error);
            self.recorder = None;
        }
    }
}

/// One end of a run as a capture, while it goes on.
pub(super) struct Live<'a> {
    feed: RefCell<&'a mut Feed>,
    side: Side,
    interfaces: [Interface; 1],
    /// A frame that is here but not given on yet.
    ahead: RefCell<Option<HostFrame>>,
    frame: Option<HostFrame>,
}

impl<'a> Live<'a> {
    /// What `side` sends and receives.
    pub(super) fn new(feed: &'a mut Feed, side: Side) -> Self {
        Self {
            feed: RefCell::new(feed),
            side,
            interfaces: [Interface {
                name: Some(side.name().to_owned()),
                link_type: LinkType::ETHERNET,
                snaplen: 0,
                ticks_per_second: 1_000_000_000,
            }],
            ahead: RefCell::new(None),
            frame: None,
        }
    }

    /// The next frame of this side; `None` at the end, or if `wait` is not wanted and there is none yet.
    fn take(&self, wait: bool) -> Option<HostFrame> {
        if let Some(frame) = self.ahead.borrow_mut().take() {
            return Some(frame);
        }
        let mut feed = self.feed.borrow_mut();
        while wait || !feed.waits() {
            match feed.next()? {
                Happening::Frame(frame) if frame.side == self.side => return Some(frame),
                _ => {}
            }
        }
        None
    }
}

impl Source for Live<'_> {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        self.frame = self.take(true);
        Ok(self.frame.as_ref().map(|frame| Frame {
            number: frame.number,
            time: frame.time,
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
            bytes: &frame.bytes,
            comment: None,
        }))
    }

    /// Much happens that is no frame of this side: it is taken here, so that what is shown does not
    /// wait behind it.
    fn may_wait(&self) -> bool {
        let next = self.take(false);
        let waits = next.is_none();
        self.ahead.replace(next);
        waits
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }
}
