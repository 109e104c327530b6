//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, and three kinds of packet
//! block. Blocks of other kinds are passed over.
//!
//! Unlike Wireshark, which numbers journal and custom blocks among the packets, only packets are
//! counted as frames, as tcpdump does.

use std::ops::Range;

use super::input::Input;
use super::{Comment, MAX_FRAME_BYTES, Record, too_long};
use crate::frame::{LinkType, Timestamp};
use crate::io::{Interface, SourceError};

/// The type of a section header block, which reads the same in either byte order.
pub(super) const SECTION_HEADER_BYTES: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET_OBSOLETE: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Block type, total length, and the total length again behind the body.
const BLOCK_FRAME_BYTES: u32 = 12;
/// From the block's start to the packet's bytes, in an enhanced or obsolete packet block.
const PACKET_HEAD_BYTES: usize = 28;
/// The same in a simple packet block.
const SIMPLE_HEAD_BYTES: usize = 12;

/// A block that has to be seen whole: a frame and a mebibyte of options.
const MAX_BLOCK_BYTES: u32 = MAX_FRAME_BYTES + (1 << 20);
/// Interfaces and comments are kept for the whole run; so much of them is believed.
const MAX_INTERFACES: usize = 1 << 16;
const MAX_NAME_BYTES: usize = 256;
const MAX_COMMENT_BYTES: usize = 1 << 20;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Reads the blocks of a pcapng file.
#[derive(Debug)]
pub(super) struct Reader {
    big_endian: bool,
    /// Index in `interfaces` of the section's first one.
    first_interface: usize,
    interfaces: Vec<Interface>,
    /// How each interface counts time.
    clocks: Vec<Clock>,
    section_comments: Vec<Vec<u8>>,
    section_comment_bytes: usize,
    joined_comment: Vec<u8>,
    /// Time of the last frame, which simple packet blocks take over: they have none.
    last_time: Timestamp,
    /// What is missing, once the end was found inside a block.
    pub(super) cut: Option<String>,
}

impl Reader {
    /// Looks at the first section header, whose block type has been seen; consumes nothing.
    pub(super) fn new(input: &mut Input) -> Result<Self, SourceError> {
        let Some([_, _, _, _, _, _, _, _, magic @ ..]) = input.peek::<12>()? else {
            return Err(SourceError::Damaged(format!(
                "a pcapng file cut inside its first block: 28 bytes are needed, {} are there",
                input.window().len()
            )));
        };
        let Some(big_endian) = byte_order(magic) else {
            return Err(SourceError::NotACapture(format!(
                "not a capture: it starts like pcapng, but its byte-order magic is {magic:02x?}"
            )));
        };
        Ok(Self {
            big_endian,
            first_interface: 0,
            interfaces: Vec::new(),
            clocks: Vec::new(),
            section_comments: Vec::new(),
            section_comment_bytes: 0,
            joined_comment: Vec::new(),
            last_time: Timestamp::default(),
            cut: None,
        })
    }

    /// The interfaces of all sections met so far.
    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn section_comments(&self) -> &[Vec<u8>] {
        &self.section_comments
    }

    /// The comments of the last frame, one a line, when [`Comment::Joined`] was given.
    pub(super) fn joined_comment(&self) -> &[u8] {
        &self.joined_comment
    }

