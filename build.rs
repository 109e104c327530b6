//! Puts an empty `libpcap.a` on the link path, so that building never needs libpcap.
//!
//! The `pcap` crate asks the linker for `-lpcap`. The functions it calls are defined by
//! `src/io/sys/libpcap.rs`, which loads the real library when one of them is first called.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("libpcap.a"), b"!<arch>\n")?;
    println!("cargo::rustc-link-search=native={out}");
    Ok(())
}
