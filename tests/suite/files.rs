//! Captures in files: every dialect and every trap is built byte by byte here, read, and compared
//! with what was put in; and what is saved is read again.

mod build;
mod names;
mod pcap;
mod pcapng;
mod properties;

use std::io::Cursor;

use wirelab::frame::{Frame, LinkType, Timestamp};
use wirelab::io::file::CaptureFile;
use wirelab::io::{Source, SourceError};

/// A frame as it was read, for comparing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    nanos: u64,
    link_type: u16,
    interface: u32,
    original_len: u32,
    bytes: Vec<u8>,
    comment: Option<Vec<u8>>,
}

impl From<&Frame<'_>> for Seen {
    fn from(frame: &Frame<'_>) -> Self {
        Self {
            nanos: frame.time.as_nanos(),
            link_type: frame.link_type.0,
            interface: frame.interface,
            original_len: frame.original_len,
            bytes: frame.bytes.to_vec(),
            comment: frame.comment.map(<[u8]>::to_vec),
        }
    }
}

impl Seen {
    fn frame(&self, number: u64) -> Frame<'_> {
        Frame {
            number,
            time: Timestamp::from_nanos(self.nanos),
            link_type: LinkType(self.link_type),
            interface: self.interface,
            original_len: self.original_len,
            bytes: &self.bytes,
            comment: self.comment.as_deref(),
        }
    }
}

/// All there was in a file, and how it ended.
#[derive(Debug, Default)]
struct Read {
    frames: Vec<Seen>,
    /// Where each frame's record starts.
    offsets: Vec<u64>,
    truncated: Option<String>,
    error: Option<String>,
    /// Names and link types of the interfaces.
    interfaces: Vec<(Option<String>, u16)>,
    comments: Vec<Vec<u8>>,
}

fn open(bytes: Vec<u8>) -> Result<CaptureFile, SourceError> {
    let total = bytes.len() as u64;
    CaptureFile::from_reader(Box::new(Cursor::new(bytes)), Some(total))
}

fn read(bytes: Vec<u8>) -> Read {
    match open(bytes) {
        Ok(file) => read_file(file),
        Err(error) => Read {
            error: Some(error.to_string()),
            ..Read::default()
        },
    }
}

fn read_file(mut file: CaptureFile) -> Read {
    let mut read = Read::default();
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                read.frames.push(Seen::from(&frame));
                assert_eq!(frame.number, read.frames.len() as u64);
                read.offsets.push(file.record_offset());
            }
            Ok(None) => break,
            Err(error) => {
                assert!(read.error.is_none(), "one error is enough");
                read.error = Some(error.to_string());
            }
        }
    }
    read.truncated = file.truncated();
    read.interfaces = file
        .interfaces()
        .iter()
        .map(|interface| (interface.name.clone(), interface.link_type.0))
        .collect();
    read.comments = file.section_comments().to_vec();
    read
}
