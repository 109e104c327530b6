//! A captured packet in words: the recipe that makes it again, as short as it can be.
//!
//! Every field is said first, and each that goes without saying is left out again: what is left is what one would
//! have to know about the packet to make it.

use std::net::Ipv6Addr;

use super::build::Around;
use super::kinds::{Kind, Slot, TCP_FLAGS, Which, kind};
use super::options::Item;
use super::recipe::{Data, Header, Layer, Recipe};
use super::value::Value;
use crate::decode::{LayerKind, Packet};
use crate::frame::Frame;
use crate::wire::field::{Read, hex};
use crate::wire::tcp::{TcpOption, tcp_options};
use crate::wire::{ipv6, ipv6_ext};

/// Zeros that are said as such, and not as digits.
const ZEROS: usize = 8;

impl Recipe {
    /// The recipe of a captured packet, and how many zeros pad it at its end. From the first header on that can be
    /// asked for: what a loopback or a cooked capture puts before that is no part of the packet. `None` where no
    /// words make exactly these bytes, or not all of them were captured.
    pub fn again(frame: &Frame<'_>, packet: &Packet<'_>) -> Option<(Self, usize)> {
        if frame.is_cut() {
            return None;
        }
        let own = packet
            .reassembled
            .map(|whole| usize::from(whole.first_layer));
        let layers = packet.layers.get(..own.unwrap_or(packet.layers.len()))?;
        let first = layers
            .iter()
            .position(|layer| named(layer.kind, None).is_some())?;
        let layers = layers.get(first..)?;
        let start = layers.first()?.offset as usize;
        let mut end = frame.bytes.len();
        let mut recipe = Self::default();
        let (mut at, mut protocol) = (start, None);
        for layer in layers {
            let offset = layer.offset as usize;
            let Some(kind) = named(layer.kind, protocol).filter(|_| offset == at) else {
                break;
            };
            let bytes = frame.bytes.get(offset..)?;
            end = ip_end(kind, bytes).map_or(end, |len| end.min(offset + len));
            let header = header(kind, bytes, layer.len as usize)?;
            at += header.blank_len() + header.tail().len();
            protocol = next(kind, bytes);
            recipe.layers.push(Layer::Header(header));
        }
        // ARP has no length of its own: what is after it is padding.
        let of_arp = |layer: &Layer| layer.which() == Some(Which::Arp);
        let end = if recipe.layers.iter().any(of_arp) {
            at
        } else {
            end.max(at)
        };
        let padding = frame.bytes.get(end..)?;
        if padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        let rest = frame.bytes.get(at..end)?;
        if !rest.is_empty() {
            recipe.layers.push(Layer::Data(data(rest)));
        }
        let wanted = frame.bytes.get(start..end)?;
        recipe.shorten(wanted)?;
        // What is pasted is read, and has to mean the same.
        let read = Self::parse(&recipe.words()).ok()?;
        (read.build(&Around::default()).bytes == wanted).then_some((recipe, padding.len()))
    }

    /// Leaves out what goes without saying; `None` when it does not make those bytes to begin with. Addresses are
    /// always said: what they are otherwise depends on where the packet is sent.
    fn shorten(&mut self, wanted: &[u8]) -> Option<()> {
        let makes = |recipe: &Self| recipe.build(&Around::default()).bytes == wanted;
        if !makes(self) {
            return None;
        }
        for index in 0..self.layers.len() {
            let mut at = 0;
            while let Some(Layer::Header(header)) = self.layers.get_mut(index)
                && let Some((slot, _)) = header.sets.get(at)
            {
                if matches!(slot.field.read, Read::Ipv4 | Read::Ipv6 | Read::Hardware) {
                    at += 1;
                    continue;
                }
                let set = header.sets.remove(at);
                if makes(self) {
                    continue;
                }
                if let Some(Layer::Header(header)) = self.layers.get_mut(index) {
                    header.sets.insert(at, set);
                }
                at += 1;
            }
        }
        Some(())
    }
}

