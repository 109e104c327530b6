//! Two things that must be there before the crate is compiled.
//!
//! 1. An empty `libpcap.a` on the link path, so that building never needs libpcap: the `pcap`
//!    crate asks the linker for `-lpcap`, and the functions it calls are defined by
//!    `src/io/sys/libpcap.rs`, which loads the real library when one of them is first called.
//! 2. The tables of the experiments in `captures/` and of their recordings, for `src/recordings.rs` to
//!    include. The folder is the list: an experiment is embedded because it is there. Its files are
//!    compressed here, so that all of them together are small in the binary.

#![expect(
    clippy::disallowed_macros,
    reason = "a build script talks to cargo on its standard output"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo looks at everything below a folder, so a new recording is seen as well as a new version.
    println!("cargo::rerun-if-changed=captures");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);

    fs::write(out.join("libpcap.a"), b"!<arch>\n")?;
    println!("cargo::rustc-link-search=native={}", out.display());

    let captures = env::current_dir()?.join("captures");
    fs::write(out.join("recordings.rs"), tables(&captures, &out)?)
}

/// One experiment of the folder, each value as Rust source.
struct Entry {
    order: u32,
    name: String,
    /// The fields that an experiment and its recording have in common.
    words: String,
    /// The fields that only the experiment has.
    experiment: String,
    /// Those that only the recording has; `None` when it is not made yet.
    recording: Option<String>,
}

/// The Rust source of the tables, in teaching order.
fn tables(captures: &Path, out: &Path) -> io::Result<String> {
    let mut entries = Vec::new();
    for folder in fs::read_dir(captures)? {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        // What an editor leaves beside them.
        if folder.file_type()?.is_dir() && !name.starts_with(['.', '_']) {
            entries.push(entry(&folder.path(), name, out)?);
        }
    }
    entries.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));

    let lessons: Vec<_> = entries
        .iter()
        .map(|entry| format!("    Lesson {{ {}, {} }},\n", entry.words, entry.experiment))
        .collect();
    let recordings: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            let recording = entry.recording.as_ref()?;
            Some(format!(
                "    Recording {{ {}, {recording} }},\n",
                entry.words
            ))
        })
        .collect();
    Ok(format!(
        "static LESSONS: [Lesson; {}] = [\n{}];\nstatic RECORDINGS: [Recording; {}] = [\n{}];\n",
        lessons.len(),
        lessons.concat(),
        recordings.len(),
        recordings.concat()
    ))
}

/// Reads what the tables say of one folder, and packs its files into `out`.
fn entry(folder: &Path, name: String, out: &Path) -> io::Result<Entry> {
    let path = folder.join("experiment.toml");
    let problem = |what: String| io::Error::other(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| problem(error.to_string()))?;
    let experiment: toml::Table = text.parse().map_err(|error| problem(format!("{error}")))?;
    let said = |key: &str| experiment.get(key).and_then(toml::Value::as_str);
    let needed = |key: &str| said(key).ok_or_else(|| problem(format!("needs `{key} = \"…\"`")));
    let order = experiment.get("order").and_then(toml::Value::as_integer);
    let order = order.and_then(|order| u32::try_from(order).ok());
    let order = order
        .ok_or_else(|| problem("needs `order = N`, its place among the lessons".to_owned()))?;

    let packed = |file: &str| {
        pack(
            &folder.join(file),
            &out.join(format!("{name}.{file}.deflate")),
        )
    };
    let (client, server) = (folder.join("client.pcapng"), folder.join("server.pcapng"));
    let recording = match (client.is_file(), server.is_file()) {
        (false, false) => None,
        (true, true) => Some((packed("client.pcapng")?, packed("server.pcapng")?)),
        (true, false) | (false, true) => {
            return Err(problem("one of client.pcapng and server.pcapng is missing beside it; `make record` makes both".to_owned()));
        }
    };
    let truth = if folder.join("truth.ndjson").is_file() {
        format!("Some({})", packed("truth.ndjson")?)
    } else {
        "None".to_owned()
    };
    let mut words = String::new();
    write!(
        words,
        "name: {name:?}, title: {:?}, look_for: {:?}",
        needed("title")?,
        needed("look_for")?
    )
    .map_err(io::Error::other)?;
    Ok(Entry {
        order,
        words,
        experiment: format!(
            "order: {order}, topic: {:?}, text: {}",
            said("topic").unwrap_or_default(),
            packed("experiment.toml")?
        ),
        recording: recording
            .map(|(client, server)| format!("client: {client}, server: {server}, truth: {truth}")),
        name,
    })
}

/// Compresses the file `from` to `to`, and gives the Rust source of it.
fn pack(from: &Path, to: &Path) -> io::Result<String> {
    let bytes = fs::read(from)?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    fs::write(to, encoder.finish()?)?;
    let to = to.display().to_string();
    Ok(format!(
        "Packed::new(include_bytes!({to:?}), {})",
        grouped(bytes.len())
    ))
}

/// A number as Rust source, its digits in threes as the lints want them.
fn grouped(number: usize) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{}_{:03}", grouped(thousands), number % 1000),
    }
}
