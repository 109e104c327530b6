//! `lab` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

/// `lab`.
#[derive(Debug, Args)]
pub struct Lab {
    /// What to do; lists the experiments if nothing.
    #[command(subcommand)]
    pub command: Option<LabCommand>,
}

/// What the lab can be asked for.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Check experiments of your own: what is wrong is told with its line
    #[command(after_help = CHECK_HELP)]
    Check(LabCheck),
    /// List the experiments by topic, in the order in which they are best met
    #[command(after_help = "Example:\n  wirelab lab list")]
    List(LabList),
    /// Tell what an experiment does, in words and as a picture of the wire
    #[command(after_help = SHOW_HELP)]
    Show(LabShow),
}

/// What `lab --help` says last.
pub(super) const HELP: &str = "\
Examples:
  wirelab lab                          the experiments there are
  wirelab lab show retransmission      what happens in one
  wirelab replay retransmission        its recording";

const CHECK_HELP: &str = "\
Examples:
  wirelab lab check mine.toml

The exit code is 0 when all are right, 1 when one is wrong, 2 when one can't be read. docs/EXTENDING.md
tells how to write an experiment; captures/ has those that come with wirelab.";

const SHOW_HELP: &str = "\
Examples:
  wirelab lab show retransmission
  wirelab lab show ./mine.toml";

/// `lab check`.
#[derive(Debug, Args)]
pub struct LabCheck {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `lab list`.
#[derive(Debug, Default, Args)]
pub struct LabList {
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `lab show`.
#[derive(Debug, Args)]
pub struct LabShow {
    /// An experiment that comes with wirelab, or a file with one of your own
    #[arg(value_name = "NAME|FILE")]
    pub experiment: String,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}