/// The kind of layer that a header is, if it is one that can be asked for.
fn named(layer: LayerKind, protocol: Option<u8>) -> Option<&'static Kind> {
    kind(match layer {
        LayerKind::Ethernet => "ether",
        LayerKind::Vlan => "vlan",
        LayerKind::Arp => "arp",
        LayerKind::Ipv4 => "ipv4",
        LayerKind::Ipv6 => "ipv6",
        LayerKind::Ipv6Extension => match protocol? {
            ipv6_ext::HOP_BY_HOP => "hbh",
            ipv6_ext::DESTINATION => "dstopt",
            ipv6_ext::ROUTING => "routing",
            ipv6_ext::FRAGMENT => "fragment",
            _ => return None,
        },
        LayerKind::Ah => "ah",
        LayerKind::Icmpv4 => "icmp",
        LayerKind::Icmpv6 => "icmp6",
        LayerKind::Tcp => "tcp",
        LayerKind::Udp => "udp",
        _ => return None,
    })
}

/// The protocol number of what follows a header.
fn next(kind: &Kind, header: &[u8]) -> Option<u8> {
    let at = match kind.which {
        Which::Ipv4 => 9,
        Which::Ipv6 => 6,
        Which::HopByHop | Which::Destination | Which::Routing | Which::Fragment | Which::Ah => 0,
        _ => return None,
    };
    header.get(at).copied()
}

/// Length of an IP packet by its header; what is after it is padding.
fn ip_end(kind: &Kind, header: &[u8]) -> Option<usize> {
    let (field, fixed) = match kind.which {
        Which::Ipv4 => (2, 0),
        Which::Ipv6 => (4, ipv6::LEN),
        _ => return None,
    };
    let len = u16::from_be_bytes(*header.get(field..)?.first_chunk()?);
    (len > 0).then(|| usize::from(len) + fixed)
}

/// A header with every field said.
fn header(kind: &'static Kind, bytes: &[u8], len: usize) -> Option<Header> {
    let own = match kind.which {
        // Its length is a matter of what it says; what follows is said as data.
        Which::Icmpv4 | Which::Icmpv6 => bytes,
        _ => bytes.get(..len)?,
    };
    let (of_type, code) = match kind.which {
        Which::Icmpv4 | Which::Icmpv6 => (*own.first()?, *own.get(1)?),
        Which::Routing => (*own.get(2)?, 0),
        _ => (0, 0),
    };
    let fixed = own.get(..kind.blank(of_type, code).len())?;
    let named = kind
        .messages()
        .find(|(_, of, with)| (*of, *with) == (of_type.into(), code) && kind.has_types());
    let mut slots = kind.slots(of_type, code);
    if kind.which == Which::Tcp {
        slots.retain(|slot| !matches!(slot.field.read, Read::Flag));
        slots.push(Slot {
            at: 0,
            field: TCP_FLAGS,
        });
    }
    let sets = slots
        .into_iter()
        .map(|slot| (slot, Value::Bits(slot.get(fixed))));
    let rest = own.get(fixed.len()..)?;
    let tail = match kind.tail {
        Some(_) if !kind.has_types() && !rest.is_empty() => Some(items(kind.which, rest)?),
        _ => None,
    };
    Some(Header {
        kind,
        message: named.map(|(name, ..)| name),
        sets: sets.collect(),
        tail,
    })
}

impl Header {
    /// Bytes of its fixed part.
    fn blank_len(&self) -> usize {
        let (kind, code) = self.type_and_code();
        self.kind.blank(kind as u8, code).len()
    }
}

/// What varies in length, as it is typed.
fn items(which: Which, bytes: &[u8]) -> Option<Vec<Item>> {
    let item = |text: String, bytes: &[u8]| Item {
        text,
        bytes: bytes.to_vec(),
    };
    Some(match which {
        Which::Tcp => options(bytes).unwrap_or_else(|| vec![item(raw(bytes), bytes)]),
        Which::Routing => {
            let addresses = bytes.chunks(16).map(|address| {
                let octets: [u8; 16] = address.try_into().ok()?;
                Some(item(Ipv6Addr::from(octets).to_string(), address))
            });
            addresses.collect::<Option<_>>()?
        }
        Which::Ah => vec![item(hex(bytes), bytes)],
        _ => vec![item(raw(bytes), bytes)],
    })
}

