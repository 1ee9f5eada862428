//! How a load generator keeps its connections: a word in configs, on the command line and in results.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The most connections of a pool.
const MOST: u32 = 100_000;

/// Which requests share a connection.
///
/// ```
/// use lb_core::connections::ConnectionPolicy;
///
/// let policy: ConnectionPolicy = "pool:8".parse().expect("a policy");
/// assert_eq!(policy.to_string(), "pool:8");
/// assert_eq!(policy.pool().map(|connections| connections.get()), Some(8));
/// assert_eq!(ConnectionPolicy::default().to_string(), "per-user");
/// assert!("pool:0".parse::<ConnectionPolicy>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ConnectionPolicy {
    /// Each virtual user keeps a connection of its own, as a browser does.
    #[default]
    PerUser,
    /// All users share this many connections, as the clients within a service do.
    Pool(NonZeroU32),
    /// Each request opens a connection of its own.
    PerRequest,
}

impl ConnectionPolicy {
    /// Returns the number of shared connections; `None` if none are shared.
    pub fn pool(self) -> Option<NonZeroU32> {
        match self {
            Self::Pool(connections) => Some(connections),
            Self::PerUser | Self::PerRequest => None,
        }
    }
}

impl fmt::Display for ConnectionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerUser => f.write_str("per-user"),
            Self::Pool(connections) => write!(f, "pool:{connections}"),
            Self::PerRequest => f.write_str("per-request"),
        }
    }
}

impl FromStr for ConnectionPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "per-user" => Ok(Self::PerUser),
            "per-request" => Ok(Self::PerRequest),
            "pool" => {
                Err("`pool` does not say how many connections there are; use `pool:8`, for example"
                    .to_owned())
            }
            _ => {
                let number = text.strip_prefix("pool:").ok_or_else(|| {
                    format!(
                        "`{text}` is not a way to keep connections; use `per-user`, `pool:N` or `per-request`"
                    )
                })?;
                let connections =
                    number.parse().ok().filter(|number| *number <= MOST).and_then(NonZeroU32::new);
                connections.map(Self::Pool).ok_or_else(|| {
                    format!("`{text}` is not a pool; use a whole number from 1 to {MOST}, as in `pool:8`")
                })
            }
        }
    }
}

impl From<ConnectionPolicy> for String {
    fn from(policy: ConnectionPolicy) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for ConnectionPolicy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The version of HTTP that a load generator speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum HttpChoice {
    /// HTTP/2 if the server chooses it in the TLS handshake, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    One,
    /// HTTP/2, also without TLS, where nothing is negotiated.
    Two,
}

impl fmt::Display for HttpChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::One => "1.1",
            Self::Two => "2",
        })
    }
}

impl FromStr for HttpChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "1.1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            _ => Err(format!(
                "`{text}` is not a version of HTTP that is spoken here; use `1.1`, `2` or `auto`"
            )),
        }
    }
}

impl From<HttpChoice> for String {
    fn from(choice: HttpChoice) -> Self {
        choice.to_string()
    }
}

impl TryFrom<String> for HttpChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_read_back_as_they_are_written() {
        for text in ["per-user", "pool:1", "pool:100000", "per-request"] {
            let policy: ConnectionPolicy = text.parse().expect(text);
            assert_eq!(policy.to_string(), text);
            let json = serde_json::to_string(&policy).expect("plain data");
            assert_eq!(serde_json::from_str::<ConnectionPolicy>(&json).expect("it was just written"), policy);
        }
    }

    #[test]
    fn versions_of_http_read_back_as_they_are_written() {
        for text in ["auto", "1.1", "2"] {
            assert_eq!(text.parse::<HttpChoice>().expect(text).to_string(), text);
        }
        for text in ["3", "1", "1.0", "h2", ""] {
            let error = text.parse::<HttpChoice>().expect_err(text);
            assert!(error.contains("use `1.1`, `2` or `auto`"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_not_a_policy_is_refused_with_the_words_to_use() {
        for (text, expected) in [
            ("per-session", "use `per-user`, `pool:N` or `per-request`"),
            ("", "use `per-user`, `pool:N` or `per-request`"),
            ("pool", "use `pool:8`, for example"),
            ("pool:0", "use a whole number from 1 to 100000"),
            ("pool:-3", "use a whole number from 1 to 100000"),
            ("pool:100001", "use a whole number from 1 to 100000"),
            ("pool:eight", "use a whole number from 1 to 100000"),
        ] {
            let error = text.parse::<ConnectionPolicy>().expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
