//! `wirelab ping` on real sockets: raw and datagram, IPv4 and IPv6, against a host that answers as it is
//! told to, so that the state of each request can be held against the truth.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use serde_json::Value;
use wirelab::wire::checksum::Sum;

use super::net::{CLIENT, Net, SERVER, inside, ip, live_or_skip, skip};
use super::program::{Reachable, Running, WIRELAB, status_of, wait_until};
use crate::schema::schema;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

/// What happens to the reply to a request.
#[derive(Clone, Copy)]
enum Fault {
    Drop,
    Twice,
    /// A bit of that byte of the ICMP message.
    Flip(usize),
    /// So many bytes of the ICMP message.
    Cut(usize),
    After(Duration),
    /// Behind the reply to the next request.
    Behind,
    From([u8; 4]),
}

/// Answers echo requests on the server's end, with faults by sequence number, until told to stop.
struct Responder<'a> {
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
    faults: &'a [(u16, Fault)],
    held: Vec<(wirelab::io::clock::Stopwatch, Duration, Vec<u8>)>,
    behind: Vec<Vec<u8>>,
}

impl<'a> Responder<'a> {
    fn new(net: &Net, faults: &'a [(u16, Fault)]) -> Self {
        let (sender, receiver) = inside(&net.server, || {
            // Of the namespace that the writer is in: the server's kernel keeps silent.
            std::fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1")
                .expect("its own setting");
            let interfaces = pnet_datalink::interfaces();
            let wire = interfaces.iter().find(|it| it.name == Net::IFACE);
            let config = Config {
                read_timeout: Some(Duration::from_millis(5)),
                ..Config::default()
            };
            match pnet_datalink::channel(wire.expect("its end"), config) {
                Ok(Channel::Ethernet(sender, receiver)) => (sender, receiver),
                other => panic!("no channel: {:?}", other.err()),
            }
        });
        Self {
            sender,
            receiver,
            faults,
            held: Vec::new(),
            behind: Vec::new(),
        }
    }

    fn run(mut self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            let request = self.receiver.next().map(<[u8]>::to_vec);
            if let Ok(request) = request {
                self.answer(&request);
            }
            let due = self
                .held
                .extract_if(.., |(since, long, _)| since.elapsed() >= *long);
            for (_, _, frame) in due.collect::<Vec<_>>() {
                self.send(&frame);
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.sender
            .send_to(frame, None)
            .expect("room")
            .expect("sent");
    }

    fn answer(&mut self, request: &[u8]) {
        let is_echo = request.get(12..14) == Some(&[8, 0])
            && request.get(23) == Some(&1)
            && request.get(34) == Some(&8);
        if !is_echo {
            return;
        }
        let mut reply = request.to_vec();
        reply[..6].copy_from_slice(&request[6..12]);
        reply[6..12].copy_from_slice(&request[..6]);
        reply[26..30].copy_from_slice(&request[30..34]);
        reply[30..34].copy_from_slice(&request[26..30]);
        reply[34] = 0;
        let seq = u16::from_be_bytes([reply[40], reply[41]]);
        let fault = self.faults.iter().find(|(it, _)| *it == seq).map(|it| it.1);
        match fault {
            Some(Fault::Drop) => return,
            Some(Fault::Cut(len)) => {
                reply.truncate(34 + len);
                reply[16..18].copy_from_slice(&(20 + len as u16).to_be_bytes());
            }
            Some(Fault::From(address)) => reply[26..30].copy_from_slice(&address),
            _ => {}
        }
        for part in [14..34, 34..reply.len()] {
            let at = part.start + if part.start == 14 { 10 } else { 2 };
            reply[at..at + 2].fill(0);
            let sum = Sum::new().add_bytes(&reply[part]).checksum();
            reply[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        match fault {
            Some(Fault::Flip(at)) => reply[34 + at] ^= 0x10,
            Some(Fault::After(long)) => {
                let now = wirelab::io::clock::Stopwatch::start();
                self.held.push((now, long, reply));
                return;
            }
            Some(Fault::Behind) => return self.behind.push(reply),
            _ => {}
        }
        self.send(&reply);
        if matches!(fault, Some(Fault::Twice)) {
            self.send(&reply);
        }
        for frame in std::mem::take(&mut self.behind) {
            self.send(&frame);
        }
    }
}

/// Runs commands on the client while the server answers with those faults.
fn against(net: &Net, faults: &[(u16, Fault)], commands: &mut [Command]) -> Vec<Output> {
    let responder = Responder::new(net, faults);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| responder.run(&over));
        let outputs = commands
            .iter_mut()
            .map(|command| inside(&net.client, move || command.output()))
            .collect::<Result<Vec<_>, _>>();
        over.store(true, Ordering::Relaxed);
        outputs.expect("they ran")
    })
}

