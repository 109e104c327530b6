//! However a capture ends, what was seen until then is kept.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::net::{CLIENT, Net, SERVER, ip, live_or_skip};
use super::program::{Running, WIRELAB, assert_whole, segments, status_of, wait_until};
use super::{ANSWER, ASK, capture, converse_and_wait};

/// Between two looks at a process that may be on its way through a state.
const MOMENT: Duration = Duration::from_millis(20);

#[test]
fn every_signal_that_asks_for_an_end_gets_a_complete_file() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let file = folder.path().join(format!("{signal}.pcapng"));
        let running = Running::start(
            &net.client,
            &mut capture(&["-q", "-w", file.to_str().unwrap(), "tcp"]),
        );
        // No waiting for the file: what has passed before the signal must be in it.
        net.converse(ASK, ANSWER);
        let ended = running.end_by(signal);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout, "", "-q");
        let seen = segments(&file).expect("a whole file");
        assert_whole(&seen, CLIENT, ASK, SERVER, ANSWER);
        let count = format!("{} packets captured, ", seen.len());
        assert!(ended.stderr.contains(&count), "{}", ended.stderr);
    }
}

#[test]
fn killed_without_mercy_it_leaves_a_file_with_all_it_saw() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.pcapng");
    let running = Running::start(&net.client, &mut capture(&["-w", file.to_str().unwrap()]));
    converse_and_wait(&net, &running, &file);
    let ended = running.end_by(Signal::SIGKILL);
    assert_eq!(ended.status.code(), None);
    let seen = segments(&file).expect("a whole file");
    assert_whole(&seen, CLIENT, ASK, SERVER, ANSWER);
}

#[test]
fn a_count_ends_it_after_exactly_that_many() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.pcapng");
    let mut command = capture(&["-c", "3", "-w", file.to_str().unwrap(), "tcp"]);
    let running = Running::start(&net.client, &mut command);
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let flags: Vec<_> = segments(&file)
        .unwrap()
        .into_iter()
        .map(|s| s.flags)
        .collect();
    assert_eq!(flags, ["S", "SA", "A"]);
    assert!(
        ended
            .stderr
            .contains("3 packets captured, 3 shown, 0 dropped"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_interface_that_goes_away_ends_it_with_the_reason() {
    let Some(net) = live_or_skip() else { return };
    for (command, reason) in [
        (
            format!("-n {} link set {} down", net.client, Net::IFACE),
            "wire went down",
        ),
        (
            format!("-n {} link del {}", net.client, Net::IFACE),
            "wire disappeared",
        ),
    ] {
        ip(&format!("-n {} link set {} up", net.client, Net::IFACE)).unwrap();
        let running = Running::start(&net.client, &mut capture(&[]));
        ip(&command).unwrap();
        let ended = running.end();
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        assert!(ended.stderr.contains(" captured, "), "{}", ended.stderr);
    }
}

#[test]
fn any_captures_on_every_interface() {
    let Some(net) = live_or_skip() else { return };
    let mut command = Command::new(WIRELAB);
    command.args(["capture", "-i", "any", "--format", "json", "-c", "3", "tcp"]);
    let running = Running::start(&net.client, &mut command);
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("\"flags\":\"AS\""),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_snaplen_cuts_the_bytes_and_not_the_lengths() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut.pcapng");
    // 80 bytes: Ethernet, IPv4 and TCP with timestamps take 66, which leaves 14 of the payload.
    let mut command = capture(&["-s", "80", "-w", file.to_str().unwrap()]);
    command.args(["--format", "json", "-c", "4", "tcp"]);
    let running = Running::start(&net.client, &mut command);
    let long = "a question that is longer than what is kept of it ".repeat(10);
    net.converse(&long, ANSWER);
    let ended = running.end();
    let len = format!("\"len\":{}", long.len());
    assert!(ended.stdout.contains(&len), "{}", ended.stdout);
    let kept = segments(&file).expect("a whole file");
    assert_eq!(kept[3].payload, long[..14]);
}

/// A file system of its own, too small for what is to be written on it; gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success());
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_what_fitted() {
    let Some(net) = live_or_skip() else { return };
    let disk = SmallDisk::make();
    let file = disk.path().join("full.pcapng");
    let running = Running::start(
        &net.client,
        &mut capture(&["-q", "-w", file.to_str().unwrap(), "tcp"]),
    );
    net.converse(&"x".repeat(200_000), ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("full.pcapng: No space left on device"),
        "{}",
        ended.stderr
    );
    let seen = segments(&file).expect("a whole file");
    assert_eq!(seen[0].flags, "S");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let Some(net) = live_or_skip() else { return };
    let mut command = Command::new("sh");
    let script = r#"{ "$@"; echo "code $?" >&2; } | head -n 1"#;
    let wirelab = capture(&["--format", "json", "tcp"]);
    command
        .args(["-c", script, "sh"])
        .arg(wirelab.get_program())
        .args(wirelab.get_args());
    let running = Running::start(&net.client, &mut command);
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(said[1..], ["code 0"], "{}", ended.stderr);
}

/// Whether the process has a handler for `signal`.
fn catches(pid: u32, signal: Signal) -> bool {
    let caught = u64::from_str_radix(&status_of(pid, "SigCgt")[0], 16).expect("a mask");
    caught >> (signal as u32 - 1) & 1 == 1
}

#[test]
fn a_second_ctrl_c_kills_it_even_when_nobody_reads_what_it_shows() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stuck.pcapng");
    let running = Running::start_unread(
        &net.client,
        &mut capture(&["--format", "json", "-w", file.to_str().unwrap(), "tcp"]),
    );
    let stuck = || {
        // The system call it is in, and the call's first argument: `write` to standard output.
        let call = fs::read_to_string(format!("/proc/{}/syscall", running.pid()));
        let call = call.unwrap_or_default();
        call.starts_with(&format!("{} 0x1 ", libc::SYS_write))
    };
    // A write that has room passes through that state as well, but does not stay in it.
    let firmly = || {
        (0..5).all(|_| {
            stuck() && {
                std::thread::sleep(MOMENT);
                true
            }
        })
    };
    wait_until("a full pipe", || {
        net.converse(ASK, ANSWER);
        firmly()
    });
    running.signal(Signal::SIGINT);
    // The first is noted, and can't be obeyed while the write waits.
    wait_until("the first signal to be taken", || {
        !catches(running.pid(), Signal::SIGINT)
    });
    assert!(stuck());
    running.signal(Signal::SIGINT);
    let ended = running.end();
    assert_eq!(ended.status.signal(), Some(Signal::SIGINT as i32));
    assert!(segments(&file).is_ok());
}
