//! The kinds of layers: what each is called, which fields it has, what it puts into them unasked.
//!
//! Fields come from the tables in [`crate::wire`], by way of each header's `layout`; here are only the
//! short names people have for them.

use crate::wire::field::{Field, Read};
use crate::wire::layout::Layout;
use crate::wire::{ah, arp, ethernet, icmpv4, icmpv6, igmp, ipv4, ipv6, ipv6_ext, tcp, udp};

/// Which header a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// Ethernet.
    Ether,
    /// VLAN tag.
    Vlan,
    /// ARP.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// IPv6 hop-by-hop options.
    HopByHop,
    /// IPv6 destination options.
    Destination,
    /// IPv6 routing header.
    Routing,
    /// IPv6 fragment header.
    Fragment,
    /// IP authentication header.
    Ah,
    /// ICMP.
    Icmpv4,
    /// ICMPv6.
    Icmpv6,
    /// IGMP.
    Igmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A word that says which message it is: its name, type and code (or ARP's operation).
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) kind: u16,
    pub(super) code: u8,
}

/// A kind of layer.
pub struct Kind {
    /// Its name in descriptions.
    pub name: &'static str,
    /// Other names for it.
    pub others: &'static [&'static str],
    /// What it is.
    pub about: &'static str,
    /// Which header.
    pub which: Which,
    /// Short names of fields: the short one, and the field's in the table.
    pub(super) shorts: &'static [(&'static str, &'static str)],
    /// Words for its messages, the first of them what it is if nothing is said.
    pub(super) messages: &'static [Message],
    /// What varies in length: the name it is set by, and how it is written.
    pub tail: Option<(&'static str, &'static str)>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.which == other.which
    }
}

impl Eq for Kind {}

/// A field of a layer, where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Bytes from the header's start to where the field's bits are counted from.
    pub at: usize,
    /// The field.
    pub field: Field,
}

impl Slot {
    /// Its bits as they are in `header`; 0 where they are not.
    pub fn get(&self, header: &[u8]) -> u128 {
        let from = header.get(self.at..).unwrap_or_default();
        self.field.raw(from).unwrap_or(0)
    }

    /// Puts bits into `header`.
    pub(super) fn put(&self, header: &mut [u8], value: u128) {
        if let Some(from) = header.get_mut(self.at..) {
            self.field.put(from, value);
        }
    }
}

/// All nine control bits of TCP in one, by their letters.
pub(super) const TCP_FLAGS: Field = Field::new(
    "flags",
    103,
    9,
    Read::Hex,
    "all control bits, by their letters: N W E U A P R S F",
    "RFC 9293 3.1",
);

const fn message(name: &'static str, kind: u16, code: u8) -> Message {
    Message { name, kind, code }
}

const IP_SHORTS: &[(&str, &str)] = &[
    ("src", "source"),
    ("dst", "destination"),
    ("ihl", "header length"),
    ("len", "total length"),
    ("id", "identification"),
    ("df", "don't fragment"),
    ("mf", "more fragments"),
    ("offset", "fragment offset"),
    ("ttl", "time to live"),
    ("proto", "protocol"),
    ("checksum", "header checksum"),
];
const EXTENSION_SHORTS: &[(&str, &str)] = &[("next", "next header"), ("len", "header length")];
const PORTS: [(&str, &str); 2] = [("sport", "source port"), ("dport", "destination port")];
const ICMP_SHORTS: &[(&str, &str)] = &[
    ("id", "identifier"),
    ("seq", "sequence number"),
    ("mtu", "next-hop mtu"),
];
const OPTIONS_V6: &str = "pad1, padn=N, ra=N, limit=N, jumbo=N, home=ADDRESS, KIND=HEX, raw=HEX";

