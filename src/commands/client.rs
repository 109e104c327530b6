//! `wirelab client`: gives up all rights, connects, and talks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::pipeline::Stopped;
use super::ports::port;
use super::talk::{Asked, Screen, capture, options};
use crate::cli;
use crate::io::clock::Steady;
use crate::io::privileges::{self, Becomes};
use crate::io::talk::{self, TalkError, Teller};
use crate::io::{Signals, machine};
use crate::view::text::escape;

/// Runs it.
pub(super) fn run(args: &cli::Client) -> Result<ExitCode> {
    let port = port(&args.port, &machine::services())?;
    if port == 0 {
        bail!("port 0 stands for a port that the kernel chooses: nobody can be reached there");
    }
    let from = args.bind.as_deref().map(|it| near(it, args)).transpose()?;
    let becomes = Becomes::find()?;
    let clock = Steady::start();
    let mut screen = Screen::new(&args.talk, false, clock.now())?;
    let mut options = match options(&args.talk, becomes)? {
        Asked::Options(options) => options,
        Asked::Lacking(lacking) => {
            screen
                .lacking("client", &lacking, clock.now())
                .map_err(Stopped::Output)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    options.reuse = args.reuse;
    let signals = Signals::catch().context("can't catch signals")?;
    screen.port(port);
    let coding = options.coding.name();
    let host = escape(&args.host);
    screen
        .line(&format!(
            "client to {host} port {port}, text in {coding}; Ctrl-C ends it"
        ))
        .map_err(Stopped::Output)?;
    // What needs rights comes first; nothing that a stranger sent is looked at before they are gone.
    let live = args
        .talk
        .segments
        .then(|| capture(interface(&args.host), port))
        .flatten();
    let low = from.is_some_and(|it| it.port() != 0 && it.port() < 1024);
    if !low {
        privileges::drop_for_good(becomes)?;
    }
    let done = talk_to(
        args,
        port,
        from,
        &options,
        signals,
        clock,
        live,
        low.then_some(becomes),
        &mut screen,
    );
    screen.end(done)
}

#[expect(
    clippy::too_many_arguments,
    reason = "all that a talk is made of, named once"
)]
fn talk_to(
    args: &cli::Client,
    port: u16,
    from: Option<SocketAddr>,
    options: &talk::Options,
    signals: Signals,
    clock: Steady,
    live: Option<crate::io::live::Live>,
    becomes: Option<Becomes>,
    screen: &mut Screen,
) -> Result<talk::Outcome, TalkError> {
    let to = talk::addresses(&args.host, port).map_err(|error| {
        let said = error.to_string();
        let bare = said.strip_prefix("failed to lookup address information: ");
        let error = bare.unwrap_or(&said).to_lowercase();
        TalkError::Nowhere(format!(
            "{}: {error}; wirelab addr {} shows how names are looked up",
            escape(&args.host),
            escape(&args.host)
        ))
    })?;
    let fits = |it: &&SocketAddr| {
        let version = !(args.talk.v4 && it.is_ipv6() || args.talk.v6 && it.is_ipv4());
        version && from.is_none_or(|from| from.is_ipv6() == it.is_ipv6())
    };
    let fitting: Vec<SocketAddr> = to.iter().filter(fits).copied().collect();
    if fitting.is_empty() {
        let all: Vec<_> = to.iter().map(|it| it.ip().to_string()).collect();
        return Err(TalkError::Nowhere(format!(
            "{} has no address of that version of IP, only {}",
            escape(&args.host),
            all.join(", ")
        )));
    }
    let mut tell = |told: talk::Told<'_>| screen.show(&told);
    let mut teller = Teller::new("client", clock, &mut tell);
    if let Some(live) = live {
        teller.captures(live);
    }
    let connected = talk::connect(&fitting, from, options, signals, becomes, &mut teller)?;
    talk::client(connected, options, signals, &mut teller)
}

/// This end's address, port or both.
fn near(text: &str, args: &cli::Client) -> Result<SocketAddr> {
    let v6 = args.talk.v6 || args.host.contains(':');
    let any: IpAddr = if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let whole = text.parse::<SocketAddr>().ok();
    let address = || Some(SocketAddr::new(text.parse().ok()?, 0));
    let port = || {
        Some(SocketAddr::new(
            any,
            text.trim_start_matches(':').parse().ok()?,
        ))
    };
    whole.or_else(address).or_else(port).with_context(|| {
        format!("--bind {}: give an address, a port, or ADDR:PORT, such as 127.0.0.1:5000 or [::1]:5000", escape(text))
    })
}

/// Where packets to a host pass. A name is not looked up while there are rights.
fn interface(host: &str) -> &'static str {
    let loopback = host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    if loopback || host == "localhost" {
        "lo"
    } else {
        "any"
    }
}
