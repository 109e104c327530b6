//! The sheet of a frame: each header with its fields, outermost first.

use super::kinds::{self, Before};
use super::sums::workings;
use crate::decode::{Checksum, Decoder, Fault, Layer, LayerKind, Packet, Problem};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::wire::layout::{Laid, Layout};
use crate::wire::{icmp_extension, icmpv4, icmpv6, ipv6};

/// Packets quoted in packets that are quoted are read so deep: RFC 792 wants no errors about errors,
/// but bytes can say anything.
const DEEPEST_QUOTE: u8 = 3;

/// Where bytes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the frame.
    Frame,
    /// In the datagram that the frame's fragment completed, or that it held compressed.
    Datagram,
}

/// A header with its fields.
#[derive(Clone, Debug)]
pub struct Header {
    /// Which header.
    pub kind: LayerKind,
    /// Its name for people; of an extension header, which one.
    pub name: &'static str,
    /// Its name for scripts.
    pub key: &'static str,
    /// Where its bytes stand.
    pub origin: Origin,
    /// Bytes from there to its start.
    pub offset: u32,
    /// Its length in bytes, as far as it was captured.
    pub len: u32,
    /// How many ICMP errors it is quoted in, one in the other.
    pub quoted: u8,
    /// Its fields.
    pub layout: Layout,
}

/// Bytes that are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// What they are.
    pub name: &'static str,
    /// Where they stand.
    pub origin: Origin,
    /// Bytes from there to their start.
    pub offset: u32,
    /// How many.
    pub len: u32,
}

/// Something that is wrong, or why reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The header it is in, for people.
    pub name: &'static str,
    /// The same for scripts.
    pub key: &'static str,
    /// Where its bytes stand.
    pub origin: Origin,
    /// Bytes from there to where it is.
    pub offset: u32,
    /// What is wrong.
    pub text: String,
    /// The clause that is broken; `None` when the capture falls short.
    pub rfc: Option<&'static str>,
}

/// A checksum that was worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Index of its header in the sheet.
    pub header: usize,
    /// Bytes from that header's start to the checksum.
    pub at: usize,
    /// What it should be, by the bytes it covers.
    pub computed: u16,
    /// What comes of it.
    pub verdict: Checksum,
}

/// A frame taken apart.
#[derive(Clone, Debug)]
pub struct Sheet<'a> {
    /// The frame's bytes.
    pub frame: &'a [u8],
    /// Those of the datagram it completed.
    pub datagram: &'a [u8],
    /// How many fragments made that; 0 when it was compressed.
    pub fragments: u16,
    /// Its headers, outermost first.
    pub headers: Vec<Header>,
    /// What is no header: payload, padding, what could not be read.
    pub rests: Vec<Rest>,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
    /// Its checksums, in the order of the headers.
    pub checked: Vec<Checked>,
}

impl<'a> Sheet<'a> {
    /// Takes a frame apart that was decoded to `packet`.
    pub fn new(frame: &Frame<'a>, packet: &Packet<'a>) -> Self {
        let mut sheet = Self {
            frame: frame.bytes,
            datagram: packet.reassembled.map_or(&[], |whole| whole.bytes),
            fragments: packet.reassembled.map_or(0, |whole| whole.fragments),
            headers: Vec::new(),
            rests: Vec::new(),
            troubles: Vec::new(),
            checked: Vec::new(),
        };
        let first = packet
            .reassembled
            .map_or(usize::MAX, |whole| usize::from(whole.first_layer));
        let mut own = packet
            .layers
            .get(..first)
            .unwrap_or(&packet.layers)
            .to_vec();
        if packet.more_layers > 0 {
            own.extend(Decoder::layers_beyond(frame));
        }
        let inside = packet.layers.get(first..).unwrap_or_default();
        let frames_own = Part {
            bytes: frame.bytes,
            base: 0,
            origin: Origin::Frame,
            quoted: 0,
        };
        let mut before = Before {
            link: frame.link_type,
            protocol: None,
        };
        sheet.headers(frames_own, &own, &packet.problems, before);
        if packet.reassembled.is_some() {
            before.protocol = sheet.next_of_last();
            let datagrams = Part {
                bytes: sheet.datagram,
                origin: Origin::Datagram,
                ..frames_own
            };
            sheet.headers(datagrams, inside, &packet.problems, before);
        }
        for problem in &packet.problems {
            sheet.problem(problem, frames_own);
        }
        sheet.fill(kinds::data(packet));
        sheet.check(frame, packet);
        sheet
    }

    /// Works the checksums out; a bad one is trouble.
    fn check(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        for working in workings(self, packet.ip.as_ref(), !frame.is_cut()) {
            let Some(header) = self.headers.get(working.header) else {
                continue;
            };
            if working.verdict == Checksum::Bad {
                self.troubles.push(Trouble {
                    name: header.name,
                    key: header.key,
                    origin: header.origin,
                    offset: header.offset + working.at as u32,
                    text: format!(
                        "checksum {:#06x} is bad, it should be {:#06x}",
                        working.stated, working.computed
                    ),
                    rfc: Some(working.rfc),
                });
            }
            self.checked.push(Checked {
                header: working.header,
                at: working.at,
                computed: working.computed,
                verdict: working.verdict,
            });
        }
    }

