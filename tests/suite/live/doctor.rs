//! `wirelab doctor` on machines that lack one thing each: the right diagnosis, the right fix.
//!
//! What is broken is broken in namespaces of the test's own; the machine stays as it is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::net::{live_or_skip, skip};
use super::program::{Reachable, WIRELAB, wait_until};
use crate::schema::schema;

/// What the doctor found.
struct Found {
    code: Option<i32>,
    /// Probes, and abilities under `can NAME`.
    lines: BTreeMap<String, Value>,
}

impl Found {
    fn ok(&self, probe: &str) -> Option<bool> {
        self.lines[probe]["ok"].as_bool()
    }

    fn detail(&self, probe: &str) -> &str {
        self.lines[probe]["detail"].as_str().expect("a detail")
    }

    fn can(&self, ability: &str) -> bool {
        self.lines[&format!("can {ability}")]["works"] == json!(true)
    }

    /// The commands of a probe's fix, one a line.
    fn commands(&self, probe: &str) -> String {
        let commands = self.lines[probe]["fix"]["commands"].as_array();
        let commands = commands.unwrap_or_else(|| panic!("no fix: {}", self.lines[probe]));
        let words: Vec<_> = commands.iter().filter_map(Value::as_str).collect();
        words.join("\n")
    }
}

