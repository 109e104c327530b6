//! What routers add behind the packet that an ICMP error quotes: the extension structure (RFC 4884
//! section 7), MPLS label stacks (RFC 4950), interface information (RFC 5837), and the interface that
//! an extended echo request is about (RFC 8335 section 2.1).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-----------------------+-------------------------------+
//! |Version|      (reserved)       |           Checksum            |
//! +-------+-----------------------+---------------+---------------+
//! |             Length            |   Class-Num   |    C-Type     |
//! +-------------------------------+---------------+---------------+
//! |     Object payload …                            more objects …
//! ```

use super::checksum::Sum;
use super::field::{Field, Read};
use super::layout::{Lay, Layout};

mod interface;

pub use interface::{Interface, Role};

/// Bytes of the structure's own header.
pub const LEN: usize = 4;
/// Bytes of an object's header.
pub const OBJECT_LEN: usize = 4;
/// Bytes of an entry of a label stack.
const LABEL_ENTRY_LEN: usize = 4;
/// The class of MPLS label stacks.
pub const CLASS_MPLS: u8 = 1;
/// The class of interface information.
pub const CLASS_INTERFACE: u8 = 2;
/// The class of what an extended echo request asks about.
pub const CLASS_IDENTIFICATION: u8 = 3;
/// The version of the structure.
const VERSION_NUMBER: u8 = 2;
/// What a quote is padded to when an extension follows, and where routers put the extension that were
/// built before there was a length (RFC 4884 section 5.5).
const QUOTE: usize = 128;
/// Bytes of an ICMP header.
const ICMP: usize = 8;

const RFC: &str = "RFC 4884 7";

const VERSION: Field = Field::new("version", 0, 4, Read::Number, "2", RFC);
const RESERVED: Field = Field::new("reserved", 4, 12, Read::Hex, "zero", RFC);
const CHECKSUM: Field = Field::new(
    "checksum",
    16,
    16,
    Read::Hex,
    "covers the extension structure; 0 where none was computed",
    RFC,
);

/// The structure's own header.
pub const FIELDS: &[Field] = &[VERSION, RESERVED, CHECKSUM];

const OBJECT_LENGTH: Field = Field::new(
    "length",
    0,
    16,
    Read::Number,
    "bytes of the object, this header included",
    "RFC 4884 7.1",
);
const CLASS: Field = Field::new(
    "class-num",
    16,
    8,
    Read::Named(class_name),
    "what the object is about",
    "RFC 4884 7.1",
);
const C_TYPE: Field = Field::new(
    "c-type",
    24,
    8,
    Read::Number,
    "which kind of its class",
    "RFC 4884 7.1",
);

/// The header of each object.
pub const OBJECT: &[Field] = &[OBJECT_LENGTH, CLASS, C_TYPE];

const LABEL: Field = Field::new(
    "label",
    0,
    20,
    Read::Number,
    "what the router forwarded by, in place of an address",
    "RFC 4950 2",
);
const TRAFFIC_CLASS: Field = Field::new(
    "traffic class",
    20,
    3,
    Read::Number,
    "how it is to be queued; once called EXP",
    "RFC 5462 2",
);
const BOTTOM: Field = Field::flag("bottom of stack", 23, "no label below", "RFC 3032 2.1");
const LABEL_TTL: Field = Field::new(
    "ttl",
    24,
    8,
    Read::Number,
    "time to live of the labelled packet as it arrived",
    "RFC 4950 2",
);

/// An entry of an MPLS label stack.
pub const LABEL_ENTRY: &[Field] = &[LABEL, TRAFFIC_CLASS, BOTTOM, LABEL_TTL];

fn class_name(class: u16) -> Option<&'static str> {
    Some(match u8::try_from(class).ok()? {
        CLASS_MPLS => "MPLS label stack",
        CLASS_INTERFACE => "interface information",
        CLASS_IDENTIFICATION => "interface identification",
        _ => return None,
    })
}

