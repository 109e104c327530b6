//! tshark itself, where it is installed: does it say what `--as-wireshark` says that it says, and where
//! does that differ from our notes? Writes the tables of docs/VERDICTS.md: `make tshark`.
//!
//! Asked of every recording, every conversation, and the captures in the folders `WIRELAB_CORPUS`. A
//! difference that `EXPLAINED` does not have fails.

mod explained;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wirelab::event::Word;

use crate::conversations;
use crate::run::run;
use explained::EXPLAINED;

/// What a segment is called, by frame.
type Names = BTreeMap<u64, BTreeSet<String>>;

/// Where a capture is from: a column of the tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Recordings,
    Conversations,
    Corpus,
}

const COLUMNS: [From; 3] = [From::Recordings, From::Conversations, From::Corpus];

fn ask(path: &Path, settings: &Path) -> Names {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", settings).arg("-nr");
    command.arg(path);
    command.args(["-Y", "tcp", "-T", "fields", "-E", "occurrence=f"]);
    command.args(["-e", "frame.number"]);
    for word in Word::ALL {
        command
            .arg("-e")
            .arg(format!("tcp.analysis.{}", word.name()));
    }
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let mut names = Names::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let frame = fields.next().and_then(|frame| frame.parse().ok());
        let said = Word::ALL
            .iter()
            .zip(fields)
            .filter(|(_, value)| !value.is_empty());
        let said = said.map(|(word, _)| word.name().to_owned()).collect();
        names.insert(frame.expect("a frame number"), said);
    }
    names
}

fn segments(path: &Path) -> Vec<Value> {
    let path = path.to_str().expect("a name");
    let run = run(&["replay", path, "--as-wireshark", "--format", "json"]);
    // A capture that is damaged ends where it is damaged, and both read it as far as that.
    let damaged = run.code == 2 && run.err.contains(": damaged at frame ");
    assert!(run.code == 0 || damaged, "{path}: {}", run.err);
    let out = run.out;
    let lines = out
        .lines()
        .filter(|line| line.starts_with("{\"type\":\"segment\""));
    let values = lines.map(|line| serde_json::from_str(line).expect("a line of JSON"));
    values.collect()
}

/// A note's name in the table, and the words that mean the same.
fn meaning(note: &Value) -> (String, &'static [&'static str]) {
    let kind = note["kind"].as_str().expect("a kind");
    let cause = note["cause"].as_str().unwrap_or_default();
    let words: &[&str] = match (kind, cause) {
        ("retransmission", _) if note["spurious"] == true => {
            return (
                "retransmission, needless".to_owned(),
                &["spurious_retransmission"],
            );
        }
        ("retransmission", "fast") => &["fast_retransmission"],
        ("retransmission", "rto" | "unknown") => &["retransmission"],
        ("out-of-order", _) => &["out_of_order"],
        ("hole", _) => &["lost_segment"],
        ("acked-unseen", _) => &["ack_lost_segment"],
        ("dup-ack", _) => &["duplicate_ack"],
        ("window-update", _) => &["window_update"],
        ("zero-window", _) => &["zero_window"],
        ("window-full" | "window-exceeded", _) => &["window_full"],
        ("zero-window-probe", _) => &["zero_window_probe"],
        ("zero-window-probe-ack", _) => &["zero_window_probe_ack"],
        ("keep-alive", _) => &["keep_alive"],
        ("keep-alive-ack", _) => &["keep_alive_ack"],
        ("port-reused", _) => &["reused_ports"],
        _ => &[],
    };
    let name = if cause.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind} ({cause})")
    };
    (name, words)
}

/// Kinds that Wireshark has no word for: said when they stand against one of its words.
const WITHOUT_WORD: &[&str] = &[
    "capture-duplicate",
    "dsack",
    "window-shrunk",
    "checksum-bad",
];

