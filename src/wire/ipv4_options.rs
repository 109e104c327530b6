//! IPv4 options, laid out (RFC 791 section 3.1; router alert: RFC 2113; security: RFC 1108; traceroute:
//! RFC 1393; quick-start: RFC 4782).

use super::field::{Field, Read};
use super::ipv6_options::QUICK_START;
use super::layout::Lay;

const RFC: &str = "RFC 791 3.1";
const ALERT: &str = "RFC 2113 2.1";

/// The type byte, whose three parts tell how to treat options nobody knows.
const TYPE: [Field; 3] = [
    Field::flag("copied", 0, "goes into every fragment", RFC),
    Field::new(
        "class",
        1,
        2,
        Read::Named(class),
        "what kind of option it is",
        RFC,
    ),
    Field::new("number", 3, 5, Read::Number, "which option it is", RFC),
];
const LENGTH: Field = Field::new(
    "length",
    8,
    8,
    Read::Number,
    "bytes of the option, type and length included",
    RFC,
);
const WHOLE_TYPE: [Field; 4] = {
    let [copied, class, number] = TYPE;
    [copied, class, number, LENGTH]
};
const POINTER: Field = Field::new(
    "pointer",
    0,
    8,
    Read::Number,
    "where the next entry goes, counted from 1 at the option's type",
    RFC,
);
const TIMESTAMP: &[Field] = &[
    POINTER,
    Field::new(
        "overflow",
        8,
        4,
        Read::Number,
        "hosts that found no room for a timestamp",
        RFC,
    ),
    Field::new(
        "flag",
        12,
        4,
        Read::Named(timestamp_flag),
        "what is recorded",
        RFC,
    ),
];
const ALERT_VALUE: Field = Field::new(
    "value",
    0,
    16,
    Read::Named(alert),
    "why routers shall look at it",
    ALERT,
);

/// Security as RFC 791 had it; its length and the levels it knows tell it from RFC 1108's.
#[rustfmt::skip] // a table reads best as one
const SECURITY: &[Field] = &[
    Field::new("level", 0, 16, Read::NamedHex(level), "how secret it is", RFC),
    Field::new("compartments", 16, 16, Read::Hex, "0 when it is not compartmented", RFC),
    Field::new("handling restrictions", 32, 16, Read::Bytes, "two letters", RFC),
    Field::new("transmission control", 48, 24, Read::Bytes, "three letters: who may follow the traffic", RFC),
];
#[rustfmt::skip] // a table reads best as one
const TRACEROUTE: &[Field] = &[
    Field::new("identifier", 0, 16, Read::Number, "tells one trace from another", "RFC 1393 2.2"),
    Field::new("outbound hops", 16, 16, Read::Number, "routers on the way there", "RFC 1393 2.2"),
    Field::new("return hops", 32, 16, Read::Number, "routers on the way back", "RFC 1393 2.2"),
    Field::new("originator", 48, 32, Read::Ipv4, "whom each router is to tell", "RFC 1393 2.2"),
];

fn level(level: u16) -> Option<&'static str> {
    Some(match level {
        0x0000 => "unclassified",
        0xf135 => "confidential",
        0x789a => "EFTO",
        0xbc4d => "MMMM",
        0x5e26 => "PROG",
        0xaf13 => "restricted",
        0xd788 => "secret",
        0x6bc5 => "top secret",
        _ => return None,
    })
}

fn class(class: u16) -> Option<&'static str> {
    Some(match class {
        0 => "control",
        2 => "debugging and measurement",
        1 | 3 => "reserved",
        _ => return None,
    })
}

fn timestamp_flag(flag: u16) -> Option<&'static str> {
    Some(match flag {
        0 => "timestamps only",
        1 => "addresses and timestamps",
        3 => "timestamps of the addresses given",
        _ => return None,
    })
}

fn alert(value: u16) -> Option<&'static str> {
    (value == 0).then_some("router shall examine packet")
}

