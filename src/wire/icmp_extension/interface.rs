//! The interface information object (RFC 5837 section 4): which interface a packet came in by, was to
//! go out by, or where it would have gone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{CLASS, OBJECT_LENGTH};
use crate::wire::field::{Field, Read};
use crate::wire::layout::Lay;

const RFC: &str = "RFC 5837 4.1";

const ROLE: Field = Field::new(
    "interface role",
    24,
    2,
    Read::Named(role_name),
    "what the packet had to do with it",
    RFC,
);
const HAS_INDEX: Field = Field::flag("ifindex", 28, "its number follows", RFC);
const HAS_ADDRESS: Field = Field::flag("ipaddr", 29, "an address of it follows", RFC);
const HAS_NAME: Field = Field::flag("name", 30, "its name follows", RFC);
const HAS_MTU: Field = Field::flag("mtu", 31, "its MTU follows", RFC);

/// The object's header: its c-type is made of bits.
pub(super) const OBJECT: &[Field] = &[
    OBJECT_LENGTH,
    CLASS,
    ROLE,
    Field::new("reserved", 26, 2, Read::Hex, "zero", RFC),
    HAS_INDEX,
    HAS_ADDRESS,
    HAS_NAME,
    HAS_MTU,
];

/// Longest name with its length byte, in bytes (RFC 5837 section 4.3).
const LONGEST_NAME: usize = 64;

fn role_name(role: u16) -> Option<&'static str> {
    (role < 4).then(|| Role::from_bits(role as u8).name())
}

fn family_name(family: u16) -> Option<&'static str> {
    match family {
        1 => Some("IPv4"),
        2 => Some("IPv6"),
        _ => None,
    }
}

/// What the packet had to do with the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It came in by it.
    #[default]
    Incoming,
    /// It came in by a part of it.
    IncomingPart,
    /// It was to go out by it.
    Outgoing,
    /// The next router beyond it.
    NextHop,
}

impl Role {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Incoming,
            1 => Self::IncomingPart,
            2 => Self::Outgoing,
            _ => Self::NextHop,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming interface",
            Self::IncomingPart => "part of the incoming interface",
            Self::Outgoing => "outgoing interface",
            Self::NextHop => "next hop",
        }
    }
}

/// What is told of an interface; each part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// What the packet had to do with it.
    pub role: Role,
    /// Its number.
    pub index: Option<u32>,
    /// An address of it.
    pub address: Option<IpAddr>,
    /// Its name, whatever the bytes are, without the zeros behind it.
    pub name: Option<Vec<u8>>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
}

/// Takes `N` bytes from the front, if they are there.
fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = data.split_first_chunk::<N>()?;
    *data = rest;
    Some(*front)
}

impl Interface {
    /// Reads an object's payload as far as it goes.
    pub(super) fn parse(c_type: u8, data: &[u8]) -> Self {
        let mut interface = Self {
            role: Role::from_bits(c_type >> 6),
            ..Self::default()
        };
        interface.fill(c_type, data);
        interface
    }

    fn fill(&mut self, c_type: u8, mut data: &[u8]) -> Option<()> {
        if c_type & 0x08 != 0 {
            self.index = Some(u32::from_be_bytes(take(&mut data)?));
        }
        if c_type & 0x04 != 0 {
            let [high, low, _, _] = take(&mut data)?;
            self.address = Some(match u16::from_be_bytes([high, low]) {
                1 => Ipv4Addr::from(take::<4>(&mut data)?).into(),
                2 => Ipv6Addr::from(take::<16>(&mut data)?).into(),
                // How long an address of another kind is, nobody says.
                _ => return None,
            });
        }
        if c_type & 0x02 != 0 {
            let whole = usize::from(*data.first()?);
            let name = data.get(1..whole)?;
            let end = name.iter().rposition(|&byte| byte != 0);
            self.name = Some(name.get(..end.map_or(0, |end| end + 1))?.to_vec());
            data = data.get(whole..)?;
        }
        if c_type & 0x01 != 0 {
            self.mtu = Some(u32::from_be_bytes(take(&mut data)?));
        }
        Some(())
    }