/// Every kind, in the order of `wirelab craft --fields`.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "ether",
        others: &["ethernet", "eth"],
        about: "Ethernet header",
        which: Which::Ether,
        shorts: &[("dst", "destination"), ("src", "source")],
        messages: &[],
        tail: None,
    },
    Kind {
        name: "vlan",
        others: &["dot1q"],
        about: "802.1Q VLAN tag",
        which: Which::Vlan,
        shorts: &[
            ("id", "vlan identifier"),
            ("prio", "priority"),
            ("dei", "drop eligible"),
        ],
        messages: &[],
        tail: None,
    },
    Kind {
        name: "arp",
        others: &[],
        about: "ARP about IPv4 addresses",
        which: Which::Arp,
        shorts: &[
            ("op", "operation"),
            ("sha", "sender hardware"),
            ("spa", "sender protocol"),
            ("tha", "target hardware"),
            ("tpa", "target protocol"),
            ("src", "sender protocol"),
            ("dst", "target protocol"),
        ],
        messages: &[message("request", 1, 0), message("reply", 2, 0)],
        tail: None,
    },
    Kind {
        name: "ipv4",
        others: &["ip", "ip4"],
        about: "IPv4 header with options",
        which: Which::Ipv4,
        shorts: IP_SHORTS,
        messages: &[],
        tail: Some((
            "options",
            "nop, eol, rr=SLOTS, ts=SLOTS, ra, lsrr=ADDRESS+…, ssrr=ADDRESS+…, KIND=HEX, raw=HEX",
        )),
    },
    Kind {
        name: "ipv6",
        others: &["ip6"],
        about: "IPv6 header",
        which: Which::Ipv6,
        shorts: &[
            ("src", "source"),
            ("dst", "destination"),
            ("len", "payload length"),
            ("next", "next header"),
            ("hlim", "hop limit"),
            ("ttl", "hop limit"),
            ("flow", "flow label"),
        ],
        messages: &[],
        tail: None,
    },
    Kind {
        name: "hbh",
        others: &["hop-by-hop"],
        about: "IPv6 hop-by-hop options",
        which: Which::HopByHop,
        shorts: EXTENSION_SHORTS,
        messages: &[],
        tail: Some(("options", OPTIONS_V6)),
    },
    Kind {
        name: "dstopt",
        others: &["destination-options"],
        about: "IPv6 destination options",
        which: Which::Destination,
        shorts: EXTENSION_SHORTS,
        messages: &[],
        tail: Some(("options", OPTIONS_V6)),
    },
    Kind {
        name: "routing",
        others: &["rh"],
        about: "IPv6 routing header",
        which: Which::Routing,
        shorts: &[
            ("next", "next header"),
            ("len", "header length"),
            ("type", "routing type"),
            ("left", "segments left"),
        ],
        messages: &[],
        tail: Some((
            "addresses",
            "ADDRESS+ADDRESS+…, as they stand in the header",
        )),
    },
    Kind {
        name: "fragment",
        others: &["frag"],
        about: "IPv6 fragment header",
        which: Which::Fragment,
        shorts: &[
            ("next", "next header"),
            ("offset", "fragment offset"),
            ("mf", "more fragments"),
            ("id", "identification"),
        ],
        messages: &[],
        tail: None,
    },
    Kind {
        name: "ah",
        others: &[],
        about: "IP authentication header",
        which: Which::Ah,
        shorts: &[
            ("next", "next header"),
            ("len", "payload length"),
            ("spi", "security parameters index"),
            ("seq", "sequence number"),
        ],
        messages: &[],
        tail: Some(("icv", "HEX")),
    },
    Kind {
        name: "icmp",
        others: &["icmp4", "icmpv4"],
        about: "ICMP message",
        which: Which::Icmpv4,
        shorts: ICMP_SHORTS,
        messages: &[
            message("echo", 8, 0),
            message("reply", 0, 0),
            message("unreachable", 3, 1),
            message("net-unreachable", 3, 0),
            message("protocol-unreachable", 3, 2),
            message("port-unreachable", 3, 3),
            message("fragmentation-needed", 3, 4),
            message("prohibited", 3, 13),
            message("source-quench", 4, 0),
            message("redirect", 5, 1),
            message("router-advertisement", 9, 0),
            message("router-solicitation", 10, 0),
            message("time-exceeded", 11, 0),
            message("reassembly-time-exceeded", 11, 1),
            message("parameter-problem", 12, 0),
            message("timestamp", 13, 0),
            message("timestamp-reply", 14, 0),
            message("mask-request", 17, 0),
            message("mask-reply", 18, 0),
            message("extended-echo", 42, 0),
        ],
        tail: None,
    },
    Kind {
        name: "icmp6",
        others: &["icmpv6", "ndp"],
        about: "ICMPv6 message, neighbor discovery among them",
        which: Which::Icmpv6,
        shorts: &[("id", "identifier"), ("seq", "sequence number")],
        messages: &[
            message("echo", 128, 0),
            message("reply", 129, 0),
            message("unreachable", 1, 3),
            message("no-route", 1, 0),
            message("prohibited", 1, 1),
            message("port-unreachable", 1, 4),
            message("packet-too-big", 2, 0),
            message("time-exceeded", 3, 0),
            message("reassembly-time-exceeded", 3, 1),
            message("parameter-problem", 4, 0),
            message("mld-query", 130, 0),
            message("mld-report", 131, 0),
            message("mld-done", 132, 0),
            message("router-solicitation", 133, 0),
            message("router-advertisement", 134, 0),
            message("neighbor-solicitation", 135, 0),
            message("neighbor-advertisement", 136, 0),
            message("redirect", 137, 0),
            message("mld2-report", 143, 0),
        ],
        tail: Some((
            "options",
            "slla=MAC, tlla=MAC, mtu=N, prefix=ADDRESS/BITS, nonce=HEX, KIND=HEX, raw=HEX",
        )),
    },
    Kind {
        name: "igmp",
        others: &[],
        about: "IGMP message, versions 1 to 3",
        which: Which::Igmp,
        shorts: &[
            ("group", "group address"),
            ("max", "max response time"),
            ("code", "max response code"),
            ("s", "suppress"),
            ("qrv", "robustness"),
            ("qqic", "query interval code"),
        ],
        // In place of a code, which it has not, the version.
        messages: &[
            message("query", 0x11, 2),
            message("query1", 0x11, 1),
            message("query3", 0x11, 3),
            message("report", 0x16, 2),
            message("report1", 0x12, 1),
            message("report3", 0x22, 3),
            message("leave", 0x17, 2),
        ],
        tail: Some((
            "list",
            "of report3, records: join:GROUP, leave:GROUP, TYPE:GROUP:SOURCE:… (include, exclude, to-include, \
             to-exclude, allow, block, or a number), raw:HEX; of query3, sources: ADDRESS+ADDRESS+…",
        )),
    },
    Kind {
        name: "tcp",
        others: &[],
        about: "TCP header with options",
        which: Which::Tcp,
        shorts: &[
            PORTS[0],
            PORTS[1],
            ("seq", "sequence number"),
            ("ack", "acknowledgment number"),
            ("win", "window"),
            ("urgptr", "urgent pointer"),
        ],
        messages: &[],
        tail: Some((
            "options",
            "mss=N, wscale=N, sackok, sack=LEFT:RIGHT+…, ts=VALUE:ECHO, nop, eol, KIND=HEX, raw=HEX",
        )),
    },
    Kind {
        name: "udp",
        others: &[],
        about: "UDP header",
        which: Which::Udp,
        shorts: &[PORTS[0], PORTS[1], ("len", "length")],
        messages: &[],
        tail: None,
    },
];

