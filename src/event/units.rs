//! Numbers as people read them: times, amounts, with their units.

use std::fmt::Write;

use super::digits;

/// A duration in three significant digits: `37µs`, `50.1ms`, `1.20s`, `2m03s`, `1h02m`, `3d04h`, `280d`.
pub fn nanos(ns: u64) -> String {
    made(|text| push_nanos(text, ns))
}

/// The same, appended.
pub fn push_nanos(text: &mut String, ns: u64) {
    const UNITS: [(u64, &str); 3] = [(1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
    if ns < 1_000 {
        digits::push(text, ns);
        text.push_str("ns");
        return;
    }
    for (unit, name) in UNITS {
        let value = ns as f64 / unit as f64;
        // What would round up to the next unit is shown in that one.
        let limit = if name == "s" { 59.95 } else { 999.5 };
        if value < limit {
            let decimals = match value {
                v if v < 9.995 && name != "µs" => 2,
                v if v < 99.95 && name != "µs" => 1,
                _ => 0,
            };
            digits::push_quotient(text, ns, unit, decimals);
            text.push_str(name);
            return;
        }
    }
    let seconds = ns.saturating_add(500_000_000) / 1_000_000_000;
    let _ = match seconds {
        0..3_600 => write!(text, "{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => write!(text, "{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        86_400..8_640_000 => write!(
            text,
            "{}d{:02}h",
            seconds / 86_400,
            seconds % 86_400 / 3_600
        ),
        _ => write!(text, "{}d", seconds / 86_400),
    };
}

/// Seconds with as many decimals as fit into nine columns: `0.050213`, `12.050213`, `123.05021`.
pub fn seconds(ns: u64) -> String {
    made(|text| push_seconds(text, ns))
}

/// The same, appended.
pub fn push_seconds(text: &mut String, ns: u64) {
    let start = text.len();
    digits::push(text, ns / 1_000_000_000);
    let whole = text.len() - start;
    text.push('.');
    digits::push_padded(text, ns % 1_000_000_000 / 1_000, 6);
    text.truncate(start + whole.max(9));
    if text.ends_with('.') {
        text.pop();
    }
}

/// An integer with commas between thousands: `337,920`.
pub fn count(n: u64) -> String {
    made(|text| push_count(text, n))
}

/// The same, appended.
pub fn push_count(text: &mut String, n: u64) {
    if n < 1_000 {
        return digits::push(text, n);
    }
    push_count(text, n / 1_000);
    text.push(',');
    digits::push_padded(text, n % 1_000, 3);
}

/// An amount in at most six columns: `512`, `64.3k`, `1.20M`, `3.1G` (powers of 1000).
pub fn amount(n: u64) -> String {
    made(|text| push_amount(text, n))
}

/// The same, appended.
pub fn push_amount(text: &mut String, n: u64) {
    const UNITS: [(u64, char); 4] = [
        (1_000, 'k'),
        (1_000_000, 'M'),
        (1_000_000_000, 'G'),
        (1_000_000_000_000, 'T'),
    ];
    if n < 10_000 {
        return digits::push(text, n);
    }
    for (unit, letter) in UNITS {
        let value = n as f64 / unit as f64;
        if value < 999.95 || letter == 'T' {
            let decimals = u32::from(value < 99.95) + u32::from(value < 9.995);
            digits::push_quotient(text, n, unit, decimals);
            text.push(letter);
            return;
        }
    }
}

/// What `push` appends to nothing.
fn made(push: impl FnOnce(&mut String)) -> String {
    let mut text = String::new();
    push(&mut text);
    text
}

/// `1 segment`, `2 segments`, with commas.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `1 byte`, `2,896 bytes`.
pub fn bytes(n: u64) -> String {
    plural(n, "byte")
}

/// `1st`, `2nd`, `3rd`, `4th` …
pub fn ordinal(n: u64) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// `once`, `twice`, `3 times`, with commas.
pub fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => plural(n, "time"),
    }
}

/// Items in a row: `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(if at + 1 == items.len() { " and " } else { ", " });
        }
        text.push_str(item.as_ref());
    }
    text
}

/// `frame 7`, `frames 5, 7 and 9`; of more than `most` the first ones and how many more.
pub fn frames(frames: &[u64], most: usize) -> String {
    frames_and_more(frames, most, 0)
}

/// The same where there are `more` than are given.
pub fn frames_and_more(frames: &[u64], most: usize, more: u32) -> String {
    let hidden = frames.len().saturating_sub(most) as u64 + u64::from(more);
    let mut text = String::from(if frames.len() == 1 && hidden == 0 {
        "frame "
    } else {
        "frames "
    });
    for (at, frame) in frames.iter().take(most).enumerate() {
        let last = at + 1 == frames.len() && hidden == 0;
        text.push_str(match at {
            0 => "",
            _ if last => " and ",
            _ => ", ",
        });
        let _ = write!(text, "{frame}");
    }
    if hidden > 0 {
        let _ = write!(text, " and {} more", count(hidden));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_end_as_people_say_them() {
        assert_eq!(
            [1, 2, 3, 4, 11, 22, 112].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "22nd", "112th"]
        );
    }

    #[test]
    fn durations_keep_three_digits_and_never_say_a_thousand_of_a_unit() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (37_400, "37µs"),
            (999_499, "999µs"),
            (999_600, "1.00ms"),
            (50_130_000, "50.1ms"),
            (999_700_000, "1.00s"),
            (12_340_000_000, "12.3s"),
            (59_970_000_000, "1m00s"),
            (123_000_000_000, "2m03s"),
            (3_720_000_000_000, "1h02m"),
            (273_600_000_000_000, "3d04h"),
            (24_251_275_000_000_000, "280d"),
            (u64::MAX, "213503d"),
        ];
        for (ns, text) in cases {
            assert_eq!(nanos(ns), text);
        }
    }

    #[test]
    fn seconds_stay_nine_columns_as_long_as_they_can() {
        assert_eq!(seconds(50_213_999), "0.050213");
        assert_eq!(seconds(12_050_213_000), "12.050213");
        assert_eq!(seconds(123_050_213_000), "123.05021");
        assert_eq!(seconds(12_345_678_000_000_000), "12345678");
        assert_eq!(seconds(12_345_678_901_000_000_000), "12345678901");
    }

    #[test]
    fn amounts_and_counts() {
        assert_eq!(count(337_920), "337,920");
        assert_eq!(count(20), "20");
        assert_eq!(amount(9_999), "9999");
        assert_eq!(amount(64_256), "64.3k");
        assert_eq!(amount(999_960), "1.00M");
        assert_eq!(plural(1, "segment"), "1 segment");
        assert_eq!(plural(2_000, "byte"), "2,000 bytes");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(frames(&[5, 7, 9], 5), "frames 5, 7 and 9");
        assert_eq!(frames(&[5, 7, 9], 2), "frames 5, 7 and 1 more");
        assert_eq!(frames(&[5], 2), "frame 5");
        assert_eq!(
            frames_and_more(&[5, 7, 9], 2, 1000),
            "frames 5, 7 and 1,001 more"
        );
        assert_eq!(frames_and_more(&[5], 2, 1), "frames 5 and 1 more");
    }
}
