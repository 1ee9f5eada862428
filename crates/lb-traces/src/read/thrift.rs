//! Reads as much of Thrift's compact protocol as is needed to learn, before the Parquet decoder allocates memory, how
//! much a file asks for.
//!
//! A value begins with a type of four bits; numbers are variable-length, signed ones in zigzag order
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).

/// The deepest nesting; Parquet uses six levels.
const DEEPEST: u32 = 16;

/// The types of values, as the protocol numbers them.
pub(super) mod kind {
    pub(in super::super) const TRUE: u8 = 1;
    pub(in super::super) const FALSE: u8 = 2;
    pub(in super::super) const I8: u8 = 3;
    pub(in super::super) const I16: u8 = 4;
    pub(in super::super) const I32: u8 = 5;
    pub(in super::super) const I64: u8 = 6;
    pub(in super::super) const DOUBLE: u8 = 7;
    pub(in super::super) const BINARY: u8 = 8;
    pub(in super::super) const LIST: u8 = 9;
    pub(in super::super) const SET: u8 = 10;
    pub(in super::super) const STRUCT: u8 = 12;
    pub(in super::super) const UUID: u8 = 13;
}

/// Returns the size of a page once it is decompressed, from the bytes with which its header begins. `None` if they do not
/// say.
pub(super) fn page_size(header: &[u8]) -> Option<i64> {
    let mut size = None;
    let mut scan = Scan(header);
    scan.fields(0, |id, kind, scan| match (id, kind) {
        (2, kind::I32) => {
            size = Some(scan.signed()?);
            // What follows may be cut off.
            None
        }
        _ => scan.skip(kind, 0),
    });
    size
}

/// Returns the largest number of children that an element of the schema claims to have, and the number of elements, from
/// the metadata at the end of a file. `None` if it is malformed.
pub(super) fn schema(metadata: &[u8]) -> Option<(i64, u64)> {
    let mut found = None;
    Scan(metadata).fields(0, |id, kind, scan| match (id, kind) {
        (2, kind::LIST) => {
            let (element, count) = scan.list()?;
            let mut most = 0;
            for _ in 0..count {
                if element != kind::STRUCT {
                    return None;
                }
                scan.fields(0, |id, kind, scan| match (id, kind) {
                    (5, kind::I32) => {
                        most = most.max(scan.signed()?);
                        Some(())
                    }
                    _ => scan.skip(kind, 0),
                })?;
            }
            found = Some((most, count));
            Some(())
        }
        _ => scan.skip(kind, 0),
    })?;
    found
}

/// The bytes that have not been read yet.
pub(super) struct Scan<'a>(pub(super) &'a [u8]);

impl Scan<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn advance(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let zigzag = self.unsigned()?;
        Some((zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()))
    }

    /// Returns the type and the number of the elements of a list, which follow.
    pub(super) fn list(&mut self) -> Option<(u8, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            short => short.into(),
        };
        // Each element takes a byte or more, so a count beyond that is not one.
        (count <= self.0.len() as u64).then_some((head & 0x0f, count))
    }

    /// Calls `each` with the number and type of each field of a struct; it must read the value, or return `None` to stop.
    pub(super) fn fields(
        &mut self,
        depth: u32,
        mut each: impl FnMut(i16, u8, &mut Self) -> Option<()>,
    ) -> Option<()> {
        let mut id = 0_i16;
        if depth > DEEPEST {
            return None;
        }
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                // The decoder keeps the lowest bits of a number that is too great.
                0 => self.signed()? as i16,
                step => id.checked_add(step.into())?,
            };
            each(id, head & 0x0f, self)?;
        }
    }

    /// Skips a value.
    pub(super) fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            // The type of a field already is the value.
            kind::TRUE | kind::FALSE => Some(()),
            kind::I8 => self.advance(1),
            kind::I16 | kind::I32 | kind::I64 => self.unsigned().map(drop),
            kind::DOUBLE => self.advance(8),
            kind::UUID => self.advance(16),
            kind::BINARY => {
                let length = self.unsigned()?;
                self.advance(length)
            }
            kind::LIST | kind::SET => {
                let (element, count) = self.list()?;
                match element {
                    // In a list, unlike in a field, a flag takes a byte, but not for the decoder when it skips the list.
                    kind::TRUE | kind::FALSE if count > 0 => None,
                    element => (0..count).try_for_each(|_| self.skip(element, depth + 1)),
                }
            }
            kind::STRUCT => self.fields(depth + 1, |_, kind, scan| scan.skip(kind, depth + 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_page_is_found_among_other_fields() {
        // type = 0, uncompressed_page_size = 100, compressed_page_size = 5
        assert_eq!(page_size(&[0x15, 0, 0x15, 200, 1, 0x15, 10, 0]), Some(100));
        // The same size with its number written out, after a struct.
        assert_eq!(page_size(&[0x5c, 0x15, 2, 0, 0x05, 4, 200, 1]), Some(100));
        assert_eq!(page_size(&[0x15, 0, 0x15]), None, "cut off");
        assert_eq!(page_size(&[0x25, 0xff, 0xff, 0xff, 0xff, 0x0f]), Some(-2_147_483_648));
    }

    #[test]
    fn the_children_of_a_schema_are_counted() {
        // version = 1, schema = [{ name: "m", num_children: 1 }, { type: 1, name: "c" }]
        let metadata =
            [0x15, 2, 0x19, 0x2c, 0x48, 1, b'm', 0x15, 2, 0, 0x15, 2, 0x38, 1, b'c', 0, 0x16, 0, 0];
        assert_eq!(schema(&metadata), Some((1, 2)));
        assert_eq!(schema(&[0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0x03]), None, "more elements than bytes");
        let deep = [0x1c; 1_000];
        assert_eq!(schema(&deep), None, "nested without an end");
    }
}