/// Where in an ICMP message the extension structure begins, and how the quote ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the message's start to the extension structure.
    pub at: usize,
    /// Whether the message's length field says so. Else it is where routers put it that know no such
    /// field, and its version and checksum are right.
    pub told: bool,
}

/// Looks for the extension structure of an ICMP error (RFC 4884 sections 4 and 5.5).
pub fn find(v6: bool, message: &[u8]) -> Option<Place> {
    let &[kind, code, _, _, first, second, ..] = message else {
        return None;
    };
    let words = match (v6, kind) {
        // Fragmentation Needed has the length as the others of its type do.
        (false, 3 | 11 | 12) => usize::from(second) * 4,
        (true, 1 | 3) => usize::from(first) * 8,
        (false, 42) | (true, 160) if code == 0 => return whole(message),
        _ => return None,
    };
    let (at, told) = if words > 0 {
        (ICMP + words, true)
    } else {
        (ICMP + QUOTE, false)
    };
    let structure = message.get(at..).filter(|rest| rest.len() >= LEN)?;
    let sound = version(structure) == VERSION_NUMBER && checksum(structure) == Checksum::Right;
    // Who adds a structure quotes 128 bytes at least (section 4.1); less is a field that means nothing.
    let follows_rules = told && at >= ICMP + QUOTE;
    (follows_rules || sound).then_some(Place { at, told })
}

/// An extended echo request quotes nothing: its data are the structure (RFC 8335 section 2).
fn whole(message: &[u8]) -> Option<Place> {
    (message.len() >= ICMP + LEN).then_some(Place {
        at: ICMP,
        told: true,
    })
}

/// Whether the structure's checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is.
    Right,
    /// It is not.
    Wrong,
    /// The sender did not compute one.
    Absent,
}

fn version(structure: &[u8]) -> u8 {
    VERSION.number(structure) as u8
}

fn checksum(structure: &[u8]) -> Checksum {
    if CHECKSUM.number(structure) == 0 {
        Checksum::Absent
    } else if Sum::new().add_bytes(structure).fold() == 0xffff {
        Checksum::Right
    } else {
        Checksum::Wrong
    }
}

/// An entry of a label stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The label, 20 bits.
    pub label: u32,
    /// Three bits, once called EXP.
    pub traffic_class: u8,
    /// Whether it is the lowest.
    pub bottom: bool,
    /// Time to live.
    pub ttl: u8,
}

/// An object of the structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// The labels that the packet arrived with, outermost first.
    Mpls(Vec<Label>),
    /// What is known of an interface.
    Interface(Interface),
    /// Any other.
    Other {
        /// Class-Num.
        class: u8,
        /// C-Type.
        c_type: u8,
        /// Its payload.
        data: Vec<u8>,
    },
}

/// The structure, read as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// Whether its checksum is right.
    pub checksum: Checksum,
    /// Its objects. Of one that is cut short or lies about its length, and of what follows it,
    /// nothing is here.
    pub objects: Vec<Object>,
}

impl Extensions {
    /// Reads a structure that begins with `bytes`. `None` if its header is not there, or is of
    /// another version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < LEN || version(bytes) != VERSION_NUMBER {
            return None;
        }
        let mut objects = Vec::new();
        let mut rest = bytes.get(LEN..).unwrap_or_default();
        while let Some((class, c_type, data, after)) = object(rest) {
            objects.push(read(class, c_type, data));
            rest = after;
        }
        Some(Self {
            checksum: checksum(bytes),
            objects,
        })
    }

    /// Appends the structure to `out`, its checksum computed.
    pub fn emit(objects: &[Object], out: &mut Vec<u8>) {
        let at = out.len();
        out.extend([VERSION_NUMBER << 4, 0, 0, 0]);
        for object in objects {
            let (class, c_type, data) = written(object);
            out.extend(((OBJECT_LEN + data.len()) as u16).to_be_bytes());
            out.extend([class, c_type]);
            out.extend(data);
        }
        let structure = out.get_mut(at..).unwrap_or_default();
        let sum = Sum::new().add_bytes(structure).checksum();
        CHECKSUM.put(structure, sum.into());
    }
}

