//! `wirelab trace` through real kernel routers: every kind of probe, with and without rights, and paths
//! that are silent, closed, shared, narrow, or swallow what is too long.

mod labels;
mod path;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::net::{inside, ip, skip};
use super::program::{Reachable, Running, WIRELAB, status_of, wait_until};
use crate::schema::schema;
use path::{Path, set};

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;
const MAKE_A_WAY: [&str; 7] = [
    "--icmp --socket raw",
    "--icmp --socket datagram",
    "--udp",
    "--udp --socket datagram",
    "--udp --classic",
    "--tcp",
    "--tcp --socket datagram",
];

fn trace(arguments: &str) -> Command {
    let mut command = Command::new(WIRELAB);
    command.arg("trace").args(arguments.split_whitespace());
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    command
}

fn run(path: &Path, arguments: &str) -> Output {
    let mut command = trace(arguments);
    inside(path.client(), move || command.output()).expect("it ran")
}

/// The lines, each checked against the schema.
fn lines(output: &Output) -> Vec<Value> {
    let schema = schema();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert!(schema.is_valid(&value), "{line}");
            value
        })
        .collect()
}

fn json(path: &Path, arguments: &str) -> Vec<Value> {
    lines(&run(path, &format!("--format json {arguments}")))
}

/// Who answered at each hop.
fn addresses(lines: &[Value]) -> Vec<Vec<String>> {
    let hops = lines.iter().filter(|line| line["type"] == "hop");
    let of = |hop: &Value| {
        let all = hop["addresses"].as_array().expect("an array");
        all.iter()
            .map(|it| it.as_str().expect("text").to_owned())
            .collect()
    };
    hops.map(of).collect()
}

fn text(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fits = |line: &str| line.chars().count() <= 80;
    assert!(text.lines().all(fits), "{text}");
    text
}

fn one_each(path: &Path, v6: bool) -> Vec<Vec<String>> {
    path.answers(v6).into_iter().map(|it| vec![it]).collect()
}

#[test]
fn every_kind_of_probe_finds_the_same_path() {
    let Some(path) = Path::or_skip(3) else { return };
    set(path.client(), "ipv4/ping_group_range", "0 2147483647");
    for v6 in [false, true] {
        let target = path.target(v6);
        for way in MAKE_A_WAY {
            let output = run(&path, &format!("--format json {way} {target}"));
            let lines = lines(&output);
            assert_eq!(addresses(&lines), one_each(&path, v6), "{way} {target}");
            let end = lines.last().expect("an end");
            assert_eq!(
                (&end["type"], &end["outcome"], &end["hop"]),
                (&"trace".into(), &"reached".into(), &4.into())
            );
            assert_eq!(end["answered"], 12, "{way}: {end}");
            assert_eq!(output.status.code(), Some(0));
            for probe in lines[..4]
                .iter()
                .filter_map(|hop| hop["probes"].as_array())
                .flatten()
            {
                let rtt = probe["rtt_ns"].as_u64().expect("a round trip");
                assert!((1..1_000_000_000).contains(&rtt), "{probe}");
                assert_eq!(
                    probe["answer"]["changes"],
                    Value::Array(Vec::new()),
                    "{probe}"
                );
            }
        }
    }
}

#[test]
fn traceroute_finds_the_same_hops() {
    let Some(path) = Path::or_skip(3) else { return };
    if Command::new("traceroute")
        .arg("--version")
        .output()
        .is_err()
    {
        return skip("traceroute is not installed");
    }
    for v6 in [false, true] {
        let target = path.target(v6);
        for (theirs, ours) in [("-I", "--icmp"), ("-U", "--udp"), ("-T -p 80", "--tcp")] {
            let mut command = Command::new("traceroute");
            command.args(format!("-n -q 2 {theirs} {target}").split(' '));
            let output = inside(path.client(), move || command.output()).expect("it ran");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let hops: Vec<Vec<String>> = text
                .lines()
                .skip(1)
                .map(|line| vec![line.split_whitespace().nth(1).unwrap_or("").to_owned()])
                .collect();
            assert_eq!(
                hops,
                addresses(&json(&path, &format!("{ours} {target}"))),
                "{text}"
            );
        }
    }
}

#[test]
fn a_tcp_port_is_open_or_closed() {
    let Some(path) = Path::or_skip(1) else { return };
    let target = path.target(false);
    let listener = inside(path.server(), || {
        TcpListener::bind(("0.0.0.0", 80)).expect("bound")
    });
    for way in ["--tcp", "--tcp --socket datagram"] {
        let open = text(&run(&path, &format!("{way} -q 5 {target}")));
        assert!(open.contains("SYN-ACK: the port is open"), "{open}");
        // Those that come while the first is half open are answered too, and by no closed port.
        assert!(open.contains("10 of 10 probes answered"), "{open}");
        assert!(!open.contains("closed"), "{open}");
        let closed = text(&run(&path, &format!("{way} --port 81 {target}")));
        assert!(closed.contains("RST: the port is closed"), "{closed}");
    }
    drop(listener);
}

