//! TCP segments as Ethernet frames in a pcap file with nanosecond times, checksums filled in.
//!
//! Apart from the program's own `emit` on purpose: what is measured must not make its own input.

use std::io::{self, Write};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// One end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Host {
    address: [u8; 4],
    port: u16,
    /// Initial sequence number.
    pub isn: u32,
    /// Length of the data it sent last.
    pub last_len: u32,
}

impl Host {
    pub(super) const fn new(address: [u8; 4], port: u16) -> Self {
        let mixed = u32::from_be_bytes(address).wrapping_mul(0x9E37_79B1) ^ ((port as u32) << 15);
        Self {
            address,
            port,
            isn: mixed,
            last_len: 0,
        }
    }
}

/// A segment to be written.
pub(super) struct Segment<'a> {
    pub time_ns: u64,
    pub from: Host,
    pub to: Host,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub len: u32,
    /// TSecr, where timestamps are in use; TSval is the time in milliseconds.
    pub echo: Option<u32>,
    pub sack: &'a [(u32, u32)],
}

/// Writes segments to a pcap file.
pub(super) struct Writer<W: Write> {
    out: W,
    frame: Vec<u8>,
    /// Packets written so far.
    pub packets: u64,
    /// Identification of the last IP packet.
    pub id: u16,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        // Nanosecond magic, version 2.4, snaplen, LINKTYPE_ETHERNET.
        out.write_all(&0xA1B2_3C4D_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
        Ok(Self {
            out,
            frame: Vec::new(),
            packets: 0,
            id: 0,
        })
    }

    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.packets)
    }

    pub(super) fn segment(&mut self, segment: &Segment<'_>) -> io::Result<()> {
        self.packets += 1;
        self.id = self.id.wrapping_add(1);
        let frame = &mut self.frame;
        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
        let options = options(segment);
        let tcp_len = 20 + options.len() + segment.len as usize;
        ip_header(frame, segment, tcp_len, self.id);
        let tcp = frame.len();
        frame.extend(segment.from.port.to_be_bytes());
        frame.extend(segment.to.port.to_be_bytes());
        frame.extend(segment.seq.to_be_bytes());
        let ack = if segment.flags & ACK == 0 {
            0
        } else {
            segment.ack
        };
        frame.extend(ack.to_be_bytes());
        frame.extend([((20 + options.len()) / 4 * 16) as u8, segment.flags]);
        frame.extend(segment.window.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(&options);
        frame.resize(tcp + tcp_len, b'.');
        let pseudo = u64::from(sum(&segment.from.address)) + u64::from(sum(&segment.to.address));
        let checksum = fold(pseudo + 6 + tcp_len as u64 + u64::from(sum(&frame[tcp..])));
        frame[tcp + 16..tcp + 18].copy_from_slice(&checksum.to_be_bytes());

        let len = (frame.len() as u32).to_le_bytes();
        let seconds = (segment.time_ns / 1_000_000_000) as u32;
        let nanos = (segment.time_ns % 1_000_000_000) as u32;
        self.out.write_all(&seconds.to_le_bytes())?;
        self.out.write_all(&nanos.to_le_bytes())?;
        self.out.write_all(&len)?;
        self.out.write_all(&len)?;
        self.out.write_all(frame)
    }
}

fn ip_header(frame: &mut Vec<u8>, segment: &Segment<'_>, tcp_len: usize, id: u16) {
    let ip = frame.len();
    frame.extend([0x45, 0]);
    frame.extend(((20 + tcp_len) as u16).to_be_bytes());
    frame.extend(id.to_be_bytes());
    frame.extend([0x40, 0, 64, 6, 0, 0]);
    frame.extend(segment.from.address);
    frame.extend(segment.to.address);
    let checksum = fold(u64::from(sum(&frame[ip..])));
    frame[ip + 10..ip + 12].copy_from_slice(&checksum.to_be_bytes());
}

fn options(segment: &Segment<'_>) -> Vec<u8> {
    let mut options = Vec::new();
    if segment.flags & SYN != 0 {
        options.extend([2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2]);
    }
    if let Some(echo) = segment.echo {
        let value = (segment.time_ns / 1_000_000) as u32;
        options.extend([1, 1, 8, 10]);
        options.extend(value.to_be_bytes());
        options.extend(echo.to_be_bytes());
    }
    if !segment.sack.is_empty() {
        options.extend([1, 1, 5, 2 + 8 * segment.sack.len() as u8]);
        for (left, right) in segment.sack {
            options.extend(left.to_be_bytes());
            options.extend(right.to_be_bytes());
        }
    }
    options
}

/// Sum of the 16-bit words (RFC 1071).
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(2);
    let odd = words
        .remainder()
        .first()
        .map_or(0, |&byte| u32::from(byte) << 8);
    words.fold(odd, |sum, word| {
        sum + u32::from(u16::from_be_bytes([word[0], word[1]]))
    })
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}
