//! Numbers as digits, without the machinery of `format!`: a segment has some thirty of them.

use std::net::Ipv4Addr;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The hundred pairs of digits, one after the other: half as many divisions as digit by digit.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at] = [b'0' + (at / 10) as u8, b'0' + (at % 10) as u8];
        at += 1;
    }
    pairs
};

const fn pair(below_100: u32) -> [u8; 2] {
    PAIRS[below_100 as usize % 100]
}

/// Appends a number.
#[inline]
pub(super) fn push(bytes: &mut Vec<u8>, value: u64) {
    match value {
        0..10 => bytes.push(b'0' + value as u8),
        10..100 => bytes.extend_from_slice(&pair(value as u32)),
        _ => push_long(bytes, value),
    }
}

#[inline(never)]
fn push_long(bytes: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut high = value;
    // Division of 64 bits is slow; most numbers have 32.
    while high > u64::from(u32::MAX) {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair((high % 100) as u32));
        high /= 100;
    }
    let mut low = high as u32;
    while low >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(low % 100));
        low /= 100;
    }
    if low >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(low));
    } else {
        at -= 1;
        digits[at] = b'0' + low as u8;
    }
    bytes.extend_from_slice(&digits[at..]);
}

/// Appends seconds with nine decimals.
pub(super) fn push_seconds(bytes: &mut Vec<u8>, nanos: u64) {
    push(bytes, nanos / NANOS_PER_SECOND);
    let mut fraction = (nanos % NANOS_PER_SECOND) as u32;
    let mut digits = *b".000000000";
    let (pairs, _) = digits[2..].as_chunks_mut::<2>();
    for digit in pairs.iter_mut().rev() {
        *digit = pair(fraction % 100);
        fraction /= 100;
    }
    digits[1] = b'0' + fraction as u8;
    bytes.extend_from_slice(&digits);
}

/// Appends an address in dotted notation.
pub(super) fn push_ipv4(bytes: &mut Vec<u8>, address: Ipv4Addr) {
    let [first, rest @ ..] = address.octets();
    push(bytes, first.into());
    for octet in rest {
        bytes.push(b'.');
        push(bytes, octet.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn numbers_of_every_length_are_written_as_format_would() {
        let edges = (0..20).map(|power| 10_u64.pow(power));
        for value in edges
            .flat_map(|edge| [edge - 1, edge, edge + 1])
            .chain([u64::MAX])
        {
            assert_eq!(text(|out| push(out, value)), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_number_time_and_address_is_written_as_format_would(value: u64, bits: u32) {
            prop_assert_eq!(text(|out| push(out, value)), value.to_string());
            prop_assert_eq!(text(|out| push(out, bits.into())), bits.to_string());
            let (seconds, nanos) = (value / NANOS_PER_SECOND, value % NANOS_PER_SECOND);
            prop_assert_eq!(text(|out| push_seconds(out, value)), format!("{seconds}.{nanos:09}"));
            let address = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(text(|out| push_ipv4(out, address)), address.to_string());
        }
    }
}
