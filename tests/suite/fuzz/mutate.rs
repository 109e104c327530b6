//! Frames to be afraid of: recorded ones, damaged, and made-up ones.

use std::net::IpAddr;
use std::path::Path;

use wirelab::frame::{Frame, LinkType, Timestamp};
use wirelab::io::{Source, file};
use wirelab::recordings;
use wirelab::wire::checksum::Sum;

/// A frame that owns its bytes.
#[derive(Clone)]
pub(super) struct Kept {
    number: u64,
    time: u64,
    link_type: LinkType,
    original_len: u32,
    pub(super) bytes: Vec<u8>,
}

impl Kept {
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            number: self.number,
            time: Timestamp::from_nanos(self.time),
            link_type: self.link_type,
            interface: 0,
            original_len: self.original_len,
            bytes: &self.bytes,
            comment: None,
        }
    }
}

/// As many frames of a capture are used.
const ENOUGH: usize = 200;

/// `SplitMix64`: small, and the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// The frames of all recordings.
pub(super) struct Recorded(Vec<Vec<Kept>>);

impl Recorded {
    pub(super) fn all() -> Self {
        let captures = recordings::all()
            .iter()
            .flat_map(|r| [r.client(), r.server()]);
        let mut all: Vec<Vec<Kept>> = captures
            .map(|capture| read(&mut *file::from_bytes(capture).expect("a recording is a capture")))
            .collect();
        if let Some(folder) = std::env::var_os("WIRELAB_CAPTURES") {
            all.extend(others(Path::new(&folder)));
        }
        all.retain(|frames| !frames.is_empty());
        Self(all)
    }

    /// A conversation to run: a recording damaged, or one made up.
    pub(super) fn conversation(&self, random: &mut Random) -> Vec<Kept> {
        let mut frames = if random.one_in(3) {
            made_up(random)
        } else {
            let mut frames = self.0[random.below(self.0.len() as u64) as usize].clone();
            damage(&mut frames, random);
            frames
        };
        for (number, frame) in (1..).zip(&mut frames) {
            frame.number = number;
        }
        frames
    }
}

/// The captures of a folder; what is none, or ends early, counts as far as it goes.
fn others(folder: &Path) -> Vec<Vec<Kept>> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    files
        .filter_map(|file| std::fs::read(file.ok()?.path()).ok())
        .filter_map(|bytes| Some(read(&mut *file::from_bytes(bytes.leak()).ok()?)))
        .collect()
}

fn read(source: &mut dyn Source) -> Vec<Kept> {
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = source.next_frame() {
        frames.push(Kept {
            number: frame.number,
            time: frame.time.as_nanos(),
            link_type: frame.link_type,
            original_len: frame.original_len,
            bytes: frame.bytes.to_vec(),
        });
        if frames.len() == ENOUGH {
            break;
        }
    }
    frames
}

impl Recorded {
    /// A recording of which one frame is damaged, so that no checksum tells; and which.
    pub(super) fn damaged_once(&self, random: &mut Random) -> (Vec<Kept>, u64) {
        let mut frames = self.0[random.below(self.0.len() as u64) as usize].clone();
        let at = random.below(frames.len() as u64) as usize;
        edit(&mut frames[at].bytes, random);
        repair(&mut frames[at].bytes);
        for (number, frame) in (1..).zip(&mut frames) {
            frame.number = number;
        }
        (frames, at as u64 + 1)
    }
}

/// Damages frames and their order, here a little and there a lot.
fn damage(frames: &mut Vec<Kept>, random: &mut Random) {
    let rarity = random.pick(&[2, 4, 10, 30]);
    for frame in frames.iter_mut() {
        if !random.one_in(rarity) {
            continue;
        }
        match random.below(8) {
            0 => flip(&mut frame.bytes, random),
            1 => {
                let len = random.below(frame.bytes.len() as u64 + 1) as usize;
                frame.bytes.truncate(len);
                if random.one_in(3) {
                    frame.original_len = len as u32;
                }
            }
            2 => frame.time = odd_time(frame.time, random),
            _ => {
                for _ in 0..=random.below(3) {
                    edit(&mut frame.bytes, random);
                }
                repair(&mut frame.bytes);
            }
        }
    }
    let mut at = 0;
    while at < frames.len() {
        if random.one_in(rarity * 2) {
            match random.below(3) {
                0 => drop(frames.remove(at)),
                1 => {
                    let to = random.below(frames.len() as u64) as usize;
                    frames.insert(to, frames[at].clone());
                }
                _ => {
                    let to = random.below(frames.len() as u64) as usize;
                    frames.swap(at, to);
                }
            }
        }
        at += 1;
    }
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.below(8);
        }
    }
}

