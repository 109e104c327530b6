//! `explain`: the story of each connection.

use std::convert::Infallible;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::both::{Joint, joint};
use super::input;
use super::pipeline::learn;
use super::show::{Show, findings_view, in_ascii, show, text_view};
use crate::analysis::{Analysis, Limits};
use crate::cli;
use crate::event::{Event, Flow, Host};
use crate::explain::{Between, Chain, Explainer};
use crate::frame::Timestamp;
use crate::io::clock::Speed;
use crate::select::Scope;
use crate::view::{Json, Lines, View, chain};

/// Runs it.
pub(super) fn run(args: &cli::Explain) -> Result<ExitCode> {
    if let Some(frame) = args.frame {
        return reasoning(args, frame);
    }
    if let Some(peer) = &args.peer {
        return between(args, peer);
    }
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
    show(&asked, |style| match args.output.format {
        cli::Format::Json => Ok(explaining(Box::new(Json::new(Lines::Findings)))),
        cli::Format::Text => text_view("explain", style),
    })
}

/// Tells what became of packets between two captures.
fn between(args: &cli::Explain, peer: &str) -> Result<ExitCode> {
    if !args.input.filter().is_empty() {
        bail!(
            "--peer takes no filter, which could tear packets apart; choose with --flow, --host or --port"
        );
    }
    let asked = Joint {
        command: "explain",
        input: &args.input,
        peer: Some(peer),
        select: &args.select,
        output: &args.output,
        view: &cli::View::default(),
        scope: Scope::Connections,
        speed: Speed::Max,
        estimates: false,
    };
    joint(&asked, |style, _| {
        let inner = match args.output.format {
            cli::Format::Json => Box::new(Json::new(Lines::Findings)),
            cli::Format::Text => findings_view(style)?,
        };
        Ok(Box::new(Across {
            between: Between::default(),
            flows: Vec::new(),
            clock: None,
            inner,
        }))
    })
}

/// Puts what became of packets between two captures after each connection, for a view that lays it out.
struct Across {
    between: Between,
    /// Connections as the client's capture has them.
    flows: Vec<Flow>,
    /// How their clocks were brought together, which is said last.
    clock: Option<String>,
    inner: Box<dyn View>,
}

/// Connections whose headings are kept.
const HEADINGS: usize = 1024;

impl View for Across {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Passage(passage) => self.between.observe(passage),
            Event::At(Host::Client, Event::Flow(flow)) if self.flows.len() < HEADINGS => {
                self.flows.push((*flow).clone());
            }
            Event::Clock(clock) => self.clock = Some(clock.to_string()),
            Event::End(_) => {
                self.flows.sort_by_key(|flow| flow.flow);
                for flow in std::mem::take(&mut self.flows) {
                    self.inner.event(&Event::Flow(&flow), out)?;
                    for finding in self.between.conclude(Some(flow.flow)) {
                        self.inner.event(&Event::Finding(&finding), out)?;
                    }
                }
                for finding in self.between.conclude(None) {
                    self.inner.event(&Event::Finding(&finding), out)?;
                }
                if let Some(clock) = self.clock.take() {
                    self.inner.event(&Event::Notice(&clock), out)?;
                }
                return self.inner.event(event, out);
            }
            Event::Notice(_) => return self.inner.event(event, out),
            _ => {}
        }
        Ok(())
    }
}

/// Shows one frame with all that its notes rest on.
fn reasoning(args: &cli::Explain, frame: u64) -> Result<ExitCode> {
    let (evidence, start) = evidence(args, frame)?;
    let (links, cut) = evidence.links();
    let frames: Vec<_> = links.iter().map(|link| link.frame).collect();
    let asked = Show {
        input: &args.input,
        select: &cli::Select::of_frames(&frames),
        output: &args.output,
        view: &cli::View::default(),
        scope: Scope::Segments,
        speed: Speed::Max,
        streams: false,
        as_wireshark: false,
        estimates: true,
        end: None,
    };
    show(&asked, |style| match args.output.format {
        cli::Format::Json => Ok(Box::new(Json::new(Lines::Everything))),
        cli::Format::Text => {
            let ascii = !style.unicode;
            Ok(in_ascii(chain(style, links, cut, start), ascii))
        }
    })
}

/// The frame, and those that its notes rest on; theirs too. And when the capture begins.
fn evidence(args: &cli::Explain, frame: u64) -> Result<(Chain, Option<Timestamp>)> {
    let mut chain = Chain::of(frame);
    let (mut start, mut last, mut found) = (None, 0, 0);
    let mut first = input::open(&args.input, None)?;
    if !first.lasts {
        bail!(
            "--frame reads the capture several times, which a pipe does not allow: save it to a file"
        );
    }
    // What is noted is what is shown then.
    let limits = Limits::default();
    let hindsight = learn(first.source.as_mut(), &mut first.filter, limits);
    let hindsight = hindsight.and_scale(args.input.wscale);
    // What a frame rests on comes before it: one more look for each step back.
    while chain.found() > found {
        found = chain.found();
        let mut input = input::open(&args.input, None)?;
        let mut analysis = Analysis::new(limits).with_hindsight(hindsight.clone());
        while let Some(frame) = input.source.next_frame()? {
            last = frame.number;
            start.get_or_insert(frame.time);
            if let Some(filter) = &mut input.filter
                && !filter(&frame)?
            {
                continue;
            }
            let sink = &mut |event: &Event<'_>| -> Result<(), Infallible> {
                if let Event::Segment(segment) = event {
                    chain.observe(segment);
                }
                Ok(())
            };
            let Ok(()) = analysis.handle(&frame, sink);
        }
        if frame == 0 || frame > last {
            bail!("there is no frame {frame}: they are numbered from 1 to {last} here");
        }
    }
    Ok((chain, start))
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
        match event {
            Event::Segment(segment) => self.explainer.observe(segment),
            Event::Packet(frame, packet) => self.explainer.beside(frame, packet),
            Event::End(_) => {
                for finding in self.explainer.conclude_beside() {
                    self.inner.event(&Event::Finding(&finding), out)?;
                }
            }
            _ => {}
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
