//! An echo request written byte by byte, sent, and its answer read.
//!
//! ```text
//! cargo build --example echo_by_hand
//! sudo target/debug/examples/echo_by_hand 192.0.2.1
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use wirelab::craft::Way;
use wirelab::io::clock::Stopwatch;
use wirelab::io::craft::{Sender, Watch, route};
use wirelab::wire::{ethernet, icmpv4, ipv4};

fn main() -> Result<(), Box<dyn Error>> {
    let to: Ipv4Addr = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let way = route(Some(to.into()), None)?;
    let Some(IpAddr::V4(src)) = way.source else {
        return Err("no IPv4 address to send from".into());
    };
    // From the inside out: data, ICMP, IPv4. Lengths and checksums are filled in.
    let mut message = Vec::new();
    icmpv4::Repr::echo_request(7, 1).emit(b"by hand", &mut message);
    let header = ipv4::Repr {
        src,
        dst: to,
        protocol: icmpv4::PROTOCOL,
        ..ipv4::Repr::default()
    };
    let mut packet = Vec::new();
    header.emit(&message, &mut packet);

    let mut watch = Watch::open(&way)?;
    let mut sender = Sender::open(Way::Ipv4, &way, false, &packet)?;
    let clock = Stopwatch::start();
    sender.send(&packet)?;
    while clock.elapsed() < Duration::from_secs(2) {
        let frame = watch.next(Duration::from_millis(100)).unwrap_or_default();
        // Other things pass there too: what can't be read, or is something else, is let go.
        let Ok((_, packet)) = ethernet::Repr::parse(&frame) else {
            continue;
        };
        let Ok((ip, message)) = ipv4::Repr::parse(packet) else {
            continue;
        };
        let Ok((reply, data)) = icmpv4::Repr::parse(message) else {
            continue;
        };
        if (ip.src, reply.kind, reply.rest) == (to, 0, [0, 7, 0, 1]) {
            let (after, text) = (clock.elapsed(), data.escape_ascii());
            writeln!(io::stdout(), "{ip} answered after {after:?}: {text}")?;
            return Ok(());
        }
    }
    Err("no answer within 2 s".into())
}
