//! How a recording is to be read.

use crate::format::{FieldMap, LogFormat};
use std::str::FromStr;
use std::sync::Arc;

/// The format of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    /// A JSON list of `{endpoint, method, timestamp}`.
    Requests,
    /// Vegeta's JSON targets or results, one per line.
    Vegeta,
    /// Vegeta's text targets.
    VegetaText,
    /// k6's JSON output, one point per line.
    K6,
    /// Access logs in the common or combined format and their many relatives.
    AccessLog,
    /// Access logs in a format that the user wrote down, as in the configuration of nginx or Apache.
    LogFormat,
    /// HAProxy's `option httplog`.
    Haproxy,
    /// Envoy's and Istio's default access log.
    Envoy,
    /// Access logs of AWS's Application and Classic Load Balancers.
    Elb,
    /// squid's native access log.
    Squid,
    /// Logs with a line `#Fields:`, as those of IIS and CloudFront.
    W3c,
    /// One JSON object per line, as nginx, Caddy, Traefik, Docker and others write.
    Json,
    /// Comma-separated values with a header, as k6 and Locust write.
    Csv,
    /// An HTTP archive, as browsers export.
    Har,
    /// The files of GoReplay.
    Goreplay,
}

impl RecordingFormat {
    /// All formats.
    pub const ALL: [Self; 15] = [
        Self::Requests,
        Self::Vegeta,
        Self::VegetaText,
        Self::K6,
        Self::AccessLog,
        Self::LogFormat,
        Self::Haproxy,
        Self::Envoy,
        Self::Elb,
        Self::Squid,
        Self::W3c,
        Self::Json,
        Self::Csv,
        Self::Har,
        Self::Goreplay,
    ];

    /// Returns the name of the format in configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Vegeta => "vegeta",
            Self::VegetaText => "vegeta-text",
            Self::K6 => "k6",
            Self::AccessLog => "access-log",
            Self::LogFormat => "log-format",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Elb => "elb",
            Self::Squid => "squid",
            Self::W3c => "w3c",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Har => "har",
            Self::Goreplay => "goreplay",
        }
    }

    /// Returns whether people write the rows by hand or by a script of their own, so that each faulty one is an error.
    /// Logs have lines that hold no request, which are skipped.
    pub(crate) const fn is_strict(self) -> bool {
        matches!(self, Self::Requests | Self::Vegeta | Self::VegetaText)
    }
}

/// How to read a recording.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format. `None` detects it from the content.
    pub format: Option<RecordingFormat>,
    /// Requests per second. Recordings without times need it; times that there are give way to it.
    pub rate: Option<f64>,
    /// The format of log lines, as the server was configured. It implies [`RecordingFormat::LogFormat`].
    pub log_format: Option<Arc<LogFormat>>,
    /// Where JSON objects, or columns of CSV, hold what. Names that it leaves out keep their usual meaning.
    pub fields: Option<Arc<FieldMap>>,
    /// What counts as a success.
    pub expect: Expect,
    /// Which host is asked for.
    pub host: HostChoice,
    /// Patterns that group paths before the rules for identifiers do, such as `/user/{name}`.
    pub patterns: Vec<PathPattern>,
    /// Whether entries come in the order of the file, for those who sort all of them themselves. Otherwise they are
    /// sorted over a window, and later ones take the time of the one before.
    pub unsorted: bool,
}

/// What counts as a success when a request is sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Every status from 200 to 399, and the recorded one if it is from 400 to 499.
    #[default]
    Recorded,
    /// Every status from 200 to 399.
    Ok,
}

/// Which host is asked for when a request is sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostChoice {
    /// The one of a `Host` header that the recording has among the headers to send, and otherwise the target's.
    #[default]
    Header,
    /// The recorded one, wherever the recording has it from.
    Recorded,
    /// The target's.
    Target,
}

/// How requests are placed within a second if the recording knows whole seconds only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// At equal intervals.
    #[default]
    Even,
    /// At random and independently, which is what a Poisson process does once the number in a second is known.
    Poisson,
    /// All together at its beginning.
    None,
}

/// Reads one of a few words.
macro_rules! words {
    ($type:ident, $what:literal, $($word:literal => $variant:ident),+) => {
        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!(concat!("`{}` is not ", $what, "; use one of {}"), text, [$(concat!("`", $word, "`")),+].join(", "))),
                }
            }
        }
    };
}

words!(Expect, "what to expect of replies", "recorded" => Recorded, "ok" => Ok);
words!(HostChoice, "which host to ask for", "header" => Header, "recorded" => Recorded, "target" => Target);
words!(Spread, "a way to place requests within a second", "even" => Even, "poisson" => Poisson, "none" => None);

/// A pattern of paths, such as `/user/{name}/orders`. A part in braces stands for any one segment, and `*` for any
/// text, slashes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// Returns the pattern as written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns whether a path, without its query, follows the pattern.
    pub fn matches(&self, path: &str) -> bool {
        fn follows(pattern: &[&str], path: &[&str]) -> bool {
            match (pattern.split_first(), path.split_first()) {
                (None, None) => true,
                (Some((&"*", [])), _) => true,
                (Some((&"*", rest)), Some((_, later))) => follows(rest, path) || follows(pattern, later),
                (Some((piece, rest)), Some((segment, later))) => {
                    let any = piece.starts_with('{') && piece.ends_with('}') && !segment.is_empty();
                    (any || piece == segment) && follows(rest, later)
                }
                _ => false,
            }
        }
        let pattern: Vec<&str> = self.0.split('/').collect();
        let path: Vec<&str> = path.split('/').collect();
        follows(&pattern, &path)
    }
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.starts_with('/') || text.contains(['?', '#']) || text.chars().any(char::is_whitespace) {
            return Err(format!(
                "`{text}` is not a pattern of paths; use one such as `/user/{{name}}/orders`"
            ));
        }
        if text.split('/').filter(|piece| *piece == "*").count() > 2 {
            return Err(format!("`{text}` has more than two `*`; use names in braces for single segments"));
        }
        let braces =
            |piece: &str| piece.contains(['{', '}']) && !(piece.starts_with('{') && piece.ends_with('}'));
        match text.split('/').find(|piece| braces(piece)) {
            Some(piece) => {
                Err(format!("`{piece}` in `{text}` must be in braces as a whole, as in `/user/{{name}}`"))
            }
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_one_segment_or_for_any_text() {
        for (pattern, path, matches) in [
            ("/user/{name}", "/user/ada", true),
            ("/user/{name}", "/user/ada/orders", false),
            ("/user/{name}", "/user/", false),
            ("/static/*", "/static/css/main.css", true),
            ("/*/edit", "/wiki/Some/Page/edit", true),
            ("/a", "/a", true),
            ("/a", "/b", false),
        ] {
            let pattern: PathPattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.matches(path), matches, "{pattern:?} {path}");
        }
        for wrong in ["user", "/a b", "/a?x", "/x{id}", "/*/*/*/"] {
            wrong.parse::<PathPattern>().expect_err(wrong);
        }
        assert_eq!(
            "soon".parse::<Spread>(),
            Err(
                "`soon` is not a way to place requests within a second; use one of `even`, `poisson`, `none`"
                    .to_owned()
            )
        );
    }
}
