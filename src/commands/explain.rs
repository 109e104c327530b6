//! `explain`: the story of each connection.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use super::show::{Show, show, text_view};
use crate::cli;
use crate::event::Event;
use crate::explain::Explainer;
use crate::io::clock::Speed;
use crate::select::Scope;
use crate::view::{Json, Lines, View};

/// Runs it.
pub(super) fn run(args: &cli::Explain) -> Result<ExitCode> {
    let asked = Show {
        input: &args.input,
        end: None,
        select: &args.select,
        output: &args.output,
        view: &cli::View::default(),
        scope: Scope::Connections,
        speed: Speed::Max,
        streams: false,
    };
    show(&asked, |style| match args.output.format {
        cli::Format::Json => Ok(explaining(Box::new(Json::new(Lines::Findings)))),
        cli::Format::Text => text_view("explain", style),
    })
}

/// Gives a view findings to show beside what it gets.
pub(super) fn explaining(inner: Box<dyn View>) -> Box<dyn View> {
    let explainer = Explainer::new();
    Box::new(Explaining { explainer, inner })
}

/// Puts findings after each flow, for a view that lays them out.
struct Explaining {
    explainer: Explainer,
    inner: Box<dyn View>,
}

impl View for Explaining {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Event::Segment(segment) = event {
            self.explainer.observe(segment);
        }
        self.inner.event(event, out)?;
        if let Event::Flow(flow) = event {
            for finding in self.explainer.conclude(flow) {
                self.inner.event(&Event::Finding(&finding), out)?;
            }
        }
        Ok(())
    }
}
