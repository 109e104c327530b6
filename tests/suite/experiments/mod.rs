//! The bundled experiments: each can be read, and shows what it says it shows.

use wirelab::recordings;

#[test]
fn every_experiment_can_be_read() {
    for lesson in recordings::lessons() {
        if let Err(error) = lesson.experiment() {
            panic!("captures/{}/experiment.toml: {error}", lesson.name);
        }
        assert!(!lesson.topic.is_empty(), "{} has no topic", lesson.name);
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