/// The doctor, run by a shell that `script` is for: `$W` is the program, `$NOBODY` makes a user
/// without rights of what follows.
fn examined(binary: &Reachable, script: &str) -> Found {
    let output = Command::new("sh")
        .args(["-c", script])
        .env("W", binary.path())
        .env(
            "NOBODY",
            "setpriv --reuid=65534 --regid=65534 --clear-groups",
        )
        .env("J", "doctor --format json")
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .stdin(Stdio::null())
        .output()
        .expect("sh");
    let (out, said) = (
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(!out.is_empty(), "{script}: {said}");
    let schema = schema();
    let lines = out.lines().map(|line| {
        assert!(line.starts_with("{\"type\":\""), "{line}");
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(schema.is_valid(&value), "{line}");
        let name = value["name"].as_str().expect("a name");
        match value["type"].as_str() {
            Some("ability") => (format!("can {name}"), value),
            _ => (name.to_owned(), value),
        }
    });
    Found {
        code: output.status.code(),
        lines: lines.collect(),
    }
}

/// The program where everybody can reach it; `None` after saying why nothing can be tried here.
fn ready() -> Option<Reachable> {
    // It is asked for root and a libpcap; the hosts are not needed.
    live_or_skip()?;
    let binary = Reachable::make();
    let found = examined(&binary, "$W $J");
    if !found.can("lab") {
        skip(&format!("no lab here: {}", found.lines["can lab"]["how"]));
        return None;
    }
    Some(binary)
}

/// A `/dev/net/tun` of that mode, for what follows.
fn with_tun(mode: u32, then: &str) -> String {
    format!(
        "unshare --mount sh -c 'mount -t tmpfs -o mode=755 tmpfs /dev/net && \
         mknod -m {mode:o} /dev/net/tun c 10 200 && {then}'"
    )
}

#[test]
fn root_has_all_that_is_needed() {
    let Some(binary) = ready() else { return };
    let found = examined(&binary, "$W $J");
    assert_eq!(found.code, Some(0));
    for probe in [
        "libpcap",
        "bpf",
        "packet-socket",
        "capture",
        "raw-ipv4",
        "tap",
        "setting",
    ] {
        assert_eq!(
            found.ok(probe),
            Some(true),
            "{probe}: {}",
            found.detail(probe)
        );
    }
    assert!(found.detail("hosts").contains("two hosts talked over TCP"));
    assert_eq!(found.ok("reno"), Some(true));
    assert_eq!(found.ok("user-namespace"), None);
    assert!(found.can("replay") && found.can("capture") && found.can("lab"));
}

#[test]
fn a_user_has_the_lab_where_the_device_is_open_and_is_told_how_to_capture() {
    let Some(binary) = ready() else { return };
    let found = examined(&binary, &with_tun(0o666, "exec $NOBODY $W $J"));
    assert_eq!(found.code, Some(1));
    assert!(
        found.can("lab") && !found.can("capture"),
        "{:#?}",
        found.lines
    );
    assert_eq!(found.ok("user-namespace"), Some(true));
    assert!(found.detail("hosts").contains("two hosts talked over TCP"));
    assert_eq!(found.ok("packet-socket"), Some(false));
    assert_eq!(found.ok("capture"), None);
    let setcap = format!("sudo setcap cap_net_raw+ep {}", binary.path().display());
    for probe in ["packet-socket", "raw-ipv4"] {
        assert_eq!(found.commands(probe), setcap);
    }
    // And that is what helps.
    let given = Command::new("setcap")
        .arg("cap_net_raw+ep")
        .arg(binary.path())
        .status();
    if !given.is_ok_and(|status| status.success()) {
        return skip("setcap (libcap2-bin) does not work here");
    }
    let found = examined(&binary, &with_tun(0o666, "exec $NOBODY $W $J"));
    assert_eq!(found.code, Some(0), "{:#?}", found.lines);
    assert!(found.can("capture") && found.can("lab") && found.can("ping"));
}

#[test]
fn a_device_that_is_closed_or_missing_is_told_apart() {
    let Some(binary) = ready() else { return };
    let found = examined(&binary, &with_tun(0o600, "exec $NOBODY $W $J"));
    assert_eq!(found.code, Some(1));
    assert!(found.detail("tun-device").contains("mode 0600"));
    assert!(
        found
            .commands("tun-device")
            .starts_with("sudo chmod 0666 /dev/net/tun\n")
    );
    assert_eq!(found.ok("network-namespace"), Some(true));
    assert!(found.detail("hosts").contains("tun-device comes first"));
    let how = found.lines["can lab"]["how"].as_str().expect("how");
    assert!(how.ends_with("lab falls back to recordings"), "{how}");
    // Root is told of its users.
    let found = examined(&binary, &with_tun(0o600, "exec $W $J"));
    assert_eq!(found.code, Some(0));
    assert_eq!(found.ok("users"), Some(false));
    assert!(
        found
            .commands("users")
            .starts_with("chmod 0666 /dev/net/tun\n")
    );
    let found = examined(&binary, &with_tun(0o666, "exec $W $J"));
    assert_eq!(found.ok("users"), Some(true), "{}", found.detail("users"));

    let found = examined(&binary, &with_tun(0o666, "rm /dev/net/tun; exec $W $J"));
    assert_eq!(found.code, Some(1));
    assert_eq!(found.detail("tun-device"), "there is no /dev/net/tun");
    assert!(found.commands("tun-device").starts_with("modprobe tun\n"));
}

#[test]
fn user_namespaces_that_are_switched_off_are_named_by_their_setting() {
    let Some(binary) = ready() else { return };
    // The setting of a user namespace holds for those in it; without rights there, the program
    // needs another one.
    let script = with_tun(
        0o666,
        "exec $NOBODY unshare --user --map-root-user sh -c \
         \"echo 0 >/proc/sys/user/max_user_namespaces && \
         exec setpriv --bounding-set=-all --inh-caps=-all $W $J\"",
    );
    let found = examined(&binary, &script);
    assert_eq!(found.code, Some(1));
    assert!(
        found
            .detail("user-namespace")
            .contains("user.max_user_namespaces is 0")
    );
    assert!(
        found
            .commands("user-namespace")
            .starts_with("sudo sysctl -w user.max_user_namespaces=15000\n")
    );
    assert_eq!(found.ok("network-namespace"), None);
    assert!(!found.can("lab"));
}

#[test]
fn sockets_for_echo_requests_are_for_the_groups_that_the_kernel_names() {
    let Some(binary) = ready() else { return };
    let with_range = |range: &str| {
        let script = format!(
            "unshare --net sh -c 'ip link set lo up && \
             echo {range} >/proc/sys/net/ipv4/ping_group_range && exec $NOBODY $W $J'"
        );
        examined(&binary, &script)
    };
    let none = with_range("1 0");
    assert!(!none.can("ping"));
    assert!(none.detail("icmp-ipv4").contains("'1 0': no group at all"));
    assert!(
        none.commands("icmp-ipv4")
            .contains("ping_group_range='0 2147483647'")
    );
    let others = with_range("5 6");
    assert!(
        others
            .detail("icmp-ipv4")
            .contains("'5 6', and no group of ours")
    );
    let all = with_range("0 2147483647");
    assert!(all.can("ping") && !all.can("packets by hand"));
    assert!(
        all.detail("icmp-ipv4")
            .starts_with("127.0.0.1 answered in ")
    );
}

#[test]
fn a_machine_that_can_not_reach_itself_is_told_to_bring_lo_up() {
    let Some(binary) = ready() else { return };
    let found = examined(&binary, "exec unshare --net $W $J");
    assert_eq!(found.code, Some(1));
    assert!(found.detail("capture").contains("it is down"));
    for probe in ["capture", "raw-ipv4", "raw-ipv6", "ipv6"] {
        assert_eq!(found.commands(probe), "ip link set lo up", "{probe}");
    }
    assert!(found.can("lab"));
}

#[test]
fn a_libpcap_that_is_damaged_is_to_be_installed_again() {
    let Some(binary) = ready() else { return };
    let found = examined(
        &binary,
        "unshare --mount sh -c 'for library in $(ldconfig -p | sed -n \"s/.*libpcap.so.* => //p\"); \
         do mount --bind /dev/null $library; done; exec $W $J'",
    );
    assert_eq!(found.code, Some(1));
    assert_eq!(found.ok("libpcap"), Some(false));
    assert!(found.detail("libpcap").contains("can't be loaded"));
    assert!(found.commands("libpcap").contains("libpcap"));
    assert_eq!((found.ok("bpf"), found.ok("capture")), (None, None));
    // Replay needs none, and the lab neither.
    assert!(found.can("replay") && found.can("lab") && !found.can("capture"));
}

#[test]
fn rights_that_a_container_withholds_are_missed_by_name() {
    let Some(binary) = ready() else { return };
    let found = examined(
        &binary,
        "exec setpriv --bounding-set=-all,+net_raw --inh-caps=-all $W $J",
    );
    assert_eq!(found.code, Some(1));
    assert!(found.can("capture") && !found.can("lab"));
    assert!(found.detail("user-namespace").contains("CAP_SYS_ADMIN"));
    let found = examined(
        &binary,
        "exec setpriv --bounding-set=-net_raw --inh-caps=-all $W $J",
    );
    assert_eq!(found.detail("packet-socket"), "it takes CAP_NET_RAW");
    assert!(!found.can("capture"));
}

#[test]
fn a_copy_that_nobody_waits_for_does_nothing() {
    let output = Command::new(WIRELAB)
        .args(["doctor", "--errand", "hosts", "--parent", "1"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_copy_ends_with_the_program_that_started_it() {
    let ended = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // What comes after the name in brackets; a zombie waits only for somebody to note its end.
        let state = stat.rsplit(") ").next().unwrap_or_default();
        state.is_empty() || state.starts_with('Z')
    };
    // The copy is stopped as soon as it has said a word, so that nothing but the kernel ends it. It
    // takes some milliseconds, in which it has to be met.
    for _ in 0..50 {
        let mut parent = Command::new("sh")
            .args([
                "-c",
                r#""$W" doctor --errand hosts --parent $$ & echo $!; wait"#,
            ])
            .env("W", WIRELAB)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        // Both write to the same pipe, and either may be first.
        let (mut child, mut spoke) = (None, false);
        let lines = BufReader::new(parent.stdout.take().expect("stdout")).lines();
        for line in lines.map_while(Result::ok) {
            match line.parse::<i32>() {
                Ok(pid) => child = Some(pid),
                Err(_) => spoke = true,
            }
            if child.is_some() && spoke {
                break;
            }
        }
        let child = child.expect("a process id");
        let stopped = kill(Pid::from_raw(child), Signal::SIGSTOP).is_ok();
        parent.kill().expect("it runs");
        parent.wait().expect("its end");
        if stopped {
            return wait_until("the copy's end", || ended(child));
        }
    }
    panic!("no copy was ever met");
}

#[test]
fn the_page_fits_its_columns_and_knows_ascii() {
    for (columns, more) in [(60, "--ascii"), (80, "--color=never"), (160, "--ascii")] {
        let output = Command::new(WIRELAB)
            .args(["doctor", "--width", &columns.to_string(), more])
            .env_remove("SUDO_UID")
            .output()
            .expect("it runs");
        let page = String::from_utf8(output.stdout).expect("text");
        assert!(page.starts_with("  replay           ok  "), "{page}");
        assert!(page.contains("\nlab\n") && page.is_ascii(), "{page}");
        for line in page.lines() {
            // A word of a command is never broken: it could not be pasted.
            let is_word =
                columns < 80 && line.starts_with("      ") && line.contains(['\'', '"', '/']);
            assert!(line.len() <= columns || is_word, "{columns}: {line}");
        }
    }
    let colored = Command::new(WIRELAB)
        .args(["doctor", "--color=always"])
        .output();
    let colored = String::from_utf8(colored.expect("it runs").stdout).expect("text");
    assert!(colored.contains("\u{1b}["), "{colored}");
}
