//! What a capture holds beside TCP, told in the same way: neighbours that were asked for, hosts that were
//! pinged, ways that were traced, datagrams, and what the network says went wrong.
//!
//! A person who pings gets a capture without any connection; there is as much to be understood in it. All of
//! it is bounded: so many of each sort are followed, the rest is counted.

mod echoes;
mod errors;
mod neighbours;

use std::collections::HashMap;
use std::net::SocketAddr;

use super::episode::Evidence;
use super::telling::finding;
use crate::decode::{Body, Checksum, Packet, Udp};
use crate::event::units::{bytes, count, plural};
use crate::event::{Finding, Kind, Severity, Topic};
use crate::frame::Frame;

/// Of each sort, so many are followed: some 100 KB at most.
const MOST: usize = 256;

/// Follows what is not TCP.
#[derive(Debug, Default)]
pub(super) struct Beside {
    echoes: echoes::Echoes,
    neighbours: neighbours::Neighbours,
    errors: errors::Errors,
    /// Datagrams by who sent the first and to whom.
    talks: HashMap<(SocketAddr, SocketAddr), Talk>,
    /// Packets whose checksum is wrong: their receiver discards them.
    damaged: Evidence,
    /// What else there was, and what there was no room for.
    other: Evidence,
}

/// Datagrams between two ports: out and back.
#[derive(Debug, Default)]
struct Talk {
    packets: [u64; 2],
    bytes: [u64; 2],
    evidence: Evidence,
}

impl Beside {
    /// Takes the next packet that is no TCP segment.
    pub(super) fn observe(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        let bad = match &packet.body {
            Body::Udp(udp) => udp.checksum == Checksum::Bad,
            Body::Icmp(icmp) => icmp.checksum == Checksum::Bad,
            _ => false,
        };
        if bad {
            self.damaged.add(frame.number);
            return;
        }
        let known = match (&packet.body, &packet.ip) {
            (Body::Arp(arp), _) => self.neighbours.arp(frame, arp),
            (Body::Icmp(icmp), Some(ip)) => {
                self.echoes.observe(frame, ip, icmp)
                    || self.neighbours.icmp(frame, ip, icmp)
                    || self.errors.observe(frame, ip, icmp)
            }
            (Body::Udp(udp), Some(ip)) => {
                self.echoes.datagram(frame, ip);
                let ends = [(ip.src, udp.src_port), (ip.dst, udp.dst_port)];
                self.datagram(frame.number, ends.map(SocketAddr::from), udp)
            }
            _ => false,
        };
        if !known {
            self.other.add(frame.number);
        }
    }

    fn datagram(&mut self, frame: u64, [src, dst]: [SocketAddr; 2], udp: &Udp<'_>) -> bool {
        let back = self.talks.contains_key(&(dst, src));
        let key = if back { (dst, src) } else { (src, dst) };
        if !self.talks.contains_key(&key) && self.talks.len() >= MOST {
            return false;
        }
        let talk = self.talks.entry(key).or_default();
        let at = usize::from(back);
        talk.packets[at] = talk.packets[at].saturating_add(1);
        talk.bytes[at] = talk.bytes[at].saturating_add(udp.payload_len.into());
        talk.evidence.add(frame);
        true
    }

    /// All there is to tell, as it happened.
    pub(super) fn conclude(&self) -> Vec<Finding> {
        let mut findings = self.neighbours.tell();
        findings.extend(self.echoes.tell());
        findings.extend(self.talks.iter().map(tell));
        findings.extend(self.errors.tell(&self.echoes));
        // In the order of the frames that show it; the kind, where that leaves it open.
        findings.sort_by_key(|finding| (finding.evidence.first().copied(), finding.kind.name()));
        if self.damaged.count > 0 {
            findings.push(Finding {
                evidence: self.damaged.frames.clone(),
                more: self.damaged.more,
                advice: "their receivers discard them: something on the path damages packets, or the sender's \
                         network card fills in checksums later"
                    .to_owned(),
                ..finding(
                    Topic::Noted(Kind::ChecksumBad),
                    Severity::Problem,
                    format!(
                        "{} came with a wrong checksum",
                        plural(self.damaged.count.into(), "packet")
                    ),
                )
            });
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        if self.other.count > 0 && !findings.is_empty() {
            findings.push(Finding {
                evidence: self.other.frames.clone(),
                more: self.other.more,
                ..finding(
                    Topic::OtherPackets,
                    Severity::Info,
                    format!(
                        "{} of other kinds",
                        plural(self.other.count.into(), "packet")
                    ),
                )
            });
        }
        findings
    }
}

fn tell(((from, to), talk): (&(SocketAddr, SocketAddr), &Talk)) -> Finding {
    let [out, back] = talk.packets;
    let [out_bytes, back_bytes] = talk.bytes;
    let returned = match back {
        0 => "and got none back".to_owned(),
        n => format!("and got {} ({}) back", count(n), bytes(back_bytes)),
    };
    Finding {
        evidence: talk.evidence.frames.clone(),
        more: talk.evidence.more,
        advice: if back == 0 {
            "UDP acknowledges nothing: whether they arrived, and whether a program had room for them, only the \
             other end's capture and its counters tell (nstat UdpRcvbufErrors)"
                .to_owned()
        } else {
            String::new()
        },
        ..finding(
            Topic::Datagrams,
            Severity::Info,
            format!(
                "{from} sent {} ({}) to {to} by UDP, {returned}",
                plural(out, "datagram"),
                bytes(out_bytes)
            ),
        )
    }
}

#[cfg(test)]
mod tests;
