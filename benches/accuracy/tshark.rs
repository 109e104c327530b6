//! What tshark says of the same capture.
//!
//! Its words are mapped kindly: any of its three retransmission flags finds a retransmission; a fast one
//! names the cause `fast`, a plain one, for which it prints an RTO, the cause `rto`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What it says of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) retransmission: bool,
    pub(crate) fast: bool,
    pub(crate) spurious: bool,
    pub(crate) out_of_order: bool,
    pub(crate) zero_window: bool,
    pub(crate) checksum_bad: bool,
    pub(crate) duplicate_ack: bool,
    pub(crate) window_full: bool,
    pub(crate) dsack: bool,
    pub(crate) lost_segment: bool,
    pub(crate) window_update: bool,
    pub(crate) zero_window_probe: bool,
    pub(crate) zero_window_probe_ack: bool,
    pub(crate) keep_alive: bool,
    pub(crate) keep_alive_ack: bool,
}

const FIELDS: [&str; 16] = [
    "frame.number",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.zero_window",
    "tcp.checksum.status",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.window_full",
    "tcp.options.sack.dsack",
    "tcp.analysis.lost_segment",
    "tcp.analysis.window_update",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window_probe_ack",
    "tcp.analysis.keep_alive",
    "tcp.analysis.keep_alive_ack",
];

/// Its version, if it is there.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("tshark")
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .next()?
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(|word| word.trim_end_matches('.').to_owned())
}

/// Its answers on a capture; kept beside it, for they don't change.
pub(crate) fn capture(path: &Path) -> io::Result<HashMap<u64, Said>> {
    let kept = path.with_extension("tshark");
    let text = if let Ok(text) = fs::read_to_string(&kept) {
        text
    } else {
        let mut command = Command::new("tshark");
        command.args([
            "-n",
            "-o",
            "tcp.check_checksum:TRUE",
            "-T",
            "fields",
            "-Y",
            "tcp",
        ]);
        command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
        let output = command.arg("-r").arg(path).stderr(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        fs::write(&kept, &text)?;
        text
    };
    Ok(text.lines().filter_map(line).collect())
}

fn line(line: &str) -> Option<(u64, Said)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let on = |at: usize| fields.get(at).is_some_and(|field| !field.is_empty());
    let said = Said {
        retransmission: on(1) || on(2) || on(3),
        fast: on(2),
        spurious: on(3),
        out_of_order: on(4),
        zero_window: on(5),
        checksum_bad: fields.get(6).is_some_and(|status| *status == "0"),
        duplicate_ack: on(7),
        window_full: on(8),
        dsack: on(9),
        lost_segment: on(10),
        window_update: on(11),
        zero_window_probe: on(12),
        zero_window_probe_ack: on(13),
        keep_alive: on(14),
        keep_alive_ack: on(15),
    };
    Some((fields.first()?.parse().ok()?, said))
}
