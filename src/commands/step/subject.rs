//! What the command line asks to walk through: one capture, or two in step.

use std::path::Path;

use anyhow::Result;

use super::joint::Two;
use crate::cli;
use crate::commands::ends::{self, Ends};
use crate::commands::input;
use crate::event::Host;

/// What to walk through.
pub(super) enum Subject {
    /// The capture of that name.
    One(String),
    /// Two of them.
    Two(Two),
}

impl Subject {
    /// What the options name.
    ///
    /// # Errors
    ///
    /// When it can't be read, or has not two ends where one of them is asked for.
    pub(super) fn of(args: &cli::Step) -> Result<Self> {
        let name = args.input.capture();
        let host = match (args.at, &args.peer) {
            (_, Some(peer)) => {
                return Ok(Self::Two(Two::Peers(name.to_owned(), peer.clone())));
            }
            (Some(cli::At::Both), None) => {
                return Ok(Self::Two(Two::Ends(name.to_owned(), !args.packets_only)));
            }
            (Some(cli::At::Client), None) => Host::Client,
            (Some(cli::At::Server), None) => Host::Server,
            (None, None) => {
                input::capture(name)?;
                return Ok(Self::One(name.to_owned()));
            }
        };
        Ends::find(name)?;
        let suffix = if ends::is_recording(Path::new(name)) {
            ".pcapng"
        } else {
            ""
        };
        Ok(Self::One(format!("{name}/{host}{suffix}")))
    }

    /// What it is called above the screen.
    pub(super) fn title(&self) -> String {
        match self {
            Self::One(name) => name.clone(),
            Self::Two(Two::Ends(name, _)) => format!("{name}, both ends"),
            Self::Two(Two::Peers(first, second)) => format!("{first} and {second}"),
        }
    }
}
