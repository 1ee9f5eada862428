//! The reasons why a file cannot be imported.

use lb_recording::RecordingError;

/// The reason why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("failed to read `{name}`: {source}")]
    Unreadable {
        /// The path as typed.
        name: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The file is in a known format, but its content cannot be imported.
    #[error("`{name}` {problem}")]
    Unusable {
        /// The path as typed.
        name: String,
        /// What is wrong and what to do. It continues a sentence whose subject is the file.
        problem: String,
    },
    /// A flag does not fit the file.
    #[error("{0}")]
    Flag(String),
    /// The file was read as a recording, and is not one.
    #[error(
        "{0}\nOther formats that are imported: HAR, Postman collections (v2.0, v2.1), OpenAPI (3.0, 3.1, Swagger 2.0; JSON or YAML)"
    )]
    Recording(#[from] RecordingError),
}

/// What is wrong with the content of a file, as a sentence whose subject is the file.
pub(crate) type Problem = String;
