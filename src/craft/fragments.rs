//! A packet cut into fragments as asked for: of a size, overlapping, in any order (RFC 791 section 3.2,
//! RFC 8200 section 4.5).

use std::str::FromStr;

use super::build::Built;
use super::kinds::Which;
use super::recipe::{Layer, Recipe};
use super::value::Value;
use crate::wire::checksum::Sum;
use crate::wire::ipv6_ext::FRAGMENT;

/// Offsets count in units of so many bytes.
const UNIT: usize = 8;
/// Bytes of an IPv6 fragment header.
const HEADER: usize = 8;

/// How a packet is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragments {
    /// Bytes of payload in each, a multiple of 8.
    pub size: usize,
    /// So many bytes of each are the last ones of the fragment before it, a multiple of 8.
    pub overlap: usize,
    /// What those bytes are, where they are not to be what they were: then one sees whose is kept.
    pub fill: Option<u8>,
    /// In which order they go out.
    pub order: Order,
}

/// An order of fragments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they stand in the packet.
    #[default]
    Forward,
    /// The last one first.
    Reverse,
    /// By their numbers, counted from 1; one that is not named is not sent, one named twice is sent twice.
    These(Vec<usize>),
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forward" => return Ok(Self::Forward),
            "reverse" => return Ok(Self::Reverse),
            _ => {}
        }
        let numbers: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
        match numbers {
            Ok(numbers) if numbers.len() <= 1024 && !numbers.contains(&0) => {
                Ok(Self::These(numbers))
            }
            _ => Err("give forward, reverse, or numbers such as 2,1,3".to_owned()),
        }
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forward => f.write_str("forward"),
            Self::Reverse => f.write_str("reverse"),
            Self::These(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                f.write_str(&numbers.join(","))
            }
        }
    }
}

impl Fragments {
    /// The fragments of `built`, which `recipe` became.
    ///
    /// # Errors
    ///
    /// Why it can't be cut so.
    pub fn of(&self, recipe: &Recipe, built: &Built) -> Result<Vec<Vec<u8>>, String> {
        if !self.size.is_multiple_of(UNIT) || self.size == 0 {
            return Err(format!(
                "fragments of {} bytes: offsets count in units of 8 bytes, so the size must be a multiple of 8",
                self.size
            ));
        }
        if !self.overlap.is_multiple_of(UNIT) || self.overlap >= self.size {
            let possible = match self.size - UNIT {
                0 => format!(
                    "fragments of {} bytes have no room for one; take --fragment 16 or more",
                    self.size
                ),
                UNIT => "in fragments of 16 bytes only 8 is possible".to_owned(),
                most => format!(
                    "in fragments of {} bytes 8 to {most} is possible",
                    self.size
                ),
            };
            return Err(format!(
                "an overlap of {} bytes: it must be a multiple of 8, and less than the fragments' size: {possible}",
                self.overlap
            ));
        }
        let Some((index, header)) = recipe.ip() else {
            return Err("nothing to fragment: there is no IP header".to_owned());
        };
        let cut = Cut {
            recipe,
            built,
            index,
            of: self,
        };
        let all = match header.kind.which {
            Which::Ipv4 => cut.ipv4(),
            _ => cut.ipv6()?,
        };
        self.ordered(all)
    }

    fn ordered(&self, mut all: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
        match &self.order {
            Order::Forward => Ok(all),
            Order::Reverse => {
                all.reverse();
                Ok(all)
            }
            Order::These(numbers) => {
                let of = |&number: &usize| {
                    all.get(number - 1).cloned().ok_or_else(|| {
                        format!("there is no fragment {number}: there are {}", all.len())
                    })
                };
                numbers.iter().map(of).collect()
            }
        }
    }

    /// Pieces of a payload: where each begins in it, its bytes, and whether more follow.
    fn pieces(&self, payload: &[u8]) -> Vec<(usize, Vec<u8>, bool)> {
        let mut pieces = Vec::new();
        let step = self.size - self.overlap;
        let mut at = 0;
        loop {
            let end = (at + self.size).min(payload.len());
            let mut bytes = payload.get(at..end).unwrap_or_default().to_vec();
            if let (Some(fill), 1..) = (self.fill, at) {
                let again = bytes.len().min(self.overlap);
                bytes.iter_mut().take(again).for_each(|byte| *byte = fill);
            }
            pieces.push((at, bytes, end < payload.len()));
            if end == payload.len() {
                return pieces;
            }
            at += step;
        }
    }
}

struct Cut<'a> {
    recipe: &'a Recipe,
    built: &'a Built,
    index: usize,
    of: &'a Fragments,
}

