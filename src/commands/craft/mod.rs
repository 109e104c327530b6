//! `craft`: packets by hand.

mod handshake;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{self, CraftCommand};

/// Runs it.
pub(super) fn run(args: &cli::Craft) -> Result<ExitCode> {
    match &args.command {
        CraftCommand::Handshake(args) => handshake::run(args),
    }
}
