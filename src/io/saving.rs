//! Frames that are saved on their way: a source in front of another.
//!
//! Every frame is given to the file before anyone sees it, and before the source may have to wait,
//! the file gets all of them: what is on the screen is in the file.

use super::save::{InterfaceStatistics, SaveError, Saver};
use super::{Interface, Progress, Source, SourceError, clock};
use crate::frame::Frame;

/// A source whose frames are counted and, with a file, saved as they pass.
#[derive(Debug)]
pub struct Saving<S> {
    source: S,
    frames: u64,
    /// Where to, and its name for messages; `None` when nothing is to be saved, or no longer can
    /// be.
    saver: Option<(Saver, String)>,
}

impl<S: Source> Saving<S> {
    /// Saves what `source` gives with `saver`, whose name in messages is the escaped `String`;
    /// without one, counts only. The source must know its interfaces from the start, as live ones
    /// do.
    ///
    /// # Errors
    ///
    /// When the description of the interfaces can't be written.
    pub fn new(source: S, mut saver: Option<(Saver, String)>) -> Result<Self, SourceError> {
        save(&mut saver, |saver| {
            saver.interfaces(source.interfaces())?;
            saver.flush()
        })?;
        Ok(Self {
            source,
            frames: 0,
            saver,
        })
    }

    /// Frames that passed.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// The source behind.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Ends the file with what was counted: frames and drops. To be called at the end of the
    /// source; without it the file lacks only that.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn finish(&mut self) -> Result<(), SourceError> {
        let (dropped_by_kernel, dropped_by_interface) = self.source.dropped();
        let statistics = InterfaceStatistics {
            interface: 0,
            time: clock::now(),
            received: Some(self.frames),
            dropped_by_kernel,
            dropped_by_interface,
        };
        // Frames of several interfaces are not counted apart here.
        let statistics: &[_] = match self.source.interfaces() {
            [_] => &[statistics],
            _ => &[],
        };
        let Some((saver, name)) = self.saver.take() else {
            return Ok(());
        };
        saver
            .finish(statistics)
            .map(|_| ())
            .map_err(|error| cant_write(&name, &error))
    }
}

/// Does something with the saver, if there is one; gives it up when that fails, for it would fail
/// again.
fn save(
    saver: &mut Option<(Saver, String)>,
    what: impl FnOnce(&mut Saver) -> Result<(), SaveError>,
) -> Result<(), SourceError> {
    let Some((open, name)) = saver else {
        return Ok(());
    };
    let Err(error) = what(open) else {
        return Ok(());
    };
    let error = cant_write(name, &error);
    *saver = None;
    Err(error)
}

/// The error for a file that can't be written, or not to its end.
fn cant_write(name: &str, error: &SaveError) -> SourceError {
    SourceError::Live(format!("can't write {name}: {error}"))
}

impl<S: Source> Source for Saving<S> {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        if self.source.may_wait() {
            save(&mut self.saver, Saver::flush)?;
        }
        let Some(frame) = self.source.next_frame()? else {
            return Ok(None);
        };
        self.frames += 1;
        save(&mut self.saver, |saver| saver.frame(&frame))?;
        Ok(Some(frame))
    }

    fn may_wait(&self) -> bool {
        self.source.may_wait()
    }

    fn interfaces(&self) -> &[Interface] {
        self.source.interfaces()
    }

    fn truncated(&self) -> Option<String> {
        self.source.truncated()
    }

    fn progress(&self) -> Progress {
        self.source.progress()
    }

    fn dropped(&mut self) -> (Option<u64>, Option<u64>) {
        self.source.dropped()
    }
}
