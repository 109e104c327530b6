//! A TCP header laid out with its options (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413, and others
//! at their tables). Those of multipath TCP are in `tcp_mptcp`.

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::tcp::FIELDS;
use super::tcp_mptcp;

const RFC: &str = "RFC 9293 3.2";

const KIND: Field = Field::new("kind", 0, 8, Read::Named(name), "which option it is", RFC);
const LENGTH: Field = Field::new(
    "length",
    8,
    8,
    Read::Number,
    "bytes of the option, kind and length included",
    RFC,
);

#[rustfmt::skip] // a table reads best as one
const AUTHENTICATION: &[Field] = &[
    Field::new("key id", 0, 8, Read::Number, "the sender's key that the code was made with", "RFC 5925 2.2"),
    Field::new("next key id", 8, 8, Read::Number, "the key the sender wants to receive by", "RFC 5925 2.2"),
];
#[rustfmt::skip] // a table reads best as one
const QUICK_START: &[Field] = &[
    Field::new("reserved", 0, 4, Read::Number, "zero", "RFC 4782 3.2"),
    Field::new("rate", 4, 4, Read::Number, "80 kbit/s times two to this power came through", "RFC 4782 3.2"),
    Field::new("ttl difference", 8, 8, Read::Number, "the request's against the header's", "RFC 4782 3.2"),
    Field::new("nonce", 16, 30, Read::Hex, "as it arrived", "RFC 4782 3.2"),
    Field::new("reserved 2", 46, 2, Read::Number, "zero", "RFC 4782 3.2"),
];

/// What accurate ECN counts, in the order of kind 172; kind 174 begins with the last.
#[rustfmt::skip] // a table reads best as one
const COUNTERS: [(&str, &str); 3] = [
    ("ECT(0) bytes", "bytes of data that came marked ECT(0), modulo 2^24"),
    ("CE bytes", "bytes of data that came marked for congestion, modulo 2^24"),
    ("ECT(1) bytes", "bytes of data that came marked ECT(1), modulo 2^24"),
];
/// The experiment that fast open was before it had a kind of its own.
const FAST_OPEN: [u8; 2] = [0xf9, 0x89];
const COOKIE: &str = "proof that the client has its address; none asks for one";

fn experiment(id: u16) -> Option<&'static str> {
    Some(match id {
        0xacc0 => "accurate ECN order 0",
        0xacc1 => "accurate ECN order 1",
        0xacce => "accurate ECN",
        0xe2d4 => "SMC-R",
        0xf989 => "fast open",
        _ => return None,
    })
}

fn name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0 => "end of options",
        1 => "no operation",
        2 => "maximum segment size",
        3 => "window scale",
        4 => "SACK permitted",
        5 => "SACK",
        8 => "timestamps",
        14 => "alternate checksum request",
        19 => "MD5 signature",
        27 => "quick-start response",
        28 => "user timeout",
        29 => "authentication (TCP-AO)",
        30 => "multipath TCP",
        34 => "fast open",
        69 => "encryption negotiation",
        172 => "accurate ECN order 0",
        174 => "accurate ECN order 1",
        253 | 254 => "experiment",
        _ => return None,
    })
}

/// Lays out a header: `bytes` end where it does, or earlier.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(FIELDS);
    while let (&[kind, ref after @ ..], false) = (lay.rest(), lay.is_done()) {
        lay.part(name(kind.into()).unwrap_or("unknown option"));
        match kind {
            0 => {
                lay.table(&[KIND]);
                let padding = lay.rest().len();
                let meaning = "fills the header up to whole words";
                lay.part("padding")
                    .bytes(padding, "padding", Read::Bytes, meaning, RFC);
            }
            1 => {
                lay.table(&[KIND]);
            }
            _ => {
                let len = usize::from(after.first().copied().unwrap_or(0));
                if len < 2 {
                    lay.stop_after(
                        &[KIND, LENGTH],
                        "the option's length is missing or below 2, the bytes of its kind and length",
                        RFC,
                    );
                } else if len > lay.rest().len() {
                    lay.stop_after(
                        &[KIND, LENGTH],
                        "the option's length reaches beyond the header",
                        RFC,
                    );
                } else {
                    lay.table(&[KIND, LENGTH]);
                    option(&mut lay, kind, len - 2);
                }
            }
        }
    }
    lay.done()
}

