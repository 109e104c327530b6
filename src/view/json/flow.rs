//! The `flow` line: a connection summed up, with everything counted per direction.

use super::Line;
use crate::event::{Capability, Endpoint, Flow, Handshake, Kind, NoteCounts, Stats, Summary};

pub(super) fn write(line: &mut Line, flow: &Flow) {
    line.start("flow").key("flow").int(flow.flow.into());
    endpoint(line, ["src", "sport"], flow.initiator);
    endpoint(line, ["dst", "dport"], flow.responder);
    line.key("tunnel").int(flow.tunnel.into());
    line.key("start").time(flow.start.as_nanos());
    line.key("end").time(flow.end.as_nanos());
    line.key("duration_ns").int(flow.duration_ns());
    line.key("first_frame").int(flow.first_frame);
    line.key("last_frame").int(flow.last_frame);
    line.key("packets").int(flow.packets());
    line.key("state").object();
    line.key("i")
        .name(flow.state[0].name())
        .key("r")
        .name(flow.state[1].name());
    line.end_object();
    line.key("shape").name(flow.shape.name());
    line.key("meaning").name(flow.shape.meaning());
    line.key("history").string(&flow.history);
    line.key("completeness").int(flow.completeness.into());
    line.key("handshake").object();
    handshake(line, &flow.handshake);
    line.end_object();
    line.key("closed_by")
        .maybe_name(flow.closed_by.map(crate::event::Side::name));
    line.key("let_go").name(flow.let_go.name());
    line.key("gave_up_at").maybe(flow.gave_up_at);
    for (index, key) in ["i>r", "r>i"].into_iter().enumerate() {
        line.key(key).object();
        stats(line, &flow.stats[index], flow.duration_ns());
        notes(line, &flow.notes[index]);
        line.end_object();
    }
}

fn endpoint(line: &mut Line, [address, port]: [&str; 2], endpoint: Endpoint) {
    line.key(address)
        .address(endpoint.addr)
        .key(port)
        .int(endpoint.port.into());
}

fn handshake(line: &mut Line, h: &Handshake) {
    line.key("syn_frame").maybe(h.syn_frame);
    line.key("syn_ack_frame").maybe(h.syn_ack_frame);
    line.key("ack_frame").maybe(h.ack_frame);
    line.key("took_ns").maybe(h.took_ns);
    for (key, capability) in [
        ("window_scaling", h.window_scaling),
        ("sack", h.sack),
        ("timestamps", h.timestamps),
        ("ecn", h.ecn),
    ] {
        match capability {
            Capability::Unknown => line.key(key).null(),
            Capability::Off => line.key(key).bool(false),
            Capability::On => line.key(key).bool(true),
        };
    }
}

fn stats(line: &mut Line, s: &Stats, duration_ns: u64) {
    for (key, value) in [
        ("packets", s.packets.into()),
        ("resets", s.resets.into()),
        ("acks", s.acks.into()),
        ("pure_acks", s.pure_acks.into()),
        ("sacks", s.sacks.into()),
        ("dsacks", s.dsacks.into()),
        ("max_sack_blocks", s.max_sack_blocks.into()),
        ("syns", s.syns.into()),
        ("fins", s.fins.into()),
        ("pushed", s.pushed.into()),
        ("urgent_packets", s.urgent_packets.into()),
        ("urgent_bytes", s.urgent_bytes),
        ("data_packets", s.data_packets.into()),
        ("data_bytes", s.data_bytes),
        ("unique_bytes", s.unique_bytes),
        ("retransmitted_packets", s.retransmitted_packets.into()),
        ("retransmitted_bytes", s.retransmitted_bytes),
        ("probe_packets", s.probe_packets.into()),
        ("probe_bytes", s.probe_bytes),
        ("out_of_order_packets", s.out_of_order_packets.into()),
        ("capture_duplicates", s.capture_duplicates.into()),
        ("bad_checksums", s.bad_checksums.into()),
        ("zero_windows", s.zero_windows.into()),
        ("initial_window_bytes", s.initial_window_bytes),
        ("initial_window_packets", s.initial_window_packets.into()),
        ("stream_length", s.stream_length),
        ("missed_bytes", s.missed_bytes),
        ("truncated_bytes", s.truncated_bytes),
        ("truncated_packets", s.truncated_packets.into()),
        ("data_time_ns", s.data_time_ns),
        ("max_idle_ns", s.max_idle_ns),
        ("max_outstanding", s.max_outstanding.into()),
        ("ambiguous_acks", s.ambiguous_acks.into()),
        ("cumulatively_acked", s.cumulatively_acked.into()),
        ("post_loss_acks", s.post_loss_acks.into()),
        ("duplicate_acks", s.duplicate_acks.into()),
        ("triple_duplicate_acks", s.triple_duplicate_acks.into()),
        ("max_retransmissions", s.max_retransmissions.into()),
    ] {
        line.key(key).int(value);
    }
    let data = s.data_packets > 0;
    line.key("max_segment").maybe(data.then_some(s.max_segment));
    line.key("min_segment").maybe(data.then_some(s.min_segment));
    line.key("average_segment").real(s.average_segment());
    let window = s.window_count > 0;
    line.key("max_window").maybe(window.then_some(s.max_window));
    line.key("min_window").maybe(window.then_some(s.min_window));
    line.key("average_window").real(s.average_window());
    line.key("min_outstanding")
        .maybe((s.min_outstanding > 0).then_some(s.min_outstanding));
    line.key("average_outstanding")
        .real(s.average_outstanding());
    line.key("weighted_outstanding")
        .real(s.weighted_outstanding(duration_ns));
    line.key("throughput").real(s.throughput(duration_ns));
    line.key("rtt_handshake_ns").maybe(s.rtt_handshake_ns);
    for (key, samples) in [
        ("rtt_ns", &s.rtt),
        ("rtt_full_ns", &s.rtt_full),
        ("retransmission_time_ns", &s.retransmission_time),
    ] {
        line.key(key).object();
        summary(line, samples);
        line.end_object();
    }
    line.key("mss").maybe((s.mss > 0).then_some(s.mss));
    line.key("wscale").maybe(s.wscale);
    line.key("wscale_at_least").maybe(s.least_wscale);
    line.key("wscale_assumed").maybe(s.assumed_wscale);
    line.key("sack_permitted").bool(s.sack_permitted);
    line.key("timestamps").bool(s.timestamps);
}

fn summary(line: &mut Line, samples: &Summary) {
    let some = samples.count > 0;
    line.key("samples").int(samples.count.into());
    line.key("min").maybe(some.then_some(samples.min));
    line.key("max").maybe(some.then_some(samples.max));
    // Durations are whole nanoseconds, and nobody's clock tells less.
    let whole = |value: f64| value.round() as u64;
    line.key("mean").maybe(samples.mean().map(whole));
    line.key("deviation").maybe(samples.deviation().map(whole));
}

fn notes(line: &mut Line, counts: &NoteCounts) {
    line.key("notes").object();
    for &kind in Kind::ALL {
        line.key(kind.name()).int(counts.of(kind).into());
    }
    line.end_object();
}
