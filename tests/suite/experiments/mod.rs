//! The bundled experiments: each can be read, and shows what it says it shows, both in the recording
//! that comes with it and whenever it is run.
//!
//! What has to be so is data: order, counts and causes, from the captures of both ends, the fates on
//! the wire, the kernels' counters and the programs' calls. Never times below a millisecond.

mod again;
mod claims;
mod network;
mod opening;
mod real;
mod seen;
mod sending;

use claims::{Claim, broken};
use seen::Run;
use wirelab::recordings;

/// What an experiment claims.
fn claims(name: &str) -> &'static [Claim] {
    let entries = [opening::ENTRIES, sending::ENTRIES, network::ENTRIES];
    let entry = entries
        .iter()
        .copied()
        .flatten()
        .find(|entry| entry.0 == name);
    entry
        .unwrap_or_else(|| panic!("{name} needs an entry in tests/suite/experiments"))
        .1
}

#[test]
fn every_experiment_can_be_read() {
    for lesson in recordings::lessons() {
        if let Err(error) = lesson.experiment() {
            panic!("captures/{}/experiment.toml: {error}", lesson.name);
        }
        assert!(!lesson.topic.is_empty(), "{} has no topic", lesson.name);
        assert!(
            !claims(lesson.name).is_empty(),
            "{} claims nothing",
            lesson.name
        );
    }
}

#[test]
fn a_topic_is_told_in_one_go() {
    let mut topics: Vec<_> = recordings::lessons().iter().map(|it| it.topic).collect();
    topics.dedup();
    let runs = topics.len();
    topics.sort_unstable();
    topics.dedup();
    assert_eq!(runs, topics.len(), "a topic's experiments stand apart");
}

#[test]
fn each_recording_shows_what_its_experiment_claims() {
    let mut wrong = Vec::new();
    for recording in recordings::all() {
        let found = match Run::bundled(recording) {
            Ok(run) => broken(claims(recording.name), &run),
            Err(error) => vec![error],
        };
        wrong.extend(
            found
                .iter()
                .map(|what| format!("{}: {what}", recording.name)),
        );
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