/// Lays out the `len` bytes after kind and length.
fn option(lay: &mut Lay<'_>, kind: u8, len: usize) {
    match (kind, len) {
        (2, 2) => {
            let meaning = "the largest segment its sender takes, in bytes of data";
            lay.bytes(2, "mss", Read::Number, meaning, "RFC 9293 3.7.1");
        }
        (3, 1) => {
            let meaning = "its sender's windows count shifted left by so many bits, 14 at most";
            lay.bytes(1, "shift", Read::Number, meaning, "RFC 7323 2.2");
        }
        (5, _) if len.is_multiple_of(8) => {
            for _ in 0..len / 8 {
                let meaning = "first sequence number of a block that arrived";
                lay.bytes(4, "left edge", Read::Number, meaning, "RFC 2018 3");
                let meaning = "sequence number after that block";
                lay.bytes(4, "right edge", Read::Number, meaning, "RFC 2018 3");
            }
        }
        (8, 8) => {
            let meaning = "its sender's clock, in ticks of its own";
            lay.bytes(4, "value", Read::Number, meaning, "RFC 7323 3.2");
            let meaning = "with ACK: the value last received, sent back to measure the round trip";
            lay.bytes(4, "echo reply", Read::Number, meaning, "RFC 7323 3.2");
        }
        (28, 2) => {
            const TIMEOUT: &[Field] = &[
                Field::new(
                    "granularity",
                    0,
                    1,
                    Read::Flag,
                    "set: minutes, else seconds",
                    "RFC 5482 3",
                ),
                Field::new(
                    "timeout",
                    1,
                    15,
                    Read::Number,
                    "how long data may stay unacknowledged",
                    "RFC 5482 3",
                ),
            ];
            lay.table(TIMEOUT);
        }
        (19, 16) => {
            let meaning = "keyed hash of the segment";
            lay.bytes(16, "digest", Read::Bytes, meaning, "RFC 2385 3.0");
        }
        (27, 6) => {
            lay.table(QUICK_START);
        }
        (29, 2..) => {
            lay.table(AUTHENTICATION);
            let meaning = "message authentication code of the segment";
            lay.bytes(len - 2, "mac", Read::Bytes, meaning, "RFC 5925 2.2");
        }
        (30, _) => tcp_mptcp::lay(lay, len),
        (172 | 174, _) if len <= 9 && len.is_multiple_of(3) => {
            let mut counters = COUNTERS;
            if kind == 174 {
                counters.reverse();
            }
            for (name, meaning) in counters.into_iter().take(len / 3) {
                lay.bytes(3, name, Read::Number, meaning, "RFC 9768 3.2.3");
            }
        }
        (253 | 254, 2..) => {
            let fast_open = lay.rest().starts_with(&FAST_OPEN);
            let meaning = "which experiment";
            lay.bytes(
                2,
                "experiment",
                Read::NamedHex(experiment),
                meaning,
                "RFC 6994 3",
            );
            let (name, meaning) = if fast_open {
                ("cookie", COOKIE)
            } else {
                ("data", "the experiment's own")
            };
            lay.bytes(len - 2, name, Read::Bytes, meaning, "RFC 6994 3");
        }
        (34, _) => {
            lay.bytes(len, "cookie", Read::Bytes, COOKIE, "RFC 7413 4.1.1");
        }
        _ => {
            lay.bytes(len, "data", Read::Bytes, "the option's own", RFC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use crate::wire::tcp::{Repr, TcpOption};
    use proptest::prelude::*;

    #[test]
    fn the_options_of_a_syn_are_read() {
        let mut options = Vec::new();
        TcpOption::Mss(1460).emit(&mut options);
        TcpOption::SackPermitted.emit(&mut options);
        TcpOption::Timestamps(7, 9).emit(&mut options);
        TcpOption::Nop.emit(&mut options);
        TcpOption::WindowScale(7).emit(&mut options);
        let repr = Repr {
            options,
            ..Repr::default()
        };
        let mut bytes = Vec::new();
        repr.emit([1; 4].into(), [2; 4].into(), &[], &mut bytes);
        let layout = layout(&bytes);
        assert_tiles(&layout, 40);
        let values: Vec<_> = layout.fields[FIELDS.len()..]
            .iter()
            .map(|laid| laid.field.value(laid.base(&bytes)).unwrap())
            .collect();
        assert_eq!(
            values,
            [
                "2 (maximum segment size)",
                "4",
                "1460",
                "4 (SACK permitted)",
                "2",
                "8 (timestamps)",
                "10",
                "7",
                "9",
                "1 (no operation)",
                "3 (window scale)",
                "3",
                "7"
            ]
        );
    }

    #[test]
    fn the_tables_cover_the_options() {
        assert_covers(AUTHENTICATION, 2);
        assert_covers(QUICK_START, 6);
    }

    proptest! {
        #[test]
        fn any_options_are_laid_out_or_stopped_at(options in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = Vec::new();
            Repr { options, ..Repr::default() }.emit([1; 4].into(), [2; 4].into(), &[], &mut bytes);
            let layout = layout(&bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.stop.is_some() || layout.len as usize == bytes.len());
        }
    }
}
