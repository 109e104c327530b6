//! Two kernels and the lab's wire between them, with chance and faults: what `wirelab ping` says of each
//! request is what the wire did to it. The same as `crate::echoes`, with real sockets and a real clock.

use std::time::Duration;

use wirelab::event::EchoState;
use wirelab::lab::{Action, Config, Damage, Fault, Loss, Origin, Probability, Side};

use super::super::net::{inside, live_or_skip};
use super::wired::{Carried, Middle};
use super::{lines, open_to_all, ping, states};
use crate::echoes::hosts::{Client, Responder, Way, receive};
use crate::echoes::truth::{self, Arrival, What};

const REQUESTS: usize = 40;

/// Delays are well below or well above the time that a reply may take, since the machine adds its own.
fn config(seed: u64) -> Config {
    let fault = |packet: &str, action| Fault {
        packet: packet.parse().expect("a name"),
        action,
    };
    let mut config = Config {
        seed,
        ..Config::default()
    };
    for link in [&mut config.links.client, &mut config.links.server] {
        link.delay = Duration::from_millis(5);
        link.loss = Loss::Random(Probability::new(0.05).expect("a share"));
        link.duplicate = Probability::new(0.05).expect("a share");
        link.corrupt = Probability::new(0.05).expect("a share");
    }
    let mended = Action::Corrupt {
        damage: Damage::BitFromEnd(77),
        mend: true,
    };
    let flipped = Action::Corrupt {
        damage: Damage::BitFromEnd(99),
        mend: false,
    };
    config.faults = vec![
        fault("client icmp 3", Action::Drop),
        fault("server icmp 5", Action::Drop),
        fault("server icmp 7", Action::Delay(Duration::from_millis(1_300))),
        fault("server icmp 9", Action::Duplicate(2)),
        fault("client icmp 11", Action::Duplicate(1)),
        fault(
            "server icmp 13",
            Action::Hold {
                packets: 2,
                timeout: Duration::from_secs(1),
            },
        ),
        fault("server icmp 15", flipped),
        fault("client icmp 17", mended.clone()),
        fault("server icmp 19", mended),
        fault("server icmp 21", Action::Truncate(60)),
    ];
    config
}

/// The state of each request, by the wire's fates.
fn truth_of(client: Client, carried: &Carried) -> Vec<EchoState> {
    let message = |frame: &[u8]| receive(client.v6, frame).map(|seen| seen.message.to_vec());
    let seq = |frame: &[u8]| {
        let message = message(frame)?;
        let kind = *message.first()?;
        let echo = [0, 8, 128, 129].contains(&kind);
        echo.then(|| u64::from(u16::from_be_bytes([message[6], message[7]])))
    };
    let mut requests: Vec<_> = carried
        .entered
        .values()
        .filter(|(_, side, _)| *side == Side::Client)
        .filter_map(|(at, _, frame)| Some((seq(frame)?, *at, frame)))
        .collect();
    requests.sort_by_key(|(count, ..)| *count);
    let counts: Vec<u64> = requests.iter().map(|(count, ..)| *count).collect();
    assert_eq!(counts, (1..=REQUESTS as u64).collect::<Vec<_>>());
    let sent: Vec<_> = requests.iter().map(|(_, at, _)| *at).collect();
    let mut arrivals = Vec::new();
    for fate in &carried.fates {
        let (Some(at), Some(delivery), Origin::Host(Side::Server)) =
            (fate.delivered_at, fate.delivery, fate.from)
        else {
            continue;
        };
        let made = &carried.entered[&fate.packet].2;
        let Some(count) = seq(made) else { continue };
        let (_, _, request) = requests[count as usize - 1];
        let ideal = Responder::default().answer(client, request, count);
        let ideal = ideal.expect("an answer").0;
        if let Some(what) = truth::of_reply(client, &ideal, made, &carried.left[&delivery], None) {
            arrivals.push(Arrival { count, at, what });
        }
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    assert!(arrivals.iter().any(|it| it.what == What::Good));
    let all = truth::states(&sent, &arrivals, Duration::from_millis(600));
    all.into_iter().map(|(state, _)| state).collect()
}

#[test]
fn over_the_wire_between_two_kernels_each_state_is_the_truth() {
    let Some(net) = live_or_skip() else { return };
    let middle = Middle::make(&net).expect("a namespace in between");
    open_to_all(&net.client);
    let mut seen = Vec::new();
    for (number, v6) in [false, true].into_iter().enumerate() {
        for (kind, way) in [("raw", Way::Raw), ("datagram", Way::Datagram)] {
            let host = if v6 { "2001:db8::2" } else { "10.0.0.2" };
            let arguments =
                format!("-c {REQUESTS} -i 0.05 -W 0.6 --socket {kind} --format json {host}");
            let (output, carried) = middle.carry(config(number as u64), || {
                inside(&net.client, || ping(&arguments).output()).expect("it ran")
            });
            let client = Client { v6, way };
            let told = lines(&output);
            let expected: Vec<_> = truth_of(client, &carried)
                .into_iter()
                .map(EchoState::name)
                .collect();
            assert_eq!(states(&told), expected, "{kind}, {host}");
            seen.extend(expected);
        }
    }
    for state in [
        "answered",
        "late",
        "duplicate",
        "reordered",
        "corrupted",
        "lost",
    ] {
        assert!(seen.contains(&state), "no {state}: {seen:?}");
    }
}
