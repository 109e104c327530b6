//! Numbers written digit by digit: a table of ten thousand connections has half a million digits, and
//! the general machinery of formatting takes a hundred instructions for each.

/// All numbers of two digits, one behind the other: two digits are one division and one copy.
const PAIRS: &str = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
                     5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Appends the last digit of a number.
fn push_one(out: &mut String, number: u64) {
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// Appends the last two.
fn push_two(out: &mut String, number: u64) {
    let at = (number % 100) as usize * 2;
    out.push_str(&PAIRS[at..at + 2]);
}

/// Appends a number, as `Display` would.
pub fn push(out: &mut String, number: u64) {
    if number < 10 {
        return push_one(out, number);
    }
    if number >= 100 {
        push(out, number / 100);
    }
    push_two(out, number);
}

/// Appends `number / unit` with so many decimals, as `Display` would write the quotient as `f64`.
///
/// What lies just between two numbers that can be written goes where the nearest `f64` does; else
/// that is too near to make a difference (below 2^53, which is 104 days in nanoseconds).
pub(super) fn push_quotient(out: &mut String, number: u64, unit: u64, decimals: u32) {
    use std::fmt::Write;
    let parts = 10_u64.pow(decimals);
    let step = unit / parts;
    let (whole, rest) = (number / step, number % step);
    if rest * 2 == step || number >= 1 << 53 {
        let (value, places) = (number as f64 / unit as f64, decimals as usize);
        let _ = write!(out, "{value:.places$}");
        return;
    }
    let rounded = whole + u64::from(rest * 2 > step);
    push(out, rounded / parts);
    if decimals > 0 {
        out.push('.');
        push_padded(out, rounded % parts, decimals);
    }
}

/// Appends a number with zeros in front of it, `width` digits in all.
pub(super) fn push_padded(out: &mut String, number: u64, width: u32) {
    match width {
        0 => {}
        1 => push_one(out, number),
        _ => {
            push_padded(out, number / 100, width - 2);
            push_two(out, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quotient(number: u64, unit: u64, decimals: u32) -> String {
        let mut text = String::new();
        push_quotient(&mut text, number, unit, decimals);
        text
    }

    fn displayed(number: u64, unit: u64, decimals: u32) -> String {
        let (value, places) = (number as f64 / unit as f64, decimals as usize);
        format!("{value:.places$}")
    }

    proptest! {
        #[test]
        fn digits_are_those_of_display(number: u64, small in 0..100_000_u64) {
            for number in [number, small] {
                let mut text = String::new();
                push(&mut text, number);
                prop_assert_eq!(text, number.to_string());
            }
        }

        #[test]
        fn quotients_are_those_of_display(
            number: u64, unit in (3..13_u32).prop_map(|power| 10_u64.pow(power)), decimals in 0..3_u32,
        ) {
            // Halves of the last digit, and what is next to them, besides numbers of any size.
            let half = unit / 10_u64.pow(decimals) / 2;
            let near = number % 100_000 * half;
            for number in [number, number % (unit * 1000), near, near + 1, near.saturating_sub(1)] {
                prop_assert_eq!(quotient(number, unit, decimals), displayed(number, unit, decimals));
            }
        }
    }

    #[test]
    fn zeros_are_written_out() {
        let mut text = String::new();
        push_padded(&mut text, 42, 6);
        assert_eq!(text, "000042");
    }
}
