//! The BPF programs that keep other people's ICMP from waking us.
//!
//! A raw socket gets a copy of every ICMP message that the host receives. Those that go on to us are
//! replies with our identifier, and errors about requests with our identifier.

use crate::io::sys::filter::Instruction;
use crate::wire::{echo, icmpv6};

/// Where a jump leads: so many instructions further.
type Skip = u8;

const ACCEPT: u32 = u32::MAX;

/// Classic BPF, as in `linux/bpf_common.h`.
mod op {
    /// A byte at X + k.
    pub(super) const LOAD_BYTE_X: u16 = 0x50;
    /// A byte at k.
    pub(super) const LOAD_BYTE: u16 = 0x30;
    /// Two bytes at X + k.
    pub(super) const LOAD_HALF_X: u16 = 0x48;
    /// Two bytes at k.
    pub(super) const LOAD_HALF: u16 = 0x28;
    /// X becomes four times the low half of the byte at k: the length of an IPv4 header.
    pub(super) const X_IS_HEADER_LEN: u16 = 0xb1;
    pub(super) const AND: u16 = 0x54;
    pub(super) const SHIFT_LEFT: u16 = 0x64;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const X_IS_A: u16 = 0x07;
    pub(super) const IF_EQUAL: u16 = 0x15;
    pub(super) const RETURN: u16 = 0x06;
}

const fn step(code: u16, k: u32) -> Instruction {
    branch(code, k, 0, 0)
}

const fn branch(code: u16, k: u32, jt: Skip, jf: Skip) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// What a raw socket is to give us: replies and errors for requests with that identifier.
pub(in crate::io) fn of(v6: bool, id: u16) -> Vec<Instruction> {
    if v6 { of_v6(id) } else { of_v4(id) }
}

/// What a raw TCP socket is to give us: what acknowledges a SYN whose sequence number has that upper half.
/// The lower half does not run over: it is a probe's number.
pub(in crate::io) fn of_syns(v6: bool, mark: u16) -> Vec<Instruction> {
    let upper_of_ack = if v6 {
        vec![step(op::LOAD_HALF, 8)]
    } else {
        vec![step(op::X_IS_HEADER_LEN, 0), step(op::LOAD_HALF_X, 8)]
    };
    let decide = [
        branch(op::IF_EQUAL, u32::from(mark), 0, 1),
        step(op::RETURN, ACCEPT),
        step(op::RETURN, 0),
    ];
    upper_of_ack.into_iter().chain(decide).collect()
}

/// A packet starts with its IPv4 header.
fn of_v4(id: u16) -> Vec<Instruction> {
    let id = u32::from(id);
    vec![
        step(op::X_IS_HEADER_LEN, 0),
        step(op::LOAD_BYTE_X, 0),
        branch(op::IF_EQUAL, u32::from(echo::reply(false)), 0, 2),
        step(op::LOAD_HALF_X, 4),
        branch(op::IF_EQUAL, id, 12, 13),
        // An error: the quoted IPv4 header is 8 bytes on.
        branch(op::IF_EQUAL, 3, 2, 0),
        branch(op::IF_EQUAL, 11, 1, 0),
        branch(op::IF_EQUAL, 12, 0, 10),
        step(op::LOAD_BYTE_X, 8),
        step(op::AND, 0x0f),
        step(op::SHIFT_LEFT, 2),
        step(op::ADD_X, 0),
        step(op::X_IS_A, 0),
        step(op::LOAD_BYTE_X, 8),
        branch(op::IF_EQUAL, u32::from(echo::request(false)), 0, 3),
        step(op::LOAD_HALF_X, 8 + 4),
        branch(op::IF_EQUAL, id, 0, 1),
        step(op::RETURN, ACCEPT),
        step(op::RETURN, 0),
    ]
}

