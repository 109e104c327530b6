//! What is given to a recorder is what its files hold, also when the run or the disk ends early.

use std::collections::BTreeMap;

use super::*;
use crate::frame::Timestamp;
use crate::io::file::CaptureFile;
use crate::io::{Source, file};
use crate::lab::truth::Outcome;

fn frame(side: Side, number: u64, len: usize) -> Happening {
    Happening::Frame(HostFrame {
        side,
        number,
        time: Timestamp::from_nanos(1_700_000_000_000_000_000 + number),
        sent: number.is_multiple_of(2),
        bytes: vec![number as u8; len],
    })
}

fn begin() -> Happening {
    let sysctl = |value: &str| BTreeMap::from([("net.ipv4.tcp_sack".to_owned(), value.to_owned())]);
    Happening::Line(Line::Run(Run {
        experiment: "x".to_owned(),
        sysctl: Both {
            client: sysctl("1"),
            server: sysctl("0"),
        },
        ..Run::default()
    }))
}

fn end() -> Happening {
    Happening::Line(Line::Outcome(Outcome {
        ok: true,
        ..Outcome::default()
    }))
}

/// Number, time and bytes of the frames of a capture.
fn frames(path: &Path) -> Vec<(u64, u64, Vec<u8>)> {
    let mut source = file::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push((frame.number, frame.time.as_nanos(), frame.bytes.to_vec()));
    }
    assert_eq!(source.truncated(), None);
    frames
}

fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| Line::from_json(line).unwrap())
        .collect()
}

#[test]
fn what_was_given_is_what_the_files_hold() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/folder");
    let mut recorder = Recorder::create(&folder, "A title", Becomes::Same).unwrap();
    let given = [
        begin(),
        frame(Side::Client, 1, 60),
        frame(Side::Server, 1, 61),
        frame(Side::Client, 2, 1514),
        end(),
    ];
    for happening in &given {
        recorder.happening(happening).unwrap();
    }
    let recorded = recorder.finish().unwrap();
    assert_eq!(
        recorded.to_string(),
        "client.pcapng: 2 frames, server.pcapng: 1 frame, truth.ndjson: 2 lines"
    );

    let base = 1_700_000_000_000_000_000;
    let client = frames(&folder.join("client.pcapng"));
    assert_eq!(
        client,
        [(1, base + 1, vec![1; 60]), (2, base + 2, vec![2; 1514])]
    );
    let server = frames(&folder.join("server.pcapng"));
    assert_eq!(server, [(1, base + 1, vec![1; 61])]);
    let truth = lines(&folder.join("truth.ndjson"))
        .into_iter()
        .map(Happening::Line);
    assert_eq!(truth.collect::<Vec<_>>(), [begin(), end()]);

    let mut opened = CaptureFile::open(&folder.join("server.pcapng")).unwrap();
    while opened.next_frame().unwrap().is_some() {}
    let comment = String::from_utf8(opened.section_comments()[0].clone()).unwrap();
    assert_eq!(
        comment,
        "A title\nexperiment = x\nseed = 0\nnet.ipv4.tcp_sack = 0"
    );
    assert_eq!(opened.interfaces()[0].name.as_deref(), Some("server"));
}

#[test]
fn what_is_flushed_survives_whatever_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(folder.path(), "t", Becomes::Same).unwrap();
    recorder.happening(&begin()).unwrap();
    recorder.happening(&frame(Side::Client, 1, 60)).unwrap();
    recorder.flush().unwrap();
    recorder.happening(&frame(Side::Client, 2, 60)).unwrap();
    // As kill -9 leaves it: nothing is closed, nothing is dropped.
    assert_eq!(frames(&folder.path().join("client.pcapng")).len(), 1);
    assert_eq!(frames(&folder.path().join("server.pcapng")).len(), 0);
    assert_eq!(lines(&folder.path().join("truth.ndjson")).len(), 1);
    // An error elsewhere: what was given is in the file.
    drop(recorder);
    assert_eq!(frames(&folder.path().join("client.pcapng")).len(), 2);
}

#[test]
fn a_run_that_never_began_leaves_empty_captures() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(folder.path(), "t", Becomes::Same).unwrap();
    assert_eq!(recorder.finish().unwrap(), Recorded::default());
    assert_eq!(frames(&folder.path().join("client.pcapng")), []);
}

#[test]
fn a_full_disk_is_told_with_what_is_saved() {
    for (full, told) in [
        (
            "server.pcapng",
            "client.pcapng: 0 frames, server.pcapng: 0 frames, truth.ndjson: 0 lines",
        ),
        (
            "truth.ndjson",
            "client.pcapng: 1 frame, server.pcapng: 0 frames, truth.ndjson: 0 lines",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(full)).unwrap();
        let mut recorder = Recorder::create(folder.path(), "t", Becomes::Same).unwrap();
        let given = [begin(), frame(Side::Client, 1, 60)];
        let result = given
            .iter()
            .try_for_each(|happening| recorder.happening(happening));
        let error = result
            .and_then(|()| recorder.flush())
            .unwrap_err()
            .to_string();
        let path = folder.path().join(full);
        assert!(
            error.starts_with(&format!("can't write {}: No space left", path.display())),
            "{error}"
        );
        assert!(error.ends_with(told), "{error}");
    }
}

#[test]
fn a_folder_that_cant_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Recorder::create(&file, "t", Becomes::Same).unwrap_err();
    assert!(error.to_string().contains("file: "), "{error}");
    let error = Recorder::create(&file.join("in"), "t", Becomes::Same).unwrap_err();
    assert!(error.to_string().contains("Not a directory"), "{error}");
}
