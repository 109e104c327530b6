//! What the recordings look like. The recordings are fixed, and so is every byte drawn of them.

use wirelab::recordings;

use crate::run::results;

/// Compares with `tests/suite/snapshots/`; a wanted change is accepted by running the tests with
/// `INSTA_UPDATE=always`, and read in the diff.
fn shows(name: &str, words: &[&str]) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, results(words));
    });
}

#[test]
fn ladders_at_eighty_and_a_hundred_and_sixty_columns() {
    for recording in recordings::all() {
        for width in ["80", "160"] {
            let name = format!("ladder-{}-{width}", recording.name);
            shows(&name, &["replay", recording.name, "--width", width]);
        }
    }
}

#[test]
fn ladders_keep_to_their_width() {
    for recording in recordings::all() {
        for width in [60_usize, 80, 100, 132, 160, 200] {
            let out = results(&[
                "replay",
                recording.name,
                "--width",
                &width.to_string(),
                "--all",
            ]);
            for line in out.lines() {
                // The recordings hold no wide characters but GBK, which is not decoded here.
                assert!(
                    line.chars().count() <= width,
                    "{} at {width}: {line}",
                    recording.name
                );
            }
        }
    }
}

#[test]
fn stories() {
    for recording in recordings::all() {
        shows(
            &format!("explain-{}", recording.name),
            &["explain", recording.name],
        );
    }
}

#[test]
fn reasons_of_one_frame() {
    for (frame, name) in [("17", "reasons-retransmission"), ("3", "reasons-none")] {
        shows(name, &["explain", "retransmission", "--frame", frame]);
    }
}

#[test]
fn tables_and_lines() {
    shows(
        "flows-retransmission",
        &["flows", "retransmission", "--width", "120"],
    );
    shows(
        "flows-long-retransmission",
        &["flows", "retransmission", "--long"],
    );
    shows(
        "segments-retransmission",
        &["replay", "retransmission", "--view", "segments"],
    );
    shows("captures", &["captures"]);
}

#[test]
fn gbk_is_read_as_gbk() {
    let plain = results(&["replay", "data", "--width", "160"]);
    let read = results(&["replay", "data", "--width", "160", "--encoding", "gbk"]);
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert!(!chinese(&plain), "{plain}");
    assert!(chinese(&read), "{read}");
}

#[test]
fn a_frame_without_notes_is_told_in_plain_sentences_that_fit() {
    let shown = results(&["explain", "handshake", "--frame", "1"]);
    assert!(shown.contains("A SYN: 10.0.0.1"), "{shown}");
    let again = results(&["explain", "syn-lost", "--frame", "2"]);
    assert!(
        !again.contains("rto 0ns") && !again.contains("timeout is 0"),
        "{again}"
    );
    for shown in [shown, again] {
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }
}
