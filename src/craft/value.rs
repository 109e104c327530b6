//! Values as people type them, and as they are typed again.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::field::{Field, Read};

/// What a field is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// These bits.
    Bits(u128),
    /// A checksum that is not right, whatever the right one is.
    Bad,
}

/// Names looked through at most when a value is given by name.
const NAMES: u16 = u16::MAX;

/// Reads a value for `field`; on failure says what is allowed there.
pub(super) fn read(field: &Field, text: &str) -> Result<Value, String> {
    if text == "bad" && field.name.ends_with("checksum") {
        return Ok(Value::Bad);
    }
    let bits = bits(field, text).ok_or_else(|| allowed(field))?;
    if bits > largest(field) {
        return Err(format!(
            "it has {} bits: {} at most",
            field.bits,
            shown(field, largest(field))
        ));
    }
    Ok(Value::Bits(bits))
}

fn bits(field: &Field, text: &str) -> Option<u128> {
    let typed = match field.read {
        Read::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|it| it.to_bits().into()),
        Read::Ipv6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
        Read::Hardware => {
            hardware(text).map(|mac| mac.iter().fold(0, |all, &byte| all << 8 | u128::from(byte)))
        }
        Read::Flag => match text {
            "yes" | "true" | "set" | "on" => Some(1),
            "no" | "false" | "unset" | "off" => Some(0),
            _ => None,
        },
        Read::Named(name) | Read::NamedHex(name) => named(text, name),
        _ if field.name == "flags" => flags(text),
        _ => None,
    };
    typed.or_else(|| number(text))
}

/// A number: decimal, `0x…` or `0b…`; underscores may part its digits.
pub(super) fn number(text: &str) -> Option<u128> {
    let text = text.replace('_', "");
    // The standard library takes a sign, which no field has.
    if text.starts_with('+') {
        return None;
    }
    match (text.strip_prefix("0x"), text.strip_prefix("0b")) {
        (Some(digits), _) if !digits.starts_with('+') => u128::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) if !digits.starts_with('+') => u128::from_str_radix(digits, 2).ok(),
        _ => text.parse().ok(),
    }
}

/// A hardware address of six bytes.
pub(super) fn hardware(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        let part = parts.next()?;
        let fits = (1..=2).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_hexdigit());
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| fits)?;
    }
    parts.next().is_none().then_some(mac)
}

/// Bytes as hexadecimal digits, which `:` or blanks may part.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !matches!(c, ' ' | ':' | '_' | '-' | '\n' | '\t'))
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let pairs = digits.chunks_exact(2);
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

/// TCP's control bits by their letters, or in words parted by `+`.
fn flags(text: &str) -> Option<u128> {
    const LETTERS: &str = "FSRPAUEWN";
    const WORDS: [&str; 9] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ae"];
    if text == "none" {
        return Some(0);
    }
    let mut bits = 0;
    for part in text.split('+') {
        let lower = part.to_ascii_lowercase();
        if let Some(bit) = WORDS.iter().position(|word| *word == lower) {
            bits |= 1 << bit;
            continue;
        }
        for letter in part.to_ascii_uppercase().chars() {
            bits |= 1 << LETTERS.find(letter)?;
        }
    }
    (!text.is_empty()).then_some(bits)
}

/// The number of a name, as far as the table of names has it: its first words are enough.
fn named(text: &str, name: fn(u16) -> Option<&'static str>) -> Option<u128> {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(text);
    if wanted.is_empty() || wanted.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fits = |full: &str| {
        plain(full) == wanted || full.split(',').next().is_some_and(|it| plain(it) == wanted)
    };
    (0..=NAMES)
        .find(|&number| name(number).is_some_and(fits))
        .map(u128::from)
}

/// The largest number a field holds.
pub(super) const fn largest(field: &Field) -> u128 {
    u128::MAX >> 128_u32.saturating_sub(field.bits as u32)
}

