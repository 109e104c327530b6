//! The addresses of this machine with what the kernel knows of each (`RTM_GETADDR`).

use std::io;

use super::ip;
use crate::address::{Assigned, Network};
use crate::io::netlink::{Answer, Message, Netlink, attributes, u32_at};

/// Bytes of `struct ifaddrmsg`: family, prefix length, flags, scope, interface.
const BODY: usize = 8;

/// `IFA_F_…` of `linux/if_addr.h`, which libc has for Android only.
mod flag {
    pub(super) const TEMPORARY: u32 = 0x01;
    pub(super) const DADFAILED: u32 = 0x08;
    pub(super) const DEPRECATED: u32 = 0x20;
    pub(super) const TENTATIVE: u32 = 0x40;
}

/// `IFA_…` of `linux/if_addr.h`.
mod attribute {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const LOCAL: u16 = 2;
    pub(super) const BROADCAST: u16 = 4;
    pub(super) const CACHEINFO: u16 = 6;
    pub(super) const FLAGS: u16 = 8;
}

/// All addresses of this network namespace, in the kernel's order.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn addresses() -> io::Result<Vec<Assigned>> {
    let answers = Netlink::open(0)?.list(Message::list(libc::RTM_GETADDR, &[0; BODY]))?;
    Ok(answers.iter().filter_map(read).collect())
}

fn read(answer: &Answer) -> Option<Assigned> {
    if answer.kind != libc::RTM_NEWADDR {
        return None;
    }
    let (prefix, short_flags) = (*answer.body.get(1)?, *answer.body.get(2)?);
    let interface = u32_at(&answer.body, 4)?;
    let find = |kind| {
        attributes(&answer.body, BODY)
            .find(|(it, _)| *it == kind)
            .map(|it| it.1)
    };
    let far = find(attribute::ADDRESS).and_then(ip);
    let local = find(attribute::LOCAL).and_then(ip);
    // Where both are there, the local address is ours and the other the peer's; they are the same on a
    // link with many hosts. IPv6 has a local one only where there is a peer.
    let address = local.or(far)?;
    let flags = find(attribute::FLAGS)
        .and_then(|bytes| u32_at(bytes, 0))
        .unwrap_or_else(|| short_flags.into());
    let has = |flag: u32| flags & flag != 0;
    Some(Assigned {
        interface,
        network: Network { address, prefix },
        peer: far.filter(|far| *far != address),
        broadcast: find(attribute::BROADCAST).and_then(ip),
        // The same bit says of an IPv4 address that it is not the first of its network.
        temporary: address.is_ipv6() && has(flag::TEMPORARY),
        deprecated: has(flag::DEPRECATED),
        tentative: has(flag::TENTATIVE),
        duplicate: has(flag::DADFAILED),
        // The second number of `struct ifa_cacheinfo`; all ones for ever.
        valid_s: find(attribute::CACHEINFO)
            .and_then(|bytes| u32_at(bytes, 4))
            .filter(|seconds| *seconds != u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_among_them() {
        let all = addresses().unwrap();
        let loopback = all
            .iter()
            .find(|it| it.network.address.is_loopback())
            .unwrap();
        assert!(loopback.interface > 0);
        assert_eq!(loopback.peer, None);
        assert_eq!(loopback.valid_s, None);
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_panic() {
        for answer in Netlink::open(0)
            .and_then(|it| it.list(Message::list(libc::RTM_GETADDR, &[0; BODY])))
            .unwrap()
        {
            for length in 0..answer.body.len() {
                let body = answer.body[..length].to_vec();
                let _ = read(&Answer {
                    kind: answer.kind,
                    body,
                });
            }
        }
    }
}