const fn name(kind: u8) -> &'static str {
    match kind {
        0 => "end of options",
        1 => "no operation",
        7 => "record route",
        25 => "quick-start",
        68 => "timestamp",
        82 => "traceroute",
        130 => "security",
        131 => "loose source route",
        134 => "commercial security",
        136 => "stream identifier",
        137 => "strict source route",
        148 => "router alert",
        _ => "unknown option",
    }
}

/// Lays out options up to the end of the header.
pub(super) fn lay(lay: &mut Lay<'_>) {
    while let (&[kind, ref after @ ..], false) = (lay.rest(), lay.is_done()) {
        lay.part(name(kind));
        match kind {
            0 => {
                lay.table(&TYPE);
                let padding = lay.rest().len();
                let meaning = "fills the header up to whole words";
                lay.part("padding")
                    .bytes(padding, "padding", Read::Bytes, meaning, RFC);
                return;
            }
            1 => {
                lay.table(&TYPE);
            }
            _ => {
                let len = usize::from(after.first().copied().unwrap_or(0));
                if len < 2 {
                    lay.stop_after(
                        &WHOLE_TYPE,
                        "the option's length is missing or below 2, the bytes of its type and length",
                        RFC,
                    );
                    return;
                }
                if len > lay.rest().len() {
                    lay.stop_after(
                        &WHOLE_TYPE,
                        "the option's length reaches beyond the header",
                        RFC,
                    );
                    return;
                }
                lay.table(&WHOLE_TYPE);
                data(lay, kind, len - 2);
            }
        }
    }
}

/// Whether the bytes begin with a level of RFC 791.
fn known_level(bytes: &[u8]) -> bool {
    let first = bytes.first_chunk().copied().map(u16::from_be_bytes);
    first.and_then(level).is_some()
}

/// Lays out the `len` bytes after type and length.
fn data(lay: &mut Lay<'_>, kind: u8, len: usize) {
    let address = |lay: &mut Lay<'_>| {
        let meaning = "a router on the way; zero while no one has put its own there";
        lay.bytes(4, "address", Read::Ipv4, meaning, RFC);
    };
    let mut left = len;
    match kind {
        7 | 131 | 137 if len >= 1 => {
            lay.table(&[POINTER]);
            left -= 1;
            while left >= 4 {
                address(lay);
                left -= 4;
            }
        }
        68 if len >= 2 => {
            let with_addresses = lay.rest().get(1).is_some_and(|flags| flags & 0x0f != 0);
            lay.table(TIMESTAMP);
            left -= 2;
            while left >= 4 {
                if with_addresses && left >= 8 {
                    address(lay);
                    left -= 4;
                }
                let meaning =
                    "milliseconds since midnight UT; with the high bit set something else";
                lay.bytes(4, "timestamp", Read::Number, meaning, RFC);
                left -= 4;
            }
        }
        25 if len == 6 => {
            lay.table(QUICK_START);
            left = 0;
        }
        82 if len == 10 => {
            lay.table(TRACEROUTE);
            left = 0;
        }
        130 if len == 9 && known_level(lay.rest()) => {
            lay.table(SECURITY);
            left = 0;
        }
        130 if len >= 1 => {
            let meaning = "classification level";
            lay.bytes(1, "level", Read::Hex, meaning, "RFC 1108 2.3");
            let meaning = "a bit for each authority whose rules protect it";
            lay.bytes(len - 1, "authorities", Read::Bytes, meaning, "RFC 1108 2.4");
            left = 0;
        }
        136 if len == 2 => {
            let meaning = "the stream of the SATNET it belongs to";
            lay.bytes(2, "stream", Read::Number, meaning, RFC);
            left = 0;
        }
        148 if len == 2 => {
            lay.table(&[ALERT_VALUE]);
            left = 0;
        }
        _ => {}
    }
    lay.bytes(left, "data", Read::Bytes, "the option's own", RFC);
}
