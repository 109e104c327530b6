//! `wirelab ports`: asks the kernel which ports are in use, or tries one.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli::{self, Format};
use crate::event::TcpState;
use crate::io::machine::{self, Owners};
use crate::sockets::{Listed, Protocol, Services, conclusions};
use crate::view::ports::{self, Ports};
use crate::view::text::escape;

/// Runs it.
pub(super) fn run(args: &cli::Ports) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let json = args.output.format == Format::Json;
    let services = machine::services();
    let wanted = args
        .port
        .as_deref()
        .map(|text| port(text, &services))
        .transpose()?;
    let attempt = args
        .attempt
        .as_deref()
        .map(|text| place(text, &services))
        .transpose()?;
    let mut code = ExitCode::SUCCESS;
    let said = if let Some(at) = attempt {
        let protocol = if args.udp {
            Protocol::Udp
        } else {
            Protocol::Tcp
        };
        let attempt = machine::try_port(protocol, at);
        let known = look(services)?;
        let conclusions = conclusions(&attempt, &known.sockets, &known.limits);
        if attempt.refusal().is_some() {
            code = ExitCode::FAILURE;
        }
        if json {
            ports::attempt_line(&attempt, &conclusions)
        } else {
            ports::tried(&attempt, &conclusions, &style)
        }
    } else {
        let mut known = look(services)?;
        if args.udp {
            known.sockets.retain(|it| it.protocol == Protocol::Udp);
        }
        if json {
            let chosen = |it: &&Listed| {
                let of_port = wanted.is_none_or(|port| it.port == port || it.peer.1 == port);
                let listening = !args.listening || it.is_listening();
                let waiting = !args.waiting || it.state == TcpState::TimeWait;
                of_port && listening && waiting
            };
            ports::socket_lines(&known, known.sockets.iter().filter(chosen))
        } else if let Some(port) = wanted {
            ports::one(&known, port, &style)
        } else if args.waiting {
            ports::waiting(&known, &style)
        } else if args.listening {
            ports::listening(&known, &style)
        } else {
            ports::overview(&known, &style)
        }
    };
    let mut out = output::stdout();
    out.write_all(said.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(code)
}

/// What is known of this machine's ports.
fn look(services: Services) -> Result<Ports> {
    let found = machine::sockets().context("can't ask the kernel for its sockets (sock_diag)")?;
    let owners = Owners::look();
    let sockets = found.into_iter().map(|(mut socket, number)| {
        socket.owners = owners.of(number);
        socket
    });
    Ok(Ports {
        sockets: sockets.collect(),
        limits: machine::limits(),
        services,
        some_hidden: owners.hidden > 0,
    })
}

/// A port by number or by the name of its service.
pub(super) fn port(text: &str, services: &Services) -> Result<u16> {
    if let Ok(number) = text.parse::<u32>() {
        return match u16::try_from(number) {
            Ok(port) => Ok(port),
            Err(_) => bail!("{number} is no port: there are 65,536, 0 to 65535"),
        };
    }
    if let Some(port) = services.port(text) {
        return Ok(port);
    }
    let nearest = services
        .names()
        .map(|name| (strsim::jaro_winkler(name, text), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    let hint = nearest.map_or_else(String::new, |(_, name)| {
        format!("; did you mean {}?", escape(name))
    });
    bail!(
        "{}: no service of that name is known here{hint}",
        escape(text)
    )
}

/// Where to try: a port on all addresses, or an address and a port.
fn place(text: &str, services: &Services) -> Result<SocketAddr> {
    if let Ok(at) = text.parse::<SocketAddr>() {
        return Ok(at);
    }
    let (address, name) = match text.rsplit_once(':') {
        Some((address, name)) => {
            let bare = address.trim_start_matches('[').trim_end_matches(']');
            let address: IpAddr = bare.parse().with_context(|| {
                format!("{}: no address; --try takes PORT or ADDR:PORT, such as 127.0.0.1:8080 or [::1]:8080", escape(address))
            })?;
            (address, name)
        }
        None => (Ipv4Addr::UNSPECIFIED.into(), text),
    };
    Ok(SocketAddr::new(address, port(name, services)?))
}
