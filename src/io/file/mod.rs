//! Captures in files: pcap and pcapng, plain or packed with gzip or zstd, from a path, from
//! standard input, or built into the binary.
//!
//! What a file is, its first bytes tell; its name is never looked at. Frames come in the order of
//! the file, and a file that ends inside a record gives every frame before the cut.

mod compressed;
mod endian;
mod identify;
mod input;
mod pcap;
mod pcapng;
mod place;
mod store;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;

use arrayvec::ArrayVec;

use self::compressed::Compression;
use self::input::Input;
pub use self::place::Place;
pub use self::store::{Ending, Store};
use super::{Interface, Progress, Source, SourceError};
use crate::frame::{BATCH, Batch, Frame, LinkType, Timestamp};

/// The longest frame that is believed. Real ones end at 64 KiB, or with the kernel's BIG TCP at
/// half a mebibyte; damaged files claim gigabytes, which must not be allocated.
const MAX_FRAME_BYTES: u32 = 16 << 20;

/// Opens the capture at `path`; `-` is standard input.
///
/// # Errors
///
/// When it can't be read, or is no capture: the message says what it is.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(CaptureFile::open(path)?))
}

/// Reads a capture from a stream of `total_len` bytes, if that is known.
///
/// # Errors
///
/// When it can't be read, or is no capture: the message says what it is.
pub fn from_reader(
    reader: Box<dyn Read + Send>,
    total_len: Option<u64>,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(CaptureFile::from_reader(reader, total_len)?))
}

/// Reads a capture that is in memory, such as a bundled recording; it may be packed.
///
/// # Errors
///
/// When it is no capture: the message says what it is.
pub fn from_bytes(bytes: &'static [u8]) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(CaptureFile::from_bytes(bytes)?))
}

/// A capture file being read, from its first frame to its last.
///
/// Several comments on one frame come as one, a line each. A frame without a time of its own (a
/// simple packet block of pcapng) has that of the frame before it.
pub struct CaptureFile {
    input: Input,
    format: Format,
    /// What was at hand when that was last looked at.
    at_hand: AtHand,
    total: Option<u64>,
    /// Number of the last frame given.
    number: u64,
    /// The end was reached, or an error: nothing more comes.
    over: bool,
}

enum Format {
    Pcap(pcap::Reader),
    PcapNg(pcapng::Reader),
}

/// Records that are whole in the buffer, one behind the other.
#[derive(Default)]
struct AtHand {
    records: ArrayVec<Record, BATCH>,
    /// Bytes that they take up.
    end: usize,
}

/// Where a frame's bytes are in the buffer, and what its record says of it.
struct Record {
    place: Range<usize>,
    time: Timestamp,
    link_type: LinkType,
    interface: u32,
    original_len: u32,
}

