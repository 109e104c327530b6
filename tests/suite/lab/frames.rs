//! Frames as the two hosts would send them.

use etherparse::PacketBuilder;
use wirelab::lab::Side;

/// The port experiments are about.
pub(super) const PORT: u16 = 8080;
const CLIENT_PORT: u16 = 40_000;

/// One direction's headers up to IP: addresses by side.
fn ip(side: Side, v6: bool, ttl: u8) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    let (src, dst) = match side {
        Side::Client => (1, 2),
        Side::Server => (2, 1),
    };
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, src], [2, 0, 0, 0, 0, dst]);
    if v6 {
        link.ipv6(v6_address(src), v6_address(dst), ttl)
    } else {
        link.ipv4([10, 0, 0, src], [10, 0, 0, dst], ttl)
    }
}

/// `2001:db8::HOST`.
pub(super) fn v6_address(host: u8) -> [u8; 16] {
    let mut address = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    address[15] = host;
    address
}

/// A TCP segment: flags as letters, of `S`, `A`, `F`, `R`.
#[derive(Clone, Copy)]
pub(super) struct Tcp {
    pub(super) from: Side,
    pub(super) flags: &'static str,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) len: usize,
    pub(super) client_port: u16,
    pub(super) port: u16,
    pub(super) v6: bool,
    pub(super) ttl: u8,
}

impl Tcp {
    pub(super) const fn new(from: Side, flags: &'static str, seq: u32, len: usize) -> Self {
        Self {
            from,
            flags,
            seq,
            ack: 1,
            len,
            client_port: CLIENT_PORT,
            port: PORT,
            v6: false,
            ttl: 64,
        }
    }

    pub(super) fn frame(self) -> Vec<u8> {
        let (src, dst) = match self.from {
            Side::Client => (self.client_port, self.port),
            Side::Server => (self.port, self.client_port),
        };
        let mut tcp = ip(self.from, self.v6, self.ttl).tcp(src, dst, self.seq, 502);
        for flag in self.flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(self.ack),
                'F' => tcp.fin(),
                'R' => tcp.rst(),
                other => panic!("no flag {other}"),
            };
        }
        let payload: Vec<u8> = (0..self.len)
            .map(|i| (i ^ self.seq as usize) as u8)
            .collect();
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, &payload).expect("it fits");
        bytes
    }
}

/// A segment with an acknowledgment and `len` bytes.
pub(super) fn data(from: Side, seq: u32, len: usize) -> Vec<u8> {
    Tcp::new(from, "A", seq, len).frame()
}

/// A UDP datagram in a frame of `frame_len` bytes.
pub(super) fn udp(from: Side, v6: bool, ttl: u8, frame_len: usize) -> Vec<u8> {
    let headers = 14 + 8 + if v6 { 40 } else { 20 };
    let payload: Vec<u8> = (0..frame_len - headers).map(|i| i as u8).collect();
    let mut bytes = Vec::new();
    let builder = ip(from, v6, ttl).udp(4000, 53);
    builder.write(&mut bytes, &payload).expect("it fits");
    assert_eq!(bytes.len(), frame_len);
    bytes
}

/// The same over IPv4, without the don't-fragment bit that etherparse sets.
pub(super) fn fragmentable(from: Side, frame_len: usize) -> Vec<u8> {
    let mut bytes = udp(from, false, 64, frame_len);
    bytes[20] &= !0x40;
    mend_ipv4(&mut bytes);
    bytes
}

/// Puts the right checksum into a plain IPv4 header.
pub(super) fn mend_ipv4(frame: &mut [u8]) {
    let (header, _) = etherparse::Ipv4Header::from_slice(&frame[14..]).expect("an IPv4 header");
    frame[24..26].copy_from_slice(&header.calc_header_checksum().to_be_bytes());
}

/// An ARP request.
pub(super) fn arp(from: Side) -> Vec<u8> {
    let (src, dst) = match from {
        Side::Client => (1, 2),
        Side::Server => (2, 1),
    };
    let arp = etherparse::ArpPacket::new(
        etherparse::ArpHardwareId::ETHERNET,
        etherparse::EtherType::IPV4,
        etherparse::ArpOperation::REQUEST,
        &[2, 0, 0, 0, 0, src],
        &[10, 0, 0, src],
        &[0; 6],
        &[10, 0, 0, dst],
    )
    .expect("addresses of one length");
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, src], [0xff; 6]).arp(arp);
    builder.write(&mut bytes).expect("it fits");
    bytes
}

/// An IPv6 router solicitation, as hosts send them unasked.
pub(super) fn router_solicitation(from: Side) -> Vec<u8> {
    let host = match from {
        Side::Client => 1,
        Side::Server => 2,
    };
    let mut src = [0; 16];
    (src[0], src[1], src[15]) = (0xfe, 0x80, host);
    let mut dst = [0; 16];
    (dst[0], dst[1], dst[15]) = (0xff, 2, 2);
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, host], [0x33, 0x33, 0, 0, 0, 2])
        .ipv6(src, dst, 255)
        .icmpv6_raw(133, 0, [0; 4])
        .write(&mut bytes, &[])
        .expect("it fits");
    bytes
}

/// An ICMP echo request over IPv4.
pub(super) fn ping(from: Side, seq: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    ip(from, false, 64)
        .icmpv4_echo_request(1, seq)
        .write(&mut bytes, b"ping")
        .expect("it fits");
    bytes
}