/// What is left of both when what means the same is taken away.
fn difference(segment: &Value, said: &BTreeSet<String>) -> Option<(String, String)> {
    let mut theirs: BTreeSet<&str> = said.iter().map(String::as_str).collect();
    if theirs.contains("fast_retransmission") || theirs.contains("spurious_retransmission") {
        theirs.remove("retransmission");
    }
    let notes: Vec<_> = segment["notes"].as_array()?.iter().map(meaning).collect();
    let same: BTreeSet<&str> = notes
        .iter()
        .flat_map(|(_, words)| *words)
        .copied()
        .collect();
    let silent = |name: &str| WITHOUT_WORD.contains(&name) || name == "retransmission (tlp)";
    let left: BTreeSet<&str> = theirs.difference(&same).copied().collect();
    let mut ours: BTreeSet<&str> = notes
        .iter()
        .filter(|(_, words)| !words.is_empty() && words.iter().all(|word| !theirs.contains(word)))
        .map(|(name, _)| name.as_str())
        .collect();
    if ours.is_empty() && !left.is_empty() {
        ours.extend(
            notes
                .iter()
                .map(|(name, _)| name.as_str())
                .filter(|name| silent(name)),
        );
    }
    let list = |names: BTreeSet<&str>| {
        let names: Vec<_> = names.into_iter().collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    };
    (!ours.is_empty() || !left.is_empty()).then(|| (list(ours), list(left)))
}

/// The captures, each with where it is from.
fn captures(folder: &Path) -> Vec<(From, PathBuf)> {
    let mut all = Vec::new();
    for recording in wirelab::recordings::all() {
        for end in ["client.pcapng", "server.pcapng"] {
            let path = crate::root()
                .join("captures")
                .join(recording.name)
                .join(end);
            all.push((From::Recordings, path));
        }
    }
    for (name, pcap) in conversations::captures() {
        let path = folder.join(name).with_extension("pcap");
        std::fs::write(&path, pcap).expect("written");
        all.push((From::Conversations, path));
    }
    all.extend(corpus().into_iter().map(|path| (From::Corpus, path)));
    all
}

