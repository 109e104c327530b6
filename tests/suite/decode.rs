//! Decoding, from outside: frames built by etherparse or by hand, and what we make of them.

mod checksums;
mod fragments;
mod lengths;
mod oracle;
mod tunnels;
mod words;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use wirelab::decode::{Body, Packet, Tcp};
use wirelab::frame::{Frame, LinkType, Timestamp};

/// A frame around `bytes`, captured whole.
fn frame(link_type: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::from_nanos(0),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    }
}

/// The segment in a packet that must be TCP.
#[track_caller]
fn tcp<'a>(packet: &Packet<'a>) -> Tcp<'a> {
    match packet.body {
        Body::Tcp(tcp) => tcp,
        _ => panic!("not TCP: {packet:?}"),
    }
}

/// The IP header of every packet built here: 10.0.0.1 to 10.0.0.2, or IPv6 likewise.
fn ip(v6: bool) -> PacketBuilderStep<IpHeaders> {
    if v6 {
        PacketBuilder::ipv6([3; 16], [4; 16], 64)
    } else {
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
    }
}

/// An IP packet with TCP from port 1000 to port 80 in it, without a link header.
fn segment(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let tcp = ip(v6).tcp(1000, 80, 5, 100).ack(6);
    tcp.write(&mut bytes, payload).unwrap();
    bytes
}

/// The same behind an Ethernet header.
fn ethernet(packet: &[u8]) -> Vec<u8> {
    let ethertype = match packet[0] >> 4 {
        4 => [0x08, 0x00],
        _ => [0x86, 0xdd],
    };
    [&[2; 12][..], &ethertype, packet].concat()
}

/// `body` behind an IPv6 header whose next header is `next`.
fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    bytes[4..6].copy_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend([3; 16]);
    bytes.extend([4; 16]);
    bytes.extend(body);
    bytes
}

/// `body` behind an IPv4 header from `src` to `dst`; its checksum is right.
fn ipv4(protocol: u8, src: [u8; 4], dst: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut header =
        etherparse::Ipv4Header::new(body.len() as u16, 64, protocol.into(), src, dst).unwrap();
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], body].concat()
}
