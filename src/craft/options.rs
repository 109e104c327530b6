//! What varies in length at the end of a header: options of TCP, IPv4, IPv6 and neighbor discovery, the
//! addresses of a routing header, the integrity check value of AH, the records and sources of IGMP.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::kinds::Which;
use super::value::{hardware, hex, number};
use crate::wire::igmp;
use crate::wire::ndp::emit_option;
use crate::wire::tcp::TcpOption;

/// One option, as it is typed and as it goes into the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it is typed.
    pub text: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Most option bytes: more than any header has room for.
const MOST: usize = 2048;

/// Reads what stands after `options=`, `addresses=`, `icv=` or `list=`; on failure gives the part that won't do
/// and why.
pub(super) fn read(which: Which, text: &str) -> Result<Vec<Item>, (String, String)> {
    let separator = match which {
        Which::Routing | Which::Igmp => '+',
        _ => ',',
    };
    let mut items = Vec::new();
    for part in text.split(separator).filter(|part| !part.is_empty()) {
        let (name, value) = match part.find(['=', ':']) {
            // An address or a check value is no name with a value.
            _ if matches!(which, Which::Routing | Which::Ah | Which::Igmp) => ("", part),
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, ""),
        };
        let bytes =
            one(which, &name.to_ascii_lowercase(), value).map_err(|why| (part.to_owned(), why))?;
        let text = match value {
            "" => name.to_owned(),
            _ if name.is_empty() => value.to_owned(),
            _ => format!("{name}={value}"),
        };
        items.push(Item { text, bytes });
    }
    let whole: usize = items.iter().map(|item| item.bytes.len()).sum();
    let room = match which {
        Which::Ipv4 | Which::Tcp => 40,
        _ => MOST,
    };
    if whole > room {
        let why = format!("together they take {whole} bytes, there is room for {room}");
        return Err((text.to_owned(), why));
    }
    Ok(items)
}

/// The separator between items, when they are typed.
pub(super) const fn separator(which: Which) -> &'static str {
    match which {
        Which::Routing | Which::Igmp => "+",
        _ => ",",
    }
}

fn one(which: Which, name: &str, value: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match which {
        Which::Routing => return address6(value).map(|it| it.octets().to_vec()),
        Which::Ah => return digits(value),
        Which::Igmp => return listened(value),
        _ => {}
    }
    if name == "raw" {
        return digits(value);
    }
    if let Some(kind) = number(name) {
        let kind = u8::try_from(kind).map_err(|_| "its kind is a number up to 255".to_owned())?;
        other(which, kind, &digits(value)?, &mut out);
        return Ok(out);
    }
    match which {
        Which::Tcp => tcp(name, value, &mut out)?,
        Which::Ipv4 => ipv4(name, value, &mut out)?,
        Which::HopByHop | Which::Destination => ipv6(name, value, &mut out)?,
        Which::Icmpv6 => ndp(name, value, &mut out)?,
        _ => return Err("it has no options".to_owned()),
    }
    Ok(out)
}

/// An option given by its number: kind, length as this protocol counts it, data.
fn other(which: Which, kind: u8, data: &[u8], out: &mut Vec<u8>) {
    match which {
        Which::Icmpv6 => emit_option(kind, data, out),
        Which::HopByHop | Which::Destination => {
            out.extend([kind, data.len() as u8]);
            out.extend(data);
        }
        _ => {
            out.extend([kind, (data.len() + 2) as u8]);
            out.extend(data);
        }
    }
}

/// A source of a query, or a record of a report: what is said, of which group, about which sources.
fn listened(text: &str) -> Result<Vec<u8>, String> {
    let address = |text: &str| {
        let address = text.parse::<Ipv4Addr>();
        address.map_err(|_| format!("{} is no IPv4 address", text.escape_debug()))
    };
    let Some((kind, rest)) = text.split_once(':') else {
        return Ok(address(text)?.octets().to_vec());
    };
    let kind = match kind.to_ascii_lowercase().as_str() {
        "raw" => return digits(rest),
        "include" => 1,
        "exclude" => 2,
        "leave" | "to-include" => igmp::LISTENS_TO,
        "join" | "to-exclude" => igmp::JOINS,
        "allow" => 5,
        "block" => 6,
        other => number(other)
            .and_then(|it| u8::try_from(it).ok())
            .ok_or_else(|| "a record begins with join:, leave:, include:, exclude:, to-include:, to-exclude:, allow:, block:, or a number up to 255".to_owned())?,
    };
    let addresses: Vec<_> = rest.split(':').map(address).collect::<Result<_, _>>()?;
    let sources = addresses.len().saturating_sub(1) as u16;
    let mut out = vec![kind, 0];
    out.extend(sources.to_be_bytes());
    out.extend(addresses.iter().flat_map(Ipv4Addr::octets));
    Ok(out)
}

fn tcp(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let option = match name {
        "eol" | "end" => TcpOption::End,
        "nop" => TcpOption::Nop,
        "mss" => TcpOption::Mss(small(value)?),
        "wscale" | "ws" => TcpOption::WindowScale(small(value)?),
        "sackok" | "sack-permitted" => TcpOption::SackPermitted,
        "ts" | "timestamps" => {
            let (value, echo) = pair(value)?;
            TcpOption::Timestamps(value, echo)
        }
        "sack" => {
            let mut blocks = Vec::new();
            for block in value.split('+') {
                let (left, right) = pair(block)?;
                blocks.extend(left.to_be_bytes());
                blocks.extend(right.to_be_bytes());
            }
            TcpOption::Sack(&blocks).emit(out);
            return Ok(());
        }
        _ => return Err("no such option".to_owned()),
    };
    option.emit(out);
    Ok(())
}

