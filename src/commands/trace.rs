//! `wirelab trace`: opens sockets, gives up all rights, looks the name up, and shows what is found.

use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::event::{Hop, Method, Outcome, TraceEvent};
use crate::io::clock::{Steady, Stopwatch};
use crate::io::privileges::{self, Becomes};
use crate::io::probe::{self, ProbeError, Version, Way};
use crate::io::trace::{self, Link, Options, Sockets, Told};
use crate::io::{Signals, names};
use crate::trace::{Plan, Tracer};
use crate::view::trace::{Json, Target, Text};

/// Runs it.
pub(super) fn run(args: &cli::Trace) -> Result<ExitCode> {
    if args.first > args.max {
        bail!("--first {} is beyond --max {}", args.first, args.max);
    }
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let options = options(args);
    let signals = Signals::catch().context("can't catch signals")?;
    let becomes = Becomes::find()?;
    let sockets = Sockets::open(&args.host, &options, super::ping::some_identifier())?;
    privileges::drop_for_good(becomes)?;

    let device = args.from.as_deref();
    let resolved = probe::resolve(&args.host, options.version, device)?;
    let mut link = sockets.ready(resolved.to, &options)?;
    let plan = plan(args, &link)?;
    let target = target(args, &link, &plan, &resolved.zone);
    let mut screen = Screen {
        text: Text::new(style, target.clone(), args.explain),
        json: (args.output.format == cli::Format::Json).then_some(Json),
        target,
        hops: Vec::new(),
        names: Names {
            wanted: args.names,
            ..Names::default()
        },
        reached: false,
        out: Box::new(output::stdout()),
    };
    let how = how(&link, args.flows);
    let mut tracer = Tracer::new(plan);
    let done = screen.begin(&how).map_err(ProbeError::from).and_then(|()| {
        let tell = &mut |told: Told<'_>| screen.show(&told);
        trace::run(&mut link, &mut tracer, signals, Steady::start(), tell)
    });
    let flushed = done.and_then(|()| Ok(screen.out.flush()?));
    match flushed {
        Err(ProbeError::Output(error)) => return Err(Stopped::Output(error).into()),
        other => other?,
    }
    Ok(ExitCode::from(u8::from(!screen.reached)))
}

fn options(args: &cli::Trace) -> Options {
    Options {
        method: match (args.icmp, args.udp, args.tcp) {
            (true, ..) => Some(Method::Icmp),
            (_, true, _) => Some(Method::Udp),
            (_, _, true) => Some(Method::Tcp),
            _ => None,
        },
        way: args.socket.map(|kind| match kind {
            cli::SocketKind::Raw => Way::Raw,
            cli::SocketKind::Datagram => Way::Datagram,
        }),
        version: match (args.v4, args.v6) {
            (true, _) => Version::V4,
            (_, true) => Version::V6,
            _ => Version::Any,
        },
        tos: args.tos,
        from: args.from.clone(),
        flows: args.flows,
    }
}

fn plan(args: &cli::Trace, link: &Link) -> Result<Plan> {
    let usual = Plan::new(link.to.ip(), link.method, link.id);
    let size = args.size.map_or(usual.size, usize::from);
    if size < usual.smallest() {
        bail!(
            "packets of {size} bytes: a probe over IPv6 has at least {}",
            usual.smallest()
        );
    }
    let each = args.queries.max(args.flows);
    let hops = u32::from(args.max - args.first) + 1;
    if hops * u32::from(each) > u32::from(u16::MAX) / 2 {
        bail!("{hops} hops with {each} probes each: that is more than can be told apart");
    }
    let port = match link.method {
        Method::Tcp => 80,
        Method::Icmp | Method::Udp => usual.port,
    };
    Ok(Plan {
        source: link.source,
        first: args.first,
        max: args.max,
        per_hop: args.queries,
        wait: args.wait,
        pause: args.pause,
        in_flight: args.at_once.into(),
        flows: args.flows,
        classic: args.classic,
        size,
        tos: args.tos,
        src_ports: link.src_ports.clone(),
        syn_mark: link.syn_mark,
        port: args.port.unwrap_or(port),
        path_mtu: args.mtu,
        ..usual
    })
}

fn target(args: &cli::Trace, link: &Link, plan: &Plan, zone: &str) -> Target {
    let matched_by = match (link.method, link.way) {
        (Method::Icmp, _) => format!(
            "the identifier {:#06x} and the sequence number, which is the probe's number",
            link.id
        ),
        (Method::Udp, _) if plan.classic => "the destination port".to_owned(),
        (Method::Udp, Way::Raw) => {
            "the number in the data, or where too little is quoted, the checksum".to_owned()
        }
        (Method::Udp, Way::Datagram) => "the number in the data".to_owned(),
        (Method::Tcp, _) if link.syn_mark.is_some() => "the sequence number".to_owned(),
        (Method::Tcp, _) => "the port that it was sent from".to_owned(),
    };
    Target {
        name: args.host.clone(),
        address: format!("{}{zone}", link.to.ip()),
        ip: link.to.ip(),
        method: link.method,
        socket: link.way.name(),
        max: args.max,
        size: plan.size,
        wait_ns: u64::try_from(args.wait.as_nanos()).unwrap_or(u64::MAX),
        own_flow: link.method == Method::Tcp && link.syn_mark.is_none(),
        matched_by,
    }
}

