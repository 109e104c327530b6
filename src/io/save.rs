//! Saving frames as pcapng (draft-ietf-opsawg-pcapng), so that nothing already seen is lost.
//!
//! Blocks are gathered and handed to the system whole, many at a time: after [`Saver::flush`]
//! everything given so far is in the file, and even `kill -9` leaves it readable up to there. A
//! live capture flushes when no packet is waiting, and at least every 100 ms or so.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use super::Interface;
use crate::frame::{Frame, Timestamp};

/// Written out when so many bytes are gathered, asked or not.
const PENDING_BYTES: usize = 64 * 1024;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// What an interface counted by the end of a capture; a counter it doesn't have is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStatistics {
    /// Its index in the capture's list.
    pub interface: u32,
    /// When the counters were read.
    pub time: Timestamp,
    /// Packets that came in and passed the filter.
    pub received: Option<u64>,
    /// Packets the kernel dropped because nobody fetched them in time.
    pub dropped_by_kernel: Option<u64>,
    /// Packets the interface dropped.
    pub dropped_by_interface: Option<u64>,
}

/// Why saving stopped, and what is saved. A fragment that chains: the caller puts the name in
/// front.
#[derive(Debug, thiserror::Error)]
#[error("{error}; saved before that, and readable: {frames} frames")]
pub struct SaveError {
    /// What the system said.
    pub error: io::Error,
    /// Frames that are saved all the same.
    pub frames: u64,
}

/// Writes frames to a pcapng file.
#[derive(Debug)]
pub struct Saver {
    output: Output,
    /// Whole blocks, not yet written.
    pending: Vec<u8>,
    interfaces: usize,
    /// Frames written to the output.
    frames: u64,
    /// Nothing can be written any more.
    stopped: bool,
}

enum Output {
    /// A file of ours, and the bytes of whole blocks in it.
    File(File, u64),
    /// Anything else: standard output, a test.
    Stream(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file, written) => write!(f, "File({file:?}, {written})"),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Saver {
    /// Creates the file at `path`, or empties it if there is one, as tcpdump does; `-` is standard
    /// output. `comments` go to the section's header.
    ///
    /// # Errors
    ///
    /// When the file can't be created, or not even its header written.
    pub fn create(path: &Path, comments: &[Vec<u8>]) -> Result<Self, SaveError> {
        let fail = |error| SaveError { error, frames: 0 };
        if path.as_os_str() == "-" {
            // Not through `Stdout`: it looks for line ends, and would hold a block's tail back.
            let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(fail)?;
            return Self::to_stream(Box::new(File::from(stdout)), comments);
        }
        let file = File::create(path).map_err(fail)?;
        Self::to_file(file, comments)
    }

    /// Writes to `file`, which is open and empty. `comments` go to the section's header.
    ///
    /// # Errors
    ///
    /// When the header can't be written.
    pub fn to_file(file: File, comments: &[Vec<u8>]) -> Result<Self, SaveError> {
        Self::start(Output::File(file, 0), comments)
    }

    /// Writes to `stream`, which should be unbuffered. `comments` go to the section's header.
    ///
    /// # Errors
    ///
    /// When the header can't be written.
    pub fn to_stream(
        stream: Box<dyn Write + Send>,
        comments: &[Vec<u8>],
    ) -> Result<Self, SaveError> {
        Self::start(Output::Stream(stream), comments)
    }

    /// The header is written at once: a full disk shows before the capture begins.
    fn start(output: Output, comments: &[Vec<u8>]) -> Result<Self, SaveError> {
        let mut saver = Self {
            output,
            pending: Vec::with_capacity(2 * PENDING_BYTES),
            interfaces: 0,
            frames: 0,
            stopped: false,
        };
        let mut block = Block::begin(&mut saver.pending, SECTION_HEADER);
        block.word(0x1a2b_3c4d);
        block.bytes(&[1, 0, 0, 0]); // version 1.0
        block.bytes(&[0xff; 8]); // section length not told
        let program = concat!("wirelab ", env!("CARGO_PKG_VERSION"));
        block.option(SHB_USERAPPL, program.as_bytes());
        for comment in comments {
            block.option(OPT_COMMENT, comment);
        }
        block.end();
        saver.flush()?;
        Ok(saver)
    }

    /// Describes the interfaces of `all` that are not described yet: a source's list grows while
    /// it is read, and frames refer to it by index.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn interfaces(&mut self, all: &[Interface]) -> Result<(), SaveError> {
        for interface in all.get(self.interfaces..).unwrap_or_default() {
            let mut block = Block::begin(&mut self.pending, INTERFACE_DESCRIPTION);
            block.word(u32::from(interface.link_type.0));
            block.word(interface.snaplen);
            if let Some(name) = &interface.name {
                block.option(IF_NAME, name.as_bytes());
            }
            block.option(IF_TSRESOL, &[9]);
            block.end();
        }
        self.interfaces = self.interfaces.max(all.len());
        self.flush_if_much()
    }