fn odd_time(time: u64, random: &mut Random) -> u64 {
    match random.below(4) {
        0 => time.saturating_sub(random.below(10_000_000_000)),
        1 => time.saturating_add(random.below(20_000_000_000_000)),
        2 => random.pick(&[0, 1, u64::MAX, u64::MAX / 2]),
        _ => time,
    }
}

/// Where the TCP header of an Ethernet frame is, if it has one that is whole.
fn tcp_at(bytes: &[u8]) -> Option<usize> {
    let ip = bytes.get(14..)?;
    let at = match (bytes.get(12..14)?, ip.first()? >> 4) {
        (&[8, 0], 4) if ip.get(9) == Some(&6) => 14 + usize::from(ip[0] & 15) * 4,
        (&[0x86, 0xdd], 6) if ip.get(6) == Some(&6) => 54,
        _ => return None,
    };
    (bytes.len() >= at + 20).then_some(at)
}

/// Writes something else into a field of the TCP header.
fn edit(bytes: &mut [u8], random: &mut Random) {
    let Some(at) = tcp_at(bytes) else { return };
    let header = usize::from(bytes[at + 12] >> 4) * 4;
    let tcp = &mut bytes[at..];
    let number = |tcp: &[u8], at: usize| {
        u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]])
    };
    match random.below(9) {
        field @ (0 | 1) => {
            let place = 4 + 4 * field as usize;
            let new = odd_number(number(tcp, place), random);
            tcp[place..place + 4].copy_from_slice(&new.to_be_bytes());
        }
        2 | 3 => tcp[13] = odd_flags(random),
        4 => tcp[12] = (tcp[12] & 0xf0) | (random.next() as u8 & 0x0f),
        5 => {
            let window = random.pick(&[0, 0, 1, 2, 100, 0xffff]) as u16;
            tcp[14..16].copy_from_slice(&window.to_be_bytes());
        }
        6 => tcp[18..20].copy_from_slice(&(random.next() as u16).to_be_bytes()),
        7 => tcp[12] = (random.next() as u8) << 4 | (tcp[12] & 15),
        _ => {
            let ack = number(tcp, 8);
            let options = odd_options(number(tcp, 4), ack, random);
            let end = header.min(tcp.len()).max(20);
            for (byte, option) in tcp[20..end].iter_mut().zip(options) {
                *byte = option;
            }
        }
    }
}

fn odd_flags(random: &mut Random) -> u8 {
    let usual = [2, 0x12, 0x10, 0x18, 0x11, 0x14, 4, 1, 0x29, 0, 3, 6, 0xff];
    if random.one_in(4) {
        random.next() as u8
    } else {
        random.pick(&usual)
    }
}

/// A number near another one, or at a distance at which comparisons turn over.
fn odd_number(number: u32, random: &mut Random) -> u32 {
    let far = [
        1,
        2,
        1000,
        1460,
        65_535,
        1 << 16,
        1 << 24,
        1 << 30,
        (1 << 31) - 1,
        1 << 31,
    ];
    let by = match random.below(3) {
        0 => random.below(5000) as u32,
        1 => random.pick(&far),
        _ => random.next() as u32,
    };
    if random.one_in(2) {
        number.wrapping_add(by)
    } else {
        number.wrapping_sub(by)
    }
}

/// Options, sound or not; SACK blocks near `ack`.
fn odd_options(seq: u32, ack: u32, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < 40 && !random.one_in(5) {
        match random.below(7) {
            0 => bytes.extend([2, 4, random.next() as u8, random.next() as u8]),
            1 => bytes.extend([3, 3, random.pick(&[0, 1, 7, 14, 15, 255])]),
            2 => bytes.extend([4, 2]),
            3 | 4 => {
                let blocks = 1 + random.below(4) as u8;
                bytes.extend([5, 2 + 8 * blocks]);
                for _ in 0..2 * blocks {
                    let near = if random.one_in(8) { seq } else { ack };
                    bytes.extend(odd_number(near, random).to_be_bytes());
                }
            }
            5 => {
                bytes.extend([8, 10]);
                bytes.extend((random.below(100) as u32).to_be_bytes());
                bytes.extend((random.below(100) as u32).to_be_bytes());
            }
            _ => bytes.extend([random.next() as u8, random.below(12) as u8]),
        }
    }
    bytes.truncate(40);
    while bytes.len() % 4 != 0 {
        bytes.push(1);
    }
    bytes
}

