//! Reads traces: whole, as [`Traces`], or column by column, through [`ParquetFile`].

mod bounded;
mod error;
mod exchange;
mod hints;
mod panics;
mod parquet;
mod pools;
mod shapes;
mod source;
mod thrift;
mod traces;

pub use error::TraceError;
pub use exchange::{End, Episode, Exchange, Traces};
pub use hints::{HintPlace, RecordedHints};
pub use parquet::{Batch, ParquetFile, Values};
pub use source::{Source, source};
