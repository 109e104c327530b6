//! A field of a header: where its bits are, how to read them, what they are for, and which RFC says
//! so.
//!
//! Every header has one table of these, `FIELDS`. Whatever shows a header byte draws from it, and the
//! getters beside it read through it, so that no offset is written down twice.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One field of a header.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the RFC, in lower case.
    pub name: &'static str,
    /// First bit, counted from the header's first bit, the most significant of its first byte.
    pub bit: u16,
    /// How many bits; at most 128, but for [`Read::Bytes`].
    pub bits: u16,
    /// How its value is written.
    pub read: Read,
    /// What it is for.
    pub meaning: &'static str,
    /// Where it is defined.
    pub rfc: &'static str,
}

/// How the value of a field is written for people.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// A number.
    Number,
    /// A number of 4-byte words: also in bytes.
    Words,
    /// A number of 8-byte units: also in bytes.
    EightBytes,
    /// A number of 8-second units: also in seconds.
    EightSeconds,
    /// A number of tenths of a second: also in seconds.
    Tenths,
    /// The same, from 128 on as mantissa and exponent (RFC 3376 section 4.1.1).
    TenthsCode,
    /// A number of seconds, from 128 on as mantissa and exponent (RFC 3376 section 4.1.7).
    SecondsCode,
    /// A number in hexadecimal.
    Hex,
    /// One bit, set or not.
    Flag,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A hardware address.
    Hardware,
    /// A number with a name, where it has one.
    Named(fn(u16) -> Option<&'static str>),
    /// The same, the number in hexadecimal.
    NamedHex(fn(u16) -> Option<&'static str>),
    /// A 32-bit number with a name, in the byte order of the machine that captured: numbers that have
    /// names are small, so the smaller reading is the right one.
    OwnOrder(fn(u16) -> Option<&'static str>),
    /// Bytes that are no number, as many as there are, in hexadecimal.
    Bytes,
}

/// A header that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There are fewer bytes than it needs.
    #[error("{header} needs {required} bytes, there are {actual}")]
    Short {
        /// The header.
        header: &'static str,
        /// Bytes it needs.
        required: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A field has a value it can't have.
    #[error("{header}: {field} can't be {actual} ({rfc})")]
    Value {
        /// The header.
        header: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        actual: u64,
        /// The clause that says so.
        rfc: &'static str,
    },
}

impl Field {
    /// A line of a table.
    pub const fn new(
        name: &'static str,
        bit: u16,
        bits: u16,
        read: Read,
        meaning: &'static str,
        rfc: &'static str,
    ) -> Self {
        Self {
            name,
            bit,
            bits,
            read,
            meaning,
            rfc,
        }
    }

    /// One bit of a table.
    pub const fn flag(
        name: &'static str,
        bit: u16,
        meaning: &'static str,
        rfc: &'static str,
    ) -> Self {
        Self::new(name, bit, 1, Read::Flag, meaning, rfc)
    }

    /// Whether it is made of whole bytes.
    pub const fn is_whole_bytes(&self) -> bool {
        self.bit.is_multiple_of(8) && self.bits.is_multiple_of(8)
    }

    /// The bytes it touches; `None` when they are not all there.
    pub fn bytes<'a>(&self, header: &'a [u8]) -> Option<&'a [u8]> {
        header.get(self.start()..self.end())
    }

    /// The first byte it touches, from the header's start.
    pub const fn start(&self) -> usize {
        (self.bit / 8) as usize
    }

    /// The byte after the last it touches.
    pub const fn end(&self) -> usize {
        ((self.bit + self.bits) as usize).div_ceil(8)
    }

    /// Its bits as a number; `None` when not all of its bytes are there, or when they are more than
    /// a number has room for.
    pub fn raw(&self, header: &[u8]) -> Option<u128> {
        let bytes = self.bytes(header).filter(|bytes| bytes.len() <= 16)?;
        let number = bytes
            .iter()
            .fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
        Some((number >> self.shift()) & self.mask())
    }

    /// The number that its bits are read as: `raw`, but for the fields whose byte order is not the
    /// network's.
    pub fn number_of(&self, raw: u128) -> u128 {
        match self.read {
            Read::OwnOrder(_) => raw.min((raw as u32).swap_bytes().into()),
            _ => raw,
        }
    }

    /// Its bits as a number of at most 32 bits; 0 when they are not there, for getters over headers
    /// whose length has been checked.
    pub(super) fn number(&self, header: &[u8]) -> u32 {
        self.raw(header).unwrap_or(0) as u32
    }

    /// Puts the low bits of `value` into `header`, where there is room for them.
    pub fn put(&self, header: &mut [u8], value: u128) {
        let Some(bytes) = header.get_mut(self.start()..self.end()) else {
            return;
        };
        if bytes.len() > 16 {
            return;
        }
        let (shift, mask) = (self.shift(), self.mask());
        let (mut value, mut mask) = ((value & mask) << shift, mask << shift);
        for byte in bytes.iter_mut().rev() {
            *byte = *byte & !(mask as u8) | value as u8;
            value >>= 8;
            mask >>= 8;
        }
    }

    /// Its value as people write it; `None` when not all of it is there.
    pub fn value(&self, header: &[u8]) -> Option<String> {
        if let Read::Bytes = self.read {
            return self.bytes(header).map(hex);
        }
        let raw = self.number_of(self.raw(header)?);
        let named = |name: fn(u16) -> Option<&'static str>| u16::try_from(raw).ok().and_then(name);
        Some(match self.read {
            Read::Number => raw.to_string(),
            Read::Words => format!("{raw} ({} bytes)", raw * 4),
            Read::EightBytes => format!("{raw} ({} bytes)", raw * 8),
            Read::EightSeconds => format!("{raw} ({} seconds)", raw * 8),
            Read::Tenths => format!("{raw} ({} seconds)", tenths(raw)),
            Read::TenthsCode => format!("{raw} ({} seconds)", tenths(coded(raw))),
            Read::SecondsCode => format!("{raw} ({} seconds)", coded(raw)),
            Read::Hex => {
                let digits = usize::from(self.bits).div_ceil(4) + 2;
                format!("{raw:#0digits$x}")
            }
            Read::Flag if raw == 0 => "not set".to_owned(),
            Read::Flag => "set".to_owned(),
            Read::Ipv4 => Ipv4Addr::from_bits(raw as u32).to_string(),
            Read::Ipv6 => Ipv6Addr::from_bits(raw).to_string(),
            Read::Hardware => hardware(header.get(self.start()..self.end())?),
            Read::Named(name) | Read::OwnOrder(name) => match named(name) {
                Some(name) => format!("{raw} ({name})"),
                None => raw.to_string(),
            },
            Read::NamedHex(name) => {
                let digits = usize::from(self.bits).div_ceil(4) + 2;
                match named(name) {
                    Some(name) => format!("{raw:#0digits$x} ({name})"),
                    None => format!("{raw:#0digits$x}"),
                }
            }
            // Answered above.
            Read::Bytes => String::new(),
        })
    }

    /// Bits between its last and the end of the last byte it touches.
    const fn shift(&self) -> u32 {
        self.end() as u32 * 8 - (self.bit + self.bits) as u32
    }

    const fn mask(&self) -> u128 {
        u128::MAX >> 128_u32.saturating_sub(self.bits as u32)
    }

    /// Its bits among those of the bytes it touches; `None` when it is made of whole bytes.
    pub const fn mask_in_bytes(&self) -> Option<u128> {
        if self.is_whole_bytes() {
            None
        } else {
            Some(self.mask() << self.shift())
        }
    }
}

