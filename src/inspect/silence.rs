//! Why nobody answers a packet that has errors: what is wrong with it, and the clause that has a
//! receiver discard such a packet without a word (RFC 1122, RFC 8200, RFC 9293).

use super::Sheet;
use crate::decode::{Checksum, LayerKind};

/// An error of a packet, and what it makes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// What is wrong: `TCP checksum 0xffee is bad, it should be 0x1234`.
    pub what: String,
    /// What a receiver does about it, with the clause.
    pub why: &'static str,
}

/// What is wrong with a packet, in the order in which it was found.
pub fn silenced(sheet: &Sheet<'_>) -> Vec<Silenced> {
    let own = sheet.troubles.iter().map(|trouble| {
        let bad = sheet.checked.iter().find(|checked| {
            let header = sheet.headers.get(checked.header);
            let at = header.map(|header| (header.origin, header.offset + checked.at as u32));
            checked.verdict == Checksum::Bad && at == Some((trouble.origin, trouble.offset))
        });
        let kind = bad.and_then(|bad| sheet.headers.get(bad.header));
        Silenced {
            what: format!("{} {}", trouble.name, trouble.text),
            why: why(kind.map(|header| header.kind)),
        }
    });
    own.collect()
}

/// What becomes of a packet with a bad checksum in that header, or with another error.
const fn why(bad: Option<LayerKind>) -> &'static str {
    match bad {
        Some(LayerKind::Ipv4) => {
            "whoever receives it must discard it without a word (RFC 1122 3.2.1.2)"
        }
        Some(LayerKind::Udp) => {
            "whoever receives it must discard it without a word (RFC 1122 4.1.3.4)"
        }
        Some(LayerKind::Tcp) => {
            "whoever receives it must check that, and drops it without a word (RFC 9293 3.1)"
        }
        Some(_) => "whoever receives it drops it without a word",
        None => "whoever receives it may drop it without a word",
    }
}
