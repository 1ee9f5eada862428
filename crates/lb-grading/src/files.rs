//! Reads the files to be graded: their text in whatever encoding, their age, and the error for a file of another kind.

use crate::error::{ACCEPTED, AnalyzeError};
use lb_recording::decompress;
use std::borrow::Cow;
use std::io;
use std::path::Path;

/// The longest file to be graded, in bytes: some hundred thousand requests with the twelve points that k6 writes of
/// each.
const LONGEST: u64 = 512 << 20;

/// The note on text that is not in a known encoding.
const LOSSY: &str = "the file is neither UTF-8 nor UTF-16 (tools on Windows write the encoding of the machine): characters \
of names that could not be read are shown as \u{fffd}; numbers are not affected";

/// Reads the bytes of a file, which gzip or zstd may have compressed.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, AnalyzeError> {
    let bytes = lb_io::read(path, LONGEST).and_then(|bytes| decompress(bytes, LONGEST));
    bytes.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => AnalyzeError::NotFound { path: path.to_owned() },
        _ => AnalyzeError::Unreadable { path: path.to_owned(), source },
    })
}

/// Returns the text of a file without its byte order mark, and a note if some of it could not be read.
///
/// Bytes that are not UTF-8 are replaced. In the encodings of Windows, among them those with two bytes for a
/// character, no byte of such a character looks like a comma, a quotation mark or the end of a line, so all columns
/// stay what they are.
pub(crate) fn decode<'a>(
    path: &Path,
    bytes: &'a [u8],
) -> Result<(Cow<'a, str>, Option<&'static str>), AnalyzeError> {
    if let Some(text) = utf_16(bytes) {
        let note = text.contains(char::REPLACEMENT_CHARACTER).then_some(LOSSY);
        return Ok((Cow::Owned(text), note));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((Cow::Borrowed(text), None)),
        // Text has no zeros in it, whatever its encoding.
        Err(_) if bytes.contains(&0) => Err(other(path, "not text")),
        Err(_) => Ok((String::from_utf8_lossy(bytes), Some(LOSSY))),
    }
}

/// Decodes UTF-16, which is recognised by its byte order mark; `None` if there is none.
fn utf_16(bytes: &[u8]) -> Option<String> {
    let (units, is_little) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        _ => return None,
    };
    let unit = |pair: &[u8; 2]| if is_little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    let units = units.as_chunks::<2>().0.iter().map(unit);
    let decoded = char::decode_utf16(units);
    Some(decoded.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Returns when a file was written (RFC 3339), or `None` if the file system does not report it.
pub(crate) fn written_at(path: &Path) -> Option<String> {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok()?;
    let time = jiff::Timestamp::try_from(modified).ok()?;
    // Fractions of a second are of no use here.
    jiff::Timestamp::from_second(time.as_second()).ok().map(|time| time.to_string())
}

/// Returns the error for a file that holds something other than the results of a load test; `found` says
/// what.
pub(crate) fn other(path: &Path, found: impl Into<String>) -> AnalyzeError {
    AnalyzeError::OtherKind { path: path.to_owned(), found: found.into(), advice: ACCEPTED.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_its_mark_and_otherwise_as_utf_8() {
        let path = Path::new("x");
        let utf_16 = |swap: bool| -> Vec<u8> {
            let units = "\u{feff}é,1\n".encode_utf16();
            units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        let table: [(Vec<u8>, &str, bool); 6] = [
            ("é,1\n".into(), "é,1\n", false),
            ("\u{feff}é,1\n".into(), "é,1\n", false),
            (utf_16(false), "é,1\n", false),
            (utf_16(true), "é,1\n", false),
            // `列表` in GBK, and `é` in Windows' Western encoding.
            (b"/\xc1\xd0\xb1\xed,1\n".to_vec(), "/\u{fffd}\u{431}\u{fffd},1\n", true),
            (b"/\xe9,1\n".to_vec(), "/\u{fffd},1\n", true),
        ];
        for (bytes, expected, noted) in table {
            let (text, note) = decode(path, &bytes).expect("it is text");
            assert_eq!((text.as_ref(), note.is_some()), (expected, noted), "{bytes:?}");
        }
        assert!(decode(path, b"\0\xff\0").is_err(), "it is not text");
    }
}
