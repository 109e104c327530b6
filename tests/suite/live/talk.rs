//! `wirelab server` and `wirelab client` against programs that are not ours: the Python client of the study
//! notes that this project grew from, as it is written there, a Python server, and plain sockets that do what
//! real peers do: answer late, cut text in a character, reset, vanish.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};
use nix::unistd::geteuid;
use serde_json::Value;

use super::net::{SERVER, inside, live_or_skip, skip};
use super::program::{Reachable, WIRELAB};
use super::talker::{Talker, calls, connect, listener, text};

/// Section 6 of the notes, but for its address.
const NOTES: &str = r#"
import socket

if __name__ == '__main__':
    # 1.创建tcp客户端套接字
    # 1.1. AF_INET：表示ipv4
    # 1.2. SOCK_STREAM: tcp传输协议
    tcp_client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # 2.和服务端应用程序建立连接
    tcp_client_socket.connect(("127.0.0.1", PORT))
    # 代码执行到此，说明连接建立成功
    # 3.1准备发送的数据,并进行转码
    send_data = "你好服务端，我是客户端小黑!".encode("gbk")
    # 3.2 发送数据
    tcp_client_socket.send(send_data)
    # 4.1接收数据, 这次接收的数据最大字节数是1024
    recv_data = tcp_client_socket.recv(1024)
    # 返回的直接是服务端程序发送的二进制数据
    print(recv_data)
    # 4.2对数据进行解码
    recv_content = recv_data.decode("gbk")
    print("接收服务端的数据为:", recv_content)
    # 5.关闭套接字
    tcp_client_socket.close()
"#;

/// What a server in Python looks like that follows the notes' steps.
const PYTHON_SERVER: &str = r#"
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
server.bind(("127.0.0.1", 0))
server.listen(128)
print(server.getsockname()[1], flush=True)
client, address = server.accept()
print(client.recv(1024).decode("gbk"), flush=True)
client.send("你好客户端，我是服务端!".encode("gbk"))
client.close()
server.close()
"#;

/// Python, or `None` after saying that there is none.
fn python(program: &str) -> Option<Command> {
    let there = Command::new("python3").arg("--version").output();
    if !there.is_ok_and(|it| it.status.success()) {
        skip("python3 is not installed");
        return None;
    }
    let mut command = Command::new("python3");
    command
        .args(["-c", program])
        .env("PYTHONIOENCODING", "utf-8");
    Some(command)
}

#[test]
fn the_notes_client_as_it_is_written() {
    let server = Talker::ours(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--encoding",
        "gbk",
        "--send",
        "你好客户端",
        "--format",
        "json",
    ]);
    let program = NOTES.replace("PORT", &server.port().to_string());
    let Some(mut python) = python(&program) else {
        return;
    };
    let output = python.output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(
        printed.contains("接收服务端的数据为: 你好客户端"),
        "{printed}"
    );
    let over = server.over();
    assert_eq!(over.code, Some(0), "{}{}", over.shown, over.said);
    let lines = over.lines();
    assert_eq!(text(&lines, "received"), "你好服务端，我是客户端小黑!");
    assert_eq!(text(&lines, "sent"), "你好客户端");
    let calls = calls(&lines);
    assert_eq!(calls[..4], ["socket", "setsockopt", "bind", "listen"]);
    assert!(
        calls.contains(&"accept") && calls.last() == Some(&"close"),
        "{calls:?}"
    );
    let received = lines.iter().find(|it| it["call"] == "recv").expect("recv");
    assert_eq!(received["arguments"], "1024 bytes at most");
    assert_eq!(received["result"], 27);
}

#[test]
fn a_python_server_is_answered_in_its_encoding() {
    let Some(mut python) = python(PYTHON_SERVER) else {
        return;
    };
    let mut server = Talker::start({
        python.stdin(Stdio::null());
        python
    });
    server.shows("\n");
    let port = server.shown().trim().to_owned();
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--encoding",
        "gbk",
        "--send",
        "你好服务端",
        "--format",
        "json",
    ]);
    let over = client.over();
    assert_eq!(over.code, Some(0), "{}{}", over.shown, over.said);
    let lines = over.lines();
    assert_eq!(text(&lines, "received"), "你好客户端，我是服务端!");
    assert!(server.wait().shown.contains("你好服务端"));
}

