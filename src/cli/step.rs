//! The command line of `step`.

use clap::Args;

use super::{At, Input, Output, View};

/// What stands below the help.
pub(super) const HELP: &str = "\
Examples:
  wirelab step handshake
  wirelab step retransmission/server
  wirelab step FILE.pcap
  wirelab step retransmission --at both
  wirelab step client.pcapng --peer server.pcapng

Keys: Down or j for the next segment, ? for all of them, q to leave.";

/// `step`.
#[derive(Debug, Args)]
pub struct Step {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Whose capture of a recording to walk through: the client's, the server's, or both in step, with the
    /// packets between them
    #[arg(long, value_enum, value_name = "END", hide_possible_values = true)]
    pub at: Option<At>,
    /// A second capture of the same connections, made at the other end or anywhere on the way: both in
    /// step; their clocks need not agree
    #[arg(long, value_name = "CAPTURE", conflicts_with_all = ["at", "read"])]
    pub peer: Option<String>,
    /// With --at both: only packets, without the programs' calls and the kernels' figures
    #[arg(long, requires = "at", help_heading = "Showing")]
    pub packets_only: bool,
    /// How to show payload.
    #[command(flatten)]
    pub view: View,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}
