//! Bounds the memory and the time that the Parquet decoder takes for what a file says about itself.
//!
//! The decoder allocates what a page or the schema claims before it finds out whether the claim is true, and a column of
//! a few bytes can claim to hold billions of values that are all equal. The values of a file are bounded as a whole as well,
//! so that a small file is not read for minutes.

use super::{shapes, thrift};
use bytes::Bytes;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The largest page in bytes once it is decompressed. Writers aim at one MiB.
const LARGEST_PAGE: i64 = 32 << 20;

/// The most values of a column in a row group, nulls included; the writer of traces begins a group before it has as many.
const MOST_VALUES: u64 = 16 << 20;

/// The most values of all columns for each byte of the file. Equal values take next to no room: a thousand backends whose
/// state does not change come to about a thousand values for each byte.
const EXPANSION: u64 = 4096;

/// The most values of all columns of a file that is small.
const VALUES_OF_SMALL_FILES: u64 = 1 << 20;

/// The longest metadata at the end of a file: thousands of row groups of hundreds of columns.
const LONGEST_METADATA: u64 = 64 << 20;

/// How many bytes the header of a page has: few, unless it holds statistics of long texts.
const HEADERS: [usize; 3] = [64, 4 << 10, 1 << 20];

/// The bytes after the metadata: its length and the mark of the format.
const FOOTER: u64 = 8;

fn refused(problem: String) -> ParquetError {
    ParquetError::General(problem)
}

/// The mark of the format, at the end of a file.
const MARK: &[u8] = b"PAR1";

fn check_metadata(metadata: &[u8]) -> Result<()> {
    if let Some((children, elements)) = thrift::schema(metadata)
        && u64::try_from(children).is_ok_and(|children| children > elements)
    {
        return Err(refused(format!("its schema has {elements} elements and claims {children}")));
    }
    match shapes::is_metadata(metadata) {
        true => Ok(()),
        false => Err(refused("its metadata is malformed".to_owned())),
    }
}

/// A file whose pages and schema ask for bounded memory and time.
pub(super) struct Bounded<R>(R);

impl<R: ChunkReader> Bounded<R> {
    /// Checks the metadata at the end of the file.
    pub(super) fn new(file: R) -> Result<Self> {
        let length = file.len();
        if length >= FOOTER {
            let footer = file.get_bytes(length - FOOTER, FOOTER as usize)?;
            let metadata = u64::from(u32::from_le_bytes([footer[0], footer[1], footer[2], footer[3]]));
            if metadata > LONGEST_METADATA {
                return Err(refused(format!("its metadata has {metadata} bytes")));
            }
            // Other faults, such as a file that is cut off, are left to the decoder.
            if let Some(start) = length.checked_sub(FOOTER + metadata).filter(|_| footer.ends_with(MARK)) {
                check_metadata(&file.get_bytes(start, metadata as usize)?)?;
            }
        }
        Ok(Self(file))
    }
}

impl<R: ChunkReader> Length for Bounded<R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Bounded<R> {
    type T = R::T;

    /// The decoder reads the footer and the headers of pages this way, and everything else with `get_bytes`.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let left = self.len().saturating_sub(start);
        if left > FOOTER {
            let begin =
                |length: usize| self.0.get_bytes(start, length.min(usize::try_from(left).unwrap_or(length)));
            let header = begin(HEADERS[0])?;
            if let Some(size) = thrift::page_size(&header).filter(|size| *size > LARGEST_PAGE) {
                return Err(refused(format!("a page claims {size} bytes; at most {LARGEST_PAGE} are read")));
            }
            let mut lengths = HEADERS[1..].iter();
            let mut is_page = shapes::is_page(&header);
            while !is_page && let Some(length) = lengths.next() {
                is_page = shapes::is_page(&begin(*length)?);
            }
            if !is_page {
                return Err(refused("the header of a page is malformed".to_owned()));
            }
        }
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// How many more values may be read from a file.
#[derive(Clone)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn new(values: u64) -> Self {
        Self(Arc::new(AtomicU64::new(values)))
    }

    /// Returns how many values a file of so many bytes may hold.
    pub(super) const fn values_of_file(bytes: u64) -> u64 {
        bytes.saturating_mul(EXPANSION).saturating_add(VALUES_OF_SMALL_FILES)
    }

    /// Takes so many values; false if there are fewer left.
    fn take(&self, values: u64) -> bool {
        self.0.try_update(Relaxed, Relaxed, |left| left.checked_sub(values)).is_ok()
    }
}