/// Tenths as a number with one decimal, if it needs one.
fn tenths(number: u128) -> String {
    match number % 10 {
        0 => (number / 10).to_string(),
        tenth => format!("{}.{tenth}", number / 10),
    }
}

/// A byte that counts further than it could: `1 exp exp exp mant mant mant mant`.
fn coded(byte: u128) -> u128 {
    match byte {
        128..=255 => ((byte & 0x0f) | 0x10) << (((byte >> 4) & 7) + 3),
        _ => byte,
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hardware(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        let separator = if i == 0 { "" } else { ":" };
        // Writing to a string can't fail.
        let _ = write!(text, "{separator}{byte:02x}");
    }
    text
}

/// Panics unless the fields of a table follow each other without gap or overlap, up to `len` bytes:
/// every header's tests call it.
#[cfg(test)]
#[track_caller]
pub(super) fn assert_covers(fields: &[Field], len: usize) {
    let mut next = 0;
    for field in fields {
        assert_eq!(field.bit, next, "{}", field.name);
        assert!((1..=128).contains(&field.bits), "{}", field.name);
        assert!(field.end() - field.start() <= 16, "{}", field.name);
        let known = ["RFC ", "IEEE ", "LINKTYPE_", "draft-"];
        assert!(known.iter().any(|start| field.rfc.starts_with(start)));
        assert!(!field.meaning.is_empty());
        next += field.bits;
    }
    assert_eq!(usize::from(next), len * 8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(bit: u16, bits: u16, read: Read) -> Field {
        Field {
            name: "test",
            bit,
            bits,
            read,
            meaning: "a test",
            rfc: "RFC 0",
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_read_and_nothing_else_changes(
            bit in 0..100_u16,
            bits in 1..=120_u16,
            value: u128,
            before: [u8; 32],
        ) {
            let field = field(bit, bits, Read::Number);
            let mut header = before;
            field.put(&mut header, value);
            prop_assert_eq!(field.raw(&header), Some(value & field.mask()));
            for other in (0..256_u16).filter(|other| !(bit..bit + bits).contains(other)) {
                let other = self::field(other, 1, Read::Flag);
                prop_assert_eq!(other.raw(&header), other.raw(&before));
            }
        }
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        let header = [0x45, 0x02, 0xc0, 0x00, 0x02, 0x01, 0xff];
        let value = |bit, bits, read| field(bit, bits, read).value(&header).unwrap();
        assert_eq!(value(4, 4, Read::Words), "5 (20 bytes)");
        assert_eq!(value(8, 13, Read::EightBytes), "88 (704 bytes)");
        assert_eq!(value(8, 16, Read::Hex), "0x02c0");
        assert_eq!(value(0, 1, Read::Flag), "not set");
        assert_eq!(value(1, 1, Read::Flag), "set");
        assert_eq!(value(16, 32, Read::Ipv4), "192.0.2.1");
        assert_eq!(value(0, 48, Read::Hardware), "45:02:c0:00:02:01");
        let named = Read::Named(|number| (number == 2).then_some("two"));
        assert_eq!(value(8, 8, named), "2 (two)");
        assert_eq!(value(16, 8, named), "192");
    }

    #[test]
    fn a_field_that_is_not_all_there_has_no_value() {
        assert_eq!(field(8, 16, Read::Number).value(&[1, 2]), None);
    }
}
