//! The IPv4 options that have routers leave a trace in a packet, written and read: record route and
//! timestamp (RFC 791 section 3.1).
//!
//! ```text
//! +--------+--------+--------+---------//--------+
//! |00000111| length | pointer|     addresses     |
//! +--------+--------+--------+---------//--------+
//! |01000100| length | pointer|oflw|flg| stamps, each after an address if flg says so
//! +--------+--------+--------+---------//--------+
//! ```

use std::net::Ipv4Addr;

use crate::event::Route;

/// Most bytes of options in an IPv4 header.
const ROOM: u8 = 40;
const END: u8 = 0;
const NOTHING: u8 = 1;
const RECORD: u8 = 7;
const STAMP: u8 = 68;
/// Where the first entry goes, counted from 1.
const FIRST_ADDRESS: u8 = 4;
const FIRST_STAMP: u8 = 5;

/// What routers are asked to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nine addresses at most (`-R`).
    Addresses,
    /// Nine times at most (`-T tsonly`).
    Times,
    /// Four addresses and times at most (`-T tsandaddr`).
    TimesAndAddresses,
    /// Times of these alone, four at most (`-T tsprespec`).
    TimesOf(Vec<Ipv4Addr>),
}

impl Trace {
    /// Most hosts that can be asked by name.
    pub const MOST_NAMED: usize = 4;

    /// The options that ask for it, a multiple of four bytes.
    pub fn options(&self) -> Vec<u8> {
        let (mut bytes, room) = match self {
            // What fits in nine entries of four bytes, and one that ends the list.
            Self::Addresses => (vec![RECORD, ROOM - 1, FIRST_ADDRESS], ROOM),
            Self::Times => (vec![STAMP, ROOM, FIRST_STAMP, 0], ROOM),
            Self::TimesAndAddresses => (vec![STAMP, ROOM - 4, FIRST_STAMP, 1], ROOM - 4),
            Self::TimesOf(hosts) => {
                let len = 4 + 8 * hosts.len().min(Self::MOST_NAMED) as u8;
                let mut bytes = vec![STAMP, len, FIRST_STAMP, 3];
                for host in hosts.iter().take(Self::MOST_NAMED) {
                    bytes.extend(host.octets());
                    bytes.extend([0; 4]);
                }
                (bytes, len)
            }
        };
        bytes.resize(usize::from(room), END);
        bytes
    }
}

/// What routers left in the options of an IPv4 header; `None` if nobody asked them to.
pub(super) fn read(options: &[u8]) -> Option<Route> {
    let mut rest = options;
    loop {
        let (&kind, after) = rest.split_first()?;
        match kind {
            END => return None,
            NOTHING => rest = after,
            _ => {
                let len = usize::from(*after.first()?);
                let (option, next) = rest.split_at_checked(len.max(2))?;
                match kind {
                    RECORD => return recorded(option),
                    STAMP => return stamped(option),
                    _ => rest = next,
                }
            }
        }
    }
}

/// The entries before the pointer: those are filled.
fn filled(option: &[u8], first: u8) -> Option<&[u8]> {
    let pointer = *option.get(2)?;
    let (from, to) = (usize::from(first) - 1, usize::from(pointer).checked_sub(1)?);
    option.get(from..to.clamp(from, option.len().max(from)))
}

fn recorded(option: &[u8]) -> Option<Route> {
    let (addresses, _) = filled(option, FIRST_ADDRESS)?.as_chunks::<4>();
    Some(Route::Recorded(
        addresses.iter().map(|&it| Ipv4Addr::from(it)).collect(),
    ))
}

fn stamped(option: &[u8]) -> Option<Route> {
    let how = *option.get(3)?;
    let entries = filled(option, FIRST_STAMP)?;
    let (overflow, flag) = (how >> 4, how & 0x0f);
    let stamps = if flag == 0 {
        let (times, _) = entries.as_chunks::<4>();
        times
            .iter()
            .map(|&time| (None, u32::from_be_bytes(time)))
            .collect()
    } else {
        let (pairs, _) = entries.as_chunks::<8>();
        pairs
            .iter()
            .map(|&[a, b, c, d, time @ ..]| {
                let who = Ipv4Addr::new(a, b, c, d);
                (Some(who), u32::from_be_bytes(time))
            })
            .collect()
    };
    Some(Route::Stamped { stamps, overflow })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_for_is_read_as_empty_and_then_as_filled() {
        let mut options = Trace::Addresses.options();
        assert_eq!((options.len(), options[1]), (40, 39));
        assert_eq!(read(&options), Some(Route::Recorded(Vec::new())));
        options[3..7].copy_from_slice(&[10, 0, 0, 1]);
        options[2] += 4;
        let one = vec![Ipv4Addr::new(10, 0, 0, 1)];
        assert_eq!(read(&options), Some(Route::Recorded(one)));
        // Behind a byte of nothing, and an option that is about something else.
        let behind = [&[NOTHING, 148, 4, 0, 0][..], &options].concat();
        assert!(matches!(read(&behind), Some(Route::Recorded(it)) if it.len() == 1));
    }

    #[test]
    fn times_with_and_without_addresses() {
        let mut options = Trace::Times.options();
        options[4..8].copy_from_slice(&7_u32.to_be_bytes());
        (options[2], options[3]) = (9, 0x20);
        let stamps = vec![(None, 7)];
        let overflow = 2;
        assert_eq!(read(&options), Some(Route::Stamped { stamps, overflow }));
        let host = Ipv4Addr::new(10, 0, 0, 2);
        let mut options = Trace::TimesOf(vec![host]).options();
        assert_eq!(options, [68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0]);
        options[2] = 13;
        options[11] = 9;
        let stamps = vec![(Some(host), 9)];
        let overflow = 0;
        assert_eq!(read(&options), Some(Route::Stamped { stamps, overflow }));
        assert_eq!(Trace::TimesAndAddresses.options().len(), 36);
    }

    proptest! {
        #[test]
        fn any_options_are_read_or_refused(options in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(Route::Recorded(addresses)) = read(&options) {
                prop_assert!(addresses.len() * 4 <= options.len());
            }
        }
    }
}
