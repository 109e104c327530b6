//! The command line of `client`.

use clap::Args;

use super::Talk;

pub(super) const HELP: &str = "\
Examples:
  wirelab client 127.0.0.1 8080                       lines typed are sent, Ctrl-D ends
  wirelab client localhost 8080 --encoding gbk --send 你好
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | wirelab client 192.0.2.1 80
  wirelab client ::1 8080 --send @FILE --save ANSWER  bytes as they are, both ways
  wirelab client 127.0.0.1 8080 --sndbuf 4096 --send @FILE   when does send block?
  wirelab client 127.0.0.1 8080 --watch               its buffers, windows and times while it talks
  sudo wirelab client 127.0.0.1 8080 --segments       each call beside its segments

The end of input ends our direction (shutdown); what the server still sends is received.
Exit code 1: no connection, the server reset it, or a text could not be sent.";

/// `client`.
#[derive(Debug, Args)]
pub struct Client {
    /// A name or an address
    pub host: String,
    /// A port, or the name of a service
    pub port: String,
    /// Use this address, port or both at this end
    #[arg(long, value_name = "[ADDR:]PORT|ADDR", help_heading = "Calls")]
    pub bind: Option<String>,
    /// Set `SO_REUSEADDR` before --bind
    #[arg(long, requires = "bind", help_heading = "Calls")]
    pub reuse: bool,
    /// How to talk.
    #[command(flatten)]
    pub talk: Talk,
}
