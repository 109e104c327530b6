//! The table of docs/ACCURACY.md, and the worst cases for who wants to know why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::both;
use super::grade::{Grades, Judge, Miss, Vantage};
use super::pace::{Direction, Split};

/// How the figures were made.
pub(crate) struct Made {
    pub(crate) seed: u64,
    pub(crate) runs: u64,
    pub(crate) at_once: usize,
    /// The load of the machine when each was done.
    pub(crate) load: Vec<f64>,
    pub(crate) tshark: Option<String>,
}

/// Rows, in the order of the table.
const ROWS: [&str; 16] = [
    "retransmission",
    "out-of-order",
    "spurious",
    "dup-ack",
    "dsack",
    "partial-ack",
    "hole",
    "window-full",
    "window-update",
    "zero-window",
    "zero-window-probe",
    "zero-window-probe-ack",
    "keep-alive",
    "keep-alive-ack",
    "checksum-bad",
    "capture-duplicate",
];
const CAUSES: [&str; 3] = ["rto", "tlp", "fast"];
const SAID: [&str; 4] = ["rto", "tlp", "fast", "unknown"];

/// The part of the page that is made.
pub(crate) fn table(grades: &Grades, made: &Made) -> String {
    let mut text = String::new();
    let mut load = made.load.clone();
    load.sort_by(f64::total_cmp);
    let date = Timestamp::now().strftime("%Y-%m-%d");
    let tshark = made.tshark.as_deref().unwrap_or("not installed");
    let _ = writeln!(
        text,
        "`make accuracy ACCURACY_SEED={} ACCURACY_RUNS={}` on {date}: {} runs, {} TCP packets; {}; tshark \
         {tshark}. {} runs at once; load of the machine over the last minute while they ran {:.1} (median; at most {:.1}).\n",
        made.seed,
        made.runs,
        grades.runs,
        grades.packets,
        grades.kernel,
        made.at_once,
        quantile(&load, 50),
        quantile(&load, 100),
    );
    for (vantage, name) in [(Vantage::Sender, "sender"), (Vantage::Receiver, "receiver")] {
        let _ = writeln!(text, "### The capture of the {name}\n");
        text += "| verdict | in truth | found | ambiguous | wrong | precision | recall | tshark: found | wrong | precision | recall |\n";
        text += "|---|---|---|---|---|---|---|---|---|---|---|\n";
        for row in ROWS {
            verdict_row(&mut text, grades, vantage, row);
        }
        text.push('\n');
        causes(&mut text, grades, vantage);
    }
    let _ = writeln!(
        text,
        "{} retransmissions left nothing in the receiver's capture to know them by (the first copy was lost \
         before it and nothing later had come): no row counts them.\n",
        grades.invisible
    );
    both_captures(&mut text, grades);
    pace(&mut text, grades);
    windows(&mut text, grades);
    text += "### Packets against the kernels' counters\n\n| sum | by packets | by counters | hosts that differ |\n|---|---|---|---|\n";
    for (name, (ours, theirs, differ)) in &grades.counters {
        let _ = writeln!(
            text,
            "| {name} | {ours} | {theirs} | {differ} of {} |",
            grades.runs * 2
        );
    }
    text
}

fn both_captures(text: &mut String, grades: &Grades) {
    text.push_str(
        "### Both captures together\n\n| verdict | in truth | found | ambiguous | wrong | precision | recall |\n|---|---|---|---|---|---|---|\n",
    );
    for row in both::ROWS {
        let tally = grades.both.get(row).copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {row} | {} | {} | {} | {} | {:.4} | {:.4} |",
            tally.truth,
            tally.found,
            tally.ambiguous,
            tally.wrong,
            tally.precision(),
            tally.recall()
        );
    }
    text.push('\n');
}

/// Of a hundred points, how many two shares of the time may lie apart.
const POINTS: f64 = 0.1;

/// The furthest that one of the shares is off.
fn off(ours: &Split, kernel: &Split) -> f64 {
    let apart = ours
        .iter()
        .zip(kernel)
        .map(|(ours, kernel)| (ours - kernel).abs());
    apart.fold(0.0, f64::max)
}

