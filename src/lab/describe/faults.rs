//! A fault in words: which packets it is about, and what happens to them.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use super::{ordinal, plural, time};
use crate::lab::{Action, Fault, Kind, Selector, Side, What};

/// `loses the third data segment of the client`.
pub(super) fn sentence(fault: &Fault) -> String {
    let which = packet(&fault.packet);
    match &fault.action {
        Action::Drop => format!("loses {which}"),
        Action::Delay(by) => format!("delays {which} by {}", time(*by)),
        Action::Duplicate(1) => format!("delivers {which} twice"),
        Action::Duplicate(copies) => {
            format!("delivers {which} and {copies} copies of it")
        }
        Action::Hold { packets, timeout } => {
            let later = if *packets == 1 {
                "the next one has".to_owned()
            } else {
                format!("{packets} later ones have")
            };
            format!(
                "holds {which} until {later} passed, {} at most",
                time(*timeout)
            )
        }
        Action::Corrupt { damage, mend } => {
            let sums = if *mend {
                "mends its checksums"
            } else {
                "leaves its checksum wrong"
            };
            format!("changes {which} ({damage}), and {sums}")
        }
        Action::Truncate(bytes) => format!("cuts {which} to {}", plural(*bytes as u64, "byte")),
        Action::Block(time) => format!(
            "loses {which} and all that its sender sends in the next {}",
            super::time(*time)
        ),
    }
}

/// `the third data segment of the client, and its first retransmission`.
fn packet(selector: &Selector) -> String {
    let (connection, from, what, times) = match *selector {
        Selector::Packet(number) => return format!("the {} packet on the wire", ordinal(number)),
        Selector::Named {
            connection,
            from,
            what,
            times,
        } => (connection, from, what, times),
    };
    let mut said = match what {
        What::Kind { kind, first, last } => numbered(kind, first, last, times),
        What::Bytes { from, to } => {
            let last = to.saturating_sub(1);
            if from == last {
                format!("what carries byte {from}")
            } else {
                format!("what carries any of the bytes {from} to {last}")
            }
        }
    };
    if let Some(side) = from {
        said.push_str(match side {
            Side::Client => " of the client",
            Side::Server => " of the server",
        });
    }
    if let Some(connection) = connection {
        let _ = write!(said, " in connection {connection}");
    }
    said.push_str(&again(what, times));
    said
}

fn numbered(kind: Kind, first: u64, last: Option<u64>, times: Option<NonZeroU32>) -> String {
    let noun = noun(kind);
    match last {
        Some(last) if last == first => format!("the {} {noun}", ordinal(first)),
        Some(last) => format!("{noun}s {first} to {last}"),
        None if first == 1 && times.is_none() => format!("every {noun}"),
        None => format!("the {} {noun} and all after it", ordinal(first)),
    }
}

/// The retransmissions that are meant too.
fn again(what: What, times: Option<NonZeroU32>) -> String {
    let (every, sent_again) = match what {
        What::Bytes { .. } => (false, true),
        What::Kind { kind, first, last } => {
            let new_each_time = matches!(
                kind,
                Kind::Ack | Kind::Rst | Kind::Udp | Kind::Icmp | Kind::Arp
            );
            (first == 1 && last.is_none(), !new_each_time)
        }
    };
    match times.map(NonZeroU32::get) {
        Some(1) => String::new(),
        _ if !sent_again => String::new(),
        Some(2) => " (and its first retransmission)".to_owned(),
        Some(times) => format!(" (and its first {} retransmissions)", times - 1),
        None if every => " (retransmissions too)".to_owned(),
        None => " (and all its retransmissions)".to_owned(),
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Syn => "SYN",
        Kind::SynAck => "SYN-ACK",
        Kind::Data => "data segment",
        Kind::Ack => "pure ACK",
        Kind::Fin => "FIN",
        Kind::Rst => "RST",
        Kind::Segment => "segment",
        Kind::Udp => "UDP datagram",
        Kind::Icmp => "ICMP message",
        Kind::Arp => "ARP packet",
        Kind::Any => "packet",
    }
}
