//! The IP authentication header (RFC 4302 section 2), over IPv4 and IPv6 alike.
//!
//! ```
//! use wirelab::wire::ah::{Repr, layout};
//!
//! let header = Repr { next_header: 6, spi: 0x100, seq: 1, icv: vec![0; 12], ..Repr::default() };
//! let mut bytes = Vec::new();
//! header.emit(b"", &mut bytes);
//!
//! assert_eq!(bytes.len(), 24);
//! let fields = layout(&bytes).fields;
//! let spi = fields.iter().find(|it| it.field.name == "security parameters index").unwrap();
//! assert_eq!(spi.field.value(&bytes).unwrap(), "0x00000100");
//! ```

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::protocol;

/// Bytes before the integrity check value.
pub const MIN_LEN: usize = 12;

const RFC: &str = "RFC 4302 2";

/// Every field before the integrity check value, in order.
pub const FIELDS: &[Field] = &[
    Field::new(
        "next header",
        0,
        8,
        Read::Named(protocol),
        "what follows this header",
        RFC,
    ),
    Field::new(
        "payload length",
        8,
        8,
        Read::Number,
        "length of this header in 4-byte words, less 2",
        RFC,
    ),
    Field::new("reserved", 16, 16, Read::Hex, "zero", RFC),
    Field::new(
        "security parameters index",
        32,
        32,
        Read::Hex,
        "which agreement between the two ends this goes by",
        RFC,
    ),
    Field::new(
        "sequence number",
        64,
        32,
        Read::Number,
        "counts packets, so that none can be sent again by someone else",
        RFC,
    ),
];

/// Lays out a header: `bytes` end where it does, or earlier.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(FIELDS);
    let len = lay.rest().len();
    let meaning = "proof that nothing was changed, with padding";
    lay.bytes(len, "integrity check value", Read::Bytes, meaning, RFC);
    lay.done()
}

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Protocol number of what follows.
    pub next_header: u8,
    /// The length field; `None`: as long as it is.
    pub length: Option<u8>,
    /// Security parameters index.
    pub spi: u32,
    /// Sequence number.
    pub seq: u32,
    /// Integrity check value; padded with zeros to whole words.
    pub icv: Vec<u8>,
}

impl Repr {
    /// Appends the header and `payload` to `out`.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = vec![0; MIN_LEN];
        header.extend(&self.icv);
        header.resize(header.len().next_multiple_of(4), 0);
        let length = self.length.unwrap_or((header.len() / 4 - 2) as u8);
        let values = [
            u32::from(self.next_header),
            length.into(),
            0,
            self.spi,
            self.seq,
        ];
        for (field, value) in FIELDS.iter().zip(values) {
            field.put(&mut header, value.into());
        }
        out.extend(header);
        out.extend(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use proptest::prelude::*;

    #[test]
    fn the_table_covers_the_header() {
        assert_covers(FIELDS, MIN_LEN);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_reads(next_header: u8, spi: u32, seq: u32, icv in prop::collection::vec(any::<[u8; 4]>(), 0..20)) {
            let icv = icv.concat();
            let mut bytes = Vec::new();
            Repr { next_header, length: None, spi, seq, icv: icv.clone() }.emit(&[], &mut bytes);
            let theirs = etherparse::IpAuthHeaderSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.next_header().0, next_header);
            prop_assert_eq!((theirs.spi(), theirs.sequence_number()), (spi, seq));
            prop_assert_eq!(theirs.raw_icv(), &icv);
            assert_tiles(&layout(&bytes), bytes.len());
        }
    }
}
