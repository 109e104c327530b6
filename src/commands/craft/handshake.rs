//! `craft handshake`: gets a place for it, runs the session there, keeps and shows what happens.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cli::{self, Forget, Wrong};
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::event::HandmadeEnd;
use crate::frame::{Frame, LinkType, Timestamp};
use crate::handmade::{Config, Link, Mistake, Plan, Session, isn};
use crate::io::clock::Steady;
use crate::io::lab::handmade::{self, Ground, HandmadeError, Told};
use crate::io::privileges::{Becomes, making_files};
use crate::io::save::Saver;
use crate::io::{Interface, Signals};
use crate::lab::experiment::PORT;
use crate::lab::listener::Listener;
use crate::view::handmade::{Json, Opening, Text};
use crate::view::text;
use crate::wire::seq::Seq;

/// Our addresses in the lab, and those of its host.
const LAB_V4: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
];
const LAB_V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
];
/// Our hardware address there: locally administered.
const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// How long we stay in TIME-WAIT: nobody else has our address, and old segments have nowhere to hide.
const TIME_WAIT: Duration = Duration::from_millis(500);
/// Most bytes to send: one segment is on its way at a time.
const MOST: usize = 64 * 1024;

/// Runs it.
pub(in crate::commands) fn run(args: &cli::Handshake) -> Result<ExitCode> {
    let mistake = mistake(args)?;
    let [own, peer] = ends(args)?;
    if args.send.len() > MOST {
        bail!("--send: {} bytes; at most {MOST}", args.send.len());
    }
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let saver = args.write.as_deref().map(saver).transpose()?;
    let signals = Signals::catch().context("can't catch signals")?;
    let mut ground = ground(args, mistake, peer)?;

    let secret = RandomState::new().hash_one(0);
    let port = args.from_port.unwrap_or(49_152 + (secret % 16_384) as u16);
    let own = SocketAddr::new(own, port);
    let peer = SocketAddr::new(peer, args.port);
    let clock = Steady::start();
    let iss = args
        .isn
        .map_or_else(|| isn(own, peer, secret, clock.now()), Seq);
    let headers = if own.is_ipv6() { 40 + 20 } else { 20 + 20 };
    let config = Config {
        iss,
        window: args.window,
        mss: ground.mtu().saturating_sub(headers),
        mss_unsaid: if own.is_ipv6() { 1220 } else { 536 },
        time_wait: TIME_WAIT,
    };
    let hardware = if args.tap.is_some() {
        let mut random = HARDWARE;
        for (to, from) in random.iter_mut().skip(1).zip(secret.to_be_bytes()) {
            *to = from;
        }
        random
    } else {
        HARDWARE
    };
    let in_lab = args.tap.is_none();
    let plan = Plan {
        mistake,
        data: args.send.clone().into_bytes(),
        reply: in_lab.then_some(args.send.len() as u64),
        claim: !in_lab,
        watched: in_lab,
    };
    let mut session = Session::new(plan, Link::new(hardware, own, peer), config);
    let mut screen = Screen {
        text: Text::new(style, args.quiet),
        json: (args.output.format == cli::Format::Json).then_some(Json),
        saver,
        frames: 0,
        out: Box::new(output::stdout()),
    };
    let begun = screen.begin(&opening(args, own, peer, mistake));
    let done = begun.map_err(HandmadeError::from).and_then(|()| {
        let tell = &mut |told: Told<'_>| screen.show(&told);
        let end = handmade::run(
            &mut session,
            &mut ground,
            signals,
            args.timeout,
            clock,
            tell,
        )?;
        screen.end(&end)?;
        Ok(end)
    });
    match done {
        Ok(end) => Ok(ExitCode::from(u8::from(!end.ok))),
        Err(HandmadeError::Output(error)) => Err(Stopped::Output(error).into()),
        Err(other) => Err(other.into()),
    }
}

fn mistake(args: &cli::Handshake) -> Result<Option<Mistake>> {
    let mistake = match (args.forget, args.wrong) {
        (Some(Forget::Ack), _) => Some(Mistake::ForgetAck),
        (Some(Forget::Fin), _) => Some(Mistake::ForgetFin),
        (None, Some(Wrong::Seq)) => Some(Mistake::WrongSeq),
        (None, Some(Wrong::Ack)) => Some(Mistake::WrongAck),
        (None, Some(Wrong::Checksum)) => Some(Mistake::WrongChecksum),
        (None, None) => None,
    };
    let mistake = match (mistake, args.window) {
        (None, 0) => Some(Mistake::ZeroWindow),
        (Some(_), 0) => {
            bail!("--window 0 is a mistake of its own: one at a time shows what comes of it")
        }
        (mistake, _) => mistake,
    };
    let needs_data = matches!(mistake, Some(Mistake::ZeroWindow | Mistake::WrongChecksum));
    if needs_data && args.send.is_empty() {
        bail!("--send \"\": this mistake is one of data; send something");
    }
    Ok(mistake)
}

