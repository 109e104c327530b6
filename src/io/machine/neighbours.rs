//! The hosts of our links whose hardware address is known or was asked for (`RTM_GETNEIGH`): what ARP
//! (RFC 826) and neighbour discovery (RFC 4861 section 7.3.2) found.

use std::io;

use super::ip;
use crate::address::{Neighbour, NeighbourState};
use crate::io::netlink::{Answer, Message, Netlink, attributes, u16_at, u32_at};

/// Bytes of `struct ndmsg`: family, padding, interface, state, flags, type.
const BODY: usize = 12;
/// `NDA_DST` and `NDA_LLADDR` of `linux/neighbour.h`.
const DESTINATION: u16 = 1;
const HARDWARE: u16 = 2;
/// `NUD_…`: what is known of one.
const INCOMPLETE: u16 = 0x01;
const FAILED: u16 = 0x20;

/// All neighbours that the kernel remembers.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn neighbours() -> io::Result<Vec<Neighbour>> {
    let answers = Netlink::open(0)?.list(Message::list(libc::RTM_GETNEIGH, &[0; BODY]))?;
    Ok(answers.iter().filter_map(read).collect())
}

fn read(answer: &Answer) -> Option<Neighbour> {
    if answer.kind != libc::RTM_NEWNEIGH {
        return None;
    }
    let find = |kind| {
        attributes(&answer.body, BODY)
            .find(|(it, _)| *it == kind)
            .map(|it| it.1)
    };
    let state = u16_at(&answer.body, 8)?;
    Some(Neighbour {
        address: find(DESTINATION).and_then(ip)?,
        interface: u32_at(&answer.body, 4)?,
        hardware: find(HARDWARE).and_then(|bytes| bytes.try_into().ok()),
        state: match state {
            it if it & FAILED != 0 => NeighbourState::Silent,
            it if it & INCOMPLETE != 0 => NeighbourState::Asked,
            _ => NeighbourState::Known,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(state: u16) -> Answer {
        let mut body = vec![libc::AF_INET as u8, 0, 0, 0];
        body.extend(7_u32.to_ne_bytes());
        body.extend(state.to_ne_bytes());
        body.extend([0, 1]);
        body.extend([8, 0, 1, 0, 10, 0, 0, 1]);
        body.extend([10, 0, 2, 0, 2, 0, 0, 0, 0, 9, 0, 0]);
        Answer {
            kind: libc::RTM_NEWNEIGH,
            body,
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn address_hardware_and_state() {
        let neighbour = read(&answer(2)).unwrap();
        assert_eq!(neighbour.address.to_string(), "10.0.0.1");
        assert_eq!(neighbour.interface, 7);
        assert_eq!(neighbour.hardware, Some([2, 0, 0, 0, 0, 9]));
        assert_eq!(neighbour.state, NeighbourState::Known);
        assert_eq!(read(&answer(0x20)).unwrap().state, NeighbourState::Silent);
        assert_eq!(read(&answer(0x01)).unwrap().state, NeighbourState::Asked);
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_panic() {
        let whole = answer(2).body;
        for length in 0..whole.len() {
            let _ = read(&Answer {
                kind: libc::RTM_NEWNEIGH,
                body: whole[..length].to_vec(),
            });
        }
    }
}
