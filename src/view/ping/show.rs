//! `--show`: a packet three ways, as it was asked for, as it was built, and as it was on the wire, with
//! what the kernel made of it and why.

use std::io::{self, Write};
use std::net::IpAddr;

use super::Text;
use crate::decode::Checksum;
use crate::view::{Paint, dump};
use crate::wire::echo;

/// What was asked for, in words: name and value.
pub type Asked = Vec<(&'static str, String)>;

/// A packet at its three stages.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// What was asked for.
    pub asked: &'a Asked,
    /// The ICMP message that was given to the kernel.
    pub built: &'a [u8],
    /// The IP packet that left and the length of its IP header, or why it is not known.
    pub on_wire: Result<(&'a [u8], usize), &'a str>,
    /// Whether it went through a datagram socket.
    pub datagram: bool,
    /// The identifier that the kernel gave the socket, or the one that was written.
    pub id: u16,
    /// Source and destination of an IPv6 packet, which its checksum covers, where the source is known.
    pub ends: Option<(IpAddr, IpAddr)>,
    /// Whether the checksum that left is right; `None` where one packet does not tell.
    pub checksum: Option<Checksum>,
}

impl Text {
    /// Shows the packet.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn show(&self, packet: &Packet<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.heading("asked", out)?;
        for (name, value) in packet.asked {
            writeln!(out, "  {name:<12} {value}")?;
        }
        self.heading(&format!("built: {} bytes of ICMP", packet.built.len()), out)?;
        dump::write(&self.style, packet.built, out)?;
        let (bytes, header) = match packet.on_wire {
            Ok(it) => it,
            Err(why) => {
                self.heading("on the wire", out)?;
                self.below(why, Paint::Dim, out)?;
                return self.unseen(packet, out);
            }
        };
        let (ip, message) = bytes.split_at_checked(header).unwrap_or((bytes, &[]));
        self.heading(
            &format!(
                "on the wire: {} bytes of IP, {header} of them header",
                bytes.len()
            ),
            out,
        )?;
        dump::write(&self.style, ip, out)?;
        dump::write(&self.style, message, out)?;
        self.heading("what the kernel did", out)?;
        for line in differences(packet, message, bytes.len()) {
            self.below(&line, Paint::State, out)?;
        }
        writeln!(out)
    }

    /// What a packet that was not seen must have been nonetheless, for the kernel tells the identifier
    /// (getsockname(2)) and the checksum follows from the rest.
    fn unseen(&self, packet: &Packet<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Some(message) = reckoned(packet) else {
            let line = "what the kernel made of it can't be reckoned: its checksum covers the source \
                        address, which the kernel has not told";
            self.below(line, Paint::State, out)?;
            return writeln!(out);
        };
        self.heading("not seen, but the ICMP message must be", out)?;
        dump::write(&self.style, &message, out)?;
        let lines = rewritten(packet, &message);
        if lines.is_empty() {
            self.below("as it was built, byte for byte", Paint::State, out)?;
            return writeln!(out);
        }
        self.heading("what the kernel must have done", out)?;
        for line in lines {
            self.below(&line, Paint::State, out)?;
        }
        writeln!(out)
    }

    fn heading(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.style.paint(Paint::Strong, text))
    }
}

/// What a checksum says that was seen to leave, before the card had its turn.
const fn verdict(checksum: Checksum) -> Option<&'static str> {
    match checksum {
        Checksum::Good => {
            Some("its checksum is right where it leaves: nothing is left to the card")
        }
        Checksum::Partial => Some(
            "its checksum is the pseudo-header's sum alone: the rest is left to the card (transmit \
             offload), and is no damage",
        ),
        Checksum::Bad => Some("its checksum is wrong: who gets it will drop it"),
        Checksum::Unverified | Checksum::Absent => None,
    }
}

/// What of the ICMP message is not as it was built, and why.
fn differences(packet: &Packet<'_>, message: &[u8], whole: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "an IP header of {} bytes before it: version, lengths, addresses and its checksum are the \
         kernel's, the rest as asked",
        whole - message.len()
    )];
    let (Some(built), Some(sent)) = (echo::Echo::parse(packet.built), echo::Echo::parse(message))
    else {
        return lines;
    };
    lines.extend(rewritten(packet, message));
    if sent.data.len() < built.data.len() {
        lines.push(format!(
            "it was cut into fragments, since it is longer than the MTU: this first one holds {} of {} \
             bytes; the checksum covers all of them, and can't be verified by one of them",
            message.len(),
            packet.built.len()
        ));
    } else if let Some(what) = packet.checksum.and_then(verdict) {
        lines.push(what.to_owned());
    }
    if (built.id, built.checksum, built.data) == (sent.id, sent.checksum, sent.data) {
        lines.push("the ICMP message left as it was built, byte for byte".to_owned());
    }
    lines
}

/// The ICMP message as it must have left; `None` where its checksum covers an address that is not known.
fn reckoned(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let mut message = packet.built.to_vec();
    let v6 = message.first() == Some(&echo::request(true));
    let ends = packet.ends.filter(|_| v6);
    if v6 && ends.is_none() {
        return None;
    }
    message
        .get_mut(echo::ID)?
        .copy_from_slice(&packet.id.to_be_bytes());
    message.get_mut(echo::CHECKSUM)?.fill(0);
    echo::seal(&mut message, ends);
    Some(message)
}

/// Which fields of the ICMP message are not as they were built, and why.
fn rewritten(packet: &Packet<'_>, message: &[u8]) -> Vec<String> {
    let (Some(built), Some(sent)) = (echo::Echo::parse(packet.built), echo::Echo::parse(message))
    else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if built.id != sent.id {
        lines.push(format!(
            "identifier {:#06x} became {:#06x}: on a datagram socket it is the socket's port, so that \
             replies find their way back (icmp(7))",
            built.id, sent.id
        ));
    }
    if built.checksum != sent.checksum {
        let why = if packet.datagram {
            "a datagram socket's checksum is the kernel's to compute, over the identifier it put in"
        } else {
            "the kernel knows the source address, which the pseudo-header covers (RFC 8200 8.1)"
        };
        lines.push(format!(
            "checksum {:#06x} became {:#06x}: {why}",
            built.checksum, sent.checksum
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_seen_is_reckoned_as_far_as_it_is_known() {
        let asked = Vec::new();
        let ends = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
        for (v6, ends) in [(false, None), (true, Some(ends)), (true, None)] {
            let mut built = Vec::new();
            echo::emit(&mut built, echo::request(v6), 0, 7, 0..9);
            let packet = Packet {
                asked: &asked,
                built: &built,
                on_wire: Err("not captured"),
                datagram: true,
                id: 0xe9d1,
                ends,
                checksum: None,
            };
            let shows = super::super::Shows::default();
            let mut out = Vec::new();
            let text = Text::new(crate::view::Style::default(), shows);
            text.show(&packet, &mut out).unwrap();
            let said = String::from_utf8(out).unwrap();
            let Some(message) = reckoned(&packet) else {
                assert!(v6 && ends.is_none());
                assert!(said.contains("can't be reckoned"), "{said}");
                continue;
            };
            assert!(echo::is_sound(&message, ends));
            let parsed = echo::Echo::parse(&message).unwrap();
            assert_eq!((parsed.id, parsed.seq), (0xe9d1, 7));
            assert!(said.contains("identifier 0x0000 became 0xe9d1"), "{said}");
            let became = format!("checksum 0x0000 became {:#06x}", parsed.checksum);
            assert!(said.contains(&became), "{said}");
        }
    }
}
