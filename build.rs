//! Two things that must be there before the crate is compiled.
//!
//! 1. An empty `libpcap.a` on the link path, so that building never needs libpcap: the `pcap`
//!    crate asks the linker for `-lpcap`, and the functions it calls are defined by
//!    `src/io/sys/libpcap.rs`, which loads the real library when one of them is first called.
//! 2. The table of the recordings in `captures/`, for `src/recordings.rs` to include. The folder is
//!    the list: a recording is embedded because it is there.

#![expect(
    clippy::disallowed_macros,
    reason = "a build script talks to cargo on its standard output"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo looks at everything below a folder, so a new recording is seen as well as a new version.
    println!("cargo::rerun-if-changed=captures");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);

    fs::write(out.join("libpcap.a"), b"!<arch>\n")?;
    println!("cargo::rustc-link-search=native={}", out.display());

    let captures = env::current_dir()?.join("captures");
    fs::write(out.join("recordings.rs"), table(&captures)?)
}

/// One recording of the folder.
struct Entry {
    order: i64,
    name: String,
    title: String,
    look_for: String,
    /// Path of the client's capture.
    client: String,
    /// Path of the server's capture.
    server: String,
}

/// The Rust source of the table, in teaching order.
fn table(captures: &Path) -> io::Result<String> {
    let mut entries = Vec::new();
    for folder in fs::read_dir(captures)? {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        // `record.py`, and what Python or an editor leaves beside it.
        if folder.file_type()?.is_dir() && !name.starts_with(['.', '_']) {
            entries.push(entry(&folder.path(), name)?);
        }
    }
    entries.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));

    let mut source = String::from("&[\n");
    for entry in entries {
        let Entry {
            name,
            title,
            look_for,
            client,
            server,
            ..
        } = entry;
        write!(
            source,
            "    Recording {{\n        name: {name:?},\n        title: {title:?},\n        \
             look_for: {look_for:?},\n        client: include_bytes!({client:?}),\n        \
             server: include_bytes!({server:?}),\n    }},\n"
        )
        .map_err(io::Error::other)?;
    }
    source.push_str("]\n");
    Ok(source)
}

/// Reads what the table says of one folder.
fn entry(folder: &Path, name: String) -> io::Result<Entry> {
    let path = folder.join("experiment.toml");
    let problem = |what: String| io::Error::other(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| problem(error.to_string()))?;
    let experiment: toml::Table = text.parse().map_err(|error| problem(format!("{error}")))?;
    let words = |key: &str| {
        let value = experiment.get(key).and_then(toml::Value::as_str);
        value
            .map(str::to_owned)
            .ok_or_else(|| problem(format!("needs `{key} = \"…\"`")))
    };
    let order = experiment.get("order").and_then(toml::Value::as_integer);
    let recorded = |file: &str| {
        let path = folder.join(file);
        if path.is_file() {
            Ok(path.display().to_string())
        } else {
            Err(problem(format!(
                "{file} is missing beside it; `make record` makes it"
            )))
        }
    };
    Ok(Entry {
        order: order
            .ok_or_else(|| problem("needs `order = N`, its place among the lessons".to_owned()))?,
        title: words("title")?,
        look_for: words("look_for")?,
        client: recorded("client.pcapng")?,
        server: recorded("server.pcapng")?,
        name,
    })
}
