//! The integration suite: one binary, one module for each subject.

mod boards;
mod both;
mod cli;
mod conversations;
mod craft;
mod decode;
mod docs;
mod echoes;
mod experiments;
mod files;
mod fuzz;
mod handshake;
mod icmp_extension;
mod inspect;
mod kept;
mod lab;
mod lab_commands;
mod lab_hosts;
mod limits;
mod live;
mod peer;
mod reasoning;
mod recordings;
mod run;
mod schema;
mod shifted;
mod step;
mod tidy;
mod tshark;
mod verdicts;
mod views;

use std::path::Path;

/// The repository, as it was when the suite was built.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
