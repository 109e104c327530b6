//! `wirelab sockets`: asks the kernel what is in its TCP sockets, once or again and again.

use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli::{self, Format};
use crate::event::{TcpState, units};
use crate::frame::Timestamp;
use crate::io::Signals;
use crate::io::clock::{self, Pace, Pacer, Speed};
use crate::io::machine::{self, Owners};
use crate::sockets::Detail;
use crate::view::sockets;
use crate::view::text::{self, escape};
use crate::view::{Paint, Style};

/// To the top left, without wiping: what is written next covers what is there, and nothing flickers.
const HOME: &str = "\x1b[H";
/// Wipes the rest of a line.
const REST_OF_LINE: &str = "\x1b[K";
/// Wipes what is below.
const BELOW: &str = "\x1b[J";

/// Which sockets were asked for.
#[derive(Clone, Debug)]
enum Wanted {
    /// All connections.
    All,
    /// With this port at either end, or of this process.
    Number { port: Option<u16>, pid: Option<u32> },
    /// With this address and port at either end.
    End(Vec<IpAddr>, u16),
}

/// Runs it.
pub(super) fn run(args: &cli::Sockets) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let wanted = args.of.as_deref().map_or(Ok(Wanted::All), wanted)?;
    let json = args.output.format == Format::Json;
    let Some(interval) = args.watch else {
        let seen = look(&wanted)?;
        write(&shown(&seen.sockets, &seen, &wanted, &style, json))?;
        return Ok(told(&seen, &wanted, args.of.as_deref()));
    };
    let signals = Signals::catch().context("can't catch signals")?;
    let in_place = terminal.is_one && !json;
    let mut pacer = Pacer::new(Speed::Times(1.0), Some(signals))?;
    let mut seen = Seen::default();
    let mut begun = None;
    for round in 0..args.count.unwrap_or(u64::MAX) {
        if pacer.wait(due(interval, round)).context("can't wait")? == Pace::Stop {
            break;
        }
        seen = look(&wanted)?;
        let since = seen.time.nanos_since(*begun.get_or_insert(seen.time));
        let page = |sockets: &[Detail]| {
            let page = shown(sockets, &seen, &wanted, &style, json);
            headed(&page, &seen, since, &style)
        };
        let page = if in_place {
            let rows = terminal_size::terminal_size().map_or(usize::MAX, |(_, rows)| rows.0.into());
            over(
                &fitting(&seen.sockets, rows, &style, page),
                rows,
                round == 0,
            )
        } else if json {
            shown(&seen.sockets, &seen, &wanted, &style, json)
        } else {
            page(&seen.sockets) + "\n"
        };
        write(&page)?;
    }
    Ok(told(&seen, &wanted, args.of.as_deref()))
}

/// When a round is due, on a clock that begins with the first.
fn due(interval: Duration, round: u64) -> Timestamp {
    let each = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(each.saturating_mul(round))
}

/// What was found at a time.
#[derive(Default)]
struct Seen {
    sockets: Vec<Detail>,
    time: Timestamp,
    /// Whether there are processes that we may not look into.
    some_hidden: bool,
}

fn look(wanted: &Wanted) -> Result<Seen> {
    let found = machine::details().context("can't ask the kernel for its sockets (sock_diag)")?;
    let time = clock::now();
    let owners = Owners::look();
    let mut sockets: Vec<Detail> = found
        .into_iter()
        .map(|(mut socket, number)| {
            socket.owners = owners.of(number);
            socket
        })
        .filter(|it| is_meant(it, wanted))
        .collect();
    sockets.sort_by_key(|it| (it.state != TcpState::Listen, it.local.1, it.local, it.peer));
    Ok(Seen {
        sockets,
        time,
        some_hidden: owners.hidden > 0,
    })
}

fn is_meant(it: &Detail, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::All => it.state != TcpState::Listen && it.peer.1 != 0,
        Wanted::Number { port, pid } => {
            let of_port = port.is_some_and(|port| it.local.1 == port || it.peer.1 == port);
            of_port || pid.is_some_and(|pid| it.owners.iter().any(|owner| owner.pid == pid))
        }
        Wanted::End(addresses, port) => {
            let is = |(address, its): (IpAddr, u16)| {
                its == *port && addresses.contains(&address.to_canonical())
            };
            is(it.local) || is(it.peer)
        }
    }
}

/// These of the sockets that were seen.
fn shown(these: &[Detail], seen: &Seen, wanted: &Wanted, style: &Style, json: bool) -> String {
    if json {
        let lines = these.iter();
        return lines.map(|it| sockets::json_line(it, seen.time)).collect();
    }
    if matches!(wanted, Wanted::All) {
        return sockets::overview(these, seen.some_hidden, style);
    }
    let blocks: Vec<_> = these.iter().map(|it| sockets::detail(it, style)).collect();
    blocks.join("\n")
}

/// The page of as many sockets, from the first on, as fit so many rows; and how many do not. The first is there
/// in any case.
fn fitting(
    all: &[Detail],
    rows: usize,
    style: &Style,
    page: impl Fn(&[Detail]) -> String,
) -> String {
    let fits = |page: &str, most: usize| page.lines().count() <= most;
    let whole = page(all);
    let room = rows.saturating_sub(1);
    if all.len() < 2 || fits(&whole, room) {
        return whole;
    }
    // The more sockets, the more lines.
    let (mut enough, mut too_many) = (1, all.len());
    while enough + 1 < too_many {
        let middle = usize::midpoint(enough, too_many);
        let some = all.get(..middle).unwrap_or(all);
        if fits(&page(some), room.saturating_sub(1)) {
            enough = middle;
        } else {
            too_many = middle;
        }
    }
    let some = page(all.get(..enough).unwrap_or(all));
    let room = room.saturating_sub(1).max(1);
    let some: Vec<_> = some.lines().take(room).collect();
    let more = format!(
        "and {}: a PORT or a PID chooses",
        units::plural((all.len() - enough) as u64, "more socket")
    );
    let more = text::fit(&more, style.width.into());
    format!(
        "{}\n{}\n",
        some.join("\n"),
        style.paint(Paint::Caution, more)
    )
}

