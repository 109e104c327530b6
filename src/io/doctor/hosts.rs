//! The lab itself: two hosts, a connection between them over TCP, a word each way.
//!
//! The strongest probe there is: what an experiment does, done once. Each host is asked for another
//! congestion control, so that both are seen at work.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};

use super::child::Teller;
use crate::io::clock::Stopwatch;
use crate::io::lab::host::{Host, open};
use crate::lab::Both;
use crate::lab::experiment::{Experiment, PORT};

/// What the hosts are.
const EXPERIMENT: &str = r#"
title = "doctor"
look_for = "whether two hosts can talk here"
[client.sysctl]
"net.ipv4.tcp_congestion_control" = "reno"
[server.sysctl]
"net.ipv4.tcp_congestion_control" = "cubic"
"#;

/// A handshake takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the wire waits for frames before it looks whether all is over.
const TURN_MS: u16 = 20;

/// What a program came to: what it heard, and its congestion control.
type Heard = io::Result<(String, String)>;

/// Opens the hosts, has them talk, and asks which congestion control they used.
pub(super) fn try_lab(teller: &mut Teller<'_>) -> io::Result<()> {
    let mut hosts = None;
    teller.step("hosts", || {
        let experiment = Experiment::parse(EXPERIMENT).map_err(io::Error::other)?;
        let watch = Stopwatch::start();
        hosts = Some(open(&experiment).map_err(io::Error::other)?);
        Ok(format!(
            "two hosts stood after {} ms",
            watch.elapsed().as_millis()
        ))
    })?;
    let Some(hosts) = hosts else { return Ok(()) };
    let mut used = None;
    teller.step("handshake", || {
        let (frames, client, server) = talk(&hosts)?;
        let detail = format!("two hosts talked over TCP, {frames} frames on the wire");
        used = Some((client, server));
        Ok(detail)
    })?;
    let Some((client, server)) = used else {
        return Ok(());
    };
    teller.step("reno", || expect(&client, "reno"))?;
    teller.step("cubic", || expect(&server, "cubic"))?;
    Ok(())
}

fn expect(used: &str, wanted: &str) -> io::Result<String> {
    if used == wanted {
        Ok("a connection used it".to_owned())
    } else {
        Err(Errno::ENOENT.into())
    }
}

/// Carries the frames of one conversation: how many, and both ends' congestion control.
fn talk(hosts: &Both<Host>) -> io::Result<(u64, String, String)> {
    let (client, server) = converse(hosts)?;
    let mut frames = 0;
    let mut ends = (None, None);
    let mut buffer = vec![0; 65_536];
    let watch = Stopwatch::start();
    while ends.0.is_none() || ends.1.is_none() {
        if watch.elapsed() > PATIENCE {
            let what = format!("the hosts stand, but do not talk: {frames} frames in {PATIENCE:?}");
            return Err(io::Error::other(what));
        }
        frames += carry(hosts, &mut buffer)?;
        ends.0 = ends.0.or_else(|| client.try_recv().ok());
        ends.1 = ends.1.or_else(|| server.try_recv().ok());
    }
    let end = |heard: Option<Heard>, words: &str| -> io::Result<String> {
        let (heard, congestion) = heard.unwrap_or_else(|| Err(io::Error::other("no answer")))?;
        if heard != words {
            return Err(io::Error::other(format!(
                "what arrived was {heard:?}, not {words:?}"
            )));
        }
        Ok(congestion)
    };
    Ok((frames, end(ends.0, ANSWER)?, end(ends.1, QUESTION)?))
}

const QUESTION: &str = "how do you do";
const ANSWER: &str = "very well, thank you";

/// Starts a program on each host.
fn converse(hosts: &Both<Host>) -> io::Result<(Receiver<Heard>, Receiver<Heard>)> {
    let (of_client, client) = channel();
    let (of_server, server) = channel();
    let (listening, listens) = channel();
    let address = hosts.server.address();
    hosts.server.spawn("server", move || {
        let heard = listen(address).and_then(|listener| {
            let _ = listening.send(());
            say(listener.accept()?.0, ANSWER)
        });
        let _ = of_server.send(heard);
    })?;
    hosts.client.spawn("client", move || {
        let _ = listens.recv_timeout(PATIENCE);
        let to = SocketAddr::new(address, PORT);
        let heard = TcpStream::connect_timeout(&to, PATIENCE).and_then(|it| say(it, QUESTION));
        let _ = of_client.send(heard);
    })?;
    Ok((client, server))
}

fn listen(address: IpAddr) -> io::Result<TcpListener> {
    TcpListener::bind((address, PORT))
}

/// Says something, hears all that the other says.
fn say(mut stream: TcpStream, words: &str) -> Heard {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(words.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    let congestion = getsockopt(&stream, sockopt::TcpCongestion)?;
    let congestion = congestion.to_string_lossy();
    Ok((heard, congestion.trim_end_matches('\0').to_owned()))
}

/// Takes what has come from each host to the other; how many frames.
fn carry(hosts: &Both<Host>, buffer: &mut [u8]) -> io::Result<u64> {
    let ways = [
        (hosts.client.tap(), hosts.server.tap()),
        (hosts.server.tap(), hosts.client.tap()),
    ];
    let mut waiting = ways.map(|(from, _)| PollFd::new(from.as_fd(), PollFlags::POLLIN));
    match poll(&mut waiting, PollTimeout::from(TURN_MS)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut frames = 0;
    for (from, to) in ways {
        while let Some(length) = from.read(buffer)? {
            to.write(buffer.get(..length).unwrap_or_default())?;
            frames += 1;
        }
    }
    Ok(frames)
}