/// The kind of that name.
pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.name == name || kind.others.contains(&name))
}

impl Kind {
    /// Whether its messages have a type that decides about its fields.
    pub(super) const fn has_types(&self) -> bool {
        matches!(self.which, Which::Icmpv4 | Which::Icmpv6 | Which::Igmp)
    }

    /// The header before anything is put into it: its fixed part, zero but for type and code.
    pub(super) fn blank(&self, kind: u8, code: u8) -> Vec<u8> {
        let mut bytes = vec![0; self.fixed(kind, code)];
        match self.which {
            Which::Icmpv4 | Which::Icmpv6 => {
                for (byte, value) in bytes.iter_mut().zip([kind, code]) {
                    *byte = value;
                }
            }
            // By a time of its own, version 2 is told from version 1.
            Which::Igmp => {
                let time = u8::from(kind == igmp::QUERY && code == 2);
                for (byte, value) in bytes.iter_mut().zip([kind, time]) {
                    *byte = value;
                }
            }
            // Lengths of addresses, by which ARP is laid out.
            Which::Arp => {
                for (byte, value) in bytes.iter_mut().skip(4).zip([6, 4]) {
                    *byte = value;
                }
            }
            Which::Routing => {
                if let Some(byte) = bytes.get_mut(2) {
                    *byte = kind;
                }
            }
            _ => {}
        }
        bytes
    }

