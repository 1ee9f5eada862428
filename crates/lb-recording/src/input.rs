//! Opens recordings: files, standard input, and what gzip or zstd compressed, told from the content.

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, IsTerminal, Read};
use std::path::Path;
use std::rc::Rc;

/// Size of the buffers before and after decompression.
const BUFFER: usize = 128 << 10;
/// Logs shrink to a tenth or a twentieth. What grows more than this, and beyond [`SUSPICIOUS`], is not a log.
const MOST_GROWTH: u64 = 250;
/// Decompressed bytes from which on the growth is looked at.
const SUSPICIOUS: u64 = 64 << 20;

/// The decompressed content of a recording.
pub(crate) type Input = Box<dyn BufRead>;

/// Opens a file; `-` is standard input.
pub(crate) fn open(path: &Path) -> io::Result<Input> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            let message = "nothing is piped to standard input; use `zcat access.log.gz | bench --replay -`";
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        return decompressed(io::stdin(), BUFFER);
    }
    let file = lb_io::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder; name the files in it"));
    }
    decompressed(file, BUFFER)
}

/// Returns the content of bytes in memory.
pub(crate) fn of_bytes(bytes: Vec<u8>) -> io::Result<Input> {
    // A buffer is filled with zeros first, which takes longer than reading a short text.
    let buffer = bytes.len().clamp(1, BUFFER);
    decompressed(Cursor::new(bytes), buffer)
}

/// Returns what bytes hold that gzip or zstd compressed, and other bytes as they are.
///
/// # Errors
/// The bytes are damaged, hold more than `longest` bytes, or were compressed by something else.
pub fn decompress(bytes: Vec<u8>, longest: u64) -> io::Result<Vec<u8>> {
    if !matches!(bytes.get(..2), Some([0x1f, 0x8b] | [0x28, 0xb5])) {
        return Ok(bytes);
    }
    let mut content = Vec::new();
    of_bytes(bytes)?.take(longest + 1).read_to_end(&mut content)?;
    if content.len() as u64 > longest {
        let message = format!("it holds more than {} MiB; give a part of it", longest >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

fn decompressed(source: impl Read + 'static, buffer: usize) -> io::Result<Input> {
    let taken = Rc::new(Cell::new(0));
    let counted = Counted { source, taken: Rc::clone(&taken) };
    let mut source = BufReader::with_capacity(buffer, counted);
    let head = source.fill_buf()?;
    let guarded = |source: Box<dyn Read>| -> Input {
        Box::new(BufReader::with_capacity(BUFFER, Guarded { source, taken: Rc::clone(&taken), given: 0 }))
    };
    match head {
        [0x1f, 0x8b, ..] => Ok(guarded(Box::new(MultiGzDecoder::new(source)))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(guarded(Box::new(Frames { source: Some(source), frame: None }))),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Err(unsupported("bzip2", "bzcat")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(unsupported("xz", "xzcat")),
        [b'P', b'K', 3, 4, ..] => Err(unsupported("zip", "unzip -p")),
        _ => Ok(Box::new(source)),
    }
}

fn unsupported(kind: &str, program: &str) -> io::Error {
    let message = format!("it is compressed by {kind}; use `{program} FILE | bench --replay -`");
    io::Error::new(ErrorKind::InvalidData, message)
}

/// Counts the bytes that were read.
struct Counted<R> {
    source: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.taken.set(self.taken.get() + length as u64);
        Ok(length)
    }
}

/// Ends with an error when little compressed data turns into too much.
struct Guarded {
    source: Box<dyn Read>,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.source.read(buffer) {
            Ok(length) => length,
            // A file that is still being written ends early.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.given > 0 => 0,
            Err(error) => {
                let message = format!("it is damaged or not compressed as it says ({error})");
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
        };
        self.given += length as u64;
        if self.given > SUSPICIOUS && self.given / MOST_GROWTH > self.taken.get() {
            let message = format!(
                "it grows to more than {MOST_GROWTH} times its size when it is decompressed, which no log does; decompress it by hand if it is one"
            );
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        Ok(length)
    }
}

type Compressed<R> = BufReader<Counted<R>>;

/// Reads zstd frames one after the other.
struct Frames<R: Read> {
    /// What follows the current frame; `None` while a frame is read.
    source: Option<Compressed<R>>,
    frame: Option<Box<StreamingDecoder<Compressed<R>, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                let length = frame.read(buffer)?;
                if length > 0 {
                    return Ok(length);
                }
                self.source = self.frame.take().map(|frame| frame.into_inner());
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            if source.fill_buf()?.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            let decoder = StreamingDecoder::new(source)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
            self.frame = Some(Box::new(decoder));
        }
    }
}