    /// Finds the next packet, which is frame `number`; its block is not consumed yet.
    #[inline]
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        number: u64,
    ) -> Result<Option<Record>, SourceError> {
        loop {
            let Some([t0, t1, t2, t3, l0, l1, l2, l3]) = input.peek()? else {
                self.cut = cut_between(input);
                return Ok(None);
            };
            if [t0, t1, t2, t3] == SECTION_HEADER_BYTES && !self.begin_section(input)? {
                return Ok(None);
            }
            let kind = self.word([t0, t1, t2, t3]);
            let length = self.word([l0, l1, l2, l3]);
            let Some(total) = padded(length) else {
                return Err(damaged(
                    input,
                    &format!("claims a length of {length} bytes"),
                ));
            };
            if matches!(kind, ENHANCED_PACKET | PACKET_OBSOLETE | SIMPLE_PACKET) {
                if !self.whole(input, kind, length, number)? {
                    return Ok(None);
                }
                let record = self.packet(input, kind, total, number)?;
                self.last_time = record.time;
                return Ok(Some(record));
            }
            if matches!(kind, SECTION_HEADER | INTERFACE_DESCRIPTION) {
                if !self.whole(input, kind, length, number)? {
                    return Ok(None);
                }
                if kind == SECTION_HEADER {
                    self.section(input, total)?;
                } else {
                    self.interface(input, total)?;
                }
                input.take(total);
            } else if !self.pass_over(input, kind, length, total as u64)? {
                return Ok(None);
            }
        }
    }

    #[inline]
    const fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    const fn half(&self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    /// Whether the block is there to its end; its two lengths must agree.
    #[inline]
    fn whole(
        &mut self,
        input: &mut Input,
        kind: u32,
        length: u32,
        number: u64,
    ) -> Result<bool, SourceError> {
        if length > MAX_BLOCK_BYTES {
            let text = format!(
                "claims {length} bytes, more than any {} has ({MAX_BLOCK_BYTES})",
                name(kind)
            );
            return Err(damaged(input, &text));
        }
        let total = length.next_multiple_of(4) as usize;
        if !input.has(total)? {
            self.cut = Some(cut_inside(
                input,
                kind,
                length,
                input.window().len() as u64,
                number,
            ));
            return Ok(false);
        }
        let trailer = input
            .window()
            .get(total.saturating_sub(4)..)
            .and_then(|tail| tail.first_chunk().copied());
        match trailer.map(|bytes| self.word(bytes)) {
            Some(trailer) if trailer == length => Ok(true),
            other => Err(lengths_differ(input, length, other)),
        }
    }

    /// Passes over a block that is not for us, however long; false at the end of the file.
    fn pass_over(
        &mut self,
        input: &mut Input,
        kind: u32,
        length: u32,
        total: u64,
    ) -> Result<bool, SourceError> {
        let at = input.offset();
        let there = input.skip(total - 4)?;
        let Some(trailer) = input.peek()? else {
            let there = there + input.window().len() as u64;
            self.cut = Some(cut_text(&format!("in {}", name(kind)), at, length, there));
            return Ok(false);
        };
        if self.word(trailer) != length {
            return Err(SourceError::Damaged(format!(
                "damaged: the block at byte {at} says {length} bytes at its start and {} at its end",
                self.word(trailer)
            )));
        }
        input.take(4);
        Ok(true)
    }

    /// Sets the byte order of the section that starts here; false when it is cut before that.
    fn begin_section(&mut self, input: &mut Input) -> Result<bool, SourceError> {
        let Some([_, _, _, _, _, _, _, _, magic @ ..]) = input.peek::<12>()? else {
            self.cut = cut_between(input);
            return Ok(false);
        };
        let Some(big_endian) = byte_order(magic) else {
            let text = format!("has the byte-order magic {magic:02x?}");
            return Err(damaged(input, &text));
        };
        self.big_endian = big_endian;
        Ok(true)
    }

    /// Takes in a section header: its version, and its comments.
    fn section(&mut self, input: &Input, total: usize) -> Result<(), SourceError> {
        let block = input.window().get(..total - 4).unwrap_or_default();
        // type, length, byte-order magic, version, section length
        let Some(&[_, _, _, _, _, _, _, _, _, _, _, _, m0, m1, n0, n1, ..]) =
            block.first_chunk::<24>()
        else {
            return Err(damaged(input, "is too short for a section header"));
        };
        let (major, minor) = (self.half([m0, m1]), self.half([n0, n1]));
        if major != 1 {
            let text = format!("is a section of pcapng version {major}.{minor}; wirelab reads 1.x");
            return Err(damaged(input, &text));
        }
        self.first_interface = self.interfaces.len();
        for (code, value) in self.options(block, 24) {
            let comment = block.get(value).unwrap_or_default();
            let kept = self.section_comment_bytes + comment.len();
            if code == OPT_COMMENT && !comment.is_empty() && kept <= MAX_COMMENT_BYTES {
                self.section_comment_bytes = kept;
                self.section_comments.push(comment.to_vec());
            }
        }
        Ok(())
    }

    /// Takes in an interface description.
    fn interface(&mut self, input: &Input, total: usize) -> Result<(), SourceError> {
        let block = input.window().get(..total - 4).unwrap_or_default();
        let Some(&[_, _, _, _, _, _, _, _, l0, l1, _, _, s0, s1, s2, s3]) = block.first_chunk()
        else {
            return Err(damaged(input, "is too short for an interface description"));
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            let text = format!("describes one interface more than the {MAX_INTERFACES} allowed");
            return Err(damaged(input, &text));
        }
        let mut interface = Interface {
            name: None,
            link_type: LinkType(self.half([l0, l1])),
            snaplen: self.word([s0, s1, s2, s3]),
            ticks_per_second: 1_000_000,
        };
        let mut clock = Clock {
            rate: Rate::new(6),
            offset_seconds: 0,
            snaplen: interface.snaplen,
            link_type: interface.link_type,
        };
        for (code, value) in self.options(block, 16) {
            let value = block.get(value).unwrap_or_default();
            match (code, value) {
                (IF_NAME, name) => {
                    let name = name.get(..MAX_NAME_BYTES).unwrap_or(name);
                    interface.name = Some(String::from_utf8_lossy(name).into_owned());
                }
                (IF_TSRESOL, [resolution, ..]) => {
                    clock.rate = Rate::new(*resolution);
                    interface.ticks_per_second = Rate::ticks_per_second(*resolution);
                }
                (IF_TSOFFSET, offset) => {
                    if let Some(&offset) = offset.first_chunk() {
                        clock.offset_seconds = if self.big_endian {
                            i64::from_be_bytes(offset)
                        } else {
                            i64::from_le_bytes(offset)
                        };
                    }
                }
                // if_fcslen too is left aside: a frame check sequence stays part of its frame.
                _ => {}
            }
        }
        self.interfaces.push(interface);
        self.clocks.push(clock);
        Ok(())
    }

    /// Reads a packet block of `total` bytes that is there to its end.
    #[inline]
    fn packet(
        &mut self,
        input: &Input,
        kind: u32,
        total: usize,
        number: u64,
    ) -> Result<Record, SourceError> {
        if kind == SIMPLE_PACKET {
            return self.simple_packet(input, total, number);
        }
        let block = input.window().get(..total - 4).unwrap_or_default();
        let Some(
            &[
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _, // type and length
                i0,
                i1,
                i2,
                i3, // interface; in the obsolete block a half, then a drop count
                h0,
                h1,
                h2,
                h3,
                t0,
                t1,
                t2,
                t3, // time, upper and lower half
                c0,
                c1,
                c2,
                c3, // captured
                o0,
                o1,
                o2,
                o3, // original
            ],
        ) = block.first_chunk::<PACKET_HEAD_BYTES>()
        else {
            return Err(damaged(input, "is too short for a packet"));
        };
        let id = if kind == ENHANCED_PACKET {
            self.word([i0, i1, i2, i3])
        } else {
            u32::from(self.half([i0, i1]))
        };
        let (interface, clock) = self.clock(input, id)?;
        let high = u64::from(self.word([h0, h1, h2, h3]));
        let ticks = high << 32 | u64::from(self.word([t0, t1, t2, t3]));
        let time = clock.time(ticks);
        let link_type = clock.link_type;
        let len = self.word([c0, c1, c2, c3]);
        if len > MAX_FRAME_BYTES {
            return Err(too_long("block", number, input.offset(), len));
        }
        let end = PACKET_HEAD_BYTES + len as usize;
        if end > block.len() {
            let text = format!("claims {len} captured bytes, more than it holds");
            return Err(damaged(input, &text));
        }
        let options = end.next_multiple_of(4);
        let comment = if options < block.len() {
            self.comment(input, total, options)
        } else {
            Comment::None
        };
        Ok(Record {
            time,
            link_type,
            interface,
            original_len: self.word([o0, o1, o2, o3]).max(len),
            head: PACKET_HEAD_BYTES,
            len: len as usize,
            total,
            comment,
        })
    }

    /// A packet with nothing but its length; it belongs to the section's first interface.
    fn simple_packet(
        &self,
        input: &Input,
        total: usize,
        number: u64,
    ) -> Result<Record, SourceError> {
        let (interface, clock) = self.clock(input, 0)?;
        let original = input.window().get(8..).and_then(|rest| rest.first_chunk());
        let (Some(&original), Some(room)) = (original, total.checked_sub(SIMPLE_HEAD_BYTES + 4))
        else {
            return Err(damaged(input, "is too short for a packet"));
        };
        let original_len = self.word(original);
        let mut len = original_len.min(room as u32);
        if clock.snaplen > 0 {
            len = len.min(clock.snaplen);
        }
        if len > MAX_FRAME_BYTES {
            return Err(too_long("block", number, input.offset(), len));
        }
        Ok(Record {
            time: self.last_time,
            link_type: clock.link_type,
            interface,
            original_len,
            head: SIMPLE_HEAD_BYTES,
            len: len as usize,
            total,
            comment: Comment::None,
        })
    }

    /// The interface `id` of this section: its place among all, and its clock.
    #[inline]
    fn clock(&self, input: &Input, id: u32) -> Result<(u32, &Clock), SourceError> {
        let index = self.first_interface + id as usize;
        match self.clocks.get(index) {
            Some(clock) => Ok((index as u32, clock)),
            None => Err(damaged(
                input,
                &format!(
                    "belongs to interface {id}, but its section has described {}",
                    self.clocks.len() - self.first_interface
                ),
            )),
        }
    }

    /// Looks for comments among the options that start at `from` of the block.
    #[cold]
    fn comment(&mut self, input: &Input, total: usize, from: usize) -> Comment {
        let block = input.window().get(..total - 4).unwrap_or_default();
        let mut comments = self
            .options(block, from)
            .filter(|(code, value)| *code == OPT_COMMENT && !value.is_empty());
        let Some((_, first)) = comments.next() else {
            return Comment::None;
        };
        let Some((_, second)) = comments.next() else {
            return Comment::At(first.start, first.len());
        };
        let rest: Vec<_> = comments.map(|(_, value)| value).collect();
        self.joined_comment.clear();
        for value in [first, second].into_iter().chain(rest) {
            if !self.joined_comment.is_empty() {
                self.joined_comment.push(b'\n');
            }
            let value = block.get(value).unwrap_or_default();
            self.joined_comment.extend_from_slice(value);
        }
        Comment::Joined
    }

    fn options<'a>(&self, block: &'a [u8], from: usize) -> Options<'a> {
        Options {
            block,
            at: from,
            big_endian: self.big_endian,
        }
    }
}

