//! A segment between its bytes and what an endpoint makes of it (RFC 9293 section 3.1).

use std::net::SocketAddr;

use crate::wire::checksum::Sum;
use crate::wire::field::Malformed;
use crate::wire::seq::Seq;
use crate::wire::tcp::{Flags, PROTOCOL, Repr, TcpOption, TcpOptions};

/// A segment: what the rules of RFC 9293 section 3.10 speak of as SEG.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Control bits.
    pub flags: Flags,
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK, which means something only with ACK.
    pub ack: Seq,
    /// SEG.WND.
    pub window: u16,
    /// The largest segment that its sender takes; only with SYN.
    pub mss: Option<u16>,
    /// Data.
    pub data: Vec<u8>,
}

impl Segment {
    /// SEG.LEN: the sequence numbers it takes, SYN and FIN one each.
    pub fn len(&self) -> u32 {
        self.data.len() as u32 + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// Whether it takes no sequence number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first number after it.
    pub fn end(&self) -> Seq {
        self.seq.plus(self.len())
    }

    /// Its bytes from TCP's header on; with `damage` the checksum has that bit pattern flipped.
    pub fn emit(&self, from: SocketAddr, to: SocketAddr, damage: u16) -> Vec<u8> {
        let mut options = Vec::new();
        if let Some(mss) = self.mss {
            TcpOption::Mss(mss).emit(&mut options);
        }
        let mut repr = Repr {
            src_port: from.port(),
            dst_port: to.port(),
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            options,
            ..Repr::default()
        };
        let mut bytes = Vec::new();
        repr.emit(from.ip(), to.ip(), &self.data, &mut bytes);
        if damage != 0 {
            let right = Repr::parse(&bytes).ok().and_then(|(it, _)| it.checksum);
            repr.checksum = right.map(|right| right ^ damage);
            bytes.clear();
            repr.emit(from.ip(), to.ip(), &self.data, &mut bytes);
        }
        bytes
    }
}

/// A segment that came, with what its header says beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) segment: Segment,
    pub(super) options: TcpOptions,
    /// The checksum field, and what it should be if that is something else.
    pub(super) checksum: (u16, Option<u16>),
}

/// Reads the bytes of a segment from `from` to `to`; ports are its own. `None` when it is for another
/// connection.
pub(super) fn parse(
    from: SocketAddr,
    to: SocketAddr,
    bytes: &[u8],
) -> Result<Option<Came>, Malformed> {
    let (repr, data) = Repr::parse(bytes)?;
    if (repr.src_port, repr.dst_port) != (from.port(), to.port()) {
        return Ok(None);
    }
    let stands = repr.checksum.unwrap_or(0);
    let sum = Sum::pseudo_header(from.ip(), to.ip(), PROTOCOL, bytes.len() as u32).add_bytes(bytes);
    // All ones when the checksum that is part of it is right (RFC 1071 section 1).
    let is_right = sum.fold() == 0xffff;
    let options = TcpOptions::read(&repr.options);
    let should_be = || {
        let mut again = Vec::new();
        let repr = Repr {
            checksum: None,
            ..repr.clone()
        };
        repr.emit(from.ip(), to.ip(), data, &mut again);
        Repr::parse(&again)
            .ok()
            .and_then(|(it, _)| it.checksum)
            .unwrap_or(0)
    };
    Ok(Some(Came {
        checksum: (stands, (!is_right).then(should_be)),
        segment: Segment {
            flags: repr.flags,
            seq: repr.seq,
            ack: repr.ack,
            window: repr.window,
            mss: options.mss.filter(|_| repr.flags.syn()),
            data: data.to_vec(),
        },
        options,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// What we build, etherparse reads and finds the checksum right; damaged, we and it see that.
        #[test]
        fn a_segment_comes_back_as_it_was_built(
            v6: bool, seq: u32, ack: u32, window: u16, flags in 0..512_u16, mss: Option<u16>,
            data in prop::collection::vec(any::<u8>(), 0..100), damage: u16,
        ) {
            let [from, to]: [SocketAddr; 2] = if v6 {
                ["[fd00::1]:40000".parse().unwrap(), "[fd00::2]:80".parse().unwrap()]
            } else {
                ["10.0.0.1:40000".parse().unwrap(), "10.0.0.2:80".parse().unwrap()]
            };
            let flags = Flags(flags);
            let segment = Segment {
                flags, seq: Seq(seq), ack: Seq(ack), window, mss: mss.filter(|_| flags.syn()), data,
            };
            let bytes = segment.emit(from, to, damage);
            let came = parse(from, to, &bytes).unwrap().unwrap();
            prop_assert_eq!(&came.segment, &segment);
            let theirs = etherparse::TcpSlice::from_slice(&bytes).unwrap();
            let right = match (from, to) {
                (SocketAddr::V4(a), SocketAddr::V4(b)) =>
                    theirs.calc_checksum_ipv4(a.ip().octets(), b.ip().octets()).unwrap(),
                (SocketAddr::V6(a), SocketAddr::V6(b)) =>
                    theirs.calc_checksum_ipv6(a.ip().octets(), b.ip().octets()).unwrap(),
                _ => unreachable!(),
            };
            prop_assert_eq!(came.checksum.0, theirs.checksum());
            // 0 and ffff are the same number to the sum.
            let same = right == theirs.checksum() || [right, theirs.checksum()] == [0xffff, 0] || [right, theirs.checksum()] == [0, 0xffff];
            prop_assert_eq!(came.checksum.1.is_none(), same);
            if let Some(should_be) = came.checksum.1 {
                prop_assert_eq!(should_be, right);
            }
            let elsewhere: SocketAddr = "10.0.0.2:81".parse().unwrap();
            prop_assert!(parse(from, elsewhere, &bytes).unwrap().is_none());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let at: SocketAddr = "10.0.0.1:1".parse().unwrap();
            let _ = parse(at, at, &bytes);
        }
    }
}
