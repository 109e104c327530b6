//! The loop, with frames from memory.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::frame::LinkType;
use crate::io::Interface;
use crate::view::{Json, Lines};

/// A source of empty frames, one a millisecond.
struct Frames {
    given: u64,
    count: u64,
    error: Option<&'static str>,
}

impl Source for Frames {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        if self.given == self.count {
            return match self.error {
                Some(text) => Err(SourceError::Damaged(text.to_owned())),
                None => Ok(None),
            };
        }
        self.given += 1;
        Ok(Some(Frame {
            number: self.given,
            time: Timestamp::from_nanos(self.given * 1_000_000),
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: 4,
            bytes: &[1, 2, 3, 4],
            comment: None,
        }))
    }

    fn interfaces(&self) -> &[Interface] {
        &[]
    }
}

fn frames(count: u64) -> Frames {
    Frames {
        given: 0,
        count,
        error: None,
    }
}

fn pipeline(out: &mut dyn Write) -> Pipeline<'_> {
    Pipeline {
        view: Box::new(Json::new(Lines::Everything)),
        out,
        selection: Selection::default(),
        scope: Scope::Segments,
        filter: None,
        pace: None,
        limits: Limits::default(),
        hindsight: Hindsight::default(),
        compare: None,
        estimates: false,
    }
}

fn numbers(out: &[u8]) -> Vec<u64> {
    std::str::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["frame"].as_u64())
        .collect()
}

#[test]
fn everything_read_is_counted_and_shown() {
    let mut out = Vec::new();
    let end = pipeline(&mut out).run(&mut frames(3), &mut |_| ()).unwrap();
    assert_eq!((end.frames, end.bytes, end.elapsed_ns), (3, 12, 2_000_000));
    assert_eq!(numbers(&out), [1, 2, 3]);
}

#[test]
fn a_filter_keeps_frames_from_the_analysis_and_not_from_the_count() {
    let mut out = Vec::new();
    let mut pipeline = pipeline(&mut out);
    pipeline.filter = Some(Box::new(|frame| Ok(frame.number != 2)));
    let end = pipeline.run(&mut frames(3), &mut |_| ()).unwrap();
    assert_eq!(end.frames, 3);
    assert_eq!(numbers(&out), [1, 3]);
}

#[test]
fn damage_shows_what_came_before_it_and_then_is_an_error() {
    let mut out = Vec::new();
    let mut source = Frames {
        error: Some("a record of 4 GB"),
        ..frames(2)
    };
    let stopped = pipeline(&mut out)
        .run(&mut source, &mut |_| ())
        .unwrap_err();
    assert_eq!(stopped.to_string(), "a record of 4 GB");
    assert_eq!(numbers(&out), [1, 2]);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("\"truncated\":\"a record of 4 GB\",\"dropped_by_kernel\":null,\"dropped_by_interface\":null,\"elapsed_ns\":1000000}\n"), "{text}");
}

/// Takes `room` bytes, then fails.
struct Full {
    room: usize,
    kind: io::ErrorKind,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            return Err(self.kind.into());
        }
        self.room -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_from_a_full_disk() {
    for (kind, closed) in [
        (io::ErrorKind::BrokenPipe, true),
        (io::ErrorKind::StorageFull, false),
    ] {
        let mut out = Full { room: 500, kind };
        let stopped = pipeline(&mut out)
            .run(&mut frames(100), &mut |_| ())
            .unwrap_err();
        assert_eq!(stopped.is_closed_pipe(), closed, "{stopped}");
        assert!(stopped.to_string().starts_with("can't write the output: "));
    }
}

#[test]
fn pacing_asks_before_each_frame_and_can_end_the_replay() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&asked);
    let mut out = Vec::new();
    let mut pipeline = pipeline(&mut out);
    pipeline.pace = Some(Box::new(move |time| {
        seen.borrow_mut().push(time.as_nanos());
        Ok(if time.as_nanos() == 3_000_000 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }));
    pipeline.run(&mut frames(9), &mut |_| ()).unwrap();
    assert_eq!(*asked.borrow(), [1_000_000, 2_000_000, 3_000_000]);
    assert_eq!(numbers(&out), [1, 2]);
}
