//! The cookies of one virtual user, kept for a session as a browser keeps them (RFC 6265).
//!
//! A user talks to one origin only, so a cookie belongs to a path there. Of its attributes, `Path`, `Max-Age`,
//! `Expires`, `Domain` and `Secure` decide whether it is kept and sent.

use cookie::Cookie;
use cookie::time::OffsetDateTime;
use lb_core::workload::SessionKey;

/// The most cookies of one user; browsers keep at least 50 for a domain. Further ones replace the oldest.
const MOST: usize = 50;
/// The longest name and value together that are kept, as in browsers.
const LONGEST: usize = 4096;

/// Where the requests of a user go, which decides about cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// The host without its port, in lower case.
    pub(crate) host: String,
    /// Whether the connection is encrypted.
    pub(crate) secure: bool,
}

/// A cookie of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    name: String,
    value: String,
    path: String,
}

/// The cookies of one user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar {
    /// The session that the cookies belong to; `None` before the first.
    session: Option<SessionKey>,
    kept: Vec<Kept>,
}

impl Jar {
    /// Forgets all cookies if a new session began.
    #[inline]
    pub(crate) fn enter(&mut self, session: SessionKey) {
        if self.session != Some(session) {
            self.session = Some(session);
            self.kept.clear();
        }
    }

    /// Takes the value of a `set-cookie` header of a reply to a request for `path`. Returns false if it is no
    /// cookie, or not one for this site.
    pub(crate) fn take(&mut self, header: &[u8], site: &Site, path: &str) -> bool {
        let Some(cookie) =
            std::str::from_utf8(header).ok().and_then(|text| Cookie::parse(text.to_owned()).ok())
        else {
            return false;
        };
        if cookie.name().is_empty() || cookie.name().len() + cookie.value().len() > LONGEST {
            return false;
        }
        let foreign = cookie.domain().is_some_and(|domain| !belongs(&site.host, domain));
        if foreign || (cookie.secure() == Some(true) && !site.secure) {
            return false;
        }
        let path = cookie
            .path()
            .filter(|path| path.starts_with('/'))
            .unwrap_or_else(|| default_path(path))
            .to_owned();
        self.kept.retain(|kept| kept.name != cookie.name() || kept.path != path);
        let lasting = cookie.max_age().is_none_or(|age| age.is_positive());
        let expired = cookie.max_age().is_none()
            && cookie.expires_datetime().is_some_and(|until| until <= OffsetDateTime::now_utc());
        if lasting && !expired {
            if self.kept.len() == MOST {
                self.kept.remove(0);
            }
            self.kept.push(Kept { name: cookie.name().to_owned(), value: cookie.value().to_owned(), path });
        }
        true
    }

    /// Writes the `cookie` header of a request for `path`; nothing if no cookie belongs to it. Cookies with longer
    /// paths come first.
    pub(crate) fn write(&self, path: &str, out: &mut Vec<u8>) {
        let mut fitting: Vec<&Kept> = self.kept.iter().filter(|kept| covers(&kept.path, path)).collect();
        fitting.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        for (place, kept) in fitting.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b"cookie: " } else { b"; " });
            out.extend_from_slice(kept.name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(kept.value.as_bytes());
        }
        if !fitting.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Returns the value of the cookie `name` in requests for `path`; `None` if none is sent.
    pub(crate) fn value(&self, name: &str, path: &str) -> Option<&str> {
        let fitting = self.kept.iter().filter(|kept| kept.name == name && covers(&kept.path, path));
        fitting.max_by_key(|kept| kept.path.len()).map(|kept| kept.value.as_str())
    }

    /// Returns whether there is no cookie.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Returns whether a cookie for `domain` belongs to `host`.
fn belongs(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Returns the path of a cookie without a `Path`: that of the request up to its last slash.
fn default_path(request: &str) -> &str {
    let path = request.split('?').next().unwrap_or(request);
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

/// Returns whether a cookie with this path is sent with a request.
fn covers(path: &str, request: &str) -> bool {
    let request = request.split('?').next().unwrap_or(request);
    match request.strip_prefix(path) {
        Some(rest) => path.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site { host: "shop.example".to_owned(), secure: false }
    }

    fn sent(jar: &Jar, path: &str) -> String {
        let mut out = Vec::new();
        jar.write(path, &mut out);
        String::from_utf8(out).expect("headers are text")
    }

    fn jar(headers: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for header in headers {
            jar.take(header.as_bytes(), &site(), "/shop/cart?x=1");
        }
        jar
    }

    #[test]
    fn cookies_are_sent_back_to_their_paths() {
        let jar =
            jar(&["sid=1; Path=/; HttpOnly", "cart=2", "deep=3; Path=/shop/cart", "none=4; Path=/other"]);
        assert_eq!(sent(&jar, "/shop/cart/items"), "cookie: deep=3; cart=2; sid=1\r\n");
        assert_eq!(
            sent(&jar, "/shop/"),
            "cookie: cart=2; sid=1\r\n",
            "its path is that of the request by default"
        );
        assert_eq!(sent(&jar, "/shopping"), "cookie: sid=1\r\n", "a path ends at a slash");
        assert_eq!(sent(&Jar::default(), "/"), "", "no cookie, no header");
        assert_eq!(jar.value("cart", "/shop/"), Some("2"));
        assert_eq!(jar.value("cart", "/"), None, "it is not sent there");
    }

    #[test]
    fn a_cookie_is_replaced_deleted_and_expires() {
        assert_eq!(sent(&jar(&["a=1; Path=/", "a=2; Path=/"]), "/"), "cookie: a=2\r\n");
        for gone in ["a=; Path=/; Max-Age=0", "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert_eq!(sent(&jar(&["a=1; Path=/", gone]), "/"), "", "{gone}");
        }
        let later = "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60";
        assert_eq!(sent(&jar(&[later]), "/"), "cookie: a=1\r\n", "Max-Age goes before Expires");
    }

    #[test]
    fn what_is_no_cookie_of_this_site_is_not_taken() {
        let long = format!("a={}", "x".repeat(LONGEST));
        for header in ["", "=value", "nonsense", "a=1; Domain=other.example", "a=1; Secure", long.as_str()] {
            let mut jar = Jar::default();
            assert!(!jar.take(header.as_bytes(), &site(), "/"), "{header:.30}");
            assert!(jar.is_empty(), "{header:.30}");
        }
        assert_eq!(sent(&jar(&["a=1; Path=/; Domain=.Shop.Example"]), "/"), "cookie: a=1\r\n");
        let mut encrypted = Jar::default();
        assert!(encrypted.take(b"a=1; Secure; Path=/", &Site { secure: true, ..site() }, "/"));
    }

    #[test]
    fn a_new_session_has_no_cookies_and_one_user_not_too_many() {
        let mut jar = jar(&["a=1; Path=/"]);
        jar.enter(SessionKey(1));
        assert!(jar.is_empty(), "the first session begins without");
        jar.take(b"a=1; Path=/", &site(), "/");
        jar.enter(SessionKey(1));
        assert!(!jar.is_empty(), "the same session goes on");
        jar.enter(SessionKey(2));
        assert!(jar.is_empty());
        for number in 0..=MOST {
            jar.take(format!("c{number}=1; Path=/").as_bytes(), &site(), "/");
        }
        let sent = sent(&jar, "/");
        assert!(
            !sent.contains("c0=1") && sent.contains("c1=1") && sent.contains(&format!("c{MOST}=1")),
            "{sent}"
        );
    }
}
