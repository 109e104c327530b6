//! The line of a packet on its way between two hosts.

use super::line::Line;
use crate::event::{ClockNote, Host, Origin, Passage};

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
    line.key("changed").list();
    for change in p.changes {
        line.object().key("field").name(change.field);
        line.key("sent").string(&change.was);
        line.key("arrived").string(&change.is);
        line.end_object();
    }
    line.end_list();
    line.key("captured_as");
    match p.captured_as {
        Some(segments) => {
            line.object();
            for (host, segments) in [Host::Client, Host::Server].into_iter().zip(segments) {
                line.key(host.name()).int(segments.into());
            }
            line.end_object()
        }
        None => line.null(),
    };
}

/// The line of what is known of the clocks of two captures.
pub(super) fn write_clock(line: &mut Line, clock: &ClockNote) {
    line.start("clock").key("of").name(clock.of.name());
    line.key("basis").name(clock.basis.name());
    line.key("ahead_ns").signed(clock.ahead_ns);
    line.key("drift_ppb").signed(clock.drift_ppb);
    line.key("round_trip_ns").maybe(clock.round_trip_ns);
    line.key("packets").object();
    for (host, packets) in [Host::Client, Host::Server].into_iter().zip(clock.packets) {
        line.key(host.name()).int(packets);
    }
    line.end_object();
    line.key("text").string(&clock.to_string());
}
