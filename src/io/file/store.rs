//! The bytes of a capture where they can be read from any place: a plain file as it is, a recording in
//! memory, and what is packed or comes through a pipe in a temporary file that has no name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, process, thread};

use nix::fcntl::OFlag;

use super::compressed::Compression;
use super::input::Input;
use crate::io::SourceError;

/// Bytes that are unpacked or taken from a pipe at once.
const STEP_BYTES: usize = 256 * 1024;

/// The bytes of a capture. Copies are the same thing.
#[derive(Clone)]
pub struct Store {
    held: Held,
    /// Where the first byte of the capture stands.
    base: u64,
    /// Of what may still grow: how long it is, and how it ended.
    growth: Option<Arc<Growth>>,
}

#[derive(Clone)]
enum Held {
    Memory(Arc<[u8]>),
    File(Arc<File>),
}

/// What is known of a file that somebody is writing.
#[derive(Debug, Default)]
struct Growth {
    length: AtomicU64,
    /// Packets that should be in it and had no room on their way.
    dropped: AtomicU64,
    ending: Mutex<Option<Ending>>,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Why less came than there should be, if that is so.
    pub cut: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("growth", &self.growth)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// The capture at `path`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// When it can't be opened, or what comes can't be kept.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::of(super::file_at(path)?)
    }

    /// The capture in an open file, a pipe or the like.
    fn of(mut file: File) -> Result<Self, SourceError> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            let text = "not a capture: this is a directory; name a file in it";
            return Err(SourceError::NotACapture(text.into()));
        }
        if !metadata.is_file() {
            return Self::spool(Box::new(file));
        }
        let base = file.stream_position()?;
        let mut head = [0; 4];
        let known = file.read_at(&mut head, base)?;
        let packed = head.get(..known).and_then(Compression::of).is_some();
        if packed {
            return Self::spool(Box::new(file));
        }
        Ok(Self {
            held: Held::File(Arc::new(file)),
            base,
            growth: None,
        })
    }

    /// A capture in memory, unpacked if it is packed.
    ///
    /// # Errors
    ///
    /// When it can't be unpacked.
    pub fn of_bytes(bytes: &'static [u8]) -> Result<Self, SourceError> {
        let held: Arc<[u8]> = match Compression::of(bytes) {
            None => bytes.into(),
            Some(compression) => {
                let mut unpacked = Vec::new();
                compression
                    .reader(Box::new(bytes))
                    .read_to_end(&mut unpacked)?;
                unpacked.into()
            }
        };
        Ok(Self {
            held: Held::Memory(held),
            base: 0,
            growth: None,
        })
    }

    /// What `reader` gives, unpacked if it is packed, kept as it comes in a temporary file.
    ///
    /// # Errors
    ///
    /// When there is no place for such a file.
    pub fn spool(reader: Box<dyn Read + Send>) -> Result<Self, SourceError> {
        let (kept, folder) = unnamed()?;
        let store = Self::growing(kept.try_clone()?);
        let growth = store.growth.clone().unwrap_or_default();
        let fill = move || {
            let cut = fill(reader, &kept, &folder, &growth).err();
            growth.end(cut.map(|error| error.to_string()));
        };
        thread::Builder::new().name("spool".into()).spawn(fill)?;
        Ok(store)
    }

    /// A file that is being written, until [`Store::end`] is called.
    pub fn growing(file: File) -> Self {
        Self {
            held: Held::File(Arc::new(file)),
            base: 0,
            growth: Some(Arc::default()),
        }
    }

    /// A temporary file to write a capture to that grows, and the store of it.
    ///
    /// # Errors
    ///
    /// When there is no place for such a file.
    pub fn temporary() -> io::Result<(File, Self)> {
        let (file, _) = unnamed()?;
        let store = Self::growing(file.try_clone()?);
        Ok((file, store))
    }

    /// Says that nothing more is written, and why, if there should have been more.
    pub fn end(&self, cut: Option<String>) {
        if let Some(growth) = &self.growth {
            growth.end(cut);
        }
    }

    /// Says how many packets in all had no room on their way to it.
    pub fn note_dropped(&self, packets: u64) {
        if let Some(growth) = &self.growth {
            growth.dropped.store(packets, Ordering::Relaxed);
        }
    }

    /// Packets that should be in it and are not, as far as is known.
    pub fn dropped(&self) -> u64 {
        let growth = self.growth.as_ref();
        growth.map_or(0, |growth| growth.dropped.load(Ordering::Relaxed))
    }

    /// How it ended; `None` while more may come. What is not being written has ended.
    pub fn ending(&self) -> Option<Ending> {
        match &self.growth {
            None => Some(Ending::default()),
            Some(growth) => growth.ending().clone(),
        }
    }

    /// Bytes there are now.
    pub fn len(&self) -> u64 {
        match (&self.held, &self.growth) {
            (Held::Memory(bytes), _) => bytes.len() as u64,
            (Held::File(file), growth) => {
                let known = growth
                    .as_ref()
                    .map_or(0, |growth| growth.length.load(Ordering::Acquire));
                let there = file.metadata().map_or(0, |metadata| metadata.len());
                known.max(there.saturating_sub(self.base))
            }
        }
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `offset` on.
    pub fn reader(&self, offset: u64) -> Box<dyn Read + Send> {
        Box::new(Reader {
            held: self.held.clone(),
            at: self.base + offset,
        })
    }
}