/// The first object of some: class, c-type, payload, and what follows it.
fn object(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let &[high, low, class, c_type, ..] = bytes else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let data = bytes.get(OBJECT_LEN..length)?;
    Some((class, c_type, data, bytes.get(length..)?))
}

fn read(class: u8, c_type: u8, data: &[u8]) -> Object {
    match (class, c_type) {
        (CLASS_MPLS, 1) => Object::Mpls(
            data.as_chunks::<4>()
                .0
                .iter()
                .map(|&it| label(it))
                .collect(),
        ),
        (CLASS_INTERFACE, _) => Object::Interface(Interface::parse(c_type, data)),
        _ => Object::Other {
            class,
            c_type,
            data: data.to_vec(),
        },
    }
}

fn label(entry: [u8; 4]) -> Label {
    Label {
        label: LABEL.number(&entry),
        traffic_class: TRAFFIC_CLASS.number(&entry) as u8,
        bottom: BOTTOM.number(&entry) == 1,
        ttl: LABEL_TTL.number(&entry) as u8,
    }
}

fn written(object: &Object) -> (u8, u8, Vec<u8>) {
    match object {
        Object::Mpls(labels) => {
            let entry = |it: &Label| {
                let mut bytes = [0; 4];
                LABEL.put(&mut bytes, it.label.into());
                TRAFFIC_CLASS.put(&mut bytes, it.traffic_class.into());
                BOTTOM.put(&mut bytes, it.bottom.into());
                LABEL_TTL.put(&mut bytes, it.ttl.into());
                bytes
            };
            (CLASS_MPLS, 1, labels.iter().flat_map(entry).collect())
        }
        Object::Interface(interface) => {
            let (c_type, data) = interface.emit();
            (CLASS_INTERFACE, c_type, data)
        }
        Object::Other {
            class,
            c_type,
            data,
        } => (*class, *c_type, data.clone()),
    }
}

/// Lays out the structure: `bytes` end where the message does.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(FIELDS);
    while !lay.is_done() {
        lay.part("object");
        let head = lay.rest();
        let length = usize::from(head.first_chunk().copied().map_or(0, u16::from_be_bytes));
        let (class, c_type) = (head.get(2).copied(), head.get(3).copied());
        if head.len() >= OBJECT_LEN && length < OBJECT_LEN {
            lay.stop(
                "an object is at least as long as its header",
                "RFC 4884 7.1",
            );
            break;
        }
        if length > head.len() {
            lay.stop(
                "there is no room for an object as long as that",
                "RFC 4884 7.1",
            );
            break;
        }
        let header = match class {
            Some(CLASS_INTERFACE) => interface::OBJECT,
            _ => OBJECT,
        };
        lay.table(header);
        let data = head.get(OBJECT_LEN..length).unwrap_or_default();
        payload(&mut lay, (class, c_type), data);
    }
    lay.done()
}

/// Lays out what an object holds.
fn payload(lay: &mut Lay<'_>, kind: (Option<u8>, Option<u8>), data: &[u8]) {
    match kind {
        (Some(CLASS_MPLS), Some(1)) => {
            lay.part("label stack");
            for _ in 0..data.len() / LABEL_ENTRY_LEN {
                lay.table(LABEL_ENTRY);
            }
            let odd = data.len() % LABEL_ENTRY_LEN;
            lay.bytes(odd, "data", Read::Bytes, "no whole entry", "RFC 4950 2");
        }
        (Some(CLASS_INTERFACE), Some(c_type)) => {
            lay.part("interface");
            interface::lay(lay, c_type, data);
        }
        _ => {
            lay.bytes(data.len(), "data", Read::Bytes, "as its class says", RFC);
        }
    }
}

#[cfg(test)]
mod tests;
