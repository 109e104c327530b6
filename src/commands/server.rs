//! `wirelab server`: listens, gives up all rights, and talks with whoever comes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::pipeline::Stopped;
use super::ports::port;
use super::talk::{Asked, Screen, capture, options};
use crate::cli;
use crate::io::clock::Steady;
use crate::io::privileges::{self, Becomes};
use crate::io::talk::{self, Teller};
use crate::io::{Signals, machine};
use crate::view::text::escape;

/// Runs it.
pub(super) fn run(args: &cli::Server) -> Result<ExitCode> {
    let at = place(args)?;
    let count = if args.once { Some(1) } else { args.count };
    if args.talk.save.is_some() && count != Some(1) {
        bail!("--save takes what one client sends: give --once with it");
    }
    let becomes = Becomes::find()?;
    let clock = Steady::start();
    let mut screen = Screen::new(&args.talk, true, clock.now())?;
    let mut options = match options(&args.talk, becomes)? {
        Asked::Options(options) => options,
        Asked::Lacking(lacking) => {
            screen
                .lacking("server", &lacking, clock.now())
                .map_err(Stopped::Output)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    options.reuse = !args.no_reuse;
    options.count = count;
    let signals = Signals::catch().context("can't catch signals")?;
    let coding = options.coding.name();
    screen
        .line(&format!("server on {at}, text in {coding}; Ctrl-C ends it"))
        .map_err(Stopped::Output)?;
    // What needs rights comes first; nothing that a stranger sent is looked at before they are gone.
    let mut listening = None;
    let listened = {
        let mut tell = |told: talk::Told<'_>| screen.show(&told);
        let mut teller = Teller::new("server", clock, &mut tell);
        talk::listen(at, &options, &mut teller).map(|it| listening = Some(it))
    };
    let Some(listening) = listening else {
        return screen.end(listened.map(|()| talk::Outcome::default()));
    };
    screen.port(listening.at.port());
    let live = args
        .talk
        .segments
        .then(|| capture(interface(at.ip()), listening.at.port()))
        .flatten();
    privileges::drop_for_good(becomes)?;
    let done = {
        let mut tell = |told: talk::Told<'_>| screen.show(&told);
        let mut teller = Teller::new("server", clock, &mut tell);
        teller.asked_for(listening.at.port());
        if let Some(live) = live {
            teller.captures(live);
        }
        talk::server(listening, &options, signals, &mut teller)
    };
    screen.end(done)
}

/// Where to listen.
fn place(args: &cli::Server) -> Result<SocketAddr> {
    let v6 = args.talk.v6;
    let at = if let Ok(at) = args.at.parse::<SocketAddr>() {
        at
    } else {
        let services = machine::services();
        let (address, name) = match args.at.rsplit_once(':') {
            Some((address, name)) => {
                let bare = address.trim_start_matches('[').trim_end_matches(']');
                let address: IpAddr = match bare {
                    "" | "*" if v6 => Ipv6Addr::UNSPECIFIED.into(),
                    "" | "*" => Ipv4Addr::UNSPECIFIED.into(),
                    "localhost" if v6 => Ipv6Addr::LOCALHOST.into(),
                    "localhost" => Ipv4Addr::LOCALHOST.into(),
                    _ => bare.parse().with_context(|| {
                        format!("{}: no address of a machine; give PORT or ADDR:PORT, such as 127.0.0.1:8080 or [::1]:8080", escape(address))
                    })?,
                };
                (address, name)
            }
            None if v6 => (Ipv6Addr::UNSPECIFIED.into(), &*args.at),
            None => (Ipv4Addr::UNSPECIFIED.into(), &*args.at),
        };
        SocketAddr::new(address, port(name, &services)?)
    };
    if (at.is_ipv6() && args.talk.v4) || (at.is_ipv4() && v6) {
        bail!("{} is not an address of that version of IP", at.ip());
    }
    Ok(at)
}

/// Where packets to an address of this machine pass; `any` where that may be several places.
fn interface(at: IpAddr) -> &'static str {
    if at.is_loopback() {
        return "lo";
    }
    // One's own address is reached from this machine over the loopback interface, from others over another.
    "any"
}
