//! The recordings that come with wirelab, embedded so that they work in any folder on any machine.
//!
//! Each is one folder of `captures/`: an experiment, and what its two hosts sent and received when
//! it was run with real Linux TCP. `build.rs` makes the table from the folder.

/// An experiment and the recording of it, one capture for each end.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// The name of its folder, which is how a person asks for it.
    pub name: &'static str,
    /// What happens, in a few words.
    pub title: &'static str,
    /// What to look for in it, in a sentence or two.
    pub look_for: &'static str,
    /// What the client sent and received, as pcapng.
    pub client: &'static [u8],
    /// What the server sent and received, as pcapng.
    pub server: &'static [u8],
}

static RECORDINGS: &[Recording] = include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

/// How alike two names must be for one to be offered instead of the other: a letter or two astray.
const ALIKE: f64 = 0.8;

/// All recordings, in the order in which they are best met.
pub fn all() -> &'static [Recording] {
    RECORDINGS
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
        "client" => Some((recording, recording.client)),
        "server" => Some((recording, recording.server)),
        _ => None,
    }
}

/// The name that was probably meant, when there is no recording called `name`.
pub fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    RECORDINGS
        .iter()
        .map(|recording| {
            (
                strsim::jaro_winkler(&wanted, recording.name),
                recording.name,
            )
        })
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lessons_start_with_the_handshake() {
        let first: Vec<_> = all().iter().take(3).map(|r| r.name).collect();
        assert_eq!(first, ["handshake", "data", "teardown"]);
    }

    #[test]
    fn every_recording_is_pcapng_and_says_what_it_shows() {
        for recording in all() {
            for (end, bytes) in [("client", recording.client), ("server", recording.server)] {
                let section = &bytes[..4];
                assert_eq!(
                    section,
                    0x0A0D_0D0A_u32.to_le_bytes(),
                    "{}/{end}",
                    recording.name
                );
            }
            assert!(recording.title.len() < 60, "{}", recording.name);
            assert!(recording.look_for.ends_with('.'), "{}", recording.name);
            assert_eq!(find(recording.name).map(|r| r.title), Some(recording.title));
        }
    }

    #[test]
    fn each_end_has_a_name() {
        let bytes = |name| capture(name).map(|(_, bytes)| bytes);
        let rto = find("rto").expect("rto is a recording");
        assert_eq!(bytes("rto"), Some(rto.client));
        assert_eq!(bytes("rto/client"), Some(rto.client));
        assert_eq!(bytes("rto/server"), Some(rto.server));
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
