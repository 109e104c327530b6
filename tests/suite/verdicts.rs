//! docs/VERDICTS.md is whole and true: every kind and rule has its section, every example shows its
//! note, and every disputed row is a conversation.

use std::fs;

use serde_json::Value;
use wirelab::event::{Kind, Topic};
use wirelab::verdict::RULES;

use crate::root;
use crate::run::results;

fn document() -> String {
    fs::read_to_string(root().join("docs/VERDICTS.md")).expect("docs/VERDICTS.md")
}

/// What stands under the heading of a kind.
fn section(document: &str, kind: Kind) -> String {
    let heading = format!("\n### `{kind}`\n");
    let (_, rest) = document
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no section for {kind}"));
    rest.split("\n##").next().unwrap_or_default().to_owned()
}

#[test]
fn every_kind_and_every_rule_has_its_section() {
    let document = document();
    for &kind in Kind::ALL {
        let section = section(&document, kind);
        for part in ["**Can be wrong:**", "**Wireshark"] {
            assert!(section.contains(part), "{kind} lacks {part}");
        }
    }
    for rule in RULES {
        let section = section(&document, rule.kind);
        let kind = rule.kind;
        assert!(section.contains(rule.rfc), "{kind} lacks {}", rule.rfc);
    }
    let headings = document.matches("\n### `").count();
    assert_eq!(headings, Kind::ALL.len(), "a section for what is no kind");
}

#[test]
fn what_findings_are_about_is_listed_in_the_document_and_the_schema() {
    let document = document();
    let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let schema = fs::read_to_string(root().join("docs/schema.json")).expect("docs/schema.json");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let listed = schema["$defs"]["topic"]["anyOf"][1]["enum"].as_array();
    let listed: Vec<_> = listed.expect("a list").iter().collect();
    assert_eq!(listed.len(), Topic::ALL.len());
    for ((topic, tells), in_schema) in Topic::ALL.iter().zip(listed) {
        let row = format!("\n| `{topic}` | {tells} |\n");
        assert!(document.contains(&row), "{topic}: {tells}");
        assert_eq!(in_schema, topic.name());
        assert!(!names.contains(&topic.name()), "{topic} means two things");
        names.push(topic.name());
    }
}

/// The note of that kind on the frame that a command shows.
fn shown(command: &str, kind: Kind) -> Value {
    let words = command.split_whitespace().skip(1);
    let words: Vec<&str> = words.chain(["--format", "json"]).collect();
    let out = results(&words);
    let lines = out
        .lines()
        .filter(|line| line.starts_with("{\"type\":\"segment\""));
    let segments: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [segment] = &segments[..] else {
        panic!("{command} shows {} segments", segments.len());
    };
    let notes = segment["notes"].as_array().expect("a list");
    let found = notes.iter().find(|note| note["kind"] == kind.name());
    found
        .unwrap_or_else(|| panic!("{command} shows no {kind}: {notes:?}"))
        .clone()
}

#[test]
fn every_example_shows_its_note() {
    let document = document();
    for &kind in Kind::ALL {
        let section = section(&document, kind);
        let commands = section
            .lines()
            .filter_map(|line| line.strip_prefix("    wirelab replay"));
        let commands: Vec<&str> = commands.collect();
        for line in &commands {
            let (command, told) = line.split_once('#').unwrap_or((line, ""));
            let note = shown(&format!("wirelab replay{command}"), kind);
            // What stands behind a command is a cause, or that it was needless.
            match told.trim().split([':', ' ']).next().unwrap_or_default() {
                "" => {}
                "needless" => assert_eq!(note["spurious"], true, "{command}"),
                cause => assert_eq!(note["cause"], cause, "{command}"),
            }
        }
        let example = section
            .lines()
            .find_map(|line| line.strip_prefix("Example: `"));
        if let Some(path) = example.and_then(|line| line.split('`').next()) {
            let text = fs::read_to_string(root().join(path)).expect(path);
            let expected = text.lines().filter_map(|line| line.split_once('|'));
            let named = |list: &str| {
                let mut names = list.split([',', ' ', '~', ':']);
                names.any(|name| name == kind.name())
            };
            let found = expected.map(|(_, list)| list).any(named);
            assert!(found, "{path} has no {kind}");
        }
        assert!(
            example.is_some() || !commands.is_empty(),
            "{kind} has no example"
        );
    }
}

#[test]
fn every_disputed_row_is_a_conversation_with_a_near_miss() {
    let document = document();
    let mut files = 0;
    for entry in fs::read_dir(root().join("tests/conversations")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with("disputed-") {
            continue;
        }
        files += 1;
        let row = format!("| `tests/conversations/{name}` |");
        assert!(document.contains(&row), "{name} is in no row");
        let text = fs::read_to_string(&path).expect("text");
        let comment = text.lines().take_while(|line| line.starts_with('#'));
        let comment: Vec<&str> = comment
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect();
        let comment = comment.join(" ");
        assert!(
            comment.starts_with("Disputed row \""),
            "{name} names no row"
        );
        assert!(comment.contains("Near miss"), "{name} has no near miss");
    }
    assert_eq!(
        document.matches("| `tests/conversations/disputed-").count(),
        files
    );
}