#[test]
fn characters_that_the_encoding_lacks_are_reported_and_nothing_of_the_text_is_sent() {
    // Before anything is opened, where it is known before.
    let nobody = Talker::ours(&[
        "client",
        "127.0.0.1",
        "9",
        "--encoding",
        "gbk",
        "--send",
        "好✓",
    ]);
    let over = nobody.over();
    assert_eq!(over.code, Some(1));
    assert!(
        over.said.contains("GBK has no '✓' (U+2713, character 2)"),
        "{}",
        over.said
    );
    assert_eq!(over.shown, "");

    // In what is typed, the line alone.
    let (listener, port) = listener();
    let mut client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--encoding",
        "gbk",
        "--format",
        "json",
    ]);
    let (mut stream, _) = listener.accept().expect("it connects");
    client.types("一\n✓二\n三\n");
    let over = thread::spawn(move || client.over());
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("its end");
    drop(stream);
    assert_eq!(got, [0xd2, 0xbb, b'\n', 0xc8, 0xfd, b'\n']);
    let over = over.join().expect("no panic");
    assert_eq!(over.code, Some(1), "{}", over.said);
    let lines = over.lines();
    let lacking = lines
        .iter()
        .find(|it| it["type"] == "lacking")
        .expect("a report");
    assert_eq!(lacking["characters"][0]["character"], "✓");
    assert_eq!(lacking["instead"], Value::Null);

    // Unless something is to be sent in their place.
    let (listener, port) = self::listener();
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--encoding",
        "gbk",
        "--lacking",
        "?",
        "--send",
        "好✓",
    ]);
    let (mut stream, _) = listener.accept().expect("it connects");
    let over = thread::spawn(move || client.over());
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("its end");
    drop(stream);
    assert_eq!(got, [0xba, 0xc3, b'?']);
    assert_eq!(over.join().expect("no panic").code, Some(0));
}

#[test]
fn a_text_cut_at_1024_bytes_inside_a_character_is_whole_and_told() {
    let (listener, port) = listener();
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--encoding",
        "gbk",
        "--format",
        "json",
    ]);
    let (mut stream, _) = listener.accept().expect("it connects");
    let mut bytes = vec![b'a'; 1023];
    bytes.extend([0xc4, 0xe3, 0xba, 0xc3]);
    stream.write_all(&bytes).expect("sent");
    drop(stream);
    let over = client.over();
    assert_eq!(over.code, Some(0), "{}", over.said);
    let lines = over.lines();
    assert_eq!(
        text(&lines, "received"),
        format!("{}你好", "a".repeat(1023))
    );
    let messages: Vec<_> = lines.iter().filter(|it| it["type"] == "message").collect();
    assert_eq!(
        (&messages[0]["bytes"], &messages[0]["pending"]),
        (&1024.into(), &1.into())
    );
    assert_eq!(messages[1]["completed"], 1);
}

#[test]
fn a_peer_that_resets_and_one_that_is_not_there() {
    let (listener, port) = listener();
    let mut client = Talker::ours(&["client", "127.0.0.1", &port]);
    let (stream, _) = listener.accept().expect("it connects");
    client.shows("We are");
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&stream, sockopt::Linger, &linger).expect("SO_LINGER");
    drop((stream, listener));
    let over = client.wait();
    assert_eq!(over.code, Some(1), "{}", over.shown);
    assert!(over.shown.contains("= ECONNRESET"), "{}", over.shown);
    assert!(
        over.shown.contains("The peer sent an RST"),
        "{}",
        over.shown
    );
    assert!(over.said.contains("ECONNRESET"), "{}", over.said);

    let client = Talker::ours(&["client", "127.0.0.1", &port, "--format", "json"]);
    let over = client.over();
    assert_eq!(over.code, Some(1));
    let lines = over.lines();
    let failed = lines
        .iter()
        .find(|it| it["call"] == "connect")
        .expect("connect");
    assert_eq!(failed["errno"], "ECONNREFUSED");
    assert!(
        over.shown.contains("no program listens on that port"),
        "{}",
        over.shown
    );
}

