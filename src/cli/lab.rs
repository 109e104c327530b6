//! `lab` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{At, Output, View};
use crate::lab::experiment::Profile;

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
    /// Run an experiment here and now, and watch it
    #[command(after_help = RUN_HELP)]
    Run(LabRun),
    /// Tell what an experiment does, in words and as a picture of the wire
    #[command(after_help = SHOW_HELP)]
    Show(LabShow),
}

/// What `lab --help` says last.
pub(super) const HELP: &str = "\
Examples:
  wirelab lab                          the experiments there are
  wirelab lab show retransmission      what happens in one
  wirelab replay retransmission        its recording, which needs no rights
  sudo wirelab lab run retransmission  the same again, here and now";

const CHECK_HELP: &str = "\
Examples:
  wirelab lab check mine.toml

The exit code is 0 when all are right, 1 when one is wrong, 2 when one can't be read. docs/EXTENDING.md
tells how to write an experiment; captures/ has those that come with wirelab.";

const SHOW_HELP: &str = "\
Examples:
  wirelab lab show retransmission
  wirelab lab show ./mine.toml";

const RUN_HELP: &str = "\
Examples:
  sudo wirelab lab run retransmission
  sudo wirelab lab run retransmission --profile textbook
  sudo wirelab lab run ./mine.toml --record mine       client.pcapng, server.pcapng, truth.ndjson
  sudo wirelab lab run ping-loss --repeat 20 --seed 7
  sudo wirelab lab run keepalive --keep                then enter the hosts from another terminal

The hosts are network namespaces of this machine that have no names and are gone when the program
ends. Under sudo all rights are given up as soon as they are made. Where user namespaces are allowed
it works without sudo. Where nothing is, the recording is shown instead.

The exit code is 0 when every program did what it had to, 1 when one did not, 2 when the experiment
could not be run here, or is wrong.";

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

/// `lab run`.
#[derive(Debug, Args)]
pub struct LabRun {
    /// An experiment that comes with wirelab, or a file with one of your own
    #[arg(value_name = "NAME|FILE")]
    pub experiment: String,
    /// Keep it in this folder: client.pcapng, server.pcapng, truth.ndjson
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub record: Option<PathBuf>,
    /// Where chance begins, instead of the experiment's own
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub seed: Option<u64>,
    /// How the hosts' kernels are set: linux or textbook, instead of the experiment's own
    #[arg(
        long,
        value_name = "PROFILE",
        value_enum,
        hide_possible_values = true,
        help_heading = "Running"
    )]
    pub profile: Option<ProfileName>,
    /// Run it so often, and show what varied; with --record, each run has a folder of its own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with_all = ["keep", "at", "view", "all", "tui"], help_heading = "Running")]
    pub repeat: Option<u32>,
    /// Walk through it on a screen, while it happens and afterwards; see wirelab step
    #[arg(long, help_heading = "Showing", conflicts_with_all = ["keep", "quiet", "packets_only", "format"])]
    pub tui: bool,
    /// Leave the hosts and the wire up until Ctrl-C, and say how to enter them
    #[arg(long, help_heading = "Running")]
    pub keep: bool,
    /// Show no packets, only what it came to
    #[arg(short, long, help_heading = "Running")]
    pub quiet: bool,
    /// End with an error where the experiment can't be run, instead of showing the recording
    #[arg(long, help_heading = "Running")]
    pub no_fallback: bool,
    /// Whose end to show: the client's, the server's, or both with the packets between them, which is
    /// what the ladder shows unless told otherwise
    #[arg(long, value_enum, value_name = "END", hide_possible_values = true)]
    pub at: Option<At>,
    /// With both ends: only packets, without the programs' calls and the kernels' figures
    #[arg(long, help_heading = "Showing")]
    pub packets_only: bool,
    /// How to show it.
    #[command(flatten)]
    pub view: View,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl LabRun {
    /// Whose end to show.
    pub fn end(&self) -> At {
        let ladder = self
            .view
            .view
            .as_deref()
            .is_none_or(|view| view == "ladder");
        self.at
            .unwrap_or(if ladder { At::Both } else { At::Client })
    }
}

/// The name of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// As Linux does it.
    Linux,
    /// As textbooks tell it.
    Textbook,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Linux => Self::Linux,
            ProfileName::Textbook => Self::Textbook,
        }
    }
}
