//! What can't happen in an experiment, where that is certain: a fault that names a packet nobody sends,
//! a program that waits for bytes that never come.
//!
//! A teacher who writes an experiment learns of these before it is run. Whatever might happen in some
//! run is left in peace.

use super::plural;
use crate::event::units::count;
use crate::lab::experiment::{Amount, Call, Connect, Experiment, Ip, Neighbours, Step};
use crate::lab::{Both, Kind, Selector, Side, What};

/// What can't happen, a sentence each.
pub fn doubts(experiment: &Experiment) -> Vec<String> {
    let known = Known::of(experiment);
    let mut said = Vec::new();
    for (index, fault) in experiment.wire.faults.iter().enumerate() {
        if let Some(why) = known.never(&fault.packet) {
            let number = index + 1;
            said.push(format!("fault {number} ({fault}) meets no packet: {why}"));
        }
    }
    for side in [Side::Client, Side::Server] {
        for (name, calls) in experiment.host(side).programs() {
            let whose = match name {
                "" => format!("the {side}"),
                name => format!("the {side}'s program '{name}'"),
            };
            for problem in known.calls(side, calls) {
                said.push(format!("{whose} {problem}"));
            }
        }
    }
    for (key, whose) in settings(experiment) {
        if !key.starts_with("net.") {
            said.push(format!(
                "{key}, {whose}, is no setting of a host: those begin with net."
            ));
        }
    }
    said
}

/// The kernel settings, and where they are.
fn settings(experiment: &Experiment) -> impl Iterator<Item = (&str, &str)> {
    let all = [
        (&experiment.sysctl, "of the experiment"),
        (&experiment.client.sysctl, "of the client"),
        (&experiment.server.sysctl, "of the server"),
    ];
    all.into_iter()
        .flat_map(|(keys, whose)| keys.keys().map(move |key| (&**key, whose)))
}

/// What a host's programs do, all together.
#[derive(Debug, Default)]
struct Doing {
    connects: Vec<Connect>,
    listens: Vec<u16>,
    /// Bytes that it sends at most.
    sends: u64,
    datagrams: u64,
    pings: bool,
}

impl Doing {
    fn of<'a>(calls: impl Iterator<Item = &'a Call>) -> Self {
        let mut doing = Self::default();
        for call in calls {
            match &call.step {
                Step::Connect(connect) => doing.connects.push(connect.clone()),
                Step::Listen(listen) => doing.listens.push(listen.port),
                Step::Send(send) => {
                    let bytes = send.payload.bytes().len() as u64;
                    let all = bytes.saturating_mul(u64::from(send.times));
                    doing.sends = doing.sends.saturating_add(all);
                }
                Step::UdpSend(send) => doing.datagrams += u64::from(send.times),
                Step::Ping(_) => doing.pings = true,
                _ => {}
            }
        }
        doing
    }

    fn connections(&self) -> u64 {
        self.connects.len() as u64
    }
}

struct Known {
    doing: Both<Doing>,
    arp: bool,
}

impl Known {
    fn of(experiment: &Experiment) -> Self {
        let doing = |side| {
            let programs = experiment.host(side).programs();
            Doing::of(programs.flat_map(|(_, calls)| calls))
        };
        let network = &experiment.network;
        Self {
            doing: Both {
                client: doing(Side::Client),
                server: doing(Side::Server),
            },
            arp: network.ip == Ip::V4 && network.neighbours == Neighbours::Learnt,
        }
    }

    /// The sum of what either host does, or what one does.
    fn sum(&self, from: Option<Side>, count: impl Fn(&Doing) -> u64) -> u64 {
        let sides = [Side::Client, Side::Server].into_iter();
        sides
            .filter(|side| from.is_none_or(|from| from == *side))
            .map(|side| count(self.doing.of(side)))
            .fold(0, u64::saturating_add)
    }