/// By which means, in a line.
fn how(link: &Link, flows: u16) -> String {
    let from = link
        .source
        .map(|source| format!(" from {source}"))
        .unwrap_or_default();
    let flows = match flows {
        1 => String::new(),
        n => format!(", {n} flows"),
    };
    let errors = match link.way {
        Way::Raw => "errors over a raw socket",
        Way::Datagram => "errors from the kernel's queue",
    };
    let what = match (link.method, link.way) {
        (Method::Icmp, Way::Raw) => {
            format!("ICMP{from} over a raw socket, identifier {:#06x}", link.id)
        }
        (Method::Icmp, Way::Datagram) => format!(
            "ICMP{from} over a datagram socket, the kernel's identifier {:#06x}",
            link.id
        ),
        (Method::Udp, _) => format!("UDP{from}, {errors}"),
        (Method::Tcp, _) if link.syn_mark.is_some() => {
            format!("TCP SYNs{from} over a raw socket, all of a flow from one port")
        }
        (Method::Tcp, _) => {
            format!("TCP SYNs{from} by connect(), each from a port of its own, {errors}")
        }
    };
    let instead = link
        .instead
        .as_ref()
        .map(|why| format!("; not ICMP, as there is {why}"));
    format!(
        "{what}{flows}; no rights kept{}",
        instead.unwrap_or_default()
    )
}

/// A resolver that takes so long to give no name has nobody to ask.
const PATIENCE: Duration = Duration::from_secs(2);

/// Names of addresses, where they are wanted.
#[derive(Debug, Default)]
struct Names {
    wanted: bool,
    asked: u64,
    found: u64,
    /// How long the resolver took before it was given up.
    gave_up: Option<Duration>,
}

impl Names {
    fn of(&mut self, address: IpAddr) -> Option<String> {
        if !self.wanted || self.gave_up.is_some() {
            return None;
        }
        let watch = Stopwatch::start();
        let name = names::of(address);
        self.count(name.is_some(), watch.elapsed());
        name
    }

    fn count(&mut self, found: bool, took: Duration) {
        self.asked += 1;
        self.found += u64::from(found);
        self.gave_up = (!found && took >= PATIENCE).then_some(took);
    }

    /// Why names are missing that were asked for.
    fn failure(&self) -> Option<String> {
        if let Some(took) = self.gave_up {
            return Some(format!(
                "No more names: the resolver gave none in {:.1} s, so it was asked no further. Is there a DNS \
                 server that answers (/etc/resolv.conf)?",
                took.as_secs_f64()
            ));
        }
        (self.asked > 0 && self.found == 0).then(|| {
            "No names: the resolver knows none of these addresses. Either they have none, or no DNS server \
             answers (/etc/resolv.conf)."
                .to_owned()
        })
    }
}

/// Where it is shown.
struct Screen {
    text: Text,
    json: Option<Json>,
    target: Target,
    hops: Vec<Hop>,
    names: Names,
    reached: bool,
    out: Box<dyn Write>,
}

impl Screen {
    fn begin(&mut self, how: &str) -> io::Result<()> {
        match self.json {
            Some(_) => Ok(()),
            None => self.text.begin(how, &mut self.out),
        }
    }

    fn show(&mut self, told: &Told<'_>) -> io::Result<()> {
        let out = &mut self.out;
        let asked = &mut self.names;
        let mut names = |address: IpAddr| asked.of(address);
        match (told, self.json) {
            (Told::Event(event), None) => self.text.event(event, &mut names, out),
            (Told::Event(TraceEvent::Settled(hop)), Some(json)) => {
                self.hops.push(hop.clone());
                json.hop(&self.target, hop, &mut names, out)
            }
            (Told::Event(_), Some(_)) => Ok(()),
            (Told::Pause, _) => out.flush(),
            (Told::Over(trace), json) => {
                self.reached = matches!(trace.outcome, Outcome::Reached(_));
                if let Some(json) = json {
                    return json.end(&self.target, trace, &self.hops, out);
                }
                self.text.end(trace, out)?;
                match self.names.failure() {
                    Some(why) => self.text.note(&why, out),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_missing_are_explained() {
        let mut names = Names::default();
        assert_eq!(names.failure(), None);
        names.count(false, Duration::from_millis(1));
        assert!(names.failure().unwrap().contains("knows none"));
        names.count(true, Duration::from_secs(3));
        assert_eq!(names.failure(), None);
        names.count(false, Duration::from_secs(5));
        assert!(names.failure().unwrap().contains("in 5.0 s"));
        names.wanted = true;
        assert_eq!(names.of(IpAddr::from([127, 0, 0, 1])), None);
    }
}
