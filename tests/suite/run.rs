//! Runs the binary and gives what it said.

use std::path::PathBuf;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

/// What a run of `wirelab` came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary, in an environment that is the same everywhere.
pub(crate) fn wirelab() -> Command {
    let mut command = Command::new(path());
    command
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    command
}

/// Where it was built.
pub(crate) fn path() -> PathBuf {
    cargo_bin("wirelab")
}

/// Runs `wirelab` with those words.
pub(crate) fn run(words: &[&str]) -> Run {
    let output = wirelab().args(words).output().expect("the binary runs");
    Run {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).expect("results are UTF-8"),
        err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// Its results, when all has to go well.
pub(crate) fn results(words: &[&str]) -> String {
    let run = run(words);
    assert_eq!((run.code, &*run.err), (0, ""), "{words:?}");
    run.out
}
