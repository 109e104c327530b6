//! `make accuracy`: how often the verdicts are right, by runs of the lab whose truth is known.
//!
//! `ACCURACY_RUNS=N` experiments (400), chosen by chance from `ACCURACY_SEED=N` (1) on, are run between
//! two hosts of this machine, `ACCURACY_AT_ONCE=N` (6) at a time. Each end's capture is judged by itself,
//! and graded by what the wire and the kernels say. What comes of it goes to docs/ACCURACY.md; the
//! captures stay in target/accuracy, and what was recorded before is not run again.

mod both;
mod counters;
mod experiments;
mod grade;
mod judge;
mod pace;
mod report;
mod run;
mod spoken;
mod truth;
mod tshark;
mod words;

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use grade::Grades;

const WIRELAB: &str = env!("CARGO_BIN_EXE_wirelab");
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ACCURACY.md");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/accuracy");

fn main() -> io::Result<()> {
    // `cargo test --all-targets` runs benches too, without this word.
    if !env::args().any(|word| word == "--bench") {
        return Ok(());
    }
    let (runs, seed) = (setting("ACCURACY_RUNS", 400), setting("ACCURACY_SEED", 1));
    let at_once = setting("ACCURACY_AT_ONCE", 6) as usize;
    let wirelab = env::var("ACCURACY_WIRELAB").unwrap_or_else(|_| WIRELAB.to_owned());
    let recorded = run::all(&wirelab, Path::new(FOLDER), seed, runs, at_once)?;
    let with_tshark = setting("ACCURACY_TSHARK", 1) == 1 && tshark::version().is_some();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut grades = Grades::default();
        while let Some(recorded) = recorded.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = grades.run(recorded, with_tshark) {
                let _ = writeln!(io::stderr(), "{}: {error}", recorded.name);
            }
        }
        grades
    };
    let mut all = Grades::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.min(4)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            if let Ok(grades) = worker.join() {
                all.add(grades);
            }
        }
    });
    let made = report::Made {
        seed,
        runs,
        at_once,
        load: recorded.iter().filter_map(|it| it.load).collect(),
        tshark: tshark::version().filter(|_| with_tshark),
    };
    let table = report::table(&all, &made);
    let mut out = io::stdout().lock();
    writeln!(out, "{table}")?;
    report::worst(&all, &mut out, setting("ACCURACY_WORST", 8) as usize)?;
    if env::var("ACCURACY_WRITE").is_ok_and(|it| it == "1") {
        let document = fs::read_to_string(REPORT).unwrap_or_else(|_| "# Accuracy\n".to_owned());
        fs::write(REPORT, report::replace(&document, &table))?;
        writeln!(out, "wrote {REPORT}")?;
    }
    Ok(())
}

fn setting(name: &str, default: u64) -> u64 {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.unwrap_or(default)
}

/// How many programs wanted to run, over the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
