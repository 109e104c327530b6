//! A sheet line by line, each line tied to its bytes: for whoever walks through a frame, by its fields or by its
//! bytes, and through the next frame at the same place.

use std::ops::Range;

use super::sheet::{Header, Origin, Sheet};
use crate::wire::layout::Laid;

/// A line of a sheet. Numbers are indices into what the sheet and its headers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// What follows stands in the datagram that the frame completed, or held compressed.
    Datagram,
    /// A header.
    Header(usize),
    /// A part of a header, an option for example: of that header, from that field on.
    Part(usize, usize),
    /// A field of that header.
    Field(usize, usize),
    /// Bytes that are no header.
    Rest(usize),
    /// What is wrong.
    Trouble(usize),
}

/// A header by what it is, and not by where it is: the same in another frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name for scripts; the name of bytes that are no header.
    key: &'static str,
    /// How many errors it is quoted in.
    quoted: u8,
    /// How many such headers are before it.
    before: usize,
}

/// A line by what it is, and not by where it is: the same in another frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its header.
    pub place: Place,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Datagram,
    Header,
    /// Its name, and how many of that name are before it in the header.
    Part(&'static str, usize),
    /// The name of its part and its own, and how many of both names are before it in the header.
    Field(Option<&'static str>, &'static str, usize),
    Rest,
    /// How many are before it.
    Trouble(usize),
}

/// All lines of a sheet, in the order in which they are shown.
#[derive(Clone, Debug)]
pub struct Outline<'s, 'a> {
    sheet: &'s Sheet<'a>,
    /// The lines.
    pub lines: Vec<Line>,
}

impl<'s, 'a> Outline<'s, 'a> {
    /// Of that sheet.
    pub fn new(sheet: &'s Sheet<'a>) -> Self {
        let mut lines = Vec::new();
        let mut origin = Origin::Frame;
        for (index, header) in sheet.headers.iter().enumerate() {
            if header.origin != origin {
                origin = header.origin;
                lines.push(Line::Datagram);
            }
            lines.push(Line::Header(index));
            let mut item = 0;
            for (field, laid) in header.layout.fields.iter().enumerate() {
                if laid.part.is_some() && laid.item != item {
                    lines.push(Line::Part(index, field));
                }
                item = laid.item;
                lines.push(Line::Field(index, field));
            }
        }
        lines.extend((0..sheet.rests.len()).map(Line::Rest));
        lines.extend((0..sheet.troubles.len()).map(Line::Trouble));
        Self { sheet, lines }
    }

    /// How many headers there are.
    pub const fn headers(&self) -> usize {
        self.sheet.headers.len()
    }

    /// The line of that index.
    pub fn line(&self, index: usize) -> Option<Line> {
        self.lines.get(index).copied()
    }

    /// The header and the field of a line that is a field.
    pub fn field(&self, line: Line) -> Option<(&'s Header, &'s Laid)> {
        let Line::Field(header, field) = line else {
            return None;
        };
        let header = self.sheet.headers.get(header)?;
        Some((header, header.layout.fields.get(field)?))
    }

    /// Index of the header that a line belongs to.
    pub const fn header_of(line: Line) -> Option<usize> {
        match line {
            Line::Header(header) | Line::Part(header, _) | Line::Field(header, _) => Some(header),
            Line::Datagram | Line::Rest(_) | Line::Trouble(_) => None,
        }
    }

    /// Where the bytes of a line stand, as far as they were captured; empty for a problem past the end.
    pub fn bytes_of(&self, line: Line) -> (Origin, Range<usize>) {
        let (origin, range) = match line {
            Line::Datagram => (Origin::Datagram, 0..self.sheet.datagram.len()),
            Line::Header(index) => match self.sheet.headers.get(index) {
                Some(header) => (header.origin, span(header.offset, header.len)),
                None => (Origin::Frame, 0..0),
            },
            Line::Field(index, field) => self.fields_bytes(index, field..field + 1),
            Line::Part(index, first) => self.fields_bytes(index, self.part(index, first)),
            Line::Rest(index) => match self.sheet.rests.get(index) {
                Some(rest) => (rest.origin, span(rest.offset, rest.len)),
                None => (Origin::Frame, 0..0),
            },
            Line::Trouble(index) => match self.sheet.troubles.get(index) {
                Some(trouble) => (trouble.origin, span(trouble.offset, 1)),
                None => (Origin::Frame, 0..0),
            },
        };
        let all = self.sheet.bytes(origin).len();
        (origin, range.start.min(all)..range.end.min(all))
    }

