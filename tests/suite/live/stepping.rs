//! The stepping screen over what is just happening: a capture, and a run of the lab.

use std::net::UdpSocket;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::net::{CLIENT, SERVER, inside, live_or_skip};
use super::{ANSWER, ASK, Net, skip};
use crate::step::terminal::Terminal;

const SIZE: (u16, u16) = (24, 100);

/// A number as it is shown.
fn number(word: Option<&str>) -> Option<u64> {
    word?.replace(',', "").parse().ok()
}

/// The row that is looked at, and how many there are.
fn place(terminal: &Terminal) -> Option<(u64, u64)> {
    let text = terminal.text();
    let (before, after) = text.lines().next()?.split_once(" of ")?;
    Some((
        number(before.split_whitespace().last())?,
        number(after.split_whitespace().next())?,
    ))
}

/// How many packets there was no room for, as the screen says.
fn dropped(terminal: &Terminal) -> u64 {
    let text = terminal.text();
    let title = text.lines().next().unwrap_or_default();
    let before = title.split_once(" dropped").map(|(before, _)| before);
    number(before.and_then(|it| it.rsplit(' ').next())).unwrap_or(0)
}

/// Sends so many datagrams of that many bytes from the client to the server, as fast as it goes.
fn flood(net: &Net, count: usize, bytes: usize) {
    let socket = inside(&net.client, || {
        let socket = UdpSocket::bind((CLIENT, 0)).expect("a socket");
        socket.connect((SERVER, 9)).expect("a route");
        socket
    });
    let payload = vec![b'x'; bytes];
    for _ in 0..count {
        // That nobody listens there is told with the next one, which is not sent then.
        while socket.send(&payload).is_err() {}
    }
}

/// Datagrams that a capture file has.
fn saved(name: &str) -> usize {
    let lines = crate::run::results(&["replay", name, "--format", "json"]);
    let is_packet = |line: &&str| line.starts_with("{\"type\":\"packet\"");
    lines.lines().filter(is_packet).count()
}

#[test]
fn a_capture_is_stepped_through_while_it_is_made() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.pcapng");
    let name = file.to_str().expect("a name");
    for saved in [&["-w", name][..], &[]] {
        let words = [&["capture", "-i", Net::IFACE, "--tui"], saved, &["tcp"]].concat();
        let mut terminal = inside(&net.client, || Terminal::start(&words, SIZE, &[]));
        terminal.until("the screen", Terminal::is_taken);
        net.converse(ASK, ANSWER);
        // The end is followed, and the screen is there while more may come.
        let whole = |terminal: &Terminal| {
            place(terminal).is_some_and(|(at, rows)| at == rows && rows >= 8)
                && terminal.text().contains("so far")
        };
        terminal.until("the conversation", whole);
        let rows = place(&terminal).expect("a place").1;
        terminal.keys("k");
        let above = move |terminal: &Terminal| place(terminal).is_some_and(|(at, of)| at < of);
        terminal.until("the row before", above);
        net.converse(ASK, ANSWER);
        let grown = move |terminal: &Terminal| {
            place(terminal).is_some_and(|(at, of)| of >= rows + 8 && at <= rows)
        };
        terminal.until("more, and the same row", grown);
        terminal.keys("G");
        terminal.until("the end again", |terminal| {
            place(terminal).is_some_and(|(at, of)| at == of)
        });
        terminal.keys("q");
        assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.text());
        assert!(terminal.is_restored());
        assert!(
            terminal.text().contains("packets captured"),
            "{}",
            terminal.text()
        );
    }
    let saved = crate::run::results(&["replay", name, "--view", "segments"]);
    assert!(saved.lines().count() >= 16, "{saved}");
}

#[test]
fn a_run_of_the_lab_is_stepped_through_and_stays() {
    let Some(_net) = live_or_skip() else { return };
    if !std::path::Path::new("/dev/net/tun").exists() {
        return skip("the lab needs /dev/net/tun");
    }
    let words = ["lab", "run", "handshake", "--tui"];
    let mut terminal = Terminal::start(&words, SIZE, &[]);
    terminal.until("the screen", Terminal::is_taken);
    terminal.until("all of it", |terminal| {
        let text = terminal.text();
        let complete = !text.contains("so far") && !text.contains("change");
        complete && place(terminal).is_some_and(|(_, of)| of >= 3)
    });
    terminal.keys("g");
    terminal.sees("SYN");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.text());
    assert!(terminal.is_restored());
    let left = std::fs::read_dir(std::env::temp_dir()).expect("it is there");
    let names = left.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ours = format!("wirelab-run-{}", terminal.pid());
    assert!(!names.into_iter().any(|name| name == ours));
}

