//! IPv6 extension headers (RFC 8200 section 4): hop-by-hop and destination options, routing,
//! fragment. The authentication header, which IPv4 has too, is in `ah`.
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

const RFC: &str = "RFC 8200 4";
const OPTIONS_RFC: &str = "RFC 8200 4.2";
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

/// An option's type: what to do with it when it is not known.
const OPTION_TYPE: [Field; 3] = [
    Field::new(
        "action",
        0,
        2,
        Read::Named(action),
        "what a node does that does not know it",
        OPTIONS_RFC,
    ),
    Field::flag(
        "may change",
        2,
        "its data may change on the way",
        OPTIONS_RFC,
    ),
    Field::new(
        "type",
        3,
        5,
        Read::Hex,
        "which option it is, with the three bits before",
        OPTIONS_RFC,
    ),
];
const OPTION_LENGTH: Field = Field::new(
    "length",
    8,
    8,
    Read::Number,
    "bytes of the option's data",
    OPTIONS_RFC,
);

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

fn action(action: u16) -> Option<&'static str> {
    Some(match action {
        0 => "skip it",
        1 => "discard the packet",
        2 => "discard, and send a parameter problem",
        3 => "discard, and send a parameter problem unless multicast",
        _ => return None,
    })
}

fn alert(value: u16) -> Option<&'static str> {
    Some(match value {
        0 => "multicast listener discovery",
        1 => "RSVP",
        2 => "active networks",
        _ => return None,
    })
}

const fn option_name(kind: u8) -> &'static str {
    match kind {
        0x00 => "pad1",
        0x01 => "padn",
        0x04 => "tunnel encapsulation limit",
        0x05 => "router alert",
        0x07 => "CALIPSO",
        0x08 => "SMF",
        0x0f => "performance and diagnostic metrics",
        0x26 => "quick-start",
        0x30 => "minimum path MTU",
        0x63 => "RPL",
        0x6d => "MPL",
        0xc2 => "jumbo payload",
        0xc9 => "home address",
        0xee => "IP_DFF",
        _ => "unknown option",
    }
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
            options(&mut lay);
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

fn options(lay: &mut Lay<'_>) {
    while let (&[kind, ref after @ ..], false) = (lay.rest(), lay.is_done()) {
        lay.part(option_name(kind));
        if kind == 0 {
            lay.table(&OPTION_TYPE);
            continue;
        }
        let Some(len) = after.first().map(|&len| usize::from(len)) else {
            lay.stop("the header ends before the option's length", OPTIONS_RFC);
            return;
        };
        if len + 2 > lay.rest().len() {
            lay.stop("the option's length reaches beyond the header", OPTIONS_RFC);
            return;
        }
        let [action, may_change, kind_field] = OPTION_TYPE;
        lay.table(&[action, may_change, kind_field, OPTION_LENGTH]);
        option(lay, kind, len);
    }
}

/// Lays out the data of an option.
fn option(lay: &mut Lay<'_>, kind: u8, len: usize) {
    match (kind, len) {
        (0x01, _) => {
            let meaning = "aligns what follows";
            lay.bytes(len, "padding", Read::Bytes, meaning, OPTIONS_RFC);
        }
        (0x04, 1) => {
            let meaning = "tunnels it may still be put into";
            lay.bytes(1, "limit", Read::Number, meaning, "RFC 2473 4.1.1");
        }
        (0x05, 2) => {
            let read = Read::Named(alert);
            let meaning = "why routers shall look at it";
            lay.bytes(2, "value", read, meaning, "RFC 2711 2.1");
        }
        (0xc2, 4) => {
            let meaning = "bytes after the IPv6 header, in place of its own length field";
            lay.bytes(4, "length", Read::Number, meaning, "RFC 2675 2");
        }
        (0xc9, 16) => {
            let meaning = "the mobile node's address, which checksums cover instead of the source";
            lay.bytes(16, "home address", Read::Ipv6, meaning, "RFC 6275 6.3");
        }
        _ => {
            lay.bytes(len, "data", Read::Bytes, "the option's own", OPTIONS_RFC);
        }
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
        fn any_bytes_are_laid_out_or_stopped_at(number in prop::sample::select(vec![0_u8, 43, 60, 135]), bytes in prop::collection::vec(any::<u8>(), 8..200)) {
            let layout = layout(number, &bytes);
            let covered = layout.stop.map_or(bytes.len(), |stop| stop.at as usize);
            assert_tiles(&layout, covered);
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