/// Options as code and place of the value. One that runs past the block ends them: the packet
/// itself is good, so it is not lost for that.
struct Options<'a> {
    block: &'a [u8],
    at: usize,
    big_endian: bool,
}

impl Iterator for Options<'_> {
    type Item = (u16, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let &[c0, c1, l0, l1] = self.block.get(self.at..)?.first_chunk()?;
        let half = if self.big_endian {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        let code = half([c0, c1]);
        let start = self.at + 4;
        let end = start + usize::from(half([l0, l1]));
        if code == OPT_END || end > self.block.len() {
            return None;
        }
        self.at = end.next_multiple_of(4);
        Some((code, start..end))
    }
}

/// What turns an interface's ticks into a time, beside what else its packets need.
#[derive(Debug)]
struct Clock {
    rate: Rate,
    /// Added to every time (`if_tsoffset`).
    offset_seconds: i64,
    snaplen: u32,
    link_type: LinkType,
}

impl Clock {
    #[inline]
    fn time(&self, ticks: u64) -> Timestamp {
        let nanos = self.rate.nanos(ticks);
        if self.offset_seconds == 0 {
            return Timestamp::from_nanos(nanos);
        }
        // Times before 1970 are not kept: they become zero.
        let moved = i128::from(nanos) + i128::from(self.offset_seconds) * 1_000_000_000;
        Timestamp::from_nanos(u64::try_from(moved.max(0)).unwrap_or(u64::MAX))
    }
}

