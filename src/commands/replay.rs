//! `replay`: a capture as conversations.

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};

use super::both;
use super::show::{Show, show, text_view};
use crate::cli;
use crate::event::Host;
use crate::io::clock::Speed;
use crate::select::Scope;
use crate::view::{Json, Lines, Style, View};

/// Runs it.
pub(super) fn run(args: &cli::Replay) -> Result<ExitCode> {
    let speed: Speed = args
        .speed
        .parse()
        .map_err(|error| anyhow!("--speed: {error}"))?;
    let end = match args.at {
        _ if args.peer.is_some() => return both::run(args, speed),
        Some(cli::At::Both) => return both::run(args, speed),
        Some(cli::At::Client) => Some(Host::Client),
        Some(cli::At::Server) => Some(Host::Server),
        None => None,
    };
    let asked = Show {
        input: &args.input,
        end,
        select: &args.select,
        output: &args.output,
        view: &args.view,
        scope: Scope::Segments,
        speed,
        streams: true,
        as_wireshark: args.as_wireshark,
        estimates: args.output.format == cli::Format::Json,
    };
    show(&asked, |mut style| {
        // Who waits for each segment wants to see each.
        style.all |= speed != Speed::Max;
        segments_view(&args.output, &args.view, style)
    })
}

/// The view for segments that the options name; the ladder if none. A live capture shows the same.
///
/// # Errors
///
/// When a view is named together with JSON, which is no view.
pub(super) fn segments_view(
    output: &cli::Output,
    wanted: &cli::View,
    style: Style,
) -> Result<Box<dyn View>> {
    match (output.format, wanted.view.as_deref()) {
        (cli::Format::Json, None) => Ok(Box::new(Json::new(Lines::Everything))),
        (cli::Format::Json, Some(_)) => {
            bail!("--format json prints data and --view draws text: leave one of them out")
        }
        (cli::Format::Text, name) => text_view(name.unwrap_or("ladder"), style),
    }
}
