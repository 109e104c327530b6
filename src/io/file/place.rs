//! A place between two frames of a capture, from which it can be read on another time.

use std::io::Read;

use super::input::Input;
use super::{AtHand, CaptureFile, Format, pcap, pcapng};

/// Where a frame begins, and what was read before that is needed to read on.
#[derive(Clone, Debug)]
pub struct Place {
    /// In the file, or in what it unpacks to.
    offset: u64,
    /// Frames before it.
    number: u64,
    state: State,
}

/// What the frames behind a place depend on.
#[derive(Clone, Debug)]
enum State {
    Pcap(Box<pcap::Reader>),
    PcapNg(pcapng::State),
}

impl Place {
    /// Bytes before it, in the file or in what it unpacks to.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Frames before it.
    pub const fn frames(&self) -> u64 {
        self.number
    }

    /// Memory it takes, in bytes, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match &self.state {
                State::Pcap(_) => size_of::<pcap::Reader>(),
                State::PcapNg(state) => state.weight(),
            }
    }
}

impl CaptureFile {
    /// The place before the next frame. Where the end was found inside a record, that record's: what is
    /// missing may come yet.
    pub fn place(&mut self) -> Place {
        let mut offset = self.input.offset();
        let state = match &mut self.format {
            Format::Pcap(reader) => {
                let mut reader = reader.clone();
                reader.cut = None;
                State::Pcap(Box::new(reader))
            }
            Format::PcapNg(reader) => {
                offset = reader.cut_at().unwrap_or(offset);
                State::PcapNg(reader.state())
            }
        };
        Place {
            offset,
            number: self.number,
            state,
        }
    }

    /// Reads on at a place. `reader` gives what stands there, not packed; `total_len` is the length of all.
    pub fn resume(place: &Place, reader: Box<dyn Read + Send>, total_len: Option<u64>) -> Self {
        let format = match &place.state {
            State::Pcap(reader) => Format::Pcap(pcap::Reader::clone(reader)),
            State::PcapNg(state) => Format::PcapNg(pcapng::Reader::resume(state)),
        };
        Self {
            input: Input::from_offset(reader, place.offset),
            format,
            total: total_len,
            number: place.number,
            over: false,
            at_hand: AtHand::default(),
        }
    }

    /// Frames read so far.
    pub const fn frames(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Source;
    use crate::io::file::from_bytes;

    /// A frame's number, time, link type, interface and bytes.
    type Seen = (u64, u64, u16, u32, Vec<u8>);

    fn rest(file: &mut CaptureFile) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some(frame) = file.next_frame().unwrap() {
            all.push((
                frame.number,
                frame.time.as_nanos(),
                frame.link_type.0,
                frame.interface,
                frame.bytes.to_vec(),
            ));
        }
        all
    }

    /// Reading on at each place gives what reading through gave.
    fn check(bytes: &'static [u8]) {
        let mut through = CaptureFile::from_bytes(bytes).unwrap();
        let mut places = vec![through.place()];
        while through.next_frame().unwrap().is_some() {
            places.push(through.place());
        }
        let all = rest(&mut CaptureFile::from_bytes(bytes).unwrap());
        assert_eq!(places.len(), all.len() + 1);
        for (read, place) in places.iter().enumerate() {
            assert_eq!(place.frames(), read as u64);
            let behind = bytes.get(place.offset() as usize..).unwrap();
            let mut resumed = CaptureFile::resume(place, Box::new(behind), None);
            assert_eq!(rest(&mut resumed), all[read..]);
            assert_eq!(resumed.progress().read, bytes.len() as u64);
        }
    }

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_pcapng_file_is_read_on_with_its_interfaces_and_clocks() {
        let section = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
        // Of nanoseconds: option 9, one byte, padded.
        let fine = block(1, &words(&[1, 0, 0x0001_0009, 9, 0]));
        let coarse = block(1, &words(&[101, 0]));
        let packet = |interface, byte| block(6, &words(&[interface, 0, 1_000_007, 4, 4, byte]));
        let simple = block(3, &words(&[4, 9]));
        let file = [
            section.clone(),
            fine.clone(),
            packet(0, 1),
            coarse,
            packet(1, 2),
            packet(0, 3),
            simple.clone(),
            section,
            fine,
            simple,
            packet(0, 4),
        ]
        .concat();
        check(file.leak());
    }

    #[test]
    fn a_pcap_file_is_read_on_in_its_own_dialect() {
        for (magic, head) in [(0xa1b2_c3d4_u32, 16), (0xa1b2_3c4d, 16), (0xa1b2_cd34, 24)] {
            let mut file = words(&[magic, 0x0004_0002, 0, 0, 65535, 1]);
            for at in 0..5_u32 {
                let mut record = words(&[at, 7, 3, 9]);
                record.resize(head, 0);
                record.extend([at as u8; 3]);
                file.extend(record);
            }
            check(file.leak());
        }
    }

    #[test]
    fn what_was_cut_is_read_whole_once_it_has_come() {
        let mut file = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1]);
        file.extend(words(&[1, 7, 4, 4, 0x0403_0201]));
        file.extend(words(&[2, 7, 4, 4, 0x0807_0605]));
        let file: &'static [u8] = file.leak();
        let packed_ng = {
            let section = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
            let other = block(0x0bad, &words(&[0; 8]));
            let packet = block(6, &words(&[0, 0, 7, 4, 4, 1]));
            let interface = block(1, &words(&[1, 0]));
            [section, interface, packet.clone(), other, packet].concat()
        };
        for whole in [file, packed_ng.leak()] {
            let all = rest(&mut CaptureFile::from_bytes(whole).unwrap());
            assert_eq!(all.len(), 2);
            for cut in 28..whole.len() {
                let mut first = CaptureFile::from_bytes(&whole[..cut]).unwrap();
                let mut seen = rest(&mut first);
                let place = first.place();
                let behind = &whole[place.offset() as usize..];
                seen.extend(rest(&mut CaptureFile::resume(
                    &place,
                    Box::new(behind),
                    None,
                )));
                assert_eq!(seen, all, "cut at {cut}");
            }
        }
        assert!(from_bytes(&file[..20]).is_err());
    }
}
