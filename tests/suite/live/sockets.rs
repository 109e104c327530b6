//! `wirelab sockets` in namespaces of its own: every figure that it and `ss` both show is the same, for
//! connections that are open, stopped by a closed window, on a wire that loses, and over IPv6; and the
//! sentence beneath says what is so.

use std::cell::Cell;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wirelab::io::clock::Stopwatch;

use super::net::{CLIENT, Net, PATIENCE, SERVER, inside, ip, live_or_skip};
use super::program::{Reachable, WIRELAB, wait_until};
use crate::schema::schema;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

fn on(host: &str, program: &str, words: &[&str]) -> Output {
    inside(host, || Command::new(program).args(words).output()).expect("it runs")
}

/// The line of the one socket with that own port and a peer.
fn ours(host: &str, port: u16) -> Value {
    let of = format!(":{port}");
    let output = on(host, WIRELAB, &["sockets", &of, "--format", "json"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let schema = schema();
    let mut found = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert!(schema.is_valid(&line), "{line}");
        line
    });
    let found = found.find(|it| it["port"] == port && it["state"] != "LISTEN");
    found.unwrap_or_else(|| panic!("no socket with port {port}: {text}"))
}

/// What `ss` says of the same: the words of its one line.
fn theirs(host: &str, port: u16) -> Vec<String> {
    let filter = format!("( sport = :{port} )");
    let output = on(host, "ss", &["-tinmoOH", &filter]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.split_whitespace().map(str::to_owned).collect()
}

/// The page for people.
fn page(host: &str, port: u16) -> String {
    let of = format!(":{port}");
    let output = on(host, WIRELAB, &["sockets", &of]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    // A sentence is broken where the line ends.
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What of a line stays while nothing happens.
fn still(line: &Value) -> Value {
    let mut line = line.clone();
    for moves in ["time", "timer", "waits", "busy_ns", "rwnd_limited_ns"] {
        line[moves] = Value::Null;
    }
    line
}

/// Compares every figure that both show, taken between two looks that are alike: else `ss` may have seen
/// another moment. How many were compared.
fn compare(host: &str, port: u16) -> usize {
    let watch = Stopwatch::start();
    loop {
        let before = ours(host, port);
        let words = theirs(host, port);
        let after = ours(host, port);
        if still(&before) == still(&after) {
            return each(&before, &words);
        }
        assert!(watch.elapsed() < PATIENCE, "it never stands still: {after}");
    }
}

/// Every word of `ss` that has a counterpart.
fn each(line: &Value, words: &[String]) -> usize {
    let number = |key: &str| line[key].as_u64();
    assert_eq!(words[1], line["recv_queue"].to_string(), "Recv-Q {words:?}");
    assert_eq!(words[2], line["send_queue"].to_string(), "Send-Q {words:?}");
    let compared = Cell::new(2);
    let same = |key: &str, ours: Option<u64>, value: &str| {
        let theirs: u64 = value.parse().unwrap_or_else(|_| panic!("{key}:{value}"));
        assert_eq!(ours, Some(theirs), "{key}: {line} and {words:?}");
        compared.set(compared.get() + 1);
    };
    for word in words {
        let Some((key, value)) = word.split_once(':') else {
            continue;
        };
        match key {
            "skmem" => {
                let inner = value.trim_matches(['(', ')']);
                for part in inner.split(',') {
                    let at = part.find(|c: char| c.is_ascii_digit()).expect("a number");
                    let (name, value) = part.split_at(at);
                    let name = match name {
                        "r" => "rmem_alloc",
                        "rb" => "rcvbuf",
                        "t" => "wmem_alloc",
                        "tb" => "sndbuf",
                        "w" => "wmem_queued",
                        "bl" => "backlog",
                        "d" => "drops",
                        _ => continue,
                    };
                    same(name, line["memory"][name].as_u64(), value);
                }
            }
            "wscale" => {
                let (snd, rcv) = value.split_once(',').expect("two");
                same("snd_wscale", number("snd_wscale"), snd);
                same("rcv_wscale", number("rcv_wscale"), rcv);
            }
            "rtt" => {
                let (rtt, var) = value.split_once('/').expect("two");
                for (key, value) in [("srtt_ns", rtt), ("rttvar_ns", var)] {
                    same(key, number(key), &milliseconds(value));
                }
            }
            "rto" => same("rto", number("rto_ns"), &milliseconds(value)),
            "minrtt" => same("minrtt", number("min_rtt_ns"), &milliseconds(value)),
            "retrans" => {
                let (now, total) = value.split_once('/').expect("two");
                same("retrans", number("retrans"), now);
                same("total_retrans", number("total_retrans"), total);
            }
            "mss" => same(key, number("snd_mss"), value),
            "rcvmss" => same(key, number("rcv_mss"), value),
            "notsent" => same(key, number("unsent"), value),
            "advmss" | "pmtu" | "cwnd" | "ssthresh" | "unacked" | "sacked" | "lost" | "backoff"
            | "snd_wnd" | "rcv_wnd" | "bytes_sent" | "bytes_retrans" | "bytes_acked"
            | "bytes_received" => same(key, number(key), value),
            "timer" => {
                let kind = value.trim_start_matches('(').split(',').next();
                let ours = match line["timer"]["kind"].as_str() {
                    Some("retransmission") => "on",
                    Some(other) => other,
                    None => "",
                };
                assert_eq!(kind, Some(ours), "{line} and {words:?}");
                compared.set(compared.get() + 1);
            }
            _ => {}
        }
    }
    let by = line["congestion_control"].as_str().expect("a name");
    assert!(words.iter().any(|word| word == by), "{by} in {words:?}");
    compared.get() + 1
}

/// Milliseconds with decimals as nanoseconds.
fn milliseconds(text: &str) -> String {
    let ms: f64 = text.parse().expect("a number");
    format!("{}", (ms * 1000.0).round() as u64 * 1000)
}

/// A connection from the client to that address of the server, with small buffers.
fn connected(net: &Net, address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = inside(&net.server, || TcpListener::bind((address, 0))).expect("a free port");
    let port = listener.local_addr().expect("its port").port();
    let client = inside(&net.client, || TcpStream::connect((address, port))).expect("connect");
    let (served, _) = listener.accept().expect("accept");
    (listener, client, served)
}

fn port(stream: &TcpStream) -> u16 {
    stream.local_addr().expect("its end").port()
}

/// Writes until no more fits, and goes on not to for a while.
fn fill(stream: &mut TcpStream) {
    stream.set_nonblocking(true).expect("non-blocking");
    let watch = Stopwatch::start();
    let mut quiet = 0;
    while quiet < 5 && watch.elapsed() < PATIENCE {
        if stream.write_all(&[7; 4096]).is_ok() {
            quiet = 0;
        } else {
            quiet += 1;
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_open_connection_is_as_ss_has_it() {
    let Some(net) = live_or_skip() else { return };
    let (_listener, mut client, served) = connected(&net, SERVER);
    client.write_all(&[7; 5_000]).expect("room");
    thread::sleep(Duration::from_millis(100));
    assert!(compare(&net.client, port(&client)) > 20);
    assert!(compare(&net.server, port(&served)) > 18);
    assert_eq!(ours(&net.server, port(&served))["recv_queue"], 5_000);
    let said = page(&net.server, port(&served));
    assert!(
        said.contains("5,000 bytes wait for this application to call recv()"),
        "{said}"
    );
    // The listener is no connection; this test is who has it.
    assert!(said.contains("LISTEN"), "{said}");
    assert!(
        said.contains(&format!("({})", std::process::id())),
        "{said}"
    );

    let binary = Reachable::make();
    let nobody = inside(&net.client, || {
        Command::new(binary.path())
            .args(["sockets", &format!("{CLIENT}:{}", port(&client))])
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
    })
    .expect("it runs");
    let said = String::from_utf8_lossy(&nobody.stdout);
    assert!(
        said.contains("ESTABLISHED"),
        "figures need no rights: {said}"
    );
    assert!(!said.contains("suite"), "names do: {said}");
}

#[test]
fn a_closed_window_is_as_ss_has_it_and_said_to_be_the_reader_s_doing() {
    let Some(net) = live_or_skip() else { return };
    let (_listener, mut client, served) = connected(&net, SERVER);
    fill(&mut client);
    assert!(compare(&net.client, port(&client)) > 20);
    assert!(compare(&net.server, port(&served)) > 18);
    let line = ours(&net.client, port(&client));
    assert_eq!(line["snd_wnd"], 0, "{line}");
    assert_eq!(line["timer"]["kind"], "persist", "{line}");
    assert_eq!(line["waits"][0]["kind"], "closed-window", "{line}");
    let said = page(&net.client, port(&client));
    assert!(
        said.contains("the peer's window is closed: its application does not read"),
        "{said}"
    );
    let line = ours(&net.server, port(&served));
    assert_eq!(line["waits"][0]["kind"], "reader-stops-peer", "{line}");
}

#[test]
fn what_is_lost_is_as_ss_has_it() {
    let Some(net) = live_or_skip() else { return };
    let (_listener, mut client, _served) = connected(&net, SERVER);
    client.write_all(&[7; 2_000]).expect("room");
    thread::sleep(Duration::from_millis(100));
    // All that is sent from now on is lost: nobody has that address any more, and the client's cable
    // still carries.
    let (s, wire) = (&net.server, Net::IFACE);
    ip(&format!("-n {s} addr del {SERVER}/24 dev {wire}")).expect("taken away");
    ip(&format!(
        "-n {} neigh replace {SERVER} lladdr 02:00:00:00:00:99 dev {wire} nud permanent",
        net.client
    ))
    .expect("an address of nobody");
    client.write_all(&vec![7; 20_000]).expect("room");
    wait_until("two timeouts", || {
        ours(&net.client, port(&client))["timer"]["tries"].as_u64() >= Some(2)
    });
    assert!(compare(&net.client, port(&client)) > 22);
    let line = ours(&net.client, port(&client));
    assert_eq!(line["waits"][0]["kind"], "retransmission", "{line}");
    assert!(line["lost"].as_u64() > Some(0), "{line}");
    let said = page(&net.client, port(&client));
    assert!(said.contains("timed out"), "{said}");
}

#[test]
fn over_ipv6_it_is_as_ss_has_it() {
    let Some(net) = live_or_skip() else { return };
    let wire = Net::IFACE;
    for (host, address) in [(&net.client, "fd00::1"), (&net.server, "fd00::2")] {
        ip(&format!("-n {host} addr add {address}/64 dev {wire} nodad")).expect("an address");
    }
    let (_listener, mut client, served) = connected(&net, "fd00::2");
    fill(&mut client);
    assert!(compare(&net.client, port(&client)) > 20);
    assert!(compare(&net.server, port(&served)) > 18);
    let end = format!("[fd00::2]:{}", port(&served));
    let output = on(&net.client, WIRELAB, &["sockets", &end]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&end), "{said}");
}

#[test]
fn a_watch_looks_as_often_as_it_is_told_and_sees_the_buffer_fill() {
    let Some(net) = live_or_skip() else { return };
    let (_listener, mut client, _served) = connected(&net, SERVER);
    let of = port(&client).to_string();
    let words = [
        "sockets", &of, "--watch", "0.1", "--count", "5", "--format", "json",
    ];
    let lines = thread::scope(|scope| {
        let watch = scope.spawn(|| on(&net.client, WIRELAB, &words));
        fill(&mut client);
        watch.join().expect("it ends")
    });
    let text = String::from_utf8_lossy(&lines.stdout);
    let queues: Vec<_> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["send_queue"].as_u64())
        .collect();
    assert_eq!(queues.len(), 5, "{text}");
    assert!(queues[4] > 0, "{queues:?}");

    let output = on(&net.client, WIRELAB, &["sockets", ":1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no TCP socket here"), "{said}");
}
