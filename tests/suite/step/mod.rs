//! The stepping screen as its user has it: the binary in a pseudo-terminal.

pub(crate) mod terminal;
mod walk;

use std::io::Write;

use nix::sys::signal::Signal;
use wirelab::frame::LinkType;
use wirelab::io::Interface;
use wirelab::io::file;
use wirelab::io::save::Saver;
use wirelab::recordings;

use terminal::Terminal;

const SMALL: (u16, u16) = (24, 80);

fn step(words: &[&str]) -> Terminal {
    Terminal::start(&[&["step"], words].concat(), SMALL, &[])
}

#[test]
fn a_capture_is_stepped_through_and_left() {
    let mut terminal = step(&["retransmission"]);
    terminal.sees("1 of 23");
    assert!(terminal.is_taken());
    terminal.keys("j");
    terminal.sees("2 of 23");
    terminal.keys("\x1b[B");
    terminal.sees("3 of 23");
    terminal.keys("G");
    terminal.sees("23 of 23");
    terminal.keys("?");
    terminal.sees("the next segment");
    terminal.keys("?");
    terminal.until("the help gone", |terminal| {
        !terminal.text().contains("these keys")
    });
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
    assert!(terminal.is_restored());
}

#[test]
fn every_signal_that_ends_it_leaves_the_terminal_as_it_was() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
        Signal::SIGXCPU,
        Signal::SIGPWR,
    ] {
        let mut terminal = step(&["handshake"]);
        terminal.sees("1 of ");
        assert!(terminal.is_taken() && !terminal.is_restored());
        terminal.signal(signal);
        assert_eq!(terminal.ends().code(), Some(0), "{signal}");
        assert!(terminal.is_restored(), "{signal}");
    }
}

#[test]
fn it_ends_when_its_terminal_has_gone_even_where_nobody_may_tell_it() {
    // With SIGHUP ignored, as by `nohup`, that the terminal hangs up is all there is to notice.
    let script = r#"
import fcntl, os, pty, signal, struct, sys, termios, time
signal.alarm(120)
child, master = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], [sys.argv[1], "step", "handshake"])
seen = b""
while b"SYN" not in seen:
    seen += os.read(master, 65536)
os.close(master)
for _ in range(600):
    if os.waitpid(child, os.WNOHANG)[0]:
        sys.exit(0)
    time.sleep(0.1)
os.kill(child, signal.SIGKILL)
sys.exit("it goes on without a terminal")
"#;
    let run = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(crate::run::path())
        .output()
        .expect("python3");
    assert!(run.status.success(), "{run:?}");
}

#[test]
fn a_panic_of_any_thread_leaves_the_terminal_as_it_was_and_says_so() {
    // Only a build for tests panics on demand.
    for place in ["reader", "screen"] {
        let environment = [("WIRELAB_STEP_PANICS", place)];
        let mut terminal = Terminal::start(&["step", "handshake"], SMALL, &environment);
        assert_eq!(terminal.ends().code(), Some(2), "{place}");
        assert!(terminal.is_restored(), "{place}");
        assert!(terminal.text().contains("on demand"), "{}", terminal.text());
    }
}

#[test]
fn it_stops_and_goes_on_as_others_do() {
    let mut terminal = step(&["retransmission"]);
    terminal.sees("1 of 23");
    // No shell is there to stop for: what stops goes on at once, and the screen comes again.
    terminal.keys("\x1a");
    terminal.keys("j");
    terminal.sees("2 of 23");
    terminal.until("the screen again", Terminal::is_taken);
    let left = terminal
        .bytes
        .windows(8)
        .filter(|bytes| bytes == b"\x1b[?1049l")
        .count();
    assert_eq!(left, 1, "the terminal was given back once");
    // The same by a signal.
    terminal.signal(Signal::SIGTSTP);
    let times = |terminal: &Terminal, what: &[u8]| {
        let all = terminal.bytes.windows(what.len());
        all.filter(|bytes| *bytes == what).count()
    };
    terminal.until("the terminal given back", |terminal| {
        times(terminal, b"\x1b[?1049l") == 2
    });
    terminal.until("the screen again", Terminal::is_taken);
    // Others had the terminal meanwhile.
    terminal.signal(Signal::SIGSTOP);
    terminal.signal(Signal::SIGCONT);
    terminal.keys("j");
    terminal.sees("3 of 23");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
    assert!(terminal.is_restored());
}

