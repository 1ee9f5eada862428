//! Writes archives whose bytes depend on their content alone: entries are sorted, belong to root, and have one time; the
//! head of gzip holds neither a name nor a time.

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::io::Write;
use tar::{EntryType, Header};

/// The permissions of a program.
pub(crate) const PROGRAM: u32 = 0o755;

/// The permissions of a file to read.
pub(crate) const DOCUMENT: u32 = 0o644;

/// A file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its path in the archive, with `/` between folders and none at the beginning.
    pub(crate) path: String,
    /// Its permissions, [`PROGRAM`] or [`DOCUMENT`].
    pub(crate) mode: u32,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    /// Makes an entry for a file to read.
    pub(crate) fn document(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: DOCUMENT, bytes: bytes.into() }
    }
}

/// Returns a tar archive of the files and of all folders above them, compressed with gzip.
///
/// `epoch` is the time of every entry, in seconds since 1970.
///
/// # Errors
/// A path does not fit into an archive.
pub(crate) fn write_tar_gz(entries: &[Entry], epoch: u64) -> anyhow::Result<Vec<u8>> {
    let mut files: Vec<&Entry> = entries.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let folders: BTreeSet<&str> = files.iter().flat_map(|file| folders_above(&file.path)).collect();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut append = |kind, mode, path: &str, bytes: &[u8]| -> anyhow::Result<()> {
        let mut header = make_head(kind, mode, bytes.len() as u64, epoch)?;
        archive.append_data(&mut header, path, bytes).with_context(|| format!("failed to pack `{path}`"))
    };
    for folder in folders {
        append(EntryType::Directory, PROGRAM, &format!("{folder}/"), &[])?;
    }
    for file in files {
        append(EntryType::Regular, file.mode, &file.path, &file.bytes)?;
    }
    let gzip = archive.into_inner().context("failed to end an archive")?;
    gzip.finish().context("failed to compress an archive")
}

/// Returns bytes as gzip compresses them.
pub(crate) fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).context("failed to compress a file")?;
    encoder.finish().context("failed to compress a file")
}

fn make_head(kind: EntryType, mode: u32, size: u64, epoch: u64) -> anyhow::Result<Header> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(epoch);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root").context("failed to name the owner of a file")?;
    header.set_groupname("root").context("failed to name the group of a file")?;
    Ok(header)
}

/// Returns the folders above a path, without the topmost, unnamed one: `usr` and `usr/bin` for `usr/bin/bench`.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn listed(archive: &[u8]) -> Vec<(String, u32, u64, String)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
        let entries = archive.entries().expect("it is an archive");
        let list = entries.map(|entry| {
            let mut entry = entry.expect("the entry is whole");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("it is text");
            let header = entry.header();
            assert_eq!((header.uid().ok(), header.gid().ok()), (Some(0), Some(0)), "root owns it");
            let path = String::from_utf8(entry.path_bytes().into_owned()).expect("it is text");
            (path, header.mode().expect("a mode"), header.mtime().expect("a time"), text)
        });
        list.collect()
    }

    #[test]
    fn archives_hold_sorted_files_of_root_and_the_folders_above_them() {
        let a = Entry { path: "x/bin/run".to_owned(), mode: PROGRAM, bytes: b"1".to_vec() };
        let b = Entry::document("x/a.txt", "2");
        let archive = write_tar_gz(&[a.clone(), b.clone()], 86_400).expect("it can be packed");
        let expected =
            [("x/", 0o755, ""), ("x/bin/", 0o755, ""), ("x/a.txt", 0o644, "2"), ("x/bin/run", 0o755, "1")];
        let expected = expected.map(|(path, mode, text)| (path.to_owned(), mode, 86_400, text.to_owned()));
        assert_eq!(listed(&archive), expected);
        assert_eq!(
            write_tar_gz(&[b, a], 86_400).expect("it can be packed"),
            archive,
            "the order does not matter"
        );
    }

    #[test]
    fn the_head_of_gzip_has_neither_name_nor_time() {
        let packed = gzip(b"text").expect("it can be compressed");
        assert_eq!(packed[..4], [0x1f, 0x8b, 8, 0], "no flag says that a name follows");
        assert_eq!(packed[4..8], [0; 4], "the time is unknown");
    }

    #[test]
    fn long_paths_are_kept() {
        let path = format!("{}/file", ["folder"; 30].join("/"));
        let archive = write_tar_gz(&[Entry::document(path.clone(), "x")], 0).expect("it can be packed");
        assert_eq!(listed(&archive).last().map(|entry| entry.0.clone()), Some(path));
    }
}