#[test]
fn a_port_that_somebody_has_is_two_and_says_what_to_do() {
    let (_listener, port) = listener();
    let over = Talker::ours(&["server", &format!("127.0.0.1:{port}")]).over();
    assert_eq!(over.code, Some(2), "{}", over.shown);
    assert!(over.shown.contains("= EADDRINUSE"), "{}", over.shown);
    let advice = format!("wirelab ports --try {port}");
    assert!(over.shown.contains(&advice), "{}", over.shown);
    assert!(over.said.contains("EADDRINUSE"), "{}", over.said);
}

#[test]
fn two_clients_at_once_are_served_and_an_interrupt_closes_in_order() {
    let mut server = Talker::ours(&["server", "127.0.0.1:0", "--format", "json"]);
    let port = server.port();
    let (mut one, mut two) = (connect(port), connect(port));
    server.shows("\"#2\"");
    server.types("to both\n");
    for stream in [&mut one, &mut two] {
        let mut got = [0; 8];
        stream.read_exact(&mut got).expect("the line");
        assert_eq!(&got, b"to both\n");
    }
    two.write_all(b"from two").expect("sent");
    server.shows("from two");
    one.write_all(b"from one").expect("sent");
    server.shows("from one");
    server.signal(Signal::SIGINT);
    let over = server.wait();
    assert_eq!(over.code, Some(0), "{}", over.said);
    let lines = over.lines();
    let closed: Vec<_> = lines
        .iter()
        .filter(|it| it["call"] == "close")
        .map(|it| it["socket"].as_str().expect("a name"))
        .collect();
    assert_eq!(closed, ["#1", "#2", ""]);
    let from_two = lines
        .iter()
        .find(|it| it["text"] == "from two")
        .expect("it");
    assert_eq!(from_two["socket"], "#2");
}

#[test]
fn a_greeting_is_sent_before_anything_is_read() {
    // A client that has talked before the server accepts it.
    let server = Talker::ours(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--send",
        "welcome",
        "--format",
        "json",
    ]);
    let port = server.port();
    server.signal(Signal::SIGSTOP);
    let mut stream = connect(port);
    stream.write_all(b"early").expect("sent");
    server.signal(Signal::SIGCONT);
    let mut got = [0; 7];
    stream.read_exact(&mut got).expect("the greeting");
    drop(stream);
    let over = server.over();
    let lines = over.lines();
    let calls = calls(&lines);
    let talk: Vec<_> = calls
        .iter()
        .skip_while(|call| **call != "accept")
        .filter(|call| ["accept", "send", "recv"].contains(*call))
        .take(3)
        .collect();
    assert_eq!(talk, [&"accept", &"send", &"recv"], "{}", over.shown);
}

#[test]
fn a_client_s_greeting_too_whatever_the_server_has_sent_by_then() {
    // While this queue is full no SYN is answered, so the client can be stopped inside of connect.
    let narrow = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::empty(),
        None,
    )
    .expect("a socket");
    bind(narrow.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a free port");
    listen(&narrow, Backlog::new(0).expect("a backlog")).expect("listen");
    let narrow = TcpListener::from(narrow);
    let port = narrow.local_addr().expect("its port").port();
    let _first = connect(port);
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port.to_string(),
        "--send",
        "hello",
        "--format",
        "json",
    ]);
    client.shows("\"socket\"");
    thread::sleep(Duration::from_millis(200));
    client.signal(Signal::SIGSTOP);
    drop(narrow.accept().expect("the first"));
    let (mut stream, _) = narrow.accept().expect("the SYN is sent again");
    stream.write_all(b"early").expect("sent");
    client.signal(Signal::SIGCONT);
    let mut got = [0; 5];
    stream.read_exact(&mut got).expect("the greeting");
    drop(stream);
    let over = client.over();
    assert_eq!(text(&over.lines(), "received"), "early");
    let lines = over.lines();
    let calls = calls(&lines);
    let at = |name| calls.iter().position(|call| *call == name);
    assert!(
        at("connect") < at("send") && at("send") < at("recv"),
        "{calls:?}"
    );
}