#[test]
fn what_comes_at_once_is_all_there_or_said_to_be_dropped() {
    const SENT: u64 = 8_000;
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.pcapng");
    let name = file.to_str().expect("a name");
    // With next to no room much is dropped, and with the usual room little or nothing.
    for room in [&["-B", "128"][..], &[]] {
        let words = [
            &["capture", "-i", Net::IFACE, "--tui", "-w", name],
            room,
            &["udp"],
        ]
        .concat();
        let mut terminal = inside(&net.server, || Terminal::start(&words, SIZE, &[]));
        terminal.until("the screen", Terminal::is_taken);
        flood(&net, SENT as usize, 800);
        terminal.until("all of them, in the list or dropped", |terminal| {
            place(terminal).is_some_and(|(at, rows)| at == rows && rows + dropped(terminal) == SENT)
        });
        let (_, rows) = place(&terminal).expect("a place");
        let lost = dropped(&terminal);
        assert_eq!(
            lost > 0,
            !room.is_empty(),
            "{lost} dropped: {}",
            terminal.text()
        );
        terminal.keys("q");
        assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.text());
        let said = format!("{rows} packets captured, {rows} shown, {lost} dropped by kernel");
        assert!(terminal.text().contains(&said), "{}", terminal.text());
        assert_eq!(saved(name) as u64, rows);
    }
}

#[test]
fn a_full_disk_is_told_on_the_screen_and_what_was_saved_can_be_read() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().to_str().expect("a name");
    let copy = tempfile::NamedTempFile::new().expect("a file");
    let copied = copy.path().to_str().expect("a name");
    // A file system with room for little, which nobody else sees and which is gone with the last who does.
    let small = r#"mount --make-rprivate / && mount -t tmpfs -o size=64k none "$0" || exit 9
"$@"; code=$?; cp "$0"/seen.pcapng "$COPY"; exit $code"#;
    let file = format!("{at}/seen.pcapng");
    let words = ["capture", "-i", Net::IFACE, "--tui", "-w", &file, "udp"];
    let mut terminal = inside(&net.server, || {
        unshare(CloneFlags::CLONE_NEWNS).expect("mounts of our own");
        Terminal::start_by(small, at, &words, SIZE, &[("COPY", copied)])
    });
    terminal.until("the screen", Terminal::is_taken);
    flood(&net, 500, 1000);
    terminal.sees("No space left on device");
    terminal.until("what was saved", |terminal| {
        place(terminal).is_some_and(|it| it.1 > 20)
    });
    let rows = place(&terminal).expect("a place").1;
    assert!(terminal.is_taken());
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(2), "{}", terminal.text());
    assert!(terminal.is_restored());
    assert!(
        terminal.text().contains("No space left"),
        "{}",
        terminal.text()
    );
    assert_eq!(saved(copied) as u64, rows);
}

#[test]
fn a_file_that_may_not_grow_is_told_and_does_not_kill() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.pcapng");
    let name = file.to_str().expect("a name");
    let words = ["capture", "-i", Net::IFACE, "--tui", "-w", name, "udp"];
    let limited = r#"ulimit -f 64; exec "$@""#;
    let mut terminal = inside(&net.server, || {
        Terminal::start_by(limited, "sh", &words, SIZE, &[])
    });
    terminal.until("the screen", Terminal::is_taken);
    flood(&net, 500, 1000);
    terminal.sees("File too large");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(2), "{}", terminal.text());
    assert!(terminal.is_restored());
    assert!(saved(name) > 10);
}

#[test]
fn a_capture_whose_terminal_goes_away_ends_with_a_whole_file() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.pcapng");
    let name = file.to_str().expect("a name");
    // With SIGHUP ignored, that the terminal hangs up is all there is to notice.
    let script = r#"
import fcntl, os, pty, signal, struct, sys, termios, time
signal.alarm(60)
child, master = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    if sys.argv[1] == "ignore":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while b"UDP" not in seen:
    seen += os.read(master, 65536)
os.close(master)
for _ in range(300):
    if os.waitpid(child, os.WNOHANG)[0]:
        sys.exit(0)
    time.sleep(0.1)
os.kill(child, signal.SIGKILL)
sys.exit("it goes on without a terminal")
"#;
    for hang_up in ["ignore", "obey"] {
        let run = inside(&net.server, || {
            let mut command = Command::new("python3");
            command
                .args(["-c", script, hang_up])
                .arg(crate::run::path())
                .args(["capture", "-i", Net::IFACE, "--tui", "-w", name, "udp"])
                .env_remove("SUDO_UID")
                .env_remove("SUDO_GID")
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped());
            command.spawn().expect("python3")
        });
        // As long as it has not seen any, it can't go.
        let running = std::thread::spawn(move || run.wait_with_output().expect("its end"));
        while !running.is_finished() {
            flood(&net, 10, 100);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let run = running.join().expect("its end");
        assert!(run.status.success(), "{hang_up}: {run:?}");
        assert!(saved(name) >= 1, "{hang_up}");
    }
}

#[test]
fn a_run_of_the_lab_that_is_left_keeps_what_it_recorded_and_says_so() {
    let Some(_net) = live_or_skip() else { return };
    if !std::path::Path::new("/dev/net/tun").exists() {
        return skip("the lab needs /dev/net/tun");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().join("kept");
    let name = name.to_str().expect("a name");
    let words = ["lab", "run", "zero-window", "--tui", "--record", name];
    let mut terminal = Terminal::start(&words, SIZE, &[]);
    terminal.until("some of it", |terminal| {
        place(terminal).is_some_and(|(_, rows)| rows >= 5) && terminal.text().contains("so far")
    });
    terminal.keys("q");
    terminal.ends();
    assert!(terminal.is_restored());
    assert!(
        terminal.text().contains("recorded in"),
        "{}",
        terminal.text()
    );
    let rows = crate::run::results(&["replay", name, "--view", "segments"]);
    assert!(rows.lines().count() >= 5, "{rows}");
}
