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

#[test]
fn the_first_line_keeps_to_its_width() {
    let first = |address: &str, columns: u16| {
        let style = Style {
            width: columns,
            ..Style::default()
        };
        let host = Host {
            name: address.to_owned(),
            address: address.to_owned(),
            size: 56,
            whole: 104,
        };
        let mut out = Vec::new();
        Text::new(style, Shows::default())
            .begin(&host, "over a raw socket", &mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    };
    let short = first("10.0.0.1", 80);
    assert!(short.starts_with("PING 10.0.0.1 (10.0.0.1) 56(104) bytes of data.\n"));
    let long = "fe80::ac71:feff:fe80:4e41%v0";
    assert!(first(long, 100).starts_with(&format!("PING {long} ({long}) 56(104) bytes")));
    let wrapped = first(long, 80);
    assert!(wrapped.lines().all(|line| width(line) <= 80), "{wrapped}");
    assert!(
        wrapped.contains("\n    56(104) bytes of data.\n"),
        "{wrapped}"
    );
}
