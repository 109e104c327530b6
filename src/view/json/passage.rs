//! The line of a packet on its way between two hosts.

use super::line::Line;
use crate::event::{Host, Origin, Passage};

/// Writes it.
pub(super) fn write(line: &mut Line, p: &Passage<'_>) {
    line.start("passage").key("packet").int(p.packet);
    line.key("flow").maybe(p.flow);
    line.key("from");
    match p.from {
        Origin::Host(host) => line.name(host.name()),
        Origin::Router(number) => line.show(format_args!("router {number}")),
        Origin::Unknown => line.null(),
    };
    line.key("to").name(p.to.name());
    let stops = [(p.to.other(), p.sent), (p.to, p.arrived)];
    line.key("frames").object();
    for host in [Host::Client, Host::Server] {
        let mut own = stops.iter().filter(|(of, _)| *of == host);
        let frame = own.find_map(|(_, stop)| stop.map(|stop| stop.frame));
        line.key(host.name()).maybe(frame);
    }
    line.end_object();
    for (key, stop) in [("sent", p.sent), ("arrived", p.arrived)] {
        line.key(key);
        match stop {
            Some(stop) => line.time(stop.time.as_nanos()),
            None => line.null(),
        };
    }
    line.key("one_way_ns").maybe(p.one_way_ns);
    line.key("fate").name(p.fate.name());
    line.key("overtaken_by").int(p.overtaken_by.into());
    line.key("fault").maybe(p.fault);
    line.key("cause");
    match p.cause {
        Some(cause) => line.string(cause),
        None => line.null(),
    };
}
