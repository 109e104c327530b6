//! What both captures together tell (`replay A --peer B`) of what became of each packet, against what the wire did.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use wirelab::lab::Side;
use wirelab::lab::truth::Line;

use super::grade::Tally;

/// The rows, in their order.
pub(crate) const ROWS: [&str; 5] = [
    "joined",
    "lost between",
    "overtaken",
    "duplicated",
    "damaged",
];

/// A packet and what of it arrived, by frames.
#[derive(Debug, Default)]
struct Way {
    arrivals: Vec<u64>,
    copies: Vec<u64>,
    damaged: bool,
}

type Ways = HashMap<(Side, u64), Way>;

fn truth(folder: &Path) -> io::Result<Ways> {
    let text = fs::read_to_string(folder.join("truth.ndjson"))?;
    let mut ways = Ways::new();
    for line in text.lines() {
        let Line::Fate(fate) = Line::from_json(line).map_err(io::Error::other)? else {
            continue;
        };
        let Some(from) = fate.sender() else { continue };
        let (near, far) = match from {
            Side::Client => (fate.frame.client, fate.frame.server),
            Side::Server => (fate.frame.server, fate.frame.client),
        };
        let Some(near) = near else { continue };
        let way = ways.entry((from, near)).or_default();
        way.arrivals.extend(far);
        way.damaged |= fate.fate == "corrupted" && far.is_some();
    }
    for way in ways.values_mut() {
        way.arrivals.sort_unstable();
        way.copies = way.arrivals.iter().skip(1).copied().collect();
    }
    Ok(ways)
}

/// Packets that came after one that was sent later.
fn overtaken(ways: &Ways) -> HashSet<(Side, u64)> {
    let mut all = HashSet::new();
    for side in [Side::Client, Side::Server] {
        let own = ways.iter().filter(|(key, _)| key.0 == side);
        let mut own: Vec<_> = own
            .filter_map(|(key, way)| Some((key.1, *way.arrivals.first()?)))
            .collect();
        own.sort_unstable_by_key(|it| std::cmp::Reverse(it.0));
        let mut earliest = u64::MAX;
        for (near, far) in own {
            if earliest < far {
                all.insert((side, near));
            }
            earliest = earliest.min(far);
        }
    }
    all
}

/// What is said of packets, by their places.
#[derive(Debug, Default)]
struct Told {
    /// Where a packet left, and where it is said to have arrived.
    joined: Vec<((Side, u64), u64)>,
    /// Those of the other rows: by departure, and copies by arrival.
    rows: HashMap<&'static str, HashSet<(Side, u64)>>,
    /// What did not arrive for another reason than that it was lost.
    open: HashSet<(Side, u64)>,
}

impl Told {
    fn by(wirelab: &str, folder: &Path) -> io::Result<Self> {
        let output = Command::new(wirelab)
            .args(["replay", "--format", "json"])
            .arg(folder.join("client.pcapng"))
            .arg("--peer")
            .arg(folder.join("server.pcapng"))
            .stderr(Stdio::null())
            .output()?;
        let mut told = Self::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let line = serde_json::from_str::<Value>(line).map_err(io::Error::other)?;
            if line["type"] == "passage" {
                told.passage(&line);
            }
        }
        Ok(told)
    }

    fn passage(&mut self, it: &Value) {
        let frame = |host| it["frames"][host].as_u64();
        let (from, near, far) = match it["from"].as_str() {
            Some("client") => (Side::Client, frame("client"), frame("server")),
            _ => (Side::Server, frame("server"), frame("client")),
        };
        let fate = it["fate"].as_str().unwrap_or_default();
        let mut says = |row, frame| self.rows.entry(row).or_default().insert((from, frame));
        if let ("duplicated", Some(far)) = (fate, far) {
            says("duplicated", far);
            return;
        }
        let Some(near) = near else { return };
        if matches!(fate, "corrupted" | "altered") {
            says("damaged", near);
        }
        if it["overtaken_by"].as_u64() > Some(0) {
            says("overtaken", near);
        }
        match (fate, far) {
            ("missing" | "dropped", None) => {
                says("lost between", near);
            }
            (_, None) => {
                self.open.insert((from, near));
            }
            (_, Some(far)) => self.joined.push(((from, near), far)),
        }
    }
}

/// Grades what is said of a run; tells what was not right.
pub(crate) fn grade(
    wirelab: &str,
    folder: &Path,
    rows: &mut BTreeMap<&'static str, Tally>,
) -> io::Result<Vec<String>> {
    let ways = truth(folder)?;
    let told = Told::by(wirelab, folder)?;
    let mut misses = Vec::new();
    let joined = rows.entry("joined").or_default();
    joined.truth += ways.values().filter(|way| !way.arrivals.is_empty()).count() as u64;
    for (place, far) in &told.joined {
        let right = ways
            .get(place)
            .is_some_and(|way| way.arrivals.contains(far));
        joined.found += u64::from(right);
        joined.wrong += u64::from(!right);
        if !right {
            misses.push(format!("joined {place:?} with {far}"));
        }
    }
    let of = |wanted: &dyn Fn(&Way) -> bool| -> HashSet<(Side, u64)> {
        let such = ways.iter().filter(|it| wanted(it.1));
        such.map(|it| *it.0).collect()
    };
    let copies = ways
        .iter()
        .flat_map(|(key, way)| way.copies.iter().map(|&far| (key.0, far)));
    let truths = [
        ("lost between", of(&|way| way.arrivals.is_empty())),
        ("overtaken", overtaken(&ways)),
        ("duplicated", copies.collect()),
        ("damaged", of(&|way| way.damaged)),
    ];
    let none = HashSet::new();
    for (row, truth) in truths {
        let said = told.rows.get(row).unwrap_or(&none);
        let tally = rows.entry(row).or_default();
        tally.truth += truth.len() as u64;
        tally.found += truth.intersection(said).count() as u64;
        tally.wrong += said.difference(&truth).count() as u64;
        if row == "lost between" {
            tally.ambiguous += truth.intersection(&told.open).count() as u64;
        }
        let wrong = said
            .difference(&truth)
            .map(|it| format!("{row}: said of {it:?}"));
        let missed = truth
            .difference(said)
            .map(|it| format!("{row}: not said of {it:?}"));
        misses.extend(wrong.chain(missed));
    }
    Ok(misses)
}
