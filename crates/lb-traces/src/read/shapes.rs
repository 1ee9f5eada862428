//! What the metadata of a Parquet file and the headers of its pages are made of.
//!
//! The decoder takes a known field for what it must be, whatever its type says, and skips unknown ones. It counts the flags
//! of a list that it skips, although they take no bytes for it, so a few bytes can claim billions of them. What has these
//! shapes, and no list of flags where the decoder skips, is read in a time that its length bounds
//! (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).

use super::thrift::{Scan, kind};

/// What a value must be.
pub(super) enum Shape {
    Flag,
    I8,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List(&'static Self),
    /// The known fields of a struct, or the variants of a union, by their numbers.
    Struct(&'static [(i16, Self)]),
}

use Shape::{Binary, Double, Flag, I8, I16, I32, I64, List, Struct};

const EMPTY: Shape = Struct(&[]);

const UNIT: Shape = Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]);

const TIME: Shape = Struct(&[(1, Flag), (2, UNIT)]);

const LOGICAL_TYPE: Shape = Struct(&[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Struct(&[(1, I32), (2, I32)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Struct(&[(1, I8), (2, Flag)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Struct(&[(1, I8)])),
    (17, Struct(&[(1, Binary)])),
    (18, Struct(&[(1, Binary), (2, I32)])),
]);

const SCHEMA_ELEMENT: Shape = Struct(&[
    (1, I32),
    (2, I32),
    (3, I32),
    (4, Binary),
    (5, I32),
    (6, I32),
    (7, I32),
    (8, I32),
    (9, I32),
    (10, LOGICAL_TYPE),
]);

const STATISTICS: Shape = Struct(&[
    (1, Binary),
    (2, Binary),
    (3, I64),
    (4, I64),
    (5, Binary),
    (6, Binary),
    (7, Flag),
    (8, Flag),
    (9, I64),
]);

const KEY_VALUE: Shape = Struct(&[(1, Binary), (2, Binary)]);

const PAGE_ENCODING: Shape = Struct(&[(1, I32), (2, I32), (3, I32)]);

const SIZES: Shape = Struct(&[(1, I64), (2, List(&I64)), (3, List(&I64))]);

const BOX: Shape = Struct(&[
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double),
]);

const COLUMN: Shape = Struct(&[
    (1, I32),
    (2, List(&I32)),
    (3, List(&Binary)),
    (4, I32),
    (5, I64),
    (6, I64),
    (7, I64),
    (8, List(&KEY_VALUE)),
    (9, I64),
    (10, I64),
    (11, I64),
    (12, STATISTICS),
    (13, List(&PAGE_ENCODING)),
    (14, I64),
    (15, I32),
    (16, SIZES),
    (17, Struct(&[(1, BOX), (2, List(&I32))])),
]);

const COLUMN_CHUNK: Shape =
    Struct(&[(1, Binary), (2, I64), (3, COLUMN), (4, I64), (5, I32), (6, I64), (7, I32), (9, Binary)]);

const SORTING: Shape = Struct(&[(1, I32), (2, Flag), (3, Flag)]);

const ROW_GROUP: Shape = Struct(&[
    (1, List(&COLUMN_CHUNK)),
    (2, I64),
    (3, I64),
    (4, List(&SORTING)),
    (5, I64),
    (6, I64),
    (7, I16),
]);

/// The metadata at the end of a file.
static METADATA: Shape = Struct(&[
    (1, I32),
    (2, List(&SCHEMA_ELEMENT)),
    (3, I64),
    (4, List(&ROW_GROUP)),
    (5, List(&KEY_VALUE)),
    (6, Binary),
    (7, List(&Struct(&[(1, EMPTY), (2, EMPTY)]))),
]);

/// The header of a page.
static PAGE: Shape = Struct(&[
    (1, I32),
    (2, I32),
    (3, I32),
    (4, I32),
    (5, Struct(&[(1, I32), (2, I32), (3, I32), (4, I32), (5, STATISTICS)])),
    (6, EMPTY),
    (7, Struct(&[(1, I32), (2, I32), (3, Flag)])),
    (8, Struct(&[(1, I32), (2, I32), (3, I32), (4, I32), (5, I32), (6, I32), (7, Flag), (8, STATISTICS)])),
]);

/// Returns whether the metadata at the end of a file has the shape that the decoder expects.
pub(super) fn is_metadata(bytes: &[u8]) -> bool {
    Scan(bytes).shaped(&METADATA, kind::STRUCT, 0).is_some()
}

/// Returns whether bytes begin with the header of a page in the shape that the decoder expects.
pub(super) fn is_page(bytes: &[u8]) -> bool {
    Scan(bytes).shaped(&PAGE, kind::STRUCT, 0).is_some()
}

impl Scan<'_> {
    /// Skips a value of this type; `None` if it has another shape.
    fn shaped(&mut self, shape: &Shape, kind: u8, depth: u32) -> Option<()> {
        match (shape, kind) {
            (Flag, kind::TRUE | kind::FALSE)
            | (I8, kind::I8)
            | (I16, kind::I16)
            | (I32, kind::I32)
            | (I64, kind::I64)
            | (Double, kind::DOUBLE)
            | (Binary, kind::BINARY) => self.skip(kind, depth),
            (List(inner), kind::LIST) => {
                let (element, count) = self.list()?;
                (0..count).try_for_each(|_| self.shaped(inner, element, depth + 1))
            }
            (Struct(known), kind::STRUCT) => {
                self.fields(depth, |id, kind, scan| match known.iter().find(|(known, _)| *known == id) {
                    Some((_, shape)) => scan.shaped(shape, kind, depth + 1),
                    None => scan.skip(kind, depth + 1),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_page_has_its_shape() {
        // type = 0, uncompressed_page_size = 100, compressed_page_size = 5, data_page_header = { num_values = 1 }
        let header = [0x15, 0, 0x15, 200, 1, 0x15, 10, 0x2c, 0x15, 2, 0, 0];
        assert!(is_page(&header));
        assert!(!is_page(&header[..5]), "cut off");
        // The same type as a list of no numbers.
        assert!(!is_page(&[0x19, 0x05, 0x15, 200, 1, 0x15, 10, 0]));
    }

    #[test]
    fn unknown_fields_are_skipped_unless_they_list_flags() {
        // Field 15 is a list of three numbers.
        assert!(is_page(&[0xf9, 0x35, 1, 2, 3, 0]));
        for flags in [0x11, 0x12, 0xf1] {
            assert!(!is_page(&[0xf9, flags, 1, 0, 0, 0]), "one flag, however it is counted");
        }
        // A number beyond those of fields comes to that of a known field, as the decoder counts them.
        assert!(!is_page(&[0x08, 0x82, 0x80, 0x08, 0, 0]), "65537 is 1, which is no text");
    }
}
