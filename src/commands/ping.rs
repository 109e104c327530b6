//! `wirelab ping`: opens sockets, gives up all rights, looks names up, and shows what comes of it.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::decode::{Checksum, Decoder, LayerKind};
use crate::event::EchoEvent;
use crate::frame::{Frame, LinkType, Timestamp};
use crate::inspect::{Sheet, workings};
use crate::io::Signals;
use crate::io::clock::{self, Steady};
use crate::io::privileges::{self, Becomes};
use crate::io::probe::{
    self, Options, ProbeError, Ready, Resolved, Shown, Sockets, Target, Told, Version, Way, Witness,
};
use crate::probe::{Pace, Pattern, Plan, Session, Trace};
use crate::view::ping::{Asked, Host, Json, Packet, Shows, Text};

/// The shortest interval for who is not root, as iputils has it.
const LEAST: Duration = Duration::from_millis(2);
/// A flood sends this often even if nobody answers.
const FLOOD: Duration = Duration::from_millis(10);
/// Most hosts at once: each takes a socket or two.
const MOST_HOSTS: usize = 256;

/// Most requests at once for who is not root, as iputils has it.
const MOST_AT_ONCE: u32 = 3;
/// Most bytes of data that an IPv4 packet has room for.
const MOST_V4: u16 = 65_507;

/// Runs it.
pub(super) fn run(args: &cli::Ping) -> Result<ExitCode> {
    if let Some(instead) = args.instead() {
        bail!(instead);
    }
    let (pace, interval) = pace(args, probe::may_flood())?;
    if args.preload > MOST_AT_ONCE && !probe::may_flood() {
        bail!(
            "can't begin with {} at once: more than {MOST_AT_ONCE} are for root; use sudo",
            args.preload
        );
    }
    if args.hosts.len() > MOST_HOSTS {
        bail!("{} hosts: at most {MOST_HOSTS} at once", args.hosts.len());
    }
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let options = options(args);
    let signals = Signals::catch_with_questions().context("can't catch signals")?;
    let becomes = Becomes::find()?;
    let witness = args.show.then(Witness::open);
    let first_id = args.identifier.unwrap_or_else(some_identifier);
    let opened: Vec<Sockets> = args
        .hosts
        .iter()
        .zip(0_u16..)
        .map(|(host, number)| Sockets::open(host, &options, first_id.wrapping_add(number)))
        .collect::<Result<_, _>>()?;
    privileges::drop_for_good(becomes)?;

    let mut hosts = Vec::new();
    let mut targets = Vec::new();
    let mut how_lines = Vec::new();
    for (name, sockets) in args.hosts.iter().zip(opened) {
        let device = options.from.as_deref();
        let Resolved { to, others, zone } = probe::resolve(name, options.version, device)?;
        if to.is_ipv4() && args.size > MOST_V4 {
            bail!(
                "-s {}: an IPv4 packet has room for {MOST_V4} bytes of data",
                args.size
            );
        }
        let ready = sockets.ready(to, &options)?;
        let mut line = how(&ready);
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            line = format!("{line}; other addresses: {}", others.join(", "));
        }
        how_lines.push(line);
        hosts.push(host(name, (to, &zone), args, &options));
        let plan = plan(args, &ready, pace, interval);
        targets.push(Target::new(ready, Session::new(plan)));
    }
    let shows = Shows {
        quiet: args.quiet,
        flood: args.flood,
        times: args.timestamps,
        outstanding: args.outstanding,
        pace: args.flood || args.adaptive,
        explain: args.explain,
        audible: args.audible,
    };
    let asked = targets
        .iter()
        .map(|it| asked(&it.ready, it.session.plan()))
        .collect();
    let ways = targets.iter().map(|it| it.ready.way).collect();
    let marks = targets.iter().map(|it| mark(&it.ready)).collect();
    let mut screen = Screen {
        text: Text::new(style, shows),
        json: (args.output.format == cli::Format::Json).then_some(Json),
        hosts,
        how: how_lines,
        pattern: args.pattern.clone(),
        asked,
        ways,
        marks,
        answered: vec![false; targets.len()],
        wanted: args.count.filter(|_| limit(args.deadline).is_some()),
        out: Box::new(output::stdout()),
    };
    let done = screen.begin().map_err(ProbeError::from).and_then(|()| {
        let tell = &mut |told: Told<'_>| screen.show(&told);
        probe::run(
            &mut targets,
            witness.as_ref(),
            signals,
            Steady::start(),
            tell,
        )
    });
    let flushed = done.and_then(|()| Ok(screen.out.flush()?));
    match flushed {
        Err(ProbeError::Output(error)) => return Err(Stopped::Output(error).into()),
        other => other?,
    }
    let all = screen.answered.iter().all(|&it| it);
    Ok(ExitCode::from(u8::from(!all)))
}

