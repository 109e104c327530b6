//! Captures packed with gzip (RFC 1952) or zstd (RFC 8878).
//!
//! Both formats allow several members or frames one after the other (`cat a.gz b.gz`, bgzip,
//! pzstd); they read as one stream. Whatever was unpacked before a cut or damage is handed over
//! before the error, so that the frames in it are seen.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Compressed bytes read at a time.
const PACKED_BYTES: usize = 64 * 1024;

/// The window `zstd -d` accepts without being told to (`--long=27`), so what it opens we open.
const ZSTD_WINDOW_BYTES: u64 = 1 << 27;

/// How a capture is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl Compression {
    /// Tells by the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match *head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A file may open with a skippable frame (0x184D2A50 to 5F), as pzstd's do.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Reads `packed`, which opens with the magic number, unpacked.
    pub(super) fn reader(self, packed: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let packed = BufReader::with_capacity(PACKED_BYTES, packed);
        match self {
            Self::Gzip => Box::new(GzipReader {
                member: Some(Box::new(GzDecoder::new(packed))),
            }),
            Self::Zstd => Box::new(ZstdReader {
                packed,
                decoder: Box::new(new_zstd_decoder()),
                state: ZstdState::Between,
            }),
        }
    }
}

fn trailing(kind: Compression) -> io::Error {
    let text = format!("what follows the end of the {kind} data is not {kind}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// All members of a gzip file.
struct GzipReader<R: BufRead> {
    /// `None` after the last member.
    member: Option<Box<GzDecoder<R>>>,
}

/// Unpacked bytes asked for at a time. The decoder gives nothing of a call in which it meets
/// damage, so this is the most that can be lost before the damage.
const GZIP_STEP_BYTES: usize = 16 * 1024;

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(GZIP_STEP_BYTES);
        let Some(into) = into.get_mut(..most) else {
            return Ok(0);
        };
        while let Some(mut member) = self.member.take() {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                self.member = Some(member);
                return Ok(count);
            }
            let mut packed = member.into_inner();
            loop {
                let head = packed.fill_buf()?;
                match head.first() {
                    None => return Ok(0),
                    Some(0x1f) => break,
                    // gzip itself passes over padding with zeros, which tapes and disks leave.
                    Some(0) => {
                        let zeros = head.iter().take_while(|byte| **byte == 0).count();
                        packed.consume(zeros);
                    }
                    Some(_) => return Err(trailing(Compression::Gzip)),
                }
            }
            self.member = Some(Box::new(GzDecoder::new(packed)));
        }
        Ok(0)
    }
}

/// All frames of a zstd file.
struct ZstdReader<R: BufRead> {
    packed: R,
    decoder: Box<FrameDecoder>,
    state: ZstdState,
}

enum ZstdState {
    /// Before a frame, or at the end.
    Between,
    Inside,
    /// What is decoded is handed over, then the error, then nothing.
    Failing(Option<io::Error>),
}

fn new_zstd_decoder() -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW_BYTES);
    decoder
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.state {
                ZstdState::Between => {
                    if self.packed.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    self.begin_frame()?;
                }
                ZstdState::Inside => {
                    let count = self.decoder.read(into)?;
                    if count > 0 || into.is_empty() {
                        return Ok(count);
                    }
                    if self.decoder.is_finished() {
                        self.end_frame()?;
                    } else {
                        self.decode_more();
                    }
                }
                ZstdState::Failing(error) => {
                    let count = self.decoder.read(into)?;
                    if count > 0 || into.is_empty() {
                        return Ok(count);
                    }
                    return error.take().map_or(Ok(0), Err);
                }
            }
        }
    }
}

impl<R: BufRead> ZstdReader<R> {
    fn begin_frame(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.packed) {
            Ok(()) => {
                self.state = ZstdState::Inside;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let there = io::copy(&mut (&mut self.packed).take(length), &mut io::sink())?;
                if there < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(())
            }
            Err(error) => {
                *self.decoder = new_zstd_decoder();
                self.state = ZstdState::Failing(None);
                Err(zstd_error(error))
            }
        }
    }

    fn decode_more(&mut self) {
        let step = BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.packed, step) {
            // The decoder keeps the last window back until its frame ends. An empty last block
            // and a checksum end it, so that what came before the error is handed over.
            let end = [1_u8, 0, 0, 0, 0, 0, 0];
            let step = BlockDecodingStrategy::UptoBlocks(1);
            if self.decoder.decode_blocks(&end[..], step).is_err() {
                *self.decoder = new_zstd_decoder();
            }
            self.state = ZstdState::Failing(Some(zstd_error(error)));
        }
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            self.state = ZstdState::Failing(None);
            let text = "the checksum of the unpacked data is wrong";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.state = ZstdState::Between;
        Ok(())
    }
}

/// Finds out what lies behind the decoder's error: the end of the data, the operating system, or
/// data that is wrong.
fn zstd_error(error: FrameDecoderError) -> io::Error {
    let mut inner: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = inner {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            if let Some(code) = cause.raw_os_error() {
                return io::Error::from_raw_os_error(code);
            }
            return cause.kind().into();
        }
        inner = cause.source();
    }
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "it needs a window of {} MiB, more than {} MiB; unpack it first: zstd -d --memory={}MB FILE",
                requested >> 20,
                max >> 20,
                (requested >> 20) + 1
            ),
        ),
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)) => {
            trailing(Compression::Zstd)
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
