//! What there is to set in a layer: its fields by the names they are set by, how wide they are, and what
//! they are if nothing is said.

use super::build::Around;
use super::kinds::{KINDS, Kind, Slot, TCP_FLAGS, Which, kind};
use super::mistake::nearest;
use super::read::message;
use super::recipe::{Header, Layer, Recipe};
use super::value::shown;

/// A field as it can be set.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name it is set by.
    pub name: String,
    /// Where it is, and the field.
    pub slot: Slot,
    /// What it is if nothing is said; `None` when that depends on the rest of the packet.
    pub usual: Option<String>,
}

/// A message of a layer: its name, type and code.
pub type MessageOf = (&'static str, u16, u8);

impl Kind {
    /// Its messages.
    pub fn messages(&self) -> impl Iterator<Item = MessageOf> {
        self.messages.iter().map(|it| (it.name, it.kind, it.code))
    }

    /// Every field of it, for that message or the usual one.
    pub fn entries(&'static self, message: Option<&'static str>) -> Vec<Entry> {
        let header = Header {
            kind: self,
            message,
            sets: Vec::new(),
            tail: None,
        };
        let mut slots = header.slots();
        if self.which == Which::Tcp {
            slots.push(Slot {
                at: 0,
                field: TCP_FLAGS,
            });
        }
        let recipe = Recipe {
            layers: vec![Layer::Header(header)],
        };
        let bytes = recipe.build(&Around::default()).bytes;
        let entry = |slot: Slot| Entry {
            name: self.name_of(&slot),
            usual: (!self.depends(slot.field.name)).then(|| shown(&slot.field, slot.get(&bytes))),
            slot,
        };
        slots.into_iter().map(entry).collect()
    }

    /// Whether what a field is unasked depends on the rest of the packet, or on where it is sent.
    fn depends(&self, name: &str) -> bool {
        match name {
            "checksum" | "header checksum" | "data offset" | "header length" | "total length"
            | "payload length" | "source" | "destination" | "next header" | "protocol"
            | "sender hardware" | "sender protocol" | "segments left" | "last entry" => true,
            "length" => self.which == Which::Udp,
            "hop limit" => self.which == Which::Ipv6,
            "type" => matches!(self.which, Which::Ether | Which::Vlan),
            _ => false,
        }
    }
}

/// The layer of that name, and its message if one is named: `icmp6 ns`; on failure says which there are.
///
/// # Errors
///
/// When there is none.
pub fn layer(names: &[String]) -> Result<(&'static Kind, Option<&'static str>), String> {
    let text = names.join(" ");
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let wrong = |name: &str, of: &str, all: &[&str]| {
        let near = nearest(name, all).map(|near| format!("; did you mean {near}?"));
        let near = near.unwrap_or_default();
        format!(
            "{}: no such {of}{near}; there are {}",
            name.escape_debug(),
            all.join(", ")
        )
    };
    let Some(kind) = kind(&name.to_ascii_lowercase()) else {
        let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(wrong(name, "layer", &all));
    };
    let Some(name) = words.next() else {
        return Ok((kind, None));
    };
    if let Some(message) = message(kind, name) {
        return Ok((kind, Some(message)));
    }
    let all: Vec<&str> = kind.messages().map(|(name, ..)| name).collect();
    Err(wrong(name, &format!("message of {}", kind.name), &all))
}
