//! The command line of `server`.

use clap::Args;

use super::Talk;

pub(super) const HELP: &str = "\
Examples:
  wirelab server 8080                                  lines typed go to who is connected
  wirelab server 8080 --encoding gbk --send 你好       greets each client, in GBK
  wirelab server [::1]:8080 --echo                     sends back what comes, over IPv6
  wirelab server 8080 --once --send @FILE              gives one client a file, and ends
  wirelab server 8080 --slow-read 1000 --rcvbuf 4096   how the sender comes to a halt
  wirelab server 8080 --slow-read 1000 --watch         its receive buffer fills, its window closes
  sudo wirelab server 8080 --segments                  each call beside its segments

What is typed goes to all clients. At a terminal, @2 TEXT sends to the second client (#2) alone, @2 by
itself all that follows, @ to all again; @@ begins a line with an @.

SO_REUSEADDR is set, so that the port can be had again at once after the last run. Ctrl-C closes
what is open and ends it. Exit code 1: a connection was reset, or a text could not be sent; 2: the
port can't be had (wirelab ports --try PORT says why).";

/// `server`.
#[derive(Debug, Args)]
pub struct Server {
    /// Where to listen: a port on all IPv4 addresses, or on one; 0 lets the kernel choose the port
    #[arg(value_name = "[ADDR:]PORT")]
    pub at: String,
    /// Serve one client and end
    #[arg(long, conflicts_with = "count")]
    pub once: bool,
    /// Serve so many clients and end
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Set `SO_REUSEADDR`, as is done anyway
    #[arg(long, conflicts_with = "no_reuse", help_heading = "Calls")]
    reuse: bool,
    /// Don't set `SO_REUSEADDR`
    #[arg(long, help_heading = "Calls")]
    pub no_reuse: bool,
    /// How to talk.
    #[command(flatten)]
    pub talk: Talk,
}
