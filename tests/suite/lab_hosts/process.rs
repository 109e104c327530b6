//! The hosts of another process: the example `two_hosts`, started with and without rights, and killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::unistd::geteuid;
use tempfile::TempDir;
use wirelab::io::clock::Stopwatch;

use super::rights::assert_no_rights;
use super::{PATIENCE, skip};

/// `nobody`, on every Linux.
const NOBODY: &str = "65534";

/// Waits until something is so, or fails by its name.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Stopwatch::start();
    while !is_so() {
        assert!(clock.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The network namespaces that threads of a process are in.
pub(super) fn namespaces(pid: u32) -> Vec<PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    // A thread may end while we look.
    let all = tasks.filter_map(|task| fs::read_link(task.ok()?.path().join("ns/net")).ok());
    let mut all: Vec<_> = all.collect();
    all.sort();
    all.dedup();
    all
}

/// A copy of the example where every user can reach it, which the build folder may not be.
struct Example(TempDir);

impl Example {
    /// `None` after saying why there is none.
    fn find(name: &str) -> Option<Self> {
        if !geteuid().is_root() {
            skip(name, "it needs root, to become nobody");
            return None;
        }
        let tests = std::env::current_exe().expect("this binary");
        let built = tests
            .parent()
            .and_then(Path::parent)
            .expect("the build folder");
        let built = built.join("examples/two_hosts");
        if !built.exists() {
            skip(name, "the example is not built; cargo build --examples");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        // By another process: one that is open for writing here could not be executed.
        let copied = Command::new("cp").arg(built).arg(folder.path()).status();
        assert!(copied.expect("cp").success());
        Some(Self(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("two_hosts")
    }

    /// As root itself, or as root by way of sudo.
    fn as_root(&self, sudo: bool) -> Command {
        let mut command = Command::new(self.path());
        for variable in ["SUDO_UID", "SUDO_GID"] {
            command.env_remove(variable);
            if sudo {
                command.env(variable, NOBODY);
            }
        }
        command
    }

    /// As nobody, with a `/dev/net/tun` of that mode.
    fn as_nobody(&self, mode: &str) -> Command {
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        self.with_rights(&nobody, mode)
    }

    /// As root by way of sudo, as which no networks can be made, with a device for everybody.
    fn as_root_in_a_container(&self) -> Command {
        let mut command = self.with_rights(&["--bounding-set=-sys_admin"], "666");
        command.env("SUDO_UID", NOBODY).env("SUDO_GID", NOBODY);
        command
    }

    /// By `setpriv`, with a `/dev/net/tun` of that mode that this process alone sees: its own mount
    /// namespace has another device node there, and the machine's stays as it is.
    fn with_rights(&self, rights: &[&str], mode: &str) -> Command {
        let script = r#"mount -t tmpfs tmpfs /dev/net && mknod -m "$1" /dev/net/tun c 10 200 &&
            shift && exec setpriv --inh-caps=-all "$@""#;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script, "sh", mode])
            .args(rights)
            .arg("--")
            .arg(self.path())
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID");
        command
    }

    /// As a user of a namespace in which there may be none of a kind.
    fn with_none(&self, limit: &str) -> Command {
        let script = r#"echo 0 >"/proc/sys/user/$1" && shift &&
            exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@""#;
        let mut command = Command::new("unshare");
        command
            .args([
                "--user",
                "--map-user=1000",
                "--map-group=1000",
                "--keep-caps",
            ])
            .args(["sh", "-c", script, "sh", limit])
            .arg(self.path());
        command
    }
}

/// The example at work; killed when dropped.
struct Running {
    child: Child,
    /// It ends when this does.
    _input: ChildStdin,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    /// Starts it, and waits until it has carried a conversation and holds.
    fn start(mut command: Command) -> Self {
        let command = command.arg("--hold");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let output = child.stdout.take().expect("its output");
        let (say, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.map(|line| say.send(line)).find(Result::is_err)
        });
        let input = child.stdin.take().expect("its input");
        let mut running = Self {
            child,
            _input: input,
            lines,
            said: Vec::new(),
        };
        while !running
            .said
            .iter()
            .any(|line| line.starts_with("press Enter"))
        {
            let line = running.lines.recv_timeout(PATIENCE);
            let said = &running.said;
            running
                .said
                .push(line.unwrap_or_else(|_| panic!("it ended too soon: {said:?}")));
        }
        running
    }

    /// The process that has the hosts: `unshare` and its shell have become it.
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn assert_conversed(&self) {
        for line in [
            "server heard Ok(\"how do you do\")",
            "client heard Ok(\"very well, thank you\")",
        ] {
            assert!(self.said.iter().any(|it| it == line), "{:?}", self.said);
        }
    }

    /// Every thread of it, and there are some in both hosts, has no rights and is that user.
    fn assert_harmless(&self, user: &str) {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("its threads");
        let mut threads = 0;
        for task in tasks {
            let status = task.expect("a thread").path().join("status");
            let status = fs::read_to_string(status).expect("its status");
            assert_no_rights(&status);
            for name in ["Uid", "Gid"] {
                let ids = [user; 4].join("\t");
                assert!(status.contains(&format!("{name}:\t{ids}\n")), "{status}");
            }
            threads += 1;
        }
        assert_eq!(threads, 3);
        assert_eq!(namespaces(self.pid()).len(), 3);
    }

    /// The command that enters a host, as it was printed.
    fn entry(&self, side: &str) -> Vec<&str> {
        let line = self
            .said
            .iter()
            .find(|line| line.starts_with(side))
            .expect("a line");
        let (_, command) = line.split_once(": ").expect("a command");
        command.split(' ').collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it says when it can't.
fn refusal(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(2), "{said}");
    said
}

#[test]
fn hosts_of_root_of_sudo_and_of_nobody() {
    let Some(example) = Example::find("hosts_of_root_of_sudo_and_of_nobody") else {
        return;
    };
    for (command, user) in [
        (example.as_root(false), "0"),
        (example.as_root(true), NOBODY),
        (example.as_nobody("666"), NOBODY),
        (example.as_root_in_a_container(), NOBODY),
    ] {
        let running = Running::start(command);
        running.assert_conversed();
        running.assert_harmless(user);
    }
}

#[test]
fn the_command_that_enters_a_host_does() {
    let Some(example) = Example::find("the_command_that_enters_a_host_does") else {
        return;
    };
    for (command, user) in [
        (example.as_root(false), "0"),
        (example.as_nobody("666"), NOBODY),
    ] {
        let running = Running::start(command);
        for (side, address) in [("client", "10.0.0.1"), ("server", "10.0.0.2")] {
            let mut enter = Command::new("setpriv");
            enter.args([format!("--reuid={user}"), format!("--regid={user}")]);
            enter.arg("--clear-groups");
            if user == NOBODY {
                enter.arg("--inh-caps=-all");
            }
            enter
                .arg("--")
                .args(running.entry(side))
                .args(["ip", "addr"]);
            let Output { stdout, stderr, .. } = enter.output().expect("it runs");
            let shown = String::from_utf8_lossy(&stdout);
            let said = String::from_utf8_lossy(&stderr);
            assert!(
                shown.contains(&format!("inet {address}/24")),
                "{shown}{said}"
            );
        }
    }
}

#[test]
fn nothing_is_left_after_kill_9() {
    let Some(example) = Example::find("nothing_is_left_after_kill_9") else {
        return;
    };
    for command in [example.as_root(false), example.as_nobody("666")] {
        let mut running = Running::start(command);
        let pid = running.pid();
        let mut of_hosts = namespaces(pid);
        let ours = fs::read_link("/proc/self/ns/net").expect("our namespace");
        of_hosts.retain(|it| *it != ours);
        assert_eq!(of_hosts.len(), 2);
        // A namespace lives while somebody is in it, or holds it: nobody else is, and nobody else was
        // ever told of it.
        let others: Vec<_> = processes().filter(|other| *other != pid).collect();
        for other in others {
            let shared = namespaces(other)
                .into_iter()
                .find(|it| of_hosts.contains(it));
            assert_eq!(shared, None, "process {other} is in it too");
        }
        running.child.kill().expect("SIGKILL");
        running.child.wait().expect("its end");
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}

/// All processes of the machine.
fn processes() -> impl Iterator<Item = u32> {
    let all = fs::read_dir("/proc").into_iter().flatten();
    all.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok())
}

#[test]
fn a_refusal_says_what_to_do() {
    let Some(example) = Example::find("a_refusal_says_what_to_do") else {
        return;
    };
    for (command, tried, remedy) in [
        (
            example.as_nobody("600"),
            "can't make a network device from /dev/net/tun: Permission denied",
            "sudo chmod 0666 /dev/net/tun, or run with sudo",
        ),
        (
            example.with_none("max_user_namespaces"),
            "can't make a user namespace: No space left on device",
            "sudo sysctl -w user.max_user_namespaces=15000, or run with sudo",
        ),
        (
            example.with_none("max_net_namespaces"),
            "can't make a network namespace: No space left on device",
            "sudo sysctl -w user.max_net_namespaces=15000, or run with sudo",
        ),
    ] {
        let said = refusal(command);
        assert!(said.contains(tried) && said.contains(remedy), "{said}");
    }
}
