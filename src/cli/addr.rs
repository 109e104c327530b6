//! The command line of `addr`.

use clap::Args;

use super::Output;

pub(super) const HELP: &str = "\
Examples:
  wirelab addr                      this machine's interfaces and addresses, and the way out
  wirelab addr --explain            each network worked out in binary
  wirelab addr localhost            what a name leads to, and why in this order
  wirelab addr 192.168.1.77/26      an address that need not be this machine's
  wirelab addr --format json | jq 'select(.kind == \"private\").address'

Nothing is sent, but by looking up a name that the hosts file does not have. Exit code 1: the name has no address.";

/// `addr`.
#[derive(Debug, Args)]
pub struct Addr {
    /// An interface of this machine, a name to look up, or an address or network to explain; all of this machine's
    /// addresses if nothing
    #[arg(value_name = "IFACE|NAME|ADDRESS[/PREFIX]")]
    pub name: Option<String>,
    /// Work it out: networks in binary, the order of a name's addresses by its numbers
    #[arg(long)]
    pub explain: bool,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}