fn ipv4(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let slots = |least: usize| -> Result<usize, String> {
        let slots: u8 = small(value)?;
        let slots = usize::from(slots);
        if !(1..=9).contains(&slots) {
            return Err("1 to 9 slots fit".to_owned());
        }
        Ok(least + slots * 4)
    };
    match name {
        "eol" | "end" => out.push(0),
        "nop" => out.push(1),
        // The pointer is where the next router writes: the first slot.
        "rr" => {
            let len = slots(3)?;
            out.extend([7, len as u8, 4]);
            out.resize(len, 0);
        }
        "ts" => {
            let len = slots(4)?;
            out.extend([68, len as u8, 5, 0]);
            out.resize(len, 0);
        }
        "ra" => out.extend([148, 4, 0, 0]),
        "lsrr" | "ssrr" => {
            let kind = if name == "lsrr" { 131 } else { 137 };
            let mut data = vec![4];
            for address in value.split('+') {
                let address: Result<Ipv4Addr, _> = address.parse();
                let address = address.map_err(|_| "give IPv4 addresses, joined by +".to_owned())?;
                data.extend(address.octets());
            }
            other(Which::Ipv4, kind, &data, out);
        }
        _ => return Err("no such option".to_owned()),
    }
    Ok(())
}

fn ipv6(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let (kind, data) = match name {
        "pad1" => {
            out.push(0);
            return Ok(());
        }
        "padn" => (
            1,
            vec![0; usize::from(small::<u8>(value)?).saturating_sub(2)],
        ),
        "limit" => (4, vec![small(value)?]),
        "ra" => (5, small::<u16>(value)?.to_be_bytes().to_vec()),
        "jumbo" => (0xc2, small::<u32>(value)?.to_be_bytes().to_vec()),
        "home" => (0xc9, address6(value)?.octets().to_vec()),
        _ => return Err("no such option".to_owned()),
    };
    other(Which::HopByHop, kind, &data, out);
    Ok(())
}

fn ndp(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mac = || hardware(value).ok_or_else(|| "give a hardware address".to_owned());
    let (kind, data) = match name {
        "slla" => (1, mac()?.to_vec()),
        "tlla" => (2, mac()?.to_vec()),
        "mtu" => (
            5,
            [&[0, 0][..], &small::<u32>(value)?.to_be_bytes()].concat(),
        ),
        "nonce" => (14, digits(value)?),
        "prefix" => {
            let wrong = || "give a prefix such as 2001:db8::/64".to_owned();
            let (prefix, bits) = value.split_once('/').ok_or_else(wrong)?;
            let bits: u8 = bits
                .parse()
                .ok()
                .filter(|bits| *bits <= 128)
                .ok_or_else(wrong)?;
            // On this link, and for hosts to make addresses of; for an hour.
            let mut data = vec![bits, 0xc0];
            data.extend(3600_u32.to_be_bytes());
            data.extend(3600_u32.to_be_bytes());
            data.extend([0; 4]);
            data.extend(address6(prefix)?.octets());
            (3, data)
        }
        _ => return Err("no such option".to_owned()),
    };
    emit_option(kind, &data, out);
    Ok(())
}

/// A number that fits.
fn small<T: TryFrom<u128>>(text: &str) -> Result<T, String> {
    let fits = number(text).and_then(|number| T::try_from(number).ok());
    fits.ok_or_else(|| {
        let bits = size_of::<T>() * 8;
        format!("give a number of at most {bits} bits")
    })
}

fn pair(text: &str) -> Result<(u32, u32), String> {
    let wrong = || "give two numbers, as in 1:2".to_owned();
    let (one, two) = text.split_once(':').ok_or_else(wrong)?;
    Ok((small(one)?, small(two)?))
}

fn address6(text: &str) -> Result<Ipv6Addr, String> {
    text.parse().map_err(|_| "give an IPv6 address".to_owned())
}

fn digits(text: &str) -> Result<Vec<u8>, String> {
    hex(text)
        .filter(|bytes| bytes.len() <= 253)
        .ok_or_else(|| "give pairs of hexadecimal digits, 253 at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(which: Which, text: &str) -> Vec<u8> {
        let items = read(which, text).unwrap();
        items.into_iter().flat_map(|item| item.bytes).collect()
    }

    #[test]
    fn tcp_options_as_they_are_on_the_wire() {
        let all = "mss=1460,sackok,ts=1:2,nop,wscale=7";
        let expected = [
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7,
        ];
        assert_eq!(bytes(Which::Tcp, all), expected);
        assert_eq!(bytes(Which::Tcp, "mss:1460"), [2, 4, 5, 180]);
        assert_eq!(bytes(Which::Tcp, "34=abcd"), [34, 4, 0xab, 0xcd]);
        assert_eq!(bytes(Which::Tcp, "raw=02"), [2]);
        assert_eq!(bytes(Which::Tcp, "sack=1:2+3:4").len(), 18);
    }

    #[test]
    fn options_that_cannot_be() {
        for (which, text) in [
            (Which::Tcp, "mss"),
            (Which::Tcp, "mss=70000"),
            (Which::Tcp, "mts=1"),
            (Which::Tcp, "ts=1:2,ts=1:2,ts=1:2,ts=1:2,mss=1"),
            (Which::Ipv4, "rr=10"),
            (Which::Ipv4, "lsrr=1.2.3"),
            (Which::Icmpv6, "prefix=2001:db8::"),
            (Which::HopByHop, "300=00"),
            (Which::Routing, "1.2.3.4"),
        ] {
            assert!(read(which, text).is_err(), "{text}");
        }
    }
}
