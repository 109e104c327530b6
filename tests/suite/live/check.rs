//! `wirelab check` in a namespace in which each link is broken in turn: the diagnosis has to be that.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wirelab::io::interfaces::{State, interfaces};

use super::net::{Net, SERVER, inside, ip, live_or_skip};
use super::program::{WIRELAB, wait_until};
use crate::schema::schema;

/// A host behind the router, which is the server's own second address.
const FAR: &str = "198.51.100.9";
/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

/// Answers DNS questions on the server: `far.example` is [`FAR`], anything else does not exist. What it
/// answers is as RFC 1035 section 4 has it.
///
/// Questions for IPv4 addresses are counted.
fn serve_names(socket: &UdpSocket, over: &AtomicBool, asked_for_a: &AtomicU32) {
    let mut question = [0; 512];
    while !over.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut question) else {
            continue;
        };
        let asked = &question[..length];
        let known = asked.windows(12).any(|it| it == b"\x03far\x07example");
        let wants_a = asked.windows(4).any(|it| it == [0, 1, 0, 1]);
        asked_for_a.fetch_add(u32::from(wants_a), Ordering::Relaxed);
        let mut answer = asked.to_vec();
        // What follows the question, such as EDNS, is not repeated.
        let end = 12 + asked[12..].iter().position(|&it| it == 0).unwrap_or(0) + 5;
        answer.truncate(end);
        answer[2..4].copy_from_slice(if known { &[0x81, 0x80] } else { &[0x81, 0x83] });
        answer[6..12].copy_from_slice(&[0, u8::from(known && wants_a), 0, 0, 0, 0]);
        if known && wants_a {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 9]);
        }
        let _ = socket.send_to(&answer, from);
    }
}

/// Runs the check on the client with that resolv.conf; exit code and findings.
fn check(net: &Net, resolv: &Path, words: &[&str], nobody: bool) -> (Option<i32>, Vec<Value>) {
    let output = inside(&net.client, || {
        // A mount namespace of its own, so that its resolv.conf is nobody else's.
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
        command.args(["-m", "sh", "-c", script, "sh"]).arg(resolv);
        if nobody {
            command.args([
                "setpriv",
                "--reuid",
                &NOBODY.to_string(),
                "--regid",
                &NOBODY.to_string(),
                "--clear-groups",
            ]);
        }
        command
            .arg(WIRELAB)
            .args(["check", "--format", "json"])
            .args(words);
        command.process_group(0).output()
    })
    .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let schema = schema();
    let lines = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Value> = lines
        .lines()
        .map(|it| serde_json::from_str(it).expect("JSON"))
        .collect();
    for line in &lines {
        assert!(schema.is_valid(line), "{line}");
    }
    let mut lines = lines;
    let code = output.status.code();
    let all = lines.pop().expect("what all of it comes to");
    assert_eq!(all["type"], "diagnosis", "{all}");
    assert_eq!(all["reached"], code == Some(0), "{all}");
    for version in all["versions"].as_array().expect("a list") {
        let broken = lines
            .iter()
            .find(|it| it["version"] == version["version"] && it["standing"] == "broken");
        let link = broken.map_or(&Value::Null, |it| &it["link"]);
        assert_eq!(&version["broken"], link, "{all}");
    }
    (code, lines)
}

/// The same over IPv4 alone.
fn check_v4(net: &Net, resolv: &Path, words: &[&str], nobody: bool) -> (Option<i32>, Vec<Value>) {
    check(net, resolv, &[&["-4"], words].concat(), nobody)
}

/// The last link, how it stands, and what was said of it.
fn last(found: &(Option<i32>, Vec<Value>)) -> (&str, &str, String) {
    let last = found.1.last().expect("something was tested");
    let text = |key: &str| last[key].as_str().expect("text");
    (
        text("link"),
        text("standing"),
        format!("{} {}", text("result"), text("meaning")),
    )
}

#[track_caller]
fn breaks(found: &(Option<i32>, Vec<Value>), link: &str, said: &str) {
    let (at, standing, told) = last(found);
    assert_eq!(
        (found.0, at, standing),
        (Some(1), link, "broken"),
        "{found:?}"
    );
    assert!(told.contains(said), "{told}");
}

