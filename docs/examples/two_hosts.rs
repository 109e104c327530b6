//! Two hosts with the kernel's own TCP, and a wire that names each frame it carries.
//!
//! ```text
//! cargo build --example two_hosts
//! sudo target/debug/examples/two_hosts [EXPERIMENT.toml] [--hold]
//! ```
//!
//! The client asks, the server answers. Of the experiment only the hosts are taken: addresses, kernel
//! settings, network. With `--hold` the hosts stay until Enter is pressed, and can be entered.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::{env, fs};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wirelab::io::clock::Stopwatch;
use wirelab::io::lab::host::{Host, open};
use wirelab::lab::Both;
use wirelab::lab::experiment::Experiment;

const PLAIN: &str = "title = 'two hosts'\nlook_for = 'the frames of a connection'";
const PORT: u16 = 80;
/// When nothing has moved for so long, the conversation is over. Duplicate address detection takes a
/// second in which little moves.
const QUIET_MS: u16 = 1500;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "two_hosts: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (options, files): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|it| it == "--hold");
    let text = files.first().map(fs::read_to_string).transpose()?;
    let experiment = Experiment::parse(text.as_deref().unwrap_or(PLAIN))?;

    let clock = Stopwatch::start();
    let hosts = open(&experiment)?;
    let mut out = io::stdout();
    writeln!(out, "both hosts stand after {:?}", clock.elapsed())?;
    for host in [&hosts.client, &hosts.server] {
        writeln!(out, "{} {}: {}", host.side(), host.address(), host.enter())?;
    }

    let heard = converse(&hosts)?;
    carry(&hosts, clock, &mut out)?;
    for line in heard.try_iter() {
        writeln!(out, "{line}")?;
    }
    for host in [&hosts.client, &hosts.server] {
        writeln!(out, "{} counted {:?}", host.side(), host.counters()?)?;
    }
    if !options.is_empty() {
        writeln!(out, "press Enter to end")?;
        io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}

/// Starts a program on each host; gives what they heard.
fn converse(hosts: &Both<Host>) -> io::Result<Receiver<String>> {
    let (say, heard) = channel();
    let (listening, listens) = channel();
    let server = hosts.server.address();
    let (of_server, of_client) = (say.clone(), say);
    hosts.server.spawn("server", move || {
        let line = serve(server, || listening.send(()).unwrap_or_default());
        let _ = of_server.send(format!("server heard {line:?}"));
    })?;
    hosts.client.spawn("client", move || {
        let _ = listens.recv();
        let line = TcpStream::connect((server, PORT)).and_then(|it| talk(it, "how do you do"));
        let _ = of_client.send(format!("client heard {line:?}"));
    })?;
    Ok(heard)
}

fn serve(address: IpAddr, listening: impl FnOnce()) -> io::Result<String> {
    let listener = TcpListener::bind((address, PORT))?;
    listening();
    talk(listener.accept()?.0, "very well, thank you")
}

/// Says something, and hears all that the other says.
fn talk(mut stream: TcpStream, say: &str) -> io::Result<String> {
    stream.write_all(say.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    Ok(heard)
}

/// Carries frames from each TAP to the other until nothing moves any more.
fn carry(hosts: &Both<Host>, clock: Stopwatch, out: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 65536];
    let ways = [
        (&hosts.client, &hosts.server),
        (&hosts.server, &hosts.client),
    ];
    loop {
        let mut fds = ways.map(|(from, _)| PollFd::new(from.tap().as_fd(), PollFlags::POLLIN));
        if poll(&mut fds, PollTimeout::from(QUIET_MS))? == 0 {
            return Ok(());
        }
        for (from, to) in ways {
            while let Some(length) = from.tap().read(&mut buffer)? {
                let (frame, _) = buffer.split_at(length);
                let (now, side) = (clock.elapsed(), from.side());
                writeln!(out, "{now:?} {side} sends {length} bytes")?;
                to.tap().write(frame)?;
            }
        }
    }
}
