//! Lines against what iputils prints.

use super::*;

#[test]
fn times_have_as_many_digits_as_iputils_gives_them() {
    let of = [
        (45_300, "0.045"),
        (999_400, "0.999"),
        (1_234_000, "1.23"),
        (12_340_000, "12.3"),
        (123_400_000, "123"),
    ];
    for (ns, text) in of {
        assert_eq!(milliseconds(ns), text);
    }
}

#[test]
fn a_share_is_written_as_c_does() {
    let of = [
        (0.0, "0"),
        (100.0, "100"),
        (20.0, "20"),
        (100.0 / 3.0, "33.3333"),
        (200.0 / 3.0, "66.6667"),
        (0.5, "0.5"),
        (100.0 / 7.0, "14.2857"),
    ];
    for (number, text) in of {
        assert_eq!(general(number), text);
    }
}
