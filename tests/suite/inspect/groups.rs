//! IGMP messages made by hand: of every version, with sources, records and extensions, and such as lie or end early.

use std::net::Ipv4Addr;

use wirelab::wire::igmp::{JOINS, LISTENS_TO, PROTOCOL, QUERY, Repr};

use super::odd::{IPV4, Odd, in_ipv4};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const SOURCES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 8), Ipv4Addr::new(10, 0, 0, 9)];

/// A query of version 3: time, flags, interval, sources.
fn query_3(time: u8, flags: u8, interval: u8, sources: &[Ipv4Addr]) -> Repr {
    let count = (sources.len() as u16).to_be_bytes();
    let addresses = sources.iter().flat_map(Ipv4Addr::octets);
    let mut data = vec![flags, interval, count[0], count[1]];
    data.extend(addresses);
    Repr {
        data,
        ..Repr::about(QUERY, time, GROUP)
    }
}

pub(super) fn all() -> Vec<Odd> {
    let every = Ipv4Addr::UNSPECIFIED;
    let mut auxiliary = Repr::report_3(&[(1, GROUP, &SOURCES)]);
    auxiliary.data[1] = 1;
    auxiliary.data.extend([1, 2, 3, 4]);
    let mut lies = Repr::report_3(&[(2, GROUP, &SOURCES), (5, GROUP, &SOURCES[..1])]);
    lies.rest[3] = 3;
    let messages = [
        Repr::about(QUERY, 0, every),
        Repr::about(QUERY, 100, every),
        Repr::about(QUERY, 10, GROUP),
        Repr::about(0x12, 0, GROUP),
        Repr::about(0x16, 0, GROUP),
        Repr::about(0x17, 0, GROUP),
        query_3(100, 2, 125, &[]),
        query_3(10, 0x0a, 0x80, &SOURCES),
        Repr::report_3(&[(JOINS, GROUP, &[])]),
        Repr::report_3(&[(LISTENS_TO, GROUP, &[]), (6, GROUP, &SOURCES)]),
        auxiliary,
        Repr {
            checksum: Some(0x1234),
            ..Repr::about(0x16, 0, GROUP)
        },
        lies,
    ];
    let mut frames: Vec<_> = messages
        .iter()
        .map(|message| {
            let mut bytes = Vec::new();
            message.emit(&mut bytes);
            in_ipv4(PROTOCOL, &bytes)
        })
        .collect();
    let whole = frames[9].clone();
    frames.extend((21..whole.len()).map(|len| whole[..len].to_vec()));
    vec![Odd {
        name: "igmp",
        link: IPV4,
        frames,
    }]
}