    /// Bytes of the fixed part.
    const fn fixed(&self, kind: u8, code: u8) -> usize {
        match self.which {
            Which::Ether => ethernet::LEN,
            Which::Vlan => ethernet::VLAN_LEN,
            Which::Arp => arp::LEN,
            Which::Ipv4 => ipv4::MIN_LEN,
            Which::Ipv6 => ipv6::LEN,
            Which::HopByHop | Which::Destination => 2,
            Which::Routing | Which::Fragment | Which::Udp => 8,
            Which::Ah => ah::MIN_LEN,
            Which::Igmp => match (kind, code) {
                (igmp::QUERY, 3) => igmp::QUERY_3_LEN,
                _ => igmp::LEN,
            },
            Which::Tcp => tcp::MIN_LEN,
            Which::Icmpv4 => match kind {
                13 | 14 => 20,
                17 | 18 => 12,
                _ => icmpv4::LEN,
            },
            Which::Icmpv6 => match kind {
                134 => 16,
                130..=132 | 135 | 136 => 24,
                137 => 40,
                _ => icmpv6::LEN,
            },
        }
    }

    /// Its fields, for a message of that type and code.
    pub fn slots(&self, kind: u8, code: u8) -> Vec<Slot> {
        let blank = self.blank(kind, code);
        let layout: Layout = match self.which {
            Which::Ether => ethernet::layout(&blank),
            Which::Vlan => ethernet::vlan_layout(&blank),
            Which::Arp => arp::layout(&blank),
            // Without options; what is blank would be read as some.
            Which::Ipv4 => ipv4::layout(&blank),
            Which::Ipv6 => ipv6::layout(&blank),
            Which::HopByHop => ipv6_ext::layout(ipv6_ext::HOP_BY_HOP, &blank),
            Which::Destination => ipv6_ext::layout(ipv6_ext::DESTINATION, &blank),
            Which::Routing => ipv6_ext::layout(ipv6_ext::ROUTING, &blank),
            Which::Fragment => ipv6_ext::layout(ipv6_ext::FRAGMENT, &blank),
            Which::Ah => ah::layout(&blank),
            Which::Icmpv4 => icmpv4::layout(&blank),
            Which::Icmpv6 => icmpv6::layout(&blank),
            Which::Igmp => igmp::layout(&blank),
            Which::Tcp => tcp::layout(&blank),
            Which::Udp => udp::layout(&blank),
        };
        let number = |field: &Field| !matches!(field.read, Read::Bytes) && field.bits <= 128;
        layout
            .fields
            .iter()
            .filter(|laid| number(&laid.field))
            .map(|laid| Slot {
                at: laid.at as usize,
                field: laid.field,
            })
            .collect()
    }

    /// The name by which descriptions set a field: short where there is a short one, else the table's
    /// with hyphens.
    pub fn name_of(&self, slot: &Slot) -> String {
        let short = self
            .shorts
            .iter()
            .find(|(_, long)| *long == slot.field.name);
        if let Some((short, _)) = short {
            return (*short).to_owned();
        }
        let name = slot.field.name.to_lowercase().replace(' ', "-");
        let name = name.replace('\'', "");
        // The control bit; `ack` is the number.
        if self.which == Which::Tcp && name == "ack" {
            return "ack-bit".to_owned();
        }
        name
    }

    /// The field of that name among `slots`.
    pub(super) fn find(&self, slots: &[Slot], name: &str) -> Option<Slot> {
        let wanted = plain(name);
        if self.which == Which::Tcp && wanted == "flags" {
            return Some(Slot {
                at: 0,
                field: TCP_FLAGS,
            });
        }
        let long = self.shorts.iter().find(|(short, _)| *short == wanted);
        slots
            .iter()
            .find(|slot| match long {
                Some((_, long)) => slot.field.name == *long,
                None => plain(slot.field.name) == wanted || plain(&self.name_of(slot)) == wanted,
            })
            .copied()
    }

    /// The message that it is, if one is named or not.
    pub(super) fn message(&self, name: Option<&str>) -> (u16, u8) {
        let named = self.messages.iter().find(|it| Some(it.name) == name);
        named
            .or(self.messages.first())
            .map_or((0, 0), |it| (it.kind, it.code))
    }
}

/// A name without what people leave out or write differently.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}
