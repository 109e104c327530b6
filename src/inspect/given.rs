//! Packets given as text: hexadecimal digits, a hexdump as xxd, `tcpdump -x`, `hexdump -C` and
//! Wireshark write it, or base64 (RFC 4648); and what a packet without a capture around it begins
//! with.

use crate::frame::LinkType;
use crate::wire::checksum::Sum;
use crate::wire::{ipv4, names};

/// Text that holds no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPacket {
    /// There is nothing in it.
    #[error("there are no bytes in it")]
    Empty,
    /// Half a byte too much or too little.
    #[error("it has {0} hexadecimal digits: a byte has two, so one is missing or too many")]
    Odd(usize),
    /// None of what is known.
    #[error("it is neither hexadecimal digits, nor a hexdump with offsets, nor base64")]
    Unknown,
}

/// The packets in `text`; a hexdump whose offsets begin again at 0 has several.
///
/// # Errors
///
/// When it holds none.
pub fn packets(text: &str) -> Result<Vec<Vec<u8>>, NoPacket> {
    let packets = dumps(text);
    if !packets.is_empty() {
        return Ok(packets);
    }
    if text.trim().is_empty() {
        return Err(NoPacket::Empty);
    }
    match digits(text) {
        Err(NoPacket::Unknown) => base64(text).map(|bytes| vec![bytes]),
        result => result.map(|bytes| vec![bytes]),
    }
}

/// The bytes that hexadecimal digits say, whatever is between them: spaces, colons, commas, `0x`.
///
/// # Errors
///
/// When there are none, an odd number, or something else among them.
pub fn digits(text: &str) -> Result<Vec<u8>, NoPacket> {
    let mut nibbles = Vec::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | ',' | '.')) {
        let word = word.strip_prefix("0x").unwrap_or(word);
        for part in word.split("\\x") {
            for c in part.chars() {
                nibbles.push(c.to_digit(16).ok_or(NoPacket::Unknown)? as u8);
            }
        }
    }
    match *nibbles.as_slice() {
        [] => Err(NoPacket::Empty),
        ref odd if !odd.len().is_multiple_of(2) => Err(NoPacket::Odd(odd.len())),
        ref nibbles => Ok(pairs(nibbles)),
    }
}

fn pairs(nibbles: &[u8]) -> Vec<u8> {
    let (pairs, _) = nibbles.as_chunks::<2>();
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// The packets of a hexdump: a line counts when it begins with the offset that is due.
fn dumps(text: &str) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        let Some((offset, rest)) = offset(line) else {
            continue;
        };
        if offset == 0 {
            packets.push(Vec::new());
        }
        if let Some(packet) = packets.last_mut()
            && packet.len() == offset
        {
            packet.extend(row(rest));
        }
    }
    packets.retain(|packet| !packet.is_empty());
    packets
}

/// The offset a line of a hexdump begins with: three digits or more, then a colon or a space.
fn offset(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("0x").unwrap_or(line);
    let end = line.find(|c: char| !c.is_ascii_hexdigit())?;
    let (offset, rest) = line.split_at_checked(end)?;
    let rest = match rest.strip_prefix(':') {
        Some(rest) => rest,
        // Without a colon only two spaces tell an offset from the first bytes of plain digits.
        None if rest.starts_with("  ") => rest,
        None => rest.strip_prefix('\t')?,
    };
    let rest = rest.trim_start();
    let offset = (offset.len() >= 3).then(|| usize::from_str_radix(offset, 16).ok())??;
    Some((offset, rest))
}

/// The bytes of a line after its offset, up to the column that repeats them as characters.
fn row(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    let mut rest = line;
    loop {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let nibbles: Option<Vec<u8>> = word
            .chars()
            .map(|c| c.to_digit(16).map(|digit| digit as u8))
            .collect();
        match nibbles {
            Some(nibbles) if !nibbles.is_empty() && nibbles.len().is_multiple_of(2) => {
                bytes.extend(pairs(&nibbles));
            }
            _ => return bytes,
        }
        rest = after.trim_start();
        let gap = after.len() - rest.len();
        // Two spaces end the bytes, but after the eighth, where some leave a gap.
        let in_the_middle = bytes.len() == 8 && gap == 2 && word.len() == 2;
        if rest.is_empty() || gap > 1 && !in_the_middle {
            return bytes;
        }
    }
}

/// Base64, with or without padding (RFC 4648 section 4), or its alphabet for file names (section 5).
fn base64(text: &str) -> Result<Vec<u8>, NoPacket> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0);
    let text = text.trim().trim_end_matches('=');
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let value = match c {
            'A'..='Z' => c as u32 - 'A' as u32,
            'a'..='z' => c as u32 - 'a' as u32 + 26,
            '0'..='9' => c as u32 - '0' as u32 + 52,
            '+' | '-' => 62,
            '/' | '_' => 63,
            _ => return Err(NoPacket::Unknown),
        };
        held = held << 6 | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    // Six bits left over are no byte, and four or two must be zero.
    if bits >= 6 || held != 0 {
        return Err(NoPacket::Unknown);
    }
    if bytes.is_empty() {
        return Err(NoPacket::Empty);
    }
    Ok(bytes)
}