#[test]
fn a_user_without_rights_traces_too() {
    let Some(path) = Path::or_skip(2) else { return };
    let binary = Reachable::make();
    let run = |arguments: &str| {
        let mut command = Command::new(binary.path());
        command.arg("trace").args(arguments.split(' '));
        command.uid(NOBODY).gid(NOBODY);
        inside(path.client(), move || command.output()).expect("it ran")
    };
    for v6 in [false, true] {
        set(path.client(), "ipv4/ping_group_range", "1 0");
        let target = path.target(v6);
        for way in ["", "--udp ", "--tcp "] {
            let output = run(&format!("--format json {way}{target}"));
            let lines = lines(&output);
            assert_eq!(addresses(&lines), one_each(&path, v6), "{way}");
            let end = lines.last().expect("an end");
            assert_eq!(end["socket"], "datagram");
            assert_eq!(end["method"], if way == "--tcp " { "tcp" } else { "udp" });
        }
        let why = text(&run(&target));
        assert!(why.contains("not ICMP,"), "{why}");
        let refused = run(&format!("--icmp {target}"));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2));
        assert!(
            said.contains("net.ipv4.ping_group_range ('1 0') has group 65534"),
            "{said}"
        );
        set(path.client(), "ipv4/ping_group_range", "65534 65534");
        let lines = lines(&run(&format!("--format json {target}")));
        assert_eq!(addresses(&lines), one_each(&path, v6));
        assert_eq!(lines.last().expect("an end")["method"], "icmp");
    }
}

#[test]
fn a_silent_hop_and_a_sparing_one_are_no_loss() {
    let Some(path) = Path::or_skip(3) else { return };
    path.silence(2);
    // Six at once, then one a second: what Linux does if it is not told otherwise.
    set(path.router(1), "ipv4/icmp_ratemask", "6168");
    let lines = json(&path, &format!("-w 0.5 -q 12 {}", path.target(false)));
    let hop = &lines[0];
    let answered = hop["answered"].as_u64().expect("a number");
    assert!((1..12).contains(&answered), "{hop}");
    let end = lines.last().expect("an end");
    let kinds: Vec<_> = end["remarks"]
        .as_array()
        .expect("some")
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["silent", "limited"], "{end}");
    set(path.router(1), "ipv4/icmp_ratemask", "0");
    let output = run(&path, &format!("-w 0.5 {}", path.target(false)));
    let silent = text(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        silent.contains("Hop 2 never answers, but passes packets on"),
        "{silent}"
    );
    assert!(silent.contains("  2  no answer              *"), "{silent}");
}

#[test]
fn who_says_no_is_told_with_the_letters_of_traceroute() {
    let Some(path) = Path::or_skip(2) else { return };
    let routes = [
        ("prohibit", "10.99.1.0/24", "10.99.1.1", "!X", 3, 13),
        ("unreachable", "10.99.2.0/24", "10.99.2.1", "!H", 3, 1),
        ("prohibit", "fd99:1::/64", "fd99:1::1", "!X", 1, 1),
        ("unreachable", "fd99:2::/64", "fd99:2::1", "!N", 1, 0),
    ];
    for (what, net, target, mark, kind, code) in routes {
        let v6 = if net.contains(':') { "-6 " } else { "" };
        ip(&format!("-n {} {v6}route add {what} {net}", path.router(2))).expect("a route");
        let via = &path.answers(net.contains(':'))[1];
        ip(&format!(
            "-n {} {v6}route add {net} via {via}",
            path.router(1)
        ))
        .expect("a route");
        // No more errors than an IPv4 router allows itself at once for having no route, which is five.
        let ways = match what {
            "prohibit" => ["", "--udp --socket datagram"],
            _ => ["--tcp", "--tcp --socket datagram"],
        };
        for way in ways {
            let output = run(
                &path,
                &format!("--format json -q 1 -N 1 -w 0.5 -m 6 {way} {target}"),
            );
            let lines = lines(&output);
            assert_eq!(output.status.code(), Some(1));
            let end = lines.last().expect("an end");
            assert_eq!(
                (&end["outcome"], &end["hop"]),
                (&"refused".into(), &2.into()),
                "{end}"
            );
            let probe = &lines[1]["probes"][0];
            assert_eq!(probe["mark"], mark, "{probe}");
            assert_eq!(probe["answer"]["icmp_type"], kind);
            assert_eq!(probe["answer"]["icmp_code"], code, "{target} {probe}");
            assert_eq!(probe["from"], via.as_str());
        }
    }
    ip(&format!(
        "-n {} route add blackhole 10.99.3.0/24",
        path.router(1)
    ))
    .expect("a route");
    let output = run(&path, "-w 0.2 -m 9 10.99.3.1");
    assert_eq!(output.status.code(), Some(1));
    let nobody = text(&output);
    assert!(nobody.contains("  1 to 9: no answer"), "{nobody}");
    assert!(nobody.contains("Not reached: nobody answered"), "{nobody}");
}

