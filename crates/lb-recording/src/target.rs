//! Turns request lines and URLs into methods, hosts and request targets.

use std::borrow::Cow;
use std::fmt::Write;

/// Methods that a replay can send (RFC 9110, 9.3, and RFC 5789); `CONNECT` and `TRACE` concern the
/// connection, not a resource.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Splits a request line, `METHOD target HTTP/1.1`, into its method and its target. Requests of HTTP/0.9 do not have a
/// version. `None` if it is not a request line.
pub(crate) fn split_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let is_token =
        !method.is_empty() && method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let rest = rest.trim();
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target.trim_end(),
        Some(_) => return None,
        None if rest.starts_with("HTTP/") => return None,
        None => rest,
    };
    (is_token && !target.is_empty()).then_some((method, target))
}

/// Undoes the escapes of nginx and Apache in a field of a log: `\xHH`, `\"`, `\\`, `\t` and the like.
pub(crate) fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('\\') {
        return Cow::Borrowed(text.as_bytes());
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (meant, length) = match bytes.get(at) {
            Some(b'x') => match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
                (Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
                _ => (b'\\', 0),
            },
            Some(b't') => (b'\t', 1),
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b'v') => (0x0b, 1),
            Some(b'b') => (0x08, 1),
            Some(escaped @ (b'"' | b'\\' | b'\'')) => (*escaped, 1),
            _ => (b'\\', 0),
        };
        out.push(meant);
        at += length;
    }
    Cow::Owned(out)
}

/// Returns the host of a URL, with its port; `None` if it names none.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = split_scheme(url)?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    (!host.is_empty()).then_some(host)
}

fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((scheme, rest))
}

/// Returns the path and query of a URL, ready to be sent: bytes that a request target may not hold are
/// percent-encoded (RFC 3986, 3.3 and 3.4). Errors say what is wrong.
pub(crate) fn request_target(url: &[u8]) -> Result<String, String> {
    let url = url.trim_ascii();
    let shown = || String::from_utf8_lossy(url).chars().take(60).collect::<String>();
    let path = match std::str::from_utf8(url).ok().and_then(split_scheme) {
        Some((scheme, rest)) => {
            if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                return Err(format!("`{}` is not an HTTP address", shown()));
            }
            rest.find(['/', '?', '#']).map_or(&b"/"[..], |end| &rest.as_bytes()[end..])
        }
        None => url,
    };
    let path = path.split(|byte| *byte == b'#').next().unwrap_or_default();
    if url.is_empty() || path == b"*" {
        return Err(format!("`{}` is not a path; use one such as `/api/items`", shown()));
    }
    let mut target = String::with_capacity(path.len() + 1);
    if !path.starts_with(b"/") {
        target.push('/');
    }
    for (at, byte) in path.iter().enumerate() {
        let is_escape = |byte: &u8| byte.is_ascii_hexdigit();
        match byte {
            b'%' if !path.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(is_escape)) => {
                target.push_str("%25");
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                let _ = write!(target, "%{byte:02X}");
            }
            byte if byte.is_ascii_graphic() => target.push(char::from(*byte)),
            byte => {
                let _ = write!(target, "%{byte:02X}");
            }
        }
    }
    Ok(target)
}

/// Returns whether a name and value can be sent as a header field.
pub(crate) fn is_field(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token) && !value.chars().any(char::is_control)
}

/// Header fields that belong to a connection or to the length of a message. They are not replayed.
pub(crate) fn is_of_connection(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "content-length",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    // Names with a colon are the pseudo-fields of HTTP/2, which browsers export.
    name.starts_with(':') || NAMES.iter().any(|own| name.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_scheme_and_host_and_what_may_not_be_sent_is_encoded() {
        for (url, target) in [
            ("http://localhost:8080/api/v1/item?x=1", "/api/v1/item?x=1"),
            ("https://host", "/"),
            ("http://host?x=1", "/?x=1"),
            ("/api/v1/item#top", "/api/v1/item"),
            ("api/v1/item", "/api/v1/item"),
            ("/café au lait", "/caf%C3%A9%20au%20lait"),
            ("/go?to=http://other/", "/go?to=http://other/"),
            ("/s?q=<b>\"", "/s?q=%3Cb%3E%22"),
            ("/a%20b%zz%", "/a%20b%25zz%25"),
            ("/[x]'~!$&()*+,;=:@", "/[x]'~!$&()*+,;=:@"),
        ] {
            assert_eq!(request_target(url.as_bytes()).as_deref(), Ok(target), "{url}");
        }
        assert_eq!(request_target(b"/caf\xe9").as_deref(), Ok("/caf%E9"));
        for url in ["", "ftp://host/x", "*"] {
            request_target(url.as_bytes()).expect_err(url);
        }
        assert_eq!(host_of("http://u:p@shop.example:81/a?b"), Some("shop.example:81"));
        assert_eq!(host_of("/a"), None);
    }

    #[test]
    fn request_lines_are_told_from_what_else_clients_send() {
        assert_eq!(split_line("GET /a HTTP/1.1"), Some(("GET", "/a")));
        assert_eq!(split_line("GET /a"), Some(("GET", "/a")));
        assert_eq!(split_line("GET /a b HTTP/1.1"), Some(("GET", "/a b")));
        for line in ["-", "", "\\x16\\x03\\x01", "GET", "GET  HTTP/1.1", "get /a HTTP/1.1", "SSH-2.0-Go a b"]
        {
            assert_eq!(split_line(line), None, "{line}");
        }
    }

    #[test]
    fn escapes_of_logs_are_undone() {
        assert_eq!(unescape(r"/caf\xC3\xA9?q=\x22a\x22").as_ref(), "/café?q=\"a\"".as_bytes());
        assert_eq!(unescape(r#"\"\\\t\q\x4"#).as_ref(), b"\"\\\t\\q\\x4");
        assert_eq!(unescape("plain").as_ref(), b"plain");
    }
}
