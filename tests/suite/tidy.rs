//! Keeps the shape of the source: who may import what, who may touch the outside world, and that
//! every file says what it is for. `docs/ARCHITECTURE.md` tells the whole story; the rules are the
//! tables right here.

mod source;

use std::fs;

use source::{code_of, paths, without_tests, words};

/// What a top-level module may import from the others.
enum May {
    /// These, and itself.
    Only(&'static [&'static str]),
    /// Anything but these.
    Not(&'static [&'static str]),
}

use May::{Not, Only};

/// A module, what it may import, and why.
type Direction = (&'static str, May, &'static str);

/// Data flows one way, and so do imports. A module that is not here may not exist.
#[rustfmt::skip] // a table reads best as one
const DIRECTIONS: &[Direction] = &[
    ("wire", Only(&[]), "headers are bytes and RFCs, and know nothing of how they came here"),
    ("address", Only(&[]), "what an address says of itself, wherever it came from"),
    ("check", Only(&["address", "event"]), "asks, is told, and says what that means"),
    ("sockets", Only(&["event"]), "what a kernel says of its sockets, as plain facts"),
    ("talk", Only(&["lab", "frame"]), "text and calls as plain facts; a call is what the lab's truth has it to be"),
    ("frame", Only(&[]), "the one input of everything that is pure"),
    ("decode", Only(&["wire", "frame"]), "one packet at a time, without memory of connections"),
    ("event", Only(&["decode", "wire", "frame"]), "types only: what is known, for whoever shows it"),
    ("track", Only(&["event", "decode", "wire", "frame"]), "facts come before judgements"),
    ("verdict", Only(&["track", "event", "decode", "wire", "frame"]), "judges facts, shows nothing"),
    ("analysis", Only(&["verdict", "track", "decode", "event", "frame"]), "joins the pure parts"),
    ("explain", Only(&["event", "decode", "wire", "frame"]), "tells a story from events, and what packets they hold"),
    ("compare", Only(&["event", "wire", "frame"]), "another program's rules, from what is known of it"),
    ("handmade", Only(&["event", "wire", "frame"]), "a TCP of its own: runs in virtual time under tests"),
    ("select", Only(&["event", "frame"]), "chooses among events"),
    (
        "pair",
        Only(&["analysis", "event", "frame", "decode", "wire", "lab"]),
        "joins what two captures show with what the lab knows",
    ),
    ("inspect", Only(&["decode", "wire", "frame"]), "one frame's headers, joined with what their fields are"),
    ("view", Only(&["event", "address", "check", "sockets", "talk", "inspect", "decode", "wire", "frame", "craft"]), "shows; never judges, never computes"),
    ("tui", Only(&["view", "event", "inspect", "decode", "wire", "frame"]), "shows, in the words and looks of view; never judges, never computes"),
    ("craft", Only(&["decode", "wire", "frame"]), "words become bytes, and nothing is sent"),
    ("recordings", Only(&["lab"]), "bytes in the binary, and the experiments they are of"),
    ("lab", Not(&["io", "view", "tui", "commands", "cli"]), "runs in virtual time under tests"),
    ("probe", Not(&["io", "view", "tui", "commands", "cli"]), "runs in virtual time under tests"),
    ("trace", Only(&["event", "wire", "frame"]), "runs in virtual time under tests"),
    (
        "io",
        Not(&["track", "verdict", "explain", "analysis", "view", "tui", "commands", "cli"]),
        "brings frames in and text out, and knows nothing of TCP",
    ),
    ("cli", Not(&["io", "track", "verdict", "commands"]), "the command line as data"),
    ("commands", Not(&[]), "joins the pure parts to io"),
    ("lib", Not(&[]), "names the modules"),
    ("main", Not(&[]), "starts the program"),
];

/// Who may touch the outside world.
const OUTSIDE: &[&str] = &["io", "commands", "main"];

/// What counts as the outside world. Addresses (`std::net::IpAddr`) are only values.
const WORLD: &[&str] = &[
    "std::fs",
    "std::process",
    "std::thread",
    "std::env",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "caps",
    "indicatif",
    "libc",
    "nix",
    "pcap",
    "pnet_datalink",
];

/// Longest file, in lines.
const LONGEST: usize = 600;

/// Words that say a thing is not done.
const UNDONE: &[&str] = &["todo", "unimplemented"];

/// A table that lists the files of its folder: folder, table, what a file has that belongs in it,
/// and the files that are reached in another way.
const TABLES: &[(&str, &str, &str, &[&str])] = &[
    ("src/verdict", "RULES", ": Rule =", &[]),
    // JSON is a format, not a view: `--format json`; reasons are of one frame: `explain --frame`; ASCII is how any is
    // drawn: `--ascii`.
    (
        "src/view",
        "VIEWS",
        "View for",
        &["ascii", "json", "reasons"],
    ),
];

