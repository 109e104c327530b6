//! `wirelab server` and `wirelab client` as programs that a test starts, types to, and reads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::net::PATIENCE;
use super::program::{WIRELAB, wait_until};
use crate::schema::schema;

/// One of ours, running; killed when dropped.
pub(super) struct Talker {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

/// How it ended.
pub(super) struct Over {
    pub(super) code: Option<i32>,
    pub(super) shown: String,
    /// The same as it came.
    pub(super) bytes: Vec<u8>,
    pub(super) said: String,
}

impl Talker {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut stdout, sink) = (child.stdout.take().expect("stdout"), Arc::clone(&shown));
        let reader = thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut some) {
                sink.lock().expect("no panic").extend(&some[..count]);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            shown,
            reader: Some(reader),
        }
    }

    pub(super) fn ours(words: &[&str]) -> Self {
        let mut command = Command::new(WIRELAB);
        command.args(words);
        Self::start(command)
    }

    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic")).into_owned()
    }

    pub(super) fn shows(&self, what: &str) {
        wait_until(&format!("{what:?} in the output"), || {
            self.shown().contains(what)
        });
    }

    /// The port that the kernel chose for a server.
    pub(super) fn port(&self) -> u16 {
        self.shows("The kernel chose port ");
        let shown = self.shown();
        let (_, rest) = shown.split_once("The kernel chose port ").expect("a port");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        // It listens a moment after it has the port.
        self.shows("listen");
        digits.parse().expect("a port")
    }

    pub(super) fn types(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin");
        stdin.write_all(text.as_bytes()).expect("it reads");
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("it runs");
    }

    /// Ends its input, and waits for its end.
    pub(super) fn over(mut self) -> Over {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> Over {
        let mut status = None;
        wait_until("its end", || {
            status = self.child.try_wait().expect("its status");
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().expect("its output");
        }
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("stderr");
        stderr.read_to_string(&mut said).expect("text");
        Over {
            code: status.and_then(|it| it.code()),
            shown: self.shown(),
            bytes: self.shown.lock().expect("no panic").clone(),
            said,
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Over {
    /// Its JSON lines, each as the schema has it.
    pub(super) fn lines(&self) -> Vec<Value> {
        let schema = schema();
        let lines: Vec<Value> = self
            .shown
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect();
        for line in &lines {
            assert!(schema.is_valid(line), "{line}");
        }
        lines
    }
}

/// The calls on record, by name.
pub(super) fn calls(lines: &[Value]) -> Vec<&str> {
    let calls = lines.iter().filter(|line| line["type"] == "call");
    calls
        .map(|line| line["call"].as_str().expect("a name"))
        .collect()
}

/// The text of all messages that went that way.
pub(super) fn text(lines: &[Value], way: &str) -> String {
    let messages = lines
        .iter()
        .filter(|line| line["type"] == "message" && line["way"] == way);
    messages
        .map(|line| line["text"].as_str().expect("text"))
        .collect()
}

/// A listener of this test.
pub(super) fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its port").port();
    (listener, port.to_string())
}

pub(super) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    stream
}
