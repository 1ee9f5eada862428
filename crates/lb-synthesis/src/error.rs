//! The reasons why a model cannot be learned, read or used. Messages are fragments that fit after `error: `.

use lb_recording::RecordingError;

/// The reason why traffic cannot be learned, synthesised, validated or exported.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A recording has too little to learn from.
    #[error("{0}")]
    TooLittle(String),
    /// The file is not a model, or not one that this version reads.
    #[error(
        "`{name}` is not a valid traffic model: {problem}; write one with `bench learn FILE -o model.json`"
    )]
    Model {
        /// The name of the file.
        name: String,
        /// What is wrong, with the key.
        problem: String,
    },
    /// A setting is invalid.
    #[error("{0}")]
    Setting(String),
    /// The model has no data for the time that is asked for.
    #[error("{0}")]
    NotCovered(String),
}
