//! Who the capturing process is, and what it may still do, while it captures.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::net::{Net, live_or_skip, skip};
use super::program::{Reachable, Running, WIRELAB, segments, status_of, wait_until};
use super::{capture, converse_and_wait};

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

/// A folder that `nobody` owns.
fn folder_of_nobody() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("given to nobody");
    folder
}

fn assert_is_nobody(pid: u32) {
    let nobody = vec![NOBODY.to_string(); 4];
    assert_eq!(status_of(pid, "Uid"), nobody);
    assert_eq!(status_of(pid, "Gid"), nobody);
    let groups = status_of(pid, "Groups");
    assert!(!groups.contains(&"0".to_owned()), "{groups:?}");
}

fn assert_has_no_rights(pid: u32) {
    assert_eq!(status_of(pid, "CapBnd"), ["0000000000000000"]);
    assert_holds_nothing(pid);
}

fn assert_holds_nothing(pid: u32) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status_of(pid, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status_of(pid, "NoNewPrivs"), ["1"]);
    assert_eq!(status_of(pid, "Threads"), ["1"]);
}

/// Ends it by Ctrl-C, and checks what it says then.
fn end_well(running: Running) -> String {
    let ended = running.end_by(Signal::SIGINT);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains(" packets captured, ")
            && last.ends_with(" 0 dropped by kernel, 0 dropped by interface"),
        "{}",
        ended.stderr
    );
    ended.stdout
}

#[test]
fn root_captures_without_any_right_left() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pcapng");
    let running = Running::start(
        &net.client,
        capture(&["-w", file.to_str().unwrap(), "--format", "json", "tcp"]).env("NO_COLOR", "1"),
    );
    assert_eq!(status_of(running.pid(), "Uid"), ["0"; 4]);
    assert_has_no_rights(running.pid());
    converse_and_wait(&net, &running, &file);
    assert_eq!(fs::metadata(&file).unwrap().uid(), 0);
    // Each packet is shown at once, not when a buffer is full.
    let saved = segments(&file).unwrap().len();
    wait_until("every segment on the screen", || {
        let shown = running.shown();
        shown.matches("{\"type\":\"segment\"").count() == saved
    });
    let shown = end_well(running);
    let flags: Vec<_> = shown
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter_map(|line| line["flags"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(&flags[..3], ["S", "AS", "A"], "{shown}");
    assert!(
        shown
            .lines()
            .last()
            .unwrap()
            .starts_with("{\"type\":\"end\","),
        "{shown}"
    );
}

#[test]
fn root_by_sudo_captures_as_the_user_who_called_it() {
    let Some(net) = live_or_skip() else { return };
    let folder = folder_of_nobody();
    let file = folder.path().join("sudo.pcapng");
    let mut command = capture(&["-w", file.to_str().unwrap()]);
    command
        .env("SUDO_UID", NOBODY.to_string())
        .env("SUDO_GID", NOBODY.to_string());
    let running = Running::start(&net.client, &mut command);
    assert_is_nobody(running.pid());
    assert_has_no_rights(running.pid());
    converse_and_wait(&net, &running, &file);
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (NOBODY, NOBODY));
    end_well(running);
}

#[test]
fn the_real_sudo_leads_to_the_same() {
    let Some(net) = live_or_skip() else { return };
    if Command::new("sudo").arg("-V").output().is_err() {
        return skip("sudo is not installed");
    }
    let folder = folder_of_nobody();
    let file = folder.path().join("sudo.pcapng");
    // Seen by this process only: in its own mount namespace, nobody may use sudo.
    let sudoers = folder.path().join("sudoers");
    fs::write(&sudoers, "nobody ALL=(ALL) NOPASSWD: ALL\n").unwrap();
    fs::set_permissions(&sudoers, fs::Permissions::from_mode(0o440)).unwrap();
    let script = r#"mount --bind "$1" /etc/sudoers && shift &&
        exec setpriv --reuid=65534 --regid=65534 --clear-groups sudo -n -- "$@""#;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&sudoers)
        .args([WIRELAB, "capture", "-i", Net::IFACE, "-w"])
        .arg(&file);
    let running = Running::start(&net.client, &mut command);
    let pid = child_that_captures(running.pid())
        .unwrap_or_else(|| panic!("sudo started nothing: {}", running.said));
    assert_is_nobody(pid);
    assert_has_no_rights(pid);
    converse_and_wait(&net, &running, &file);
    assert_eq!(fs::metadata(&file).unwrap().uid(), NOBODY);
    // sudo hands the signal on.
    end_well(running);
}

/// The descendant of `pid` that runs wirelab.
fn child_that_captures(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().find_map(|child| {
        let child = child.parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if name.trim() == "wirelab" {
            return Some(child);
        }
        child_that_captures(child)
    })
}

#[test]
fn a_right_given_to_the_binary_is_given_up_too() {
    let Some(net) = live_or_skip() else { return };
    let folder = folder_of_nobody();
    let binary = Reachable::make();
    let given = Command::new("setcap")
        .arg("cap_net_raw+ep")
        .arg(binary.path())
        .output();
    match given {
        Err(error) => return skip(&format!("setcap (libcap2-bin) can't be run: {error}")),
        Ok(output) if !output.status.success() => {
            return skip(&String::from_utf8_lossy(&output.stderr));
        }
        Ok(_) => {}
    }
    let file = folder.path().join("setcap.pcapng");
    let mut command = Command::new(binary.path());
    command
        .args(["capture", "-i", Net::IFACE, "-w"])
        .arg(&file)
        .uid(NOBODY)
        .gid(NOBODY);
    let running = Running::start(&net.client, &mut command);
    assert_is_nobody(running.pid());
    // What it never had the right to lower is the bounding set, which gives nothing by itself.
    assert_holds_nothing(running.pid());
    converse_and_wait(&net, &running, &file);
    assert_eq!(fs::metadata(&file).unwrap().uid(), NOBODY);
    end_well(running);
}

#[test]
fn a_file_that_the_user_may_not_write_is_refused_by_name() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("of-root.pcapng");
    let mut command = capture(&["-w", file.to_str().unwrap()]);
    command
        .env("SUDO_UID", NOBODY.to_string())
        .env("SUDO_GID", NOBODY.to_string());
    let ended = Running::start(&net.client, &mut command).end();
    assert_eq!(ended.status.code(), Some(2));
    let said = ended.stderr;
    assert!(said.contains("of-root.pcapng: Permission denied"), "{said}");
    assert!(
        said.contains("written as the user who called sudo"),
        "{said}"
    );
    assert!(!Path::new(&file).exists());
}
