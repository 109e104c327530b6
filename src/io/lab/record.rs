//! Keeping a run: `client.pcapng`, `server.pcapng` and `truth.ndjson` in a folder.
//!
//! What happens is written in whole blocks and whole lines: after [`Recorder::flush`] everything given
//! so far is in the files, and even `kill -9` leaves them readable up to there. A full disk is an error
//! that says what is saved all the same.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::event::units::plural;
use crate::frame::{Frame, LinkType};
use crate::io::Interface;
use crate::io::privileges::{Becomes, making_files};
use crate::io::save::{SaveError, Saver};
use crate::lab::truth::{Happening, HostFrame, Line, Run};
use crate::lab::{Both, Side};

/// The names of the files.
const CAPTURES: Both<&str> = Both {
    client: "client.pcapng",
    server: "server.pcapng",
};
const TRUTH: &str = "truth.ndjson";

/// Written out when so many bytes of truth are gathered, asked or not.
const PENDING_BYTES: usize = 64 * 1024;

/// Why recording stopped, and what is saved.
#[derive(Debug, thiserror::Error)]
#[error("can't write {}: {error}{saved}", path.display().to_string().escape_debug())]
pub struct RecordError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
    /// What is saved all the same, in words; empty when nothing is.
    pub saved: String,
}

/// What a recording holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Frames in each capture.
    pub frames: Both<u64>,
    /// Lines of truth.
    pub lines: u64,
}

/// `client.pcapng: 22 frames, server.pcapng: 21 frames, truth.ndjson: 90 lines`.
impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for side in [Side::Client, Side::Server] {
            let frames = plural(*self.frames.of(side), "frame");
            write!(f, "{}: {frames}, ", CAPTURES.of(side))?;
        }
        write!(f, "{TRUTH}: {}", plural(self.lines, "line"))
    }
}

/// Writes what happens in a run to a folder.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    /// What the captures are to say of themselves first.
    title: String,
    captures: Both<Capture>,
    truth: Lines,
}

/// One end's capture. Its first block tells how the host is set, which only the run knows.
#[derive(Debug)]
enum Capture {
    Waiting(File),
    Open(Saver),
    /// It could not be written.
    Failed {
        frames: u64,
    },
}

impl Recorder {
    /// Makes the folder if there is none, and the three files in it, empty. They belong to the user who
    /// called sudo, if `becomes` says so.
    ///
    /// # Errors
    ///
    /// When one of them can't be made.
    pub fn create(folder: &Path, title: &str, becomes: Becomes) -> Result<Self, RecordError> {
        making_files(becomes, || Self::make(folder, title))
    }

