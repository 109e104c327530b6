//! `wirelab addr`: asks the kernel and the resolver, and shows what they say.

use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::address::{Candidate, Card, Machine, Name, Network, name_fault};
use crate::cli::{self, Format};
use crate::io::interfaces::{ANY, interfaces};
use crate::io::machine;
use crate::view::addr;
use crate::view::text::escape;

/// Runs it.
pub(super) fn run(args: &cli::Addr) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let json = args.output.format == Format::Json;
    let mut this = look()?;
    let mut code = ExitCode::SUCCESS;
    let mut name = args.name.as_deref();
    // An interface is nearer than a host of the same name, which a dot at its end still means.
    if let Some(text) = name
        && this.cards.iter().any(|card| card.name == text)
    {
        this.cards.retain(|card| card.name == text);
        name = None;
    }
    let said = match name {
        None if json => addr::machine_lines(&this),
        None => addr::machine(&this, &style, args.explain),
        Some(text) => match network(text)? {
            Some(it) if !text.contains('/') && json => addr::address_line(it.address, &this),
            Some(it) if !text.contains('/') => addr::address_alone(it.address, &this, &style),
            Some(network) if json => addr::network_line(&network, &this),
            Some(network) => addr::network(&network, &this, &style),
            None => match look_up(text, &this) {
                Ok(name) if json => addr::name_lines(&name),
                Ok(name) => addr::name(&name, &style, args.explain),
                Err(reason) => {
                    let _ = writeln!(std::io::stderr(), "addr: {reason}");
                    code = ExitCode::FAILURE;
                    String::new()
                }
            },
        },
    };
    let mut out = output::stdout();
    out.write_all(said.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(code)
}

/// This machine's network.
pub(super) fn look() -> Result<Machine> {
    let addresses = machine::addresses().context("can't ask the kernel for its addresses")?;
    let card = |it: crate::io::interfaces::NetworkInterface| Card {
        addresses: addresses
            .iter()
            .filter(|own| own.interface == it.index)
            .copied()
            .collect(),
        name: it.name,
        index: it.index,
        what: it.kind,
        state: it.state.name(),
        mtu: it.mtu,
        hardware: it.mac,
    };
    Ok(Machine {
        hostname: machine::hostname(),
        cards: interfaces()
            .into_iter()
            .filter(|it| it.name != ANY)
            .map(card)
            .collect(),
        routes: machine::routes().context("can't ask the kernel for its routes")?,
    })
}

/// What was meant as an address, if it was; a slash says so even where it is none.
fn network(text: &str) -> Result<Option<Network>> {
    // A zone names an interface, which is no part of the address.
    let bare = text.split('%').next().unwrap_or(text);
    match bare.parse() {
        Ok(network) => Ok(Some(network)),
        Err(error) if bare.contains('/') => {
            Err(error).context("addr takes a name, or an address with or without a prefix")
        }
        Err(_) => Ok(None),
    }
}

/// Looks a name up, and finds out what each of its addresses would be reached from.
fn look_up(text: &str, this: &Machine) -> Result<Name, String> {
    if let Some(fault) = name_fault(text) {
        return Err(format!("{}: no name: {fault}", escape(text)));
    }
    let sources = machine::Sources::of(text);
    let found = machine::look_up(text).map_err(|error| no_address(text, &error, &sources))?;
    let candidate = |destination: IpAddr| {
        let source = machine::path_to(destination, 0)
            .ok()
            .and_then(|path| path.source);
        let own = source.and_then(|source| this.own(source));
        Candidate {
            destination,
            source: own.map(|own| own.network).or(source.map(Network::alone)),
            deprecated: own.is_some_and(|own| own.deprecated),
        }
    };
    Ok(Name {
        name: text.to_owned(),
        candidates: found.addresses.into_iter().map(candidate).collect(),
        took: found.took,
        ways: sources.ways,
        hosts: sources.hosts,
        servers: sources.servers,
        order_is_set: sources.order_is_set,
    })
}

/// Why a name has no address, and what to do.
fn no_address(name: &str, error: &std::io::Error, sources: &machine::Sources) -> String {
    let said = error.to_string();
    let said = said
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&said);
    let hint = if sources.servers.is_empty() {
        "no DNS server is set (resolv.conf), so only names of the hosts file are known"
    } else if said.contains("Temporary") {
        "no DNS server answered: `wirelab check` finds out where the way to it ends"
    } else {
        "is it written as it should be?"
    };
    format!("{}: {}; {hint}", escape(name), said.to_lowercase())
}
