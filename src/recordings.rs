//! The experiments that come with wirelab and the recordings of them, embedded so that they work in any
//! folder on any machine.
//!
//! Each is one folder of `captures/`: an experiment, and what its two hosts sent and received when it
//! was run with real Linux TCP. `build.rs` makes the tables from the folder, and compresses the files:
//! they are unpacked when they are first asked for.

use std::io::Read;
use std::sync::OnceLock;

use crate::lab::Side;
use crate::lab::experiment::{Experiment, ExperimentError};

/// An experiment that comes with wirelab.
#[derive(Debug)]
pub struct Lesson {
    /// The name of its folder, which is how a person asks for it.
    pub name: &'static str,
    /// What happens, in a few words.
    pub title: &'static str,
    /// What to look for in it, in a sentence or two.
    pub look_for: &'static str,
    /// Its place among the lessons.
    pub order: u32,
    /// What it belongs to: `setup`, `data`, `loss` …; empty for nothing in particular.
    pub topic: &'static str,
    text: Packed,
}

/// The recording of an experiment, one capture for each end.
#[derive(Debug)]
pub struct Recording {
    /// The name of the experiment.
    pub name: &'static str,
    /// What happens, in a few words.
    pub title: &'static str,
    /// What to look for in it, in a sentence or two.
    pub look_for: &'static str,
    client: Packed,
    server: Packed,
    truth: Option<Packed>,
}

include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

impl Lesson {
    /// The text of `experiment.toml`.
    pub fn text(&self) -> &str {
        // build.rs has read it as text.
        std::str::from_utf8(self.text.bytes()).unwrap_or_default()
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// When this version of wirelab does not understand it, which a test prevents.
    pub fn experiment(&self) -> Result<Experiment, ExperimentError> {
        Experiment::parse(self.text())
    }

    /// Its recording; `None` when that is not made yet.
    pub fn recording(&self) -> Option<&'static Recording> {
        find(self.name)
    }
}

impl Recording {
    /// What that side sent and received, as pcapng.
    pub fn end(&self, side: Side) -> &[u8] {
        match side {
            Side::Client => self.client.bytes(),
            Side::Server => self.server.bytes(),
        }
    }

    /// What the client sent and received, as pcapng.
    pub fn client(&self) -> &[u8] {
        self.end(Side::Client)
    }

    /// What the server sent and received, as pcapng.
    pub fn server(&self) -> &[u8] {
        self.end(Side::Server)
    }

    /// What really happened, as lines of [`crate::lab::truth`]; `None` when the recording has none.
    pub fn truth(&self) -> Option<&str> {
        let truth = self.truth.as_ref()?;
        std::str::from_utf8(truth.bytes()).ok()
    }

    /// What it belongs to: `setup`, `data`, `loss` …
    pub fn topic(&self) -> &'static str {
        self.lesson().map_or("", |lesson| lesson.topic)
    }

    /// The experiment that was recorded.
    pub fn lesson(&self) -> Option<&'static Lesson> {
        lesson(self.name)
    }
}

/// A file, compressed.
#[derive(Debug)]
struct Packed {
    deflated: &'static [u8],
    /// Bytes of it.
    len: usize,
    unpacked: OnceLock<Vec<u8>>,
}

impl Packed {
    const fn new(deflated: &'static [u8], len: usize) -> Self {
        Self {
            deflated,
            len,
            unpacked: OnceLock::new(),
        }
    }

    /// The bytes of the file, unpacked the first time.
    fn bytes(&self) -> &[u8] {
        self.unpacked.get_or_init(|| {
            let mut bytes = Vec::with_capacity(self.len);
            // What build.rs has packed can be unpacked; a test does it with every file.
            let _ = flate2::read::DeflateDecoder::new(self.deflated).read_to_end(&mut bytes);
            bytes
        })
    }
}

/// How alike two names must be for one to be offered instead of the other: a letter or two astray.
const ALIKE: f64 = 0.8;