fn ping(arguments: &str) -> Command {
    let mut command = Command::new(WIRELAB);
    command.arg("ping").args(arguments.split(' '));
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    command
}

/// The lines, each checked against the schema.
fn lines(output: &Output) -> Vec<Value> {
    let schema = schema();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert!(schema.is_valid(&value), "{line}");
            value
        })
        .collect()
}

fn states(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["state"].as_str())
        .collect()
}

#[test]
fn each_state_is_the_truth() {
    let Some(net) = live_or_skip() else { return };
    let faults = [
        (2, Fault::Drop),
        (3, Fault::Twice),
        (4, Fault::Flip(30)),
        (5, Fault::Cut(40)),
        (6, Fault::After(Duration::from_millis(900))),
        (8, Fault::Behind),
        (10, Fault::From([10, 77, 0, 9])),
    ];
    let command = ping(&format!("-c 12 -i 0.2 -W 0.6 --format json {SERVER}"));
    let [output] = &against(&net, &faults, &mut [command])[..] else {
        panic!()
    };
    let lines = lines(output);
    let expected = [
        "answered",
        "lost",
        "duplicate",
        "corrupted",
        "truncated",
        "late",
        "answered",
        "reordered",
        "answered",
        "wrong-source",
        "answered",
        "answered",
    ];
    assert_eq!(states(&lines), expected);
    let by_seq: HashMap<_, _> = lines
        .iter()
        .map(|line| (line["seq"].as_u64(), line))
        .collect();
    assert_eq!(by_seq[&Some(4)]["damage"]["byte"], 30);
    assert_eq!(by_seq[&Some(4)]["damage"]["checksum_fits"], false);
    assert_eq!(by_seq[&Some(5)]["bytes"], 40);
    assert_eq!(by_seq[&Some(10)]["from"], "10.77.0.9");
    let last = lines.last().expect("statistics");
    assert_eq!(
        (&last["type"], &last["socket"]),
        (&"statistics".into(), &"raw".into())
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn iputils_counts_the_same_on_the_same_wire() {
    let Some(net) = live_or_skip() else { return };
    if Command::new("ping").arg("-V").output().is_err() {
        return skip("iputils' ping is not installed");
    }
    let faults = [(2, Fault::Drop), (3, Fault::Twice), (5, Fault::Drop)];
    let arguments = format!("-c 8 -i 0.1 -W 1 {SERVER}");
    let mut theirs = Command::new("ping");
    theirs.args(arguments.split(' ')).env("LC_ALL", "C");
    let outputs = against(&net, &faults, &mut [ping(&arguments), theirs]);
    let counts = outputs.iter().map(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains("transmitted"));
        let line = line.unwrap_or_else(|| panic!("{text}")).to_owned();
        line.split(", time").next().unwrap_or_default().to_owned()
    });
    let counts: Vec<_> = counts.collect();
    assert_eq!(
        counts[0],
        "8 packets transmitted, 6 received, +1 duplicates, 25% packet loss"
    );
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn both_kinds_of_socket_reach_both_kinds_of_loopback() {
    let Some(net) = live_or_skip() else { return };
    inside(&net.client, || {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("opened");
    });
    for kind in ["raw", "datagram"] {
        let mut command = ping(&format!(
            "-c 3 -i 0.01 -s 55 --socket {kind} --format json 127.0.0.1 ::1"
        ));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        let lines = lines(&output);
        assert_eq!(states(&lines), ["answered"; 6]);
        let ends: Vec<_> = lines
            .iter()
            .filter(|it| it["type"] == "statistics")
            .collect();
        assert_eq!(ends.len(), 2);
        assert!(
            ends.iter()
                .all(|end| end["socket"] == kind && end["loss"] == 0.0)
        );
        assert!(
            lines
                .iter()
                .filter(|it| it["type"] == "echo")
                .all(|it| it["ttl"] == 64)
        );
    }
}

#[test]
fn a_user_without_rights_pings_over_a_datagram_socket_or_learns_why_not() {
    let Some(net) = live_or_skip() else { return };
    let binary = Reachable::make();
    let run = |arguments: &str| {
        let mut command = Command::new(binary.path());
        command
            .arg("ping")
            .args(arguments.split(' '))
            .uid(NOBODY)
            .gid(NOBODY);
        inside(&net.client, move || command.output()).expect("it ran")
    };
    let refused = run("-c 1 127.0.0.1");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said.contains("net.ipv4.ping_group_range ('1 0') has group 65534"),
        "{said}"
    );
    assert!(said.contains("sudo setcap cap_net_raw+ep"), "{said}");
    inside(&net.client, || {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "65534 65534").expect("opened");
    });
    for host in ["127.0.0.1", "::1", SERVER] {
        let lines = lines(&run(&format!("-c 2 -i 0.01 --format json {host}")));
        assert_eq!(states(&lines), ["answered"; 2]);
        assert_eq!(lines[2]["socket"], "datagram");
    }
    let flood = run("-f -c 1 127.0.0.1");
    assert_eq!(flood.status.code(), Some(2));
    let shown = run("-c 1 --show 127.0.0.1");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        text.contains("not captured: a packet socket is refused"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn nothing_is_left_of_roots_rights_and_signals_are_obeyed() {
    let Some(net) = live_or_skip() else { return };
    let running = Running::start(&net.client, &mut {
        let mut command = ping("-i 0.05 -D");
        command.arg(SERVER);
        // What waits for the capture to begin takes the first line for it.
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo 'capturing on ' >&2; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell
    });
    wait_until("replies", || {
        running.shown().matches(" bytes from ").count() >= 3
    });
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
        assert_eq!(status_of(running.pid(), set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status_of(running.pid(), "NoNewPrivs"), ["1"]);
    running.signal(Signal::SIGQUIT);
    let before = running.shown().matches(" bytes from ").count();
    wait_until("more replies after SIGQUIT", || {
        running.shown().matches(" bytes from ").count() > before + 2
    });
    running.signal(Signal::SIGQUIT);
    wait_until("and after another", || {
        running.shown().matches(" bytes from ").count() > before + 4
    });
    let ended = running.end_by(Signal::SIGINT);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains(" 0% packet loss, "),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stderr
            .matches(" packets, 0% loss, min/avg/ewma/max = ")
            .count()
            >= 2,
        "{}",
        ended.stderr
    );
}

#[test]
fn the_first_packet_is_shown_as_it_left() {
    let Some(net) = live_or_skip() else { return };
    inside(&net.client, || {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("opened");
    });
    let shown = |kind: &str| {
        let mut command = ping(&format!("-c 1 --show --explain --socket {kind} {SERVER}"));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let raw = shown("raw");
    assert!(
        raw.contains("the ICMP message left as it was built, byte for byte"),
        "{raw}"
    );
    let datagram = shown("datagram");
    assert!(
        datagram.contains("identifier 0x0000 became 0x"),
        "{datagram}"
    );
    assert!(datagram.contains("checksum 0x0000 became 0x"), "{datagram}");
    for text in [raw, datagram] {
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn an_error_is_told_over_both_kinds_of_socket() {
    let Some(net) = live_or_skip() else { return };
    inside(&net.client, || {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("opened");
    });
    // To the server, which would have to pass it on.
    ip(&format!(
        "-n {} route add 10.99.0.0/16 via {SERVER}",
        net.client
    ))
    .expect("a route");
    ip(&format!(
        "-n {} route add 10.99.0.0/16 via {CLIENT}",
        net.server
    ))
    .expect("a route on from there");
    inside(&net.server, || {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("it routes");
    });
    for kind in ["raw", "datagram"] {
        let mut command = ping(&format!(
            "-c 1 -t 1 --socket {kind} --format json 10.99.0.1"
        ));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        let lines = lines(&output);
        assert_eq!(states(&lines), ["icmp-error"]);
        let icmp = &lines[0]["icmp"];
        assert_eq!(
            (&icmp["type"], &icmp["code"], &icmp["from"]),
            (&11.into(), &0.into(), &SERVER.into())
        );
        let quoted = if kind == "raw" { 84 } else { 64 };
        assert_eq!(icmp["quoted_bytes"], quoted);
        assert_eq!(output.status.code(), Some(1));
    }
}
