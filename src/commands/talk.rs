//! What `server` and `client` have in common: options, files, the capture beside the calls, the screen.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use nix::unistd::{getpgrp, tcgetpgrp};

use super::USAGE_OR_ENVIRONMENT;
use super::output::{self, Terminal};
use super::panel::{Panel, new_line_if_within_one};
use super::pipeline::Stopped;
use crate::analysis::{Analysis, Limits};
use crate::cli;
use crate::event::{Event, Kind, units};
use crate::frame::Timestamp;
use crate::io::live::{Live, LiveOptions};
use crate::io::privileges::{self, Becomes};
use crate::io::talk::{MOST_AT_ONCE, Options, Outcome, Payload, TalkError, Told};
use crate::sockets::Watched;
use crate::talk::{Coding, Lacking};
use crate::view::Style;
use crate::view::sockets;
use crate::view::talk::{self as view, Json, Text};
use crate::view::text::escape;

/// Longest text of `--send`, in bytes; the kernel allows no longer argument either.
const LONGEST: usize = 1 << 20;

/// What is asked for; or why the text can't be sent.
pub(super) enum Asked {
    Options(Options),
    Lacking(Lacking),
}

/// The options; files are opened as whoever the process becomes.
pub(super) fn options(args: &cli::Talk, becomes: Becomes) -> Result<Asked> {
    let coding = Coding::named(&args.encoding).map_err(anyhow::Error::msg)?;
    let lacking = args.lacking.clone();
    if let Some(instead) = &lacking
        && coding.encode(instead, None).is_err()
    {
        bail!(
            "--lacking {}: {} has not got that either",
            escape(instead),
            coding.name()
        );
    }
    let payload = match args.send.as_deref() {
        None => None,
        Some(text) => match text.strip_prefix('@') {
            Some(path) => Some(file_to_send(Path::new(path), becomes)?),
            None => match coding.encode(text, lacking.as_deref()) {
                Ok(bytes) => Some(Payload::Bytes(Rc::new(bytes))),
                Err(lacking) => return Ok(Asked::Lacking(lacking)),
            },
        },
    };
    let save = match &args.save {
        None => None,
        Some(path) => {
            let made = privileges::making_files(becomes, || File::create(path));
            let name = path.to_string_lossy();
            Some(Rc::new(
                made.with_context(|| format!("can't write {}", escape(&name)))?,
            ))
        }
    };
    Ok(Asked::Options(Options {
        coding,
        lacking,
        payload,
        recv_size: usize::try_from(args.recv_size).unwrap_or(MOST_AT_ONCE),
        slow_read: args.slow_read,
        nodelay: args.nodelay,
        sndbuf: args.sndbuf.and_then(|it| usize::try_from(it).ok()),
        rcvbuf: args.rcvbuf.and_then(|it| usize::try_from(it).ok()),
        reuse: true,
        echo: args.echo,
        count: None,
        timeout: args.timeout,
        watch: args.watch,
        save,
    }))
}

/// A file whose bytes are sent. What can't be read at any place, such as a pipe, is read now.
fn file_to_send(path: &Path, becomes: Becomes) -> Result<Payload> {
    let name = path.to_string_lossy();
    let read = privileges::making_files(becomes, || -> io::Result<Payload> {
        let mut file = File::open(path)?;
        if file.metadata()?.is_file() {
            return Ok(Payload::File(Rc::new(file)));
        }
        let mut bytes = Vec::new();
        (&mut file)
            .take(LONGEST as u64 + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() > LONGEST {
            return Err(io::Error::other(
                "it is no plain file, and longer than 1 MiB",
            ));
        }
        Ok(Payload::Bytes(Rc::new(bytes)))
    });
    read.with_context(|| format!("can't read {} to send it", escape(&name)))
}

/// Opens a capture of that port; says why not where it can't be had.
pub(super) fn capture(interface: &str, port: u16) -> Option<Live> {
    let mut options = LiveOptions::new(interface);
    options.filter = Some(format!("tcp port {port}"));
    options.promiscuous = false;
    match Live::open(&options, None) {
        Ok(live) => Some(live),
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "--segments: {error}. Going on with the calls only."
            );
            None
        }
    }
}

