//! The formats, one file for each family. Each makes a row of a record, or says why there is none.

mod access_log;
mod balancers;
mod columns;
mod fields;
mod goreplay;
mod json;
mod k6;
mod lists;
mod log_format;
mod reader;
mod tokens;
mod vegeta;

pub use fields::FieldMap;
pub use log_format::LogFormat;
pub(crate) use reader::{Reader, detect};
