//! The command line of wirelab: everything is in [`wirelab::commands`].

use std::process::ExitCode;

fn main() -> ExitCode {
    wirelab::commands::main()
}