    /// The c-type and the payload. A name is cut to what has room.
    pub(super) fn emit(&self) -> (u8, Vec<u8>) {
        let bits = match self.role {
            Role::Incoming => 0,
            Role::IncomingPart => 1,
            Role::Outgoing => 2,
            Role::NextHop => 3,
        };
        let mut c_type = bits << 6;
        let mut data = Vec::new();
        if let Some(index) = self.index {
            c_type |= 0x08;
            data.extend(index.to_be_bytes());
        }
        match self.address {
            Some(IpAddr::V4(address)) => {
                c_type |= 0x04;
                data.extend([0, 1, 0, 0]);
                data.extend(address.octets());
            }
            Some(IpAddr::V6(address)) => {
                c_type |= 0x04;
                data.extend([0, 2, 0, 0]);
                data.extend(address.octets());
            }
            None => {}
        }
        if let Some(name) = &self.name {
            c_type |= 0x02;
            let name = name
                .get(..name.len().min(LONGEST_NAME - 1))
                .unwrap_or_default();
            let whole = (1 + name.len()).next_multiple_of(4);
            data.push(whole as u8);
            data.extend(name);
            data.resize(data.len() + whole - 1 - name.len(), 0);
        }
        if let Some(mtu) = self.mtu {
            c_type |= 0x01;
            data.extend(mtu.to_be_bytes());
        }
        (c_type, data)
    }
}

/// Lays out an object's payload.
pub(super) fn lay(lay: &mut Lay<'_>, c_type: u8, data: &[u8]) {
    let end = lay.rest().len().saturating_sub(data.len());
    // What is left of the object, which may end before the message does.
    let left = |lay: &Lay<'_>| lay.rest().len().saturating_sub(end);
    let mut whole = true;
    let mut part = |lay: &mut Lay<'_>, len: usize| {
        whole = whole && len <= left(lay);
        whole
    };
    if c_type & 0x08 != 0 && part(lay, 4) {
        let meaning = "the router's number for it";
        lay.bytes(
            4,
            "interface index",
            Read::Number,
            meaning,
            "RFC 2863 3.1.5",
        );
    }
    if c_type & 0x04 != 0 && part(lay, 4) {
        address(lay, &mut part);
    }
    if c_type & 0x02 != 0 && part(lay, 1) {
        let len = usize::from(lay.rest().first().copied().unwrap_or(0));
        if len >= 1 && part(lay, len) {
            let rfc = "RFC 5837 4.3";
            let meaning = "bytes of the name, this one included";
            lay.bytes(1, "name length", Read::Number, meaning, rfc);
            lay.bytes(
                len - 1,
                "interface name",
                Read::Bytes,
                "padded with zeros",
                rfc,
            );
        } else {
            part(lay, usize::MAX);
        }
    }
    if c_type & 0x01 != 0 && part(lay, 4) {
        let meaning = "longest packet it takes, in bytes";
        lay.bytes(4, "interface mtu", Read::Number, meaning, RFC);
    }
    let odd = left(lay);
    lay.bytes(odd, "data", Read::Bytes, "not as the c-type says", RFC);
}

fn address(lay: &mut Lay<'_>, part: &mut impl FnMut(&mut Lay<'_>, usize) -> bool) {
    let family = lay.rest().first_chunk().copied().map(u16::from_be_bytes);
    let (len, read) = match family {
        Some(1) => (4, Read::Ipv4),
        Some(2) => (16, Read::Ipv6),
        // Of an unknown kind nobody says how long it is: nothing can follow.
        _ => (usize::MAX - 4, Read::Bytes),
    };
    if part(lay, len + 4) {
        let rfc = "RFC 5837 4.2";
        let kind = "kind of address";
        lay.bytes(2, "address family", Read::Named(family_name), kind, rfc);
        lay.bytes(2, "reserved", Read::Hex, "zero", rfc);
        lay.bytes(len, "interface address", read, "an address of it", rfc);
    }
}
