//! What to read: a file, standard input or a recording, and which frames of it.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::ends::{self, Ends};
use super::pipeline::Filter;
use crate::cli;
use crate::event::Host;
use crate::io::filter::BpfFilter;
use crate::io::{Source, file};
use crate::recordings::{self, Recording};

/// A capture, open.
pub(super) struct Input {
    pub(super) source: Box<dyn Source>,
    pub(super) filter: Option<Filter>,
    /// The recording it is, if it is one.
    pub(super) recording: Option<&'static Recording>,
    /// Whether opening it again gives the same frames: not for a pipe.
    pub(super) lasts: bool,
}

/// Opens what the command line names.
///
/// # Errors
///
/// When there is no such file or recording, when it is no capture, or when the filter is wrong.
pub(super) fn open(input: &cli::Input, end: Option<Host>) -> Result<Input> {
    let name = input.capture();
    let (source, recording) = match end {
        None => capture(name)?,
        Some(host) => {
            let ends = Ends::find(name)?;
            (ends.open(host)?, ends.recording())
        }
    };
    let filter = filter(&input.filter(), source.as_ref())?;
    let lasts = recording.is_some() || Path::new(name).is_file();
    Ok(Input {
        source,
        filter,
        recording,
        lasts: lasts && name != "-",
    })
}

pub(super) fn capture(name: &str) -> Result<(Box<dyn Source>, Option<&'static Recording>)> {
    if name == "-" {
        if io::stdin().is_terminal() {
            bail!(
                "standard input is a terminal; pipe a capture into it, as in: tcpdump -w - | wirelab replay -"
            );
        }
        let source = file::from_reader(Box::new(io::stdin()), None);
        return Ok((source.context("can't read standard input")?, None));
    }
    // A file wins over a recording of the same name: it is there because someone put it there.
    let path = Path::new(name);
    if path.is_file() {
        return Ok((read(path)?, None));
    }
    if let Some((recording, bytes)) = recordings::capture(name) {
        let source = file::from_bytes(bytes);
        return Ok((
            source.with_context(|| format!("can't read the recording {name}"))?,
            Some(recording),
        ));
    }
    // Of a run's folder it is the client's end, as of a recording.
    if ends::is_recording(path) {
        return Ok((read(&path.join("client.pcapng"))?, None));
    }
    // Named pipes and devices can be read, folders give an error that says what they are, and
    // what looks like a path is meant as one.
    if path.exists() || name.contains(['/', '.']) {
        return Ok((read(path)?, None));
    }
    if recordings::lesson(name).is_some() {
        bail!(
            "the experiment {name} is not recorded yet; make a recording of it and look at that: sudo \
             wirelab lab run {name} --record {name}, then wirelab replay {name}/client.pcapng"
        );
    }
    bail!(unknown(name));
}

pub(super) fn read(path: &Path) -> Result<Box<dyn Source>> {
    file::open(path)
        .with_context(|| format!("can't read {}", path.display().to_string().escape_debug()))
}

pub(super) fn unknown(name: &str) -> String {
    let meant = recordings::nearest(name)
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    format!(
        "no file and no recording called {}{meant} (wirelab captures has all)",
        name.escape_debug()
    )
}

fn filter(expression: &str, source: &dyn Source) -> Result<Option<Filter>> {
    if expression.is_empty() {
        return Ok(None);
    }
    let link_type = source
        .interfaces()
        .first()
        .map_or(crate::frame::LinkType::ETHERNET, |first| first.link_type);
    let mut filter = BpfFilter::compile(link_type, expression)?;
    Ok(Some(Box::new(move |frame| filter.matches(frame))))
}
