//! A packet from its layers: shown, written down, or sent.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use super::sending;
use crate::cli;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::craft::{
    Around, Built, Forced, Fragments, KINDS, Mistake, Recipe, TomlMistake, choose, from_toml,
    layer, to_toml,
};
use crate::decode::Decoder;
use crate::event::units::plural;
use crate::frame::{Frame, LinkType, Timestamp};
use crate::inspect::Sheet;
use crate::io::craft::{Route, route};
use crate::io::privileges::{self, Becomes};
use crate::io::save::Saver;
use crate::io::{Interface, clock};
use crate::view::{self, Style};

/// Longest file taken for a description.
const MOST_TOML: u64 = 1 << 20;
/// Longest file taken for data: no packet holds more.
const MOST_DATA: u64 = 65_535;

/// Runs it.
pub(in crate::commands) fn run(args: &cli::Craft) -> Result<ExitCode> {
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let mut out = output::stdout();
    if let Some(names) = &args.fields {
        fields(args, names, &style, &mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let json = args.output.format == cli::Format::Json;
    for (is, name) in [
        (args.hex, "--hex"),
        (args.command, "--command"),
        (args.toml, "--toml"),
    ] {
        if is && json {
            bail!(
                "{name} writes no JSON; leave out --format json, or say --dry-run instead of {name}"
            );
        }
    }
    let mut recipe = recipe(args)?;
    for (path, bytes) in recipe.files() {
        *bytes = read(Path::new(path), MOST_DATA)?;
    }
    if args.command {
        let command = format!("wirelab craft {}\n", recipe.command());
        out.write_all(command.as_bytes()).map_err(Stopped::Output)?;
    }
    if args.toml {
        let text = to_toml(&recipe);
        out.write_all(text.as_bytes()).map_err(Stopped::Output)?;
    }
    if args.dry_run || args.draws() || args.hex || args.write.is_some() {
        let (packets, way) = unsent(args, &recipe)?;
        show(args, &style, &packets, &mut out)?;
        if args.dry_run {
            would_leave(args, &recipe, &packets, way.as_ref(), &style, &mut out)?;
        }
    }
    out.flush().map_err(Stopped::Output)?;
    if args.sends() {
        return sending::run(args, &recipe, &style, out);
    }
    Ok(ExitCode::SUCCESS)
}

fn recipe(args: &cli::Craft) -> Result<Recipe> {
    let marked = |mistake: &Mistake| anyhow!("{mistake}\n{}", mistake.marked());
    let Some(path) = &args.file else {
        if args.words.is_empty() {
            bail!(
                "no packet was asked for; say its layers, as in: wirelab craft --dry-run ipv4 dst=192.0.2.1 / udp dport=53"
            );
        }
        return Recipe::parse(&args.words).map_err(|mistake| marked(&mistake));
    };
    let text = String::from_utf8(read(path, MOST_TOML)?);
    let text = text.with_context(|| format!("{} is not text", path.display()))?;
    from_toml(&text).map_err(|error| {
        let name = path.to_string_lossy().escape_debug().to_string();
        match &error {
            TomlMistake::Words { mistake, .. } => anyhow!("{name}: {error}\n{}", mistake.marked()),
            TomlMistake::Shape(_) => anyhow!("{name}: {error}"),
        }
    })
}

/// What is in a file, which is no longer than that.
fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let name = path.to_string_lossy().escape_debug().to_string();
    let file = fs::File::open(path).with_context(|| format!("can't open {name}"))?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("can't read {name}"))?;
    if bytes.len() as u64 > most {
        bail!("{name} is longer than {most} bytes");
    }
    Ok(bytes)
}

fn fields(args: &cli::Craft, names: &[String], style: &Style, out: &mut impl Write) -> Result<()> {
    let kinds = if names.is_empty() {
        KINDS.iter().map(|kind| (kind, None)).collect()
    } else {
        vec![layer(names).map_err(|why| anyhow!("--fields {why}"))?]
    };
    for (number, (kind, message)) in kinds.into_iter().enumerate() {
        let entries = kind.entries(message);
        let done = match args.output.format {
            cli::Format::Json => view::craft::json::listing(kind, &entries, out),
            cli::Format::Text => {
                let gap = if number == 0 { "" } else { "\n" };
                out.write_all(gap.as_bytes())
                    .and_then(|()| view::craft::listing(style, kind, &entries, out))
            }
        };
        done.map_err(Stopped::Output)?;
    }
    out.flush().map_err(Stopped::Output)?;
    Ok(())
}

/// A packet's pieces, each as it would leave.
pub(super) struct Packets {
    pub(super) link_type: LinkType,
    pub(super) all: Vec<Vec<u8>>,
}

/// The packets that `recipe` and the deliberate errors make.
pub(super) fn packets(args: &cli::Craft, recipe: &Recipe, built: &Built) -> Result<Packets> {
    let mut all = match args.fragment {
        None => vec![built.bytes.clone()],
        Some(size) => {
            let fragments = Fragments {
                size,
                overlap: args.overlap.unwrap_or(0),
                fill: args.overlap_fill,
                order: args.order.clone().unwrap_or_default(),
            };
            fragments.of(recipe, built).map_err(|why| anyhow!(why))?
        }
    };
    for packet in &mut all {
        packet.truncate(packet.len().saturating_sub(args.cut));
        packet.resize(packet.len() + args.pad, 0);
        if packet.is_empty() {
            bail!("--cut {}: nothing is left of the packet", args.cut);
        }
    }
    Ok(Packets {
        link_type: built.link_type,
        all,
    })
}

