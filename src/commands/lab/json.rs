//! The JSON lines of `lab list`, `show` and `check`; docs/schema.json describes them.

use serde::Serialize;

use crate::lab::Side;
use crate::lab::describe;

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Experiment {
        name: &'a str,
        topic: &'a str,
        order: u32,
        title: &'a str,
        look_for: &'a str,
        recorded: bool,
    },
    Description {
        name: &'a str,
        title: &'a str,
        look_for: &'a str,
        programs: Vec<Doing<'a>>,
        wire: &'a [String],
        faults: &'a [String],
        routers: &'a [String],
        settings: &'a [String],
    },
    Check {
        file: &'a str,
        ok: bool,
        error: Option<&'a str>,
        doubts: &'a [String],
    },
}

/// What a program does.
#[derive(Serialize)]
pub(super) struct Doing<'a> {
    host: &'static str,
    program: &'a str,
    calls: &'a [String],
}

impl<'a> From<&'a describe::Program> for Doing<'a> {
    fn from(program: &'a describe::Program) -> Self {
        let side: Side = program.side;
        Self {
            host: side.name(),
            program: &program.name,
            calls: &program.calls,
        }
    }
}

impl Line<'_> {
    /// The line, without its end.
    pub(super) fn to_json(&self) -> String {
        // Strings, numbers and lists: nothing that JSON has no form for.
        serde_json::to_string(self).unwrap_or_default()
    }
}
