//! `wirelab interfaces`: what can be captured on, and what stands in the way.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::io::interfaces::{NetworkInterface, interfaces};
use crate::io::live;
use crate::view::text::{escape, width, wrap};

/// Runs it.
pub(super) fn run(args: &cli::Interfaces) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let mut out = output::stdout();
    let list = interfaces();
    let written = match args.output.format {
        cli::Format::Text => table(&list, live::obstacle, usize::from(style.width), &mut out),
        cli::Format::Json => list
            .iter()
            .try_for_each(|interface| out.write_all(line(interface, live::obstacle).as_bytes())),
    };
    written
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// Two lines or more for each interface: what it is, and its addresses; then what stands in the
/// way of capturing on any of them.
fn table(
    list: &[NetworkInterface],
    obstacle: impl Fn(&NetworkInterface) -> Option<String>,
    columns: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names = list.iter().map(|i| width(&escape(&i.name)));
    let column = names.max().unwrap_or(0);
    for interface in list {
        let index = match interface.index {
            0 => String::new(),
            index => index.to_string(),
        };
        let name = escape(&interface.name);
        let state = interface.state.name();
        write!(out, "{index:>4}  {name:<column$}  {state:<10}  ")?;
        writeln!(out, "{}", what_it_is(interface))?;
        let indent = 4 + 2 + column + 2;
        let room = columns.saturating_sub(indent).max(20);
        let addresses: Vec<_> = interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        if !addresses.is_empty() {
            for line in wrap(&addresses.join(", "), room) {
                writeln!(out, "{:indent$}{line}", "")?;
            }
        }
    }
    // `any` is never down: what keeps it from being captured on keeps all of them.
    let verdict = match list.last().and_then(&obstacle) {
        None => "You can capture on each of these that is up: wirelab capture -i NAME".to_owned(),
        Some(reason) => format!("No capture is possible now: {reason}"),
    };
    writeln!(out)?;
    wrap(&verdict, columns)
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
}

/// Kind, MTU and hardware address of an interface, as far as it has them.
fn what_it_is(interface: &NetworkInterface) -> String {
    let mtu = interface
        .mtu
        .map_or_else(String::new, |mtu| format!("mtu {mtu}"));
    let mac = interface.mac.map(hardware_address).unwrap_or_default();
    let peer = if interface.point_to_point {
        "  point-to-point"
    } else {
        ""
    };
    let kind = interface.kind;
    format!("{kind:<12}{mtu:<11}{mac}{peer}")
        .trim_end()
        .to_owned()
}

/// Six bytes as everybody writes them.
fn hardware_address(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// One JSON line.
fn line(
    interface: &NetworkInterface,
    obstacle: impl Fn(&NetworkInterface) -> Option<String>,
) -> String {
    let remedy = obstacle(interface);
    // In the order of the contract: `type` first. A map would sort them.
    let keys: [(&str, Value); 12] = [
        ("type", json!("interface")),
        ("name", json!(interface.name)),
        ("index", json!(interface.index)),
        ("state", json!(interface.state.name())),
        ("kind", json!(interface.kind)),
        ("mac", json!(interface.mac.map(hardware_address))),
        ("mtu", json!(interface.mtu)),
        (
            "addresses",
            interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
        ),
        ("loopback", json!(interface.loopback)),
        ("point_to_point", json!(interface.point_to_point)),
        ("can_capture", json!(remedy.is_none())),
        ("obstacle", json!(remedy)),
    ];
    let members = keys.map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}\n", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Network;
    use crate::io::interfaces::{State, any};

    fn sample() -> Vec<NetworkInterface> {
        let network = |text: &str, prefix| Network {
            address: text.parse().unwrap(),
            prefix,
        };
        let any = any();
        let lo = NetworkInterface {
            name: "lo".to_owned(),
            index: 1,
            mtu: Some(65_536),
            addresses: vec![network("127.0.0.1", 8), network("::1", 128)],
            loopback: true,
            kind: "loopback",
            ..any.clone()
        };
        let eth = NetworkInterface {
            name: "enp0s31\u{1b}".to_owned(),
            index: 2,
            state: State::NoCarrier,
            mac: Some([2, 0, 0x5e, 0x10, 0, 0xff]),
            mtu: Some(1500),
            addresses: vec![
                network("192.168.178.42", 24),
                network("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 64),
                network("fe80::5eff:fe10:ff", 64),
            ],
            kind: "Ethernet",
            ..any.clone()
        };
        vec![lo, eth, any]
    }

    fn text(obstacle: Option<&str>) -> String {
        let mut out = Vec::new();
        let obstacle = obstacle.map(str::to_owned);
        table(&sample(), |_| obstacle.clone(), 80, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_fits_80_columns_and_shows_no_control_characters() {
        let text = text(None);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("no carrier  Ethernet    mtu 1500"), "{text}");
        assert!(text.contains("02:00:5e:10:00:ff"), "{text}");
        assert!(
            text.contains("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/64,\n"),
            "{text}"
        );
        assert!(text.contains("127.0.0.1/8, ::1/128\n"), "{text}");
    }

    #[test]
    fn what_stands_in_the_way_is_said_once_below_all() {
        let text = text(Some("permission denied; run with sudo"));
        assert!(
            text.ends_with("\nNo capture is possible now: permission denied; run with sudo\n"),
            "{text}"
        );
    }

    #[test]
    fn a_json_line_has_its_type_first_and_says_null_for_what_is_not_there() {
        let list = sample();
        let text = line(&list[2], |_| Some("no".to_owned()));
        assert!(
            text.starts_with("{\"type\":\"interface\",\"name\":\"any\""),
            "{text}"
        );
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["mtu"], Value::Null);
        assert_eq!(value["can_capture"], json!(false));
        assert_eq!(value["obstacle"], json!("no"));
        let value: Value = serde_json::from_str(&line(&list[0], |_| None)).unwrap();
        assert_eq!(value["addresses"], json!(["127.0.0.1/8", "::1/128"]));
        assert_eq!(value["can_capture"], json!(true));
    }
}