/// Where a talk is shown.
pub(super) struct Screen {
    text: Text,
    json: Option<Json>,
    analysis: Option<Analysis>,
    port: u16,
    /// Our end, where segments of others may be captured too.
    pub(super) here: Option<SocketAddr>,
    /// The bottom of the terminal, where buffers are watched on one.
    panel: Option<Panel>,
    style: Style,
    /// Whether somebody types where it is shown.
    typed: bool,
    /// Whether what is shown next follows a wait, in which something may have been typed.
    waited: bool,
    out: Box<dyn Write>,
}

/// However it ends, the terminal is whole again.
impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}

impl Screen {
    /// Of the server or the client.
    pub(super) fn new(args: &cli::Talk, server: bool, start: Timestamp) -> Result<Self> {
        let terminal = Terminal::look();
        let style = Style {
            all: args.all,
            encoding: Some(
                Coding::named(&args.encoding)
                    .map_err(anyhow::Error::msg)?
                    .encoding(),
            ),
            ..output::style(&args.output, &cli::View::default(), terminal)?
        };
        let json = args.output.format == cli::Format::Json;
        let watches = args.watch.is_some() && terminal.is_one && !json;
        Ok(Self {
            panel: watches.then(Panel::default),
            typed: terminal.is_one && !json && io::stdin().is_terminal(),
            waited: false,
            text: Text::new(style.clone(), server, args.segments, start),
            style,
            json: json.then(|| Json::new(server)),
            analysis: args.segments.then(|| Analysis::new(Limits::default())),
            port: 0,
            here: None,
            out: Box::new(output::stdout()),
        })
    }

    /// The server's port.
    pub(super) fn port(&mut self, port: u16) {
        self.port = port;
        self.text.port(port);
    }

