//! `wirelab ports` in a namespace of its own, against sockets in every state that a server and its clients
//! pass through, beside what `ss` says of the same.

use std::io::Read;
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};
use serde_json::Value;

use super::net::{Net, SERVER, inside, live_or_skip};
use super::program::{Reachable, WIRELAB};
use crate::schema::schema;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

fn on_server(net: &Net, program: &str, words: &[&str]) -> Output {
    inside(&net.server, || Command::new(program).args(words).output()).expect("it runs")
}

/// JSON lines of `wirelab ports` on the server.
fn ports(net: &Net, words: &[&str]) -> Vec<Value> {
    let output = on_server(
        net,
        WIRELAB,
        &[&["ports", "--format", "json"], words].concat(),
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let schema = schema();
    for line in &lines {
        assert!(schema.is_valid(line), "{line}");
    }
    lines
}

fn text(net: &Net, words: &[&str]) -> (Option<i32>, String) {
    let output = on_server(net, WIRELAB, words);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
    )
}

/// A server on that port that closes first, so that the port is left in TIME-WAIT.
fn leave_in_time_wait(net: &Net, port: u16) {
    let listener = inside(&net.server, || TcpListener::bind((SERVER, port))).expect("a free port");
    let client = inside(&net.client, || TcpStream::connect((SERVER, port))).expect("connect");
    let (served, _) = listener.accept().expect("accept");
    drop(served);
    drop(client);
}

/// A connection whose server listens no more.
fn leave_open(net: &Net, port: u16, reuse: bool) -> (TcpStream, TcpStream) {
    let listener = inside(&net.server, || {
        let one = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::empty(),
            None,
        )
        .expect("a socket");
        setsockopt(&one, sockopt::ReuseAddr, &reuse).expect("SO_REUSEADDR");
        let at = SockaddrIn::from(SocketAddrV4::new(SERVER.parse().expect("an address"), port));
        bind(one.as_raw_fd(), &at).expect("a free port");
        listen(&one, Backlog::new(1).expect("a backlog")).expect("listen");
        TcpListener::from(one)
    });
    let client = inside(&net.client, || TcpStream::connect((SERVER, port))).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (server, client)
}

#[test]
fn sockets_are_those_that_ss_shows() {
    let Some(net) = live_or_skip() else { return };
    let listener = inside(&net.server, || TcpListener::bind((SERVER, 8080))).expect("a free port");
    let _v6 = inside(&net.server, || TcpListener::bind("[::]:8081")).expect("a free port");
    let _udp = inside(&net.server, || UdpSocket::bind((SERVER, 5353))).expect("a free port");
    let _client = inside(&net.client, || TcpStream::connect((SERVER, 8080))).expect("connect");
    let _served = listener.accept().expect("accept");
    leave_in_time_wait(&net, 8082);

    let mut ours: Vec<String> = ports(&net, &[])
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it["state"].as_str().unwrap_or_default(),
                it["port"]
            )
        })
        .collect();
    let theirs = on_server(&net, "ss", &["-tuanH"]);
    let mut theirs: Vec<String> = String::from_utf8_lossy(&theirs.stdout)
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let state = match words[1] {
                "ESTAB" => "ESTABLISHED",
                "UNCONN" => "UNCONNECTED",
                other => other,
            };
            format!(
                "{state} {}",
                words[4].rsplit(':').next().unwrap_or_default()
            )
        })
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
    assert!(ours.iter().any(|it| it == "TIME-WAIT 8082"), "{ours:?}");

    let (_, page) = text(&net, &["ports", "--listening"]);
    assert!(page.contains(&format!("{SERVER}:8080")), "{page}");
    // This test is who has it.
    assert!(
        page.contains(&format!("({})", std::process::id())),
        "{page}"
    );
    let waiting = ports(&net, &["--waiting"]);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    let left = waiting[0]["waits_ns"].as_u64().expect("a time");
    assert!((50_000_000_000..=60_000_000_000).contains(&left), "{left}");
}

#[test]
fn a_port_that_is_tried_is_had_or_the_reason_is_right() {
    let Some(net) = live_or_skip() else { return };
    let _listener = inside(&net.server, || TcpListener::bind((SERVER, 8080))).expect("a free port");
    leave_in_time_wait(&net, 8082);

    let (code, page) = text(&net, &["ports", "--try", "8090"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("Port 8090 is free"), "{page}");

    let (code, page) = text(&net, &["ports", "--try", "8080"]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("EADDRINUSE"), "{page}");
    assert!(
        page.contains("two sockets can't listen on one port"),
        "{page}"
    );

    let (code, page) = text(&net, &["ports", "--try", "10.77.0.2:8082"]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("1 connection is in TIME-WAIT"), "{page}");
    assert!(page.contains("With SO_REUSEADDR it works"), "{page}");

    for (port, reuse) in [(8083, true), (8084, false)] {
        let at = format!("10.77.0.2:{port}");
        let (mut server, client) = leave_open(&net, port, reuse);
        let tried = |state: &str| {
            let (code, page) = text(&net, &["ports", "--try", &at]);
            assert_eq!(code, Some(1), "{page}");
            let said = format!("1 connection is not over yet: {state}");
            assert!(page.contains(&said), "{said}: {page}");
            let helps = page.contains("With SO_REUSEADDR it works");
            assert_eq!(helps, reuse, "{page}");
            let why = "the one of the connection had not set it";
            assert_eq!(page.contains(why), !reuse, "{page}");
        };
        tried("ESTABLISHED, of suite");
        client.shutdown(Shutdown::Write).expect("half-close");
        // The FIN has come when there is nothing more to read.
        assert_eq!(server.read(&mut [0; 1]).expect("the end"), 0);
        tried("CLOSE-WAIT, of suite");
    }
    let (server, _client) = leave_open(&net, 8085, false);
    drop(server);
    // Until its FIN is acknowledged it is in FIN-WAIT-1, and that may be seen.
    let tried = || text(&net, &["ports", "--try", "10.77.0.2:8085"]).1;
    let pages = std::iter::repeat_with(tried).take(200);
    let mut pages = pages.skip_while(|page| page.contains("not over yet: FIN-WAIT-1."));
    let page = pages.next().expect("an end of FIN-WAIT-1");
    assert!(page.contains("not over yet: FIN-WAIT-2."), "{page}");

    let (code, page) = text(&net, &["ports", "--try", "192.0.2.1:80"]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("no address of this machine"), "{page}");

    let binary = Reachable::make();
    let nobody = inside(&net.server, || {
        Command::new(binary.path())
            .args(["ports", "--try", "80"])
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
    })
    .expect("it runs");
    let page = String::from_utf8_lossy(&nobody.stdout);
    assert_eq!(nobody.status.code(), Some(1), "{page}");
    assert!(
        page.contains("EACCES") && page.contains("cap_net_bind_service"),
        "{page}"
    );
}
