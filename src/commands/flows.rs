//! `flows`: a line a connection.

use std::process::ExitCode;

use anyhow::Result;

use super::explain::explaining;
use super::show::{Show, show, text_view};
use crate::cli;
use crate::io::clock::Speed;
use crate::select::Scope;
use crate::view::{Json, Lines};

/// Runs it.
pub(super) fn run(args: &cli::Flows) -> Result<ExitCode> {
    let asked = Show {
        input: &args.input,
        end: None,
        select: &args.select,
        output: &args.output,
        view: &cli::View::default(),
        scope: Scope::Connections,
        speed: Speed::Max,
        streams: false,
        as_wireshark: false,
        estimates: false,
    };
    show(&asked, |mut style| {
        style.long = args.long;
        match args.output.format {
            cli::Format::Json if args.long => {
                Ok(explaining(Box::new(Json::new(Lines::FlowsAndFindings))))
            }
            cli::Format::Json => Ok(Box::new(Json::new(Lines::Flows))),
            cli::Format::Text if args.long => Ok(explaining(text_view("flows", style)?)),
            cli::Format::Text => text_view("flows", style),
        }
    })
}