/// What is allowed in a field, in words.
pub(super) fn allowed(field: &Field) -> String {
    let numbers = format!("a number up to {}", shown(field, largest(field)));
    let checksum = if field.name.ends_with("checksum") {
        ", or bad"
    } else {
        ""
    };
    match field.read {
        Read::Ipv4 => "an IPv4 address".to_owned(),
        Read::Ipv6 => "an IPv6 address".to_owned(),
        Read::Hardware => "a hardware address such as 02:00:00:00:00:01".to_owned(),
        Read::Flag => "0 or 1".to_owned(),
        Read::Named(_) | Read::NamedHex(_) => format!("{numbers}, or a name"),
        _ if field.name == "flags" => {
            "letters of NWEUAPRSF, words such as syn+ack, or none".to_owned()
        }
        _ => numbers + checksum,
    }
}

/// Bits as they are typed for that field.
pub(super) fn shown(field: &Field, bits: u128) -> String {
    match field.read {
        Read::Ipv4 => Ipv4Addr::from_bits(bits as u32).to_string(),
        Read::Ipv6 => Ipv6Addr::from_bits(bits).to_string(),
        Read::Hardware => {
            let bytes = bits.to_be_bytes();
            let bytes = bytes.get(10..).unwrap_or_default();
            let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            parts.join(":")
        }
        _ if field.name == "flags" && bits == 0 => "none".to_owned(),
        _ if field.name == "flags" => crate::wire::tcp::Flags(bits as u16).to_string(),
        Read::Hex | Read::NamedHex(_) => {
            let digits = usize::from(field.bits).div_ceil(4) + 2;
            format!("{bits:#0digits$x}")
        }
        _ => bits.to_string(),
    }
}

/// A value as it is typed.
pub(super) fn typed(field: &Field, value: Value) -> String {
    match value {
        Value::Bad => "bad".to_owned(),
        Value::Bits(bits) => shown(field, bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(read: Read, bits: u16) -> Field {
        Field::new("test", 0, bits, read, "a test", "RFC 0")
    }

    #[test]
    fn numbers_addresses_and_names() {
        let read = |field: Field, text: &str| super::read(&field, text).ok();
        let bits = |bits| Some(Value::Bits(bits));
        assert_eq!(read(of(Read::Number, 8), "255"), bits(255));
        assert_eq!(read(of(Read::Number, 8), "0xff"), bits(255));
        assert_eq!(read(of(Read::Number, 8), "0b11"), bits(3));
        for wrong in ["256", "-1", "+1", "0x", "0x+1", "", "one", "1.5"] {
            assert_eq!(read(of(Read::Number, 8), wrong), None, "{wrong}");
        }
        assert_eq!(read(of(Read::Ipv4, 32), "192.0.2.1"), bits(0xc000_0201));
        assert_eq!(
            read(of(Read::Hardware, 48), "02:0:0:0:0:1"),
            bits(0x0200_0000_0001)
        );
        assert_eq!(read(of(Read::Hardware, 48), "02:00:00:00:00"), None);
        assert_eq!(read(of(Read::Flag, 1), "yes"), bits(1));
        assert_eq!(read(of(Read::Flag, 1), "2"), None);
        let named = Read::Named(|number| (number == 46).then_some("EF, expedited"));
        assert_eq!(read(of(named, 6), "ef"), bits(46));
        assert_eq!(read(of(named, 6), "af11"), None);
    }

    #[test]
    fn flags_by_letters_and_words() {
        assert_eq!(flags("SA"), Some(0x12));
        assert_eq!(flags("syn+ack"), Some(0x12));
        assert_eq!(flags("fin"), Some(1));
        assert_eq!(flags("NWEUAPRSF"), Some(0x1ff));
        assert_eq!(flags("none"), Some(0));
        assert_eq!((flags("X"), flags("")), (None, None));
    }

    #[test]
    fn a_checksum_alone_can_be_bad() {
        let sum = Field::new("checksum", 0, 16, Read::Hex, "", "");
        assert_eq!(read(&sum, "bad"), Ok(Value::Bad));
        assert!(read(&of(Read::Number, 16), "bad").is_err());
    }
}