/// Captures in the folders `WIRELAB_CORPUS`, which have commas between them.
pub(crate) fn corpus() -> Vec<PathBuf> {
    let folders = std::env::var("WIRELAB_CORPUS").unwrap_or_default();
    let folders = folders.split(',').filter(|folder| !folder.is_empty());
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let is_capture = |path: &PathBuf| {
        let name = path.to_string_lossy();
        let ends = [".pcap", ".pcapng", ".gz"];
        ends.iter().any(|end| name.ends_with(end))
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(is_capture).collect();
    paths.sort();
    paths
}

/// What was counted.
#[derive(Default)]
struct Counted {
    /// By word: both say it, only we say that tshark says it, only tshark says it.
    agreement: BTreeMap<(usize, From), [u64; 3]>,
    segments: BTreeMap<From, [u64; 2]>,
    differences: BTreeMap<(String, String), BTreeMap<From, u64>>,
    wrong: Vec<String>,
}

impl Counted {
    fn capture(&mut self, from: From, path: &Path, settings: &Path) {
        let said = ask(path, settings);
        for segment in segments(path) {
            let frame = segment["frame"].as_u64().expect("a number");
            let Some(theirs) = said.get(&frame) else {
                continue;
            };
            let names = segment["wireshark"].as_array().expect("a list");
            let ours: BTreeSet<_> = names
                .iter()
                .map(|n| n.as_str().unwrap().to_owned())
                .collect();
            let count = self.segments.entry(from).or_default();
            count[0] += 1;
            count[1] += u64::from(ours == *theirs);
            if ours != *theirs {
                let capture = path.display();
                self.wrong
                    .push(format!("{capture} {frame}: {ours:?}, tshark {theirs:?}"));
            }
            for (at, word) in Word::ALL.iter().enumerate() {
                let which = match (ours.contains(word.name()), theirs.contains(word.name())) {
                    (true, true) => 0,
                    (true, false) => 1,
                    (false, true) => 2,
                    (false, false) => continue,
                };
                self.agreement.entry((at, from)).or_default()[which] += 1;
            }
            if let Some(pair) = difference(&segment, theirs) {
                *self
                    .differences
                    .entry(pair)
                    .or_default()
                    .entry(from)
                    .or_default() += 1;
            }
        }
    }

    fn agreement(&self) -> String {
        let mut table =
            "| flag | recordings | conversations | corpus |\n|---|---|---|---|\n".to_owned();
        let cell = |counts: Option<&[u64; 3]>| match counts {
            None => "–".to_owned(),
            Some([both, 0, 0]) => format!("{both} of {both}"),
            Some([both, ours, theirs]) => {
                format!("{both} of {}, {ours} too many", both + theirs)
            }
        };
        for (at, word) in Word::ALL.iter().enumerate() {
            let cells = COLUMNS.map(|from| cell(self.agreement.get(&(at, from))));
            let _ = writeln!(table, "| `{}` | {} |", word.name(), cells.join(" | "));
        }
        let cells = COLUMNS.map(|from| {
            let [all, equal] = self.segments.get(&from).copied().unwrap_or_default();
            format!("{equal} of {all}")
        });
        table
            + &format!(
                "| segments with exactly its flags | {} |\n",
                cells.join(" | ")
            )
    }

    /// The table of differences; what is not explained is in the list.
    fn differences(&self) -> (String, Vec<String>) {
        let mut table = "| we note | tshark says | recordings | corpus | right | why |\n|---|---|---|---|---|---|\n".to_owned();
        let mut unexplained = Vec::new();
        let mut rows: Vec<_> = self.differences.iter().collect();
        let total = |counts: &BTreeMap<From, u64>| {
            let of = |from| counts.get(&from).copied().unwrap_or_default();
            of(From::Recordings) + of(From::Corpus)
        };
        rows.sort_by_key(|(_, counts)| std::cmp::Reverse(total(counts)));
        for ((ours, theirs), counts) in rows {
            let count = |from| counts.get(&from).copied().unwrap_or_default();
            let [recordings, _, corpus] = COLUMNS.map(count);
            // A conversation of the tests explains itself.
            if recordings + corpus == 0 {
                continue;
            }
            let mut known = EXPLAINED.iter();
            match known.find(|row| row.0 == ours && row.1 == theirs) {
                Some((_, _, right, why)) => {
                    let counts = format!("{recordings} | {corpus}");
                    let _ = writeln!(table, "| {ours} | {theirs} | {counts} | {right} | {why} |");
                }
                None => unexplained.push(format!("{ours} / {theirs}: {recordings}, {corpus}")),
            }
        }
        (table, unexplained)
    }
}

/// Puts `table` between the marks of that name.
pub(crate) fn put(document: &str, name: &str, table: &str) -> String {
    let (open, close) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = document.split_once(&open).expect("a place for the table");
    let (_, after) = rest.split_once(&close).expect("its end");
    [before, &open, table, &close, after].concat()
}

#[test]
#[ignore = "needs tshark, and writes docs/VERDICTS.md: make tshark"]
fn tshark_says_what_we_say_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings");
    std::fs::create_dir(&settings).expect("made");
    let mut counted = Counted::default();
    for (from, path) in captures(folder.path()) {
        counted.capture(from, &path, &settings);
    }
    let (differences, unexplained) = counted.differences();
    let agreement = counted.agreement();
    eprintln!(
        "{agreement}\n{differences}\n{}\n{}",
        counted.wrong.join("\n"),
        unexplained.join("\n")
    );
    if std::env::var_os("WIRELAB_CORPUS").is_some() {
        let path = crate::root().join("docs/VERDICTS.md");
        let document = std::fs::read_to_string(&path).expect("docs/VERDICTS.md");
        let document = put(&document, "agreement", &agreement);
        let document = put(&document, "differences", &differences);
        std::fs::write(path, document).expect("written");
    }
    assert_eq!(unexplained, [""; 0]);
}
