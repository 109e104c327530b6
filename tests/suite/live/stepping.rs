//! The stepping screen over what is just happening: a capture, and a run of the lab.

use super::net::{inside, live_or_skip};
use super::{ANSWER, ASK, Net, skip};
use crate::step::terminal::Terminal;

const SIZE: (u16, u16) = (24, 100);

/// The row that is looked at, and how many there are.
fn place(terminal: &Terminal) -> Option<(u64, u64)> {
    let text = terminal.text();
    let (before, after) = text.lines().next()?.split_once(" of ")?;
    let number = |word: Option<&str>| word?.trim_end_matches(',').parse().ok();
    Some((
        number(before.split_whitespace().last())?,
        number(after.split_whitespace().next())?,
    ))
}

#[test]
fn a_capture_is_stepped_through_while_it_is_made() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.pcapng");
    let name = file.to_str().expect("a name");
    for saved in [&["-w", name][..], &[]] {
        let words = [&["capture", "-i", Net::IFACE, "--tui"], saved, &["tcp"]].concat();
        let mut terminal = inside(&net.client, || Terminal::start(&words, SIZE, &[]));
        terminal.until("the screen", Terminal::is_taken);
        net.converse(ASK, ANSWER);
        // The end is followed, and the screen is there while more may come.
        let whole = |terminal: &Terminal| {
            place(terminal).is_some_and(|(at, rows)| at == rows && rows >= 8)
                && terminal.text().contains("so far")
        };
        terminal.until("the conversation", whole);
        let rows = place(&terminal).expect("a place").1;
        terminal.keys("k");
        let above = move |terminal: &Terminal| place(terminal).is_some_and(|(at, of)| at < of);
        terminal.until("the row before", above);
        net.converse(ASK, ANSWER);
        let grown = move |terminal: &Terminal| {
            place(terminal).is_some_and(|(at, of)| of >= rows + 8 && at <= rows)
        };
        terminal.until("more, and the same row", grown);
        terminal.keys("G");
        terminal.until("the end again", |terminal| {
            place(terminal).is_some_and(|(at, of)| at == of)
        });
        terminal.keys("q");
        assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.text());
        assert!(terminal.is_restored());
        assert!(
            terminal.text().contains("packets captured"),
            "{}",
            terminal.text()
        );
    }
    let saved = crate::run::results(&["replay", name, "--view", "segments"]);
    assert!(saved.lines().count() >= 16, "{saved}");
}

#[test]
fn a_run_of_the_lab_is_stepped_through_and_stays() {
    let Some(_net) = live_or_skip() else { return };
    if !std::path::Path::new("/dev/net/tun").exists() {
        return skip("the lab needs /dev/net/tun");
    }
    let words = ["lab", "run", "handshake", "--tui"];
    let mut terminal = Terminal::start(&words, SIZE, &[]);
    terminal.until("the screen", Terminal::is_taken);
    terminal.until("all of it", |terminal| {
        let text = terminal.text();
        let complete = !text.contains("so far") && !text.contains("change");
        complete && place(terminal).is_some_and(|(_, of)| of >= 3)
    });
    terminal.keys("g");
    terminal.sees("SYN");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.text());
    assert!(terminal.is_restored());
    let left = std::fs::read_dir(std::env::temp_dir()).expect("it is there");
    let names = left.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ours = format!("wirelab-run-{}", terminal.pid());
    assert!(!names.into_iter().any(|name| name == ours));
}