/// Our address and theirs.
fn ends(args: &cli::Handshake) -> Result<[IpAddr; 2]> {
    match (args.host, &args.tap, args.address) {
        (Some(host), Some(_), Some(own)) => {
            if host.is_ipv4() != own.is_ipv4() {
                bail!("--address {own} and {host} are of different versions of IP");
            }
            if host == own {
                bail!("--address {own}: that is the other end; ours has to be one that nobody has");
            }
            Ok([own, host])
        }
        (None, _, _) => Ok(if args.v6 { LAB_V6 } else { LAB_V4 }),
        (Some(host), _, _) => {
            let lab = [LAB_V4, LAB_V6]
                .into_iter()
                .find(|[_, theirs]| *theirs == host);
            if args.v6 && host.is_ipv4() {
                bail!("-6 and {host} don't go together");
            }
            lab.with_context(|| {
                format!(
                    "{host} is not in the lab, whose host is 10.0.0.2 or fd00::2. To reach others, a TAP device that \
                     leads to them and an address that nobody has are needed: --tap NAME --address ADDRESS"
                )
            })
        }
    }
}

fn ground(args: &cli::Handshake, mistake: Option<Mistake>, peer: IpAddr) -> Result<Ground> {
    if let Some(name) = &args.tap {
        return Ok(Ground::tap(name)?);
    }
    let listener = Listener {
        v6: peer.is_ipv6(),
        port: PORT,
        echo: args.send.clone().into_bytes(),
        closes_first: mistake == Some(Mistake::ForgetFin),
    };
    Ok(Ground::lab(listener.experiment()?)?)
}

fn saver(path: &Path) -> Result<Saver> {
    let name = text::escape(&path.to_string_lossy()).into_owned();
    if path == Path::new("-") {
        bail!("-w -: the frames go to a file; standard output has the explanation");
    }
    let made = making_files(Becomes::find()?, || {
        let mut saver = Saver::create(path, &[b"wirelab craft handshake".to_vec()])?;
        saver.interfaces(&[Interface {
            name: Some("made by hand".to_owned()),
            link_type: LinkType::ETHERNET,
            snaplen: 0,
            ticks_per_second: 1_000_000_000,
        }])?;
        Ok(saver)
    });
    made.map_err(|error: crate::io::save::SaveError| {
        anyhow::anyhow!("can't write {name}: {}", error.error)
    })
}

/// What is said before everything.
fn opening(
    args: &cli::Handshake,
    own: SocketAddr,
    peer: SocketAddr,
    mistake: Option<Mistake>,
) -> Opening {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = text::escape(kernel.trim()).into_owned();
    let they = match &args.tap {
        Some(name) => format!("whoever has {} behind {}", peer.ip(), text::escape(name)),
        None => format!(
            "the TCP of Linux {kernel} in a network namespace of its own; its program echoes on port {PORT}"
        ),
    };
    let mut facts = vec![
        (
            "we",
            "this program: no kernel knows our address, so none answers for us".to_owned(),
        ),
        ("they", they),
    ];
    facts.extend(mistake.map(|mistake| ("mistake", purpose(mistake).to_owned())));
    Opening {
        title: format!("a TCP connection by hand, {own} to {peer}"),
        facts,
    }
}

const fn purpose(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::ForgetAck => "the ACK that completes the handshake is not sent",
        Mistake::ForgetFin => "they close first, and we never do",
        Mistake::WrongSeq => "sequence numbers outside their window, before the right ones",
        Mistake::WrongAck => "acknowledgments of what was not sent, and of long ago",
        Mistake::WrongChecksum => "the first data go with a wrong checksum",
        Mistake::ZeroWindow => "we offer a window of 0 until they have asked four times",
    }
}

/// Where it is shown and kept.
struct Screen {
    text: Text,
    json: Option<Json>,
    saver: Option<Saver>,
    frames: u64,
    out: Box<dyn Write>,
}

impl Screen {
    fn begin(&self, opening: &Opening) -> io::Result<()> {
        if self.json.is_some() {
            return Ok(());
        }
        self.text.begin(opening, &mut output::stdout())
    }

    fn show(&mut self, told: &Told<'_>) -> io::Result<()> {
        match (told, self.json) {
            (Told::Event(event), None) => self.text.event(event, &mut self.out),
            (Told::Event(event), Some(json)) => json.event(event, &mut self.out),
            (Told::Line(line), Some(_)) => writeln!(self.out, "{}", line.to_json()),
            (Told::Line(_), None) => Ok(()),
            (Told::Frame(time, bytes, mistake), _) => self.keep(*time, bytes, *mistake),
            (Told::Pause, _) => {
                if let Some(saver) = &mut self.saver {
                    saver.flush().map_err(io::Error::other)?;
                }
                self.out.flush()
            }
        }
    }

    fn keep(&mut self, time: Timestamp, bytes: &[u8], mistake: Option<&str>) -> io::Result<()> {
        self.frames += 1;
        let Some(saver) = &mut self.saver else {
            return Ok(());
        };
        let comment = mistake.map(|mistake| format!("on purpose: {mistake}").into_bytes());
        let frame = Frame {
            number: self.frames,
            time,
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: bytes.len() as u32,
            bytes,
            comment: comment.as_deref(),
        };
        saver.frame(&frame).map_err(io::Error::other)
    }

    fn end(&mut self, end: &HandmadeEnd) -> io::Result<()> {
        if let Some(saver) = self.saver.take() {
            saver.finish(&[]).map_err(io::Error::other)?;
        }
        match self.json {
            None => self.text.end(end, &mut self.out)?,
            Some(json) => json.end(end, &mut self.out)?,
        }
        self.out.flush()
    }
}
