//! The command line of wirelab: parses it, runs the command, turns its error into an exit code.

fn main() {}