/// Ticks of a clock (`if_tsresol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rate {
    /// A tick is so many nanoseconds.
    Nanos(u64),
    /// So many ticks are a nanosecond.
    PerNano(u64),
    /// Two to this power are a second.
    Binary(u8),
}

impl Rate {
    fn new(resolution: u8) -> Self {
        match (resolution & 0x80, resolution & 0x7f) {
            (0, exponent @ ..=9) => Self::Nanos(10_u64.pow(u32::from(9 - exponent))),
            (0, exponent) => Self::PerNano(10_u64.saturating_pow(u32::from(exponent - 9))),
            (_, exponent) => Self::Binary(exponent),
        }
    }

    fn ticks_per_second(resolution: u8) -> u64 {
        let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
        base.saturating_pow(u32::from(resolution & 0x7f))
    }

    #[inline]
    fn nanos(self, ticks: u64) -> u64 {
        match self {
            Self::Nanos(nanos) => ticks.saturating_mul(nanos),
            Self::PerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Self::Binary(exponent) => {
                let nanos = (u128::from(ticks) * u128::from(NANOS_PER_SECOND)) >> exponent;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        }
    }
}

/// The byte order a section's magic stands for: whether it is big-endian.
fn byte_order(magic: [u8; 4]) -> Option<bool> {
    match magic {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(false),
        _ => None,
    }
}

/// Bytes a block of this length takes up; `None` when no block can be so short. Some writers leave
/// the padding out of the length, so it is rounded up.
#[inline]
fn padded(length: u32) -> Option<usize> {
    (length >= BLOCK_FRAME_BYTES).then(|| (length as usize).next_multiple_of(4))
}

fn name(kind: u32) -> String {
    match kind {
        SECTION_HEADER => "a section header".into(),
        INTERFACE_DESCRIPTION => "an interface description".into(),
        ENHANCED_PACKET | PACKET_OBSOLETE | SIMPLE_PACKET => "a packet block".into(),
        other => format!("a block of type {other:#x}"),
    }
}

#[cold]
fn damaged(input: &Input, what: &str) -> SourceError {
    SourceError::Damaged(format!(
        "damaged: the block at byte {} {what}",
        input.offset()
    ))
}

#[cold]
fn lengths_differ(input: &Input, first: u32, second: Option<u32>) -> SourceError {
    let second = second.map_or("nothing".into(), |second| second.to_string());
    let text = format!("says {first} bytes at its start and {second} at its end");
    damaged(input, &text)
}

#[cold]
fn cut_between(input: &Input) -> Option<String> {
    let there = input.window().len();
    (there > 0).then(|| {
        format!(
            "cut in a block header: the block at byte {} has {there} bytes",
            input.offset()
        )
    })
}

#[cold]
fn cut_inside(input: &Input, kind: u32, length: u32, there: u64, number: u64) -> String {
    let place = match kind {
        ENHANCED_PACKET | PACKET_OBSOLETE | SIMPLE_PACKET => format!("in frame {number}"),
        other => format!("in {}", name(other)),
    };
    cut_text(&place, input.offset(), length, there)
}

fn cut_text(place: &str, at: u64, length: u32, there: u64) -> String {
    format!("cut {place}: the block at byte {at} promises {length} bytes, {there} are there")
}
