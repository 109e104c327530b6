//! What the kernels had in mind during a run that was recorded, for the screen.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::commands::ends::is_recording;
use crate::lab::truth::Line;
use crate::pair;
use crate::recordings;
use crate::tui::Mind;

/// Most readings that are kept, a few megabytes.
const MOST: usize = 50_000;
/// No line of ours is longer; a longer one ends the reading.
const LONGEST: u64 = 1 << 20;

/// The readings that belong to the capture of that name, in the order of time; none where it is no end of a
/// recording, or its truth can't be read: they are an addition, and the capture is shown without.
pub(super) fn minds(name: &str) -> Vec<Mind> {
    let mut minds = match beside(Path::new(name)) {
        Some(path) => File::open(path).map_or_else(|_| Vec::new(), read),
        None if Path::new(name).exists() => Vec::new(),
        None => recordings::capture(name)
            .and_then(|(recording, _)| recording.truth())
            .map_or_else(Vec::new, |text| read(text.as_bytes())),
    };
    minds.sort_by_key(|mind| mind.time);
    minds
}

/// The truth that lies beside a capture, or in a run's folder.
fn beside(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_file() { path.parent()? } else { path };
    // A bare name is in the folder where we are.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let named = path.file_name().and_then(|name| name.to_str());
    let end = !path.is_file() || matches!(named, Some("client.pcapng" | "server.pcapng"));
    (end && is_recording(folder)).then(|| folder.join("truth.ndjson"))
}

fn read(text: impl Read) -> Vec<Mind> {
    let mut text = BufReader::new(text);
    let (mut minds, mut line) = (Vec::new(), String::new());
    while minds.len() < MOST {
        line.clear();
        match text.by_ref().take(LONGEST).read_line(&mut line) {
            Ok(1..) => {}
            _ => break,
        }
        // Most lines are something else, and what makes no sense tells nothing.
        if !line.contains(r#""type":"sample""#) {
            continue;
        }
        if let Ok(Line::Sample(sample)) = Line::from_json(line.trim_end()) {
            minds.push(Mind {
                time: sample.time,
                ports: (sample.port, sample.peer_port),
                figures: pair::figures(&sample),
            });
        }
    }
    minds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_have_minds_and_captures_elsewhere_have_none() {
        let minds = minds("retransmission");
        assert!(minds.iter().any(|mind| mind.figures.cwnd == Some(10)));
        assert!(minds.is_sorted_by_key(|mind| mind.time));
        let server = super::minds("retransmission/server");
        assert_eq!(server, minds, "both ends have the same truth");
        assert_eq!(super::minds("nothing-of-that-name"), []);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/retransmission");
        assert_eq!(super::minds(&folder.to_string_lossy()), minds);
        let file = folder.join("server.pcapng");
        assert_eq!(super::minds(&file.to_string_lossy()), minds);
        let other = folder.join("experiment.toml");
        assert_eq!(super::minds(&other.to_string_lossy()), []);
    }

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let text = "{\n{\"type\":\"sample\"\n\u{1}\n";
        assert_eq!(read(text.as_bytes()), []);
        assert_eq!(read(&[0xff, b'\n'][..]), []);
    }
}
