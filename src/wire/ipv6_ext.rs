//! IPv6 extension headers (RFC 8200 section 4): hop-by-hop and destination options, routing,
//! fragment, mobility (RFC 6275), host identity (RFC 7401). The options of the first two are in
//! `ipv6_options`; the authentication header, which IPv4 has too, is in `ah`.
//!
//! ```
//! use wirelab::wire::ipv6_ext::{FRAGMENT, FragmentRepr, layout};
//!
//! let header = FragmentRepr { next_header: 17, offset: 1, more: true, identification: 7 };
//! let mut bytes = Vec::new();
//! header.emit(b"the second piece", &mut bytes);
//!
//! let fields = layout(FRAGMENT, &bytes[..8]).fields;
//! let offset = fields.iter().find(|it| it.field.name == "fragment offset").unwrap();
//! assert_eq!(offset.field.value(&bytes).unwrap(), "1 (8 bytes)");
//! ```

use super::field::{Field, Read};
use super::ipv6_options;
use super::layout::{Lay, Layout};
use super::names::protocol;

/// Protocol numbers.
pub const HOP_BY_HOP: u8 = 0;
/// Routing header.
pub const ROUTING: u8 = 43;
/// Fragment header.
pub const FRAGMENT: u8 = 44;
/// Destination options.
pub const DESTINATION: u8 = 60;
/// Mobility header.
pub const MOBILITY: u8 = 135;
/// Host identity protocol.
const HOST_IDENTITY: u8 = 139;

const RFC: &str = "RFC 8200 4";
const ROUTING_RFC: &str = "RFC 8200 4.4";
const FRAGMENT_RFC: &str = "RFC 8200 4.5";
const SRH: &str = "RFC 8754 2";

const NEXT: Field = Field::new(
    "next header",
    0,
    8,
    Read::Named(protocol),
    "what follows this header",
    RFC,
);
const LENGTH: Field = Field::new(
    "header length",
    8,
    8,
    Read::Number,
    "8-byte units of this header after the first one",
    RFC,
);

/// What every extension header but the fragment header begins with.
pub const FIELDS: &[Field] = &[NEXT, LENGTH];

/// Every field of a fragment header.
pub const FRAGMENT_FIELDS: &[Field] = &[
    NEXT,
    Field::new(
        "reserved",
        8,
        8,
        Read::Number,
        "zero when sent, ignored when received",
        FRAGMENT_RFC,
    ),
    Field::new(
        "fragment offset",
        16,
        13,
        Read::EightBytes,
        "where in the datagram this fragment's payload belongs",
        FRAGMENT_RFC,
    ),
    Field::new(
        "reserved 2",
        29,
        2,
        Read::Number,
        "zero when sent, ignored when received",
        FRAGMENT_RFC,
    ),
    Field::flag(
        "more fragments",
        31,
        "this is not the last fragment",
        FRAGMENT_RFC,
    ),
    Field::new(
        "identification",
        32,
        32,
        Read::Hex,
        "shared by the fragments of a packet",
        FRAGMENT_RFC,
    ),
];

const ROUTING_FIELDS: &[Field] = &[
    NEXT,
    LENGTH,
    Field::new(
        "routing type",
        16,
        8,
        Read::Named(routing),
        "how the rest is to be read",
        ROUTING_RFC,
    ),
    Field::new(
        "segments left",
        24,
        8,
        Read::Number,
        "stops still to be made before the final one",
        ROUTING_RFC,
    ),
];

const SRH_FIELDS: &[Field] = &[
    Field::new(
        "last entry",
        0,
        8,
        Read::Number,
        "index of the list's last entry, the first stop",
        SRH,
    ),
    Field::new("flags", 8, 8, Read::Hex, "none are defined", SRH),
    Field::new(
        "tag",
        16,
        16,
        Read::Hex,
        "marks packets that are alike; 0 for none",
        SRH,
    ),
];

const RPL_FIELDS: &[Field] = &[
    Field::new(
        "cmpr i",
        0,
        4,
        Read::Number,
        "bytes left out of each address but the last: those it shares with the destination",
        "RFC 6554 3",
    ),
    Field::new(
        "cmpr e",
        4,
        4,
        Read::Number,
        "bytes left out of the last address",
        "RFC 6554 3",
    ),
    Field::new(
        "pad",
        8,
        4,
        Read::Number,
        "bytes of padding after the last address",
        "RFC 6554 3",
    ),
    Field::new("reserved", 12, 20, Read::Hex, "zero", "RFC 6554 3"),
];

