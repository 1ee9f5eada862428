//! Lines in a format that the user wrote down: nginx's `log_format` or Apache's `LogFormat`.
//!
//! Variables take the text up to the next literal text of the format. Within quotes of the format, escaped quotes do not
//! end a text.

use crate::names::{Field, field_of, put};
use crate::row::{Draft, Parsed, Upstream, unreadable};
use crate::stamp::{self, Stamp, Style};
use std::borrow::Cow;
use std::str::FromStr;

/// A format of log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFormat {
    pieces: Vec<Piece>,
    /// Whether times are those of the end of a request, as in nginx.
    at_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A variable; `None` if what it holds is not needed.
    Variable(Option<Meaning>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    Field(Field),
    /// A time in a format of `strftime`.
    Time(String),
    /// A header of the request.
    Header(String),
}

const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;

impl FromStr for LogFormat {
    type Err = String;

    /// Reads a format, or the directive that defines it. Names of formats that servers define themselves are known.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let known = match text {
            "common" => Some(COMMON.to_owned()),
            "combined" => Some(format!(r#"{COMMON} "%{{Referer}}i" "%{{User-Agent}}i""#)),
            "vhost_combined" => Some(format!(r#"%v:%p {COMMON} "%{{Referer}}i" "%{{User-Agent}}i""#)),
            _ => None,
        };
        let format = known.unwrap_or_else(|| without_directive(text));
        // The query brings its own `?`, so the two are one text.
        let format =
            format.replace("%U%q", "%{path-and-query}^").replace("$uri$is_args$args", "$request_uri");
        let is_nginx = format.contains('$');
        let pieces = if is_nginx { nginx(&format)? } else { apache(&format)? };
        let adjacent = pieces.windows(2).any(|pair| matches!(pair, [Piece::Variable(_), Piece::Variable(_)]));
        if adjacent {
            return Err(format!(
                "`{format}` has two variables with nothing between them, so no line can be split"
            ));
        }
        let has = |fields: &[Field]| {
            pieces.iter().any(|piece| {
                matches!(piece, Piece::Variable(Some(Meaning::Field(field))) if fields.contains(field))
            })
        };
        match has(&[Field::Request, Field::Url, Field::Path]) {
            true => Ok(Self { pieces, at_end: is_nginx }),
            false => Err(format!(
                "`{format}` logs no request; it needs `$request` (nginx) or `%r` (Apache), or the method and the path"
            )),
        }
    }
}

/// Removes `log_format NAME '…' '…';` and `LogFormat "…" NAME`, and joins the texts.
fn without_directive(text: &str) -> String {
    let Some((word, rest)) = text.split_once(char::is_whitespace) else { return text.to_owned() };
    match word {
        "log_format" => {
            let rest = rest.trim().trim_end_matches(';');
            let quote = rest.find(['\'', '"']).and_then(|at| rest[at..].chars().next()).unwrap_or('\'');
            let texts: Vec<&str> = rest.split(quote).skip(1).step_by(2).collect();
            if texts.is_empty() { rest.to_owned() } else { texts.concat() }
        }
        "LogFormat" => {
            let rest = rest.trim();
            let inner = rest.strip_prefix('"').and_then(|rest| rest.rfind('"').map(|end| &rest[..end]));
            inner.unwrap_or(rest).replace("\\\"", "\"")
        }
        _ => text.replace("\\\"", "\""),
    }
}

fn nginx(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        push_text(&mut pieces, &rest[..at]);
        let after = &rest[at + 1..];
        let (name, next) = match after.strip_prefix('{') {
            Some(inner) => {
                inner.split_once('}').ok_or_else(|| format!("`{format}` has a `{{` without its `}}`"))?
            }
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            return Err(format!("`{format}` has a `$` without a name"));
        }
        let meaning = match name {
            "status" => Some(Meaning::Field(Field::Status)),
            "http_host" | "host" | "server_name" => Some(Meaning::Field(Field::Host)),
            "http_user_agent" => Some(Meaning::Field(Field::Agent)),
            "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => Some(Meaning::Field(Field::Forwarded)),
            "upstream_addr" => Some(Meaning::Field(Field::Upstream(Upstream::Address))),
            "request_method" => Some(Meaning::Field(Field::Method)),
            _ => match (name.strip_prefix("http_"), name.starts_with("upstream_http_")) {
                (Some("referer" | "cookie"), _) => None,
                (Some(header), _) => Some(Meaning::Header(header.replace('_', "-"))),
                (None, true) => None,
                (None, false) => field_of(name).map(Meaning::Field),
            },
        };
        pieces.push(Piece::Variable(meaning));
        rest = next;
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn apache(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        push_text(&mut pieces, &rest[..at]);
        // Conditions on the status and `<` or `>`: `%!200,304{Referer}i`, `%>s`.
        let after = rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit() || "!,<>".contains(c));
        let (argument, after) = match after.strip_prefix('{') {
            Some(inner) => {
                let (argument, after) =
                    inner.split_once('}').ok_or_else(|| format!("`{format}` has a `{{` without its `}}`"))?;
                (Some(argument), after)
            }
            None => (None, after),
        };
        let Some(letter) = after.chars().next() else { return Err(format!("`{format}` ends with a `%`")) };
        // `^ti` and `^to` are the trailers.
        if argument == Some("path-and-query") {
            rest = &after[letter.len_utf8()..];
            pieces.push(Piece::Variable(Some(Meaning::Field(Field::Url))));
            continue;
        }
        let length =
            if letter == '^' { after.chars().take(3).map(char::len_utf8).sum() } else { letter.len_utf8() };
        rest = &after[length..];
        if letter == '%' {
            push_text(&mut pieces, "%");
            continue;
        }
        pieces.push(Piece::Variable(apache_meaning(letter, argument)));
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn apache_meaning(letter: char, argument: Option<&str>) -> Option<Meaning> {
    let field = match (letter, argument) {
        ('h' | 'a', _) => Field::Client,
        ('u', _) => Field::User,
        ('t', None) => Field::Time,
        ('t', Some(format)) => {
            let format = format.trim_start_matches("begin:").trim_start_matches("end:");
            return Some(match format {
                "sec" | "msec" | "usec" | "" => Meaning::Field(Field::Time),
                "msec_frac" | "usec_frac" => return None,
                format => Meaning::Time(format.to_owned()),
            });
        }
        ('r', _) => Field::Request,
        ('m', _) => Field::Method,
        ('U', _) => Field::Path,
        ('q', _) => Field::Query,
        ('s', _) => Field::Status,
        ('b' | 'B' | 'O', _) => Field::Bytes,
        ('D', _) => Field::Duration(1_000),
        ('T', Some("ms")) => Field::Duration(1_000_000),
        ('T', Some("us")) => Field::Duration(1_000),
        ('T', _) => Field::Duration(1_000_000_000),
        ('v' | 'V', _) => Field::Host,
        ('i', Some(name)) => match name.to_ascii_lowercase().as_str() {
            "host" => Field::Host,
            "user-agent" => Field::Agent,
            "x-forwarded-for" => Field::Forwarded,
            "referer" | "cookie" => return None,
            _ => return Some(Meaning::Header(name.to_owned())),
        },
        _ => return None,
    };
    Some(Meaning::Field(field))
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

impl LogFormat {
    /// Reads a line.
    pub(crate) fn row(&self, line: usize, text: &str) -> Parsed {
        let mut draft = Draft { escaped: true, at_end: self.at_end, ..Draft::default() };
        let mut rest = text.trim_end_matches(['\r', '\n']);
        for (number, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    // Spaces at the end of a line are often removed.
                    let last = number + 1 == self.pieces.len();
                    let text = if last { text.trim_end() } else { text };
                    rest = rest.strip_prefix(text).ok_or_else(|| unreadable(self.mismatch(text)))?;
                }
                Piece::Variable(meaning) => {
                    let (value, next) = match self.pieces.get(number + 1) {
                        Some(Piece::Text(until)) => {
                            let end = self.end_of(rest, until, number);
                            rest.split_at(end.ok_or_else(|| unreadable(self.mismatch(until)))?)
                        }
                        _ => (rest, ""),
                    };
                    rest = next;
                    if let Some(meaning) = meaning {
                        take(&mut draft, meaning, value).map_err(unreadable)?;
                    }
                }
            }
        }
        draft.row(line)
    }

    /// Returns where the text `until`, which follows a variable, begins.
    fn end_of(&self, rest: &str, until: &str, number: usize) -> Option<usize> {
        let is_last = number + 2 == self.pieces.len();
        let until = if is_last { until.trim_end() } else { until };
        let opened = match number.checked_sub(1).map(|before| &self.pieces[before]) {
            Some(Piece::Text(text)) => text.chars().next_back(),
            _ => None,
        };
        let quoted = opened == Some('"') && until.starts_with('"');
        let meaning = match &self.pieces[number] {
            Piece::Variable(Some(meaning)) => Some(meaning),
            _ => None,
        };
        let fits = |at: &usize| match meaning {
            _ if quoted => rest[..*at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0,
            // Times have spaces, and brackets of their own.
            Some(Meaning::Field(Field::Time)) => read_time(&rest[..*at]).is_ok(),
            Some(Meaning::Time(format)) => read_time_as(format, &rest[..*at]).is_ok(),
            // Lists of nginx have spaces after their commas and around their colons.
            Some(Meaning::Field(Field::Upstream(_))) => {
                !rest[..*at].ends_with([',', ':']) && !rest[*at..].starts_with(" : ")
            }
            _ => true,
        };
        let ends = || rest.match_indices(until).map(|(at, _)| at);
        // Of a time that cannot be read, the first end gives the message.
        ends().take(64).find(fits).or_else(|| ends().next().filter(|_| !quoted))
    }

    fn mismatch(&self, text: &str) -> String {
        format!("does not follow the log format: `{}` is missing", text.trim())
    }
}

fn take<'a>(draft: &mut Draft<'a>, meaning: &Meaning, value: &'a str) -> Result<(), String> {
    match meaning {
        Meaning::Field(Field::Client) if draft.client.is_some() => Ok(()),
        Meaning::Field(Field::Query) => {
            put(draft, Field::Query, Cow::Borrowed(value.trim_start_matches('?')))
        }
        Meaning::Field(field) => put(draft, *field, Cow::Borrowed(value)),
        Meaning::Header(name) if matches!(value, "" | "-") || name.is_empty() => Ok(()),
        Meaning::Header(name) => {
            draft.headers.push((name.clone(), value.to_owned()));
            Ok(())
        }
        Meaning::Time(format) => {
            draft.stamp = Some(read_time_as(format, value)?);
            Ok(())
        }
    }
}

fn read_time(value: &str) -> Result<Stamp, String> {
    stamp::of_text(value.trim().trim_start_matches('[').trim_end_matches(']'))
}

fn read_time_as(format: &str, value: &str) -> Result<Stamp, String> {
    let nanos = match jiff::Zoned::strptime(format, value) {
        Ok(zoned) => zoned.timestamp().as_nanosecond(),
        Err(_) => {
            let local = jiff::civil::DateTime::strptime(format, value)
                .map_err(|_| format!("`{value}` is not a time in the format `{format}`"))?;
            let utc = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
            utc.timestamp().as_nanosecond()
        }
    };
    Ok(Stamp { nanos, style: Style::Zoned })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Span;

    fn read(format: &str, line: &str) -> crate::row::Row {
        let format: LogFormat = format.parse().unwrap_or_else(|error| panic!("{error}"));
        format.row(1, line).unwrap_or_else(|skip| panic!("{skip:?}"))
    }

    #[test]
    fn a_format_of_nginx_is_followed_with_its_attempts() {
        let format = r#"log_format up '$remote_addr - $remote_user [$time_iso8601] "$request" '
            '$status $body_bytes_sent "$http_user_agent" $request_time '
            '$upstream_addr $upstream_status $upstream_response_time';"#;
        let line = r#"10.0.0.9 - ada [2024-10-10T13:55:36+00:00] "GET /a?q=\x22 HTTP/1.1" 200 5 "an \"agent\"" 0.250 10.0.0.1:80, 10.0.0.2:80 502, 200 0.050, 0.200"#;
        let row = read(format, line).entry;
        assert_eq!((row.method.as_str(), row.target.as_str(), row.status), ("GET", "/a?q=%22", Some(200)));
        assert_eq!((row.user.as_deref(), row.user_agent.as_deref()), (Some("ada"), Some("an \"agent\"")));
        assert_eq!(row.duration, Some(Span::from_millis(250)));
        let attempts: Vec<_> =
            row.attempts.iter().map(|one| (one.backend.as_str(), one.status, one.whole)).collect();
        let ms = |ms| Some(Span::from_millis(ms));
        assert_eq!(attempts, [("10.0.0.1:80", Some(502), ms(50)), ("10.0.0.2:80", Some(200), ms(200))]);
    }

    #[test]
    fn a_format_of_apache_is_followed_with_its_own_times() {
        let format = r#"LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D \"%{X-Forwarded-For}i\" %{X-Tenant}i" full"#;
        let line = r#"shop.example:443 10.0.0.9 - - [10/Oct/2024:13:55:36 +0000] "POST /b HTTP/1.1" 201 7 "-" "app/1" 1500 "203.0.113.9, 10.0.0.1" blue"#;
        let row = read(format, line).entry;
        assert_eq!((row.host.as_deref(), row.client.as_deref()), (Some("shop.example"), Some("203.0.113.9")));
        assert_eq!(row.duration, Some(Span::from_micros(1500)));
        assert_eq!(row.headers, [("X-Tenant".to_owned(), "blue".to_owned())]);
        let row = read("%{%Y-%m-%d %T}t %m %U%q %s", "2024-10-10 13:55:36 GET /a?b=1 200");
        assert_eq!(row.stamp.map(|stamp| stamp.nanos), Some(1_728_568_536_000_000_000));
    }

    #[test]
    fn formats_that_cannot_be_followed_are_refused() {
        for (format, reason) in [
            ("$remote_addr$request", "nothing between them"),
            ("$remote_addr [$time_local]", "logs no request"),
            ("%h %{Referer", "without its `}`"),
            ("$request ${status", "without its `}`"),
            ("$request $ x", "without a name"),
            ("%r %", "ends with a `%`"),
        ] {
            let error = format.parse::<LogFormat>().expect_err(format);
            assert!(error.contains(reason), "{format}: {error}");
        }
    }
}
