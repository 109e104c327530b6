//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, and three kinds of packet
//! block. Blocks of other kinds are passed over.
//!
//! Only packets are counted as frames, as tcpdump does; Wireshark numbers journal and custom
//! blocks among them.

mod clock;
mod options;

use self::clock::Clock;
use self::options::Options;
use super::endian::Endian;
use super::input::Input;
use super::{AtHand, MAX_FRAME_BYTES, Record, too_long};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::io::{Interface, SourceError};

/// The type of a section header block, which reads the same in either byte order.
pub(super) const SECTION_HEADER_BYTES: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_HEADER: u32 = u32::from_be_bytes(SECTION_HEADER_BYTES);
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET_OBSOLETE: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Block type, total length, and the total length again behind the body.
const MIN_BLOCK_BYTES: u32 = 12;
/// The total length behind the body.
const TRAILER_BYTES: usize = 4;
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

/// Reads the blocks of a pcapng file.
#[derive(Debug)]
pub(super) struct Reader {
    /// Of the section being read.
    endian: Endian,
    /// Index in `interfaces` of the section's first one.
    first_interface: usize,
    interfaces: Vec<Interface>,
    /// The clock of each.
    clocks: Vec<Clock>,
    section_comments: Vec<Vec<u8>>,
    section_comment_bytes: usize,
    joined_comment: Vec<u8>,
    /// Where the block being read starts.
    at: u64,
    /// Time of the last frame, which simple packet blocks take over: they have none.
    last_time: Timestamp,
    /// What is missing, once the end was found inside a block.
    pub(super) cut: Option<String>,
}

/// What the start of a block says. So small that it stays in registers: spilling it for the rare
/// paths' sake cost the usual one a third of its time.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    length: u32,
}

impl Block {
    /// Bytes it takes up, with the padding that some writers leave out of the length.
    #[inline]
    const fn total(self) -> usize {
        (self.length as usize).next_multiple_of(4)
    }

    #[inline]
    const fn is_packet(self) -> bool {
        matches!(self.kind, ENHANCED_PACKET | PACKET_OBSOLETE | SIMPLE_PACKET)
    }

