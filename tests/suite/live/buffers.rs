//! `server` and `client` with `--watch`, and with several clients at once: the buffers that fill while a reader
//! is slow, seen at both ends; and a terminal on which somebody types meanwhile.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::net::{SERVER, inside, live_or_skip};
use super::program::{WIRELAB, wait_until};
use super::screen::{AtTerminal, Screen};
use super::talker::{Talker, connect, listener};
use crate::step::terminal::Terminal;

fn ours(words: &[&str]) -> Command {
    let mut command = Command::new(WIRELAB);
    command.args(words);
    command
}

/// The lines about sockets.
fn sockets(lines: &[Value]) -> Vec<&Value> {
    let all = lines.iter().filter(|it| it["type"] == "socket-detail");
    all.collect()
}

#[test]
fn a_slow_reader_s_buffer_fills_its_window_closes_and_the_sender_s_buffer_is_full() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("much");
    fs::write(&file, b"0123456789abcde\n".repeat(1 << 14)).expect("written");
    let file = format!("@{}", file.display());
    let start = |host: &str, words: &[&str]| inside(host, || Talker::start(ours(words)));
    let at = format!("{SERVER}:8080");
    let server = start(
        &net.server,
        &[
            "server",
            &at,
            "--watch=0.05",
            "--slow-read",
            "5000",
            "--rcvbuf",
            "4096",
            "--format",
            "json",
        ],
    );
    server.shows("\"listen\"");
    let client = start(
        &net.client,
        &[
            "client",
            SERVER,
            "8080",
            "--watch=0.05",
            "--sndbuf",
            "16384",
            "--send",
            &file,
            "--format",
            "json",
        ],
    );
    client.shows("\"full\":true");
    client.shows("\"kind\":\"closed-window\"");
    server.shows("\"kind\":\"reader-stops-peer\"");
    // It goes on: bytes are read, and the queue at the other end moves.
    let moved = || {
        let shown = client.shown();
        let acked = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["snd_wnd"] == 0).then(|| line["bytes_acked"].as_u64())?
        };
        let acked: Vec<_> = shown.lines().filter_map(acked).collect();
        acked.first() < acked.last()
    };
    wait_until("the window to open and close again", moved);
    client.signal(Signal::SIGINT);
    let client = client.over();
    server.signal(Signal::SIGINT);
    let server = server.over();
    let (sent, got) = (client.lines(), server.lines());
    let full = sockets(&sent)
        .into_iter()
        .find(|it| it["full"] == true && it["snd_wnd"] == 0)
        .expect("full, and no window")
        .clone();
    assert!(full["unsent"].as_u64() > Some(0), "{full}");
    assert_eq!(full["state"], "ESTABLISHED");
    assert_eq!(
        full["memory"]["sndbuf"], 32_768,
        "what SO_SNDBUF made: {full}"
    );
    let closed = sockets(&got)
        .into_iter()
        .find(|it| it["rcv_wnd"] == 0)
        .expect("a closed window")
        .clone();
    assert!(closed["recv_queue"].as_u64() > Some(1000), "{closed}");
    assert_eq!(sockets(&sent)[0]["port"], full["port"]);
}

#[test]
fn in_a_pipe_buffers_are_told_when_they_change_and_not_else() {
    let (listener, port) = listener();
    let client = Talker::start(ours(&["client", "127.0.0.1", &port, "--watch=0.02"]));
    let (mut stream, _) = listener.accept().expect("it connects");
    client.shows("buffers, ESTABLISHED");
    thread::sleep(Duration::from_millis(600));
    let calm = client.shown().matches("buffers, ").count();
    assert!(calm <= 3, "thirty looks at nothing new: {}", client.shown());
    let mut client = client;
    client.types("nobody reads this\n");
    // Both ends are on this machine, so the other one's buffer is seen as well.
    client.shows("18 to be read");
    stream.read_exact(&mut [0; 18]).expect("the line");
    client.signal(Signal::SIGINT);
    let over = client.over();
    assert_eq!(over.code, Some(0), "{}", over.said);
    assert!(over.shown.contains("peer's buffer   ["), "{}", over.shown);
    assert!(!over.shown.contains('\u{1b}'), "{}", over.shown);
    assert!(
        over.shown.lines().all(|line| line.chars().count() <= 80),
        "{}",
        over.shown
    );
}