#[rustfmt::skip] // a table reads best as one
const MOBILITY_FIELDS: &[Field] = &[
    Field::new("type", 0, 8, Read::Named(mobility), "which message it is", "RFC 6275 6.1.1"),
    Field::new("reserved", 8, 8, Read::Hex, "zero", "RFC 6275 6.1.1"),
    Field::new("checksum", 16, 16, Read::Hex, "covers pseudo-header and this header", "RFC 6275 6.1.1"),
];
#[rustfmt::skip] // a table reads best as one
const HIP_FIELDS: &[Field] = &[
    Field::flag("fixed 0", 0, "zero: tells it from Shim6", "RFC 7401 5.1"),
    Field::new("packet type", 1, 7, Read::Number, "which message it is", "RFC 7401 5.1"),
    Field::new("version", 8, 4, Read::Number, "2: version 2", "RFC 7401 5.1"),
    Field::new("reserved", 12, 3, Read::Number, "zero", "RFC 7401 5.1"),
    Field::flag("fixed 1", 15, "set: tells it from Shim6", "RFC 7401 5.1"),
    Field::new("checksum", 16, 16, Read::Hex, "covers pseudo-header and this header", "RFC 7401 5.1.1"),
    Field::new("controls", 32, 16, Read::Hex, "what the sender can do", "RFC 7401 5.1.2"),
    Field::new("sender identity", 48, 128, Read::Ipv6, "hash of the sender's public key", "RFC 7401 5.1"),
    Field::new("receiver identity", 176, 128, Read::Ipv6, "hash of the receiver's public key", "RFC 7401 5.1"),
];

fn mobility(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0 => "binding refresh request",
        1 => "home test init",
        2 => "care-of test init",
        3 => "home test",
        4 => "care-of test",
        5 => "binding update",
        6 => "binding acknowledgement",
        7 => "binding error",
        _ => return None,
    })
}

fn routing(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0 => "source route, deprecated by RFC 5095",
        1 => "Nimrod, deprecated",
        2 => "mobility, RFC 6275",
        3 => "RPL source route, RFC 6554",
        4 => "segment routing, RFC 8754",
        5 | 6 => "compact routing",
        253 | 254 => "experiment",
        _ => return None,
    })
}

/// Lays out the extension header of that protocol number.
pub fn layout(number: u8, bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    match number {
        FRAGMENT => {
            lay.table(FRAGMENT_FIELDS);
        }
        ROUTING => routing_header(&mut lay),
        HOP_BY_HOP | DESTINATION => {
            lay.table(FIELDS);
            ipv6_options::lay(&mut lay);
        }
        MOBILITY => {
            lay.table(FIELDS).table(MOBILITY_FIELDS);
            let len = lay.rest().len();
            lay.bytes(len, "data", Read::Bytes, "as its type says", "RFC 6275 6.1");
        }
        HOST_IDENTITY => {
            lay.table(FIELDS).table(HIP_FIELDS);
            let len = lay.rest().len();
            lay.bytes(
                len,
                "parameters",
                Read::Bytes,
                "as its type says",
                "RFC 7401 5.2",
            );
        }
        _ => {
            lay.table(FIELDS);
            let len = lay.rest().len();
            lay.bytes(len, "data", Read::Bytes, "the header's own", RFC);
        }
    }
    lay.done()
}

fn routing_header(lay: &mut Lay<'_>) {
    let kind = lay.rest().get(2).copied();
    lay.table(ROUTING_FIELDS);
    match kind {
        Some(0 | 2) => {
            lay.bytes(4, "reserved", Read::Hex, "zero", "RFC 5095");
            addresses(lay, usize::MAX, "RFC 5095");
        }
        Some(4) => {
            let entries = lay.rest().first().map_or(0, |&last| usize::from(last) + 1);
            lay.table(SRH_FIELDS);
            addresses(lay, entries, SRH);
            let len = lay.rest().len();
            let meaning = "type, length and value of objects such as an HMAC";
            lay.part("tlvs")
                .bytes(len, "objects", Read::Bytes, meaning, SRH);
        }
        Some(3) => {
            lay.table(RPL_FIELDS);
            let len = lay.rest().len();
            let meaning = "compressed addresses and padding";
            lay.bytes(len, "addresses", Read::Bytes, meaning, "RFC 6554 3");
        }
        _ => {}
    }
    let len = lay.rest().len();
    lay.bytes(len, "data", Read::Bytes, "as its type says", ROUTING_RFC);
}

fn addresses(lay: &mut Lay<'_>, mut most: usize, rfc: &'static str) {
    lay.part("addresses");
    while most > 0 && lay.rest().len() >= 16 {
        lay.bytes(16, "address", Read::Ipv6, "a stop on the way", rfc);
        most -= 1;
    }
}

/// What a hop-by-hop or destination options header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionsRepr {
    /// Protocol number of what follows.
    pub next_header: u8,
    /// The header's length field; `None`: as long as it is.
    pub length: Option<u8>,
    /// Option bytes; padded with Pad1 or `PadN` to a multiple of 8.
    pub options: Vec<u8>,
}

impl OptionsRepr {
    /// Appends the header and `payload` to `out`.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = vec![self.next_header, 0];
        header.extend(&self.options);
        match header.len().next_multiple_of(8) - header.len() {
            0 => {}
            1 => header.push(0),
            padding => {
                header.extend([1, (padding - 2) as u8]);
                header.resize(header.len().next_multiple_of(8), 0);
            }
        }
        let length = self.length.unwrap_or((header.len() / 8 - 1) as u8);
        LENGTH.put(&mut header, length.into());
        out.extend(header);
        out.extend(payload);
    }
}