    fn make(folder: &Path, title: &str) -> Result<Self, RecordError> {
        let fail = |path: &Path, error| RecordError {
            path: path.to_owned(),
            error,
            saved: String::new(),
        };
        if folder.exists() && !folder.is_dir() {
            let what = "it is a file; a recording is a folder of three";
            return Err(fail(folder, io::Error::other(what)));
        }
        fs::create_dir_all(folder).map_err(|error| fail(folder, error))?;
        let file = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map_err(|error| fail(&path, error))
        };
        Ok(Self {
            folder: folder.to_owned(),
            title: title.to_owned(),
            captures: Both {
                client: Capture::Waiting(file(CAPTURES.client)?),
                server: Capture::Waiting(file(CAPTURES.server)?),
            },
            truth: Lines {
                file: file(TRUTH)?,
                pending: Vec::new(),
                written: 0,
                count: 0,
                stopped: false,
            },
        })
    }

    /// Keeps what happened. It may stay in memory until [`Recorder::flush`].
    ///
    /// # Errors
    ///
    /// When writing fails. What was given before is still written, as far as it can be.
    pub fn happening(&mut self, happening: &Happening) -> Result<(), RecordError> {
        match happening {
            Happening::Frame(frame) => self.frame(frame),
            Happening::Line(line) => {
                if let Line::Run(run) = line {
                    self.begin(run)?;
                }
                let kept = self.truth.line(line);
                kept.map_err(|error| self.failed(TRUTH, error))
            }
        }
    }

    /// Hands everything given so far to the system.
    ///
    /// # Errors
    ///
    /// When writing fails; the other files are written all the same.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        let client = self.saver(Side::Client, None, Saver::flush);
        let server = self.saver(Side::Server, None, Saver::flush);
        let truth = self.truth.flush();
        client.and(server)?;
        truth.map_err(|error| self.failed(TRUTH, error))
    }

    /// Ends the files; says what they hold.
    ///
    /// # Errors
    ///
    /// As [`Recorder::flush`].
    pub fn finish(mut self) -> Result<Recorded, RecordError> {
        // A run that failed before it began has captures all the same, without frames.
        self.begin(&Run::default())?;
        self.flush()?;
        Ok(self.saved())
    }

    /// Writes the beginning of the captures, unless it is there.
    fn begin(&mut self, run: &Run) -> Result<(), RecordError> {
        for side in [Side::Client, Side::Server] {
            self.saver(side, Some(run), |_| Ok(()))?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &HostFrame) -> Result<(), RecordError> {
        let length = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let (side, frame) = (
            frame.side,
            Frame {
                number: frame.number,
                time: frame.time,
                link_type: LinkType::ETHERNET,
                interface: 0,
                original_len: length,
                bytes: &frame.bytes,
                comment: None,
            },
        );
        self.saver(side, Some(&Run::default()), |saver| saver.frame(&frame))
    }

    /// Does something with a side's capture. One that waits is begun with `run`, if there is one.
    fn saver(
        &mut self,
        side: Side,
        run: Option<&Run>,
        work: impl FnOnce(&mut Saver) -> Result<(), SaveError>,
    ) -> Result<(), RecordError> {
        let title = &self.title;
        let capture = self.captures.of_mut(side);
        let done = match capture {
            Capture::Failed { .. } => return Ok(()),
            Capture::Open(saver) => work(saver),
            Capture::Waiting(file) => {
                let Some(run) = run else { return Ok(()) };
                let opened = file
                    .try_clone()
                    .map_err(|error| SaveError { error, frames: 0 });
                opened
                    .and_then(|file| open(file, side, title, run))
                    .and_then(|mut saver| {
                        let done = work(&mut saver);
                        *capture = Capture::Open(saver);
                        done
                    })
            }
        };
        done.map_err(|failed| {
            let frames = failed.frames;
            *self.captures.of_mut(side) = Capture::Failed { frames };
            self.failed(CAPTURES.of(side), failed.error)
        })
    }

    /// The error for that file, after all that can still be saved is.
    fn failed(&mut self, name: &str, error: io::Error) -> RecordError {
        for side in [Side::Client, Side::Server] {
            if let Capture::Open(saver) = self.captures.of_mut(side) {
                let _ = saver.flush();
            }
        }
        let _ = self.truth.flush();
        RecordError {
            path: self.folder.join(name),
            error,
            saved: format!("; saved before that, and readable: {}", self.saved()),
        }
    }

    /// What the files hold by now.
    fn saved(&self) -> Recorded {
        let frames = |side: Side| match self.captures.of(side) {
            Capture::Waiting(_) => 0,
            Capture::Open(saver) => saver.frames(),
            Capture::Failed { frames } => *frames,
        };
        Recorded {
            frames: Both {
                client: frames(Side::Client),
                server: frames(Side::Server),
            },
            lines: self.truth.count,
        }
    }
}

/// Begins a capture: the header tells what is recorded, and how the host's kernel is set.
fn open(file: File, side: Side, title: &str, run: &Run) -> Result<Saver, SaveError> {
    let mut comment = title.to_owned();
    for (key, value) in [
        ("experiment", &run.experiment),
        ("profile", &run.profile),
        ("kernel", &run.kernel),
    ] {
        if !value.is_empty() {
            let _ = write!(comment, "\n{key} = {value}");
        }
    }
    let _ = write!(comment, "\nseed = {}", run.seed);
    for (key, value) in run.sysctl.of(side) {
        let _ = write!(comment, "\n{key} = {value}");
    }
    let mut saver = Saver::to_file(file, &[comment.into_bytes()])?;
    saver.interfaces(&[Interface {
        name: Some(side.name().to_owned()),
        link_type: LinkType::ETHERNET,
        snaplen: 0,
        ticks_per_second: 1_000_000_000,
    }])?;
    saver.flush()?;
    Ok(saver)
}

/// A file of lines, which never ends inside one.
#[derive(Debug)]
struct Lines {
    file: File,
    /// Whole lines, not yet written.
    pending: Vec<u8>,
    /// Bytes of whole lines in the file.
    written: u64,
    /// How many these are.
    count: u64,
    /// Nothing can be written any more.
    stopped: bool,
}

impl Lines {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        self.pending.extend_from_slice(line.to_json().as_bytes());
        self.pending.push(b'\n');
        if self.pending.len() >= PENDING_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.stopped {
            self.pending.clear();
            return Ok(());
        }
        let mut done = 0;
        let result = loop {
            let Some(rest) = self.pending.get(done..).filter(|rest| !rest.is_empty()) else {
                break Ok(());
            };
            match self.file.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let written = self.pending.get(..done).unwrap_or_default();
        for line in written.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                self.written += line.len() as u64;
                self.count += 1;
            }
        }
        self.pending.clear();
        if result.is_err() {
            self.stopped = true;
            // Best effort: a device has no length, and the error is told either way.
            let _ = self.file.set_len(self.written);
        }
        result
    }
}

impl Drop for Lines {
    /// What was given is not lost when an error elsewhere ends the run.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests;
