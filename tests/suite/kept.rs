//! What is kept of an event is all of it: shown again, it is what it was.

use std::convert::Infallible;

use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{Event, Kept};
use wirelab::io::file;
use wirelab::recordings;
use wirelab::view::{Json, Lines, View};

/// A view's lines of one event.
fn lines(event: &Event<'_>) -> String {
    let mut out = Vec::new();
    let mut json = Json::new(Lines::Everything);
    json.event(event, &mut out).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn events_come_back_as_they_were() {
    let mut rows = 0;
    for recording in recordings::all() {
        for bytes in [recording.client(), recording.server()] {
            let bytes: &'static [u8] = Vec::leak(bytes.to_vec());
            let mut source = file::from_bytes(bytes).expect("a capture");
            let mut analysis = Analysis::new(Limits::default());
            while let Some(frame) = source.next_frame().expect("frames") {
                let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
                    if let Some(kept) = Kept::of(&frame, event) {
                        assert_eq!(kept.with(lines), lines(event), "{}", recording.name);
                        assert!(kept.has_frame() && kept.weight() > frame.bytes.len());
                        rows += 1;
                    }
                    Ok(())
                });
                let Ok(()) = done;
            }
        }
    }
    assert!(rows > 1000, "{rows}");
}
