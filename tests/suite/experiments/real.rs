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
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use serde_json::Value;
use wirelab::io::clock::Stopwatch;
use wirelab::recordings;

use super::claims::broken;
use super::seen::Run;
use crate::run::wirelab;

/// How many run side by side. More would make each other late.
const BESIDE: usize = 6;

/// A wire that brought a packet later than this was starved by whatever else the machine did: its hosts'
/// timers then run out by rights, and the run is another experiment. So is one during which a thread that
/// only sleeps woke later than this: what stands still while no packet is under way, the wire can't see.
const DISTURBED: Duration = Duration::from_millis(5);
/// A run that was disturbed, and not as claimed, is made again so many times.
const AGAIN: usize = 4;

/// What came of the runs of one experiment.
#[derive(Default)]
struct Tally {
    runs: usize,
    broken: usize,
    /// Runs that were made again.
    disturbed: usize,
    /// What was not as claimed, and how often.
    what: BTreeMap<String, usize>,
}

/// Why this machine can't run experiments.
struct Unable(String);

/// Runs an experiment until it is as claimed, or it is not though nothing disturbed it; what is not, and how
/// often it was made again.
fn run_undisturbed(
    name: &str,
    folder: &Path,
    machine: &Machine,
) -> Result<(Vec<String>, usize), Unable> {
    let mut again = 0;
    loop {
        let begin = Stopwatch::start();
        let wrong = run(name, folder)?;
        let stood_still = machine.stood_still_within(begin.elapsed());
        if wrong.is_empty() || again == AGAIN || !(stood_still || was_disturbed(folder)) {
            return Ok((wrong, again));
        }
        again += 1;
        // Past the test harness, which keeps what a passing test prints to itself.
        let wrong = wrong.join("; ");
        let said = format!("{name}, disturbed, is run again: {wrong}\n");
        let _ = std::io::stderr().write_all(said.as_bytes());
    }
}

/// Whether the run's own truth says that the wire was late.
fn was_disturbed(folder: &Path) -> bool {
    let truth = fs::read_to_string(folder.join("truth.ndjson")).unwrap_or_default();
    let lines = truth
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut late = lines.filter_map(|line| line["late_max_ns"].as_u64());
    late.any(|ns| u128::from(ns) > DISTURBED.as_nanos())
}

/// A thread that only sleeps, and when it was last late.
struct Machine {
    since: Stopwatch,
    /// When a nap last took too long, in milliseconds from `since`; 0: never.
    late: AtomicU64,
    ended: AtomicBool,
}

impl Machine {
    fn new() -> Self {
        Self {
            since: Stopwatch::start(),
            late: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// Sleeps again and again until `ended`.
    fn watch(&self) {
        const NAP: Duration = Duration::from_millis(1);
        while !self.ended.load(Ordering::Relaxed) {
            let nap = Stopwatch::start();
            thread::sleep(NAP);
            if nap.elapsed() > NAP + DISTURBED {
                self.late.store(self.now_ms().max(1), Ordering::Relaxed);
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether the sleeper was late in the time that has just passed.
    fn stood_still_within(&self, time: Duration) -> bool {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let late = self.late.load(Ordering::Relaxed);
        late > 0 && late >= self.now_ms().saturating_sub(time)
    }
}

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
    let machine = Machine::new();
    let work = || {
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && index < names.len() * times
            && unable.lock().expect("no panic").is_none()
        {
            // All of them once, then all of them again: the same ones don't always meet.
            let name = names[index % names.len()];
            let folder = tempfile::tempdir().expect("a folder for the recording");
            match run_undisturbed(name, folder.path(), &machine) {
                Ok((wrong, again)) => {
                    let mut tallies = tallies.lock().expect("no panic");
                    let tally = tallies.entry(name).or_default();
                    tally.runs += 1;
                    tally.broken += usize::from(!wrong.is_empty());
                    tally.disturbed += again;
                    for what in wrong {
                        *tally.what.entry(what).or_default() += 1;
                    }
                }
                Err(reason) => *unable.lock().expect("no panic") = Some(reason),
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| machine.watch());
        let workers: Vec<_> = (0..BESIDE).map(|_| scope.spawn(work)).collect();
        let panicked = workers.into_iter().any(|worker| worker.join().is_err());
        machine.ended.store(true, Ordering::Relaxed);
        assert!(
            !panicked,
            "what ran the experiments panicked, as told above"
        );
    });
    match unable.into_inner().expect("no panic") {
        Some(reason) => Err(reason),
        None => Ok(tallies.into_inner().expect("no panic")),
    }
}

/// The table that `make lab-soak` prints.
fn table(tallies: &BTreeMap<&str, Tally>) -> String {
    let mut table = format!(
        "{:20} {:>4} {:>6} {:>9}\n",
        "experiment", "runs", "broken", "disturbed"
    );
    for (name, tally) in tallies {
        let (runs, broken, disturbed) = (tally.runs, tally.broken, tally.disturbed);
        let _ = writeln!(table, "{name:20} {runs:>4} {broken:>6} {disturbed:>9}");
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
    let wrong = tallies.values().any(|tally| tally.broken > 0);
    if times.is_some() || wrong {
        let _ = std::io::stderr().write_all(table.as_bytes());
    }
    assert!(!wrong, "\n{table}");
}
