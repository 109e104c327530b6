//! What `wirelab` alone says: what to try first.

use std::process::ExitCode;

use anyhow::Result;

use super::output;
use super::pipeline::Stopped;

const PAGE: &str = "\
wirelab shows what TCP did, and why.

Try first:
  wirelab captures                  what recordings there are to look at
  wirelab replay handshake          how a connection opens
  wirelab replay retransmission     a lost segment, and how it is noticed
  wirelab explain zero-window       the story of a connection in sentences

Then here and now:
  wirelab lab                       experiments: two hosts, real TCP, and a wire that obeys
  sudo wirelab lab run handshake    runs one, and shows both ends as it happens
  wirelab addr                      this machine's addresses, and what each is for
  wirelab check                     is the network all right, and if not, where does it end
  wirelab server 8080               what a server asks of its kernel; wirelab client connects to it
  wirelab ping -c 3 127.0.0.1       echo requests byte by byte (with sudo where a user may not)
  wirelab trace HOST                which routers packets pass on their way to a host
  wirelab craft --help              packets by hand, every field as asked for

Then your own:
  wirelab replay FILE               a pcap or pcapng file as conversations
  wirelab flows FILE                a line a connection
  wirelab explain FILE              what went wrong, and what to do about it

wirelab --help lists all commands; wirelab COMMAND --help has examples.
";

/// Prints the page.
pub(super) fn run() -> Result<ExitCode> {
    let mut out = output::stdout();
    std::io::Write::write_all(&mut out, PAGE.as_bytes())
        .and_then(|()| std::io::Write::flush(&mut out))
        .map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}
