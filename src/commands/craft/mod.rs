//! `wirelab craft`: packets of one's own, and a whole connection.

mod handshake;
mod layers;
mod sending;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{self, CraftCommand};

/// Runs it.
pub(super) fn run(args: &cli::Craft) -> Result<ExitCode> {
    match &args.instead {
        Some(CraftCommand::Handshake(args)) => handshake::run(args),
        None => layers::run(args),
    }
}