    /// A line for people at the beginning or the end.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        if self.json.is_some() {
            return Ok(());
        }
        self.text.line(line, &mut self.out)?;
        self.out.flush()
    }

    /// Characters of `--send` that the encoding lacks: nothing was opened yet.
    pub(super) fn lacking(
        &mut self,
        name: &str,
        lacking: &Lacking,
        now: Timestamp,
    ) -> io::Result<()> {
        if self.json.is_none() {
            let line = format!(
                "{name}: --send: {} --lacking ? would send ? in its place.\n",
                lacking.sentence()
            );
            // Nobody there to read it changes nothing.
            let _ = io::stderr().write_all(line.as_bytes());
            return Ok(());
        }
        self.show(&Told::Lacking("", now, lacking, None))?;
        self.out.flush()
    }

    pub(super) fn show(&mut self, told: &Told<'_>) -> io::Result<()> {
        match told {
            Told::Pause | Told::Idle => self.waited = true,
            Told::Buffers(..) | Told::Here(_) | Told::Stopping => {}
            _ => self.keep_what_is_typed()?,
        }
        let out = &mut self.out;
        match (told, &self.json) {
            (Told::Call(call, advice), Some(json)) => json.call(call, advice, out),
            (Told::Call(call, advice), None) => self.text.call(call, advice, out),
            (Told::Message(message), Some(json)) => json.message(message, out),
            (Told::Message(message), None) => self.text.message(message, out),
            (Told::Remark(socket, time, text), Some(json)) => json.remark(socket, *time, text, out),
            (Told::Remark(socket, time, text), None) => self.text.remark(socket, *time, text, out),
            (Told::Lacking(socket, time, lacking, instead), Some(json)) => {
                json.lacking(socket, *time, lacking, *instead, out)
            }
            (Told::Lacking(_, _, lacking, instead), None) => {
                self.text.lacking(lacking, *instead, out)
            }
            (Told::Buffers(time, all), Some(_)) => all
                .iter()
                .map(|it| sockets::json_line(&it.near, *time))
                .try_for_each(|line| out.write_all(line.as_bytes())),
            (Told::Buffers(time, all), None) => self.buffers(*time, all),
            (Told::Here(here), _) => {
                self.here = Some(*here);
                Ok(())
            }
            (Told::Frame(frame), _) => self.frame(frame),
            (Told::Pause, _) => out.flush(),
            (Told::Stopping, _) => self.clear(),
            (Told::Idle, json) => {
                if json.is_none() {
                    self.text.idle(out)?;
                }
                out.flush()
            }
        }
    }

    /// What somebody has begun to type stays in a line of its own.
    fn keep_what_is_typed(&mut self) -> io::Result<()> {
        let waited = std::mem::take(&mut self.waited);
        match Panel::room() {
            Some((columns, _)) if waited && self.typed => {
                write!(self.out, "{}", new_line_if_within_one(columns))
            }
            _ => Ok(()),
        }
    }

    /// What is in the buffers: below on a terminal that has room, else among the rest.
    fn buffers(&mut self, time: Timestamp, all: &[Watched]) -> io::Result<()> {
        let Some((panel, (columns, rows))) = self.panel.as_mut().zip(Panel::room()) else {
            return self.text.buffers(time, all, &mut self.out);
        };
        let stdout = io::stdout();
        if tcgetpgrp(&stdout).is_ok_and(|front| front != getpgrp()) {
            // The terminal is another program's just now.
            return Ok(());
        }
        let style = Style {
            width: columns.min(self.style.width),
            ..self.style.clone()
        };
        let lines = view::panel(all, usize::from(rows / 2), &style);
        panel.show(&lines, rows, &mut self.out)
    }

    /// Takes away what stands below.
    fn clear(&mut self) -> io::Result<()> {
        match &mut self.panel {
            Some(panel) => panel.release(&mut self.out),
            None => Ok(()),
        }
    }

    /// A frame of the capture, as the segment that it is.
    fn frame(&mut self, frame: &crate::frame::Frame<'_>) -> io::Result<()> {
        let (text, json, out) = (&mut self.text, &mut self.json, &mut self.out);
        let here = self.here;
        let Some(analysis) = &mut self.analysis else {
            return Ok(());
        };
        analysis.handle(frame, &mut |event: &Event<'_>| {
            if let Event::Segment(segment) = event {
                // "any" shows what passes the loopback interface twice.
                let twice = segment
                    .notes
                    .iter()
                    .any(|it| it.kind == Kind::CaptureDuplicate);
                let ours = here.is_none_or(|here| {
                    let ends = [segment.src, segment.dst];
                    ends.iter()
                        .any(|it| (it.addr, it.port) == (here.ip(), here.port()))
                });
                if twice || !ours {
                    return Ok(());
                }
            }
            match json {
                Some(json) => json.event(event, out),
                None => text.event(event, out),
            }
        })
    }

    /// Says how it went, and gives the exit code.
    pub(super) fn end(&mut self, done: Result<Outcome, TalkError>) -> Result<ExitCode> {
        let idle = self.clear().and_then(|()| self.show(&Told::Idle));
        match done {
            Ok(outcome) => {
                idle.and_then(|()| self.line(&summary(&outcome)))
                    .map_err(Stopped::Output)?;
                if let Some(trouble) = &outcome.trouble {
                    self.complain(trouble);
                    return Ok(ExitCode::FAILURE);
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(TalkError::Output(error)) => Err(Stopped::Output(error).into()),
            Err(TalkError::Failed(what)) => {
                idle.map_err(Stopped::Output)?;
                self.complain(&what);
                Ok(ExitCode::FAILURE)
            }
            Err(TalkError::Nowhere(what)) => {
                let _ = writeln!(io::stderr(), "{what}");
                Ok(ExitCode::FAILURE)
            }
            Err(TalkError::Refused { .. }) if Terminal::look().is_one && self.json.is_none() => {
                // It was told a line ago, with what to do.
                Ok(ExitCode::from(USAGE_OR_ENVIRONMENT))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says on standard error what went wrong, for who does not see the page.
    fn complain(&self, what: &str) {
        if self.json.is_some() || !Terminal::look().is_one {
            let _ = writeln!(io::stderr(), "{}", escape(what));
        }
    }
}

fn summary(outcome: &Outcome) -> String {
    format!(
        "{}: {} received, {} sent",
        units::plural(outcome.connections, "connection"),
        units::bytes(outcome.received),
        units::bytes(outcome.sent)
    )
}