/// Puts the checksums of an Ethernet frame with TCP right, so that it is believed.
fn repair(bytes: &mut [u8]) {
    let Some(at) = tcp_at(bytes) else { return };
    if at != 54 || bytes[12] == 8 {
        bytes[24..26].fill(0);
        let sum = Sum::new().add_bytes(&bytes[14..at]).checksum();
        bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    }
    let (src, dst, end) = if bytes[12] == 8 {
        let quad = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).expect("four");
        let total = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        (IpAddr::from(quad(26)), IpAddr::from(quad(30)), 14 + total)
    } else {
        let long = |at: usize| <[u8; 16]>::try_from(&bytes[at..at + 16]).expect("sixteen");
        let payload = usize::from(u16::from_be_bytes([bytes[18], bytes[19]]));
        (IpAddr::from(long(22)), IpAddr::from(long(38)), 54 + payload)
    };
    if end < at + 20 || end > bytes.len() {
        return;
    }
    bytes[at + 16..at + 18].fill(0);
    let sum = Sum::pseudo_header(src, dst, 6, (end - at) as u32);
    let sum = sum.add_bytes(&bytes[at..end]).checksum();
    bytes[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
}

/// A conversation of segments whose numbers lie close to each other.
fn made_up(random: &mut Random) -> Vec<Kept> {
    let isns = [0, 1, 2].map(|_| random.pick(&[0, 1000, u32::MAX - 5, u32::MAX / 2, 1 << 31]));
    let hosts = 1 + random.below(3);
    let spread = random.pick(&[3, 10, 5000, 1 << 20, 1 << 31]);
    let mut time: u64 = 1_000_000_000_000;
    let polite = random.one_in(2);
    let count = 5 + random.below(80);
    let mut frames = Vec::new();
    for at in 0..count {
        let pair = random.below(hosts) as u8;
        let from = random.below(2) as usize;
        let near =
            |random: &mut Random, side: usize| isns[side].wrapping_add(random.below(spread) as u32);
        let (mut side, mut flags) = (from, odd_flags(random));
        let (mut seq, mut ack) = (near(random, from), near(random, 1 - from));
        if polite && at < 3 {
            side = (at % 2) as usize;
            flags = [2, 0x12, 0x10][at as usize];
            seq = isns[side].wrapping_add(u32::from(at == 2));
            ack = isns[1 - side].wrapping_add(1);
        }
        if random.one_in(3) {
            flags = 0x10;
        }
        let options = if random.one_in(2) {
            odd_options(seq, ack, random)
        } else {
            Vec::new()
        };
        let len = random.pick(&[0, 0, 0, 1, 1, 2, 10, 100, 1000]).min(spread) as usize;
        let window = random.pick(&[0, 0, 1, 10, 1000, 0xffff]) as u16;
        let id = random.below(3) as u16;
        time = time.saturating_add(random.pick(&[0, 1, 50_000, 1_000_000, 300_000_000, 1 << 40]));
        if random.one_in(20) {
            time = odd_time(time, random);
        }
        let mut bytes = vec![0; 12];
        bytes.extend([8, 0, 0x45, 0]);
        bytes.extend(((40 + options.len() + len) as u16).to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend([0x40, 0, 64, 6, 0, 0]);
        for host in [side, 1 - side] {
            bytes.extend([10, 0, pair, host as u8]);
        }
        for port in [
            40_000 * (1 - side) + 80 * side,
            40_000 * side + 80 * (1 - side),
        ] {
            bytes.extend((port as u16).to_be_bytes());
        }
        bytes.extend(seq.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend([((5 + options.len() / 4) << 4) as u8, flags]);
        bytes.extend(window.to_be_bytes());
        bytes.extend([0, 0, 0, random.pick(&[0, 1])]);
        bytes.extend(options);
        bytes.extend((0..len).map(|_| random.pick(&[b'a', 0, 0x1b, 0xff, b'\n'])));
        if !random.one_in(20) {
            repair(&mut bytes);
        }
        frames.push(Kept {
            number: 0,
            time,
            link_type: LinkType::ETHERNET,
            original_len: bytes.len() as u32,
            bytes,
        });
    }
    frames
}
