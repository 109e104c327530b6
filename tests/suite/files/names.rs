//! What is no capture is named; packed captures, from a path and from memory.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use wirelab::io::file::{self, CaptureFile};
use wirelab::io::{Source, SourceError};

use super::build::{gzip, usual_header, usual_record, zstd};
use super::{read, read_file};

fn some_capture(frames: u32) -> Vec<u8> {
    let records = (0..frames).map(|number| {
        let text = format!("frame {number}, and {} more", number % 7);
        usual_record(number, 0, text.as_bytes())
    });
    usual_header()
        .into_iter()
        .chain(records.flatten())
        .collect()
}

#[test]
fn what_is_no_capture_is_named_in_one_line() {
    let mut tar = vec![b'x'; 1024];
    tar.splice(257..262, *b"ustar");
    for (bytes, expected) in [
        (vec![], "not a capture: this is empty"),
        (
            b"hello\x1b[2J\nworld".to_vec(),
            "not a capture: this is text starting with \"hello\\u{1b}[2J\\nworld\"",
        ),
        (
            b"\x89PNG\r\n\x1a\n....".to_vec(),
            "not a capture: this is a PNG image",
        ),
        (
            gzip(&tar),
            "not a capture: this is a tar archive, inside gzip data",
        ),
        (
            zstd(b"hello"),
            "not a capture: this is text starting with \"hello\", inside zstd data",
        ),
        (
            gzip(&gzip(b"hello")),
            "not a capture: this is gzip data, inside gzip data; unpack it first: gunzip -c FILE | wirelab replay -",
        ),
        (
            usual_header()[..20].to_vec(),
            "a pcap file cut inside its own header: 24 bytes are needed, 20 are there",
        ),
        (
            b"snoop\0\0\0\0\0\0\x02".to_vec(),
            "a snoop capture, which wirelab doesn't read; convert it: editcap -F pcapng FILE OUT",
        ),
    ] {
        let error = read(bytes).error.unwrap();
        assert_eq!(error, expected);
        assert!(!error.contains(char::is_control));
    }
}

#[test]
fn paths_that_hold_no_capture_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = file::open(folder.path()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "not a capture: this is a directory; name a file in it"
    );
    match file::open(&folder.path().join("missing")).err().unwrap() {
        SourceError::Io(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        other => panic!("{other}"),
    }
}

#[test]
fn a_packed_file_is_read_from_its_path_with_progress() {
    let folder = tempfile::tempdir().unwrap();
    let plain = some_capture(1000);
    let expected = read(plain.clone()).frames;
    for (name, bytes) in [
        ("plain", plain.clone()),
        ("a.gz", gzip(&plain)),
        ("b.zst", zstd(&plain)),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let mut file = CaptureFile::open(&path).unwrap();
        while file.next_frame().unwrap().is_some() {}
        let progress = file.progress();
        assert_eq!(progress.total, Some(bytes.len() as u64));
        assert_eq!(progress.read, bytes.len() as u64, "{name}");
        assert_eq!(read(bytes).frames, expected);
    }
}

#[test]
fn a_capture_in_memory_is_read() {
    let bytes: &'static [u8] = Vec::leak(gzip(&some_capture(3)));
    let read = read_file(CaptureFile::from_bytes(bytes).unwrap());
    assert_eq!(read.frames.len(), 3);
}

#[test]
fn members_one_after_the_other_are_one_stream() {
    let plain = some_capture(500);
    let expected = read(plain.clone()).frames;
    for pack in [gzip, zstd] {
        let members: Vec<_> = plain.chunks(1000).flat_map(pack).collect();
        let read = read(members);
        assert_eq!(read.frames, expected);
        assert_eq!((read.error, read.truncated), (None, None));
    }
    let padded = [gzip(&plain), vec![0; 700]].concat();
    assert_eq!(read(padded).error, None, "zeros after the end are padding");
    let skippable = [
        &[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3],
        &zstd(&plain)[..],
    ]
    .concat();
    assert_eq!(read(skippable).frames, expected);
}

#[test]
fn what_follows_packed_data_is_not_silently_lost() {
    for (pack, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let read = read([pack(&some_capture(5)), b"something else".to_vec()].concat());
        assert_eq!(read.frames.len(), 5);
        let error = read.error.unwrap();
        let end = format!("what follows the end of the {name} data is not {name}");
        assert!(error.ends_with(&end), "{error}");
    }
}

#[test]
fn a_packed_file_that_is_cut_gives_what_was_in_it() {
    let plain = some_capture(20_000);
    let expected = read(plain.clone()).frames;
    for (pack, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let packed = pack(&plain);
        let read = read(packed[..packed.len() - packed.len() / 4].to_vec());
        let count = read.frames.len();
        assert_eq!(read.frames, expected[..count]);
        assert!(count > 12_000, "{name}: only {count} of 20000 frames");
        assert_eq!(read.error, None);
        let told = read.truncated.unwrap();
        assert!(
            told.ends_with(&format!("the {name} data ends too early")),
            "{told}"
        );
    }
}

#[test]
fn packed_data_that_is_damaged_gives_what_was_before_and_an_error() {
    let plain = some_capture(20_000);
    let expected = read(plain.clone()).frames;
    let mut packed = gzip(&plain);
    let end = packed.len();
    packed[end - 6] ^= 1;
    let read = read(packed);
    assert_eq!(
        read.frames, expected,
        "all of it is there, only the sum is wrong"
    );
    let error = read.error.unwrap();
    assert!(
        error.starts_with("the gzip data is damaged before byte"),
        "{error}"
    );
}

/// Gives a little, then the error of a broken disk.
struct Broken(Cursor<Vec<u8>>);

impl io::Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            count => Ok(count),
        }
    }
}

#[test]
fn what_the_system_says_is_passed_on() {
    for bytes in [some_capture(3), gzip(&some_capture(3))[..40].to_vec()] {
        let opened = CaptureFile::from_reader(Box::new(Broken(Cursor::new(bytes))), None);
        let error = match opened {
            Ok(file) => read_file(file).error.unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(error, "Input/output error (os error 5)");
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    // Reading past this record would block for ever, as the writer stays open.
    let (reader, mut writer) = io::pipe().unwrap();
    io::Write::write_all(&mut writer, &some_capture(1)).unwrap();
    let mut file = CaptureFile::from_reader(Box::new(reader), None).unwrap();
    assert!(file.next_frame().unwrap().is_some());
    drop(writer);
    assert!(file.next_frame().unwrap().is_none());
}

#[test]
fn the_name_of_a_file_is_never_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.gz");
    fs::write(&path, some_capture(2)).unwrap();
    let read = read_file(CaptureFile::open(Path::new(&path)).unwrap());
    assert_eq!(read.frames.len(), 2);
}
