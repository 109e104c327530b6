//! `wirelab lab list`, `show` and `check`: what they print, and what they say of mistakes.

mod run;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use wirelab::recordings;

use crate::run::{results, run};
use crate::schema::schema;

fn shows(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The lines of JSON, each as the schema has it.
fn json(words: &[&str]) -> Vec<Value> {
    let schema = schema();
    let out = run(&[words, &["--format", "json"]].concat()).out;
    let lines = out.lines().map(|line| {
        assert!(line.starts_with("{\"type\":\""), "type comes first: {line}");
        let value = serde_json::from_str(line).expect("JSON");
        let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{line}");
        value
    });
    lines.collect()
}

/// A folder with one file in it, and the file's name.
fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    fs::write(&path, text).expect("written");
    let name = path.to_str().expect("a name").to_owned();
    (folder, name)
}

const MINE: &str = "title = \"Mine\"\nlook_for = \"Nothing.\"\n[client]\ncalls = [\"connect\", { send = \
                    100 }, \"close\"]\n[server]\ncalls = [\"listen\", \"accept\", { receive = \"end\" }, \"close\"]\n";

#[test]
fn help_has_examples() {
    for command in ["check", "list", "run", "show"] {
        let help = results(&["lab", command, "--help"]);
        assert!(help.contains("Example"), "{help}");
        shows(&format!("help-lab-{command}"), &help);
    }
    shows("help-lab", &results(&["lab", "--help"]));
}

#[test]
fn every_experiment_is_listed_once_in_teaching_order() {
    let list = results(&["lab", "list"]);
    assert_eq!(list, results(&["lab"]));
    let mut rest = &*list;
    for lesson in recordings::lessons() {
        let entry = format!("\n  {} ", lesson.name);
        let at = rest
            .find(&entry)
            .unwrap_or_else(|| panic!("{} in {list}", lesson.name));
        rest = &rest[at + 1..];
    }
    assert!(rest.contains("wirelab lab show NAME"), "{rest}");

    let lines = json(&["lab", "list"]);
    let names = lines.iter().map(|line| line["name"].as_str());
    assert!(names.eq(recordings::lessons().iter().map(|lesson| Some(lesson.name))));
    let recorded = lines.iter().filter(|line| line["recorded"] == true);
    assert_eq!(recorded.count(), recordings::all().len());
}

#[test]
fn an_experiment_is_told_in_words_and_as_a_picture() {
    for width in ["80", "160"] {
        let told = results(&["lab", "show", "retransmission", "--width", width]);
        shows(&format!("lab-show-retransmission-{width}"), &told);
    }
    let plain = results(&["lab", "show", "traceroute", "--ascii"]);
    assert!(plain.is_ascii(), "{plain}");
    shows("lab-show-traceroute-ascii", &plain);
}

#[test]
fn every_experiment_can_be_told_at_any_width() {
    for lesson in recordings::lessons() {
        for width in [60_usize, 80, 160] {
            let columns = width.to_string();
            let told = results(&["lab", "show", lesson.name, "--width", &columns]);
            for line in told.lines() {
                let used = wirelab::view::text::width(line);
                // A command to copy is never broken.
                let command = line.starts_with("wirelab ") || line.starts_with("sudo ");
                assert!(
                    used <= width || command,
                    "{} at {width}: {line}",
                    lesson.name
                );
            }
        }
        let lines = json(&["lab", "show", lesson.name]);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["title"], lesson.title);
    }
}

#[test]
fn an_experiment_of_ones_own_is_told_like_the_others() {
    let (_folder, name) = file(MINE);
    let told = results(&["lab", "show", &name]);
    assert!(
        told.contains(": Mine\n") && told.contains("sends 100 bytes"),
        "{told}"
    );
    let run = run(&["lab", "check", &name]);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.out.replace(&name, "FILE"),
        "FILE: fine: Mine\n  2 programs, 7 calls, 10 ms each way\n"
    );
    assert_eq!(json(&["lab", "check", &name])[0]["ok"], true);
}

#[test]
fn the_bundled_experiments_are_right_and_nothing_in_them_is_doubted() {
    for lesson in recordings::lessons() {
        let path = crate::root()
            .join("captures")
            .join(lesson.name)
            .join("experiment.toml");
        let line = &json(&["lab", "check", path.to_str().expect("a name")])[0];
        assert_eq!(
            (&line["ok"], &line["doubts"]),
            (&true.into(), &Value::Array(Vec::new())),
            "{line}"
        );
    }
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let (_folder, name) = file(&MINE.replace("\"accept\"", "\"acept\""));
    let run = run(&["lab", "check", &name]);
    assert_eq!((run.code, &*run.err), (1, ""));
    shows("lab-check-mistake", &run.out.replace(&name, "FILE"));
    let line = &json(&["lab", "check", &name])[0];
    assert_eq!(line["ok"], false);
    assert!(
        line["error"]
            .as_str()
            .is_some_and(|error| error.contains("line 6, column 20")),
        "{line}"
    );
}

#[test]
fn what_cant_happen_is_doubted() {
    let fault = "[[wire.fault]]\npacket = \"server data 1\"\ndrop = true\n";
    let (_folder, name) = file(&format!("{MINE}{fault}"));
    let run = run(&["lab", "check", &name]);
    assert_eq!(run.code, 0);
    let told: String = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let doubt = "doubtful: fault 1 (server data 1: drop) meets no packet: the server never sends";
    assert!(told.contains(doubt), "{told}");
}

#[test]
fn control_characters_of_a_file_are_not_obeyed() {
    let (_folder, name) = file(&MINE.replace("Mine", "Mine\\u001b[31m"));
    for command in ["show", "check"] {
        let out = results(&["lab", command, &name]);
        assert!(
            !out.contains('\x1b') && out.contains("Mine\\x1b[31m"),
            "{out}"
        );
    }
    let (_folder, name) = file("title = \"\u{1b}[31m");
    let out = run(&["lab", "check", &name]).out;
    assert!(!out.contains('\x1b'), "{out}");
}

#[test]
fn what_cant_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().to_str().expect("a name").to_owned();
    let path = folder.path().join("x.toml");
    fs::write(&path, b"title = \"\xff\"").expect("written");
    let binary = path.to_str().expect("a name");
    let mut all = String::new();
    for words in [
        &["lab", "show", "retransmision"][..],
        &["lab", "show", "nothing-like-it"],
        &["lab", "show", "/no/such/file.toml"],
        &["lab", "show", &name],
        &["lab", "show", binary],
        &["lab", "check", "/no/such/file.toml"],
        &["lab", "run", "hanshake"],
    ] {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}: {}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{words:?}: {}", run.err);
        all.push_str(&run.err.replace(&name, "FOLDER"));
    }
    shows("lab-errors", &all);
}

#[test]
fn of_several_files_each_is_told_and_the_worst_counts() {
    let (_right, right) = file(MINE);
    let (_wrong, wrong) = file("title = 1");
    let code = |files: &[&str]| {
        let run = run(&[&["lab", "check"], files].concat());
        (run.code, run.out.matches(": fine").count())
    };
    assert_eq!(code(&[&wrong, &right]), (1, 1));
    assert_eq!(code(&["/no/such", &wrong, &right]), (2, 1));
    assert_eq!(run(&["lab", "check"]).code, 2);
}