#[test]
fn a_shell_has_the_terminal_as_it_was_while_it_is_stopped() {
    let script = r#"set -m; "$@"; echo "the shell again"; read -r line; fg; echo "left with $?""#;
    for by_key in [true, false] {
        let words = ["step", "retransmission"];
        let mut terminal = Terminal::start_by(script, "sh", &words, SMALL, &[]);
        terminal.sees("1 of 23");
        if by_key {
            terminal.keys("\x1a");
        } else {
            let shell = terminal.pid().to_string();
            let found = std::process::Command::new("pgrep")
                .args(["-P", &shell])
                .output()
                .expect("pgrep");
            let pid = String::from_utf8_lossy(&found.stdout).trim().to_owned();
            let pid = nix::unistd::Pid::from_raw(pid.parse().expect("one child"));
            nix::sys::signal::kill(pid, Signal::SIGTSTP).expect("it runs");
        }
        terminal.sees("the shell again");
        assert!(!terminal.is_taken());
        terminal.keys("\n");
        terminal.until("the screen again", Terminal::is_taken);
        terminal.sees("1 of 23");
        terminal.keys("j");
        terminal.sees("2 of 23");
        terminal.keys("q");
        terminal.sees("left with 0");
        assert_eq!(terminal.ends().code(), Some(0));
        assert!(terminal.is_restored());
    }
}

#[test]
fn any_size_will_do() {
    let mut terminal = step(&["retransmission"]);
    terminal.sees("1 of 23");
    terminal.resize(60, 200);
    // The frame number of the last row, which did not fit before.
    terminal.until("all rows", |terminal| {
        let text = terminal.text();
        text.lines()
            .any(|line| line.trim_start().starts_with("23 "))
    });
    terminal.resize(5, 20);
    terminal.sees("is too small");
    terminal.resize(24, 80);
    terminal.sees("1 of 23");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn without_colour_there_is_none() {
    for words in [
        &["step", "retransmission"][..],
        &["step", "retransmission", "--color", "never"],
    ] {
        let environment = if words.len() == 2 {
            &[("NO_COLOR", "1")][..]
        } else {
            &[]
        };
        let mut terminal = Terminal::start(words, SMALL, environment);
        terminal.sees("1 of 23");
        terminal.keys("jq");
        terminal.ends();
        let sent = String::from_utf8_lossy(&terminal.bytes).into_owned();
        let colours = sent.split("\x1b[").filter(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic());
            let (numbers, kind) = rest.split_at(end.unwrap_or(0));
            kind.starts_with('m')
                && numbers
                    .split(';')
                    .any(|n| matches!(n.parse(), Ok(30..=38_u16 | 40..=48 | 90..=97 | 100..=107)))
        });
        assert_eq!(colours.count(), 0, "{sent:?}");
    }
}

/// A recording with another text in its payload, as a file.
fn with_payload(text: &[u8]) -> tempfile::NamedTempFile {
    let (_, bytes) = recordings::capture("data").expect("a recording");
    let mut source = file::from_bytes(bytes).expect("a capture");
    let made = tempfile::NamedTempFile::new().expect("a file");
    let mut saver = Saver::to_file(made.reopen().expect("again"), &[]).expect("a header");
    let interface = Interface {
        name: None,
        link_type: LinkType::ETHERNET,
        snaplen: 0,
        ticks_per_second: 1_000_000_000,
    };
    saver.interfaces(&[interface]).expect("written");
    while let Some(frame) = source.next_frame().expect("whole") {
        let mut bytes = frame.bytes.to_vec();
        // Behind Ethernet, IPv4 and a TCP header with timestamps.
        for (at, byte) in bytes.iter_mut().skip(14 + 20 + 32).enumerate() {
            *byte = text[at % text.len()];
        }
        let frame = wirelab::frame::Frame {
            bytes: &bytes,
            interface: 0,
            comment: Some(text),
            ..frame
        };
        saver.frame(&frame).expect("written");
    }
    saver.finish(&[]).expect("written");
    made
}