/// A page of a watch, with the time since it began.
fn headed(page: &str, seen: &Seen, since_ns: u64, style: &Style) -> String {
    let nothing = if seen.sockets.is_empty() {
        "no such socket now\n"
    } else {
        ""
    };
    let head = format!("after {} s (Ctrl-C ends)", units::seconds(since_ns));
    format!("{}\n{nothing}{page}", style.paint(Paint::Dim, head))
}

/// A page over the one before it; no line of that shows through. What does not fit the screen is left out,
/// or the terminal would roll.
fn over(page: &str, rows: usize, first: bool) -> String {
    let lines: Vec<&str> = page.lines().take(rows.saturating_sub(1).max(1)).collect();
    // At first the screen is wiped, for there the page does not cover what is not its own.
    let start = if first { "\x1b[2J" } else { "" };
    let mut out = format!("{start}{HOME}");
    for line in lines {
        out.push_str(line);
        out.push_str(REST_OF_LINE);
        out.push('\n');
    }
    out.push_str(BELOW);
    out
}

/// Says on standard error that there is nothing, and gives the exit code for that.
fn told(seen: &Seen, wanted: &Wanted, of: Option<&str>) -> ExitCode {
    if !seen.sockets.is_empty() || matches!(wanted, Wanted::All) {
        return ExitCode::SUCCESS;
    }
    let hidden = match wanted {
        Wanted::Number { pid: Some(_), .. } if seen.some_hidden => {
            "; of other users' programs only root may know: sudo wirelab sockets"
        }
        _ => "",
    };
    let of = escape(of.unwrap_or_default());
    let _ = writeln!(
        io::stderr(),
        "sockets: {of}: no TCP socket here has that port, end or process now{hidden}"
    );
    ExitCode::FAILURE
}

fn write(said: &str) -> Result<(), Stopped> {
    let mut out = output::stdout();
    out.write_all(said.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)
}

/// What the words mean.
fn wanted(text: &str) -> Result<Wanted> {
    if let Some(pid) = text.strip_prefix("pid:") {
        let Ok(pid) = pid.parse() else {
            bail!("{}: pid: wants the number of a process", escape(text));
        };
        let port = None;
        return Ok(Wanted::Number {
            port,
            pid: Some(pid),
        });
    }
    if let Some(port) = text.strip_prefix(':') {
        let port = Some(port_of(port)?);
        return Ok(Wanted::Number { port, pid: None });
    }
    if let Ok(number) = text.parse::<u32>() {
        return Ok(Wanted::Number {
            port: u16::try_from(number).ok(),
            pid: Some(number),
        });
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        let port = Some(port_of(text)?);
        return Ok(Wanted::Number { port, pid: None });
    };
    let port = port_of(port)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = machine::look_up(bare)
        .with_context(|| format!("can't find the address of {}", escape(bare)))?;
    let addresses = found.addresses.iter().map(IpAddr::to_canonical);
    Ok(Wanted::End(addresses.collect(), port))
}

/// A port by number or by the name of its service.
fn port_of(text: &str) -> Result<u16> {
    if let Ok(port) = text.parse() {
        return Ok(port);
    }
    let known = machine::services().port(text);
    known.with_context(|| {
        format!(
            "{}: neither a port from 0 to 65535 nor the name of a service; give PORT, PID or HOST:PORT, such as 8080, ssh or 192.0.2.7:443",
            escape(text)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::Info;

    fn many(count: u16) -> Vec<Detail> {
        let address = IpAddr::from([127, 0, 0, 1]);
        let one = |port: u16| Detail {
            local: (address, port),
            peer: (address, 9),
            state: TcpState::Established,
            timer: None,
            receive_queue: 0,
            send_queue: 0,
            unsent: Some(0),
            accept_queue: None,
            memory: None,
            info: Info::default(),
            congestion_control: None,
            user: 0,
            owners: Vec::new(),
        };
        (1..=count).map(one).collect()
    }

    #[test]
    fn what_does_not_fit_the_screen_is_counted() {
        let all = many(100);
        let seen = Seen::default();
        let style = Style::default();
        for wanted in [Wanted::All, Wanted::End(Vec::new(), 9)] {
            let page = |these: &[Detail]| {
                let page = shown(these, &seen, &wanted, &style, false);
                format!("head\n{page}")
            };
            for rows in [4, 24, 50] {
                let fits = fitting(&all, rows, &style, page);
                assert!(fits.lines().count() < rows, "{rows}: {fits}");
                let shown = (1..=100).filter(|port| {
                    let own = format!("127.0.0.1:{port} ");
                    fits.lines().any(|line| line.starts_with(&own))
                });
                let said = format!("and {} more sockets", 100 - shown.count().max(1));
                assert!(fits.contains(&said), "{said}: {fits}");
            }
            assert_eq!(fitting(&all, usize::MAX, &style, page), page(&all));
            assert_eq!(fitting(&many(1), 3, &style, page), page(&many(1)));
        }
    }
}
