//! The classic pcap format, as draft-ietf-opsawg-pcap describes it and as older writers left it:
//! microseconds or nanoseconds, either byte order, "modified" records of 24 bytes, and the two
//! lengths of a record swapped before version 2.4.

use super::input::Input;
use super::{Comment, MAX_FRAME_BYTES, Record, too_long};
use crate::frame::{LinkType, Timestamp};
use crate::io::{Interface, SourceError};

/// Length of the file header.
pub(super) const FILE_HEADER_BYTES: usize = 24;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What the magic number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dialect {
    big_endian: bool,
    /// Nanoseconds in a unit of the record's time fraction.
    unit_nanos: u64,
    record_header_bytes: usize,
}

/// Whether a record's first length is the captured one.
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
        let read = |big_endian, magic: u32| {
            let (unit_nanos, record_header_bytes) = match magic {
                0xa1b2_c3d4 => (1_000, 16),
                0xa1b2_3c4d => (1, 16),
                // Kuznetsov's patched libpcap: interface, protocol and packet type follow.
                0xa1b2_cd34 => (1_000, 24),
                _ => return None,
            };
            Some(Self {
                big_endian,
                unit_nanos,
                record_header_bytes,
            })
        };
        read(false, u32::from_le_bytes(magic)).or_else(|| read(true, u32::from_be_bytes(magic)))
    }

    #[inline]
    const fn word(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
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
        let [m0, m1, m2, m3, v0, v1, w0, w1, rest @ ..] = header;
        // rest: time zone and accuracy (unused), snaplen, link type
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3] = rest;
        let Some(dialect) = Dialect::of([m0, m1, m2, m3]) else {
            return Err(SourceError::NotACapture("not a pcap file".into()));
        };
        let version = dialect.word(if dialect.big_endian {
            [v0, v1, w0, w1]
        } else {
            [w0, w1, v0, v1]
        });
        input.take(FILE_HEADER_BYTES);
        Ok(Self {
            dialect,
            lengths: match version {
                ..0x0002_0003 => LengthOrder::OriginalFirst,
                0x0002_0003 => LengthOrder::Either,
                0x0002_0004.. => LengthOrder::CapturedFirst,
            },
            interface: Interface {
                name: None,
                // The upper half tells the length of the frame check sequence, or is reserved.
                link_type: LinkType(dialect.word([l0, l1, l2, l3]) as u16),
                snaplen: dialect.word([s0, s1, s2, s3]),
                ticks_per_second: NANOS_PER_SECOND / dialect.unit_nanos,
            },
            cut: None,
        })
    }

    /// The one interface a pcap file knows.
    pub(super) fn interfaces(&self) -> &[Interface] {
        std::slice::from_ref(&self.interface)
    }

    /// Finds the next record, which is frame `number`; it is not consumed yet.
    #[inline]
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        number: u64,
    ) -> Result<Option<Record>, SourceError> {
        let head = self.dialect.record_header_bytes;
        if !input.has(head)? {
            self.cut = cut_in_header(input, head, number);
            return Ok(None);
        }
        let Some(
            &[
                s0,
                s1,
                s2,
                s3,
                f0,
                f1,
                f2,
                f3,
                a0,
                a1,
                a2,
                a3,
                b0,
                b1,
                b2,
                b3,
            ],
        ) = input.window().first_chunk()
        else {
            return Ok(None);
        };
        let word = |bytes| self.dialect.word(bytes);
        // Fractions of a second or more are met in the wild; the sum carries them over.
        let time = u64::from(word([s0, s1, s2, s3])) * NANOS_PER_SECOND
            + u64::from(word([f0, f1, f2, f3])) * self.dialect.unit_nanos;
        let (mut len, mut original_len) = (word([a0, a1, a2, a3]), word([b0, b1, b2, b3]));
        if self.lengths != LengthOrder::CapturedFirst
            && (self.lengths == LengthOrder::OriginalFirst || len > original_len)
        {
            (len, original_len) = (original_len, len);
        }
        if len > MAX_FRAME_BYTES {
            return Err(too_long("record", number, input.offset(), len));
        }
        let total = head + len as usize;
        if !input.has(total)? {
            self.cut = Some(cut_in_body(input, head, len, number));
            return Ok(None);
        }
        Ok(Some(Record {
            time: Timestamp::from_nanos(time),
            link_type: self.interface.link_type,
            interface: 0,
            // What was captured was on the wire, whatever the record says.
            original_len: original_len.max(len),
            head,
            len: len as usize,
            total,
            comment: Comment::None,
        }))
    }
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