impl Cut<'_> {
    /// Where layer `index` begins, or where the packet ends.
    fn start(&self, index: usize) -> usize {
        let starts = &self.built.starts;
        starts.get(index).copied().unwrap_or(self.built.bytes.len())
    }

    fn ipv4(&self) -> Vec<Vec<u8>> {
        let (start, end) = (self.start(self.index), self.start(self.index + 1));
        let (before, payload) = self.built.bytes.split_at(end);
        let first = number(before, start + 6) & 0x1fff;
        let more = number(before, start + 6) & 0x2000;
        let keeps = number(before, start + 6) & 0xc000;
        let checksum = match self.recipe.layers.get(self.index) {
            Some(Layer::Header(header)) => header.set("header checksum"),
            _ => None,
        };
        let piece = |(at, bytes, follows): (usize, Vec<u8>, bool)| {
            let mut whole = before.to_vec();
            let total = (end - start + bytes.len()) as u16;
            put(&mut whole, start + 2, total);
            let more = if follows { 0x2000 } else { more };
            let offset = (first + (at / UNIT) as u16) & 0x1fff;
            put(&mut whole, start + 6, keeps | more | offset);
            let forced = matches!(checksum, Some(Value::Bits(_)));
            if !forced {
                put(&mut whole, start + 10, 0);
                let header = whole.get(start..).unwrap_or_default();
                let right = Sum::new().add_bytes(header).checksum();
                let wrong = u16::from(checksum == Some(Value::Bad));
                put(&mut whole, start + 10, right ^ wrong);
            }
            whole.extend(bytes);
            whole
        };
        self.of.pieces(payload).into_iter().map(piece).collect()
    }

    fn ipv6(&self) -> Result<Vec<Vec<u8>>, String> {
        let after = self.recipe.layers.iter().enumerate().skip(self.index + 1);
        let extensions = after.map_while(|(index, layer)| match layer.which() {
            Some(which @ (Which::HopByHop | Which::Destination | Which::Routing)) => {
                Some((index, which))
            }
            Some(Which::Fragment) => Some((index, Which::Fragment)),
            _ => None,
        });
        // What routers on the way read stays outside (RFC 8200 section 4.5).
        let mut last = self.index;
        for (index, which) in extensions {
            match which {
                Which::Fragment => {
                    return Err("the packet has a fragment header of its own".to_owned());
                }
                Which::Destination => {}
                _ => last = index,
            }
        }
        let (start, end) = (self.start(self.index), self.start(last + 1));
        let names_next = if last == self.index {
            start + 6
        } else {
            self.start(last)
        };
        let (before, payload) = self.built.bytes.split_at(end);
        let next = before.get(names_next).copied().unwrap_or(59);
        let piece = |(at, bytes, follows): (usize, Vec<u8>, bool)| {
            let mut whole = before.to_vec();
            if let Some(byte) = whole.get_mut(names_next) {
                *byte = FRAGMENT;
            }
            let length = end - start - 40 + HEADER + bytes.len();
            put(&mut whole, start + 4, length as u16);
            let offset = ((at / UNIT) as u16) << 3 | u16::from(follows);
            whole.extend([next, 0]);
            whole.extend(offset.to_be_bytes());
            whole.extend(1_u32.to_be_bytes());
            whole.extend(bytes);
            whole
        };
        Ok(self.of.pieces(payload).into_iter().map(piece).collect())
    }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk);
    u16::from_be_bytes(two.copied().unwrap_or_default())
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(two) = bytes.get_mut(at..at + 2) {
        two.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::Around;

    fn cut(words: &str, fragments: &Fragments) -> Result<Vec<Vec<u8>>, String> {
        let recipe = Recipe::parse(&[words]).unwrap();
        fragments.of(&recipe, &recipe.build(&Around::default()))
    }

    fn plain(size: usize) -> Fragments {
        Fragments {
            size,
            overlap: 0,
            fill: None,
            order: Order::Forward,
        }
    }

    #[test]
    fn ipv4_fragments_tile_the_payload() {
        let all = cut("ipv4 dst=192.0.2.1 / udp / pattern 32", &plain(16)).unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|it| (it.len(), number(it, 2), number(it, 6)))
            .collect();
        assert_eq!(told, [(36, 36, 0x2000), (36, 36, 0x2002), (28, 28, 4)]);
        for fragment in &all {
            assert_eq!(Sum::new().add_bytes(&fragment[..20]).checksum(), 0);
        }
    }

    #[test]
    fn overlapping_bytes_are_sent_twice_and_may_differ() {
        let fragments = Fragments {
            overlap: 8,
            fill: Some(0xff),
            order: Order::Reverse,
            ..plain(16)
        };
        let all = cut("ipv4 dst=192.0.2.1 / udp / pattern 24", &fragments).unwrap();
        let told: Vec<_> = all.iter().map(|it| number(it, 6)).collect();
        assert_eq!(told, [2, 0x2001, 0x2000]);
        assert_eq!(all[0][20..28], [0xff; 8]);
        assert_eq!(all[0][28..], [16, 17, 18, 19, 20, 21, 22, 23]);
    }

    #[test]
    fn ipv6_keeps_what_routers_read_outside() {
        let words = "ipv6 dst=2001:db8::1 / hbh options=ra=0 / udp / pattern 24";
        let all = cut(words, &plain(16)).unwrap();
        assert_eq!(all.len(), 2);
        for (fragment, offset) in all.iter().zip([1, 16]) {
            assert_eq!(fragment[6], 0);
            assert_eq!(fragment[40], FRAGMENT);
            assert_eq!(fragment[48], 17);
            assert_eq!(number(fragment, 50), offset);
            assert_eq!(usize::from(number(fragment, 4)), fragment.len() - 40);
        }
    }

    #[test]
    fn what_cannot_be_cut_so() {
        let udp = "ipv4 dst=192.0.2.1 / udp / pattern 24";
        for (words, fragments, why) in [
            (udp, plain(12), "multiple of 8"),
            (udp, plain(0), "multiple of 8"),
            (
                udp,
                Fragments {
                    overlap: 16,
                    ..plain(16)
                },
                "less than the fragments' size",
            ),
            (
                udp,
                Fragments {
                    order: Order::These(vec![9]),
                    ..plain(16)
                },
                "no fragment 9",
            ),
            ("arp", plain(8), "no IP header"),
            ("ipv6 dst=::1 / fragment / udp", plain(8), "of its own"),
        ] {
            let error = cut(words, &fragments).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!("2,0".parse::<Order>().is_err() && "x".parse::<Order>().is_err());
    }
}