fn pace(text: &mut String, grades: &Grades) {
    text.push_str("### What set the pace\n\n");
    text.push_str("| capture of the | directions | application within 10 points | receiver | network and the rest | all three | median error | 90 of 100 within |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for (end, name) in ["sender", "receiver"].into_iter().enumerate() {
        let told: Vec<(Split, Split)> = grades
            .directions
            .iter()
            .filter_map(|it| Some((it.ours[end]?, it.kernel)))
            .collect();
        let within = |part: usize| {
            let near = told
                .iter()
                .filter(|(ours, kernel)| (ours[part] - kernel[part]).abs() <= POINTS);
            share(near.count() as u64, told.len() as u64)
        };
        let mut all: Vec<f64> = told
            .iter()
            .map(|(ours, kernel)| off(ours, kernel))
            .collect();
        all.sort_by(f64::total_cmp);
        let near = all.iter().filter(|off| **off <= POINTS).count() as u64;
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {:.3} | {:.3} |",
            told.len(),
            within(0),
            within(1),
            within(2),
            share(near, told.len() as u64),
            quantile(&all, 50),
            quantile(&all, 90),
        );
    }
    text.push('\n');
    send_buffer(text, grades);
}

/// What is told where the send buffer stood in the way, which no capture shows.
fn send_buffer(text: &mut String, grades: &Grades) {
    let all = grades.directions.len();
    let such = grades.directions.iter().filter(|it| it.send_buffer > 0.0);
    let such: Vec<(f64, Split, Split)> = such
        .filter_map(|it| Some((it.send_buffer, it.ours[0]?, it.kernel)))
        .collect();
    let _ = write!(
        text,
        "`sndbuf_limited` was not zero in {} of {all} directions",
        such.len()
    );
    let near = such.iter().filter(|it| off(&it.1, &it.2) <= POINTS).count();
    let median = |of: &dyn Fn(&(f64, Split, Split)) -> f64| {
        let mut all: Vec<f64> = such.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        quantile(&all, 50)
    };
    if !such.is_empty() {
        let _ = write!(
            text,
            ": {:.3} of the time (median), where `explain` at the sender says application {:.3}, receiver {:.3}, \
             network and the rest {:.3}; all three within 10 points in {}",
            median(&|it| it.0),
            median(&|it| it.1[0]),
            median(&|it| it.1[1]),
            median(&|it| it.1[2]),
            share(near as u64, such.len() as u64),
        );
    }
    text.push_str(".\n\n");
}

