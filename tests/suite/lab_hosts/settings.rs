//! Kernel settings and routes: what was asked for is what the kernel does.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use wirelab::io::lab::host::Host;
use wirelab::lab::experiment::{Ip, Profile};
use wirelab::lab::{Both, Side};

use super::carry::{Carried, Carrier, Frame, connect};
use super::{alone, hosts, try_hosts};

#[test]
fn settings_are_those_of_the_profile_as_the_kernel_has_them() {
    alone(|| {
        for (name, profile) in [("linux", Profile::Linux), ("textbook", Profile::Textbook)] {
            let hosts = hosts(&format!("profile = '{name}'"));
            for host in [&hosts.client, &hosts.server] {
                for (key, value) in profile.sysctls(Ip::V4) {
                    let missing = host.missing().iter().any(|it| it.starts_with(&key));
                    let stands = host.settings().get(&key);
                    assert!(missing || stands == Some(&value), "{key}: {stands:?}");
                }
            }
        }
    });
}

#[test]
fn a_host_may_differ_and_what_the_kernel_lacks_is_told() {
    alone(|| {
        let hosts = hosts(
            "[sysctl]\n'net.ipv4.tcp_nonsense' = '1'\n'net.ipv4.conf.eth0.rp_filter' = '2'\n\
             [client.sysctl]\n'net.ipv4.tcp_sack' = '0'",
        );
        assert_eq!(hosts.client.settings()["net.ipv4.tcp_sack"], "0");
        assert_eq!(hosts.server.settings()["net.ipv4.tcp_sack"], "1");
        for host in [&hosts.client, &hosts.server] {
            assert_eq!(host.settings()["net.ipv4.conf.eth0.rp_filter"], "2");
            assert_eq!(host.missing(), ["net.ipv4.tcp_nonsense"]);
        }
    });
}

#[test]
fn settings_that_can_not_be_are_refused_by_name() {
    alone(|| {
        for (key, value, wants) in [
            (
                "net.ipv4.tcp_sack",
                "many",
                "it is \"1\"; correct the value",
            ),
            ("kernel.hostname", "x", "begin with net."),
        ] {
            let made = try_hosts(&format!("[sysctl]\n'{key}' = '{value}'"));
            let error = made.err().expect("an error").to_string();
            let begins = format!("client: can't set {key} = \"{value}\": ");
            assert!(
                error.starts_with(&begins) && error.contains(wants),
                "{error}"
            );
        }
        let made = try_hosts("[network]\nmtu = 20");
        let error = made.err().expect("an error").to_string();
        assert!(error.contains("an MTU of 20 bytes"), "{error}");
        assert!(error.contains("68 bytes at least"), "{error}");
    });
}

#[test]
fn the_route_says_how_connections_begin() {
    alone(|| {
        let hosts = hosts("profile = 'textbook'\n[network]\ninitial_window = 3\nrto_min_ms = 700");
        let (over, wait) = channel::<()>();
        let _programs = connect(
            &hosts,
            move |mut stream| {
                stream.write_all(&vec![b'a'; 20_000])?;
                let _ = wait.recv();
                Ok(String::new())
            },
            hear,
        );
        let mut carrier = Carrier::new(&hosts);
        // The client's ACKs of data don't come through; so the server sends what it may at first, and
        // then the first of it again.
        let again = |frames: &[Frame]| {
            let all: Vec<_> = frames.iter().filter_map(Frame::data).collect();
            let twice = all
                .iter()
                .enumerate()
                .find(|(at, it)| all[..*at].contains(it));
            twice.map(|(at, _)| at)
        };
        let mut acks = 0;
        carrier.run(
            |frame| {
                let is_ack = (frame.side, frame.carried()) == (Side::Client, Carried::Tcp("A"));
                acks += u32::from(is_ack);
                !is_ack || acks == 1
            },
            |frames| again(frames).is_some(),
        );
        let data: Vec<_> = carrier
            .frames
            .iter()
            .filter(|it| it.data().is_some())
            .collect();
        assert_eq!(again(&carrier.frames), Some(3), "{data:?}");
        let waited = data[3].at.saturating_sub(data[0].at);
        assert!(waited >= Duration::from_millis(690), "{waited:?}");
        drop(over);
    });
}

/// Fits into the receive buffer as it is in the beginning.
const SENT_BYTES: usize = 56_000;

