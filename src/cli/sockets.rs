//! The command line of `sockets`.

use std::time::Duration;

use clap::Args;

use super::Output;

pub(super) const HELP: &str = "\
Examples:
  wirelab sockets                       all TCP connections of this machine, a line each
  wirelab sockets 8080                  those with port 8080, or of process 8080, in full
  wirelab sockets 192.0.2.7:443         the connection with that other (or own) end
  wirelab sockets 8080 --watch          once a second, until Ctrl-C
  wirelab sockets 8080 --watch 0.2 --count 50 --format json | jq .send_queue

Nothing is sent, and the programs need not know. Figures are the kernel's own, as in ss -tinmo, and
need no rights; the names of other users' programs need sudo. Exit code 1: there is no such socket.";

/// `sockets`.
#[derive(Debug, Args)]
pub struct Sockets {
    /// A port or a process by its number, a service by its name, or an end of a connection; all
    /// connections if nothing. :N is a port only, pid:N a process only
    #[arg(value_name = "PID|PORT|HOST:PORT")]
    pub of: Option<String>,
    /// Look again every so many seconds; on a terminal in place
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1", value_parser = interval)]
    pub watch: Option<Duration>,
    /// End after looking this many times
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}

/// Seconds between two looks.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|it| it.is_finite());
    let interval = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
    match interval {
        Some(it) if (0.01..=3_600.0).contains(&it.as_secs_f64()) => Ok(it),
        _ => Err("give seconds from 0.01 to 3600, such as 0.5; a port or process comes first: sockets 8080 --watch".to_owned()),
    }
}