    /// Index of the line that a byte belongs to: a field, or bytes that are no header, or at least a header. Of
    /// several fields that share the byte it is the first.
    pub fn of_byte(&self, origin: Origin, byte: usize) -> Option<usize> {
        let holds = |line: Line| {
            let (from, range) = self.bytes_of(line);
            from == origin && range.contains(&byte)
        };
        let found = |wanted: fn(Line) -> bool| {
            let lines = self.lines.iter();
            lines.copied().position(|line| wanted(line) && holds(line))
        };
        found(|line| matches!(line, Line::Field(..)))
            .or_else(|| found(|line| matches!(line, Line::Rest(_))))
            .or_else(|| found(|line| matches!(line, Line::Header(_))))
    }

    /// What a line is, to find it in another frame.
    pub fn spot(&self, line: Line) -> Option<Spot> {
        let of_header = |index: usize, what: What| {
            let place = self.place(index)?;
            Some(Spot { place, what })
        };
        let nowhere = |key: &'static str, before, what| {
            let quoted = 0;
            let place = Place {
                key,
                quoted,
                before,
            };
            Some(Spot { place, what })
        };
        match line {
            Line::Datagram => nowhere("datagram", 0, What::Datagram),
            Line::Header(index) => of_header(index, What::Header),
            Line::Part(index, first) => {
                let fields = &self.sheet.headers.get(index)?.layout.fields;
                let name = fields.get(first)?.part?;
                let before = fields.get(..first)?.chunk_by(|a, b| a.item == b.item);
                let before = before.filter(|part| part.iter().any(|it| it.part == Some(name)));
                of_header(index, What::Part(name, before.count()))
            }
            Line::Field(index, field) => {
                let fields = &self.sheet.headers.get(index)?.layout.fields;
                let laid = fields.get(field)?;
                let names = |it: &Laid| (it.part, it.field.name);
                let same = |it: &&Laid| names(it) == names(laid);
                let before = fields.get(..field)?.iter().filter(same).count();
                of_header(index, What::Field(laid.part, laid.field.name, before))
            }
            Line::Rest(index) => {
                let rest = self.sheet.rests.get(index)?;
                let before = self.sheet.rests.get(..index)?.iter();
                let before = before.filter(|other| other.name == rest.name).count();
                nowhere(rest.name, before, What::Rest)
            }
            Line::Trouble(index) => nowhere("trouble", 0, What::Trouble(index)),
        }
    }

    /// Index of the line that is that, or the nearest to it: its header, else the last one that is not quoted.
    pub fn find(&self, spot: Spot) -> usize {
        let header = Spot {
            what: What::Header,
            ..spot
        };
        let lines = || self.lines.iter().copied();
        // What a line is takes a look at those before it, which most need not have.
        let is = |line: Line, spot: Spot| self.may_be(line, spot) && self.spot(line) == Some(spot);
        lines()
            .position(|line| is(line, spot))
            .or_else(|| lines().position(|line| is(line, header)))
            .unwrap_or_else(|| self.innermost())
    }

    /// Whether a line has the name that is looked for.
    fn may_be(&self, line: Line, spot: Spot) -> bool {
        let laid = |header: usize, field: usize| {
            let header = self.sheet.headers.get(header)?;
            let laid = header.layout.fields.get(field)?;
            (header.key == spot.place.key).then_some(laid)
        };
        match (line, spot.what) {
            (Line::Field(header, field), What::Field(part, name, _)) => {
                laid(header, field).is_some_and(|laid| (laid.part, laid.field.name) == (part, name))
            }
            (Line::Part(header, field), What::Part(name, _)) => {
                laid(header, field).is_some_and(|laid| laid.part == Some(name))
            }
            (Line::Header(_), What::Header)
            | (Line::Datagram, What::Datagram)
            | (Line::Rest(_), What::Rest)
            | (Line::Trouble(_), What::Trouble(_)) => true,
            _ => false,
        }
    }

    /// Index of the line of the last header that is not quoted: what the frame is about.
    pub fn innermost(&self) -> usize {
        let own = |line: &Line| match line {
            Line::Header(index) => self
                .sheet
                .headers
                .get(*index)
                .is_some_and(|it| it.quoted == 0),
            _ => false,
        };
        self.lines.iter().rposition(own).unwrap_or(0)
    }

    /// What the header of that index is.
    pub fn place(&self, index: usize) -> Option<Place> {
        let header = self.sheet.headers.get(index)?;
        let same = |it: &&Header| (it.key, it.quoted) == (header.key, header.quoted);
        let before = self.sheet.headers.get(..index)?.iter().filter(same).count();
        Some(Place {
            key: header.key,
            quoted: header.quoted,
            before,
        })
    }

    /// The fields of the part that begins with that one.
    fn part(&self, header: usize, first: usize) -> Range<usize> {
        let fields = self
            .sheet
            .headers
            .get(header)
            .map(|it| &it.layout.fields[..]);
        let from = fields
            .and_then(|fields| fields.get(first..))
            .unwrap_or_default();
        let item = from.first().map(|laid| laid.item);
        let len = from
            .iter()
            .take_while(|laid| Some(laid.item) == item)
            .count();
        first..first + len
    }

    fn fields_bytes(&self, header: usize, fields: Range<usize>) -> (Origin, Range<usize>) {
        let Some(header) = self.sheet.headers.get(header) else {
            return (Origin::Frame, 0..0);
        };
        let at = header.offset as usize;
        let fields = header.layout.fields.get(fields).unwrap_or_default();
        let range = match (fields.first(), fields.last()) {
            (Some(first), Some(last)) => at + first.start()..at + last.end(),
            _ => 0..0,
        };
        (header.origin, range)
    }
}

