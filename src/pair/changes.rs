//! Which fields of a segment are not as they left. Some are changed on every way: routers count the time
//! to live down (RFC 791 section 3.2), mark congestion (RFC 3168) and classes of service (RFC 2474), and
//! translate addresses and ports (RFC 3022). Others only by what meddles with connections.

use crate::event::{Change, Segment};

/// What differs, as far as both captures have it.
pub(super) fn compare(sent: &Segment<'_>, arrived: &Segment<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    let mut differ = |usual: bool, field: &'static str, was: String, is: String| {
        if was != is {
            all.push(Change {
                field,
                was,
                is,
                usual,
            });
        }
    };
    let both = |show: &dyn Fn(&Segment<'_>) -> String| (show(sent), show(arrived));
    let mut each = |usual, field, show: &dyn Fn(&Segment<'_>) -> String| {
        let (was, is) = both(show);
        differ(usual, field, was, is);
    };
    each(true, "source", &|s| s.src.to_string());
    each(true, "destination", &|s| s.dst.to_string());
    let ip = |read: fn(&crate::decode::Ip) -> String| {
        move |s: &Segment<'_>| s.packet.ip.as_ref().map_or_else(String::new, read)
    };
    each(true, "ttl", &ip(|ip| ip.ttl.to_string()));
    each(true, "dscp", &ip(|ip| (ip.traffic_class >> 2).to_string()));
    each(true, "ecn", &ip(|ip| (ip.traffic_class & 3).to_string()));
    each(
        false,
        "ip-id",
        &ip(|ip| ip.id.map_or_else(String::new, |id| id.to_string())),
    );
    each(
        false,
        "dont-fragment",
        &ip(|ip| ip.dont_fragment.to_string()),
    );
    each(false, "seq", &|s| s.seq_raw.to_string());
    each(false, "ack", &|s| s.ack_raw.to_string());
    each(false, "flags", &|s| s.flags.to_string());
    each(false, "window", &|s| s.window.to_string());
    if !sent.options_cut && !arrived.options_cut {
        options(&mut each, sent, arrived);
    }
    if sent.len == arrived.len {
        let pairs = sent.payload.iter().zip(arrived.payload);
        if let Some((at, (was, is))) = pairs.enumerate().find(|(_, (was, is))| was != is) {
            let shown = |byte: &u8| format!("{byte:#04x} at byte {}", at + 1);
            differ(false, "payload", shown(was), shown(is));
        }
    }
    all
}

/// The options, each that is read by itself, and the others together.
fn options(
    each: &mut impl FnMut(bool, &'static str, &dyn Fn(&Segment<'_>) -> String),
    sent: &Segment<'_>,
    arrived: &Segment<'_>,
) {
    if sent.option_bytes == arrived.option_bytes {
        return;
    }
    let number = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let read = [sent.options, arrived.options];
    let known = |read: &crate::wire::tcp::TcpOptions| {
        (
            read.mss,
            read.wscale,
            read.sack_permitted,
            read.ts,
            read.sack,
        )
    };
    if known(&read[0]) == known(&read[1]) {
        each(false, "options", &|s| hex(s.option_bytes));
        return;
    }
    each(false, "mss", &|s| number(s.options.mss.map(u64::from)));
    each(false, "wscale", &|s| {
        number(s.options.wscale.map(u64::from))
    });
    each(false, "sack-permitted", &|s| {
        s.options.sack_permitted.to_string()
    });
    each(false, "timestamps", &|s| {
        let ts = s.options.ts;
        ts.map_or_else(
            || "none".to_owned(),
            |(value, echo)| format!("{value}, {echo}"),
        )
    });
    each(false, "sack", &|s| {
        let blocks = s.options.sack.as_slice().iter();
        let blocks: Vec<_> = blocks
            .map(|(left, right)| format!("{left}-{right}"))
            .collect();
        if blocks.is_empty() {
            "none".to_owned()
        } else {
            blocks.join(" ")
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    let each: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    each.concat()
}
