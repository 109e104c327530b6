//! The documents are true: the README shows what the program prints, and every file they name is
//! there.

use std::process::Command;
use std::{env, fs};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/EXTENDING.md",
    "docs/FLOWS.md",
    "docs/LABBOOK.md",
    "docs/PERFORMANCE.md",
    "docs/STEPPING.md",
    "docs/VERDICTS.md",
];

fn read(document: &str) -> String {
    let path = crate::root().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the README's opening block starts and ends with.
const OPENING: (&str, &str) = ("```console\n$ wirelab replay retransmission\n", "```\n");

#[test]
fn the_readme_opens_with_what_the_program_prints() {
    let output = Command::new(env!("CARGO_BIN_EXE_wirelab"))
        .args(["replay", "retransmission"])
        .env_clear()
        .output()
        .expect("the program runs");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let lines = printed.lines().map(str::trim_end);
    let printed = lines.fold(String::new(), |text, line| text + line + "\n");

    let readme = read("README.md");
    let (before, rest) = readme
        .split_once(OPENING.0)
        .expect("the README has its block");
    let (shown, after) = rest.split_once(OPENING.1).expect("the block ends");
    if shown != printed && env::var_os("UPDATE_README").is_some() {
        let readme = [before, OPENING.0, &printed, OPENING.1, after].concat();
        fs::write(crate::root().join("README.md"), readme).expect("the README can be written");
        return;
    }
    assert!(
        shown == printed,
        "README.md no longer shows what the program prints; UPDATE_README=1 cargo test readme \
         puts this there:\n{printed}"
    );
}

/// A path in backquotes or in a link, if it is one of this repository.
fn paths(document: &str) -> Vec<&str> {
    let places = ["src/", "tests/", "captures/", "docs/", "benches/", ".ci/"];
    document
        .split(['`', '(', ')', ' ', '\n', ','])
        .map(|word| word.trim_end_matches(['.', ';', ':']))
        .filter(|word| places.iter().any(|place| word.starts_with(place)))
        // `captures/<name>/`, `src/{a,b}` and `src/view/x.rs` stand for many.
        .filter(|word| !word.contains(['<', '{', '*', '$']))
        .filter(|word| !word.ends_with("/x.rs") && !word.contains("/x/"))
        .collect()
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    for document in DOCUMENTS {
        let text = read(document);
        for path in paths(&text) {
            assert!(
                crate::root().join(path).exists(),
                "{document} names {path}, which is not there"
            );
        }
    }
}

#[test]
fn every_question_of_the_lab_book_has_an_answer_and_every_experiment_a_question() {
    let book = read("docs/LABBOOK.md");
    let commands: Vec<&str> = book
        .split('`')
        .filter_map(|words| words.strip_prefix("wirelab "))
        .filter(|words| !words.contains("NAME") && !words.contains("PORT"))
        .collect();
    assert!(commands.len() > 40, "{commands:?}");
    for words in &commands {
        let output = Command::new(env!("CARGO_BIN_EXE_wirelab"))
            .args(words.split(' '))
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "wirelab {words}");
    }
    for lesson in wirelab::recordings::lessons() {
        let asked = |words: &&str| words.split(' ').any(|word| word == lesson.name);
        assert!(commands.iter().any(asked), "no question on {}", lesson.name);
    }
}

#[test]
fn every_figure_of_flows_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_wirelab"))
        .args(["flows", "data", "--format", "json"])
        .output()
        .expect("the program runs");
    let printed = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let first = printed.lines().next().expect("it prints a line");
    let flow: serde_json::Value = serde_json::from_str(first).expect("the line is JSON");
    let told = read("docs/FLOWS.md");
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let (whole, direction) = (keys(&flow), keys(&flow["i>r"]));
    assert!(direction.len() > 40, "{direction:?}");
    for key in whole.iter().filter(|key| *key != "type").chain(&direction) {
        assert!(
            told.contains(&format!("`{key}`")),
            "docs/FLOWS.md does not tell what {key} is"
        );
    }
}
