//! Our fields beside tshark's: the same bits at the same place, read as the same value, for every field
//! that both know. Writes docs/FIELDS.md: `make tshark`.
//!
//! Asked of the recordings, of frames made by hand, and of the captures in the folder `WIRELAB_CORPUS`.
//! A field of a header both know that only one has, or that they put or read differently, fails unless
//! `names` explains it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use wirelab::decode::Decoder;
use wirelab::inspect::Sheet;
use wirelab::view;

use super::names::{Names, What};
use super::odd;
use super::pdml::{self, Field};
use crate::tshark::{corpus, put};

/// Fields named in a row of the table of differences.
const NAMED: usize = 6;

/// A field of ours, by what it is called: layer, part and name.
struct Ours {
    key: String,
    bit: u64,
    bits: u64,
    line: Value,
}

/// Our fields of each frame.
fn ours(path: &Path) -> Vec<Vec<Ours>> {
    let mut source = wirelab::io::file::open(path).expect("a capture");
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    // A capture that is damaged ends where it is damaged, for both.
    while let Ok(Some(frame)) = source.next_frame() {
        let packet = decoder.decode(&frame);
        let sheet = Sheet::new(&frame, &packet);
        let mut out = Vec::new();
        view::json_fields(&sheet, frame.number, &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        frames.push(lines.filter_map(field).collect());
    }
    frames
}

fn field(line: Value) -> Option<Ours> {
    let text = |key: &str| line[key].as_str();
    let number = |key: &str| line[key].as_u64();
    if text("type") != Some("field") || text("layer") == Some("rest") {
        return None;
    }
    let (layer, name) = (text("layer")?, text("name")?);
    let key = match text("part") {
        Some(part) => format!("{layer}/{part}/{name}"),
        None => format!("{layer}/{name}"),
    };
    let (bit, bits) = (number("offset")? * 8 + number("bit")?, number("bits")?);
    Some(Ours {
        key,
        bit,
        bits,
        line,
    })
}

/// Whether what tshark shows is what we read: a number however it is written, an address, bytes.
fn reads_alike(show: &str, line: &Value) -> bool {
    let number = match show.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => show.parse().ok(),
    };
    // What tshark gives no type shows as nothing.
    if show.is_empty() {
        return true;
    }
    let own = match &line["value"] {
        Value::Bool(set) => Some(u128::from(*set)),
        Value::Number(number) => number.as_u64().map(u128::from),
        _ => None,
    };
    if number.is_some() && number == own {
        return true;
    }
    let text = line["text"].as_str().unwrap_or_default();
    // 5 (20 bytes)
    let bytes = text
        .split_once(" (")
        .and_then(|(_, rest)| rest.strip_suffix(" bytes)"));
    let raw = line["raw"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("0x");
    let plain = show.replace(':', "").to_lowercase();
    bytes.is_some_and(|bytes| bytes == show) || show == text || plain == raw
}

/// What was found: fields that are the same, and differences, with how often they were met, why, and
/// the first place they were met at.
struct Found {
    names: Names,
    same: BTreeMap<(String, String), u64>,
    differences: BTreeMap<(What, String, String), (u64, String)>,
    frames: u64,
}

impl Found {
    fn new() -> Self {
        Self {
            names: Names::load(),
            same: BTreeMap::new(),
            differences: BTreeMap::new(),
            frames: 0,
        }
    }

    fn capture(&mut self, name: &str, path: &Path, settings: &Path) {
        let theirs = pdml::fields(path, settings);
        let ours = ours(path);
        // tshark refuses some files that we read, and gives up on some frames we don't.
        for (number, (ours, theirs)) in (1..).zip(ours.iter().zip(&theirs)) {
            self.frame(&format!("{name} {number}"), ours, theirs);
        }
    }

    fn frame(&mut self, place: &str, ours: &[Ours], theirs: &[Field]) {
        self.frames += 1;
        let mut taken = BTreeSet::new();
        for own in ours {
            let names = self.names.theirs(&own.key);
            let named = |field: &&Field| names.contains(&field.name);
            let there = |field: &&Field| (field.bit, field.bits) == (own.bit, own.bits);
            let found: Vec<&Field> = theirs.iter().filter(named).filter(there).collect();
            let Some(field) = found.first() else {
                let nearest = theirs
                    .iter()
                    .filter(named)
                    .min_by_key(|field| field.bit.abs_diff(own.bit));
                let nearest =
                    nearest.map_or("none".to_owned(), |f| format!("bits {}+{}", f.bit, f.bits));
                let example = format!("{place}: bits {}+{}, theirs {nearest}", own.bit, own.bits);
                self.differs(What::OnlyOurs, &own.key, place, example);
                continue;
            };
            taken.extend(found.iter().map(|field| std::ptr::from_ref(*field)));
            *self
                .same
                .entry((own.key.clone(), field.name.clone()))
                .or_default() += 1;
            let raw = own.line["raw"].as_str().unwrap_or_default();
            let raw = raw.trim_start_matches("0x").trim_start_matches('0');
            // Of what tshark gives no type it gives no value.
            let given = !field.value.is_empty();
            if given && field.value.to_lowercase().trim_start_matches('0') != raw {
                let example = format!("{place}: {raw}, theirs {}", field.value);
                self.differs(What::Value, &own.key, place, example);
            }
            if !found
                .iter()
                .any(|field| reads_alike(&field.show, &own.line))
            {
                let text = own.line["text"].as_str().unwrap_or_default();
                let example = format!("{place}: {text:?}, theirs {:?}", field.show);
                self.differs(What::Read, &own.key, place, example);
            }
        }
        for field in theirs {
            let known = self.names.protocols.contains(&field.protocol);
            if known && !taken.contains(&std::ptr::from_ref(field)) {
                let Field {
                    bit, bits, show, ..
                } = field;
                let example = format!("{place}: bits {bit}+{bits} {show:?}");
                self.differs(What::OnlyTheirs, &field.name, place, example);
            }
        }
    }

    fn differs(&mut self, what: What, key: &str, place: &str, example: String) {
        let why = self.names.why(what, key, place).unwrap_or_default();
        let key = (what, key.to_owned(), why.to_owned());
        self.differences.entry(key).or_insert((0, example)).0 += 1;
    }

    /// The tables of docs/FIELDS.md: how many fields of each header are the same, and what differs.
    fn tables(&self) -> (String, String) {
        let mut headers: BTreeMap<&str, (BTreeSet<&str>, u64)> = BTreeMap::new();
        for ((ours, _), times) in &self.same {
            let layer = ours.split('/').next().unwrap_or_default();
            let header = headers.entry(layer).or_default();
            header.0.insert(ours);
            header.1 += times;
        }
        let mut same = "| header | fields compared | times |\n|---|---|---|\n".to_owned();
        for (layer, (fields, times)) in headers {
            // Writing to a string can't fail.
            let _ = writeln!(same, "| {layer} | {} | {times} |", fields.len());
        }
        let mut reasons: BTreeMap<(What, &str), (BTreeSet<&str>, u64)> = BTreeMap::new();
        for ((what, key, why), (times, _)) in &self.differences {
            let reason = reasons.entry((*what, why)).or_default();
            reason.0.insert(key);
            reason.1 += times;
        }
        let mut differ = "| what | fields | times | why |\n|---|---|---|---|\n".to_owned();
        for ((what, why), (fields, times)) in reasons {
            let what = match what {
                What::OnlyOurs => "only we have",
                What::OnlyTheirs => "only tshark has",
                What::Read => "read differently",
                What::Value => "other bits",
            };
            let mut names: Vec<_> = fields.into_iter().map(|name| format!("`{name}`")).collect();
            let more = names.len().saturating_sub(NAMED);
            names.truncate(NAMED);
            if more > 0 {
                names.push(format!("{more} more"));
            }
            let _ = writeln!(
                differ,
                "| {what} | {} | {times} | {why} |",
                names.join(", ")
            );
        }
        (same, differ)
    }

    /// Differences that are not explained.
    fn unexplained(&self) -> Vec<String> {
        let mut all = Vec::new();
        for ((what, key, why), (times, example)) in &self.differences {
            if why.is_empty() {
                all.push(format!("{what:?} {key} ({times}): {example}"));
            }
        }
        all
    }
}

/// The frames made by hand, as captures in `folder`.
fn by_hand(folder: &Path, found: &mut Found) {
    for odd in odd::all() {
        let path = folder.join(odd.name).with_extension("pcap");
        odd.write(&path);
        found.capture(odd.name, &path, folder);
    }
}

fn recording(name: &str, found: &mut Found, folder: &Path) {
    let path = crate::root()
        .join("captures")
        .join(name)
        .join("client.pcapng");
    found.capture(name, &path, folder);
}

#[test]
#[ignore = "needs tshark, and writes docs/FIELDS.md: make tshark"]
fn fields_are_those_of_tshark_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut found = Found::new();
    by_hand(folder.path(), &mut found);
    for path in corpus() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        found.capture(&name, &path, folder.path());
    }
    if std::env::var_os("WIRELAB_BRIEF").is_none() {
        for known in wirelab::recordings::all() {
            recording(known.name, &mut found, folder.path());
        }
    }
    if std::env::var_os("WIRELAB_CORPUS").is_some() {
        let path = crate::root().join("docs/FIELDS.md");
        let document = std::fs::read_to_string(&path).expect("docs/FIELDS.md");
        let (same, differ) = found.tables();
        let same = format!("{} frames.\n\n{same}", found.frames);
        let document = put(&document, "same", &same);
        let document = put(&document, "differences", &differ);
        std::fs::write(path, document).expect("written");
    }
    let unexplained = found.unexplained();
    eprintln!("{} frames\n{}", found.frames, unexplained.join("\n"));
    assert_eq!(unexplained, [""; 0]);
}

#[test]
fn fields_are_those_of_tshark() {
    if !pdml::is_installed() {
        eprintln!("skipped: tshark is not installed, and it is the one to compare with");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut found = Found::new();
    by_hand(folder.path(), &mut found);
    for name in ["ipv6-neighbours", "pmtu"] {
        recording(name, &mut found, folder.path());
    }
    assert_eq!(found.unexplained(), [""; 0]);
    assert!(found.frames > 100, "{}", found.frames);
}
