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
    let dst: Ipv4Addr = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let way = route(Some(dst.into()), None)?;
    let Some(IpAddr::V4(src)) = way.source else {
        return Err("no IPv4 address to send from".into());
    };
    // From the inside out: data, ICMP, IPv4. Lengths and checksums are filled in.
    let mut message = Vec::new();
    icmpv4::Repr::echo_request(7, 1).emit(b"by hand", &mut message);
    let header = ipv4::Repr {
        src,
        dst,
        protocol: icmpv4::PROTOCOL,
        ..ipv4::Repr::default()
    };
    let mut packet = Vec::new();
    header.emit(&message, &mut packet);

    let mut watch = Watch::open(&way)?;
    let (clock, patience) = (Stopwatch::start(), Duration::from_secs(2));
    Sender::open(Way::Ipv4, &way, false, &packet)?.send(&packet)?;
    let mut frames = std::iter::from_fn(|| watch.next(patience.checked_sub(clock.elapsed())?));
    let answer = frames.find_map(|frame| answer(&frame, dst));
    let answer = answer.ok_or("no answer within 2 s")?;
    writeln!(io::stdout(), "{answer}, after {:?}", clock.elapsed())?;
    Ok(())
}

/// The answer in a frame; other things pass there too, which can't be read or are something else.
fn answer(frame: &[u8], from: Ipv4Addr) -> Option<String> {
    let (_, packet) = ethernet::Repr::parse(frame).ok()?;
    let (ip, message) = ipv4::Repr::parse(packet).ok()?;
    let (reply, data) = icmpv4::Repr::parse(message).ok()?;
    let is_ours = (ip.src, reply.kind, reply.rest) == (from, 0, [0, 7, 0, 1]);
    is_ours.then(|| format!("{ip}: {}", data.escape_ascii()))
}