/// What a routing header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingRepr {
    /// Protocol number of what follows.
    pub next_header: u8,
    /// The header's length field; `None`: as long as it is.
    pub length: Option<u8>,
    /// Routing type.
    pub kind: u8,
    /// Segments left.
    pub segments_left: u8,
    /// What follows these four bytes; padded with zeros to a multiple of 8.
    pub data: Vec<u8>,
}

impl RoutingRepr {
    /// Appends the header and `payload` to `out`.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = vec![self.next_header, 0, self.kind, self.segments_left];
        header.extend(&self.data);
        header.resize(header.len().next_multiple_of(8), 0);
        let length = self.length.unwrap_or((header.len() / 8 - 1) as u8);
        LENGTH.put(&mut header, length.into());
        out.extend(header);
        out.extend(payload);
    }
}

/// What a fragment header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentRepr {
    /// Protocol number of what follows in the first fragment.
    pub next_header: u8,
    /// Fragment offset, in units of 8 bytes.
    pub offset: u16,
    /// More fragments.
    pub more: bool,
    /// Identification.
    pub identification: u32,
}

impl FragmentRepr {
    /// Appends the header and `payload` to `out`.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; 8];
        let values = [
            u32::from(self.next_header),
            0,
            self.offset.into(),
            0,
            self.more.into(),
            self.identification,
        ];
        for (field, value) in FRAGMENT_FIELDS.iter().zip(values) {
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
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, 2);
        assert_covers(FRAGMENT_FIELDS, 8);
        assert_covers(ROUTING_FIELDS, 4);
        assert_covers(SRH_FIELDS, 4);
        assert_covers(RPL_FIELDS, 4);
        assert_covers(MOBILITY_FIELDS, 4);
        assert_covers(HIP_FIELDS, 38);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_reads(next: u8, options in prop::collection::vec(any::<u8>(), 0..100), kind: u8, left: u8) {
            let mut bytes = Vec::new();
            OptionsRepr { next_header: next, length: None, options: options.clone() }.emit(&[], &mut bytes);
            let theirs = etherparse::Ipv6RawExtHeaderSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!((theirs.next_header().0, theirs.slice()), (next, &*bytes));
            prop_assert_eq!(&bytes[2..2 + options.len()], &options);

            let mut bytes = Vec::new();
            RoutingRepr { next_header: next, length: None, kind, segments_left: left, data: options }.emit(&[], &mut bytes);
            let theirs = etherparse::Ipv6RawExtHeaderSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!((theirs.next_header().0, theirs.slice()), (next, &*bytes));
        }

        #[test]
        fn fragment_headers_are_those_of_etherparse(next: u8, offset in 0..0x2000_u16, more: bool, identification: u32) {
            let mut bytes = Vec::new();
            FragmentRepr { next_header: next, offset, more, identification }.emit(&[], &mut bytes);
            let theirs = etherparse::Ipv6FragmentHeader::new(next.into(), offset.try_into().unwrap(), more, identification);
            prop_assert_eq!(&bytes[..], theirs.to_bytes());
            let pnet = pnet_packet::ipv6::FragmentPacket::new(&bytes).unwrap();
            prop_assert_eq!(pnet.get_id(), identification);
            assert_tiles(&layout(FRAGMENT, &bytes), 8);
        }

        #[test]
        fn any_bytes_are_laid_out_or_stopped_at(number in prop::sample::select(vec![0_u8, 43, 60, 135, 139, 140]), bytes in prop::collection::vec(any::<u8>(), 40..200)) {
            let layout = layout(number, &bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.stop.is_some() || layout.len as usize == bytes.len());
        }
    }

    #[test]
    fn a_jumbo_payload_a_router_alert_and_a_home_address_are_read() {
        let mut bytes = Vec::new();
        let options = [
            &[0xc2, 4, 0, 1, 0, 0, 5, 2, 0, 0][..],
            &[0xc9, 16],
            &[9; 16],
        ]
        .concat();
        OptionsRepr {
            options,
            ..OptionsRepr::default()
        }
        .emit(&[], &mut bytes);
        let layout = layout(HOP_BY_HOP, &bytes);
        let find = |part: &str, name: &str| {
            let laid = layout
                .fields
                .iter()
                .rfind(|laid| laid.part == Some(part) && laid.field.name == name)
                .unwrap();
            laid.field.value(laid.base(&bytes)).unwrap()
        };
        assert_eq!(find("jumbo payload", "length"), "65536");
        assert_eq!(
            find("router alert", "value"),
            "0 (multicast listener discovery)"
        );
        assert_eq!(
            find("home address", "home address"),
            "909:909:909:909:909:909:909:909"
        );
    }
}