    /// The checksum that a field is, worked out; `None` for any other field.
    pub fn checked(&self, header: &Header, laid: &Laid) -> Option<&Checked> {
        let place = |header: &Header| (header.origin, header.offset, header.kind, header.quoted);
        self.checked.iter().find(|checked| {
            let own = self.headers.get(checked.header);
            laid.first_bit() == checked.at * 8 && own.is_some_and(|own| place(own) == place(header))
        })
    }

    /// What is to be said of a field's value beyond what it holds: of a checksum, whether it is right.
    pub fn remark(&self, header: &Header, laid: &Laid) -> Option<String> {
        let found = self.checked(header, laid)?;
        Some(match found.verdict {
            Checksum::Good => "good".to_owned(),
            Checksum::Bad => format!("bad, should be {:#06x}", found.computed),
            Checksum::Partial => "partial (offload)".to_owned(),
            Checksum::Unverified => "unverifiable".to_owned(),
            Checksum::Absent => return None,
        })
    }

    /// The value of a field with what is to be said of it: `0xffee bad, should be 0x1234`.
    pub fn remarked(&self, header: &Header, laid: &Laid) -> String {
        let value = self.value(header, laid);
        match self.remark(header, laid) {
            Some(remark) => format!("{value} {remark}"),
            None => value,
        }
    }