/// When requests are made. Floods are for root.
fn pace(args: &cli::Ping, may_flood: bool) -> Result<(Pace, Duration)> {
    let usual = if args.flood {
        FLOOD
    } else {
        Duration::from_secs(1)
    };
    let interval = args.interval.unwrap_or(usual);
    let asked = if args.flood {
        args.interval.unwrap_or_default()
    } else {
        interval
    };
    if !may_flood && asked < LEAST {
        bail!(
            "can't flood: only root may send more often than every {} ms; use -i 0.002, or sudo",
            LEAST.as_millis()
        );
    }
    let least = if may_flood { Duration::ZERO } else { LEAST };
    let pace = match (args.flood, args.adaptive) {
        (true, _) if args.interval.is_none() => Pace::Flood,
        (_, true) => Pace::Adaptive { least },
        _ => Pace::Steady,
    };
    Ok((pace, interval))
}

fn options(args: &cli::Ping) -> Options {
    Options {
        way: args.socket.map(|kind| match kind {
            cli::SocketKind::Raw => Way::Raw,
            cli::SocketKind::Datagram => Way::Datagram,
        }),
        version: match (args.v4, args.v6) {
            (true, _) => Version::V4,
            (_, true) => Version::V6,
            _ => Version::Any,
        },
        id: args.identifier,
        ttl: args.ttl,
        tos: args.tos,
        path_mtu: args.pmtu.map(|pmtu| match pmtu {
            cli::PathMtu::Do => probe::PathMtu::Do,
            cli::PathMtu::Want => probe::PathMtu::Want,
            cli::PathMtu::Dont => probe::PathMtu::Dont,
            cli::PathMtu::Probe => probe::PathMtu::Probe,
        }),
        from: args.interface.clone(),
        broadcast: args.broadcast,
        sticky: args.sticky,
        on_link: args.on_link,
        no_echo_of_groups: args.no_loop,
        mark: args.mark,
        send_buffer: args.send_buffer,
        flow_label: args.flow_label,
        trace: if args.record_route {
            Some(Trace::Addresses)
        } else {
            args.record_times.clone()
        },
        verbose: args.verbose,
    }
}

/// An identifier that another ping at the same time will hardly have.
pub(super) fn some_identifier() -> u16 {
    let moment = clock::now().as_nanos() >> 10;
    (std::process::id() as u16) ^ (moment as u16) ^ ((moment >> 16) as u16)
}

/// A limit of time; 0 is none, as iputils has it.
fn limit(time: Option<Duration>) -> Option<Duration> {
    time.filter(|time| !time.is_zero())
}

fn host(name: &str, (to, zone): (SocketAddr, &str), args: &cli::Ping, options: &Options) -> Host {
    let size = usize::from(args.size);
    let recorded = options.trace.as_ref().map_or(0, |it| it.options().len());
    let headers = if to.is_ipv6() { 40 + 8 } else { 20 + 8 };
    Host {
        name: name.to_owned(),
        address: format!("{}{zone}", to.ip()),
        size,
        whole: size + headers + recorded,
    }
}

fn plan(args: &cli::Ping, ready: &Ready, pace: Pace, interval: Duration) -> Plan {
    Plan {
        source: ready.source,
        many: ready.many,
        written_id: ready.written_id,
        nonce: Some(RandomState::new().hash_one(ready.id).to_be_bytes()),
        pattern: args.pattern.clone().unwrap_or_default(),
        size: args.size.into(),
        count: args.count,
        pace,
        interval,
        timeout: limit(args.timeout),
        deadline: limit(args.deadline),
        preload: args.preload,
        verbose: args.verbose,
        ttl: ready.ttl,
        tos: ready.tos,
        ..Plan::new(ready.to.ip(), ready.id)
    }
}

/// Over what it goes, in a line.
fn how(ready: &Ready) -> String {
    let from = ready
        .source
        .map(|source| format!(" from {source}"))
        .unwrap_or_default();
    let (kind, id) = match ready.way {
        Way::Raw => ("raw", "identifier"),
        Way::Datagram => ("datagram", "the kernel's identifier"),
    };
    format!(
        "over a {kind} socket, {id} {:#06x}{from}; no rights kept",
        ready.id
    )
}

/// What was asked for, for `--show`.
fn asked(ready: &Ready, plan: &Plan) -> Asked {
    let v6 = plan.is_v6();
    let kind = if v6 {
        "ICMPv6 echo request, type 128"
    } else {
        "ICMP echo request, type 8"
    };
    let id = match ready.way {
        Way::Datagram if ready.written_id == 0 => "whatever the kernel assigns".to_owned(),
        _ => format!("{:#06x} ({})", ready.id, ready.id),
    };
    let source = |it: Option<IpAddr>| it.map_or("up to the kernel".to_owned(), |it| it.to_string());
    vec![
        ("message", kind.to_owned()),
        ("to", ready.to.ip().to_string()),
        ("from", source(ready.source)),
        (if v6 { "hop limit" } else { "TTL" }, ready.ttl.to_string()),
        (
            if v6 { "class" } else { "TOS" },
            format!("{:#04x}", ready.tos),
        ),
        ("identifier", id),
        ("sequence", "1".to_owned()),
        ("data", format!("{} bytes", plan.size)),
        ("socket", ready.way.name().to_owned()),
    ]
}