    fn name(self) -> String {
        match self.kind {
            SECTION_HEADER => "a section header".into(),
            INTERFACE_DESCRIPTION => "an interface description".into(),
            _ if self.is_packet() => "a packet".into(),
            other => format!("a block of type {other:#x}"),
        }
    }
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
        let Some(endian) = endian_of(magic) else {
            return Err(SourceError::NotACapture(format!(
                "not a capture: it starts like pcapng, but its byte-order magic is {magic:02x?}"
            )));
        };
        Ok(Self {
            endian,
            first_interface: 0,
            interfaces: Vec::new(),
            clocks: Vec::new(),
            section_comments: Vec::new(),
            section_comment_bytes: 0,
            joined_comment: Vec::new(),
            at: 0,
            last_time: Timestamp::default(),
            cut: None,
        })
    }

    /// Finds the enhanced packet blocks that begin `window` and are whole, as far as nothing is wrong with them and
    /// none has a comment.
    pub(super) fn at_hand(&mut self, window: &[u8], found: &mut AtHand) {
        while !found.records.is_full()
            && let Some(record) = self.record(window, found.end)
        {
            let (record, end) = record;
            (self.last_time, found.end) = (record.time, end);
            found.records.push(record);
        }
    }

    /// The enhanced packet block at `at`, and where it ends.
    fn record(&self, window: &[u8], at: usize) -> Option<(Record, usize)> {
        let rest = window.get(at..)?;
        let header = rest.first_chunk::<PACKET_HEAD_BYTES>()?;
        let &[kind, length, id, high, low, captured, original] = header.as_chunks().0 else {
            return None;
        };
        let word = |bytes| self.endian.u32(bytes);
        let (length, len) = (word(length) as usize, word(captured));
        let (block, trailer) = rest.get(..length)?.split_last_chunk()?;
        let whole = word(kind) == ENHANCED_PACKET
            && length.is_multiple_of(4)
            && word(*trailer) as usize == length
            && len <= MAX_FRAME_BYTES;
        let place = PACKET_HEAD_BYTES..PACKET_HEAD_BYTES + len as usize;
        let options = place.end.next_multiple_of(4);
        let commented = || {
            let mut options = Options::new(block, options, self.endian);
            options.any(|(code, _)| code == options::COMMENT)
        };
        if !whole || place.end > block.len() || options < block.len() && commented() {
            return None;
        }
        let index = self.first_interface + word(id) as usize;
        let (clock, interface) = (self.clocks.get(index)?, self.interfaces.get(index)?);
        let record = Record {
            place: at + place.start..at + place.end,
            time: clock.time(u64::from(word(high)) << 32 | u64::from(word(low))),
            link_type: interface.link_type,
            interface: index as u32,
            // What was captured was on the wire, whatever the block says.
            original_len: word(original).max(len),
        };
        Some((record, at + length))
    }

    /// The interfaces of all sections met so far.
    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The comments on the sections met so far.
    pub(super) fn section_comments(&self) -> &[Vec<u8>] {
        &self.section_comments
    }

    /// The next packet, as frame `number`; `None` at the end.
    #[inline]
    pub(super) fn next<'a>(
        &'a mut self,
        input: &'a mut Input,
        number: u64,
    ) -> Result<Option<Frame<'a>>, SourceError> {
        let block = loop {
            if !input.has(8)? {
                self.cut = cut_between(input);
                return Ok(None);
            }
            self.at = input.offset();
            if input.window().starts_with(&SECTION_HEADER_BYTES) && !self.begin_section(input)? {
                return Ok(None);
            }
            let block = self.block(input);
            if block.is_packet() && block.length >= MIN_BLOCK_BYTES {
                break block;
            }
            if !self.other_block(input, block, number)? {
                return Ok(None);
            }
        };
        if !self.whole(input, block, number)? {
            return Ok(None);
        }
        let bytes = self.body(input.take(block.total()), block)?;
        if block.kind == SIMPLE_PACKET {
            self.simple_packet(bytes, number)
        } else {
            self.packet(bytes, block, number)
        }
    }

    /// Reads the start of the next block, which is there.
    #[inline]
    fn block(&self, input: &Input) -> Block {
        let start = input.window().first_chunk::<8>();
        let (kind, length) = match start.map(|bytes| bytes.as_chunks().0) {
            Some(&[kind, length]) => (self.endian.u32(kind), self.endian.u32(length)),
            _ => (0, 0),
        };
        Block { kind, length }
    }

    /// Sets the byte order of the section that starts here; false when it is cut before that.
    #[cold]
    fn begin_section(&mut self, input: &mut Input) -> Result<bool, SourceError> {
        let Some([_, _, _, _, _, _, _, _, magic @ ..]) = input.peek::<12>()? else {
            self.cut = cut_between(input);
            return Ok(false);
        };
        let Some(endian) = endian_of(magic) else {
            return Err(SourceError::Damaged(format!(
                "damaged: the section at byte {} has the byte-order magic {magic:02x?}",
                input.offset()
            )));
        };
        self.endian = endian;
        Ok(true)
    }

    /// Whether the block is there to its end.
    #[inline]
    fn whole(&mut self, input: &mut Input, block: Block, number: u64) -> Result<bool, SourceError> {
        if block.length > MAX_BLOCK_BYTES {
            return Err(self.too_big(block));
        }
        if !input.has(block.total())? {
            let there = input.window().len() as u64;
            self.cut = Some(self.cut_inside(block, there, number));
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes in a block that is no packet, or passes over it; false at the end.
    #[cold]
    fn other_block(
        &mut self,
        input: &mut Input,
        block: Block,
        number: u64,
    ) -> Result<bool, SourceError> {
        if block.length < MIN_BLOCK_BYTES {
            let text = format!("claims to be {} bytes long", block.length);
            return Err(self.damaged(&text));
        }
        match block.kind {
            SECTION_HEADER | INTERFACE_DESCRIPTION => {
                if !self.whole(input, block, number)? {
                    return Ok(false);
                }
                let bytes = self.body(input.take(block.total()), block)?;
                if block.kind == SECTION_HEADER {
                    self.section(bytes)?;
                } else {
                    self.interface(bytes)?;
                }
                Ok(true)
            }
            _ => self.pass_over(input, block, number),
        }
    }

    /// Passes over a block that is not for us, however long; false at the end.
    fn pass_over(
        &mut self,
        input: &mut Input,
        block: Block,
        number: u64,
    ) -> Result<bool, SourceError> {
        let there = input.skip((block.total() - TRAILER_BYTES) as u64)?;
        let Some(trailer) = input.peek()? else {
            let there = there + input.window().len() as u64;
            self.cut = Some(self.cut_inside(block, there, number));
            return Ok(false);
        };
        let length = self.endian.u32(trailer);
        if length != block.length {
            return Err(self.lengths_differ(block, length));
        }
        input.take(TRAILER_BYTES);
        Ok(true)
    }

    /// Takes in a section header: its version, and its comments.
    fn section(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let header = bytes.first_chunk::<24>().map(|bytes| bytes.as_chunks().0);
        let Some(&[_kind, _length, _magic, version, ..]) = header else {
            return Err(self.damaged("is too short for a section header"));
        };
        let (major, minor) = self.endian.halves(version);
        if major != 1 {
            let text = format!("is a section of pcapng version {major}.{minor}; wirelab reads 1.x");
            return Err(self.damaged(&text));
        }
        self.first_interface = self.interfaces.len();
        for (code, value) in Options::new(bytes, 24, self.endian) {
            let comment = bytes.get(value).unwrap_or_default();
            let kept = self.section_comment_bytes + comment.len();
            if code == options::COMMENT && !comment.is_empty() && kept <= MAX_COMMENT_BYTES {
                self.section_comment_bytes = kept;
                self.section_comments.push(comment.to_vec());
            }
        }
        Ok(())
    }

    /// Takes in an interface description.
    fn interface(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let header = bytes.first_chunk::<16>().map(|bytes| bytes.as_chunks().0);
        let Some(&[_kind, _length, link_type, snaplen]) = header else {
            return Err(self.damaged("is too short for an interface description"));
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            let text = format!("describes one interface more than the {MAX_INTERFACES} allowed");
            return Err(self.damaged(&text));
        }
        let mut resolution = 6;
        let mut offset_seconds = 0;
        let mut name = None;
        for (code, value) in Options::new(bytes, 16, self.endian) {
            let value = bytes.get(value).unwrap_or_default();
            match (code, value) {
                (options::IF_NAME, value) => {
                    let value = value.get(..MAX_NAME_BYTES).unwrap_or(value);
                    name = Some(String::from_utf8_lossy(value).into_owned());
                }
                (options::IF_TSRESOL, [value, ..]) => resolution = *value,
                (options::IF_TSOFFSET, value) => {
                    if let Some(value) = value.first_chunk() {
                        offset_seconds = self.endian.i64(*value);
                    }
                }
                // if_fcslen is left aside: a frame check sequence stays part of its frame.
                _ => {}
            }
        }
        let mut clock = Clock::new(resolution);
        clock.offset_seconds = offset_seconds;
        self.clocks.push(clock);
        self.interfaces.push(Interface {
            name,
            link_type: LinkType(self.endian.halves(link_type).0),
            snaplen: self.endian.u32(snaplen),
            ticks_per_second: Clock::ticks_per_second(resolution),
        });
        Ok(())
    }

    /// Reads an enhanced or obsolete packet block.
    #[inline]
    fn packet<'a>(
        &'a mut self,
        bytes: &'a [u8],
        block: Block,
        number: u64,
    ) -> Result<Option<Frame<'a>>, SourceError> {
        let header = bytes.first_chunk::<PACKET_HEAD_BYTES>();
        let Some(&[_, _, id, high, low, captured, original]) =
            header.map(|bytes| bytes.as_chunks().0)
        else {
            return Err(self.damaged("is too short for a packet"));
        };
        let id = if block.kind == ENHANCED_PACKET {
            self.endian.u32(id)
        } else {
            // A half, with a count of drops behind it.
            u32::from(self.endian.halves(id).0)
        };
        let index = self.first_interface + id as usize;
        let (Some(clock), Some(interface)) = (self.clocks.get(index), self.interfaces.get(index))
        else {
            return Err(self.no_interface(id));
        };
        let ticks = u64::from(self.endian.u32(high)) << 32 | u64::from(self.endian.u32(low));
        let (time, link_type) = (clock.time(ticks), interface.link_type);
        let len = self.endian.u32(captured);
        if len > MAX_FRAME_BYTES {
            return Err(too_long("block", number, self.at, len));
        }
        let end = PACKET_HEAD_BYTES + len as usize;
        let Some(frame) = bytes.get(PACKET_HEAD_BYTES..end) else {
            let text = format!("claims {len} captured bytes, more than it holds");
            return Err(self.damaged(&text));
        };
        self.last_time = time;
        let options = end.next_multiple_of(4);
        Ok(Some(Frame {
            number,
            time,
            link_type,
            interface: index as u32,
            // What was captured was on the wire, whatever the block says.
            original_len: self.endian.u32(original).max(len),
            bytes: frame,
            comment: if options < bytes.len() {
                self.comment(bytes, options)
            } else {
                None
            },
        }))
    }

    /// A packet with nothing but its length; it belongs to the section's first interface.
    #[cold]
    fn simple_packet<'a>(
        &self,
        bytes: &'a [u8],
        number: u64,
    ) -> Result<Option<Frame<'a>>, SourceError> {
        let Some(interface) = self.interfaces.get(self.first_interface) else {
            return Err(self.no_interface(0));
        };
        let header = bytes.first_chunk::<SIMPLE_HEAD_BYTES>();
        let Some(&[_, _, original]) = header.map(|bytes| bytes.as_chunks().0) else {
            return Err(self.damaged("is too short for a packet"));
        };
        let original_len = self.endian.u32(original);
        let frame = bytes.get(SIMPLE_HEAD_BYTES..).unwrap_or_default();
        let kept = match interface.snaplen {
            0 => original_len,
            snaplen => original_len.min(snaplen),
        };
        Ok(Some(Frame {
            number,
            time: self.last_time,
            link_type: interface.link_type,
            interface: self.first_interface as u32,
            original_len,
            bytes: frame.get(..kept as usize).unwrap_or(frame),
            comment: None,
        }))
    }

    /// Looks for comments among the options that start at `from` of the block.
    #[cold]
    fn comment<'a>(&'a mut self, bytes: &'a [u8], from: usize) -> Option<&'a [u8]> {
        let mut comments = Options::new(bytes, from, self.endian)
            .filter(|(code, value)| *code == options::COMMENT && !value.is_empty())
            .map(|(_, value)| value);
        let first = comments.next()?;
        let mut rest = comments.peekable();
        if rest.peek().is_none() {
            return bytes.get(first);
        }
        // Several: one a line.
        self.joined_comment.clear();
        for value in std::iter::once(first).chain(rest) {
            if !self.joined_comment.is_empty() {
                self.joined_comment.push(b'\n');
            }
            self.joined_comment
                .extend_from_slice(bytes.get(value).unwrap_or_default());
        }
        Some(&self.joined_comment)
    }

    /// A block without its trailing length, which must be the one it starts with.
    #[inline]
    fn body<'a>(&self, bytes: &'a [u8], block: Block) -> Result<&'a [u8], SourceError> {
        match bytes.split_last_chunk() {
            Some((bytes, length)) if self.endian.u32(*length) == block.length => Ok(bytes),
            Some((_, length)) => Err(self.lengths_differ(block, self.endian.u32(*length))),
            None => Err(self.lengths_differ(block, 0)),
        }
    }

    #[cold]
    fn damaged(&self, what: &str) -> SourceError {
        SourceError::Damaged(format!("damaged: the block at byte {} {what}", self.at))
    }

    #[cold]
    fn no_interface(&self, id: u32) -> SourceError {
        let described = self.interfaces.len() - self.first_interface;
        self.damaged(&format!(
            "is of interface {id}, but its section describes {described} before it"
        ))
    }

    #[cold]
    fn too_big(&self, block: Block) -> SourceError {
        self.damaged(&format!(
            "claims to be {} bytes long; for {} {MAX_BLOCK_BYTES} are allowed",
            block.length,
            block.name()
        ))
    }

    #[cold]
    fn lengths_differ(&self, block: Block, end: u32) -> SourceError {
        self.damaged(&format!(
            "is {} bytes long by its start and {end} by its end",
            block.length
        ))
    }

    #[cold]
    fn cut_inside(&self, block: Block, there: u64, number: u64) -> String {
        let place = if block.is_packet() {
            format!("frame {number}")
        } else {
            block.name()
        };
        format!(
            "cut in {place}: the block at byte {} promises {} bytes, {there} are there",
            self.at, block.length
        )
    }
}

/// The byte order a section's magic stands for.
fn endian_of(magic: [u8; 4]) -> Option<Endian> {
    match u32::from_be_bytes(magic) {
        0x1a2b_3c4d => Some(Endian::Big),
        0x4d3c_2b1a => Some(Endian::Little),
        _ => None,
    }
}

#[cold]
fn cut_between(input: &Input) -> Option<String> {
    let there = input.window().len();
    (there > 0).then(|| {
        format!(
            "cut in the header of a block: of the one at byte {} only {there} bytes are there",
            input.offset()
        )
    })
}