    /// The bytes of that origin.
    pub const fn bytes(&self, origin: Origin) -> &'a [u8] {
        match origin {
            Origin::Frame => self.frame,
            Origin::Datagram => self.datagram,
        }
    }

    /// The bytes of a header.
    pub fn header(&self, header: &Header) -> &'a [u8] {
        let from = self.bytes(header.origin).get(header.offset as usize..);
        let from = from.unwrap_or_default();
        from.get(..header.len as usize).unwrap_or(from)
    }

    /// The value of a field of a header, as people write it.
    pub fn value(&self, header: &Header, laid: &Laid) -> String {
        let bytes = laid.base(self.header(header));
        laid.field.value(bytes).unwrap_or_default()
    }

    /// What the last header says comes next, as a protocol number.
    fn next_of_last(&self) -> Option<u8> {
        let header = self.headers.last()?;
        kinds::next(header.kind, self.header(header))
    }

    /// Lays out the headers of one packet, which `part` is or begins with.
    fn headers(
        &mut self,
        part: Part<'a>,
        layers: &[Layer],
        problems: &[Problem],
        mut before: Before,
    ) {
        let mut end = part.bytes.len();
        for layer in layers {
            let at = layer.offset as usize;
            let from = part.bytes.get(at..).unwrap_or_default();
            end = ip_end(layer.kind, at, from).unwrap_or(end).min(end);
            let header = from.get(..layer.len as usize).unwrap_or(from);
            let message = part.bytes.get(at..end.max(at)).unwrap_or(from);
            let (name, key) = before.names(layer.kind);
            let layout = before.layout(layer.kind, header, message);
            let len = match layer.kind {
                LayerKind::Icmpv4 | LayerKind::Icmpv6 | LayerKind::Igmp => {
                    layout.len.max(layer.len)
                }
                _ => layer.len,
            };
            // What a header that is not all there breaks off in has been told of, and is no lie.
            let whole = !problems
                .iter()
                .any(|problem| problem.is_missing_bytes_at(layer.offset));
            if let Some(stop) = layout.stop.filter(|_| whole) {
                self.troubles.push(Trouble {
                    name,
                    key,
                    origin: part.origin,
                    offset: part.base + layer.offset + stop.at,
                    text: stop.why.to_owned(),
                    rfc: Some(stop.rfc),
                });
            }
            self.headers.push(Header {
                kind: layer.kind,
                name,
                key,
                origin: part.origin,
                offset: part.base + layer.offset,
                len,
                quoted: part.quoted,
                layout,
            });
            before.protocol = kinds::next(layer.kind, header);
            self.quote(layer, message, part);
        }
    }

    /// Takes apart what an ICMP error quotes, and what was added behind it.
    fn quote(&mut self, layer: &Layer, message: &'a [u8], part: Part<'a>) {
        let quotes = match (layer.kind, message.first()) {
            (LayerKind::Icmpv4, Some(&kind)) => icmpv4::quotes(kind),
            (LayerKind::Icmpv6, Some(&kind)) => icmpv6::quotes(kind),
            _ => return,
        };
        let extension = icmp_extension::find(layer.kind == LayerKind::Icmpv6, message);
        let until = extension.map_or(message.len(), |place| place.at);
        let quote = message.get(icmpv4::LEN..until).filter(|_| quotes);
        if let Some(quote) = quote.filter(|quote| !quote.is_empty()) {
            self.quoted(layer, quote, part);
        }
        if let Some(place) = extension {
            self.extension(layer, message, place.at, part);
        }
    }

    /// Lays out what a router added behind the quote.
    fn extension(&mut self, layer: &Layer, message: &'a [u8], at: usize, part: Part<'a>) {
        let kind = LayerKind::IcmpExtension;
        let bytes = message.get(at..).unwrap_or_default();
        let before = Before {
            link: LinkType::RAW,
            protocol: None,
        };
        let (name, key) = before.names(kind);
        let layout = before.layout(kind, bytes, message);
        let offset = part.base + layer.offset + at as u32;
        if let Some(stop) = layout.stop {
            self.troubles.push(Trouble {
                name,
                key,
                origin: part.origin,
                offset: offset + stop.at,
                text: stop.why.to_owned(),
                rfc: Some(stop.rfc),
            });
        }
        self.headers.push(Header {
            kind,
            name,
            key,
            origin: part.origin,
            offset,
            len: bytes.len() as u32,
            quoted: part.quoted,
            layout,
        });
    }

    /// Takes the packet apart that is quoted.
    fn quoted(&mut self, layer: &Layer, quote: &'a [u8], part: Part<'a>) {
        if part.quoted >= DEEPEST_QUOTE {
            return;
        }
        let frame = Frame {
            number: 0,
            time: Timestamp::default(),
            link_type: LinkType::RAW,
            interface: 0,
            // Errors quote the beginning: what is missing was not lost to the sender's lengths.
            original_len: u32::MAX / 2,
            bytes: quote,
            comment: None,
        };
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        let inner = Part {
            bytes: quote,
            base: part.base + layer.offset + icmpv4::LEN as u32,
            origin: part.origin,
            quoted: part.quoted + 1,
        };
        let own = match packet.reassembled {
            Some(whole) => packet.layers.get(..usize::from(whole.first_layer)),
            None => Some(&packet.layers[..]),
        };
        let before = Before {
            link: LinkType::RAW,
            protocol: None,
        };
        self.headers(inner, own.unwrap_or_default(), &packet.problems, before);
        for problem in &packet.problems {
            // Quotes end early by design.
            if !matches!(problem.fault, Fault::Cut { .. }) {
                self.problem(problem, inner);
            }
        }
    }

    fn problem(&mut self, problem: &Problem, part: Part<'_>) {
        let offset = part.base + problem.offset;
        let found = self.headers.iter().find(|header| {
            (header.kind, header.offset, header.quoted) == (problem.layer, offset, part.quoted)
        });
        let (name, key) = found.map_or_else(
            || {
                Before {
                    link: LinkType::ETHERNET,
                    protocol: None,
                }
                .names(problem.layer)
            },
            |header| (header.name, header.key),
        );
        self.troubles.push(Trouble {
            name,
            key,
            origin: found.map_or(part.origin, |header| header.origin),
            offset,
            text: problem.fault.to_string(),
            rfc: problem.rfc(),
        });
    }

    /// Names what no header has; what follows the last one is called `last`.
    fn fill(&mut self, last: &'static str) {
        for origin in [Origin::Frame, Origin::Datagram] {
            let whole = self.bytes(origin).len() as u32;
            let mut reached = 0;
            let mut ends = whole;
            let headers: Vec<&Header> = self
                .headers
                .iter()
                .filter(|header| header.origin == origin)
                .collect();
            for header in &headers {
                let bytes = self.bytes(origin).get(header.offset as usize..);
                let at = header.offset as usize;
                let end = ip_end(header.kind, at, bytes.unwrap_or_default());
                if header.quoted == 0 {
                    ends = end.map_or(ends, |end| ends.min(end as u32));
                    if header.kind == LayerKind::Arp {
                        ends = ends.min(header.offset + header.len);
                    }
                }
                let mut rest = |offset: u32, until: u32, name| {
                    if until > offset {
                        let len = until - offset;
                        self.rests.push(Rest {
                            name,
                            origin,
                            offset,
                            len,
                        });
                    }
                };
                rest(reached, header.offset, "between headers");
                let laid = header.offset + header.layout.len;
                rest(laid, header.offset + header.len, "not readable");
                reached = reached.max(header.offset + header.len);
            }
            let data = ends.max(reached);
            for (offset, until, name) in [(reached, data, last), (data, whole, "padding")] {
                if until > offset {
                    self.rests.push(Rest {
                        name,
                        origin,
                        offset,
                        len: until - offset,
                    });
                }
            }
        }
    }
}

/// Bytes that hold a packet, and where they stand.
#[derive(Clone, Copy)]
struct Part<'a> {
    bytes: &'a [u8],
    base: u32,
    origin: Origin,
    quoted: u8,
}

/// Where the datagram of an IP header at `at` ends, by its length field.
pub(super) fn ip_end(kind: LayerKind, at: usize, header: &[u8]) -> Option<usize> {
    let (field, fixed) = match kind {
        LayerKind::Ipv4 => (2, 0),
        LayerKind::Ipv6 => (4, ipv6::LEN),
        _ => return None,
    };
    let length = header
        .get(field..)?
        .first_chunk()
        .copied()
        .map(u16::from_be_bytes)?;
    (length > 0).then(|| at + fixed + usize::from(length))
}