    /// Why no packet is ever called that; `None` when one may be.
    fn never(&self, selector: &Selector) -> Option<String> {
        let Selector::Named {
            connection,
            from,
            what,
            ..
        } = *selector
        else {
            return None;
        };
        let connections = self.sum(None, Doing::connections);
        let whose = from.map_or("nobody", |side| match side {
            Side::Client => "the client never",
            Side::Server => "the server never",
        });
        let verb = |verb: &str| match from {
            None => format!("nobody {verb}s"),
            Some(_) => format!("{whose} {verb}s"),
        };
        let of_tcp = match what {
            What::Kind { kind, .. } => kind.is_tcp(),
            What::Bytes { .. } => true,
        };
        if of_tcp && connections == 0 {
            return Some("nobody connects".to_owned());
        }
        if let Some(number) = connection
            && number > connections
        {
            return Some(format!(
                "there are {} at most",
                plural(connections, "connection")
            ));
        }
        match what {
            What::Bytes { from: first, .. } => {
                // Byte 0 is the SYN, and the FIN comes after the last.
                let bytes = self.sum(from, |doing| doing.sends);
                let beyond = first > bytes.saturating_add(1);
                beyond.then(|| format!("{} are sent in all", plural(bytes, "byte")))
            }
            What::Kind { kind, first, .. } => {
                let syns = self.sum(from, Doing::connections);
                let bytes = self.sum(from, |doing| doing.sends);
                let datagrams = self.sum(from, |doing| doing.datagrams);
                let peers = self.sum(from.map(Side::other), Doing::connections);
                match kind {
                    Kind::Syn if syns == 0 => Some(verb("connect")),
                    Kind::Syn if first > syns => Some(format!("there are {syns} at most")),
                    Kind::SynAck if peers == 0 => Some("nobody connects to it".to_owned()),
                    Kind::SynAck if first > connections => Some(format!(
                        "there are {} at most",
                        plural(connections, "connection")
                    )),
                    Kind::Data if bytes == 0 => Some(verb("send")),
                    Kind::Data if first > bytes => {
                        Some(format!("{} are sent in all", plural(bytes, "byte")))
                    }
                    Kind::Udp if datagrams == 0 => Some(verb("udp_send")),
                    Kind::Udp if first > datagrams => {
                        Some(format!("{} are sent in all", plural(datagrams, "datagram")))
                    }
                    Kind::Icmp if self.no_icmp() => {
                        Some("nobody pings, and there are no datagrams to be refused".to_owned())
                    }
                    Kind::Arp if !self.arp => Some(
                        "the hosts know each other's addresses; with IPv4 and neighbours = \
                         \"learnt\" they would have to ask"
                            .to_owned(),
                    ),
                    _ => None,
                }
            }
        }
    }

    fn no_icmp(&self) -> bool {
        let both = [&self.doing.client, &self.doing.server];
        both.iter()
            .all(|doing| !doing.pings && doing.datagrams == 0)
    }

    /// Calls of a program that can't come to the end they have to.
    fn calls(&self, side: Side, calls: &[Call]) -> Vec<String> {
        let other = self.doing.of(side.other());
        let peer = side.other();
        let mut said = Vec::new();
        let mut listened = false;
        for call in calls.iter().filter(|call| call.expect.is_none()) {
            match &call.step {
                Step::Listen(_) => listened = true,
                Step::Accept if !listened => {
                    said.push("accepts, but does not listen before".to_owned());
                }
                Step::Accept if other.connects.is_empty() => {
                    said.push(format!(
                        "waits for a connection, but the {peer} never connects"
                    ));
                }
                Step::Connect(connect) => {
                    let port = connect.port;
                    // Two that connect to each other need nobody who listens.
                    if !other.listens.contains(&port) && other.connects.is_empty() {
                        said.push(format!(
                            "connects to port {port}, where the {peer} does not listen; say expect = \
                             \"ECONNREFUSED\" if that is meant"
                        ));
                    }
                }
                Step::Receive(receive) => {
                    if let Amount::Bytes(bytes) = receive.amount
                        && bytes > other.sends
                    {
                        said.push(format!(
                            "receives {}, but the {peer} sends {} in all",
                            plural(bytes, "byte"),
                            count(other.sends)
                        ));
                    }
                }
                Step::UdpReceive(receive) => {
                    if let Some(datagrams) = receive.count.map(u64::from)
                        && datagrams > other.datagrams
                    {
                        said.push(format!(
                            "receives {}, but the {peer} sends {} in all",
                            plural(datagrams, "datagram"),
                            count(other.datagrams)
                        ));
                    }
                }
                _ => {}
            }
        }
        said
    }
}
