//! What [`Saver`] writes is read back, and what it does when the disk is full.

use std::sync::{Arc, Mutex};

use super::*;
use crate::frame::LinkType;
use crate::io::Source;
use crate::io::file::CaptureFile;

/// Takes so many bytes, then there is no space left; remembers each call.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(Vec<Vec<u8>>, usize)>>);

impl Disk {
    fn with_room(room: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn calls(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let count = bytes.len().min(disk.1);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.1 -= count;
        disk.0.push(bytes[..count].to_vec());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn interface(name: Option<&str>, link_type: LinkType) -> Interface {
    Interface {
        name: name.map(str::to_owned),
        link_type,
        snaplen: 262_144,
        ticks_per_second: 1_000_000_000,
    }
}

const FRAME: Frame<'static> = Frame {
    number: 1,
    time: Timestamp::from_nanos(1_700_000_000_123_456_789),
    link_type: LinkType::ETHERNET,
    interface: 0,
    original_len: 90,
    bytes: b"twenty-one bytes here",
    comment: None,
};

fn read_back(bytes: Vec<u8>) -> CaptureFile {
    CaptureFile::from_reader(Box::new(io::Cursor::new(bytes)), None).unwrap()
}

#[test]
fn what_is_saved_is_read_back() {
    let disk = Disk::with_room(usize::MAX);
    let comments = [b"made by a test".to_vec(), b"second".to_vec()];
    let mut saver = Saver::to_stream(Box::new(disk.clone()), &comments).unwrap();
    let interfaces = [
        interface(Some("eth0"), LinkType::ETHERNET),
        interface(None, LinkType::RAW),
    ];
    saver.interfaces(&interfaces[..1]).unwrap();
    saver.frame(&FRAME).unwrap();
    saver.interfaces(&interfaces).unwrap();
    let second = Frame {
        interface: 1,
        link_type: LinkType::RAW,
        comment: Some(b"odd one"),
        bytes: b"",
        ..FRAME
    };
    saver.frame(&second).unwrap();
    let counted = InterfaceStatistics {
        received: Some(2),
        dropped_by_kernel: Some(3),
        ..InterfaceStatistics::default()
    };
    assert_eq!(saver.finish(&[counted]).unwrap(), 2);

    let mut file = read_back(disk.calls().concat());
    for (number, wanted) in [(1, FRAME), (2, second)] {
        let frame = file.next_frame().unwrap().unwrap();
        let wanted = Frame { number, ..wanted };
        assert_eq!(format!("{frame:?}"), format!("{wanted:?}"));
    }
    assert!(file.next_frame().unwrap().is_none());
    assert_eq!(file.truncated(), None);
    assert_eq!(file.interfaces(), interfaces);
    assert_eq!(file.section_comments(), comments);
}

#[test]
fn a_flush_hands_over_whole_blocks_in_one_call() {
    let disk = Disk::with_room(usize::MAX);
    let mut saver = Saver::to_stream(Box::new(disk.clone()), &[]).unwrap();
    saver
        .interfaces(&[interface(None, LinkType::ETHERNET)])
        .unwrap();
    saver.frame(&FRAME).unwrap();
    saver.frame(&FRAME).unwrap();
    assert_eq!(disk.calls().len(), 1, "only the header until now");
    saver.flush().unwrap();
    assert_eq!(disk.calls().len(), 2);
    assert_eq!(saver.frames(), 2);
    for _ in 0..10_000 {
        saver.frame(&FRAME).unwrap();
    }
    drop(saver);
    for call in &disk.calls() {
        assert_eq!(whole_blocks(call).0, call.len());
        assert!(call.len() < PENDING_BYTES + 1024);
    }
    let mut file = read_back(disk.calls().concat());
    while file.next_frame().unwrap().is_some() {}
    assert_eq!(file.truncated(), None);
}

#[test]
fn a_full_disk_is_told_with_what_is_saved() {
    let disk = Disk::with_room(300);
    let mut saver = Saver::to_stream(Box::new(disk.clone()), &[]).unwrap();
    saver
        .interfaces(&[interface(None, LinkType::ETHERNET)])
        .unwrap();
    for _ in 0..10 {
        saver.frame(&FRAME).unwrap();
    }
    let error = saver.flush().unwrap_err();
    let mut file = read_back(disk.calls().concat());
    let mut frames = 0;
    while file.next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert!(frames > 0 && file.truncated().is_some());
    assert_eq!(error.frames, frames);
    assert_eq!(
        error.to_string(),
        format!("no storage space; saved before that, and readable: {frames} frames")
    );
    let error = saver
        .frame(&FRAME)
        .and_then(|()| saver.flush())
        .unwrap_err();
    assert_eq!(error.frames, frames, "and nothing more is written");
    assert_eq!(disk.calls().concat().len(), 300);
}

#[test]
fn a_full_disk_shows_before_the_capture_begins() {
    let error = Saver::create(Path::new("/dev/full"), &[]).unwrap_err();
    assert_eq!(error.error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_frame_of_an_unknown_interface_is_refused() {
    let disk = Disk::with_room(usize::MAX);
    let mut saver = Saver::to_stream(Box::new(disk), &[]).unwrap();
    let error = saver.frame(&FRAME).unwrap_err();
    assert!(error.to_string().starts_with("frame 1 is of interface 0"));
}
