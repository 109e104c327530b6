//! The TCP header (RFC 9293 section 3.1).
//!
//! ```
//! use wirelab::wire::tcp::{Flags, Repr, TcpOption, tcp_options};
//!
//! let mut options = Vec::new();
//! TcpOption::Mss(1460).emit(&mut options);
//! let syn = Repr { src_port: 40_000, dst_port: 80, flags: Flags::SYN, options, ..Repr::default() };
//! let mut bytes = Vec::new();
//! syn.emit([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), b"", &mut bytes);
//!
//! let (read, _) = Repr::parse(&bytes)?;
//! assert_eq!((read.flags, read.data_offset), (Flags::SYN, Some(6)));
//! assert_eq!(tcp_options(&read.options).next(), Some(TcpOption::Mss(1460)));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::fmt;
use std::net::IpAddr;

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::seq::Seq;

pub use super::tcp_flags::Flags;
pub use super::tcp_layout::layout;
pub use super::tcp_options::{
    SackBlocks, TcpOption, TcpOptionIter, TcpOptions, plain_timestamps, tcp_options,
};

/// Bytes of the header without options.
pub const MIN_LEN: usize = 20;
/// Bytes of the longest header there can be.
pub const MAX_LEN: usize = 60;
/// IP's number for it.
pub const PROTOCOL: u8 = 6;

const RFC: &str = "RFC 9293 3.1";

const SRC_PORT: Field = field("source port", 0, 16, Read::Number, "the sender's port");
const DST_PORT: Field = field(
    "destination port",
    16,
    16,
    Read::Number,
    "the receiver's port",
);
const SEQ: Field = field(
    "sequence number",
    32,
    32,
    Read::Number,
    "of the first byte of data; with SYN the initial one, and data starts one later",
);
const ACK: Field = field(
    "acknowledgment number",
    64,
    32,
    Read::Number,
    "with ACK: the next sequence number its sender expects",
);
const DATA_OFFSET: Field = field(
    "data offset",
    96,
    4,
    Read::Words,
    "length of this header, 5 words at least: where the data begins",
);
const RESERVED: Field = field(
    "reserved",
    100,
    3,
    Read::Number,
    "for later use, zero until then",
);
const WINDOW: Field = field(
    "window",
    112,
    16,
    Read::Number,
    "bytes from the acknowledgment number on that the sender will take, before scaling (RFC 7323)",
);
const CHECKSUM: Field = field(
    "checksum",
    128,
    16,
    Read::Hex,
    "covers pseudo-header, header and data",
);
const URGENT: Field = field(
    "urgent pointer",
    144,
    16,
    Read::Number,
    "with URG: how far from the sequence number urgent data reaches",
);
/// All nine control bits as one number, the way [`Flags`] has them; not in the table, which has
/// them one by one.
const FLAGS: Field = field("control bits", 103, 9, Read::Hex, "control bits");

/// Every field of the part without options, in order.
pub const FIELDS: &[Field] = &[
    SRC_PORT,
    DST_PORT,
    SEQ,
    ACK,
    DATA_OFFSET,
    RESERVED,
    flag("AE", 103, "accurate ECN (once NS)", "RFC 9768 3.1"),
    flag(
        "CWR",
        104,
        "congestion window reduced, in answer to ECE",
        "RFC 3168 6.1",
    ),
    flag(
        "ECE",
        105,
        "a packet came marked for congestion",
        "RFC 3168 6.1",
    ),
    flag("URG", 106, "the urgent pointer counts", RFC),
    flag("ACK", 107, "the acknowledgment number counts", RFC),
    flag("PSH", 108, "hand what you have to the program", RFC),
    flag("RST", 109, "abort the connection", RFC),
    flag("SYN", 110, "the sequence number is the initial one", RFC),
    flag("FIN", 111, "no more data from the sender", RFC),
    WINDOW,
    CHECKSUM,
    URGENT,
];

const fn field(
    name: &'static str,
    bit: u16,
    bits: u16,
    read: Read,
    meaning: &'static str,
) -> Field {
    Field {
        name,
        bit,
        bits,
        read,
        meaning,
        rfc: RFC,
    }
}

const fn flag(name: &'static str, bit: u16, meaning: &'static str, rfc: &'static str) -> Field {
    Field {
        name,
        bit,
        bits: 1,
        read: Read::Flag,
        meaning,
        rfc,
    }
}

