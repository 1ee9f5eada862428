//! Reads files that users name: regular files only, up to a length.

use crate::check_json;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The longest file that people write by hand, such as a config, in bytes.
pub const MOST_BYTES: u64 = 16 << 20;

/// The most JSON values in a file that people write by hand, such as a config.
pub const MOST_VALUES: usize = 200_000;

/// Opens a file for reading, if it is a regular one.
///
/// # Errors
/// The file cannot be opened, or is a pipe, a device or a socket. Opening a pipe would wait for its writer, and
/// a device may have no end.
pub fn open(path: &Path) -> io::Result<File> {
    // Checked before the file is opened, because opening a pipe blocks.
    let kind = std::fs::metadata(path)?;
    if !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, a device or a socket, not a regular file; write its content to a file and give that",
        ));
    }
    File::open(path)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// The file cannot be read, is not a regular file, or is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let about = file.metadata()?;
    // The error for a folder comes from the attempt to read it.
    let length = if about.is_file() { about.len() } else { 0 };
    let mut bytes = Vec::new();
    // Files in `/proc` and the like say that they are empty, so the length is also checked while reading.
    if length <= most {
        bytes.reserve_exact(length as usize);
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    match length.max(bytes.len() as u64) > most {
        true => Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is longer than {}, the most that is read", size(most)),
        )),
        false => Ok(bytes),
    }
}

/// Reads a regular file of UTF-8 text of at most `most` bytes.
///
/// # Errors
/// As [`read`], or the file is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// Reads a regular file of JSON that people write by hand: at most [`MOST_BYTES`] and [`MOST_VALUES`]. The JSON itself
/// is not checked.
///
/// # Errors
/// As [`read_text`], or there are more values.
pub fn read_json(path: &Path) -> io::Result<String> {
    let text = read_text(path, MOST_BYTES)?;
    let whole = check_json(text.as_bytes(), MOST_VALUES);
    whole.map_err(|problem| io::Error::new(ErrorKind::FileTooLarge, format!("it {problem}")))?;
    Ok(text)
}

/// Writes a size in the largest unit that divides it.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        _ if bytes >= MIB && bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn in_folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        (folder, path)
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let (_folder, path) = in_folder();
        std::fs::write(&path, "12345").expect("it can be written");
        assert_eq!(read(&path, 5).expect("five bytes are allowed"), b"12345");
        let error = read(&path, 4).expect_err("five bytes are too many");
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is longer than 4 bytes, the most that is read");
        assert_eq!(size(16 << 20), "16 MiB");
    }

    #[test]
    fn pipes_and_devices_are_refused_without_being_opened() {
        let (_folder, path) = in_folder();
        // Nobody will ever write to this pipe, so opening it would never return.
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).expect("a pipe can be made");
        for path in [path.as_path(), Path::new("/dev/zero"), Path::new("/dev/full")] {
            let error = read(path, 10).expect_err("it is not a regular file");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}: {error}", path.display());
        }
    }

    #[test]
    fn folders_and_missing_files_keep_the_error_of_the_system() {
        let (folder, path) = in_folder();
        assert_eq!(read(&path, 10).expect_err("nothing is there").kind(), ErrorKind::NotFound);
        assert_eq!(read(folder.path(), 10).expect_err("a folder").kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn json_with_too_many_values_is_refused_before_it_is_parsed() {
        let (_folder, path) = in_folder();
        std::fs::write(&path, format!("[{}0]", "0,".repeat(MOST_VALUES))).expect("it can be written");
        let error = read_json(&path).expect_err("there is one value too many");
        assert!(error.to_string().contains("JSON values; the limit is 200000"), "{error}");
        std::fs::write(&path, "[0,").expect("it can be written");
        assert_eq!(read_json(&path).expect("the parser will complain, not the reader"), "[0,");
    }

    #[test]
    fn what_is_not_utf_8_is_no_text() {
        let (_folder, path) = in_folder();
        std::fs::write(&path, [0xff]).expect("it can be written");
        assert_eq!(read_text(&path, 10).expect_err("not text").kind(), ErrorKind::InvalidData);
    }
}
