//! Grades words for ACKs, windows and probes, as both judges say them, against what is true of each frame.

use std::collections::{HashMap, HashSet};

use wirelab::event::{Confidence, Kind};
use wirelab::lab::Side;

use super::grade::{Grades, Judge, Miss, Vantage};
use super::judge::Said;
use super::truth::Run;
use super::tshark;
use super::words::{Word, Words};

/// A word that is graded: its row, our kinds for it, tshark's word, and in which captures it is.
struct Row {
    name: &'static str,
    kinds: &'static [Kind],
    tshark: Option<fn(&tshark::Said) -> bool>,
    at: &'static [Vantage],
}

const BOTH: &[Vantage] = &[Vantage::Sender, Vantage::Receiver];
const HEARD: &[Vantage] = &[Vantage::Receiver];

/// Rows, in the order of the table.
const ROWS: [Row; 10] = [
    Row {
        name: "dup-ack",
        kinds: &[Kind::DupAck],
        tshark: Some(|it| it.duplicate_ack),
        at: BOTH,
    },
    Row {
        name: "dsack",
        kinds: &[Kind::Dsack],
        tshark: Some(|it| it.dsack),
        at: BOTH,
    },
    // Whether it is one rests with the recovery of who hears it.
    Row {
        name: "partial-ack",
        kinds: &[Kind::PartialAck],
        tshark: None,
        at: HEARD,
    },
    Row {
        name: "hole",
        kinds: &[Kind::Hole],
        tshark: Some(|it| it.lost_segment),
        at: BOTH,
    },
    Row {
        name: "window-full",
        kinds: &[Kind::WindowFull, Kind::WindowExceeded],
        tshark: Some(|it| it.window_full),
        at: BOTH,
    },
    Row {
        name: "window-update",
        kinds: &[Kind::WindowUpdate],
        tshark: Some(|it| it.window_update),
        at: BOTH,
    },
    Row {
        name: "zero-window-probe",
        kinds: &[Kind::ZeroWindowProbe],
        tshark: Some(|it| it.zero_window_probe),
        at: BOTH,
    },
    Row {
        name: "zero-window-probe-ack",
        kinds: &[Kind::ZeroWindowProbeAck],
        tshark: Some(|it| it.zero_window_probe_ack),
        at: BOTH,
    },
    Row {
        name: "keep-alive",
        kinds: &[Kind::KeepAlive],
        tshark: Some(|it| it.keep_alive),
        at: BOTH,
    },
    Row {
        name: "keep-alive-ack",
        kinds: &[Kind::KeepAliveAck],
        tshark: Some(|it| it.keep_alive_ack),
        at: BOTH,
    },
];

/// What was said of the frames of a host's capture.
pub(crate) struct Answers<'a> {
    pub(crate) file: &'a str,
    pub(crate) ours: &'a HashMap<u64, Vec<Said>>,
    pub(crate) tsharks: Option<&'a HashMap<u64, tshark::Said>>,
}

impl Grades {
    /// Grades what was said of the capture of `side`.
    pub(crate) fn words(&mut self, run: &Run, side: Side, words: &Words, said: &Answers<'_>) {
        let own = run.packets.iter().filter(|it| it.from == side);
        let own: HashSet<u64> = own.map(|it| it.frame).collect();
        // Of what came damaged, any word is as good as another.
        let damaged = run.packets.iter().filter(|it| it.from != side);
        let damaged = damaged
            .flat_map(|it| &it.arrivals)
            .filter(|it| it.corrupted);
        let damaged: HashSet<u64> = damaged.map(|it| it.frame).collect();
        let none = Word::default();
        for row in &ROWS {
            for &vantage in row.at {
                let truth = match vantage {
                    Vantage::Sender => &words.sent,
                    Vantage::Receiver => &words.heard,
                };
                let truth = truth.get(row.name).unwrap_or(&none);
                let here = |frame: &u64| own.contains(frame) == (vantage == Vantage::Sender);
                let open = |frame: &u64| truth.open.contains(frame) || damaged.contains(frame);
                let ours = said.ours.iter().filter(|it| here(it.0) && !open(it.0));
                let (sure, unsure): (Vec<_>, Vec<_>) = ours
                    .flat_map(|(frame, notes)| notes.iter().map(move |note| (*frame, note)))
                    .filter(|(_, note)| row.kinds.contains(&note.kind))
                    .partition(|(_, note)| note.confidence != Confidence::Ambiguous);
                let frames = |of: Vec<(u64, &Said)>| of.into_iter().map(|it| it.0).collect();
                let (sure, unsure): (HashSet<u64>, HashSet<u64>) = (frames(sure), frames(unsure));
                self.word(row.name, vantage, truth, [&sure, &unsure], said.file);
                if let Some((said, word)) = said.tsharks.zip(row.tshark) {
                    let such = said
                        .iter()
                        .filter(|it| here(it.0) && !open(it.0) && word(it.1));
                    let theirs: HashSet<u64> = such.map(|it| *it.0).collect();
                    let key = (vantage, row.name, Judge::Tshark);
                    let tally = self.rows.entry(key).or_default();
                    tally.truth += truth.truth.len() as u64;
                    tally.found += truth.truth.intersection(&theirs).count() as u64;
                    tally.wrong += theirs.difference(&truth.truth).count() as u64;
                }
            }
        }
    }

    fn word(
        &mut self,
        row: &'static str,
        vantage: Vantage,
        truth: &Word,
        [sure, unsure]: [&HashSet<u64>; 2],
        file: &str,
    ) {
        let tally = self.rows.entry((vantage, row, Judge::Wirelab)).or_default();
        tally.truth += truth.truth.len() as u64;
        tally.found += truth.truth.intersection(sure).count() as u64;
        let open = unsure.iter().filter(|it| !sure.contains(*it));
        tally.ambiguous += open.filter(|it| truth.truth.contains(*it)).count() as u64;
        tally.wrong += sure.difference(&truth.truth).count() as u64;
        for &frame in sure.symmetric_difference(&truth.truth) {
            let verdict = if sure.contains(&frame) {
                "said"
            } else {
                "not said"
            };
            self.misses.push(Miss {
                row: format!("{vantage:?} {row}"),
                file: file.to_owned(),
                frame,
                said: verdict.to_owned(),
                truth: String::new(),
            });
        }
    }
}