#[test]
fn files_cross_both_ways_without_a_byte_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a name")
            .to_owned()
    };
    // Every byte there is, and a length that is no multiple of anything.
    let ask: Vec<u8> = (0..3_000_017_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let answer: Vec<u8> = ask.iter().rev().take(1_234_567).copied().collect();
    fs::write(path("ask"), &ask).expect("written");
    fs::write(path("answer"), &answer).expect("written");
    let (to_send, to_answer) = (format!("@{}", path("ask")), format!("@{}", path("answer")));
    let server = Talker::ours(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--send",
        &to_answer,
        "--save",
        &path("asked"),
    ]);
    let port = server.port().to_string();
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--send",
        &to_send,
        "--save",
        &path("answered"),
        "--recv-size",
        "65536",
    ]);
    let (client, server) = (client.over(), server.over());
    assert_eq!(
        (client.code, server.code),
        (Some(0), Some(0)),
        "{}{}",
        client.said,
        server.said
    );
    assert!(fs::read(path("asked")).expect("saved") == ask);
    assert!(fs::read(path("answered")).expect("saved") == answer);
    // Thousands of calls are told in few lines, and all of them.
    assert!(server.shown.contains("more calls"), "{}", server.shown);
    assert!(
        server.shown.lines().count() < 400,
        "{}",
        server.shown.lines().count()
    );
    assert!(
        server
            .shown
            .contains("3,000,017 bytes received, 1,234,567 bytes sent"),
        "{}",
        server.shown
    );
}

#[test]
fn a_peer_that_does_not_read_makes_send_block_and_that_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("much");
    let much = b"0123456789abcde\n".repeat(1 << 16);
    fs::write(&file, &much).expect("written");
    let (listener, port) = listener();
    setsockopt(&listener, sockopt::RcvBuf, &8192).expect("SO_RCVBUF");
    let mut client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--sndbuf",
        "8192",
        "--format",
        "json",
        "--send",
        &format!("@{}", file.display()),
    ]);
    let (mut stream, _) = listener.accept().expect("it connects");
    // Not a byte is read before it says so.
    client.shows("send blocks: the send buffer is full");
    drop(client.stdin.take());
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("its end");
    drop(stream);
    assert!(got == much);
    let over = client.wait();
    assert_eq!(over.code, Some(0), "{}", over.said);
    let lines = over.lines();
    let longest = lines
        .iter()
        .filter(|it| it["call"] == "send")
        .filter_map(|it| it["blocked_ns"].as_u64())
        .max();
    assert!(longest >= Some(200_000_000), "{longest:?}");
    let made = lines
        .iter()
        .find(|it| it["call"] == "getsockopt")
        .expect("SO_SNDBUF");
    assert_eq!(made["result"], 16384);
}

#[test]
fn a_slow_reader_reads_no_faster_than_it_was_told() {
    let server = Talker::ours(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--slow-read",
        "10000",
        "--format",
        "json",
    ]);
    let mut stream = connect(server.port());
    stream.write_all(&[b'x'; 5 * 1024]).expect("sent");
    stream.shutdown(Shutdown::Write).expect("half-close");
    let over = server.over();
    assert_eq!(over.code, Some(0), "{}", over.said);
    let lines = over.lines();
    let times: Vec<f64> = lines
        .iter()
        .filter(|it| it["type"] == "message")
        .filter_map(|it| it["time"].as_str()?.parse().ok())
        .collect();
    assert_eq!(times.len(), 5);
    // Four pauses of 1024 bytes at 10,000 bytes a second.
    let took = times[4] - times[0];
    assert!(took >= 0.4, "{took}");
}

#[test]
fn what_is_piped_in_is_sent_and_its_end_ends_our_direction() {
    let (listener, port) = listener();
    let mut client = Talker::ours(&["client", "127.0.0.1", &port]);
    let (mut stream, _) = listener.accept().expect("it connects");
    client.types("one\ntwo");
    drop(client.stdin.take());
    let mut got = String::new();
    stream.read_to_string(&mut got).expect("its end");
    assert_eq!(got, "one\ntwo");
    client.shows("shutdown(SHUT_WR)");
    // The other direction is open still.
    stream.write_all("late\x1b[31m".as_bytes()).expect("sent");
    drop(stream);
    let over = client.wait();
    assert_eq!(over.code, Some(0), "{}", over.said);
    assert!(over.shown.contains("← \"late\\x1b[31m\""), "{}", over.shown);
    assert!(over.shown.contains("We ended first"), "{}", over.shown);
}

