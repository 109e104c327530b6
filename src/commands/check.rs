//! `wirelab check`: asks what the test wants to know, of the kernel, the resolver and the network.

use std::io::{self, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket,
};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use super::addr::look;
use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::address::name_fault;
use crate::check::{Answer, Check, Question};
use crate::cli::{self, Format};
use crate::event::{EchoEvent, EchoState};
use crate::io::Signals;
use crate::io::clock::{Steady, Stopwatch};
use crate::io::machine;
use crate::io::privileges::{self, Becomes};
use crate::io::probe::{self, Options, Sockets, Target, Told, Version};
use crate::probe::{Plan, Session};
use crate::view::check as view;

/// Most pings that one test makes: own stack, own address, router, host.
const MOST_PINGS: usize = 4;
/// Echo requests each, and the time between them and for a reply.
const REQUESTS: u64 = 2;
const INTERVAL: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(1);
/// Ports on which a host that answers no echo is tried, and for how long.
const WEB: [u16; 2] = [443, 80];
/// Where what is sent is thrown away (RFC 863).
const DISCARD: u16 = 9;
const TO_CONNECT: Duration = Duration::from_secs(2);

/// Runs it.
pub(super) fn run(args: &cli::Check) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let json = args.output.format == Format::Json;
    let signals = Signals::catch().context("can't catch signals")?;
    let becomes = Becomes::find()?;
    let known = by_hosts_file(&args.host);
    let versions: Vec<bool> = [false, true]
        .into_iter()
        .filter(|&v6| !(v6 && args.v4 || !v6 && args.v6) && view::fits(&args.host, v6))
        .filter(|&v6| known.is_empty() || known.iter().any(|it| it.is_ipv6() == v6))
        .collect();
    let asked: Vec<_> = versions.iter().map(|&v6| (v6, Asker::open(v6))).collect();
    privileges::drop_for_good(becomes)?;
    anyhow::ensure!(
        !asked.is_empty(),
        "{}: no address of the version of IP that was asked for",
        args.host.escape_debug()
    );

    let mut out = output::stdout();
    let mut write = |said: &str| {
        out.write_all(said.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Stopped::Output)
    };
    let mut checks = Vec::new();
    let mut names = Names::default();
    let mut told_why = false;
    for (at, (v6, asker)) in asked.into_iter().enumerate() {
        let mut asker = asker;
        let known = known.iter().copied().find(|it| it.is_ipv6() == v6);
        let mut check = Check::new(look()?, &args.host, v6).known(known);
        if !json {
            let gap = if at > 0 { "\n" } else { "" };
            write(&format!(
                "{gap}{}",
                view::heading(&check, &args.host, &style)
            ))?;
            if let Some(why) = &asker.without_echo {
                let again = std::mem::replace(&mut told_why, true);
                let why = if again { "for the same reason" } else { why };
                write(&view::without_echo(why, &style))?;
            }
        }
        let mut told = 0;
        loop {
            let question = check.question();
            let answer = question
                .as_ref()
                .map(|question| asker.ask(question, &mut names, signals))
                .transpose()?;
            if let Some(answer) = &answer {
                check.answer(answer);
            }
            for finding in check.findings().iter().skip(told) {
                let said = if json {
                    view::json(&check, &args.host, finding)
                } else {
                    view::finding(finding, &style)
                };
                write(&said)?;
            }
            told = check.findings().len();
            if answer.is_none() || signals.caught().is_some() {
                break;
            }
        }
        checks.push(check);
    }
    let said = if json {
        view::diagnosis(&checks, &args.host)
    } else {
        view::conclusion(&checks, &args.host, &style)
    };
    write(&said)?;
    Ok(ExitCode::from(u8::from(!checks.iter().any(Check::is_fine))))
}

/// The addresses of a name that the hosts file has, where that is looked at first.
fn by_hosts_file(host: &str) -> Vec<IpAddr> {
    if host.parse::<IpAddr>().is_ok() || name_fault(host).is_some() {
        return Vec::new();
    }
    let sources = machine::Sources::of(host);
    if sources.ways.first().is_none_or(|way| way != "files") {
        return Vec::new();
    }
    sources.hosts.iter().map(|line| line.address).collect()
}

/// The addresses of the host's name, or what the resolver said: asked for once, both versions of IP at a time.
#[derive(Default)]
struct Names {
    found: Option<Result<Vec<IpAddr>, String>>,
}

impl Names {
    fn look_up(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        let look = || match machine::look_up(name) {
            Ok(found) => Ok(found.addresses),
            Err(error) => {
                let said = error.to_string();
                let bare = said.strip_prefix("failed to lookup address information: ");
                Err(bare.unwrap_or(&said).to_lowercase())
            }
        };
        self.found.get_or_insert_with(look).clone()
    }
}

/// Finds answers. Its sockets are opened while there are rights.
struct Asker {
    v6: bool,
    /// Empty where there is no right to any.
    sockets: Vec<Sockets>,
    /// Why there is none.
    without_echo: Option<String>,
    options: Options,
}