/// The link at which a version of IP ends.
#[track_caller]
fn breaks_at(found: &(Option<i32>, Vec<Value>), version: u8, link: &str) {
    let mut all = found.1.iter();
    let broken = all.find(|it| it["version"] == version && it["standing"] == "broken");
    assert_eq!(broken.expect("it is broken")["link"], link, "{found:?}");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story: the chain is whole, and then broken link by link"
)]
fn each_link_that_is_broken_is_found() {
    let Some(net) = live_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let resolv = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let ours = resolv(
        "ours",
        &format!("nameserver {SERVER}\noptions timeout:1 attempts:1\n"),
    );
    let deaf = resolv(
        "deaf",
        "nameserver 10.77.0.99\noptions timeout:1 attempts:1\n",
    );
    let (c, s) = (&net.client, &net.server);
    let wire = Net::IFACE;
    ip(&format!("-n {s} addr add {FAR}/32 dev lo")).expect("the far host");
    inside(s, || {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("its own setting");
        fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("its own setting");
    });
    inside(c, || {
        fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("its own setting");
    });
    let socket = inside(s, || UdpSocket::bind((SERVER, 53))).expect("a free port");
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let (over, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| serve_names(&socket, &over, &asked));
        let test = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            breaks(
                &check_v4(&net, &ours, &["far.example"], false),
                "router",
                "no default route",
            );
            ip(&format!("-n {c} route add default via {SERVER}")).expect("a route");

            for nobody in [false, true] {
                let whole = check_v4(&net, &ours, &["far.example"], nobody);
                assert_eq!(
                    (whole.0, last(&whole).0, last(&whole).1),
                    (Some(0), "host", "fine"),
                    "{whole:?}"
                );
                assert_eq!(whole.1.len(), 5, "{whole:?}");
                for line in &whole.1 {
                    let pinged = line["link"] != "names";
                    assert_eq!(line["rtt_ns"].as_u64() > Some(0), pinged, "{line}");
                }
            }
            // Over both versions of IP, the name is looked up once all the same.
            for (host, address) in [(c, "fd00:77::1"), (s, "fd00:77::2")] {
                ip(&format!("-n {host} addr add {address}/64 dev {wire} nodad"))
                    .expect("an address");
            }
            ip(&format!("-n {c} -6 route add default via fd00:77::2")).expect("a route");
            let before = asked.load(Ordering::Relaxed);
            let both = check(&net, &ours, &["far.example"], false);
            assert_eq!(asked.load(Ordering::Relaxed) - before, 1, "{both:?}");
            assert_eq!(both.0, Some(0), "{both:?}");
            let names = both.1.iter().filter(|it| it["link"] == "names");
            assert_eq!(names.count(), 2, "{both:?}");
            breaks_at(&both, 6, "names");
            // Where nobody may ping, the links are tested by TCP and by who answers ARP.
            inside(c, || {
                fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0").expect("its own setting");
            });
            let whole = check_v4(&net, &ours, &["far.example"], true);
            assert_eq!((whole.0, last(&whole).0), (Some(0), "host"), "{whole:?}");
            breaks(
                &check_v4(&net, &ours, &["a b"], false),
                "names",
                "Nobody was asked",
            );
            breaks(
                &check_v4(&net, &ours, &["no.example"], false),
                "names",
                "does not exist",
            );
            breaks(
                &check_v4(&net, &deaf, &["far.example"], false),
                "names",
                "10.77.0.99 did not answer",
            );
            breaks(
                &check_v4(&net, &ours, &["203.0.113.9"], false),
                "host",
                "as far as packets come",
            );
            breaks(
                &check_v4(&net, &ours, &["10.77.0.50"], false),
                "host",
                "Nobody on this network",
            );

            ip(&format!("-n {c} route replace default via 10.77.0.44")).expect("a route");
            breaks(
                &check_v4(&net, &ours, &[FAR], false),
                "router",
                "no answer to ARP",
            );
            ip(&format!("-n {c} addr flush dev {wire}")).expect("no address");
            breaks(
                &check_v4(&net, &ours, &[FAR], false),
                "own address",
                "is up but has no IPv4 address",
            );
            ip(&format!("-n {s} link set {wire} down")).expect("no carrier");
            // The kernel tells of a carrier within a second, and not at once.
            wait_until("the loss of the carrier", || {
                inside(c, || {
                    interfaces()
                        .iter()
                        .any(|it| it.name == wire && it.state == State::NoCarrier)
                })
            });
            breaks(
                &check_v4(&net, &ours, &[FAR], false),
                "own address",
                "no carrier",
            );
            ip(&format!("-n {c} link set {wire} down")).expect("down");
            breaks(&check_v4(&net, &ours, &[FAR], false), "own address", "down");
            ip(&format!("-n {c} link set lo down")).expect("no loopback");
            breaks(
                &check_v4(&net, &ours, &[FAR], false),
                "own stack",
                "is down",
            );
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = test {
            std::panic::resume_unwind(panic);
        }
    });
}
