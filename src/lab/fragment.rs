//! Cutting an IPv4 datagram into fragments (RFC 791 section 3.2).

use super::ip::{Header, MORE_FRAGMENTS, OFFSET, V4_LEN, put, seal};

/// Puts the fragments of `frame`, none longer than `mtu` as a datagram, into `out`, each with the
/// frame's link header. `mtu` is at least 68, so there is room for the longest header and 8 bytes.
pub(super) fn cut(frame: &[u8], header: &Header, mtu: usize, out: &mut Vec<Vec<u8>>) {
    let link = frame.get(..header.at).unwrap_or_default();
    let datagram = header.datagram(frame);
    let (first_header, mut payload) = datagram.split_at_checked(header.len).unwrap_or_default();
    let later_header = copied(first_header);
    let mut offset = header.fragment & OFFSET;
    let mut ip_header = first_header;
    while !payload.is_empty() {
        let room = mtu.saturating_sub(ip_header.len());
        let last = payload.len() <= room;
        // All but the last carry a multiple of 8 bytes.
        let len = if last { payload.len() } else { room & !7 };
        let Some((piece, rest)) = payload.split_at_checked(len).filter(|_| len > 0) else {
            return;
        };
        let more = !last || header.fragment & MORE_FRAGMENTS != 0;
        let mut fragment = Vec::with_capacity(link.len() + ip_header.len() + len);
        fragment.extend(link);
        fragment.extend(ip_header);
        if let Some(ip) = fragment.get_mut(header.at..) {
            put(ip, 2, (ip.len() + len) as u16);
            put(ip, 6, offset | if more { MORE_FRAGMENTS } else { 0 });
            seal(ip);
        }
        fragment.extend(piece);
        out.push(fragment);
        offset = offset.wrapping_add((len / 8) as u16) & OFFSET;
        payload = rest;
        ip_header = &later_header;
    }
}

/// The header of all fragments but the first: of the options only those whose copied flag is set.
fn copied(header: &[u8]) -> Vec<u8> {
    let (fixed, mut options) = header.split_at_checked(V4_LEN).unwrap_or_default();
    let mut copied = fixed.to_vec();
    while let [kind, rest @ ..] = options {
        let len = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(rest.first().copied().unwrap_or(0)).max(2),
        };
        let (option, after) = options.split_at(len.min(options.len()));
        if kind & 0x80 != 0 {
            copied.extend(option);
        }
        options = after;
    }
    copied.resize(copied.len().next_multiple_of(4), 0);
    let words = copied.len() / 4;
    if let Some(first) = copied.first_mut() {
        *first = 0x40 | words as u8;
    }
    copied
}
