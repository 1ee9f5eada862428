//! Tensors in plain types, stored as in safetensors files: little endian, row by row.

use safetensors::tensor::{Dtype, TensorView, View};
use std::borrow::Cow;

/// The numbers of a tensor, row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single-precision floats.
    F32(Vec<f32>),
    /// Double-precision floats.
    F64(Vec<f64>),
    /// 64-bit integers.
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

/// A tensor: values and a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Size of each dimension; empty for a single number.
    pub shape: Vec<usize>,
    /// The values; their number is the product of the sizes in `shape`.
    pub values: Values,
}

impl Tensor {
    /// Converts a tensor of a file. Returns `None` if its type is not one that this program writes.
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

/// Decodes numbers of `N` bytes each.
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
