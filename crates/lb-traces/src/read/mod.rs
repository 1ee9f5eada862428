//! Reading traces: whole, as [`Traces`], or column by column, as [`ParquetFile`] has them.

mod error;
mod exchange;
mod parquet;
mod pools;
mod source;
mod traces;

pub use error::TraceError;
pub use exchange::{End, Episode, Exchange, Traces};
pub use parquet::{Batch, ParquetFile, Values};
pub use source::{Source, source};
