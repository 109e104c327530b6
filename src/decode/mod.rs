//! Frames in, packets *with problems* out.
//!
//! A frame is walked header by header (`walk`, `next`), each read by the file of its name; frames of
//! the most common shape take a short way (`fast`). Lengths are kept twice, as captured and as on
//! the wire (`span`), so that a cut frame is never taken for a short packet.

mod arp;
mod body;
mod fast;
mod fragments;
mod glance;
mod gre;
mod icmp;
mod igmp;
mod ipsec;
mod ipv4;
mod ipv6;
mod link;
mod mpls;
mod next;
mod packet;
mod ppp;
mod problem;
mod quoted;
mod reassembly;
mod span;
mod summary;
mod tcp;
mod transport;
mod tunnel;
mod udp;
mod walk;

pub use body::{
    Arp, Body, Esp, Fragment, HardwareAddress, Icmp, IcmpDetail, Igmp, Quoted, Tcp, Udp,
};
pub use fast::Plain;
pub use glance::glance;
pub use packet::{Checksum, Ip, Layer, LayerKind, MAX_LAYERS, MAX_PROBLEMS, Packet, Reassembled};
pub use problem::{Fault, Problem};

use crate::frame::Frame;
use reassembly::Reassembly;
use span::Span;
use walk::{Next, Walk};

/// Decodes frames. It has state only because fragments must be put together.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    reassembly: Reassembly,
    /// The datagrams completed by the frame at hand: one, and one more inside it when that was a
    /// tunnel's. Deeper ones stay fragments.
    completed: [Vec<u8>; 2],
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder for a frame by itself that held the last fragment missing of a datagram: `whole` is what it completed
    /// when it was decoded among others. Of fragments in a tunnel that comes in fragments, it is the inner datagram.
    pub fn completing(whole: &Reassembled<'_>) -> Self {
        Self {
            reassembly: Reassembly::completing(whole),
            ..Self::default()
        }
    }

    /// Decodes one frame; never fails.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Packet<'a> {
        let mut packet = Packet::default();
        self.decode_into(frame, &mut packet);
        packet
    }

    /// The same into `packet`, whatever it held. Moving a packet out of a call costs as much as
    /// decoding a common one, so whoever decodes millions gives the place for it.
    pub fn decode_into<'a>(&'a mut self, frame: &Frame<'a>, packet: &mut Packet<'a>) {
        self.decode_as(frame, Plain::read(frame).as_ref(), packet);
    }

    /// The same of a frame that [`Plain::read`] has read.
    #[inline]
    pub fn decode_as<'a>(
        &'a mut self,
        frame: &Frame<'a>,
        plain: Option<&Plain<'a>>,
        packet: &mut Packet<'a>,
    ) {
        packet.layers.clear();
        packet.more_layers = 0;
        packet.ip = None;
        packet.tunnel = 0;
        packet.reassembled = None;
        packet.problems.clear();
        match plain {
            Some(plain) => plain.fill(packet),
            None => self.walk(frame, packet),
        }
    }

    /// The headers of a frame that a [`Packet`] has no room for, those after the first
    /// [`MAX_LAYERS`], by themselves: what fragments are part of is left out.
    pub fn layers_beyond(frame: &Frame<'_>) -> Vec<Layer> {
        let mut packet = Packet::default();
        let mut reassembly = Reassembly::default();
        let mut walk = Walk::new(start(frame), &mut packet, &mut reassembly, frame.time);
        walk.beyond = Some(Vec::new());
        let next = walk.link(frame.link_type);
        walk.run(next);
        walk.beyond.unwrap_or_default()
    }

    /// The long way, for any frame.
    #[inline(never)]
    fn walk<'a>(&'a mut self, frame: &Frame<'a>, packet: &mut Packet<'a>) {
        packet.body = Body::NotIp { ethertype: 0 };
        let at = start(frame);
        let Self {
            reassembly,
            completed,
        } = self;
        let mut walk = Walk::new(at, packet, reassembly, frame.time);
        let next = walk.link(frame.link_type);
        walk.run(next);
        for place in completed {
            let Some(datagram) = walk.completed.take() else {
                return;
            };
            *place = datagram.bytes;
            let at = Span {
                bytes: place,
                offset: 0,
                wire: datagram.len,
            };
            walk.reassembled(at, datagram.protocol, datagram.fragments);
            walk.at = at;
            walk.run(Next::Protocol(datagram.protocol));
        }
    }
}

/// All of a frame.
fn start<'a>(frame: &Frame<'a>) -> Span<'a> {
    Span {
        bytes: frame.bytes,
        offset: 0,
        wire: frame.original_len.max(frame.bytes.len() as u32),
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