#[test]
fn each_segment_is_acknowledged_where_the_route_says_so() {
    alone(|| {
        let bytes = |frames: &[Frame]| frames.iter().filter_map(Frame::data).map(|it| it.1).sum();
        let segments = |frames: &[Frame]| frames.iter().filter_map(Frame::data).count();
        // Without that of the handshake.
        let acks = |frames: &[Frame]| {
            let client = |it: &&Frame| (it.side, it.carried()) == (Side::Client, Carried::Tcp("A"));
            frames.iter().filter(client).count().saturating_sub(1)
        };
        let hosts_quick = hosts("[network]\nquick_ack = true");
        let (_over, mut carrier) = sending(&hosts_quick);
        carrier.run(
            |_| true,
            |frames| {
                let all: usize = bytes(frames);
                all == SENT_BYTES && acks(frames) == segments(frames)
            },
        );
        // Otherwise every second, after a while (RFC 5681 section 4.2).
        let hosts_slow = hosts("[network]\nquick_ack = false");
        let (_over, mut carrier) = sending(&hosts_slow);
        carrier.run(
            |_| true,
            |frames| {
                let all: usize = bytes(frames);
                all == SENT_BYTES
            },
        );
        let (acks, segments) = (acks(&carrier.frames), segments(&carrier.frames));
        assert!(acks * 10 < segments * 8, "{acks} for {segments}");
    });
}

/// A server that sends, to a client that does not read until the sender is dropped: what it reads in
/// the meantime, the kernel would acknowledge together.
fn sending(hosts: &Both<Host>) -> ([Sender<()>; 2], Carrier<'_>) {
    let ((over, server), (over_too, client)) = (channel::<()>(), channel::<()>());
    let _programs = connect(
        hosts,
        move |mut stream| {
            stream.write_all(&vec![b'a'; SENT_BYTES])?;
            let _ = server.recv();
            Ok(String::new())
        },
        move |_stream| {
            let _ = client.recv();
            Ok(String::new())
        },
    );
    ([over, over_too], Carrier::new(hosts))
}

/// Reads until the other is done.
fn hear(mut stream: std::net::TcpStream) -> std::io::Result<String> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(String::new())
}

#[test]
fn any_congestion_control_of_the_machine_can_be_had() {
    alone(|| {
        let known = "/proc/sys/net/ipv4/tcp_available_congestion_control";
        let known = fs::read_to_string(known).unwrap();
        for name in known.split_whitespace() {
            let hosts = hosts(&format!(
                "[sysctl]\n'net.ipv4.tcp_congestion_control' = '{name}'"
            ));
            assert_eq!(
                hosts.client.settings()["net.ipv4.tcp_congestion_control"],
                name
            );
            let programs = connect(&hosts, hear, |stream| {
                let used = getsockopt(&stream, sockopt::TcpCongestion)?;
                Ok(used.to_string_lossy().into_owned())
            });
            let used = Carrier::new(&hosts).until_done(&programs).client;
            assert_eq!(used.trim_end_matches('\0'), name);
        }
    });
}

#[test]
fn a_program_chooses_reno_on_its_connection() {
    alone(|| {
        let hosts = hosts("[sysctl]\n'net.ipv4.tcp_congestion_control' = 'cubic'");
        let programs = connect(&hosts, hear, |stream| {
            let reno = OsString::from("reno");
            setsockopt(&stream, sockopt::TcpCongestion, &reno)?;
            let used = getsockopt(&stream, sockopt::TcpCongestion)?;
            Ok(used.to_string_lossy().into_owned())
        });
        let used = Carrier::new(&hosts).until_done(&programs).client;
        assert_eq!(used.trim_end_matches('\0'), "reno");
    });
}

#[test]
fn what_programs_will_be_refused_is_told() {
    alone(|| {
        let hosts = hosts(
            "[client]\ncalls = [{ set = { congestion = 'nonsense', receive_buffer = 2000000000 } },
                { set = { congestion = 'reno', receive_buffer = 4096, send_buffer = 4096 } }]",
        );
        let missing = hosts.client.missing();
        assert!(
            missing[0].starts_with("TCP_CONGESTION \"nonsense\""),
            "{missing:?}"
        );
        // Older kernels don't show a namespace how much is allowed.
        assert!(missing.len() <= 2, "{missing:?}");
        for told in &missing[1..] {
            assert!(told.starts_with("SO_RCVBUF 2000000000"), "{told}");
            assert!(told.contains("sudo sysctl net.core.rmem_max="), "{told}");
        }
        assert!(hosts.server.missing().is_empty());
    });
}
