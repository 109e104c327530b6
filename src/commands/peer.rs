//! `replay A --peer B`: two captures of the same connections, made at two places.
//!
//! Both are read three times: to find what they have in common, to learn what later frames prove of
//! earlier ones, and to be shown. Memory does not grow with them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::ends::{self, Ends, Place};
use super::input;
use crate::event::Host;
use crate::pair::{Meeting, Survey};
use crate::recordings;

/// Two captures, and what they have in common.
pub(super) struct Peers {
    pub(super) ends: Ends,
    pub(super) meeting: Meeting,
}

/// Looks both through; `None` when they don't seem to be of the same connections.
///
/// # Errors
///
/// When one can't be read, or not more than once.
pub(super) fn meet(first: &str, second: &str) -> Result<Option<Peers>> {
    let places = [place(first)?, place(second)?];
    if places[0] == places[1] {
        bail!("--peer names the same capture: give the one that was made at the other end");
    }
    let meeting = if let Some(host) = same_recording(&places) {
        Meeting::at_home(host)
    } else {
        let surveys = [
            survey(&places[0]).with_context(|| cant_read(first))?,
            survey(&places[1]).with_context(|| cant_read(second))?,
        ];
        let Some(meeting) = Meeting::of(&surveys) else {
            return Ok(None);
        };
        meeting
    };
    let [a, b] = places;
    let ends = match meeting.first() {
        Host::Client => Ends::Places([a, b]),
        Host::Server => Ends::Places([b, a]),
    };
    Ok(Some(Peers { ends, meeting }))
}

fn cant_read(name: &str) -> String {
    format!("can't read {}", name.escape_debug())
}

/// Where a capture of that name is.
fn place(name: &str) -> Result<Place> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(Place::File(path.to_owned()));
    }
    if let Some((recording, _)) = recordings::capture(name) {
        let server = name.ends_with("/server");
        let host = if server { Host::Server } else { Host::Client };
        return Ok(Place::End(recording.name, host));
    }
    if ends::is_recording(path) {
        return Ok(Place::File(path.join("client.pcapng")));
    }
    if name == "-" || (path.exists() && !path.is_dir()) {
        bail!(
            "{}: with --peer both captures are read more than once: save it to a file first",
            name.escape_debug()
        );
    }
    if path.exists() || name.contains(['/', '.']) {
        input::read(path)?;
    }
    bail!(input::unknown(name))
}

/// Whose capture the first is, when both are the ends of one recording: one machine made both, and their
/// names say whose they are.
fn same_recording([first, second]: &[Place; 2]) -> Option<Host> {
    match (first, second) {
        (Place::End(name, host), Place::End(other, _)) => (name == other).then_some(*host),
        (Place::File(first), Place::File(second)) => {
            let folder = first.parent().filter(|own| second.parent() == Some(own))?;
            let named = |path: &Path, host: Host| path == folder.join(format!("{host}.pcapng"));
            let recorded = folder.join("truth.ndjson").is_file();
            let ends = [Host::Client, Host::Server].into_iter();
            ends.filter(|_| recorded)
                .find(|host| named(first, *host) && named(second, host.other()))
        }
        _ => None,
    }
}

fn survey(place: &Place) -> Result<Survey> {
    let mut source = place.open()?;
    let mut survey = Survey::default();
    // What is wrong further on is said when it is read to be shown.
    while let Ok(Some(frame)) = source.next_frame() {
        survey.frame(&frame);
    }
    Ok(survey)
}
