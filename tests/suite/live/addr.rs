//! `wirelab addr` in a namespace of its own, beside what `ip` says of the same.

use std::process::Command;

use serde_json::Value;

use super::net::{CLIENT, Net, SERVER, inside, ip, live_or_skip};
use super::program::WIRELAB;
use crate::schema::schema;

/// Runs a command on the client; what it printed.
fn on_client(net: &Net, program: &str, words: &[&str]) -> String {
    let output = inside(&net.client, || Command::new(program).args(words).output());
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{program} {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn addr(net: &Net, words: &[&str]) -> Vec<Value> {
    let words = [&["addr", "--format", "json"], words].concat();
    let lines = on_client(net, WIRELAB, &words);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let schema = schema();
    for line in &lines {
        assert!(schema.is_valid(line), "{line}");
    }
    lines
}

fn of_type<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["type"] == kind)
}

#[test]
fn addresses_and_routes_are_those_that_ip_shows() {
    let Some(net) = live_or_skip() else { return };
    let (c, wire) = (&net.client, Net::IFACE);
    for words in [
        format!("-n {c} addr add 192.168.9.17/26 broadcast 192.168.9.63 dev {wire}"),
        format!("-n {c} addr add fd12:3456::7/64 dev {wire} nodad"),
        format!("-n {c} route add default via {SERVER} metric 7"),
    ] {
        ip(&words).expect("set up");
    }
    let ours = addr(&net, &[]);
    let mut shown: Vec<String> = of_type(&ours, "address")
        .map(|it| {
            format!(
                "{} {}/{} {}",
                it["interface"], it["address"], it["prefix"], it["broadcast"]
            )
        })
        .collect();
    let theirs: Value =
        serde_json::from_str(&on_client(&net, "ip", &["-j", "addr"])).expect("JSON");
    let mut expected = Vec::new();
    for interface in theirs.as_array().expect("a list") {
        for it in interface["addr_info"].as_array().expect("a list") {
            let line = format!(
                "{} {}/{} {}",
                interface["ifname"], it["local"], it["prefixlen"], it["broadcast"]
            );
            expected.push(line);
        }
    }
    // `ip` shows the broadcast address that is set, ours is that of the prefix; here they are the same
    // where both are there.
    let comparable = |line: &String| line.rsplit_once(' ').map(|it| it.0.to_owned());
    shown.sort();
    expected.sort();
    assert_eq!(
        shown.iter().filter_map(comparable).collect::<Vec<_>>(),
        expected.iter().filter_map(comparable).collect::<Vec<_>>()
    );
    assert!(
        shown
            .iter()
            .any(|line| line.ends_with("\"192.168.9.17\"/26 \"192.168.9.63\"")),
        "{shown:?}"
    );
    let routes: Vec<_> = of_type(&ours, "route").collect();
    assert_eq!(routes.len(), 1, "{routes:?}");
    assert_eq!(
        (&routes[0]["gateway"], &routes[0]["metric"]),
        (&SERVER.into(), &7.into())
    );
    assert_eq!(routes[0]["interface"], wire);

    let text = on_client(&net, WIRELAB, &["addr"]);
    assert!(
        text.contains("The way out for IPv4: the router 10.77.0.2 on wire."),
        "{text}"
    );
    assert!(text.contains("The way out for IPv6: none."), "{text}");
    assert!(
        text.contains("network 192.168.9.0, hosts 192.168.9.1 to 192.168.9.62 (62)"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn an_interface_can_be_asked_for_by_its_name() {
    let Some(net) = live_or_skip() else { return };
    let all = addr(&net, &[]);
    let one = addr(&net, &["lo"]);
    assert!(!one.is_empty() && one.len() < all.len(), "{one:?}");
    let mut addresses = of_type(&one, "address");
    assert!(addresses.all(|line| line["interface"] == "lo"), "{one:?}");
}

#[test]
fn an_address_that_is_asked_about_is_known_as_ones_own() {
    let Some(net) = live_or_skip() else { return };
    let lines = addr(&net, &[CLIENT]);
    assert_eq!(lines[0]["interface"], Net::IFACE);
    assert_eq!(lines[0]["kind"], "private");
    let lines = addr(&net, &["192.0.2.0/24"]);
    assert_eq!(
        (&lines[0]["interface"], &lines[0]["kind"]),
        (&Value::Null, &"documentation".into())
    );
}

#[test]
fn a_name_leads_to_addresses_with_the_source_that_each_would_get() {
    let Some(net) = live_or_skip() else { return };
    let lines = addr(&net, &["localhost"]);
    let candidates: Vec<_> = of_type(&lines, "candidate").collect();
    assert!(!candidates.is_empty(), "{lines:?}");
    for it in candidates {
        assert_eq!(it["kind"], "loopback", "{it}");
        assert_eq!(it["source"], it["address"], "{it}");
        assert!(it["hosts_file_line"].is_u64(), "{it}");
        assert!(
            it["as_rfc_6724"].is_null() || it["as_rfc_6724"] == true,
            "{it}"
        );
    }
}