/// The checksum of the ICMP message in an IP packet; `None` where that can't be worked out, as for a piece.
fn checksum_of(packet: &[u8]) -> Option<Checksum> {
    let frame = Frame {
        number: 1,
        time: Timestamp::default(),
        link_type: LinkType::RAW,
        interface: 0,
        original_len: u32::try_from(packet.len()).ok()?,
        bytes: packet,
        comment: None,
    };
    let mut decoder = Decoder::default();
    let decoded = decoder.decode(&frame);
    let sheet = Sheet::new(&frame, &decoded);
    let all = workings(&sheet, decoded.ip.as_ref(), true);
    let of_icmp = all.iter().find(|it| {
        let header = sheet.headers.get(it.header).map(|header| header.kind);
        matches!(header, Some(LayerKind::Icmpv4 | LayerKind::Icmpv6))
    });
    of_icmp.map(|it| it.verdict)
}

/// A host's identifier, and the ends of its packets if they are IPv6 and both are known.
type Mark = (u16, Option<(IpAddr, IpAddr)>);

fn mark(ready: &Ready) -> Mark {
    let to = ready.to.ip();
    let source = ready.source.filter(|_| to.is_ipv6());
    (ready.id, source.map(|source| (source, to)))
}

/// Where it is shown.
struct Screen {
    text: Text,
    json: Option<Json>,
    hosts: Vec<Host>,
    how: Vec<String>,
    pattern: Option<Pattern>,
    asked: Vec<Asked>,
    ways: Vec<Way>,
    /// Their identifiers, and the ends of IPv6 packets where both are known.
    marks: Vec<Mark>,
    /// Which hosts have answered.
    answered: Vec<bool>,
    /// So many answers are needed of each.
    wanted: Option<u64>,
    out: Box<dyn Write>,
}

impl Screen {
    fn begin(&mut self) -> io::Result<()> {
        if self.json.is_some() {
            return Ok(());
        }
        if let Some(pattern) = &self.pattern {
            writeln!(self.out, "PATTERN: 0x{pattern}")?;
        }
        for (host, how) in self.hosts.iter().zip(&self.how) {
            self.text.begin(host, how, &mut self.out)?;
        }
        Ok(())
    }

    fn show(&mut self, told: &Told<'_>) -> io::Result<()> {
        let out = &mut self.out;
        match told {
            Told::Event(index, event) => match (self.json, event, self.hosts.get(*index)) {
                (Some(json), EchoEvent::Settled(echo), Some(host)) => json.echo(host, echo, out),
                (Some(_), ..) | (_, _, None) => Ok(()),
                (None, event, Some(_)) => self.text.event(event, out),
            },
            Told::Shown(index, shown) => self.three_ways(*index, shown),
            Told::Over(index, session) => {
                let statistics = session.statistics();
                if let Some(answered) = self.answered.get_mut(*index) {
                    *answered = statistics.received >= self.wanted.unwrap_or(1);
                }
                let Some(host) = self.hosts.get(*index) else {
                    return Ok(());
                };
                let way = self.ways.get(*index).map_or("", |way| way.name());
                match self.json {
                    Some(json) => json.end(host, way, &statistics, out),
                    None => self.text.end(host, &statistics, out),
                }
            }
            Told::Asked(index, session) => {
                out.flush()?;
                let Some(host) = self.hosts.get(*index) else {
                    return Ok(());
                };
                let mut line = Vec::new();
                self.text.asked(host, &session.statistics(), &mut line)?;
                // Nobody there to read it is no reason to end.
                let _ = io::stderr().write_all(&line);
                Ok(())
            }
            Told::Pause => out.flush(),
        }
    }

    fn three_ways(&mut self, index: usize, shown: &Shown) -> io::Result<()> {
        let (Some(asked), None) = (self.asked.get(index), self.json) else {
            return Ok(());
        };
        let header = shown.ip_header();
        let (id, ends) = self.marks.get(index).copied().unwrap_or_default();
        let packet = Packet {
            asked,
            built: &shown.built,
            on_wire: match &shown.on_wire {
                Ok(packet) => Ok((packet, header)),
                Err(why) => Err(why),
            },
            datagram: self.ways.get(index) == Some(&Way::Datagram),
            id,
            ends,
            checksum: shown.on_wire.as_ref().ok().and_then(|it| checksum_of(it)),
        };
        self.text.show(&packet, &mut self.out)
    }
}
