//! A pseudo-terminal with a program on it: what is typed, and what is seen.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;
use wirelab::io::clock::Stopwatch;

/// So long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

fn count(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has lines and columns")
}

/// A program, and the terminal that it runs on.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    /// The end that a person sits at, and the program's.
    master: File,
    slave: OwnedFd,
    shown: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that was sent to the terminal.
    pub(crate) bytes: Vec<u8>,
    before: Termios,
}

impl Terminal {
    /// Starts `wirelab` with those words on a terminal of `lines` by `columns`.
    pub(crate) fn start(words: &[&str], size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        Self::start_with(words, size, environment, "/dev/tty")
    }

    /// The same, with a file for its standard input.
    pub(crate) fn start_with(
        words: &[&str],
        size: (u16, u16),
        environment: &[(&str, &str)],
        input: &str,
    ) -> Self {
        // The shell becomes the program, so its number is that.
        let script = r#"exec 0<"$0"; exec "$@""#;
        Self::start_by(script, input, words, size, environment)
    }

    /// Has a shell start it, as `"$@"` in the script, whose `$0` is that.
    pub(crate) fn start_by(
        script: &str,
        name: &str,
        words: &[&str],
        (lines, columns): (u16, u16),
        environment: &[(&str, &str)],
    ) -> Self {
        let size = Winsize {
            ws_row: lines,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        let before = tcgetattr(&pty.slave).expect("its settings");
        let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        // A session of its own, with this terminal.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "sh", "-c", script])
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(environment.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end());
        command.arg(name).arg(crate::run::path()).args(words);
        let child = command.spawn().expect("setsid and the program");
        let master = File::from(pty.master);
        let mut from = master.try_clone().expect("a descriptor");
        let (to, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if to.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master,
            slave: pty.slave,
            shown,
            screen: vt100::Parser::new(count(lines), count(columns), 0),
            bytes: Vec::new(),
            before,
        }
    }

    /// Types that.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("typed");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    /// Makes the terminal that large.
    pub(crate) fn resize(&mut self, lines: u16, columns: u16) {
        let status = Command::new("stty")
            .args(["rows", &lines.to_string(), "cols", &columns.to_string()])
            .stdin(Stdio::from(self.slave.try_clone().expect("a descriptor")))
            .status();
        assert!(status.expect("stty").success());
        self.screen
            .screen_mut()
            .set_size(count(lines), count(columns));
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.screen.screen().alternate_screen()
    }

    /// Whether the terminal is as it was before the program.
    pub(crate) fn is_restored(&self) -> bool {
        let now = tcgetattr(&self.slave).expect("its settings");
        let screen = self.screen.screen();
        now == self.before
            && now
                .local_flags
                .contains(LocalFlags::ICANON | LocalFlags::ECHO)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Takes in what was sent, waiting for it up to `most`.
    fn look(&mut self, most: Duration) {
        let first = self.shown.recv_timeout(most).ok();
        for bytes in first.into_iter().chain(self.shown.try_iter()) {
            self.screen.process(&bytes);
            self.bytes.extend(bytes);
        }
    }

    /// Waits until the screen is as `fits` says.
    pub(crate) fn until(&mut self, what: &str, fits: impl Fn(&Self) -> bool) {
        let begin = Stopwatch::start();
        while !fits(self) {
            self.look(Duration::from_millis(100));
            assert!(
                begin.elapsed() < PATIENCE,
                "{what} never came; the screen is\n{}",
                self.text()
            );
        }
    }

    /// Waits until that stands on the screen.
    pub(crate) fn sees(&mut self, text: &str) {
        self.until(text, |terminal| terminal.text().contains(text));
    }

    /// The screen, once nothing more has come for a while.
    pub(crate) fn still(&mut self) -> String {
        loop {
            let before = self.bytes.len();
            self.look(Duration::from_secs(2));
            if before > 0 && self.bytes.len() == before {
                return self.text();
            }
        }
    }

    /// Waits for its end, and takes in everything it said.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let begin = Stopwatch::start();
        loop {
            self.look(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().expect("our child") {
                self.look(Duration::from_millis(200));
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it never ended");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
