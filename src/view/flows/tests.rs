//! Tables of connections.

use super::*;
use crate::event::Kind;
use crate::view::sample::Talk;

#[test]
fn rows_come_in_the_order_in_which_connections_began() {
    let mut talk = Talk::new(Flows::new(Style {
        width: 120,
        ..Style::default()
    }));
    talk.at(1_500_000);
    for number in [2, 0, 1] {
        let mut flow = talk.summary();
        flow.flow = number;
        flow.stats[0].packets = 1_234;
        flow.stats[0].unique_bytes = 64_256;
        if number == 1 {
            flow.notes[1].add(Kind::ZeroWindow);
        }
        talk.flow(&flow);
    }
    assert_eq!(talk.text(), "");
    talk.end();
    let expected = [
        "  #  initiator       responder       start  lasted  segs >  segs <  bytes >  bytes <     rtt  state   history",
        "  0  10.0.0.1:40312  10.0.0.2:80  0.000000   1.50s   1,234       0    64.3k        0    60µs  SF      ShADFaf",
        "  1  10.0.0.1:40312  10.0.0.2:80  0.000000   1.50s   1,234       0    64.3k        0    60µs  SF      ShADFaf",
        "        zero-window 1",
        "  2  10.0.0.1:40312  10.0.0.2:80  0.000000   1.50s   1,234       0    64.3k        0    60µs  SF      ShADFaf",
    ];
    assert_eq!(talk.text().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn eighty_columns_lose_the_columns_that_matter_least() {
    let mut talk = Talk::new(Flows::new(Style::default()));
    let flow = talk.summary();
    talk.flow(&flow).end();
    assert!(
        talk.text().lines().all(|line| text::width(line) <= 80),
        "{}",
        talk.text()
    );
    assert!(talk.text().contains("bytes >"));
}

#[test]
fn what_is_held_is_bounded_and_nothing_gets_lost() {
    let mut talk = Talk::new(Flows::new(Style::default()));
    let mut flow = talk.summary();
    for number in (0..=HELD as u32).rev() {
        flow.flow = number;
        talk.flow(&flow);
    }
    assert!(talk.view.held.len() <= HELD);
    talk.end();
    let rows = talk.text().lines().skip(1);
    let numbers: Vec<u32> = rows
        .map(|row| row.split_whitespace().next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..=HELD as u32).collect::<Vec<_>>());
}

#[test]
fn no_connections_is_said() {
    let mut talk = Talk::new(Flows::new(Style::default()));
    talk.packet(b"?").end();
    assert_eq!(talk.text(), "no TCP connections in 1 frame\n");
}

#[test]
fn the_long_form_has_both_directions_side_by_side() {
    let mut talk = Talk::new(Flows::new(Style {
        long: true,
        ..Style::default()
    }));
    let mut flow = talk.summary();
    flow.stats[0].data_bytes = 5_000;
    flow.stats[1].zero_windows = 3;
    talk.flow(&flow).end();
    let line = |label: &str| {
        let line = talk
            .text()
            .lines()
            .find(|l| l.trim_start().starts_with(label));
        line.unwrap_or_else(|| panic!("{label} in {}", talk.text()))
            .split_whitespace()
            .rev()
            .take(2)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("payload bytes sent"), ["0", "5,000"]);
    assert_eq!(line("times zero"), ["3", "0"]);
    assert!(
        talk.text().lines().all(|line| text::width(line) <= 80),
        "{}",
        talk.text()
    );
}
