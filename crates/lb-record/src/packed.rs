//! Cells packed for keeping: an unpacked histogram takes tens of thousands of bytes, a packed one a few hundred.

use crate::cell::Cell;
use crate::histogram::{Packer, unpack};
use serde::{Deserialize, Serialize};

/// A [`Cell`] that takes little memory. Its serialised form is that of the cell.
#[derive(Clone, Debug)]
pub struct PackedCell {
    /// The cell without its histogram.
    figures: [u64; 5],
    /// The histogram in HdrHistogram's V2 encoding, not compressed.
    packed: Box<[u8]>,
}

impl PackedCell {
    /// Packs a cell.
    pub fn of(cell: &Cell) -> Self {
        Self { figures: cell.figures(), packed: Packer::new().pack(cell.histogram()) }
    }

    /// Returns the number of requests.
    pub fn count(&self) -> u64 {
        self.figures[0]
    }

    /// Unpacks the cell.
    pub fn unpack(&self) -> Cell {
        let histogram = unpack(&self.packed).expect("what was packed here can be unpacked");
        Cell::from_figures(self.figures, histogram)
    }
}

/// Cells are equal if they have the same counts, regardless of the capacity of their histograms.
impl PartialEq for PackedCell {
    fn eq(&self, other: &Self) -> bool {
        self.unpack() == other.unpack()
    }
}

impl Serialize for PackedCell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.unpack().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PackedCell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cell::deserialize(deserializer).map(|cell| Self::of(&cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Span;

    #[test]
    fn a_packed_cell_unpacks_to_an_equal_one_and_is_written_like_it() {
        let mut cell = Cell::default();
        assert_eq!(PackedCell::of(&cell).unpack(), cell, "also without requests");
        for n in 1..500 {
            cell.record(Span::from_micros(n * n), 10 * n);
        }
        let packed = PackedCell::of(&cell);
        assert_eq!((packed.count(), packed.unpack()), (cell.count(), cell.clone()));
        let text = serde_json::to_string(&packed).expect("plain data");
        assert_eq!(serde_json::from_str::<Cell>(&text).expect("it is written like a cell"), cell);
        assert_eq!(serde_json::from_str::<PackedCell>(&text).expect("it was just written"), packed);
    }
}