impl Asker {
    fn open(v6: bool) -> Self {
        let options = Options {
            version: if v6 { Version::V6 } else { Version::V4 },
            ..Options::default()
        };
        let id = std::process::id() as u16;
        let open = |number: usize| Sockets::open("", &options, id.wrapping_add(number as u16));
        let opened = (0..MOST_PINGS).map(open).collect::<Result<_, _>>();
        let (sockets, without_echo) = match opened {
            Ok(sockets) => (sockets, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Self {
            v6,
            sockets,
            without_echo,
            options,
        }
    }

    fn ask(&mut self, question: &Question, names: &mut Names, signals: Signals) -> Result<Answer> {
        Ok(match question {
            Question::Ping(address, interface) => self.ping(*address, *interface, signals)?,
            Question::Neighbour(address) => {
                let all =
                    machine::neighbours().context("can't ask the kernel for its neighbours")?;
                let found = all.iter().find(|it| it.address == *address);
                Answer::Neighbour(found.map(|it| it.state))
            }
            Question::Name(name) => self.name(name, names),
            Question::Connect(address) => connect(*address),
        })
    }

    fn ping(&mut self, address: IpAddr, interface: u32, signals: Signals) -> Result<Answer> {
        if self.without_echo.is_some() {
            return Ok(without_echo(address, interface));
        }
        let sockets = self
            .sockets
            .pop()
            .context("more pings than a test has links")?;
        let to = match address {
            IpAddr::V4(_) => SocketAddr::new(address, 0),
            IpAddr::V6(it) => SocketAddrV6::new(it, 0, 0, interface).into(),
        };
        let ready = match sockets.ready(to, &self.options) {
            Ok(ready) => ready,
            Err(error) => return Ok(Answer::Refused(error.to_string())),
        };
        let plan = Plan {
            source: ready.source,
            written_id: ready.written_id,
            count: Some(REQUESTS),
            interval: INTERVAL,
            timeout: Some(PATIENCE),
            ..Plan::new(address, ready.id)
        };
        let mut answer = Answer::Silence;
        let mut targets = [Target::new(ready, Session::new(plan))];
        let tell = &mut |told: Told<'_>| {
            if let Told::Event(_, EchoEvent::Settled(echo)) = told {
                note(&mut answer, echo);
            }
            Ok(())
        };
        probe::run(&mut targets, None, signals, Steady::start(), tell)?;
        Ok(answer)
    }

    fn name(&self, name: &str, names: &mut Names) -> Answer {
        if let Some(fault) = name_fault(name) {
            return Answer::NoName(fault);
        }
        match names.look_up(name) {
            Ok(addresses) => {
                let (mut ours, others): (Vec<_>, Vec<_>) = addresses
                    .into_iter()
                    .partition(|it| it.is_ipv6() == self.v6);
                if ours.is_empty() {
                    ours = others;
                }
                Answer::Addresses(ours)
            }
            Err(said) => Answer::NoAddress {
                // EAI_AGAIN is the only one of getaddrinfo(3) that says nothing about the name.
                certain: !said.starts_with("temporary failure"),
                said,
                servers: machine::Sources::of(name).servers,
            },
        }
    }
}

/// An address tested without an ICMP socket: this machine's own by a TCP connection to itself, another's by
/// a datagram to the discard port, which makes the kernel ask for its hardware address.
fn without_echo(address: IpAddr, interface: u32) -> Answer {
    let at = |port: u16| match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(it) => SocketAddrV6::new(it, port, 0, interface).into(),
    };
    if let Ok(listener) = TcpListener::bind(at(0)) {
        let watch = Stopwatch::start();
        let port = listener.local_addr().map_or(0, |it| it.port());
        return match TcpStream::connect_timeout(&at(port), TO_CONNECT) {
            Ok(_) => Answer::Reply {
                rtt_ns: watch.elapsed().as_nanos() as u64,
            },
            Err(error) => Answer::Refused(error.to_string()),
        };
    }
    let any: IpAddr = if address.is_ipv6() {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let sent = UdpSocket::bind((any, 0)).and_then(|socket| socket.send_to(b"?", at(DISCARD)));
    match sent {
        Ok(_) => {
            // As long as a kernel asks for a neighbour once, and it answers.
            std::thread::sleep(PATIENCE);
            Answer::Silence
        }
        Err(error) => Answer::Refused(error.to_string()),
    }
}

/// What one echo request says of a host; a reply outweighs whatever else came.
fn note(answer: &mut Answer, echo: &crate::event::Echo) {
    if matches!(answer, Answer::Reply { .. }) {
        return;
    }
    if let (true, Some(trip)) = (echo.state != EchoState::WrongSource, &echo.round_trip) {
        *answer = Answer::Reply { rtt_ns: trip.ns };
    } else if let Some(error) = &echo.error {
        *answer = match error.from {
            Some(from) => Answer::Error {
                from,
                what: error.meaning.clone(),
            },
            None => Answer::Refused(error.meaning.clone()),
        };
    }
}

/// Whether the host can be found by TCP: it accepts, or refuses by itself.
fn connect(address: IpAddr) -> Answer {
    let found =
        |port: u16| match TcpStream::connect_timeout(&SocketAddr::new(address, port), TO_CONNECT) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        };
    if WEB.into_iter().any(found) {
        Answer::Connected
    } else {
        Answer::Silence
    }
}
