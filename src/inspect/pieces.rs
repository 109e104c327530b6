//! Fragments of one datagram: where each piece sits in the whole (RFC 791 section 3.2, RFC 8200
//! section 4.5).

use std::net::IpAddr;

use crate::decode::{Body, LayerKind, Packet};

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The frame it came in.
    pub frame: u64,
    /// Bytes of the datagram before it.
    pub offset: u32,
    /// Its length in bytes.
    pub len: u32,
    /// Whether others follow it.
    pub more: bool,
}

/// What the fragments of a datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// IPv4 tells datagrams of different protocols apart, IPv6 does not.
    protocol: Option<u8>,
}

/// The fragment a frame holds: which datagram it belongs to, and where it sits there. It is read from
/// the header, so that the frame that completes a datagram has one too.
pub fn piece(number: u64, bytes: &[u8], packet: &Packet<'_>) -> Option<(Whole, Piece)> {
    let fragmented = matches!(packet.body, Body::Fragment(_))
        || packet.reassembled.is_some_and(|whole| whole.fragments > 0);
    if !fragmented {
        return None;
    }
    let own = packet
        .reassembled
        .map_or(packet.layers.len(), |whole| usize::from(whole.first_layer));
    let layers = packet.layers.get(..own)?;
    let is_ip = |kind| matches!(kind, LayerKind::Ipv4 | LayerKind::Ipv6);
    let ip = layers.iter().rfind(|layer| is_ip(layer.kind))?;
    let header = bytes.get(ip.offset as usize..)?;
    let two = |bytes: &[u8], at: usize| {
        let two = bytes.get(at..)?.first_chunk().copied();
        two.map(u16::from_be_bytes)
    };
    if ip.kind == LayerKind::Ipv4 {
        let &[s0, s1, s2, s3, d0, d1, d2, d3] = header.get(12..)?.first_chunk()?;
        let flags = two(header, 6)?;
        let whole = Whole {
            src: [s0, s1, s2, s3].into(),
            dst: [d0, d1, d2, d3].into(),
            id: two(header, 4)?.into(),
            protocol: header.get(9).copied(),
        };
        let piece = Piece {
            frame: number,
            offset: u32::from(flags & 0x1fff) * 8,
            len: u32::from(two(header, 2)?).saturating_sub(ip.len),
            more: flags & 0x2000 != 0,
        };
        return Some((whole, piece));
    }
    let last = layers.last()?;
    let fragment = bytes.get(last.offset as usize..)?;
    let flags = two(fragment, 2)?;
    let end = ip.offset + 40 + u32::from(two(header, 4)?);
    let whole = Whole {
        src: <[u8; 16]>::try_from(header.get(8..24)?).ok()?.into(),
        dst: <[u8; 16]>::try_from(header.get(24..40)?).ok()?.into(),
        id: u32::from_be_bytes(*fragment.get(4..)?.first_chunk()?),
        protocol: None,
    };
    let piece = Piece {
        frame: number,
        offset: u32::from(flags & 0xfff8),
        len: end.saturating_sub(last.offset + last.len),
        more: flags & 1 != 0,
    };
    Some((whole, piece))
}

/// Where the datagram ends by the pieces seen, and the stretches of it that none of them has.
pub fn gaps(pieces: &[Piece]) -> (Option<u32>, Vec<(u32, u32)>) {
    let last = pieces.iter().find(|piece| !piece.more);
    let end = last.map(|piece| piece.offset + piece.len);
    let mut sorted: Vec<_> = pieces
        .iter()
        .map(|piece| (piece.offset, piece.offset + piece.len))
        .collect();
    sorted.sort_unstable();
    let (mut reached, mut gaps) = (0, Vec::new());
    for (from, to) in sorted {
        if from > reached {
            gaps.push((reached, from));
        }
        reached = reached.max(to);
    }
    if let Some(end) = end.filter(|&end| end > reached) {
        gaps.push((reached, end));
    }
    (end, gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_piece_has_is_a_gap() {
        let piece = |offset, len, more| Piece {
            frame: 1,
            offset,
            len,
            more,
        };
        let all = [piece(16, 8, false), piece(0, 8, true)];
        assert_eq!(gaps(&all), (Some(24), vec![(8, 16)]));
        assert_eq!(gaps(&all[1..]), (None, vec![]));
        assert_eq!(
            gaps(&[all[0], all[1], piece(4, 12, true)]),
            (Some(24), vec![])
        );
    }
}
