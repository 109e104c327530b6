//! `--show`: a packet three ways, as it was asked for, as it was built, and as it was on the wire, with
//! what the kernel made of it and why.

use std::io::{self, Write};

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
                return self.below(why, Paint::Dim, out);
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
