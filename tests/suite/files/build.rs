//! Builds capture files, right ones and wrong ones.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Which end of a number comes first in the file being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

use Order::{Big, Little};

impl Order {
    pub(crate) fn u16(self, value: u16) -> Vec<u8> {
        match self {
            Little => value.to_le_bytes().to_vec(),
            Big => value.to_be_bytes().to_vec(),
        }
    }

    pub(crate) fn u32(self, value: u32) -> Vec<u8> {
        match self {
            Little => value.to_le_bytes().to_vec(),
            Big => value.to_be_bytes().to_vec(),
        }
    }

    pub(crate) fn u32s(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.u32(*value)).collect()
    }
}

/// A pcap file header.
pub(crate) fn pcap_header(order: Order, magic: u32, version: (u16, u16), link: u32) -> Vec<u8> {
    [
        order.u32(magic),
        order.u16(version.0),
        order.u16(version.1),
        order.u32s(&[0, 0, 65_535, link]),
    ]
    .concat()
}

/// The usual one: microseconds, little-endian, Ethernet.
pub(crate) fn usual_header() -> Vec<u8> {
    pcap_header(Little, 0xa1b2_c3d4, (2, 4), 1)
}

/// A pcap record with `header` in front of `bytes`.
pub(crate) fn record(order: Order, header: &[u32], bytes: &[u8]) -> Vec<u8> {
    [order.u32s(header), bytes.to_vec()].concat()
}

/// The usual record: all of the frame was kept.
pub(crate) fn usual_record(seconds: u32, fraction: u32, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    record(Little, &[seconds, fraction, length, length], bytes)
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Writes pcapng blocks of one byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks(pub(crate) Order);

impl Blocks {
    /// A block whose two lengths are given.
    pub(crate) fn with_lengths(self, kind: u32, body: &[u8], first: u32, last: u32) -> Vec<u8> {
        [self.0.u32s(&[kind, first]), padded(body), self.0.u32(last)].concat()
    }

    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = padded(body).len() as u32 + 12;
        self.with_lengths(kind, body, length, length)
    }

    pub(crate) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        [
            self.0.u16(code),
            self.0.u16(value.len() as u16),
            padded(value),
        ]
        .concat()
    }

    pub(crate) fn section(self, options: &[u8]) -> Vec<u8> {
        let body = [
            self.0.u32(0x1a2b_3c4d),
            self.0.u16(1),
            self.0.u16(0),
            vec![0xff; 8],
            options.to_vec(),
        ];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    pub(crate) fn interface(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        let body = [
            self.0.u16(link),
            self.0.u16(0),
            self.0.u32(snaplen),
            options.to_vec(),
        ];
        self.block(1, &body.concat())
    }

    pub(crate) fn packet_body(self, id: u32, ticks: u64, bytes: &[u8], original: u32) -> Vec<u8> {
        let (high, low) = ((ticks >> 32) as u32, ticks as u32);
        let header = [id, high, low, bytes.len() as u32, original];
        [self.0.u32s(&header), padded(bytes)].concat()
    }

    pub(crate) fn packet(self, id: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
        self.block(6, &self.packet_body(id, ticks, bytes, bytes.len() as u32))
    }

    pub(crate) fn packet_with(self, ticks: u64, bytes: &[u8], options: &[u8]) -> Vec<u8> {
        let body = self.packet_body(0, ticks, bytes, bytes.len() as u32);
        self.block(6, &[&body, options].concat())
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}
