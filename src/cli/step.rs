//! The command line of `step`.

use clap::Args;

use super::{Input, Output, Select, View};

/// What stands below the help.
pub(super) const HELP: &str = "\
Examples:
  wirelab step handshake
  wirelab step retransmission/server
  wirelab step FILE.pcap

Keys: Down or j for the next segment, ? for all of them, q to leave.";

/// `step`.
#[derive(Debug, Args)]
pub struct Step {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// What of it.
    #[command(flatten)]
    pub select: Select,
    /// How to show payload.
    #[command(flatten)]
    pub view: View,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}
