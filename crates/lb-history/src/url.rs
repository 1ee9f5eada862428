//! Where a history is: a file of SQLite, or a database of PostgreSQL.

use crate::error::HistoryError;
use lb_core::secret::{Secret, mask_passwords};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryUrl {
    /// A file of SQLite, as `sqlite:results/history.db` or `sqlite:///var/lib/bench/history.db`.
    Sqlite(PathBuf),
    /// A database of PostgreSQL, as `postgres://ann@db.example/bench`.
    Postgres(Secret),
}

impl HistoryUrl {
    /// Where a history is if nobody says.
    pub const DEFAULT: &str = "sqlite:results/history.db";
}

impl FromStr for HistoryUrl {
    type Err = HistoryError;

    fn from_str(text: &str) -> Result<Self, HistoryError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Secret::new(text)));
        }
        let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => {
                let is_path = !text.is_empty() && !text.contains(':');
                let instead = if is_path { format!("sqlite:{text}") } else { Self::DEFAULT.to_owned() };
                Err(HistoryError::Url { text: mask_passwords(text).into_owned(), instead })
            }
        }
    }
}

/// Shows the URL without its password.
impl fmt::Display for HistoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&mask_passwords(url.reveal())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_servers_are_told_apart() {
        for (text, path) in [
            ("sqlite:results/history.db", "results/history.db"),
            ("sqlite://results/history.db", "results/history.db"),
            ("sqlite:///var/history.db", "/var/history.db"),
            ("sqlite:/var/history.db", "/var/history.db"),
        ] {
            assert_eq!(text.parse::<HistoryUrl>().ok(), Some(HistoryUrl::Sqlite(path.into())), "{text}");
        }
        let server: HistoryUrl = "postgresql://ann:secret@db/bench".parse().expect("a server");
        assert_eq!(server.to_string(), "postgresql://ann:***@db/bench", "passwords are never shown");
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for (text, instead) in [
            ("results/history.db", "use `sqlite:results/history.db`"),
            (
                "mysql://ann:secret@db/bench",
                "`mysql://ann:***@db/bench` names no history; use `sqlite:results/history.db`",
            ),
            ("sqlite:", "use `sqlite:results/history.db`"),
            ("", "or `postgres://USER@HOST/DATABASE`"),
        ] {
            let error = text.parse::<HistoryUrl>().expect_err("it names none").to_string();
            assert!(error.contains(instead), "{text}: {error}");
        }
    }
}
