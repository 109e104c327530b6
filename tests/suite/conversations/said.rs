//! What the lines of a conversation say, as packets: without the verdicts, and without anything of wirelab, so that
//! whoever needs captures of all cases can have them.

use std::net::Ipv4Addr;
use std::path::Path;

use etherparse::{IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, PacketBuilder};

pub(crate) const ISNS: [[u32; 2]; 5] = [
    [0, 0],
    [1_000, 5_000],
    [0xffff_fff8, 0x7fff_ffff],
    [0xffff_f000, 0xffff_ffff],
    [0x7fff_f000, 1],
];

/// Those with which Wireshark's words are compared.
pub(crate) const ORDINARY: [u32; 2] = ISNS[1];

/// What a conversation is held with, and no verdict may depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Initial sequence numbers.
    pub(crate) isns: [u32; 2],
    /// When it begins, in nanoseconds since 1970.
    pub(crate) epoch: u64,
    /// Whether the initiator has the higher address.
    pub(crate) swapped: bool,
}

impl Setting {
    pub(crate) const fn with(isns: [u32; 2]) -> Self {
        Self {
            isns,
            epoch: 1_000_000_000,
            swapped: false,
        }
    }
}

/// Every conversation as a capture file, with ordinary initial numbers.
pub(crate) fn captures(root: &Path) -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir(root.join("tests/conversations")).expect("a folder");
    let mut paths: Vec<_> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("text");
        // Nanoseconds, packets that begin with IP.
        let mut file = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
        file.extend(101_u32.to_le_bytes());
        for (frame, (_, line)) in (1..).zip(spoken(&text)) {
            let said = line.split('|').next().unwrap_or_default();
            let parsed = Said::parse(said, frame);
            let setting = Setting::with(ORDINARY);
            let bytes = parsed.build(setting);
            let kept = parsed
                .number("snap")
                .map_or(bytes.len(), |snap| snap as usize);
            let time = parsed.nanos(setting.epoch);
            let parts = [time / 1_000_000_000, time % 1_000_000_000];
            for number in parts
                .into_iter()
                .chain([kept.min(bytes.len()), bytes.len()].map(|n| n as u64))
            {
                file.extend((number as u32).to_le_bytes());
            }
            file.extend(&bytes[..kept.min(bytes.len())]);
        }
        all.push((name(&path), file));
    }
    all
}

/// The lines that say something, with their places.
pub(crate) fn spoken(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with(['#', '=', '!']))
}

pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What a line says of its segment.
pub(crate) struct Said<'a> {
    words: Vec<&'a str>,
    from_initiator: bool,
    pub(crate) flags: &'a str,
    pub(crate) seq: u32,
    pub(crate) len: u32,
    frame: u64,
}

impl<'a> Said<'a> {
    pub(crate) fn parse(line: &'a str, frame: u64) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (from, to) = words[3].split_once(':').expect("from:to");
        let seq: u32 = from.parse().expect("a sequence number");
        let len = to
            .parse::<u32>()
            .expect("a sequence number")
            .wrapping_sub(seq);
        Self {
            from_initiator: words[1] == "i>r",
            flags: words[2],
            seq,
            len,
            frame,
            words,
        }
    }

    pub(crate) fn nanos(&self, epoch: u64) -> u64 {
        let seconds: f64 = self.words[0].parse().expect("a time");
        (seconds * 1e9).round() as u64 + epoch
    }

    fn after(&self, word: &str) -> Option<&'a str> {
        let at = self.words.iter().position(|w| *w == word)?;
        self.words.get(at + 1).copied()
    }

    pub(crate) fn number(&self, word: &str) -> Option<u32> {
        self.after(word)
            .map(|n| n.parse().unwrap_or_else(|_| panic!("{word} {n}")))
    }

    pub(crate) fn build(&self, setting: Setting) -> Vec<u8> {
        let isns = setting.isns;
        let (mine, theirs) = if self.from_initiator {
            (isns[0], isns[1])
        } else {
            (isns[1], isns[0])
        };
        let mut hosts = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        if setting.swapped {
            hosts.reverse();
        }
        let (from, to) = if self.from_initiator { (0, 1) } else { (1, 0) };
        let ports = [40_000, 80];
        let mut ip = Ipv4Header {
            source: hosts[from].octets(),
            destination: hosts[to].octets(),
            ..Ipv4Header::default()
        };
        ip.time_to_live = self.number("ttl").map_or(64, |ttl| ttl as u8);
        ip.protocol = IpNumber::TCP;
        ip.identification = self
            .number("id")
            .map_or(1000 + self.frame as u16, |id| id as u16);
        let mut builder = PacketBuilder::ip(IpHeaders::Ipv4(ip, Ipv4Extensions::default())).tcp(
            ports[from],
            ports[to],
            mine.wrapping_add(self.seq),
            self.number("win").unwrap_or(65_535) as u16,
        );
        if let Some(ack) = self.number("ack") {
            builder = builder.ack(theirs.wrapping_add(ack));
        }
        for flag in self.flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'F' => builder.fin(),
                'R' => builder.rst(),
                'P' => builder.psh(),
                _ => builder,
            };
        }
        builder = builder
            .options_raw(&self.options(theirs))
            .expect("options that fit");
        let byte = self
            .after("byte")
            .map(|hex| u8::from_str_radix(hex, 16).expect("a byte in hex"));
        let payload: Vec<u8> = (0..self.len)
            .map(|i| byte.unwrap_or((self.seq.wrapping_add(i) % 251) as u8))
            .collect();
        let mut bytes = Vec::new();
        builder
            .write(&mut bytes, &payload)
            .expect("a packet that can be built");
        if self.words.contains(&"badsum") {
            bytes[20 + 16] ^= 0x55;
        }
        bytes
    }

    fn options(&self, theirs: u32) -> Vec<u8> {
        let line = self.words.join(" ");
        let Some((list, _)) = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
        else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        for option in list.split(',') {
            let words: Vec<&str> = option.split_whitespace().collect();
            let number = |at: usize| words[at].parse::<u32>().expect("a number");
            match words[0] {
                "mss" => bytes.extend([&[2, 4][..], &(number(1) as u16).to_be_bytes()].concat()),
                "wscale" => bytes.extend([3, 3, number(1) as u8]),
                "sackOK" => bytes.extend([4, 2]),
                "ts" => bytes.extend(
                    [
                        &[8, 10][..],
                        &number(1).to_be_bytes(),
                        &number(2).to_be_bytes(),
                    ]
                    .concat(),
                ),
                "sack" => {
                    let blocks = &words[1..];
                    bytes.extend([5, 2 + 8 * blocks.len() as u8]);
                    for edge in blocks
                        .iter()
                        .flat_map(|block| block.split_once(':').map(|(l, r)| [l, r]).unwrap())
                    {
                        bytes.extend(
                            theirs
                                .wrapping_add(edge.parse::<u32>().expect("an edge"))
                                .to_be_bytes(),
                        );
                    }
                }
                other => panic!("no option called {other}"),
            }
        }
        while bytes.len() % 4 != 0 {
            bytes.push(1);
        }
        bytes
    }
}