/// What a packet would take from its way, as far as that can be known without sending anything.
pub(super) fn around(route: Option<&Route>) -> Around {
    Around {
        source: route.and_then(|it| it.source),
        mac: route.and_then(|it| it.mac),
        next_hop: None,
    }
}

/// The packets as they would leave; where there is no way to where they go, with what is known.
fn unsent(args: &cli::Craft, recipe: &Recipe) -> Result<(Packets, Option<Route>)> {
    let to = recipe.destination();
    let way = match (to, &args.interface) {
        (None, None) => None,
        (to, interface) => match route(to, interface.as_deref()) {
            Ok(route) => Some(route),
            Err(error) if interface.is_some() => return Err(error.into()),
            Err(_) => None,
        },
    };
    let built = recipe.build(&around(way.as_ref()));
    Ok((packets(args, recipe, &built)?, way))
}

/// The way that a packet is sent by which the command line asks for.
pub(super) fn forced(args: &cli::Craft) -> Option<Forced> {
    args.via.map(|via| match via {
        cli::Via::Ip => Forced::Ip,
        cli::Via::Ether => Forced::Ether,
    })
}

/// Says through what kind of socket the packets would leave, and why through that.
fn would_leave(
    args: &cli::Craft,
    recipe: &Recipe,
    packets: &Packets,
    way: Option<&Route>,
    style: &Style,
    out: &mut impl Write,
) -> Result<()> {
    let source = way.and_then(|way| way.source);
    let choice = choose(recipe, &packets.all, forced(args), source).map_err(|why| anyhow!(why))?;
    let done = match args.output.format {
        cli::Format::Json => {
            let command = format!("wirelab craft {}", recipe.command());
            let interface = way.map(|way| way.interface.as_str());
            view::craft::json::craft(&command, &choice, interface, packets.all.len(), out)
        }
        cli::Format::Text => view::craft::would_leave(style, &choice, out),
    };
    done.map_err(Stopped::Output)?;
    Ok(())
}

fn show(args: &cli::Craft, style: &Style, packets: &Packets, out: &mut impl Write) -> Result<()> {
    if let Some(path) = &args.write {
        save(path, packets)?;
        if !args.quiet {
            let name = path.to_string_lossy().escape_debug().to_string();
            let number = plural(packets.all.len() as u64, "packet");
            // Where nobody reads it, the file is there all the same.
            let _ = writeln!(
                io::stderr(),
                "wrote {number} to {name}; wirelab inspect {name} --frame 1 takes it apart"
            );
        }
    }
    let json = args.output.format == cli::Format::Json;
    for (number, packet) in (1..).zip(&packets.all) {
        if args.hex {
            let line = crate::wire::field::hex(packet) + "\n";
            out.write_all(line.as_bytes()).map_err(Stopped::Output)?;
        }
        if args.dry_run || args.draws() {
            let gap = number > 1 && !json;
            let gap = if gap { "\n" } else { "" };
            out.write_all(gap.as_bytes()).map_err(Stopped::Output)?;
            let mut decoder = Decoder::new();
            let how = How {
                style,
                json,
                diagram: args.diagram,
                number,
            };
            taken_apart(how, packets.link_type, packet, &mut decoder, out)?;
        }
    }
    Ok(())
}

/// How a packet is shown.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) style: &'a Style,
    pub(super) json: bool,
    pub(super) diagram: bool,
    /// Which packet it is, for scripts.
    pub(super) number: u64,
}

/// Shows a packet field by field.
pub(super) fn taken_apart(
    how: How<'_>,
    link_type: LinkType,
    bytes: &[u8],
    decoder: &mut Decoder,
    out: &mut impl Write,
) -> Result<()> {
    let frame = frame(how.number, link_type, bytes);
    let packet = decoder.decode(&frame);
    let sheet = Sheet::new(&frame, &packet);
    let style = how.style;
    let done = if how.json {
        view::json_fields(&sheet, how.number, out)
    } else if how.diagram {
        view::inspect::diagram(style, &sheet, out)
            .and_then(|()| view::inspect::troubles(style, &sheet, out))
    } else {
        view::inspect::fields(style, &sheet, out)
            .and_then(|()| view::inspect::troubles(style, &sheet, out))
    };
    done.map_err(Stopped::Output)?;
    Ok(())
}

/// Bytes as a frame.
pub(super) fn frame(number: u64, link_type: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        number,
        time: Timestamp::default(),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    }
}

/// Writes packets to a file.
fn save(path: &Path, packets: &Packets) -> Result<()> {
    let name = path.to_string_lossy().escape_debug().to_string();
    let becomes = Becomes::find()?;
    let mut saver = privileges::making_files(becomes, || Saver::create(path, &[]))
        .with_context(|| format!("can't write {name}"))?;
    let interface = Interface {
        name: None,
        link_type: packets.link_type,
        snaplen: 262_144,
        ticks_per_second: 1_000_000_000,
    };
    saver.interfaces(&[interface])?;
    let time = clock::now();
    for (number, packet) in (1..).zip(&packets.all) {
        let frame = Frame {
            time,
            ..frame(number, packets.link_type, packet)
        };
        saver.frame(&frame)?;
    }
    saver.flush().with_context(|| format!("can't write {name}"))
}
