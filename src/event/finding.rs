//! Findings: what there is to know about a connection as a whole, or about what is no TCP, and what to do about it.

use super::{Quantity, Side, Topic};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Part of the story.
    Info,
    /// Worth a look.
    Notice,
    /// Something went wrong.
    Problem,
}

impl Severity {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Problem => "problem",
        }
    }
}

/// One sentence of a connection's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about; its name is stable for scripts.
    pub kind: Topic,
    /// The connection; `None` for what is not TCP.
    pub flow: Option<u32>,
    /// How much it matters.
    pub severity: Severity,
    /// The side it is about, when it is about one.
    pub side: Option<Side>,
    /// The sentence.
    pub summary: String,
    /// The frames that show it, or the first of them.
    pub evidence: Vec<u64>,
    /// How many more show it.
    pub more: u32,
    /// What to do about it; empty when nothing is to be done.
    pub advice: String,
    /// The figures in the sentence that a program may want, by name.
    pub numbers: Vec<(&'static str, Quantity)>,
}
