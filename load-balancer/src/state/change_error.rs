//! The reasons why a change that the admin API or the config asks for is rejected.

/// The reason why a requested change to the pools was rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("unknown service `{0}`")]
    UnknownService(String),
    #[error("unknown backend `{0}`")]
    UnknownBackend(String),
    #[error("`{0}` is not a name: must be letters, digits, `-`, `_`, `.` or `:`")]
    BadName(String),
    #[error("url `{0}`: {1}")]
    BadUrl(String, &'static str),
    #[error("weight of `{0}` is {1}: must be above 0, at most 1000000")]
    BadWeight(String, f64),
}