/// What is wrong with a file of `src/`, one line a breach: file, line, rule, reason.
fn breaches(file: &str, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let module = module_of(file);
    let mut breach = |line: usize, rule: &str| found.push(format!("{file}:{line}: {rule}"));
    if !source.starts_with("//!") {
        breach(
            1,
            "opens without `//!`: say first what the file is for, and which RFC section it follows",
        );
    }
    let length = source.lines().count();
    if length > LONGEST {
        breach(
            length,
            "is longer than 600 lines: split it where its meaning splits (tests may move to a `tests.rs` beside it)",
        );
    }
    let code = code_of(source);
    for (line, word) in words(&code) {
        if UNDONE.contains(&word) {
            breach(
                line,
                &format!("`{word}!`: nothing unfinished is called done"),
            );
        }
        if word == "unsafe" && !file.starts_with("src/io/sys/") {
            breach(
                line,
                "`unsafe` belongs in src/io/sys/, where each block says why it is sound",
            );
        }
    }
    if is_test(file) {
        return found;
    }
    let Some((_, may, reason)) = DIRECTIONS.iter().find(|(name, ..)| *name == module) else {
        breach(
            1,
            &format!(
                "`{module}` has no line in DIRECTIONS (tests/suite/tidy.rs): say there what it may import, and why"
            ),
        );
        return found;
    };
    for path in paths(without_tests(&code)) {
        let name = path.parts.join("::");
        if let Some(other) = imported(&path.parts, module)
            && !allowed(may, other)
        {
            breach(
                path.line,
                &format!("`{module}` may not import `{other}` ({name}): {reason}"),
            );
        }
        let world = WORLD.iter().find(|world| is_under(&name, world));
        if world.is_some() && !OUTSIDE.contains(&module) {
            breach(
                path.line,
                &format!(
                    "`{module}` may not touch the outside world ({name}): only io, commands and main do, so that a live run, a file and a simulation give the same events"
                ),
            );
        }
    }
    found
}

/// The other top-level module that a path leads to.
fn imported<'a>(parts: &'a [String], module: &str) -> Option<&'a str> {
    let climbed = parts.iter().take_while(|part| *part == "super").count();
    let first = match parts.first()?.as_str() {
        "crate" | "wirelab" => parts.get(1)?,
        // From a file right below src/, `super` is the crate.
        "super" => parts.get(climbed)?,
        _ => return None,
    };
    let known = DIRECTIONS.iter().any(|(name, ..)| name == first);
    (known && first != module).then_some(first.as_str())
}

fn allowed(may: &May, other: &str) -> bool {
    match may {
        Only(these) => these.contains(&other),
        Not(these) => !these.contains(&other),
    }
}

