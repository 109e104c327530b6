//! Runs experiments, several at once: they mostly wait.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::experiments;

/// A recorded run.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) trouble: &'static str,
    pub(crate) folder: PathBuf,
    /// How many programs wanted to run, over the minute before it was done.
    pub(crate) load: Option<f64>,
}

/// Longest a run may take: the experiment's own 20 s, and room for a busy machine.
const LONGEST: Duration = Duration::from_mins(1);

/// Runs experiments `0..runs`, `at_once` at a time, and gives those that were recorded. What an earlier
/// call has recorded is kept.
pub(crate) fn all(
    wirelab: &str,
    into: &Path,
    seed: u64,
    runs: u64,
    at_once: usize,
) -> io::Result<Vec<Recorded>> {
    fs::create_dir_all(into)?;
    let next = AtomicU64::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= runs {
                return done;
            }
            match one(wirelab, into, seed, number) {
                Ok(recorded) => done.push((number, recorded)),
                Err(error) => {
                    let _ = writeln!(io::stderr(), "run {number}: {error}");
                }
            }
        }
    };
    let mut done: Vec<(u64, Recorded)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().filter_map(|worker| worker.join().ok());
        results.flatten().collect()
    });
    done.sort_by_key(|it| it.0);
    Ok(done.into_iter().map(|it| it.1).collect())
}

fn one(wirelab: &str, into: &Path, seed: u64, number: u64) -> io::Result<Recorded> {
    let drawn = experiments::draw(seed, number);
    let name = format!("{seed}-{number:04}-{}", drawn.trouble);
    let folder = into.join(&name);
    let mut recorded = Recorded {
        name,
        trouble: drawn.trouble,
        folder: folder.clone(),
        load: None,
    };
    let text = folder.join("experiment.toml");
    let kept = fs::read_to_string(&text).is_ok_and(|kept| kept == drawn.text);
    if let Some(load) = fs::read_to_string(folder.join("done"))
        .ok()
        .filter(|_| kept)
    {
        recorded.load = load.parse().ok();
        return Ok(recorded);
    }
    fs::create_dir_all(&folder)?;
    for left in ["done", "client.tshark", "server.tshark"] {
        let _ = fs::remove_file(folder.join(left));
    }
    fs::write(&text, &drawn.text)?;
    let mut child = Command::new(wirelab)
        .args([
            "lab",
            "run",
            "-q",
            "--seed",
            &number.to_string(),
            "--record",
        ])
        .arg(&folder)
        .arg(&text)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut waited = Duration::ZERO;
    while child.try_wait()?.is_none() {
        if waited > LONGEST {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other("took too long"));
        }
        thread::sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    }
    let output = child.wait_with_output()?;
    // 1: a call met an error it did not expect, such as a reset; the recording is as good as any.
    if !matches!(output.status.code(), Some(0 | 1)) {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("{}: {said}", text.display())));
    }
    let load = super::load();
    recorded.load = load.parse().ok();
    fs::write(folder.join("done"), load)?;
    Ok(recorded)
}