fn windows(text: &mut String, grades: &Grades) {
    text.push_str("### The congestion window by estimate, at the sender\n\n");
    text.push_str("| bulk transfers | readings | median error | 90 of 100 within | transfers with a median error under 15 % | estimate / kernel's, median |\n|---|---|---|---|---|---|\n");
    let bulk: Vec<&Direction> = grades
        .directions
        .iter()
        .filter(|it| it.windows.len() >= 20)
        .collect();
    let errors = |of: &[f64]| {
        let mut errors: Vec<f64> = of.iter().map(|share| (share - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        errors
    };
    let mut shares: Vec<f64> = bulk
        .iter()
        .flat_map(|it| it.windows.iter().copied())
        .collect();
    shares.sort_by(f64::total_cmp);
    let all = errors(&shares);
    let good = bulk
        .iter()
        .filter(|it| quantile(&errors(&it.windows), 50) < 0.15)
        .count();
    let _ = writeln!(
        text,
        "| {} | {} | {:.3} | {:.3} | {} | {:.3} |\n",
        bulk.len(),
        all.len(),
        quantile(&all, 50),
        quantile(&all, 90),
        share(good as u64, bulk.len() as u64),
        quantile(&shares, 50),
    );
}

/// What so many of a hundred do not exceed; of a sorted list.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0.0)
}

fn verdict_row(text: &mut String, grades: &Grades, vantage: Vantage, row: &'static str) {
    let Some(ours) = grades.rows.get(&(vantage, row, Judge::Wirelab)) else {
        return;
    };
    let _ = write!(
        text,
        "| {row} | {} | {} | {} | {} | {:.4} | {:.4} |",
        ours.truth,
        ours.found,
        ours.ambiguous,
        ours.wrong,
        ours.precision(),
        ours.recall()
    );
    let theirs = grades.rows.get(&(vantage, row, Judge::Tshark));
    let _ = match theirs {
        Some(theirs) => writeln!(
            text,
            " {} | {} | {:.4} | {:.4} |",
            theirs.found,
            theirs.wrong,
            theirs.precision(),
            theirs.recall()
        ),
        None => writeln!(text, " | | | |"),
    };
}

fn causes(text: &mut String, grades: &Grades, vantage: Vantage) {
    text.push_str("| cause in truth | said rto | tlp | fast | unknown | recall | precision | tshark: said rto | fast | none | recall | precision |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    let count = |judge, is, said| {
        grades
            .causes
            .get(&(vantage, judge, is, said))
            .copied()
            .unwrap_or(0)
    };
    let (mut right, mut all) = ([0, 0], [0, 0]);
    for is in CAUSES {
        let ours = SAID.map(|said| count(Judge::Wirelab, is, said));
        let theirs = SAID.map(|said| count(Judge::Tshark, is, said));
        let (mine, other) = (count(Judge::Wirelab, is, is), count(Judge::Tshark, is, is));
        let (sum, sum_theirs): (u64, u64) = (ours.iter().sum(), theirs.iter().sum());
        let said = |judge| CAUSES.iter().map(|truth| count(judge, truth, is)).sum();
        right = [right[0] + mine, right[1] + other];
        all = [all[0] + sum, all[1] + sum_theirs];
        let _ = writeln!(
            text,
            "| {is} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            ours[0],
            ours[1],
            ours[2],
            ours[3],
            share(mine, sum),
            share(mine, said(Judge::Wirelab)),
            theirs[0],
            theirs[2],
            theirs[3],
            share(other, sum_theirs),
            share(other, said(Judge::Tshark))
        );
    }
    let _ = writeln!(
        text,
        "| all | | | | | {} | | | | | {} | |\n",
        share(right[0], all[0]),
        share(right[1], all[1])
    );
}

fn share(part: u64, of: u64) -> String {
    if of == 0 {
        String::new()
    } else {
        format!("{:.4}", part as f64 / of as f64)
    }
}

/// Prints some of what was judged wrongly, row by row.
pub(crate) fn worst(grades: &Grades, out: &mut dyn Write, most: usize) -> io::Result<()> {
    let mut rows: BTreeMap<&str, Vec<&Miss>> = BTreeMap::new();
    for miss in &grades.misses {
        rows.entry(&miss.row).or_default().push(miss);
    }
    for it in &grades.directions {
        for (end, name) in ["sender", "receiver"].into_iter().enumerate() {
            let Some(ours) = it.ours[end].filter(|ours| off(ours, &it.kernel) > POINTS) else {
                continue;
            };
            writeln!(
                out,
                "pace {} at the {name}: {ours:.2?}, kernel {:.2?}",
                it.name, it.kernel
            )?;
        }
        let mut errors: Vec<f64> = it.windows.iter().map(|share| (share - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        if errors.len() >= 20 && quantile(&errors, 50) >= 0.15 {
            let mut shares = it.windows.clone();
            shares.sort_by(f64::total_cmp);
            writeln!(
                out,
                "window {}: error {:.2}, share {:.2}",
                it.name,
                quantile(&errors, 50),
                quantile(&shares, 50)
            )?;
        }
    }
    for (row, misses) in rows {
        writeln!(out, "\n== {row}: {}", misses.len())?;
        for miss in misses.iter().take(most) {
            writeln!(
                out,
                "  {} frame {}: said [{}] truth [{}]",
                miss.file, miss.frame, miss.said, miss.truth
            )?;
        }
    }
    Ok(())
}

const BEGIN: &str = "<!-- what follows is made by make accuracy -->";
const END: &str = "<!-- until here -->";

/// Puts the table into the page; the words around it are a person's.
pub(crate) fn replace(document: &str, table: &str) -> String {
    let (before, rest) = document.split_once(BEGIN).unwrap_or((document, ""));
    let after = rest.split_once(END).map_or("", |it| it.1);
    format!(
        "{}\n\n{BEGIN}\n\n{table}\n{END}{after}\n",
        before.trim_end()
    )
    .trim_end()
    .to_owned()
        + "\n"
}