/// A packet starts with its ICMPv6 header.
fn of_v6(id: u16) -> Vec<Instruction> {
    let id = u32::from(id);
    vec![
        step(op::LOAD_BYTE, 0),
        branch(op::IF_EQUAL, u32::from(echo::reply(true)), 0, 2),
        step(op::LOAD_HALF, 4),
        branch(op::IF_EQUAL, id, 8, 9),
        branch(op::IF_EQUAL, 1, 3, 0),
        branch(op::IF_EQUAL, 2, 2, 0),
        branch(op::IF_EQUAL, 3, 1, 0),
        branch(op::IF_EQUAL, 4, 0, 5),
        // The quoted IPv6 header; behind an extension header the request is looked for by us.
        step(op::LOAD_BYTE, 8 + 6),
        branch(op::IF_EQUAL, u32::from(icmpv6::PROTOCOL), 0, 2),
        step(op::LOAD_HALF, 8 + 40 + 4),
        branch(op::IF_EQUAL, id, 0, 1),
        step(op::RETURN, ACCEPT),
        step(op::RETURN, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does: a load beyond the end refuses the packet.
    fn accepts(program: &[Instruction], packet: &[u8]) -> bool {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        let byte = |at: u32| packet.get(at as usize).copied().map(u32::from);
        let half = |at: u32| Some(byte(at)? << 8 | byte(at + 1)?);
        loop {
            let it = program[at];
            at += 1;
            let loaded = match it.code {
                op::LOAD_BYTE => byte(it.k),
                op::LOAD_BYTE_X => byte(x + it.k),
                op::LOAD_HALF => half(it.k),
                op::LOAD_HALF_X => half(x + it.k),
                op::X_IS_HEADER_LEN => {
                    let Some(first) = byte(it.k) else {
                        return false;
                    };
                    x = (first & 0x0f) * 4;
                    continue;
                }
                op::AND => Some(a & it.k),
                op::SHIFT_LEFT => Some(a << it.k),
                op::ADD_X => Some(a + x),
                op::X_IS_A => {
                    x = a;
                    continue;
                }
                op::IF_EQUAL => {
                    at += usize::from(if a == it.k { it.jt } else { it.jf });
                    continue;
                }
                op::RETURN => return it.k != 0,
                other => panic!("no such instruction: {other:#x}"),
            };
            match loaded {
                Some(value) => a = value,
                None => return false,
            }
        }
    }

    fn message(kind: u8, id: u16) -> Vec<u8> {
        [&[kind, 0, 0, 0][..], &id.to_be_bytes(), &[0, 1]].concat()
    }

    fn ipv4(options: usize, payload: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 20 + options * 4];
        header[0] = 0x45 + options as u8;
        header[9] = 1;
        [header, payload.to_vec()].concat()
    }

    #[test]
    fn of_ipv4_only_what_is_ours_gets_through() {
        let program = of(false, 0x1234);
        for options in [0, 3, 10] {
            let of_us = |message: &[u8]| accepts(&program, &ipv4(options, message));
            assert!(of_us(&message(0, 0x1234)));
            assert!(!of_us(&message(0, 0x1235)));
            assert!(!of_us(&message(8, 0x1234)), "our own request, on loopback");
            for inner_options in [0, 10] {
                for kind in [3, 11, 12] {
                    let error = |request: &[u8]| {
                        [
                            &[kind, 0, 0, 0, 0, 0, 0, 0][..],
                            &ipv4(inner_options, request),
                        ]
                        .concat()
                    };
                    assert!(of_us(&error(&message(8, 0x1234))));
                    assert!(!of_us(&error(&message(8, 0x4321))));
                    assert!(!of_us(&error(&message(0, 0x1234))));
                }
            }
            assert!(!of_us(&[5; 40]), "a redirect");
        }
        for len in 0..24 {
            assert!(!accepts(&program, &ipv4(0, &message(0, 0x1234))[..len]));
        }
    }

    #[test]
    fn of_tcp_only_what_acknowledges_our_syns_gets_through() {
        let segment = |ack: u32| [&[0; 8][..], &ack.to_be_bytes(), &[0x50, 0x14]].concat();
        for (v6, before) in [(false, 0), (false, 3), (true, 0)] {
            let program = of_syns(v6, 0x1234);
            let gets = |ack: u32| {
                let segment = segment(ack);
                let packet = if v6 { segment } else { ipv4(before, &segment) };
                accepts(&program, &packet)
            };
            assert!(gets(0x1234_0001) && gets(0x1234_8000));
            assert!(!gets(0x1235_0001) && !gets(0x0000_1234));
        }
        assert!(!accepts(&of_syns(true, 0), &[0; 9]));
    }

    #[test]
    fn of_ipv6_only_what_is_ours_gets_through() {
        let program = of(true, 0x1234);
        assert!(accepts(&program, &message(129, 0x1234)));
        assert!(!accepts(&program, &message(129, 0x1235)));
        assert!(!accepts(&program, &message(128, 0x1234)));
        assert!(
            !accepts(&program, &message(135, 0x1234)),
            "who has an address"
        );
        for kind in 1..=4 {
            let error = |next: u8, id: u16| {
                let mut header = [0; 40];
                header[6] = next;
                [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &header, &message(128, id)].concat()
            };
            assert!(accepts(&program, &error(58, 0x1234)));
            assert!(!accepts(&program, &error(58, 0x1235)));
            assert!(accepts(&program, &error(44, 0)), "of a fragment");
        }
    }
}