/// The pages of a column in a row group, which together have a bounded number of values: a single row may be a list of
/// all of them.
///
/// The next page is read to look at it: the decoder, which can look at its header alone, then begins to read in the
/// middle of a page, where [`Bounded`] expects a header.
pub(super) struct BoundedPages {
    pages: Box<dyn PageReader>,
    /// The next page, if it was looked at.
    next: Option<Page>,
    values: u64,
    budget: Budget,
}

impl BoundedPages {
    pub(super) fn new(pages: Box<dyn PageReader>, budget: Budget) -> Self {
        Self { pages, next: None, values: 0, budget }
    }

    fn read(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        let values = page.as_ref().map_or(0, |page| u64::from(page.num_values()));
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(refused(format!("a column claims more than {MOST_VALUES} values in a row group")));
        }
        match self.budget.take(values) {
            true => Ok(page),
            false => Err(refused(format!("it claims more than {EXPANSION} values for each of its bytes"))),
        }
    }
}

impl PageReader for BoundedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.next.take() {
            Some(page) => Ok(Some(page)),
            None => self.read(),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if self.next.is_none() {
            self.next = self.read()?;
        }
        Ok(self.next.as_ref().map(describe))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        match self.next.take() {
            Some(_) => Ok(()),
            None => self.pages.skip_next_page(),
        }
    }
}

/// Returns what the header of a page says.
fn describe(page: &Page) -> PageMetadata {
    let count = |number: u32| Some(number as usize);
    match page {
        Page::DataPage { num_values, .. } => {
            PageMetadata { num_rows: None, num_levels: count(*num_values), is_dict: false }
        }
        Page::DataPageV2 { num_values, num_rows, .. } => {
            PageMetadata { num_rows: count(*num_rows), num_levels: count(*num_values), is_dict: false }
        }
        Page::DictionaryPage { .. } => PageMetadata { num_rows: None, num_levels: None, is_dict: true },
    }
}

impl Iterator for BoundedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_as_many_values_as_its_length_allows() {
        let budget = Budget::new(Budget::values_of_file(10));
        assert!(budget.take(VALUES_OF_SMALL_FILES), "a small file may hold some");
        assert!(budget.clone().take(10 * EXPANSION), "and some for each byte, whichever column takes them");
        assert!(!budget.take(1), "and no more");
        assert!(Budget::new(Budget::values_of_file(u64::MAX)).take(u64::MAX));
    }

    #[test]
    fn metadata_of_another_shape_is_refused_before_it_is_decoded() {
        // Field 15 lists two thousand million flags, which would be counted one by one.
        let metadata = [0xf9, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0];
        let file = [MARK, &metadata, &8_u32.to_le_bytes(), MARK].concat();
        let error = Bounded::new(Bytes::from(file)).err().expect("it is refused");
        assert!(error.to_string().contains("its metadata is malformed"), "{error}");
    }

    #[test]
    fn the_header_of_a_page_may_be_long_but_not_malformed() {
        let sizes: &[u8] = &[0x15, 0, 0x15, 200, 1, 0x15, 10];
        // Four numbers, and statistics whose greatest value is a text of 200 bytes.
        let data: &[u8] = &[0x2c, 0x15, 2, 0x15, 0, 0x15, 0, 0x15, 0, 0x1c, 0x18, 0xc8, 0x01];
        let page = [sizes, data, &[b'x'; 200], &[0, 0, 0], &[1; 100]].concat();
        assert!(
            Bounded(Bytes::from(page)).get_read(0).is_ok(),
            "the header is longer than what is read first"
        );
        let malformed = [sizes, &[0x29, 0x05, 0], &[1; 100]].concat();
        let error = Bounded(Bytes::from(malformed)).get_read(0).expect_err("field 5 is a list");
        assert!(error.to_string().contains("the header of a page is malformed"), "{error}");
    }
}
