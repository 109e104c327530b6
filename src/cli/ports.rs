//! The command line of `ports`.

use clap::Args;

use super::Output;

pub(super) const HELP: &str = "\
Examples:
  wirelab ports                     the classes of ports, and who listens here
  wirelab ports 443                 what a port is given to, and who has it
  wirelab ports ssh                 the same, by the name of the service
  wirelab ports --waiting           what is in TIME-WAIT, and for how long
  wirelab ports --try 8080          takes a port as a server would, and says why it can't be had
  wirelab ports --try 0             lets the kernel choose one
  wirelab ports --try 127.0.0.1:80 --udp

--try gives the port back at once. Exit code 1: it can't be had.";

/// `ports`.
#[derive(Debug, Args)]
pub struct Ports {
    /// A port, or the name of a service
    #[arg(value_name = "PORT|NAME", conflicts_with_all = ["listening", "waiting", "attempt"])]
    pub port: Option<String>,
    /// Only who listens
    #[arg(long, conflicts_with_all = ["waiting", "attempt"])]
    pub listening: bool,
    /// Only what is in TIME-WAIT
    #[arg(long, conflicts_with = "attempt")]
    pub waiting: bool,
    /// Try to take a port, on an address or on all of them, and say what each call said
    #[arg(long = "try", value_name = "[ADDR:]PORT")]
    pub attempt: Option<String>,
    /// UDP only; with --try, UDP instead of TCP
    #[arg(long)]
    pub udp: bool,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}