#[test]
fn on_a_terminal_the_buffers_stand_below_and_lines_are_typed_above() {
    let mut server = AtTerminal::start(ours(&["server", "127.0.0.1:0", "--watch=0.02"]));
    server.shows("nobody is connected");
    let port = chosen(&server);
    let mut one = connect(port);
    server.shows("── buffers  #1 127.0.0.1:");
    // Begun, then something is told, then ended: neither is torn.
    server.types("first ");
    server.shows("first");
    thread::sleep(Duration::from_millis(200));
    one.write_all("说\n".as_bytes()).expect("sent");
    server.shows("← \"说\\n\"");
    server.types("half\n");
    let mut got = [0; 11];
    one.read_exact(&mut got).expect("the line");
    assert_eq!(&got, b"first half\n");
    server.shows("→ \"first half\\n\"");
    let lines = server.lines();
    let at = |what: &str| {
        lines
            .iter()
            .position(|line| line.contains(what))
            .unwrap_or_else(|| panic!("{what} in {lines:#?}"))
    };
    let rule = at("── buffers");
    assert!(lines.contains(&"first".to_owned()), "{lines:#?}");
    assert!(
        at("#1  recv(") < rule && at("#1  send(") < rule,
        "{lines:#?}"
    );
    assert!(rule < at("send buffer     ["), "{lines:#?}");
    assert_eq!(
        lines
            .iter()
            .filter(|it| it.contains("send buffer "))
            .count(),
        1
    );
    assert!(
        rule >= AtTerminal::ROWS / 2,
        "no more than half: {lines:#?}"
    );
    assert_eq!(server.interrupt(), Some(0));
    wait_until("the panel to go", || {
        let lines = server.lines();
        !lines.iter().any(|line| line.contains("buffers"))
    });
    server.shows("1 connection: 4 bytes received, 11 bytes sent");
}

#[test]
fn while_it_is_stopped_the_shell_has_all_lines_of_the_terminal() {
    let script = r#"set -m; "$@"; seq 100 160; read -r line; fg; echo "left with $?""#;
    let words = ["server", "127.0.0.1:0", "--watch=0.02"];
    let mut terminal = Terminal::start_by(script, "sh", &words, (24, 80), &[("NO_COLOR", "1")]);
    terminal.sees("── buffers");
    terminal.keys("\x1a");
    // The shell's lines scroll over the whole of it.
    terminal.until("the shell's lines", |terminal| {
        let text = terminal.text();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines.len() >= 23
            && lines.last() == Some(&"160")
            && lines[1..][..20].iter().all(|it| it.starts_with('1'))
    });
    assert!(!terminal.text().contains("buffers"), "{}", terminal.text());
    terminal.keys("\n");
    terminal.sees("── buffers");
    terminal.keys("\x03");
    terminal.sees("left with 0");
    assert!(
        !terminal.text().contains("── buffers"),
        "{}",
        terminal.text()
    );
}

#[test]
fn at_a_terminal_one_of_several_clients_is_addressed() {
    let mut server = AtTerminal::start(ours(&["server", "127.0.0.1:0"]));
    let port = chosen(&server);
    let mut one = connect(port);
    server.shows("#1  accept(");
    let mut two = connect(port);
    server.shows("@2 TEXT sends to #2 alone");
    let reads = |stream: &mut std::net::TcpStream, wanted: &str| {
        let mut got = vec![0; wanted.len()];
        stream.read_exact(&mut got).expect("the line");
        assert_eq!(String::from_utf8(got).expect("text"), wanted);
    };
    server.types("@2 to two\n");
    reads(&mut two, "to two\n");
    server.types("@7 to nobody\n");
    server.shows("Not sent: no client is #7 now; there are #1, #2.");
    server.types("@1\n");
    server.types("to one\n");
    reads(&mut one, "to one\n");
    server.types("@\n");
    server.types("to both\n@@2 is no address\n");
    for stream in [&mut one, &mut two] {
        reads(stream, "to both\n@2 is no address\n");
    }
    server.types("@2\n");
    server.shows("Lines go to #2 alone");
    drop(two);
    server.shows("#2 has gone: lines go to all again.");
    server.types("still there?\n");
    reads(&mut one, "still there?\n");
    assert_eq!(server.interrupt(), Some(0));
    one.set_nonblocking(true).expect("it can be");
    let nothing = one.read(&mut [0; 1]);
    assert!(
        matches!(&nothing, Ok(0))
            || nothing.is_err_and(|it| it.kind() == ErrorKind::ConnectionReset),
        "what was for #2 came to nobody else"
    );
}

#[test]
fn what_is_piped_in_is_sent_as_it_is_whoever_it_seems_to_address() {
    let mut server = Talker::start(ours(&["server", "127.0.0.1:0"]));
    let port = server.port();
    let mut one = connect(port);
    server.shows("#1 ");
    server.types("@2 is text here\n");
    let mut got = [0; 16];
    one.read_exact(&mut got).expect("the line");
    assert_eq!(&got, b"@2 is text here\n");
    server.signal(Signal::SIGINT);
    assert_eq!(server.over().code, Some(0));
}

#[test]
fn the_terminal_of_these_tests_scrolls_a_part_as_real_ones_do() {
    let bytes = b"1\r\n2\r\n\x1b7\x1b[1;2r\x1b8\x1b7\x1b[3;1Hpanel\x1b8\x1b[A\r3\r\n4\r\n5";
    assert_eq!(Screen::of(bytes, 3, 9).lines(), ["4", "5", "panel"]);
}

/// The port that the kernel chose.
fn chosen(server: &AtTerminal) -> u16 {
    server.shows("listen(");
    let lines = server.lines().join("\n");
    let (_, rest) = lines.split_once("The kernel chose port ").expect("a port");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port")
}