/// Reads what is held, wherever others read.
struct Reader {
    held: Held,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &self.held {
            Held::File(file) => file.read_at(into, self.at)?,
            Held::Memory(bytes) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(from..).unwrap_or_default().read(into)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Growth {
    fn ending(&self) -> std::sync::MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first end counts.
    fn end(&self, cut: Option<String>) {
        self.ending().get_or_insert(Ending { cut });
    }
}

/// Keeps what `reader` gives.
fn fill(
    reader: Box<dyn Read + Send>,
    kept: &File,
    folder: &Path,
    growth: &Growth,
) -> Result<(), SourceError> {
    let mut input = Input::new(reader);
    input.has(4)?;
    if let Some(compression) = Compression::of(input.window()) {
        input = input.unpacked(compression);
    }
    let (mut kept, mut length) = (kept, 0);
    while input.has(1)? {
        let most = input.window().len().min(STEP_BYTES);
        let bytes = input.take(most);
        kept.write_all(bytes)
            .map_err(|error| cant_keep(folder, &error))?;
        length += bytes.len() as u64;
        growth.length.store(length, Ordering::Release);
    }
    match input.cut() {
        Some(cut) => Err(SourceError::Damaged(cut.to_owned())),
        None => Ok(()),
    }
}

#[cold]
fn cant_keep(folder: &Path, error: &io::Error) -> SourceError {
    let folder = folder.display().to_string();
    SourceError::Io(io::Error::new(
        error.kind(),
        format!(
            "can't keep what comes in a temporary file in {}: {error}; set TMPDIR to a folder with room",
            folder.escape_debug()
        ),
    ))
}

/// A file without a name, gone when nobody has it open any more, and the folder it is in.
fn unnamed() -> io::Result<(File, PathBuf)> {
    let folder = env::temp_dir();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let tmpfile = options
        .clone()
        .custom_flags(OFlag::O_TMPFILE.bits())
        .open(&folder);
    let file = tmpfile.or_else(|_| {
        // Not every file system can; there it has a name for a moment.
        (0..100)
            .map(|attempt| folder.join(format!(".wirelab-{}-{attempt}", process::id())))
            .find_map(|path| {
                let file = options.clone().create_new(true).open(&path);
                match file {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    Err(error) => Some(Err(error)),
                    Ok(file) => Some(fs::remove_file(&path).map(|()| file)),
                }
            })
            .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
    });
    match file {
        Ok(file) => Ok((file, folder)),
        Err(error) => Err(match cant_keep(&folder, &error) {
            SourceError::Io(error) => error,
            other => io::Error::other(other),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(store: &Store, from: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        store.reader(from).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Waits for its end; a test that fails here waits for ever and is ended by whoever runs it.
    fn ended(store: &Store) -> Ending {
        loop {
            if let Some(ending) = store.ending() {
                return ending;
            }
            thread::yield_now();
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_read_from_anywhere() {
        let plain: Vec<u8> = (0..700_000_u32).map(|at| (at % 251) as u8).collect();
        let packed: &'static [u8] = gzip(&plain).leak();
        let in_memory = Store::of_bytes(packed).unwrap();
        let spooled = Store::spool(Box::new(packed)).unwrap();
        assert_eq!(ended(&spooled), Ending { cut: None });
        for store in [in_memory, spooled] {
            assert_eq!(store.len(), 700_000);
            assert!(!store.is_empty());
            for from in [0, 1, 300_001, 699_999, 700_000] {
                assert!(all(&store, from) == plain[from as usize..], "from {from}");
            }
        }
    }

    #[test]
    fn what_ends_too_early_says_so_and_keeps_what_came() {
        let packed = gzip(&vec![7; 100_000]);
        let cut: &'static [u8] = packed[..packed.len() - 9].to_vec().leak();
        let store = Store::spool(Box::new(cut)).unwrap();
        let ending = ended(&store).cut.unwrap();
        assert_eq!(ending, "the gzip data ends too early");
        assert!(store.len() > 50_000);
    }

    #[test]
    fn a_file_that_grows_gives_what_is_there() {
        let (mut file, store) = Store::temporary().unwrap();
        assert!(store.is_empty() && store.ending().is_none());
        file.write_all(b"one").unwrap();
        assert_eq!((store.len(), all(&store, 1)), (3, b"ne".to_vec()));
        file.write_all(b"two").unwrap();
        assert_eq!(all(&store, 3), b"two");
        store.end(Some("the first end counts".into()));
        store.end(None);
        assert!(store.ending().unwrap().cut.is_some());
    }

    #[test]
    fn a_file_is_read_from_where_it_stands() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"head and the rest").unwrap();
        file.seek(io::SeekFrom::Start(5)).unwrap();
        let store = Store::of(file).unwrap();
        assert_eq!((store.len(), all(&store, 4)), (12, b"the rest".to_vec()));
        assert_eq!(store.ending(), Some(Ending::default()));
    }
}
