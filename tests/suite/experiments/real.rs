//! Every experiment, run for real: two kernels' TCP, each run in a process of its own.
//!
//! They mostly wait, so several run side by side. Where a machine can't run them this says why and
//! passes, except on CI (`CI=true`), where that is a failure. `WIRELAB_LAB_SOAK=20`, which is what
//! `make lab-soak` sets, runs each so many times and prints what came of it; `WIRELAB_LAB=rto,arp` runs
//! only those.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use wirelab::recordings;

use super::claims::broken;
use super::seen::Run;
use crate::run::wirelab;

/// How many run side by side. More would make each other late.
const BESIDE: usize = 6;

/// What came of the runs of one experiment.
#[derive(Default)]
struct Tally {
    runs: usize,
    broken: usize,
    /// What was not as claimed, and how often.
    what: BTreeMap<String, usize>,
}

/// Why this machine can't run experiments.
struct Unable(String);

/// Runs an experiment once; what is not as claimed.
fn run(name: &str, folder: &Path) -> Result<Vec<String>, Unable> {
    let mut command = wirelab();
    let path = env::var_os("PATH").unwrap_or_default();
    command
        .env("PATH", path)
        .args(["lab", "run", name, "--record"]);
    let output = command.arg(folder).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.code() == Some(2) {
        return Err(Unable(said));
    }
    Ok(match Run::in_folder(folder) {
        Ok(run) => broken(super::claims(name), &run),
        Err(error) => vec![format!("{error}; it said: {said}")],
    })
}

/// Runs each of `names` so many times.
fn run_all(names: &[&'static str], times: usize) -> Result<BTreeMap<&'static str, Tally>, Unable> {
    let tallies = Mutex::new(BTreeMap::<&'static str, Tally>::new());
    let unable = Mutex::new(None);
    let next = AtomicUsize::new(0);
    let work = || {
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && index < names.len() * times
            && unable.lock().expect("no panic").is_none()
        {
            // All of them once, then all of them again: the same ones don't always meet.
            let name = names[index % names.len()];
            let folder = tempfile::tempdir().expect("a folder for the recording");
            match run(name, folder.path()) {
                Ok(wrong) => {
                    let mut tallies = tallies.lock().expect("no panic");
                    let tally = tallies.entry(name).or_default();
                    tally.runs += 1;
                    tally.broken += usize::from(!wrong.is_empty());
                    for what in wrong {
                        *tally.what.entry(what).or_default() += 1;
                    }
                }
                Err(reason) => *unable.lock().expect("no panic") = Some(reason),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(work);
        }
    });
    match unable.into_inner().expect("no panic") {
        Some(reason) => Err(reason),
        None => Ok(tallies.into_inner().expect("no panic")),
    }
}

/// The table that `make lab-soak` prints.
fn table(tallies: &BTreeMap<&str, Tally>) -> String {
    let mut table = format!("{:20} {:>4} {:>6}\n", "experiment", "runs", "broken");
    for (name, tally) in tallies {
        let _ = writeln!(table, "{name:20} {:>4} {:>6}", tally.runs, tally.broken);
        for (what, count) in &tally.what {
            let _ = writeln!(table, "    {count} x {what}");
        }
    }
    table
}

#[test]
fn every_experiment_shows_what_it_claims_when_it_is_run() {
    let times = env::var("WIRELAB_LAB_SOAK")
        .ok()
        .map(|n| n.parse().expect("a number of runs"));
    let only = env::var("WIRELAB_LAB").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|it| it == name);
    let names: Vec<_> = recordings::lessons().iter().map(|it| it.name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| wanted(name)).collect();
    let tallies = match run_all(&names, times.unwrap_or(1)) {
        Ok(tallies) => tallies,
        Err(Unable(reason)) => return crate::live::skip(&reason),
    };
    let table = table(&tallies);
    if times.is_some() {
        // Past the test harness, which keeps what a passing test prints to itself.
        let _ = std::io::stderr().write_all(table.as_bytes());
    }
    let wrong = tallies.values().any(|tally| tally.broken > 0);
    assert!(!wrong, "\n{table}");
}