/// All experiments, in the order in which they are best met.
pub fn lessons() -> &'static [Lesson] {
    &LESSONS
}

/// The experiment of that name.
pub fn lesson(name: &str) -> Option<&'static Lesson> {
    LESSONS.iter().find(|lesson| lesson.name == name)
}

/// All recordings, in the order in which they are best met.
pub fn all() -> &'static [Recording] {
    &RECORDINGS
}

/// The recording of that name.
pub fn find(name: &str) -> Option<&'static Recording> {
    RECORDINGS.iter().find(|recording| recording.name == name)
}

/// The capture of that name: `retransmission` and `retransmission/client` are what the client sent
/// and received, `retransmission/server` is what the server did.
pub fn capture(name: &str) -> Option<(&'static Recording, &'static [u8])> {
    let (name, end) = name.split_once('/').unwrap_or((name, "client"));
    let recording = find(name)?;
    match end {
        "client" => Some((recording, recording.client())),
        "server" => Some((recording, recording.server())),
        _ => None,
    }
}

/// The name that was probably meant, when there is no experiment called `name`.
pub fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    LESSONS
        .iter()
        .map(|lesson| (strsim::jaro_winkler(&wanted, lesson.name), lesson.name))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most that all of them may add to the binary.
    const MOST: usize = 3 << 20;

    #[test]
    fn the_lessons_start_with_the_handshake() {
        let first: Vec<_> = lessons().iter().take(3).map(|r| r.name).collect();
        assert_eq!(first, ["handshake", "data", "teardown"]);
        assert!(lessons().is_sorted_by_key(|lesson| lesson.order));
    }

    #[test]
    fn every_recording_is_pcapng_and_says_what_it_shows() {
        for recording in all() {
            for (end, bytes) in [
                ("client", recording.client()),
                ("server", recording.server()),
            ] {
                let section = &bytes[..4];
                assert_eq!(
                    section,
                    0x0A0D_0D0A_u32.to_le_bytes(),
                    "{}/{end}",
                    recording.name
                );
            }
            assert_eq!(find(recording.name).map(|r| r.title), Some(recording.title));
            let lesson = recording.lesson().expect("it records an experiment");
            assert_eq!(lesson.title, recording.title);
        }
        for lesson in lessons() {
            assert!(lesson.title.len() < 60, "{}", lesson.name);
            assert!(lesson.look_for.ends_with('.'), "{}", lesson.name);
            assert!(lesson.text().contains(lesson.title), "{}", lesson.name);
        }
    }

    #[test]
    fn all_of_it_is_small_and_can_be_unpacked() {
        let texts = LESSONS.iter().map(|lesson| &lesson.text);
        let files = RECORDINGS
            .iter()
            .flat_map(|it| [Some(&it.client), Some(&it.server), it.truth.as_ref()])
            .flatten();
        let mut size = 0;
        for file in texts.chain(files) {
            assert_eq!(file.bytes().len(), file.len);
            size += file.deflated.len();
        }
        assert!(size < MOST, "the recordings add {size} bytes to the binary");
    }

    #[test]
    fn each_end_has_a_name() {
        let bytes = |name| capture(name).map(|(_, bytes)| bytes);
        let rto = find("rto").expect("rto is a recording");
        assert_eq!(bytes("rto"), Some(rto.client()));
        assert_eq!(bytes("rto/client"), Some(rto.client()));
        assert_eq!(bytes("rto/server"), Some(rto.server()));
        assert_eq!((bytes("rto/wire"), bytes("rto/")), (None, None));
    }

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        assert_eq!(nearest("retransmision"), Some("retransmission"));
        assert_eq!(nearest("Handshake"), Some("handshake"));
        assert_eq!(nearest("zerowindow"), Some("zero-window"));
        assert_eq!(nearest("/tmp/x.pcap"), None);
    }
}