#[test]
fn what_came_from_the_network_does_not_reach_the_terminal() {
    let evil = b"\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\x00\x08\x7f";
    let made = with_payload(evil);
    let name = made.path().to_str().expect("a name");
    let mut terminal = step(&[name]);
    terminal.sees("1 of ");
    for key in ["G", "k", "k", "k", "\t", "\t", "g", "?", "?"] {
        terminal.keys(key);
    }
    terminal.keys("q");
    terminal.ends();
    let sent = &terminal.bytes;
    let has = |what: &[u8]| sent.windows(what.len()).any(|bytes| bytes == what);
    assert!(!has(b"\x1b]0;owned") && !has(b"\x1b[31mred") && !has(b"\x08") && !has(b"\x07"));
    assert!(std::str::from_utf8(sent).is_ok(), "no byte that is no text");
    assert_eq!(terminal_title(&terminal), "");
}

fn terminal_title(terminal: &Terminal) -> String {
    let sent = String::from_utf8_lossy(&terminal.bytes).into_owned();
    sent.split("\x1b]").skip(1).collect()
}

#[test]
fn wide_characters_keep_their_columns() {
    let mut terminal = step(&["data", "--encoding", "gbk"]);
    terminal.sees("你好");
    // What stands behind them is where it stands in the rows without them.
    terminal.until("straight columns", |terminal| {
        let text = terminal.text();
        let rows = text.lines().filter(|line| line.contains("len 27"));
        let width = |line: &str| wirelab::view::text::width(line.trim_end());
        let hosts = text.lines().find(|line| line.contains("SYN seq 0"));
        let column = hosts.map(width);
        rows.clone().count() == 2
            && rows.into_iter().all(|row| {
                let until = row.rfind(['▶', '┤']).map(|at| &row[..at]);
                until.map(|it| width(it) + 2) == column || until.map(|it| width(it) + 1) == column
            })
    });
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn what_comes_through_a_pipe_is_stepped_through_with_keys_from_the_terminal() {
    let (_, bytes) = recordings::capture("retransmission").expect("a recording");
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let to = pipe.clone();
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::File::options()
            .write(true)
            .open(to)
            .expect("a reader");
        file.write_all(bytes).expect("it is read");
    });
    let name = pipe.to_str().expect("a name");
    let mut terminal = Terminal::start_with(&["step", "-"], SMALL, &[], name);
    terminal.sees("1 of 23");
    terminal.keys("j");
    terminal.sees("2 of 23");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
    assert!(terminal.is_restored());
    writer.join().expect("all was written");
}

#[test]
fn what_is_typed_before_anything_is_there_is_done_in_its_order() {
    let mut terminal = step(&["zero-window"]);
    terminal.keys("ppp");
    // The third sign of trouble, as docs/STEPPING.md has it.
    terminal.sees("8 of 24");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn a_damaged_capture_shows_what_stands_before_the_damage_and_says_what_it_is() {
    let (_, whole) = recordings::capture("handshake").expect("a recording");
    let mut made = tempfile::Builder::new()
        .suffix(".pcapng")
        .tempfile()
        .expect("a file");
    made.write_all(whole).expect("written");
    // A packet block that is shorter than its own header.
    made.write_all(&[6, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0])
        .expect("written");
    let path = made.path().to_str().expect("a name");
    let mut terminal = step(&[path]);
    terminal.sees("1 of 3");
    terminal.sees("SYN ACK seq 0 ack 1");
    terminal.sees("claims to be 5 bytes long");
    terminal.keys("q");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn what_can_t_be_shown_is_said_without_a_screen() {
    let run = crate::run::run(&["step", "handshake"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("standard output is none"), "{}", run.err);
    let mut junk = tempfile::NamedTempFile::new().expect("a file");
    junk.write_all(b"this is no capture").expect("written");
    for (words, why) in [
        (
            &[junk.path().to_str().expect("a name")][..],
            "not a capture",
        ),
        (&["/nowhere.pcap"], "No such file"),
        (&["handshak"], "did you mean handshake?"),
        (&["handshake", "port foo bar"], "port foo bar"),
    ] {
        let mut terminal = step(words);
        assert_eq!(terminal.ends().code(), Some(2), "{words:?}");
        assert!(
            terminal.text().replace('\n', " ").contains(why),
            "{}",
            terminal.text()
        );
        let taken = b"\x1b[?1049h";
        let took = terminal
            .bytes
            .windows(taken.len())
            .any(|bytes| bytes == taken);
        assert!(!took && terminal.is_restored());
    }
}