const fn span(offset: u32, len: u32) -> Range<usize> {
    offset as usize..offset as usize + len as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::frame::{Frame, LinkType, Timestamp};
    use crate::recordings;
    use proptest::prelude::*;

    /// Panics unless bytes and lines of a frame lead to each other.
    fn linked(frame: &Frame<'_>, decoder: &mut Decoder) {
        let packet = decoder.decode(frame);
        let sheet = Sheet::new(frame, &packet);
        let outline = Outline::new(&sheet);
        for origin in [Origin::Frame, Origin::Datagram] {
            for byte in 0..sheet.bytes(origin).len() {
                let Some(index) = outline.of_byte(origin, byte) else {
                    panic!("frame {}: byte {byte} belongs to nothing", frame.number);
                };
                let line = outline.line(index).unwrap();
                let (from, range) = outline.bytes_of(line);
                assert!(from == origin && range.contains(&byte), "{line:?} {byte}");
                assert!(matches!(line, Line::Field(..) | Line::Rest(_)), "{line:?}");
            }
        }
        for (index, &line) in outline.lines.iter().enumerate() {
            let (origin, range) = outline.bytes_of(line);
            assert!(range.end <= sheet.bytes(origin).len(), "{line:?} {range:?}");
            assert_eq!(outline.find(outline.spot(line).unwrap()), index, "{line:?}");
            let Some((header, laid)) = outline.field(line) else {
                continue;
            };
            let offset = header.offset as usize;
            assert_eq!(range, offset + laid.start()..offset + laid.end());
            // The first field of its first byte is this one, or begins in that byte, too.
            let first = outline.of_byte(origin, range.start).unwrap();
            let (_, shared) = outline.bytes_of(outline.line(first).unwrap());
            assert!(first <= index && shared.contains(&range.start), "{line:?}");
        }
    }

    #[test]
    fn bytes_and_fields_of_the_recordings_lead_to_each_other() {
        /// What comes later in a recording is no different.
        const ENOUGH: usize = 120;
        for recording in recordings::all() {
            let (_, bytes) = recordings::capture(recording.name).unwrap();
            let mut source = crate::io::file::from_bytes(bytes).unwrap();
            let mut decoder = Decoder::new();
            for _ in 0..ENOUGH {
                let Some(frame) = source.next_frame().unwrap() else {
                    break;
                };
                linked(&frame, &mut decoder);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_lead_to_their_lines(
            bytes in prop::collection::vec(any::<u8>(), 0..120),
            link in prop::sample::select(vec![LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL]),
        ) {
            let frame = Frame {
                number: 1,
                time: Timestamp::default(),
                link_type: link,
                interface: 0,
                original_len: bytes.len() as u32,
                bytes: &bytes,
                comment: None,
            };
            linked(&frame, &mut Decoder::new());
        }
    }
}