#[test]
fn the_path_mtu_is_found_whatever_the_kernel_remembers() {
    let Some(path) = Path::or_skip(3) else { return };
    path.narrow(2, 1400);
    for v6 in [false, true] {
        let target = path.target(v6);
        let narrow = &path.answers(v6)[1];
        // The second run meets what the kernel has learned in the first.
        for way in ["", "--udp --socket datagram", "--udp", ""] {
            let lines = json(&path, &format!("--mtu {way} {target}"));
            let found = &lines.last().expect("an end")["path_mtu"];
            assert_eq!(
                (&found["mtu"], &found["complete"]),
                (&1400.into(), &true.into()),
                "{way}"
            );
            let steps = found["steps"].as_array().expect("steps");
            assert_eq!(steps.len(), 2, "{found}");
            assert_eq!(
                (&steps[0]["from"], &steps[0]["mtu"]),
                (&Value::Null, &1500.into())
            );
            assert_eq!(
                (&steps[1]["from"], &steps[1]["hop"], &steps[1]["size"]),
                (&narrow.as_str().into(), &2.into(), &1500.into())
            );
        }
    }
}

#[test]
fn a_black_hole_is_found_to_the_byte() {
    let Some(path) = Path::or_skip(3) else { return };
    path.narrow(2, 1372);
    path.silence(2);
    thread::scope(|scope| {
        for v6 in [false, true] {
            let path = &path;
            scope.spawn(move || {
                let lines = json(path, &format!("--mtu -w 0.6 {}", path.target(v6)));
                let found = &lines.last().expect("an end")["path_mtu"];
                assert_eq!(found["mtu"], 1372, "{found}");
                let hole = &found["black_hole"];
                assert_eq!((&hole["after"], &hole["before"]), (&1.into(), &3.into()));
            });
        }
    });
}

#[test]
fn flows_find_the_paths_that_routers_share_traffic_between() {
    let Some(path) = Path::or_skip(3) else { return };
    let second = path.fork();
    // By ports too, as big routers do.
    set(path.router(1), "ipv4/fib_multipath_hash_policy", "1");
    let target = path.target(false);
    let both = |arguments: &str| {
        let lines = json(&path, &format!("{arguments} {target}"));
        let found = addresses(&lines);
        assert_eq!(found.len(), 4, "{found:?}");
        found[1].clone()
    };
    for way in ["--udp", "--udp --socket datagram", "--tcp"] {
        // One flow is always on one path, whichever it is.
        assert_eq!(both(&format!("{way} -q 16")).len(), 1);
        let found = both(&format!("{way} --flows 16"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&second), "{found:?}");
    }
    // The kernel gives each connection a port of its own: without rights that is a flow each.
    assert_eq!(both("--tcp --socket datagram -q 16").len(), 2);
    let spread = text(&run(
        &path,
        &format!("--tcp --socket datagram -q 16 {target}"),
    ));
    assert!(spread.contains("has its own port"), "{spread}");
    let told = text(&run(&path, &format!("--udp --flows 16 {target}")));
    assert!(
        told.contains("Hop 2 answers from several addresses"),
        "{told}"
    );
}

#[test]
fn an_end_by_ctrl_c_tells_what_is_known_and_no_rights_are_left() {
    let Some(path) = Path::or_skip(1) else { return };
    ip(&format!(
        "-n {} route add blackhole 10.99.3.0/24",
        path.router(1)
    ))
    .expect("a route");
    let mut command = trace("--mtu -w 60 -m 3 -q 1 10.99.3.1");
    let mut shell = Command::new("sh");
    // What waits for a capture to begin takes the first line for it.
    shell.args(["-c", "echo 'capturing on ' >&2; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    command.env_remove("SUDO_UID");
    let running = Running::start(path.client(), &mut shell);
    wait_until("its first lines", || {
        running.shown().contains("round trips")
    });
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
        assert_eq!(status_of(running.pid(), set), ["0000000000000000"], "{set}");
    }
    thread::sleep(Duration::from_millis(100));
    let ended = running.end_by(Signal::SIGINT);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("Stopped before anybody answered"),
        "{}",
        ended.stdout
    );
}

#[test]
fn what_cannot_be_is_said_at_once() {
    let of = |arguments: &str| {
        let output = trace(arguments).output().expect("it ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    for (arguments, expected) in [
        ("-f 9 -m 3 127.0.0.1", "--first 9 is beyond --max 3"),
        ("::1 40", "a probe over IPv6 has at least 56"),
        ("--mtu --tcp 127.0.0.1", "cannot be used with"),
        ("--from nowhere0 127.0.0.1", "no such interface"),
        ("-6 127.0.0.1", "127.0.0.1"),
    ] {
        let (code, said) = of(arguments);
        assert_eq!(code, Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    }
}
