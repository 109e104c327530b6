//! The classic pcap format, as draft-ietf-opsawg-pcap describes it and as older writers left it:
//! microseconds or nanoseconds, either byte order, "modified" records of 24 bytes, and the two
//! lengths of a record swapped before version 2.4.

use super::endian::Endian;
use super::input::Input;
use super::{AtHand, MAX_FRAME_BYTES, Record, too_long};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::io::{Interface, SourceError};

/// Length of the file header.
const FILE_HEADER_BYTES: usize = 24;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What the magic number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dialect {
    endian: Endian,
    /// Nanoseconds in a unit of the record's time fraction.
    unit_nanos: u64,
    record_header_bytes: usize,
}

/// Which of a record's two lengths comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LengthOrder {
    CapturedFirst,
    /// Before version 2.3.
    OriginalFirst,
    /// Version 2.3 was written both ways: the captured length is the smaller one.
    Either,
}

impl Dialect {
    fn of(magic: [u8; 4]) -> Option<Self> {
        [Endian::Little, Endian::Big]
            .into_iter()
            .find_map(|endian| {
                let (unit_nanos, record_header_bytes) = match endian.u32(magic) {
                    0xa1b2_c3d4 => (1_000, 16),
                    0xa1b2_3c4d => (1, 16),
                    // Kuznetsov's patched libpcap: interface, protocol and packet type follow.
                    0xa1b2_cd34 => (1_000, 24),
                    _ => return None,
                };
                Some(Self {
                    endian,
                    unit_nanos,
                    record_header_bytes,
                })
            })
    }
}

/// Whether a file that starts so is pcap.
pub(super) fn is_pcap(magic: [u8; 4]) -> bool {
    Dialect::of(magic).is_some()
}

/// Reads the records of a pcap file.
#[derive(Debug)]
pub(super) struct Reader {
    dialect: Dialect,
    lengths: LengthOrder,
    interface: Interface,
    /// What is missing, once the end was found inside a record.
    pub(super) cut: Option<String>,
}

impl Reader {
    /// Reads the file header, whose magic number [`is_pcap`] has seen.
    pub(super) fn new(input: &mut Input) -> Result<Self, SourceError> {
        let Some(header) = input.peek::<FILE_HEADER_BYTES>()? else {
            return Err(SourceError::Damaged(format!(
                "a pcap file cut inside its own header: {FILE_HEADER_BYTES} bytes are needed, {} are there",
                input.window().len()
            )));
        };
        let &[magic, version, _zone, _accuracy, snaplen, link_type] = header.as_chunks().0 else {
            return Err(not_pcap());
        };
        let dialect = Dialect::of(magic).ok_or_else(not_pcap)?;
        input.take(FILE_HEADER_BYTES);
        Ok(Self {
            dialect,
            lengths: match dialect.endian.halves(version) {
                (..2, _) | (2, ..3) => LengthOrder::OriginalFirst,
                (2, 3) => LengthOrder::Either,
                _ => LengthOrder::CapturedFirst,
            },
            interface: Interface {
                name: None,
                // The upper half tells the length of the frame check sequence, or is reserved.
                link_type: LinkType(dialect.endian.u32(link_type) as u16),
                snaplen: dialect.endian.u32(snaplen),
                ticks_per_second: NANOS_PER_SECOND / dialect.unit_nanos,
            },
            cut: None,
        })
    }

    /// The one interface a pcap file knows.
    pub(super) fn interfaces(&self) -> &[Interface] {
        std::slice::from_ref(&self.interface)
    }

    /// Finds the records that begin `window` and are whole, as far as nothing is wrong with them.
    pub(super) fn at_hand(&self, window: &[u8], found: &mut AtHand) {
        let head = self.dialect.record_header_bytes;
        while let Some((time, len, original_len)) =
            window.get(found.end..).and_then(|rest| self.header(rest))
        {
            let start = found.end + head;
            let end = start + len as usize;
            if len > MAX_FRAME_BYTES || end > window.len() || found.records.is_full() {
                break;
            }
            found.records.push(Record {
                place: start..end,
                time,
                link_type: self.interface.link_type,
                interface: 0,
                original_len,
            });
            found.end = end;
        }
    }

    /// Time, captured and original length of the record that begins `bytes`.
    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<(Timestamp, u32, u32)> {
        let &[seconds, fraction, first, second] =
            bytes.first_chunk::<16>().map(|bytes| bytes.as_chunks().0)?
        else {
            return None;
        };
        let word = |bytes| self.dialect.endian.u32(bytes);
        // Fractions of a second or more are met in the wild; the sum carries them over.
        let time = u64::from(word(seconds)) * NANOS_PER_SECOND
            + u64::from(word(fraction)) * self.dialect.unit_nanos;
        let (mut len, mut original_len) = (word(first), word(second));
        if self.lengths != LengthOrder::CapturedFirst
            && (self.lengths == LengthOrder::OriginalFirst || len > original_len)
        {
            (len, original_len) = (original_len, len);
        }
        // What was captured was on the wire, whatever the record says.
        Some((Timestamp::from_nanos(time), len, original_len.max(len)))
    }

    /// The next record, as frame `number`; `None` at the end.
    #[inline]
    pub(super) fn next<'a>(
        &mut self,
        input: &'a mut Input,
        number: u64,
    ) -> Result<Option<Frame<'a>>, SourceError> {
        let head = self.dialect.record_header_bytes;
        if !input.has(head)? {
            self.cut = cut_in_header(input, head, number);
            return Ok(None);
        }
        let Some((time, len, original_len)) = self.header(input.window()) else {
            return Ok(None);
        };
        if len > MAX_FRAME_BYTES {
            return Err(too_long("record", number, input.offset(), len));
        }
        let total = head + len as usize;
        if !input.has(total)? {
            self.cut = Some(cut_in_body(input, head, len, number));
            return Ok(None);
        }
        Ok(Some(Frame {
            number,
            time,
            link_type: self.interface.link_type,
            interface: 0,
            original_len,
            bytes: input.take(total).get(head..).unwrap_or_default(),
            comment: None,
        }))
    }
}

#[cold]
fn not_pcap() -> SourceError {
    SourceError::NotACapture("not a pcap file".into())
}

#[cold]
fn cut_in_header(input: &Input, head: usize, number: u64) -> Option<String> {
    let there = input.window().len();
    (there > 0).then(|| {
        format!(
            "cut in the header of frame {number}: the record at byte {} needs {head} bytes, {there} are there",
            input.offset()
        )
    })
}

#[cold]
fn cut_in_body(input: &Input, head: usize, len: u32, number: u64) -> String {
    format!(
        "cut in frame {number}: the record at byte {} promises {len} bytes, {} are there",
        input.offset(),
        input.window().len().saturating_sub(head)
    )
}
