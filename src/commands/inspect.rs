//! `inspect`: one frame, every bit of it.

mod live;

use std::io::{self, BufWriter, Cursor, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use super::input;
use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::decode::{Decoder, Packet};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::inspect::{Piece, Sheet, Whole, difference, gaps, given, piece, workings};
use crate::io::{Source, file};
use crate::view::{self, Style};

/// Most text read for a packet: a hexdump of the longest one there can be is shorter.
const MOST_TEXT: u64 = 16 << 20;

/// Frames listed when none was asked for.
const LISTED: u64 = 40;
/// Fragments kept on the way to the frame that is asked for.
const PIECES: usize = 4096;
/// How far after a fragment others of its datagram are looked for.
const FRAMES_AFTER: u64 = 10_000;

/// Runs it.
pub(super) fn run(args: &cli::Inspect) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    if args.output.format == cli::Format::Json && (args.diagram || args.bits) {
        bail!(
            "--diagram and --bits are pictures; with --format json every field line has its offset, bit, bits, mask and raw value"
        );
    }
    if let Some(interface) = &args.interface {
        return live::run(args, interface, &style);
    }
    if !args.filter().is_empty() {
        bail!("a filter is for -i; of a capture say --frame N");
    }
    let mut frames = open(args)?;
    let mut out = output::stdout();
    if let Some(&[one, two]) = args.diff.as_deref() {
        compare(args, &style, &mut frames, (one, two), &mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let number = match (args.frame, frames.only) {
        (Some(number), _) => number,
        (None, true) => 1,
        (None, false) => {
            // Which frame is meant is clear when there is one alone.
            if let Some(frame) = list(args, &style, &mut frames, &mut out)? {
                show(args, &style, &frame.frame(1), &mut Decoder::new(), &mut out)
                    .map_err(Stopped::Output)?;
            }
            out.flush().map_err(Stopped::Output)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut decoder = Decoder::new();
    let written = frames.find(number, &mut decoder, |frame, decoder| {
        show(args, &style, frame, decoder, &mut out)
    })?;
    let this = written.map_err(Stopped::Output)?;
    let pieces = frames.pieces_of(this);
    if !pieces.is_empty() {
        match args.output.format {
            cli::Format::Json => view::json_pieces(&pieces, &mut out),
            cli::Format::Text => view::inspect::pieces(&style, &pieces, number, &mut out),
        }
        .map_err(Stopped::Output)?;
    }
    out.flush().map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the frames, the first of them a line each, for one of them to be asked for; of a single
/// frame it writes nothing and gives that.
fn list(
    args: &cli::Inspect,
    style: &Style,
    frames: &mut Frames,
    out: &mut impl Write,
) -> Result<Option<Kept>> {
    let mut decoder = Decoder::new();
    let mut first: Option<(Kept, String)> = None;
    let mut count = 0;
    loop {
        // What is not shown is counted, not decoded.
        let next = frames.next(count, |frame| {
            let summary = (count < LISTED).then(|| decoder.decode(frame).summary());
            ((count == 0).then(|| Kept::of(frame)), summary)
        })?;
        let Some((kept, summary)) = next else {
            break;
        };
        count += 1;
        let summary = summary.unwrap_or_default();
        if let Some(kept) = kept {
            first = Some((kept, summary));
            continue;
        }
        if count == 2 {
            if args.output.format == cli::Format::Json {
                bail!("which frame? say --frame N, counted from 1");
            }
            let one = first.take().map(|(_, summary)| summary);
            let one = one.unwrap_or_default();
            view::inspect::listed(style, 1, &one, out).map_err(Stopped::Output)?;
        }
        if count <= LISTED {
            view::inspect::listed(style, count, &summary, out).map_err(Stopped::Output)?;
        }
    }
    if count == 0 {
        bail!("there is no frame in it");
    }
    if count == 1 {
        return Ok(first.map(|(kept, _)| kept));
    }
    let more = match count.saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("and {more} more; "),
    };
    writeln!(out, "{more}--frame N takes one of them apart").map_err(Stopped::Output)?;
    Ok(None)
}

/// Shows a frame as the options say; gives the fragment it is, if it is one.
fn show(
    args: &cli::Inspect,
    style: &Style,
    frame: &Frame<'_>,
    decoder: &mut Decoder,
    out: &mut BufWriter<impl Write>,
) -> io::Result<Option<(Whole, Piece)>> {
    let packet = decoder.decode(frame);
    let sheet = Sheet::new(frame, &packet);
    match args.output.format {
        cli::Format::Json => {
            view::json_fields(&sheet, frame.number, out)?;
            if args.checksum {
                let workings = workings(&sheet, packet.ip.as_ref(), !frame.is_cut());
                view::json_sums(&sheet, frame.number, &workings, out)?;
            }
            Ok(())
        }
        cli::Format::Text => text(args, style, frame, &packet, &sheet, out),
    }?;
    Ok(piece(frame.number, frame.bytes, &packet))
}

/// A frame, kept while another is looked for.
struct Kept {
    link_type: LinkType,
    original_len: u32,
    bytes: Vec<u8>,
}

/// Shows what differs between two frames, each by itself: fragments are not put together.
fn compare(
    args: &cli::Inspect,
    style: &Style,
    frames: &mut Frames,
    of: (u64, u64),
    out: &mut BufWriter<impl Write>,
) -> Result<()> {
    let (first, last) = (of.0.min(of.1), of.0.max(of.1));
    let mut kept = frames.keep(&[first, last])?;
    if of.0 > of.1 {
        kept.reverse();
    }
    let (Some(one), Some(two)) = (kept.first(), kept.last()) else {
        bail!("there is no frame {last}: the capture ends before it");
    };
    let mut decoders = [Decoder::new(), Decoder::new()];
    let [for_one, for_two] = &mut decoders;
    let (one, two) = (one.frame(of.0), two.frame(of.1));
    let one = Sheet::new(&one, &for_one.decode(&one));
    let two = Sheet::new(&two, &for_two.decode(&two));
    let difference = difference(&one, &two);
    match args.output.format {
        cli::Format::Json => view::json_difference(of, &difference, out),
        cli::Format::Text => view::inspect::diff(style, of, &difference, out),
    }
    .and_then(|()| out.flush())
    .map_err(Stopped::Output)?;
    Ok(())
}

impl Kept {
    fn of(frame: &Frame<'_>) -> Self {
        Self {
            link_type: frame.link_type,
            original_len: frame.original_len,
            bytes: frame.bytes.to_vec(),
        }
    }

    fn frame(&self, number: u64) -> Frame<'_> {
        Frame {
            number,
            time: Timestamp::default(),
            link_type: self.link_type,
            interface: 0,
            original_len: self.original_len,
            bytes: &self.bytes,
            comment: None,
        }
    }
}

fn text(
    args: &cli::Inspect,
    style: &Style,
    frame: &Frame<'_>,
    packet: &Packet<'_>,
    sheet: &Sheet<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    view::inspect::what(style, frame.number, &packet.summary(), out)?;
    let mut shown = false;
    let mut next = |out: &mut dyn Write| {
        if std::mem::replace(&mut shown, true) {
            return writeln!(out);
        }
        Ok(())
    };
    if args.diagram {
        next(out)?;
        view::inspect::diagram(style, sheet, out)?;
    }
    if args.bits {
        next(out)?;
        view::inspect::bits(style, sheet, out)?;
    }
    if args.checksum {
        next(out)?;
        let workings = workings(sheet, packet.ip.as_ref(), !frame.is_cut());
        view::inspect::sums(style, sheet, &workings, out)?;
    }
    if !shown {
        view::inspect::fields(style, sheet, out)?;
    }
    view::inspect::troubles(style, sheet, out)
}

/// Where frames come from.
struct Frames {
    source: Given,
    /// What the frames begin with, if it was said.
    link: Option<LinkType>,
    /// Whether there is only one.
    only: bool,
    /// The fragments met so far.
    pieces: Vec<(Whole, Piece)>,
}

enum Given {
    Capture(Box<dyn Source>),
    Packets(Vec<Vec<u8>>),
}

fn open(args: &cli::Inspect) -> Result<Frames> {
    let link = args.link.map(|link| match link {
        cli::Link::Ethernet => LinkType::ETHERNET,
        cli::Link::Ipv4 => LinkType::IPV4,
        cli::Link::Ipv6 => LinkType::IPV6,
        cli::Link::Raw => LinkType::RAW,
    });
    let source = match (&args.hex, args.capture.as_deref()) {
        (Some(hex), _) => Given::Packets(vec![given::digits(hex).context("--hex")?]),
        (None, Some("-") | None) => standard_input()?,
        (None, Some(name)) => {
            let capture = input::capture(name).map_err(|error| {
                let digits = name.len() > 2 && given::digits(name).is_ok();
                if digits && !Path::new(name).exists() {
                    return anyhow!(
                        "{error:#}; a packet in hexadecimal digits is given by --hex: wirelab inspect --hex '{name}'"
                    );
                }
                error
            })?;
            Given::Capture(capture.0)
        }
    };
    let only = matches!(&source, Given::Packets(packets) if packets.len() == 1);
    Ok(Frames {
        source,
        link,
        only,
        pieces: Vec::new(),
    })
}

/// A capture or text on standard input, as its first bytes tell.
fn standard_input() -> Result<Given> {
    if io::stdin().is_terminal() {
        bail!(
            "standard input is a terminal; pipe a capture, a hexdump or base64 into it, as in: xxd packet.bin | wirelab inspect -"
        );
    }
    let mut first = Vec::new();
    let failed = "can't read standard input";
    io::stdin()
        .take(4)
        .read_to_end(&mut first)
        .context(failed)?;
    // A pcapng file begins with line ends, every other capture with bytes that are no text.
    if first == [0x0a, 0x0d, 0x0d, 0x0a] || !first.iter().all(u8::is_ascii) {
        let whole = Box::new(Cursor::new(first).chain(io::stdin()));
        return Ok(Given::Capture(
            file::from_reader(whole, None).context(failed)?,
        ));
    }
    io::stdin()
        .take(MOST_TEXT)
        .read_to_end(&mut first)
        .context(failed)?;
    let text = String::from_utf8_lossy(&first);
    let packets = given::packets(&text).context("can't make a packet of standard input")?;
    Ok(Given::Packets(packets))
}

impl Frames {
    /// The frames of these numbers, which rise or are equal.
    fn keep(&mut self, numbers: &[u64]) -> Result<Vec<Kept>> {
        let mut kept = Vec::new();
        let mut before = 0;
        for &number in numbers {
            if number == before {
                continue;
            }
            // A capture is read on from where it is, packets in memory are counted from the first.
            kept.push(self.find(number, &mut Decoder::new(), |frame, _| Kept::of(frame))?);
            before = number;
        }
        Ok(kept)
    }

    /// Hands frame `number` to `show`, with a decoder that has seen all frames before it, so that
    /// fragments are put together.
    fn find<T>(
        &mut self,
        number: u64,
        decoder: &mut Decoder,
        show: impl FnOnce(&Frame<'_>, &mut Decoder) -> T,
    ) -> Result<T> {
        match &mut self.source {
            Given::Packets(packets) => {
                let count = packets.len();
                let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
                let Some(before) = packets.get(..index) else {
                    bail!("there is no packet {number}: there are {count}");
                };
                let Some(bytes) = packets.get(index) else {
                    bail!("there is no packet {number}: there are {count}");
                };
                for (number, bytes) in (1..).zip(before) {
                    let packet = decoder.decode(&lone(number, bytes, self.link)?);
                    remember(&mut self.pieces, piece(number, bytes, &packet));
                }
                Ok(show(&lone(number, bytes, self.link)?, decoder))
            }
            Given::Capture(source) => loop {
                let Some(mut frame) = source.next_frame().context("can't read on")? else {
                    bail!("there is no frame {number}: the capture ends before it");
                };
                if let Some(link) = self.link {
                    frame.link_type = link;
                }
                if frame.number == number {
                    return Ok(show(&frame, decoder));
                }
                let packet = decoder.decode(&frame);
                remember(&mut self.pieces, piece(frame.number, frame.bytes, &packet));
            },
        }
    }

    /// Hands the frame after the first `before` to `show`; `None` at the end.
    fn next<T>(&mut self, before: u64, show: impl FnOnce(&Frame<'_>) -> T) -> Result<Option<T>> {
        match &mut self.source {
            Given::Packets(packets) => {
                let index = usize::try_from(before).unwrap_or(usize::MAX);
                let Some(bytes) = packets.get(index) else {
                    return Ok(None);
                };
                Ok(Some(show(&lone(before + 1, bytes, self.link)?)))
            }
            Given::Capture(source) => {
                let Some(mut frame) = source.next_frame().context("can't read on")? else {
                    return Ok(None);
                };
                if let Some(link) = self.link {
                    frame.link_type = link;
                }
                Ok(Some(show(&frame)))
            }
        }
    }

    /// All fragments of the datagram that `this` belongs to: those met on the way, and those that
    /// come after it until the datagram is whole.
    fn pieces_of(&mut self, this: Option<(Whole, Piece)>) -> Vec<Piece> {
        let Some((whole, this)) = this else {
            return Vec::new();
        };
        let before = self.pieces.iter().filter(|(other, _)| *other == whole);
        let mut pieces: Vec<Piece> = before.map(|(_, piece)| *piece).collect();
        pieces.push(this);
        // Identifications are used again: what comes much later is another datagram's.
        for number in this.frame + 1..=this.frame + FRAMES_AFTER {
            let (end, missing) = gaps(&pieces);
            if end.is_some() && missing.is_empty() || !self.has(number) {
                break;
            }
            let mut decoder = Decoder::new();
            let found = self.find(number, &mut decoder, |frame, decoder| {
                piece(frame.number, frame.bytes, &decoder.decode(frame))
            });
            match found {
                Ok(Some((other, piece))) if other == whole => pieces.push(piece),
                Ok(_) => {}
                // The end of the capture.
                Err(_) => break,
            }
        }
        pieces
    }

    /// Whether there may be a frame of that number.
    fn has(&self, number: u64) -> bool {
        match &self.source {
            Given::Packets(packets) => number <= packets.len() as u64,
            Given::Capture(_) => true,
        }
    }
}

/// Keeps a fragment, the newest of so many: the others' datagrams will not be asked for.
fn remember(pieces: &mut Vec<(Whole, Piece)>, piece: Option<(Whole, Piece)>) {
    if let Some(piece) = piece {
        if pieces.len() >= PIECES {
            pieces.drain(..PIECES / 2);
        }
        pieces.push(piece);
    }
}

/// A packet that came without a capture around it.
fn lone(number: u64, bytes: &[u8], link: Option<LinkType>) -> Result<Frame<'_>> {
    let link_type = link.or_else(|| given::guess(bytes)).context(
        "can't tell from these bytes what they begin with; say --link ethernet, ipv4 or ipv6",
    )?;
    Ok(Frame {
        number,
        time: Timestamp::default(),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    })
}