fn is_under(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `src/view/ladder.rs` and `src/view.rs` are in `view`.
fn module_of(file: &str) -> &str {
    let below = file.strip_prefix("src/").unwrap_or(file);
    let first = below.split('/').next().unwrap_or(below);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// The files that belong in a table and are not named in it.
fn unregistered(
    (folder, table, mark, otherwise): (&str, &str, &str, &[&str]),
    module: &str,
    files: &[(String, String)],
) -> Vec<String> {
    let code = code_of(module);
    let listed = code.split(&format!("{table}:")).nth(1).unwrap_or("");
    let listed = listed.split(';').next().unwrap_or("");
    let names: Vec<&str> = words(listed).into_iter().map(|(_, word)| word).collect();
    let missing = files.iter().filter(|(name, source)| {
        // A file, or a folder of files, right below the table's own.
        let below = name.strip_prefix(folder).unwrap_or(name);
        let stem = below
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or(below);
        let stem = stem.strip_suffix(".rs").unwrap_or(stem);
        let known = stem == "mod" || names.contains(&stem) || otherwise.contains(&stem);
        !known && without_tests(&code_of(source)).contains(mark)
    });
    missing
        .map(|(name, _)| {
            format!("{name}:1: is not in {table}: add its line there, or nobody will ever meet it")
        })
        .collect()
}

/// Every `.rs` file below a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![crate::root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(crate::root()).unwrap_or(&path);
                let text = fs::read_to_string(&path).expect("source files are text");
                found.push((name.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_source_keeps_its_shape() {
    let sources = sources("src");
    assert!(sources.len() > 20, "src/ was not found");
    let breaches: Vec<String> = sources
        .iter()
        .flat_map(|(file, source)| breaches(file, source))
        .collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn what_has_a_table_is_in_it() {
    let mut missing = Vec::new();
    for &table in TABLES {
        let files = sources(table.0);
        let table_file = format!("{}/mod.rs", table.0);
        let module = files.iter().find(|(name, _)| *name == table_file);
        let module = module.map_or("", |(_, source)| source);
        missing.extend(unregistered(table, module, &files));
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

#[test]
fn every_experiment_is_complete() {
    for entry in fs::read_dir(crate::root().join("captures")).expect("captures/ is there") {
        let folder = entry.expect("captures/ can be read").path();
        if !folder.is_dir() || folder.ends_with("__pycache__") {
            continue;
        }
        let path = folder.join("experiment.toml");
        assert!(path.is_file(), "{} is missing", path.display());
        // One that is not recorded yet can be run all the same.
        let [client, server] = ["client.pcapng", "server.pcapng"].map(|it| folder.join(it));
        let whole = client.is_file() == server.is_file();
        assert!(whole, "{}: half recorded: make record", folder.display());
    }
}

#[test]
fn every_test_file_says_what_it_is_for() {
    for (file, source) in sources("tests").iter().chain(&sources("benches")) {
        assert!(source.starts_with("//!"), "{file}:1: opens without `//!`");
    }
}

/// Each rule breaks on the smallest source that breaches it, and says where and why.
#[test]
fn a_breach_is_found_and_explained() {
    let cases = [
        (
            "src/view/x.rs",
            "//! X.\nuse crate::io::Source;",
            "src/view/x.rs:2: `view` may not import `io` (crate::io::Source): shows; never judges, never computes",
        ),
        (
            "src/view/x.rs",
            "//! X.\nfn f() { crate::track::new(); }",
            "src/view/x.rs:2: `view` may not import `track`",
        ),
        (
            "src/wire/x.rs",
            "//! X.\nuse crate::{\n    frame::Frame,\n};",
            "src/wire/x.rs:3: `wire` may not import `frame`",
        ),
        (
            "src/frame.rs",
            "//! X.\nuse super::decode::Packet;",
            "src/frame.rs:2: `frame` may not import `decode`",
        ),
        (
            "src/track/x.rs",
            "//! X.\nuse std::{fs, io};",
            "src/track/x.rs:2: `track` may not touch the outside world (std::fs)",
        ),
        (
            "src/lab/x.rs",
            "//! X.\nlet t = std::time::Instant::now();",
            "src/lab/x.rs:2: `lab` may not touch the outside world",
        ),
        (
            "src/decode/x.rs",
            "//! X.\nfn f() { unsafe { g() } }",
            "src/decode/x.rs:2: `unsafe` belongs in src/io/sys/",
        ),
        (
            "src/decode/x.rs",
            "//! X.\nfn f() { todo!() }",
            "src/decode/x.rs:2: `todo!`",
        ),
        (
            "src/decode/x.rs",
            "use std::fmt;",
            "src/decode/x.rs:1: opens without `//!`",
        ),
        (
            "src/novel/x.rs",
            "//! X.",
            "src/novel/x.rs:1: `novel` has no line in DIRECTIONS",
        ),
    ];
    for (file, source, expected) in cases {
        let found = breaches(file, source);
        assert_eq!(found.len(), 1, "{file}: {found:?}");
        assert!(
            found[0].starts_with(expected),
            "{}\nis not\n{expected}",
            found[0]
        );
    }
    let long = format!("//! X.\n{}", "\n".repeat(LONGEST));
    assert_eq!(breaches("src/wire/x.rs", &long).len(), 1);
}

#[test]
fn what_keeps_the_rules_is_left_in_peace() {
    let cases = [
        (
            "src/track/x.rs",
            "//! See [`crate::view`].\nuse crate::event::Segment;\nuse std::net::IpAddr;",
        ),
        (
            "src/view/x.rs",
            "//! X.\n#[cfg(test)]\nmod tests {\n    use crate::analysis::Analysis;\n}",
        ),
        (
            "src/io/sys/x.rs",
            "//! X.\nfn f() { unsafe { libc::close(3) } }",
        ),
        (
            "src/commands/x.rs",
            "//! X.\nuse std::fs;\nuse crate::view::VIEWS;",
        ),
    ];
    for (file, source) in cases {
        assert_eq!(breaches(file, source), [""; 0], "{file}");
    }
}

#[test]
fn a_file_left_out_of_its_table_is_found() {
    let view = |name: &str| {
        (
            format!("src/view/{name}.rs"),
            "impl View for X {}".to_owned(),
        )
    };
    let helper = ("src/view/units.rs".to_owned(), "fn f() {}".to_owned());
    let files = [view("ladder"), view("story"), helper];
    let module = "pub const VIEWS: &[Entry] = &[(\"ladder\", ladder::new)];\nmod story;";
    let missing = unregistered(TABLES[1], module, &files);
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].starts_with("src/view/story.rs:1: is not in VIEWS"),
        "{missing:?}"
    );
}
