//! The command line of `check`.

use clap::Args;

use super::Output;

pub(super) const HELP: &str = "\
Examples:
  wirelab check                     from this machine to a public host, link by link
  wirelab check www.example.org     to that host
  wirelab check 192.168.1.10        to an address; names are left out
  wirelab check -4                  IPv4 only

What is tried, in this order: this machine's own stack (127.0.0.1, ::1), its own address, the first router,
the name, the host. It stops where something is broken, and says what that means and what to try.
Exit code 0: the host was reached; 1: it was not.";

/// The host that stands for all that is far away.
const PUBLIC_HOST: &str = "example.com";

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The host to get to, by name or address
    #[arg(value_name = "HOST", default_value = PUBLIC_HOST)]
    pub host: String,
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "v6")]
    pub v4: bool,
    /// IPv6 only
    #[arg(short = '6')]
    pub v6: bool,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}
