//! The bytes of a capture, read in order through one reused buffer.
//!
//! A file, a pipe and a decompressor all come through here, so there is one path to get right, and
//! frames are borrowed from the buffer without being copied again. Why this is not a memory map:
//! `docs/adr/0001-reading-captures.md`.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compressed::Compression;
use crate::io::SourceError;

/// Large enough to make system calls rare, small enough to stay in the second-level cache, where
/// the kernel's copy is read back for nothing.
const BUFFER_BYTES: usize = 256 * 1024;

/// A window that slides over a stream of bytes.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    /// All of it is initialised; `start..end` is read and not yet consumed.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Position in the (uncompressed) stream of `buffer[start]`.
    offset: u64,
    /// Position of what was taken last.
    taken_from: u64,
    ended: bool,
    /// What the bytes are unpacked from, with the reason when that stream stops too early.
    compression: Option<Compression>,
    cut: Option<String>,
    /// Bytes taken from the file itself.
    consumed: Arc<AtomicU64>,
}

impl Input {
    /// Reads `reader`; nothing is read yet.
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            reader,
            count: Arc::clone(&consumed),
        };
        Self::over(Box::new(counted), None, consumed)
    }

    /// Reads `reader`, which gives what stands from `offset` on in a file that is not packed.
    pub(super) fn from_offset(reader: Box<dyn Read + Send>, offset: u64) -> Self {
        let mut input = Self::new(reader);
        input.offset = offset;
        input.taken_from = offset;
        input.consumed.store(offset, Ordering::Relaxed);
        input
    }

    /// The same stream with `compression` taken off, when nothing has been consumed from it yet.
    pub(super) fn unpacked(self, compression: Compression) -> Self {
        let head = self.window().to_vec();
        let packed = io::Cursor::new(head).chain(self.reader);
        Self::over(
            compression.reader(Box::new(packed)),
            Some(compression),
            self.consumed,
        )
    }

    fn over(
        reader: Box<dyn Read + Send>,
        compression: Option<Compression>,
        consumed: Arc<AtomicU64>,
    ) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            taken_from: 0,
            ended: false,
            compression,
            cut: None,
            consumed,
        }
    }

    /// Whether the next `wanted` bytes are there, after reading on if need be.
    ///
    /// Reads no further than it must: on a pipe the frames that have come are to be seen now.
    #[inline]
    pub(super) fn has(&mut self, wanted: usize) -> Result<bool, SourceError> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.fill(wanted)
    }

    /// The next `N` bytes, or `None` when the stream ends before.
    #[inline]
    pub(super) fn peek<const N: usize>(&mut self) -> Result<Option<[u8; N]>, SourceError> {
        if !self.has(N)? {
            return Ok(None);
        }
        Ok(self.window().first_chunk().copied())
    }

    /// What is read and not yet consumed.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Consumes `count` bytes that [`Input::has`] has found, and gives them. They stay valid until
    /// the next call that reads.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        let to = (from + count).min(self.end);
        self.start = to;
        self.taken_from = self.offset;
        self.offset += (to - from) as u64;
        self.buffer.get(from..to).unwrap_or_default()
    }

    /// Consumes up to `count` bytes without keeping them; gives how many there were.
    pub(super) fn skip(&mut self, count: u64) -> Result<u64, SourceError> {
        let mut left = count;
        while left > 0 {
            if !self.has(1)? {
                break;
            }
            let step = left.min((self.end - self.start) as u64);
            self.take(step as usize);
            left -= step;
        }
        Ok(count - left)
    }

    /// Position of the next byte in the (uncompressed) stream.
    #[inline]
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Position in the (uncompressed) stream of what [`Input::take`] gave last.
    pub(super) const fn taken_from(&self) -> u64 {
        self.taken_from
    }

    /// Bytes taken from the file, compressed ones if it is compressed.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// What the stream is unpacked from.
    pub(super) const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// After the end: why the compressed stream stopped before its own end, if it did.
    pub(super) fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    #[cold]
    fn fill(&mut self, wanted: usize) -> Result<bool, SourceError> {
        while self.end - self.start < wanted {
            if self.ended {
                return Ok(false);
            }
            self.make_room();
            let Some(room) = self.buffer.get_mut(self.end..) else {
                return Ok(false);
            };
            let most = room.len();
            match self.reader.read(room) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count.min(most),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.note_end(error)?;
                }
            }
        }
        Ok(true)
    }

    /// Moves what is left to the front; grows only when one record fills the whole buffer, so a
    /// claimed length alone never allocates.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
    }

    /// Sorts an error of the reader: a packed stream that is cut ends like a cut file, one that is
    /// damaged says where, and what the operating system says is passed on.
    fn note_end(&mut self, error: io::Error) -> Result<(), SourceError> {
        let Some(compression) = self.compression else {
            return Err(error.into());
        };
        if error.raw_os_error().is_some() {
            return Err(error.into());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            self.cut = Some(format!("the {compression} data ends too early"));
            return Ok(());
        }
        Err(SourceError::Damaged(format!(
            "the {compression} data is damaged before byte {} of the file: {error}",
            self.consumed()
        )))
    }
}

/// Counts what is read through it, for [`crate::io::Progress`].
struct Counted {
    reader: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a call, with an interruption before each.
    struct Trickle(Vec<u8>, bool);

    impl Read for Trickle {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match (self.0.is_empty(), into.first_mut()) {
                (false, Some(first)) => {
                    *first = self.0.remove(0);
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    #[test]
    fn a_trickle_is_put_together() {
        let mut input = Input::new(Box::new(Trickle((0..10).collect(), false)));
        assert_eq!(input.peek::<4>().unwrap(), Some([0, 1, 2, 3]));
        assert_eq!(input.take(3), [0, 1, 2]);
        assert_eq!(input.skip(2).unwrap(), 2);
        assert_eq!(input.offset(), 5);
        assert!(input.has(5).unwrap());
        assert!(!input.has(6).unwrap());
        assert_eq!(input.window(), [5, 6, 7, 8, 9]);
        assert_eq!(input.skip(100).unwrap(), 5);
        assert_eq!((input.offset(), input.consumed()), (10, 10));
    }

    #[test]
    fn the_buffer_grows_with_what_is_there_not_with_what_is_asked() {
        let mut input = Input::new(Box::new(io::repeat(7).take(300_000)));
        assert!(!input.has(1 << 40).unwrap());
        assert_eq!(input.window().len(), 300_000);
        assert_eq!(input.buffer.len(), 2 * BUFFER_BYTES);
    }

    #[test]
    fn small_records_never_grow_the_buffer() {
        let mut input = Input::new(Box::new(io::repeat(7).take(3_000_000)));
        while input.has(1000).unwrap() {
            assert_eq!(input.take(1000), [7; 1000]);
        }
        assert_eq!(input.offset(), 3_000_000);
        assert_eq!(input.buffer.len(), BUFFER_BYTES);
    }
}