/// The file at `path`; `-` is standard input.
fn file_at(path: &Path) -> Result<File, SourceError> {
    if path.as_os_str() != "-" {
        return Ok(File::open(path)?);
    }
    if io::stdin().is_terminal() {
        let text = "not a capture: standard input is the terminal; pipe a capture into it";
        return Err(SourceError::NotACapture(text.into()));
    }
    // Without `Stdin`'s own buffer, and with its length when it is a file.
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

impl CaptureFile {
    /// Opens the capture at `path`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// When it can't be read, or is no capture: the message says what it is.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let file = file_at(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            let text = "not a capture: this is a directory; name a file in it";
            return Err(SourceError::NotACapture(text.into()));
        }
        let total = metadata.is_file().then_some(metadata.len());
        Self::from_reader(Box::new(file), total)
    }

    /// Reads a capture from a stream of `total_len` bytes, if that is known.
    ///
    /// # Errors
    ///
    /// When it can't be read, or is no capture: the message says what it is.
    pub fn from_reader(
        reader: Box<dyn Read + Send>,
        total_len: Option<u64>,
    ) -> Result<Self, SourceError> {
        let mut input = Input::new(reader);
        input.has(4)?;
        if let Some(compression) = Compression::of(input.window()) {
            input = input.unpacked(compression);
        }
        let format = match input.peek()? {
            Some(magic) if pcap::is_pcap(magic) => Format::Pcap(pcap::Reader::new(&mut input)?),
            Some(pcapng::SECTION_HEADER_BYTES) => Format::PcapNg(pcapng::Reader::new(&mut input)?),
            _ => return Err(identify::not_a_capture(&mut input)?),
        };
        Ok(Self {
            input,
            format,
            at_hand: AtHand::default(),
            total: total_len,
            number: 0,
            over: false,
        })
    }

    /// Reads a capture that is in memory, such as a bundled recording; it may be packed.
    ///
    /// # Errors
    ///
    /// When it is no capture: the message says what it is.
    pub fn from_bytes(bytes: &'static [u8]) -> Result<Self, SourceError> {
        Self::from_reader(Box::new(bytes), Some(bytes.len() as u64))
    }

    /// Byte offset of the record that [`Source::next_frame`] gave last in the file, or in what it unpacks to.
    pub const fn record_offset(&self) -> u64 {
        self.input.taken_from()
    }

    /// The comments on the sections met so far (pcapng), not yet escaped; the first mebibyte of
    /// them.
    pub fn section_comments(&self) -> &[Vec<u8>] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::PcapNg(reader) => reader.section_comments(),
        }
    }
}

impl Source for CaptureFile {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        if self.over {
            return Ok(None);
        }
        let number = self.number + 1;
        let frame = match &mut self.format {
            Format::Pcap(reader) => reader.next(&mut self.input, number),
            Format::PcapNg(reader) => reader.next(&mut self.input, number),
        };
        if matches!(frame, Ok(Some(_))) {
            self.number = number;
        } else {
            self.over = true;
        }
        frame
    }

    fn next_frames<'a>(&'a mut self, batch: &mut Batch<'a>) -> Result<(), SourceError> {
        // Kept for its room: to hand it over would copy it.
        let found = &mut self.at_hand;
        found.end = 0;
        found.records.clear();
        match &mut self.format {
            _ if self.over => return Ok(()),
            Format::Pcap(reader) => reader.at_hand(self.input.window(), found),
            Format::PcapNg(reader) => reader.at_hand(self.input.window(), found),
        }
        if found.records.is_empty() {
            batch.extend(self.next_frame()?);
            return Ok(());
        }
        let bytes = self.input.take(found.end);
        for record in &found.records {
            self.number += 1;
            batch.push(Frame {
                number: self.number,
                time: record.time,
                link_type: record.link_type,
                interface: record.interface,
                original_len: record.original_len,
                bytes: bytes.get(record.place.clone()).unwrap_or_default(),
                comment: None,
            });
        }
        Ok(())
    }

    fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Pcap(reader) => reader.interfaces(),
            Format::PcapNg(reader) => reader.interfaces(),
        }
    }

    fn truncated(&self) -> Option<String> {
        let record = match &self.format {
            Format::Pcap(reader) => reader.cut.as_deref(),
            Format::PcapNg(reader) => reader.cut.as_deref(),
        };
        match (record, self.input.cut()) {
            (None, None) => None,
            (Some(record), None) => Some(match self.input.compression() {
                None => record.to_owned(),
                Some(compression) => {
                    format!("{record} (bytes counted after unpacking {compression})")
                }
            }),
            (None, Some(stream)) => Some(format!("cut after frame {}: {stream}", self.number)),
            (Some(record), Some(stream)) => Some(format!("{record}; {stream}")),
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.input.consumed(),
            total: self.total,
        }
    }
}

#[cold]
fn too_long(what: &str, number: u64, offset: u64, len: u32) -> SourceError {
    SourceError::Damaged(format!(
        "damaged at frame {number}: the {what} at byte {offset} claims {len} captured bytes, more than any frame has ({MAX_FRAME_BYTES})"
    ))
}
