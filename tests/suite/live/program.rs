//! The real binary, capturing, and what it wrote, read by parsers that are not ours.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};

use super::net::{PATIENCE, inside};
use tempfile::TempDir;
use wirelab::io::clock::Stopwatch;

/// The binary under test.
pub(super) const WIRELAB: &str = env!("CARGO_BIN_EXE_wirelab");

/// A copy of the binary where every user can reach it, which the build folder may not be.
pub(super) struct Reachable {
    folder: TempDir,
}

impl Reachable {
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let copy = Self { folder };
        // By another process: were the copy open for writing in this one, a child forked by
        // another test at that moment would have it open too, and it could not be executed.
        let copied = Command::new("cp").arg(WIRELAB).arg(copy.path()).status();
        assert!(copied.expect("cp").success());
        copy
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("wirelab")
    }
}

/// A command running on a host, killed when dropped.
pub(super) struct Running {
    child: Child,
    /// Lines of its stderr, as they come.
    lines: Receiver<String>,
    stdout: Option<thread::JoinHandle<()>>,
    /// What it showed so far.
    shown: Arc<Mutex<Vec<u8>>>,
    /// Its standard output, where nobody is to read it.
    unread: Option<ChildStdout>,
    /// What it said on stderr so far.
    pub(super) said: String,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Running {
    /// Starts it on `host`, and waits until it says that it captures (or ends).
    pub(super) fn start(host: &str, command: &mut Command) -> Self {
        let mut running = Self::start_unread(host, command);
        let mut stdout = running.unread.take().expect("stdout");
        let shown = Arc::clone(&running.shown);
        running.stdout = Some(thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut some) {
                shown.lock().expect("no panic").extend(&some[..count]);
            }
        }));
        running
    }

    /// The same, and nobody reads what it shows.
    pub(super) fn start_unread(host: &str, command: &mut Command) -> Self {
        let mut child = inside(host, move || {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("start it")
        });
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("stderr"));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut running = Self {
            unread: child.stdout.take(),
            child,
            lines,
            stdout: None,
            shown: Arc::default(),
            said: String::new(),
        };
        let begins = ["capturing on ", "waiting for "];
        running.hear(|line| begins.iter().any(|start| line.starts_with(start)));
        running
    }

    /// Takes lines of stderr until one satisfies `is_it`, or no more come.
    fn hear(&mut self, is_it: impl Fn(&str) -> bool) {
        let started = Stopwatch::start();
        while let Ok(line) = self
            .lines
            .recv_timeout(PATIENCE.saturating_sub(started.elapsed()))
        {
            self.said.push_str(&line);
            self.said.push('\n');
            if is_it(&line) {
                return;
            }
        }
        assert!(started.elapsed() < PATIENCE, "it is stuck: {}", self.said);
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it showed so far.
    pub(super) fn shown(&self) -> String {
        let shown = self.shown.lock().expect("no panic");
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("it runs");
    }

    /// Sends it a signal, and gives how it ended.
    pub(super) fn end_by(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.end()
    }

    /// How it ended, once it has.
    pub(super) fn end(mut self) -> Ended {
        self.hear(|_| false);
        let status = self.child.wait().expect("its status");
        if let Some(reader) = self.stdout.take() {
            reader.join().expect("its output");
        }
        Ended {
            status,
            stdout: self.shown(),
            stderr: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` holds.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Stopwatch::start();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A TCP segment as etherparse reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) from: String,
    pub(super) flags: String,
    pub(super) payload: String,
}

/// The TCP segments in a pcapng file, read by `pcap-parser`; an error when the file is not whole.
pub(super) fn segments(file: &Path) -> Result<Vec<Seen>, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let mut reader = PcapNGReader::new(1 << 20, bytes.as_slice())
        .map_err(|error| format!("no pcapng: {error:?}"))?;
    let mut found = Vec::new();
    loop {
        let used = match reader.next() {
            Ok((used, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = block {
                    found.extend(segment(packet.data));
                }
                used
            }
            Err(PcapError::Eof) => return Ok(found),
            Err(PcapError::Incomplete(_)) => {
                reader.refill().map_err(|error| format!("{error:?}"))?;
                continue;
            }
            Err(error) => return Err(format!("{} segments, then {error:?}", found.len())),
        };
        reader.consume(used);
    }
}

/// The TCP segment in an Ethernet frame, perhaps cut short, if there is one.
fn segment(frame: &[u8]) -> Option<Seen> {
    let sliced = LaxSlicedPacket::from_ethernet(frame).ok()?;
    let from = match sliced.net? {
        LaxNetSlice::Ipv4(ip) => ip.header().source_addr().to_string(),
        _ => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
        return None;
    };
    let flags = [
        (tcp.syn(), 'S'),
        (tcp.ack(), 'A'),
        (tcp.fin(), 'F'),
        (tcp.rst(), 'R'),
    ];
    Some(Seen {
        from,
        flags: flags.iter().filter(|f| f.0).map(|f| f.1).collect(),
        payload: String::from_utf8_lossy(tcp.payload()).into_owned(),
    })
}

/// Fails unless `seen` is a whole conversation: handshake, data both ways, teardown by both.
pub(super) fn assert_whole(seen: &[Seen], client: &str, ask: &str, server: &str, answer: &str) {
    let has = |from: &str, flags: &str| seen.iter().any(|s| s.from == from && s.flags == flags);
    let said = |from: &str| -> String {
        let of_side = seen.iter().filter(|s| s.from == from);
        of_side.map(|s| s.payload.as_str()).collect()
    };
    assert!(has(client, "S"), "no SYN in {seen:#?}");
    assert!(has(server, "SA"), "no SYN-ACK in {seen:#?}");
    assert_eq!(said(client), ask);
    assert_eq!(said(server), answer);
    for side in [client, server] {
        assert!(has(side, "AF"), "no FIN of {side} in {seen:#?}");
    }
    assert_eq!(seen.last().expect("segments").flags, "A", "{seen:#?}");
}

/// The line of `/proc/PID/status` that starts with `name`, its fields.
pub(super) fn status_of(pid: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    line.split_whitespace().map(str::to_owned).collect()
}