/// What a packet begins with, where its bytes leave no doubt: IP when its length or checksum fits,
/// Ethernet when a known type is where it should be.
pub fn guess(bytes: &[u8]) -> Option<LinkType> {
    let number = |at: usize| {
        let two = bytes.get(at..)?.first_chunk().copied();
        two.map(u16::from_be_bytes)
    };
    let first = *bytes.first()?;
    let length = bytes.len();
    if first >> 4 == 4 {
        let header = bytes.get(..usize::from(first & 0x0f) * 4);
        let whole = header.is_some_and(|header| header.len() >= ipv4::MIN_LEN);
        let fits = number(2).is_some_and(|total| usize::from(total) == length);
        let good = header.is_some_and(|header| Sum::new().add_bytes(header).fold() == 0xffff);
        if whole && (fits || good) {
            return Some(LinkType::IPV4);
        }
    }
    if first >> 4 == 6 && number(4).is_some_and(|payload| usize::from(payload) + 40 == length) {
        return Some(LinkType::IPV6);
    }
    if number(12).is_some_and(|kind| kind >= 0x600 && names::ethertype(kind).is_some()) {
        return Some(LinkType::ETHERNET);
    }
    match first {
        0x45..=0x4f => Some(LinkType::IPV4),
        0x60..=0x6f => Some(LinkType::IPV6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    /// Writes rows of 16 bytes: offset, bytes in groups of `group`, characters.
    fn dump(
        bytes: &[u8],
        group: usize,
        prefix: &str,
        colon: &str,
        middle: &str,
        bar: &str,
    ) -> String {
        let mut text = String::new();
        for (row, line) in bytes.chunks(16).enumerate() {
            let mut hex = String::new();
            for (i, byte) in line.iter().enumerate() {
                if i > 0 && i % group == 0 {
                    hex.push(' ');
                }
                if i == 8 {
                    hex.push_str(middle);
                }
                write!(hex, "{byte:02x}").unwrap();
            }
            let shown: String = line
                .iter()
                .map(|&b| {
                    if b.is_ascii_graphic() {
                        char::from(b)
                    } else {
                        '.'
                    }
                })
                .collect();
            let width = 32 + 15 / group + middle.len();
            writeln!(
                text,
                "{prefix}{:04x}{colon}  {hex:width$}  {bar}{shown}{bar}",
                row * 16
            )
            .unwrap();
        }
        text
    }

    proptest! {
        #[test]
        fn every_style_of_dump_reads_back(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
            let styles = [
                dump(&bytes, 2, "0000", ":", "", ""),
                dump(&bytes, 2, "\t0x", ":", "", ""),
                dump(&bytes, 1, "", " ", "", ""),
                dump(&bytes, 1, "0000", "", " ", "|"),
            ];
            for style in styles {
                prop_assert_eq!(packets(&style).unwrap(), vec![bytes.clone()], "{}", style);
            }
        }

        #[test]
        fn digits_read_back_however_they_are_parted(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
            for separator in ["", " ", ":", ", 0x", "\\x", "\n"] {
                let words: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                prop_assert_eq!(digits(&words.join(separator)).unwrap(), bytes.clone());
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = packets(&text);
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, bytes) in [
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmE", "fooba"),
        ] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(base64("Z"), Err(NoPacket::Unknown));
        assert_eq!(packets("nonsense!"), Err(NoPacket::Unknown));
        assert_eq!(packets(" \n"), Err(NoPacket::Empty));
        assert_eq!(packets("450"), Err(NoPacket::Odd(3)));
    }

    #[test]
    fn tcpdumps_own_lines_are_passed_over_and_packets_told_apart() {
        let text = "12:00:00.1 IP 10.0.0.1 > 10.0.0.2: ICMP\n\t0x0000:  4500 0014\n\t0x0004:  0001\n\
                    12:00:00.2 IP 10.0.0.2 > 10.0.0.1: ICMP\n\t0x0000:  4500\n";
        let packets = packets(text).unwrap();
        assert_eq!(packets, [vec![0x45, 0, 0, 0x14, 0, 1], vec![0x45, 0]]);
    }

    #[test]
    fn a_guess_needs_a_reason() {
        assert_eq!(guess(&[0; 60]), None);
        assert_eq!(guess(&[]), None);
        let mut frame = vec![0x46; 60];
        frame[12..14].copy_from_slice(&[8, 0]);
        assert_eq!(guess(&frame), Some(LinkType::ETHERNET));
        assert_eq!(guess(&[0x45, 0, 0, 4]), Some(LinkType::IPV4));
    }
}
