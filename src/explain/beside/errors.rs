//! What routers and hosts say went wrong: ICMP errors, with the packet that each is about (RFC 792, RFC 4443).

use std::net::IpAddr;

use super::super::episode::Evidence;
use super::super::telling::finding;
use super::MOST;
use super::echoes::Echoes;
use crate::decode::{Icmp, IcmpDetail, Ip, Quoted};
use crate::event::units::times;
use crate::event::{Finding, Severity, Topic};
use crate::frame::Frame;

/// Errors, each with how often it came.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<(Error, Evidence)>);

/// An error by who says what of which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Error {
    from: IpAddr,
    v6: bool,
    kind: u8,
    code: u8,
    name: &'static str,
    mtu: Option<u32>,
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

impl Errors {
    /// Takes an ICMP message; tells whether it is told of here.
    pub(super) fn observe(&mut self, frame: &Frame<'_>, ip: &Ip, icmp: &Icmp<'_>) -> bool {
        let Some(quoted) = icmp.quoted else {
            return false;
        };
        let error = Error::of(ip, icmp, &quoted);
        if let Some((_, evidence)) = self.0.iter_mut().find(|(known, _)| *known == error) {
            evidence.add(frame.number);
            return true;
        }
        let room = self.0.len() < MOST;
        if room {
            let mut evidence = Evidence::default();
            evidence.add(frame.number);
            self.0.push((error, evidence));
        }
        room
    }

    /// What there is to tell; a way that was traced has told it already.
    pub(super) fn tell(&self, echoes: &Echoes) -> Vec<Finding> {
        let expected = |error: &Error| error.exceeded() && echoes.traced((error.src, error.dst));
        let errors = self.0.iter().filter(|(error, _)| !expected(error));
        errors
            .map(|(error, evidence)| error.tell(evidence))
            .collect()
    }
}

impl Error {
    fn of(ip: &Ip, icmp: &Icmp<'_>, quoted: &Quoted) -> Self {
        Self {
            from: ip.src,
            v6: icmp.v6,
            kind: icmp.kind,
            code: icmp.code,
            name: icmp.name,
            mtu: match icmp.detail {
                IcmpDetail::Mtu(mtu) => Some(mtu),
                _ => None,
            },
            src: quoted.src,
            dst: quoted.dst,
            protocol: quoted.protocol,
            ports: quoted.ports,
        }
    }

    const fn exceeded(&self) -> bool {
        self.kind == if self.v6 { 3 } else { 11 }
    }

    fn tell(&self, evidence: &Evidence) -> Finding {
        let end = |addr: IpAddr, port: Option<u16>| match (addr, port) {
            (IpAddr::V6(addr), Some(port)) => format!("[{addr}]:{port}"),
            (addr, Some(port)) => format!("{addr}:{port}"),
            (addr, None) => addr.to_string(),
        };
        let protocol = match self.protocol {
            6 => "TCP ",
            17 => "UDP ",
            _ => "",
        };
        let (from, to) = (
            end(self.src, self.ports.map(|ports| ports.0)),
            end(self.dst, self.ports.map(|ports| ports.1)),
        );
        let mtu = match self.mtu {
            Some(0) => ", without saying how long a packet may be".to_owned(),
            Some(mtu) => format!(", MTU {mtu}"),
            None => String::new(),
        };
        let often = match evidence.count {
            1 => String::new(),
            n => format!(" {}", times(n.into())),
        };
        Finding {
            evidence: evidence.frames.clone(),
            more: evidence.more,
            advice: self.advice().to_owned(),
            ..finding(
                Topic::IcmpError,
                Severity::Notice,
                format!(
                    "{} said{often} of {protocol}{from} > {to}: {}{mtu}",
                    self.from, self.name
                ),
            )
        }
    }

    /// What it means, and what to do.
    const fn advice(&self) -> &'static str {
        match (self.v6, self.kind, self.code) {
            (false, 3, 4) | (true, 2, _) => {
                "a link on the way is narrower: the sender has to make smaller packets, and does if it hears of this; \
                 where a firewall drops these messages, connections hang as soon as they carry much (RFC 4821)"
            }
            (false, 3, 3) | (true, 1, 4) => "nothing listens on that port there",
            (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => {
                "a firewall or a router's policy refuses it"
            }
            (false, 3, 1 | 7) | (true, 1, 3) => {
                "the last router gets no answer from that address on its link: the host is down or the address wrong"
            }
            (false, 3, _) | (true, 1, _) => {
                "there is no route to it: look at the routing of who says so"
            }
            (false, 11, 0) | (true, 3, 0) => {
                "packets run in a circle, or were sent with a small TTL"
            }
            (false, 11, _) | (true, 3, _) => "fragments of a datagram were lost",
            (false, 5, _) => "a shorter way: hosts that believe redirects will take it",
            _ => "",
        }
    }
}
