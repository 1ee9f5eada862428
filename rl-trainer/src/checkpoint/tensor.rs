//! A tensor in plain types, and its bytes in a file: little endian, row by row, as safetensors has them.

use safetensors::tensor::{Dtype, TensorView, View};
use std::borrow::Cow;

/// The numbers of a tensor, row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Whole numbers.
    I64(Vec<i64>),
}

impl Values {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Returns whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Numbers and how they are arranged.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The size of each dimension; none for a single number.
    pub shape: Vec<usize>,
    /// The values; their number is the product of the sizes in `shape`.
    pub values: Values,
}

impl Tensor {
    /// The tensor of a file, unless its numbers are of a type that we do not write.
    pub(super) fn from_view(view: &TensorView<'_>) -> Option<Self> {
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => Values::F32(numbers(bytes, f32::from_le_bytes)),
            Dtype::F64 => Values::F64(numbers(bytes, f64::from_le_bytes)),
            Dtype::I64 => Values::I64(numbers(bytes, i64::from_le_bytes)),
            _ => return None,
        };
        Some(Self { shape: view.shape().to_vec(), values })
    }
}

/// The numbers that `N` bytes each stand for.
fn numbers<T, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|bytes| number(*bytes)).collect()
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::F64(_) => Dtype::F64,
            Values::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        let size = if matches!(self.values, Values::F32(_)) { 4 } else { 8 };
        self.values.len() * size
    }
}