#[test]
fn an_echo_over_ipv6() {
    match TcpListener::bind("[::1]:0") {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
            return skip("there is no ::1 here");
        }
        other => drop(other.expect("a free port")),
    }
    let server = Talker::ours(&["server", "[::1]:0", "--echo", "--once"]);
    let port = server.port().to_string();
    let mut client = Talker::ours(&["client", "::1", &port, "--send", "回声", "--format", "json"]);
    client.shows("\"received\"");
    drop(client.stdin.take());
    let over = client.wait();
    assert_eq!(over.code, Some(0), "{}", over.said);
    assert_eq!(text(&over.lines(), "received"), "回声");
    assert_eq!(server.over().code, Some(0));
}

#[test]
fn nobody_can_talk_too_and_is_told_what_a_capture_would_need() {
    if !geteuid().is_root() {
        return skip("only root can become nobody");
    }
    let copy = Reachable::make();
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new(copy.path());
        command
            .args(words)
            .uid(65_534)
            .gid(65_534)
            .env_remove("SUDO_UID");
        Talker::start(command)
    };
    let server = as_nobody(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--send",
        "hi",
        "--segments",
    ]);
    let mut stream = connect(server.port());
    let mut got = [0; 2];
    stream.read_exact(&mut got).expect("the greeting");
    drop(stream);
    let over = server.over();
    assert_eq!((over.code, &got), (Some(0), b"hi"), "{}", over.said);
    assert!(
        over.said.contains("--segments") && over.said.contains("calls only"),
        "{}",
        over.said
    );
    let low = as_nobody(&["server", "127.0.0.1:80"]).over();
    assert_eq!(low.code, Some(2), "{}", low.shown);
    assert!(
        low.shown.contains("= EACCES") || low.shown.contains("= EADDRINUSE"),
        "{}",
        low.shown
    );
}

#[test]
fn nobody_comes_and_that_ends_in_time() {
    let over = Talker::ours(&["server", "127.0.0.1:0", "--timeout", "0.3"]).over();
    assert_eq!(over.code, Some(1));
    assert!(
        over.shown.contains("Nobody came for 0.3 s"),
        "{}",
        over.shown
    );
}

#[test]
fn segments_stand_between_the_calls_they_belong_to() {
    let Some(net) = live_or_skip() else { return };
    let start = |host: &str, words: &[&str]| {
        let mut command = Command::new(WIRELAB);
        command
            .args(words)
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID");
        inside(host, || Talker::start(command))
    };
    let server = start(
        &net.server,
        &[
            "server",
            &format!("{SERVER}:8080"),
            "--once",
            "--send",
            "hello",
            "--segments",
            "--format",
            "json",
        ],
    );
    server.shows("\"listen\"");
    let client = start(
        &net.client,
        &["client", SERVER, "8080", "--segments", "--format", "json"],
    );
    client.shows("\"recv\"");
    thread::sleep(Duration::from_millis(50));
    let (client, server) = (client.over(), server.over());
    assert_eq!(
        (client.code, server.code),
        (Some(0), Some(0)),
        "{}{}",
        client.said,
        server.said
    );
    for over in [client, server] {
        let lines = over.lines();
        let at = |found: &dyn Fn(&Value) -> bool| {
            lines
                .iter()
                .position(found)
                .unwrap_or_else(|| panic!("{}", over.shown))
        };
        let syn = at(&|it| it["type"] == "segment" && it["flags"] == "S");
        let opened = at(&|it| it["call"] == "connect" || it["call"] == "accept");
        let data = at(&|it| it["type"] == "segment" && it["len"] == 5);
        let carried = at(&|it| it["call"] == "send" || it["call"] == "recv");
        assert!(syn < opened, "{}", over.shown);
        // What was sent follows its call, what came stands before it.
        let sends = lines[carried]["call"] == "send";
        assert_eq!(sends, carried < data, "{}", over.shown);
        let fins = lines
            .iter()
            .filter(|it| it["flags"].as_str().is_some_and(|it| it.contains('F')));
        assert_eq!(fins.count(), 2, "{}", over.shown);
    }
}