/// The bytes of a header, read field by field.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// At least the part without options.
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// The header that `bytes` begin with; its options may be cut off.
    ///
    /// # Errors
    ///
    /// [`Malformed::Short`] when there are fewer than 20 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < MIN_LEN {
            return Err(Malformed::Short {
                header: "TCP",
                required: MIN_LEN,
                actual: bytes.len(),
            });
        }
        Ok(Self { bytes })
    }

    /// Source port.
    pub fn src_port(self) -> u16 {
        SRC_PORT.number(self.bytes) as u16
    }

    /// Destination port.
    pub fn dst_port(self) -> u16 {
        DST_PORT.number(self.bytes) as u16
    }

    /// Sequence number.
    pub fn seq(self) -> Seq {
        Seq(SEQ.number(self.bytes))
    }

    /// Acknowledgment number, meaningful or not.
    pub fn ack(self) -> Seq {
        Seq(ACK.number(self.bytes))
    }

    /// Length of the header in bytes, as its data offset says.
    pub fn header_len(self) -> usize {
        DATA_OFFSET.number(self.bytes) as usize * 4
    }

    /// The three reserved bits.
    pub fn reserved(self) -> u8 {
        RESERVED.number(self.bytes) as u8
    }

    /// Control bits.
    pub fn flags(self) -> Flags {
        Flags(FLAGS.number(self.bytes) as u16)
    }

    /// Window field.
    pub fn window(self) -> u16 {
        WINDOW.number(self.bytes) as u16
    }

    /// Checksum field.
    pub fn checksum(self) -> u16 {
        CHECKSUM.number(self.bytes) as u16
    }

    /// Urgent pointer.
    pub fn urgent(self) -> u16 {
        URGENT.number(self.bytes) as u16
    }

    /// Option bytes, as far as they are there.
    pub fn options(self) -> &'a [u8] {
        let end = self.header_len().min(self.bytes.len());
        self.bytes.get(MIN_LEN..end).unwrap_or_default()
    }
}

/// What a header says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: Seq,
    /// Acknowledgment number.
    pub ack: Seq,
    /// Length of the header in words; `None`: as long as it is.
    pub data_offset: Option<u8>,
    /// The three reserved bits.
    pub reserved: u8,
    /// Control bits.
    pub flags: Flags,
    /// Window field.
    pub window: u16,
    /// Checksum field; `None`: the right one.
    pub checksum: Option<u16>,
    /// Urgent pointer.
    pub urgent: u16,
    /// Option bytes, made by [`TcpOption::emit`]; padded with zeros to whole words.
    pub options: Vec<u8>,
}

impl Repr {
    /// Reads a header; gives the data after it too.
    ///
    /// # Errors
    ///
    /// When there are fewer bytes than the header has, or its length is below 20.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let header = Header::new(bytes)?;
        if header.header_len() < MIN_LEN {
            return Err(Malformed::Value {
                header: "TCP",
                field: DATA_OFFSET.name,
                actual: header.header_len() as u64 / 4,
                rfc: DATA_OFFSET.rfc,
            });
        }
        let Some(data) = bytes.get(header.header_len()..) else {
            return Err(Malformed::Short {
                header: "TCP",
                required: header.header_len(),
                actual: bytes.len(),
            });
        };
        let repr = Self {
            src_port: header.src_port(),
            dst_port: header.dst_port(),
            seq: header.seq(),
            ack: header.ack(),
            data_offset: Some((header.header_len() / 4) as u8),
            reserved: header.reserved(),
            flags: header.flags(),
            window: header.window(),
            checksum: Some(header.checksum()),
            urgent: header.urgent(),
            options: header.options().to_vec(),
        };
        Ok((repr, data))
    }

    /// Appends the header and `data` to `out`. Source and destination are those of the IP header,
    /// as the checksum covers them.
    ///
    /// Options beyond the 40 bytes that the data offset can tell of are appended all the same: it
    /// then holds the low four bits of the length.
    pub fn emit(&self, src: IpAddr, dst: IpAddr, data: &[u8], out: &mut Vec<u8>) {
        let mut header = vec![0; MIN_LEN];
        header.extend(&self.options);
        header.resize(header.len().next_multiple_of(4), 0);
        let words = self.data_offset.unwrap_or((header.len() / 4) as u8);
        for (field, value) in [
            (SRC_PORT, u32::from(self.src_port)),
            (DST_PORT, self.dst_port.into()),
            (SEQ, self.seq.0),
            (ACK, self.ack.0),
            (DATA_OFFSET, words.into()),
            (RESERVED, self.reserved.into()),
            (FLAGS, self.flags.0.into()),
            (WINDOW, self.window.into()),
            (URGENT, self.urgent.into()),
        ] {
            field.put(&mut header, value.into());
        }
        let checksum = self.checksum.unwrap_or_else(|| {
            let len = (header.len() + data.len()) as u32;
            Sum::pseudo_header(src, dst, PROTOCOL, len)
                .add_bytes(&header)
                .add_bytes(data)
                .checksum()
        });
        CHECKSUM.put(&mut header, checksum.into());
        out.extend(header);
        out.extend(data);
    }
}

/// `TCP 40000 > 80, S seq 5 ack 0 win 64240`.
impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            src_port,
            dst_port,
            flags,
            seq,
            ack,
            window,
            ..
        } = self;
        write!(
            f,
            "TCP {src_port} > {dst_port}, {flags} seq {seq} ack {ack} win {window}"
        )
    }
}

#[cfg(test)]
mod tests;
