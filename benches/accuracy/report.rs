//! The table of docs/ACCURACY.md, and the worst cases for who wants to know why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::grade::{Grades, Judge, Miss, Vantage};

/// How the figures were made.
pub(crate) struct Made {
    pub(crate) seed: u64,
    pub(crate) runs: u64,
    pub(crate) at_once: usize,
    pub(crate) load: [String; 2],
    pub(crate) tshark: Option<String>,
}

/// Rows, in the order of the table.
const ROWS: [&str; 6] = [
    "retransmission",
    "out-of-order",
    "spurious",
    "zero-window",
    "checksum-bad",
    "capture-duplicate",
];
const CAUSES: [&str; 3] = ["rto", "tlp", "fast"];
const SAID: [&str; 4] = ["rto", "tlp", "fast", "unknown"];

/// The part of the page that is made.
pub(crate) fn table(grades: &Grades, made: &Made) -> String {
    let mut text = String::new();
    let date = Timestamp::now().strftime("%Y-%m-%d");
    let tshark = made.tshark.as_deref().unwrap_or("not installed");
    let _ = writeln!(
        text,
        "`make accuracy ACCURACY_SEED={} ACCURACY_RUNS={}` on {date}: {} runs, {} TCP packets; {}; tshark \
         {tshark}. {} runs at once; load over the last minute {} before, {} after.\n",
        made.seed,
        made.runs,
        grades.runs,
        grades.packets,
        grades.kernel,
        made.at_once,
        made.load[0],
        made.load[1],
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
    text.push_str("| cause in truth | said rto | tlp | fast | unknown | right | tshark: said rto | fast | none | right |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
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
        right = [right[0] + mine, right[1] + other];
        all = [all[0] + sum, all[1] + sum_theirs];
        let _ = writeln!(
            text,
            "| {is} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            ours[0],
            ours[1],
            ours[2],
            ours[3],
            share(mine, sum),
            theirs[0],
            theirs[2],
            theirs[3],
            share(other, sum_theirs)
        );
    }
    let _ = writeln!(
        text,
        "| all | | | | | {} | | | | {} |\n",
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
