//! One file for each command: it joins pure parts to io and holds no logic.
//!
//! Results go to standard output, everything else to standard error. The exit code is 0 when all
//! went well, 1 when the thing asked about failed, and 2 for wrong usage or an environment that
//! does not allow it.

mod addr;
mod both;
mod capture;
mod captures;
mod check;
mod client;
mod craft;
mod doctor;
mod ends;
mod explain;
mod flows;
mod input;
mod inspect;
mod interfaces;
mod lab;
mod output;
mod panel;
mod peer;
mod ping;
pub mod pipeline;
mod ports;
mod progress;
mod replay;
mod scale;
mod server;
mod show;
mod sockets;
mod start;
mod step;
mod talk;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, Command};
use pipeline::Stopped;

/// The exit code for wrong usage, or an environment that does not allow it.
const USAGE_OR_ENVIRONMENT: u8 = 2;

/// Parses the command line, runs the command and gives its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, errors to standard error; if neither can be written
            // there is no one left to tell.
            let _ = error.print();
            if let Some(hint) = hint(&error) {
                let _ = writeln!(io::stderr(), "\n{hint}");
            }
            return ExitCode::from(error.exit_code().try_into().unwrap_or(USAGE_OR_ENVIRONMENT));
        }
    };
    let (name, outcome) = match cli.command {
        None => ("start", start::run()),
        Some(Command::Addr(args)) => ("addr", addr::run(&args)),
        Some(Command::Capture(args)) => ("capture", capture::run(&args)),
        Some(Command::Captures(args)) => ("captures", captures::run(&args)),
        Some(Command::Check(args)) => ("check", check::run(&args)),
        Some(Command::Client(args)) => ("client", client::run(&args)),
        Some(Command::Craft(args)) => ("craft", craft::run(&args)),
        Some(Command::Doctor(args)) => ("doctor", doctor::run(&args)),
        Some(Command::Explain(args)) => ("explain", explain::run(&args)),
        Some(Command::Flows(args)) => ("flows", flows::run(&args)),
        Some(Command::Inspect(args)) => ("inspect", inspect::run(&args)),
        Some(Command::Interfaces(args)) => ("interfaces", interfaces::run(&args)),
        Some(Command::Lab(args)) => ("lab", lab::run(&args)),
        Some(Command::Ping(args)) => ("ping", ping::run(&args)),
        Some(Command::Ports(args)) => ("ports", ports::run(&args)),
        Some(Command::Replay(args)) => ("replay", replay::run(&args)),
        Some(Command::Server(args)) => ("server", server::run(&args)),
        Some(Command::Sockets(args)) => ("sockets", sockets::run(&args)),
        Some(Command::Step(args)) => ("step", step::run(&args)),
        Some(Command::Trace(args)) => ("trace", trace::run(&args)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{name}: {}", in_one_line(&error));
            ExitCode::from(USAGE_OR_ENVIRONMENT)
        }
    }
}

/// What helps whoever names no capture, or takes an option of one command to another.
fn hint(error: &clap::Error) -> Option<&'static str> {
    match (error.kind(), error.get(ContextKind::InvalidArg)?) {
        (ErrorKind::MissingRequiredArgument, ContextValue::Strings(missing))
            if missing.iter().any(|it| it == "<CAPTURE>") =>
        {
            Some(
                "A capture is a file, or a recording that comes with wirelab, such as handshake:\n\
                 wirelab captures lists those.",
            )
        }
        (ErrorKind::UnknownArgument, ContextValue::String(option))
            if option.split('=').next() == Some("--at") =>
        {
            Some(
                "--at is an option of replay; for other commands an end of a recording is part\n\
                 of its name: retransmission/server",
            )
        }
        _ => None,
    }
}

/// Whether whoever read our output has seen enough, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<Stopped>()
            .is_some_and(Stopped::is_closed_pipe)
    })
}

/// The error and its causes in one line. A cause that its effect has already quoted is left out.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}