fn raw(bytes: &[u8]) -> String {
    format!("raw={}", hex(bytes))
}

/// TCP's options by their names; `None` when they are not all there is.
fn options(bytes: &[u8]) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut len = 0;
    for option in tcp_options(bytes) {
        let text = match option {
            TcpOption::End => "eol".to_owned(),
            TcpOption::Nop => "nop".to_owned(),
            TcpOption::Mss(mss) => format!("mss={mss}"),
            TcpOption::WindowScale(shift) => format!("wscale={shift}"),
            TcpOption::SackPermitted => "sackok".to_owned(),
            TcpOption::Timestamps(value, echo) => format!("ts={value}:{echo}"),
            TcpOption::Sack(blocks) => {
                let number = |bytes: &[u8]| bytes.first_chunk().copied().map(u32::from_be_bytes);
                let block = |block: &[u8]| {
                    let (left, right) = (number(block)?, number(block.get(4..)?)?);
                    Some(format!("{left}:{right}"))
                };
                let blocks: Option<Vec<_>> = blocks.chunks(8).map(block).collect();
                format!("sack={}", blocks?.join("+"))
            }
            TcpOption::Other { kind, data } => format!("{kind}={}", hex(data)),
            TcpOption::Broken { .. } => return None,
        };
        let mut own = Vec::new();
        option.emit(&mut own);
        len += own.len();
        items.push(Item { text, bytes: own });
    }
    let whole = || items.iter().flat_map(|item| item.bytes.iter());
    (len == bytes.len() && whole().eq(bytes)).then_some(items)
}

/// Bytes that are no header, in the shortest words for them.
fn data(bytes: &[u8]) -> Data {
    if bytes.len() > ZEROS && bytes.iter().all(|byte| *byte == 0) {
        return Data::Zeros(bytes.len());
    }
    let readable = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || " \n\r\t".contains(c);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(readable) => Data::Text(bytes.to_vec()),
        _ => Data::Hex(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::recordings;

    #[test]
    fn packets_of_recordings_are_made_again() {
        let (mut made, mut all) = (0, 0);
        for name in [
            "handshake",
            "data",
            "options",
            "arp",
            "ipv6-neighbours",
            "pmtu",
            "ping-loss",
        ] {
            let (_, bytes) = recordings::capture(name).unwrap();
            let mut source = crate::io::file::from_bytes(bytes).unwrap();
            while let Some(frame) = source.next_frame().unwrap() {
                all += 1;
                let mut decoder = Decoder::new();
                let packet = decoder.decode(&frame);
                let Some((recipe, padding)) = Recipe::again(&frame, &packet) else {
                    continue;
                };
                made += 1;
                let mut bytes = recipe.build(&Around::default()).bytes;
                bytes.resize(bytes.len() + padding, 0);
                assert_eq!(hex(&bytes), hex(frame.bytes), "{}", recipe.command());
            }
        }
        assert_eq!(made, all);
    }

    #[test]
    fn what_goes_without_saying_is_not_said() {
        let (_, bytes) = recordings::capture("handshake").unwrap();
        let mut source = crate::io::file::from_bytes(bytes).unwrap();
        let frame = source.next_frame().unwrap().unwrap();
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        let (recipe, _) = Recipe::again(&frame, &packet).unwrap();
        assert_eq!(
            recipe.command(),
            "ether dst=02:00:00:00:00:02 src=02:00:00:00:00:01 / ipv4 id=0xf2b9 df=1 src=10.0.0.1 dst=10.0.0.2 / \
             tcp sport=43848 dport=8080 seq=177739227 options=mss=1460,sackok,ts=4288854079:0,nop,wscale=7"
        );
    }
}