    /// Saves `frame` with its comment. It may stay in memory until [`Saver::flush`].
    ///
    /// # Errors
    ///
    /// When writing fails, or the frame's interface was never described.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), SaveError> {
        if frame.interface as usize >= self.interfaces {
            let text = format!(
                "frame {} is of interface {}, but {} are described",
                frame.number, frame.interface, self.interfaces
            );
            return Err(self.failed(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        let mut block = Block::begin(&mut self.pending, ENHANCED_PACKET);
        block.word(frame.interface);
        block.time(frame.time);
        block.word(frame.bytes.len() as u32);
        block.word(frame.original_len);
        block.padded(frame.bytes);
        if let Some(comment) = frame.comment {
            block.option(OPT_COMMENT, comment);
        }
        block.end();
        self.flush_if_much()
    }

    /// Hands everything given so far to the system, whole blocks in one call.
    ///
    /// # Errors
    ///
    /// When writing fails. A file is cut back to its last whole block, so it ends cleanly.
    pub fn flush(&mut self) -> Result<(), SaveError> {
        if self.stopped {
            self.pending.clear();
            return Err(self.failed(io::Error::other("saving has already stopped")));
        }
        let mut done = 0;
        let result = loop {
            let Some(rest) = self.pending.get(done..).filter(|rest| !rest.is_empty()) else {
                break Ok(());
            };
            let stream: &mut dyn Write = match &mut self.output {
                Output::File(file, _) => file,
                Output::Stream(stream) => stream,
            };
            match stream.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let (whole, frames) = whole_blocks(self.pending.get(..done).unwrap_or_default());
        self.pending.clear();
        self.frames += frames;
        if let Output::File(file, written) = &mut self.output {
            *written += whole as u64;
            if result.is_err() {
                // Best effort: a device has no length, and the error is told either way.
                let _ = file.set_len(*written);
            }
        }
        result.map_err(|error| {
            self.stopped = true;
            self.failed(error)
        })
    }

    /// Frames that are in the output.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Ends the file with what the interfaces counted; gives the number of frames saved.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn finish(mut self, statistics: &[InterfaceStatistics]) -> Result<u64, SaveError> {
        for counted in statistics {
            let mut block = Block::begin(&mut self.pending, INTERFACE_STATISTICS);
            block.word(counted.interface);
            block.time(counted.time);
            for (code, count) in [
                (ISB_IFRECV, counted.received),
                (ISB_IFDROP, counted.dropped_by_interface),
                (ISB_OSDROP, counted.dropped_by_kernel),
            ] {
                if let Some(count) = count {
                    block.option(code, &count.to_le_bytes());
                }
            }
            block.end();
        }
        self.flush()?;
        Ok(self.frames)
    }

    fn flush_if_much(&mut self) -> Result<(), SaveError> {
        if self.pending.len() >= PENDING_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    const fn failed(&self, error: io::Error) -> SaveError {
        SaveError {
            error,
            frames: self.frames,
        }
    }
}

impl Drop for Saver {
    /// What was given is not lost when an error elsewhere ends the run.
    fn drop(&mut self) {
        if !self.stopped {
            let _ = self.flush();
        }
    }
}

/// The bytes of `written` that are whole blocks of ours, and the frames in them.
fn whole_blocks(written: &[u8]) -> (usize, u64) {
    let (mut at, mut frames) = (0, 0);
    while let Some(&[kind, length]) = written
        .get(at..)
        .and_then(|rest| rest.first_chunk::<8>())
        .map(|start| start.as_chunks().0)
    {
        let end = at + u32::from_le_bytes(length) as usize;
        if end > written.len() || end <= at {
            break;
        }
        frames += u64::from(u32::from_le_bytes(kind) == ENHANCED_PACKET);
        at = end;
    }
    (at, frames)
}

/// A block being put together at the end of a buffer, in little-endian order.
struct Block<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
    has_options: bool,
}

impl<'a> Block<'a> {
    fn begin(buffer: &'a mut Vec<u8>, kind: u32) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&kind.to_le_bytes());
        buffer.extend_from_slice(&[0; 4]); // the length, known at the end
        Self {
            buffer,
            start,
            has_options: false,
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_le_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.buffer.resize(self.buffer.len() + padding, 0);
    }

    /// Nanoseconds, upper half first.
    fn time(&mut self, time: Timestamp) {
        let nanos = time.as_nanos();
        self.word((nanos >> 32) as u32);
        self.word(nanos as u32);
    }

    /// An option; its length has 16 bits, so what is beyond (of a comment) is left out.
    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.has_options = true;
        self.bytes(&code.to_le_bytes());
        self.bytes(&(value.len() as u16).to_le_bytes());
        self.padded(value);
    }

    fn end(mut self) {
        if self.has_options {
            self.word(0); // end of options
        }
        let length = (self.buffer.len() - self.start + 4) as u32;
        self.word(length);
        let field = self.buffer.get_mut(self.start + 4..self.start + 8);
        if let Some(field) = field {
            field.copy_from_slice(&length.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
