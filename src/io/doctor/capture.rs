//! A capture end to end: a datagram to ourselves, and whether it is seen.

use std::io;
use std::net::UdpSocket;

use super::child::Teller;
use crate::frame::LinkType;
use crate::io::Source;
use crate::io::filter::BpfFilter;
use crate::io::live::{Live, LiveOptions};
use crate::io::sys::libpcap;

/// What the datagram says.
const WORDS: &[u8] = b"wirelab doctor asks whether this is seen";

/// The version of libpcap; a text that says why there is none.
pub(super) fn libpcap_version() -> Result<&'static str, &'static str> {
    libpcap::available()
}

/// Compiles a filter.
pub(super) fn filter() -> Result<(), String> {
    BpfFilter::compile(LinkType::ETHERNET, "tcp port 80 and host 192.0.2.1")
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Captures one datagram on the loopback interface. Waits until it comes: to be run where somebody
/// ends it.
pub(super) fn try_loopback(teller: &mut Teller<'_>) -> io::Result<()> {
    teller.step("capture", || {
        let receiver = UdpSocket::bind(("127.0.0.1", 0))?;
        let port = receiver.local_addr()?.port();
        let mut options = LiveOptions::new("lo");
        options.filter = Some(format!("udp and dst port {port}"));
        // One packet is all there will be.
        options.buffer_bytes = 2 << 20;
        options.promiscuous = false;
        let failed = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        let mut live = Live::open(&options, None).map_err(|error| failed(&error))?;
        UdpSocket::bind(("127.0.0.1", 0))?.send_to(WORDS, receiver.local_addr()?)?;
        loop {
            let Some(frame) = live.next_frame().map_err(|error| failed(&error))? else {
                return Err(io::Error::other("the capture ended before the packet came"));
            };
            if frame.bytes.ends_with(WORDS) {
                return Ok(format!(
                    "a datagram on lo was seen, all {} bytes",
                    frame.original_len
                ));
            }
        }
    })?;
    Ok(())
}
