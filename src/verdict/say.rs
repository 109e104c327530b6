//! How numbers are said in a reason.

/// A duration as a person would say it: `12.3 ms`, `1.50 s`, `250 µs`.
pub(super) fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    match value {
        v if v < 10.0 => format!("{v:.2} {unit}"),
        v if v < 100.0 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// `1st`, `2nd`, `3rd`, `4th` …
pub(super) fn ordinal(n: u64) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// `1 byte`, `2 bytes`.
pub(super) fn bytes(n: u64) -> String {
    if n == 1 {
        "1 byte".to_owned()
    } else {
        format!("{n} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(12_345), "12.3 µs");
        assert_eq!(duration(200_600_000), "201 ms");
        assert_eq!(duration(1_500_000_000), "1.50 s");
        assert_eq!(
            [1, 2, 3, 11, 22].map(ordinal),
            ["1st", "2nd", "3rd", "11th", "22nd"]
        );
        assert_eq!([bytes(1), bytes(0)], ["1 byte", "0 bytes"]);
    }
}
